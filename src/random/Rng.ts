/**
 * What a stage draws from: a generator that stands at a seed.
 *
 * @since 0.1.0
 */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { making, type Rng } from "./generators/Generator.ts"
import { algorithm as philox } from "./generators/Philox4x32.ts"
import { algorithm as xoshiro } from "./generators/Xoshiro128.ts"
import type { Seed } from "./Seed.ts"

export { type ChoiceOptions, Rng, register } from "./generators/Generator.ts"

/**
 * The generator that `seed` starts. Throws `InvalidOption` for an algorithm that nobody registered, for words that are
 * none of 32 bits, or for words that its algorithm does not take. `NumPy`, `PyTorch` and `CPython` register their own; a
 * bundle holds those of them that it uses.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: (seed: Seed) => Rng = /* @__PURE__ */ making(philox, xoshiro)

/**
 * `rng` as Effect's `Random` service, so that an effect run with it draws from the pipeline's stream.
 *
 * @example
 * import { Effect, Random } from "effect"
 * import { Rng } from "furrow"
 *
 * const rng = Rng.make({ algorithm: "xoshiro128**", words: [1, 2, 3, 4] })
 * const roll = Random.nextIntBetween(1, 7).pipe(Effect.withRandom(Rng.toRandom(rng)))
 * console.assert(Effect.runSync(roll) >= 1)
 *
 * @category conversions
 * @since 0.1.0
 */
export const toRandom = (rng: Rng): Random.Random => ({
  // Effect marks a service of its own by this field.
  [Random.RandomTypeId]: Random.RandomTypeId,
  next: Effect.sync(() => rng.double()),
  nextBoolean: Effect.sync(() => rng.bernoulli(0.5)),
  nextInt: Effect.sync(() => rng.integer(Number.MAX_SAFE_INTEGER)),
  nextRange: (min, max) => Effect.sync(() => rng.uniform(min, max)),
  nextIntBetween: (min, max) => Effect.sync(() => min + rng.integer(max - min)),
  shuffle: (elements) => Effect.sync(() => Chunk.unsafeFromArray(rng.shuffle(Array.from(elements))))
})
