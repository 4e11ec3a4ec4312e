/**
 * Independent draws, all indices with the same odds.
 *
 * @since 0.1.0
 */
import { whole } from "../core/Check.ts"
import { optionsOf } from "../core/Options.ts"
import { integer } from "../random/distributions/Bounded.ts"
import type { SeedPolicy } from "../seeding/SeedPolicy.ts"
import { ownSampler, type Sampler } from "./EpochOrder.ts"
import { PositionRng } from "./PositionRng.ts"

/** How many samples an epoch of independent draws has. @category options @since 0.1.0 */
export interface CountOptions {
  /** Samples an epoch, at least 1. Default: as many as the dataset has. */
  readonly count?: number
}

/**
 * Independent draws, each index with exactly the same odds each time: some come twice in an epoch, some not at all.
 * Throws `InvalidOption` unless `count` is a whole number of at least 1; an empty dataset, from which nothing can be
 * drawn, is refused likewise when the epoch is planned.
 *
 * @category constructors
 * @since 0.1.0
 */
export const withReplacement = (options: CountOptions = {}): Sampler<SeedPolicy> => {
  const count = optionalCount("Sampler.withReplacement", options)
  return ownSampler({
    name: "withReplacement",
    draws: true,
    distinct: false,
    parameters: { count },
    count: (size) => {
      notEmpty(size)
      return count ?? size
    },
    order: (size, rng) => {
      notEmpty(size)
      const words = new PositionRng(rng)
      return (position) => integer(words.at(position), size)
    }
  })
}

/** Returns the count in a sampler's options; throws `InvalidOption` if they are invalid. @since 0.1.0 */
export const optionalCount = (of: string, options: CountOptions): number | undefined => {
  const { count } = optionsOf(of, options, { count: true })
  return count === undefined ? undefined : whole("count", count, 1)
}

const notEmpty = (size: number): void => {
  whole("size of the dataset to draw from", size, 1)
}
