/**
 * Layered test doubles for seeding. Each is a layer of `SeedPolicy`: it swaps in with `Effect.provide`, and the pipeline
 * under test stays the one in production.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import { InvalidOption } from "./core/InvalidOption.ts"
import { isOptions } from "./core/Options.ts"
import { shown } from "./core/Show.ts"
import { block } from "./random/generators/Philox.ts"
import { algorithm as xoshiro } from "./random/generators/Xoshiro128.ts"
import * as Seed from "./random/Seed.ts"
import { servicesOf } from "./scheduler/loader/RunServices.ts"
import { around } from "./seeding/Around.ts"
import type { Coordinates } from "./seeding/Coordinates.ts"
import { coordinates, seedAt } from "./seeding/Request.ts"
import { epochWorker, fromFunction, SeedPolicy } from "./seeding/SeedPolicy.ts"
import { type Draw, ownPolicy, refused, type Service } from "./seeding/Service.ts"
import { drawsAt, pack, type Script, stagesOf } from "./testing/Script.ts"

export type { Draw } from "./seeding/Service.ts"
export { type Script, ScriptExhausted, ScriptMismatch } from "./testing/Script.ts"

/** The policy that a double wraps by default. */
const usual = <Out, E, R>(): Layer.Layer<SeedPolicy | Out, E, R> => {
  const policy: Layer.Layer<SeedPolicy> = Layer.orDie(epochWorker({ seed: 0 }))
  return policy as Layer.Layer<SeedPolicy | Out, E, R> // Out is never: no argument says otherwise
}

/** Returns the layer with a changed policy. */
const over = <E, R, Out>(
  inner: Layer.Layer<SeedPolicy | Out, E, R>,
  change: (inner: Service) => Service
): Layer.Layer<SeedPolicy | Out, E, R> => around(inner, (own) => Context.make(SeedPolicy, ownPolicy(change(own))))

/**
 * One start state for all coordinates: every sample, worker and epoch draws the same numbers. It is the bug that Furrow
 * prevents, for tests that want it: equal inputs give equal outputs, and an audit finds repeats.
 *
 * Fails with `SeedError` if the seed is invalid.
 *
 * @example
 * import { Effect } from "effect"
 * import { Dataset, Pipeline, Scheduler } from "furrow"
 * import { constant } from "furrow/testing"
 *
 * const pipeline = Pipeline.from(Dataset.fromArray([0, 0])).pipe(
 *   Pipeline.augment("noise", (x, rng) => x + rng.normal()),
 *   Pipeline.batch(2)
 * )
 * const at = (position: number) => Scheduler.replay(pipeline, { epoch: 0, position, workers: 1 })
 * const both = Effect.all([at(0), at(1)]).pipe(Effect.provide(constant(7)))
 * const [first, second] = Effect.runSync(both)
 * console.assert(JSON.stringify(first) === JSON.stringify(second))
 *
 * @category constructors
 * @since 0.1.0
 */
export const constant = (seed: Seed.RootInput = 0): Layer.Layer<SeedPolicy, Seed.SeedError> =>
  Layer.unwrapEffect(
    Effect.map(Seed.root(seed), ({ high, low, text }) => {
      // Through Philox as any other start state: near words of xoshiro128** give near draws at first.
      const words = new Uint32Array(4)
      block(0, 0, 0, 0, low, high, words, 0)
      const start: Seed.Seed = { algorithm: xoshiro, words: Array.from(words) }
      return fromFunction("constant", () => start, { seed: text, elastic: true })
    })
  )

/**
 * Numbers from a script instead of a generator. A script lists what the primitive draws return, one number per call:
 * `word`, `float`, `double`, `integer` and `standardNormal`. All other methods are built from these: `uniform(a, b)` scales
 * a `double`, `bernoulli(p)` compares a `float`, `normal(m, s)` scales a `standardNormal`, `between`, `shuffle` and
 * `permutation` take `integer`s, `choice` takes `integer`s or, with weights, `double`s.
 *
 * Each sample starts the script from its beginning. A script that runs out is a {@link ScriptExhausted}, a number that the
 * call cannot return a {@link ScriptMismatch}; both are the `cause` of the stage's `StageError`. Forks of a scripted stream
 * are ordinary streams, a different one for each sample. What the script leaves out, such as the order of an epoch (stage
 * `sample`), is seeded by `rest` (default `epochWorker({ seed: 0 })`): `{ crop: [4, 4] }` changes neither the shuffle nor
 * other stages. If the script is a function and throws, the run fails with a `CoordinatesError`. A script for a stage that
 * the pipeline does not have, or that does not draw, is an `InvalidOption` when the run is opened.
 *
 * @example
 * import { Effect, Option } from "effect"
 * import { Dataset, Pipeline, Scheduler } from "furrow"
 * import { scripted } from "furrow/testing"
 *
 * const pipeline = Pipeline.from(Dataset.fromArray([10, 20])).pipe(
 *   Pipeline.augment("shift", (x, rng) => x + rng.integer(9)),
 *   Pipeline.batch(2)
 * )
 * const sample = Scheduler.replay(pipeline, { epoch: 0, position: 1, workers: 1 })
 * const shifted = Effect.runSync(sample.pipe(Effect.provide(scripted({ shift: [4] }))))
 * console.assert(Option.getOrNull(shifted) === 24)
 *
 * @category layers
 * @since 0.1.0
 */
