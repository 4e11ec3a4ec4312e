/**
 * A random order, each index once.
 *
 * @since 0.1.0
 */
import * as Permutation from "../random/Permutation.ts"
import type { SeedPolicy } from "../seeding/SeedPolicy.ts"
import { ownSampler, type Sampler } from "./EpochOrder.ts"

/**
 * Every index once, in an order redrawn each epoch. Up to 65,536 samples each order has the same odds, from a table
 * of 256 KiB at most; beyond, a keyed permutation gives the index at any position in some 50 to 130 ns and a hundred
 * bytes, at any size up to 2^53 − 1. See `Permutation`.
 *
 * @example
 * import { Rng, Sampler } from "furrow"
 *
 * const rng = Rng.make({ algorithm: "xoshiro128**", words: [1, 2, 3, 4] })
 * const order = Sampler.shuffle.order(5, rng)
 * console.assert([0, 1, 2, 3, 4].map(order).toSorted().join() === "0,1,2,3,4")
 *
 * @category constructors
 * @since 0.1.0
 */
export const shuffle: Sampler<SeedPolicy> = ownSampler({
  name: "shuffle",
  draws: true,
  distinct: true,
  parameters: {},
  count: (size) => size,
  order: (size, rng) => Permutation.make(size, rng).at
})
