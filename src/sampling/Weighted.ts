/**
 * Independent draws by weight.
 *
 * @since 0.1.0
 */
import { InvalidOption } from "../core/InvalidOption.ts"
import { listOf } from "../core/Options.ts"
import type { SeedPolicy } from "../seeding/SeedPolicy.ts"
import * as Alias from "./Alias.ts"
import { ownSampler, type Sampler } from "./EpochOrder.ts"
import { PositionRng } from "./PositionRng.ts"
import { type CountOptions, optionalCount } from "./WithReplacement.ts"

/**
 * Independent draws with replacement, each index in proportion to its weight (as PyTorch's `WeightedRandomSampler`
 * with replacement): for classes of unequal size, or hard examples. A weight of 0 is never drawn. The weights are read
 * once, into a table of 12 bytes an index that all epochs share.
 *
 * Throws `InvalidOption` unless the weights are finite, at least 0 and not all 0, and `count` (default: as many as the
 * dataset has) is a whole number of at least 1. A dataset that has not one sample a weight is refused likewise when
 * the epoch is planned.
 *
 * @example
 * import { Rng, Sampler } from "furrow"
 *
 * const sampler = Sampler.weighted([0, 3, 1], { count: 1000 })
 * const order = sampler.order(3, Rng.make({ algorithm: "xoshiro128**", words: [1, 2, 3, 4] }))
 * console.assert(Array.from({ length: 1000 }, (_, position) => order(position)).every((index) => index > 0))
 *
 * @category constructors
 * @since 0.1.0
 */
export const weighted = (weights: ArrayLike<number>, options: CountOptions = {}): Sampler<SeedPolicy> => {
  const count = optionalCount("Sampler.weighted", options)
  const alias = Alias.make(listOf("the weights of Sampler.weighted", weights))
  // What is drawn depends on the table alone, so long weights need not be kept for the fingerprint's sake.
  const parameters = weights.length <= 8 ? { count, weights: Array.from(weights) } : { count, weights: { ...alias } }
  const matching = (size: number): void => {
    if (size === alias.own.length) return
    const expected = `one a sample of the dataset, ${size}`
    throw new InvalidOption({ option: "the number of weights", value: alias.own.length, expected })
  }
  return ownSampler({
    name: "weighted",
    draws: true,
    distinct: false,
    parameters,
    count: (size) => {
      matching(size)
      return count ?? size
    },
    order: (size, rng) => {
      matching(size)
      const words = new PositionRng(rng)
      return (position) => Alias.draw(alias, words.at(position))
    }
  })
}