export const scripted = <E = never, R = never, Out = never>(
  script: Script,
  rest: Layer.Layer<SeedPolicy | Out, E, R> = usual()
): Layer.Layer<SeedPolicy | Out, E, R> => {
  const named = stagesOf(script)
  return over(rest, (inner) => ({
    ...inner,
    name: "scripted",
    ...(named === undefined ? {} : { names: [...(inner.names ?? []), ...named] }),
    seeds: (request) => {
      const own: Array<Seed.Seed | undefined> = []
      for (let row = 0; row < request.indices.length; row++) {
        const at = coordinates(request, row)
        try {
          const draws = drawsAt(script, at)
          own.push(draws === undefined ? undefined : pack(draws, at))
        } catch (thrown) {
          const reason = `the script threw ${shown(thrown)}`
          return refused({ name: "scripted", seed: inner.seed }, request, reason, row)
        }
      }
      // `rest` is not asked if the script has all rows, so that coordinates that do not fit it can be scripted.
      if (own.every((seed) => seed !== undefined)) return Either.right({ _tag: "Listed", seeds: own })
      return Either.flatMap(inner.seeds(request), (others): ReturnType<Service["seeds"]> => {
        if (others._tag === "Carried") {
          if (own.every((seed) => seed === undefined)) return Either.right(others)
          const reason = `under ${inner.name}, whose streams go on, it must give draws to all samples of a stage or none`
          return refused({ name: "scripted", seed: inner.seed }, request, reason, own.indexOf(undefined))
        }
        return Either.right({ _tag: "Listed", seeds: own.map((seed, row) => seed ?? seedAt(others, row)) })
      })
    }
  }))
}

/**
 * What a {@link recording} policy has recorded.
 *
 * @category services
 * @since 0.1.0
 */
export class Recording extends Context.Tag("furrow/testing/Recording")<
  Recording,
  {
    /**
     * All draws of the batches built so far, in the order of (epoch, rank, batch, sample, stage), so that the list does
     * not depend on timing: the order of an epoch comes first, the draws of stages after `batch` come last in their batch.
     * Batches that were built ahead and not taken are included; those that failed are not.
     */
    readonly draws: Effect.Effect<ReadonlyArray<Draw>>
  }
>() {}

/**
 * Seeds as `policy` does (default `epochWorker({ seed: 0 })`) and keeps every draw with its coordinates, readable after
 * the run through {@link Recording}. Slow, and it holds all of it in memory: for tests.
 *
 * @example
 * import { Effect, Stream } from "effect"
 * import { Dataset, Pipeline, Scheduler, Workers } from "furrow"
 * import { Recording, recording } from "furrow/testing"
 *
 * const pipeline = Pipeline.from(Dataset.range(4)).pipe(
 *   Pipeline.augment("flip", (x, rng) => (rng.bernoulli(0.5) ? -x : x)),
 *   Pipeline.batch(2)
 * )
 * const program = Effect.gen(function* () {
 *   yield* Stream.runDrain(Scheduler.stream(pipeline, { epochs: 1 }))
 *   return yield* (yield* Recording).draws
 * })
 * const draws = await program.pipe(Effect.provide(recording()), Effect.provide(Workers.fibers({ workers: 2 })), Effect.runPromise)
 * console.assert(draws.map(({ coordinates }) => coordinates.index).join() === "0,1,2,3")
 *
 * @category layers
 * @since 0.1.0
 */
export const recording = <E = never, R = never, Out = never>(
  policy: Layer.Layer<SeedPolicy | Out, E, R> = usual()
): Layer.Layer<SeedPolicy | Recording | Out, E, R> =>
  around(policy, (inner) => {
    const all: Array<Draw> = []
    const record = (own: ReadonlyArray<Draw>): void => {
      for (const draw of own) all.push(draw)
      inner.record?.(own)
    }
    const draws = Effect.sync(() => all.toSorted(byCoordinates))
    return Context.make(SeedPolicy, { ...inner, record }).pipe(Context.add(Recording, { draws }))
  })

/**
 * The draws that a run of `furrow` has recorded, for tests without Effect: all of the batches built so far, in the order
 * that {@link Recording} describes. Rejects with `RunNotOpen` before the run has begun, and with `InvalidOption` where its
 * policy is not a {@link recording}.
 *
 * @example
 * import { Dataset, furrow, Pipeline } from "furrow"
 * import { recorded, recording } from "furrow/testing"
 *
 * const pipeline = Pipeline.from(Dataset.range(4)).pipe(
 *   Pipeline.augment("flip", (x, rng) => (rng.bernoulli(0.5) ? -x : x)),
 *   Pipeline.batch(2)
 * )
 * const run = furrow(pipeline, { policy: recording(), workers: 2, epochs: 1 })
 * for await (const batch of run) console.assert(batch.size === 2)
 * const draws = await recorded(run)
 * console.assert(draws.map(({ coordinates }) => coordinates.index).join() === "0,1,2,3")
 *
 * @category getters
 * @since 0.1.0
 */
