/**
 * The order of one epoch.
 *
 * @since 0.1.0
 */
import type { Rng } from "../seeding/Rng.ts"

/**
 * Gives the order of an epoch as a pure function of the epoch's seed and the dataset's size. `R` is `SeedPolicy` when
 * the order is drawn, `never` when it is not.
 *
 * @since 0.1.0
 */
export interface Sampler<out R = never> {
  readonly name: string
  /** Whether the order hangs on the seed. */
  readonly draws: boolean
  /** Whether an epoch visits an index at most once. */
  readonly distinct: boolean
  /** How many samples an epoch has over a dataset of `size`. */
  readonly count: (size: number) => number
  /** From a position, 0 … `count(size) − 1`, to a dataset index. `rng` stands at the epoch's seed. */
  readonly order: (size: number, rng: Rng) => (position: number) => number
  /** Never there; holds `R` in the type. */
  readonly _R?: (_: never) => R
}
