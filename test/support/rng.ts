/**
 * Generators for tests: one a number, as unlike each other as Furrow's own.
 */
import { block } from "../../src/seeding/generators/Philox.ts"
import { Xoshiro128 } from "../../src/seeding/generators/Xoshiro128.ts"
import type { Rng } from "../../src/seeding/Rng.ts"

/** The generator of a number below 2^32. */
export const at = (seed: number): Rng => {
  const words = new Uint32Array(4)
  block(seed, 0, 0, 0, 7, 9, words, 0)
  return new Xoshiro128().reseed(words, 0)
}