export const recorded = async (run: object): Promise<ReadonlyArray<Draw>> => {
  const recording = Context.getOption(servicesOf(run, "what was recorded"), Recording)
  if (recording._tag === "Some") return Effect.runPromise(recording.value.draws)
  throw new InvalidOption({ option: "policy", value: undefined, expected: "recording(), for its draws to be read" })
}

/** By coordinates. The sort is stable, so the draws of one sample keep the order of its stages. */
const byCoordinates = ({ coordinates: a }: Draw, { coordinates: b }: Draw): number =>
  a.epoch - b.epoch ||
  level(a, "epoch") - level(b, "epoch") ||
  a.rank - b.rank ||
  a.batch - b.batch ||
  level(b, "batch") - level(a, "batch") ||
  (a.scope === "sample" ? a.position - b.position || (a.child ?? 0) - (b.child ?? 0) : 0)

/** 0 for coordinates of that scope, 1 for all others. */
const level = ({ scope }: Coordinates, own: Coordinates["scope"]): number => (scope === own ? 0 : 1)

/**
 * Refuses a seed, with a `CoordinatesError`, at the coordinates that `at` matches: a function, or some of their fields
 * (`{ epoch: 1, index: 7 }`; a stage by its name). A field matches only where it has a meaning: `{ index: 0 }` matches
 * samples, never a batch or the order of an epoch. All others are seeded by `rest` (default `epochWorker({ seed: 0 })`).
 * Throws `InvalidOption` if `at` has no field, or one that coordinates do not have; a stage that does not draw in the
 * pipeline is an `InvalidOption` when the run is opened.
 *
 * @example
 * import { Effect } from "effect"
 * import { Dataset, Pipeline, Scheduler } from "furrow"
 * import { failing } from "furrow/testing"
 *
 * const pipeline = Pipeline.from(Dataset.range(4)).pipe(
 *   Pipeline.augment("flip", (x, rng) => (rng.bernoulli(0.5) ? -x : x)),
 *   Pipeline.batch(2)
 * )
 * const sample = Scheduler.replay(pipeline, { epoch: 0, position: 3, workers: 1 })
 * const error = Effect.runSync(Effect.flip(sample.pipe(Effect.provide(failing({ stage: "flip", index: 3 })))))
 * console.assert(error._tag === "CoordinatesError")
 *
 * @category layers
 * @since 0.1.0
 */
export const failing = <E = never, R = never, Out = never>(
  at: PartialCoordinates | ((coordinates: Coordinates) => boolean),
  rest: Layer.Layer<SeedPolicy | Out, E, R> = usual()
): Layer.Layer<SeedPolicy | Out, E, R> => {
  const matches = typeof at === "function" ? at : matching(at)
  const stage = typeof at === "function" ? undefined : at.stage
  return over(rest, (inner) => ({
    ...inner,
    name: "failing",
    ...(stage === undefined ? {} : { names: [...(inner.names ?? []), stage] }),
    seeds: (request) => {
      const refuse = (reason: string, row: number) =>
        refused({ name: "failing", seed: inner.seed }, request, reason, row)
      for (let row = 0; row < request.indices.length; row++) {
        const matched: unknown = matches(coordinates(request, row))
        if (matched === false) continue
        if (matched === true) return refuse("the test double `failing` refuses these coordinates", row)
        // A promise would count as true.
        return refuse(`the function of \`failing\` gave ${shown(matched)} instead of true or false`, row)
      }
      return inner.seeds(request)
    }
  }))
}

/** Some fields of coordinates; a stage by its name. @category models @since 0.1.0 */
export type PartialCoordinates = Partial<Omit<Coordinates, "stage">> & { readonly stage?: string }

/** The fields that have a meaning in each scope. */
const run = ["scope", "stage", "epoch", "world", "workers", "distinct"]
const made = [...run, "rank", "worker", "batch", "ordinal"]
const mixed = ["component", "pass"]
const fieldsOf = {
  epoch: [...run, ...mixed],
  batch: made,
  sample: [...made, ...mixed, "position", "index", "window", "child"]
}

const matching = (at: PartialCoordinates) => {
  const fields = isOptions(at) ? Object.entries(at) : []
  if (fields.length === 0 || fields.some(([field]) => !fieldsOf.sample.includes(field))) {
    throw new InvalidOption({
      option: "at",
      value: at,
      expected: `a function, or some of ${fieldsOf.sample.join(", ")}`
    })
  }
  return (own: Coordinates): boolean =>
    fields.every(
      ([field, value]) =>
        fieldsOf[own.scope].includes(field) && (field === "stage" ? own.stage.name : Reflect.get(own, field)) === value
    )
}
