/**
 * The order of one epoch.
 *
 * A sampler answers for any position, in any order, at the same small cost, and holds no list of the epoch: that is
 * what lets several workers (or ranks, or a run resumed in the middle) each make their own batches without talking.
 * Which positions a rank or a worker makes is the scheduler's plan, not the sampler's: all of them see one order.
 *
 * @since 0.1.0
 */
import { whole } from "../core/Check.ts"
import { InvalidOption } from "../core/InvalidOption.ts"
import { listOf, optionsOf } from "../core/Options.ts"
import { type Parameters, samplerMade } from "../core/Parameters.ts"
import { integer } from "../random/distributions/Bounded.ts"
import * as Permutation from "../random/Permutation.ts"
import type { Rng } from "../random/Rng.ts"
import type { SeedPolicy } from "../seeding/SeedPolicy.ts"
import * as Alias from "./Alias.ts"
import { Places } from "./Places.ts"
import { samplerOf } from "./samplerOf.ts"

/**
 * Gives the order of an epoch as a pure function of the epoch's seed and the dataset's size. `R` is `SeedPolicy` when
 * the order is drawn, `never` when it is not.
 *
 * A sampler of your own is an object of this shape. `order` is where it may draw; what it gives is asked at any
 * position, in any order, any number of times. `count` and `order` throw `InvalidOption` for a size they cannot serve.
 * Declare in `parameters` what its order depends on, so that a run is not resumed under another one by accident.
 *
 * @example
 * import { Rng, Sampler } from "furrow"
 *
 * const backwards: Sampler.Sampler = {
 *   name: "backwards",
 *   draws: false,
 *   distinct: true,
 *   parameters: { version: 1 },
 *   count: (size) => size,
 *   order: (size) => (position) => size - 1 - position
 * }
 * const rng = Rng.make({ algorithm: "xoshiro128**", words: [1, 2, 3, 4] })
 * console.assert(backwards.order(10, rng)(0) === 9)
 *
 * @since 0.1.0
 */
export interface Sampler<out R = never> {
  readonly name: string
  /** Whether the order depends on the seed. One that draws is a `Sampler<SeedPolicy>`. */
  readonly draws: [R] extends [never] ? false : boolean
  /** Whether an epoch visits an index at most once. */
  readonly distinct: boolean
  /** How many samples an epoch has over a dataset of `size`. */
  readonly count: (size: number) => number
  /** From a position, 0 … `count(size) − 1`, to a dataset index. `rng` stands at the epoch's seed. */
  readonly order: (size: number, rng: Rng) => (position: number) => number
  /**
   * What the order depends on besides seed and size. Cursors compare it: a run with other parameters is refused.
   * Default: not compared, since the sampler's code cannot be seen.
   */
  readonly parameters?: Parameters
  /** Never there; holds `R` in the type. */
  readonly _R?: (_: never) => R
}

/**
 * The dataset's own order: 0, 1, 2 … Draws nothing.
 *
 * @since 0.1.0
 */
export const sequential: Sampler = {
  name: "sequential",
  draws: false,
  distinct: true,
  parameters: {},
  count: (size) => size,
  order: () => (position) => position
}

/**
 * Every index once, in an order drawn anew each epoch. Up to 65,536 samples each order has the same odds, from a table
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
 * @since 0.1.0
 */
export const shuffle: Sampler<SeedPolicy> = {
  name: "shuffle",
  draws: true,
  distinct: true,
  parameters: {},
  count: (size) => size,
  order: (size, rng) => Permutation.make(size, rng).at
}

/** How many samples an epoch of independent draws has. @since 0.1.0 */
export interface CountOptions {
  /** Samples an epoch, at least 1. Default: as many as the dataset has. */
  readonly count?: number
}

/**
 * Independent draws, each index with exactly the same odds each time: some come twice in an epoch, some not at all.
 * Throws `InvalidOption` unless `count` is a whole number of at least 1; an empty dataset, from which nothing can be
 * drawn, is refused likewise when the epoch is planned.
 *
 * @since 0.1.0
 */
export const withReplacement = (options: CountOptions = {}): Sampler<SeedPolicy> => {
  const count = optionalCount("Sampler.withReplacement", options)
  return {
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
      const places = new Places(rng)
      return (position) => integer(places.at(position), size)
    }
  }
}

const optionalCount = (of: string, options: CountOptions): number | undefined => {
  const { count } = optionsOf(of, options, { count: true })
  return count === undefined ? undefined : whole("count", count, 1)
}

const notEmpty = (size: number): void => {
  whole("size of the dataset to draw from", size, 1)
}

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
  return {
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
      const places = new Places(rng)
      return (position) => Alias.draw(alias, places.at(position))
    }
  }
}

/**
 * The samples at `indices` only, in the order that `order` (default {@link sequential}) gives the list:
 * `subset(indices, shuffle)` is PyTorch's `SubsetRandomSampler`. The indices are copied, 8 bytes each.
 *
 * Throws `InvalidOption` for an index that is not a whole number of at least 0; one that the dataset does not have is
 * refused likewise, by its place and value, when the epoch is planned.
 *
 * @since 0.1.0
 */
export const subset = <R = never>(indices: ArrayLike<number>, order: Sampler<R> = sequential): Sampler<R> => {
  const own = Float64Array.from(listOf("the indices of Sampler.subset", indices))
  samplerOf("the order of Sampler.subset", order)
  own.forEach((index, place) => {
    whole(naming(place), index, 0)
  })
  const sorted = own.toSorted()
  const distinct = sorted.every((index, place) => place === 0 || index !== sorted[place - 1])
  const largest = sorted.at(-1) ?? -1
  const inside = (size: number): void => {
    if (largest < size) return
    const place = own.findIndex((index) => index >= size)
    const expected = size === 0 ? "left out: the dataset is empty" : `from 0 to ${size - 1}, as the dataset has it`
    throw new InvalidOption({ option: naming(place), value: own[place], expected })
  }
  return {
    name: order.name === sequential.name ? "subset" : `subset, ${order.name}`,
    draws: order.draws,
    distinct: distinct && order.distinct,
    parameters: { indices: own, order: samplerMade(order) },
    count: (size) => {
      inside(size)
      return order.count(own.length)
    },
    order: (size, rng) => {
      inside(size)
      const place = order.order(own.length, rng)
      // A sampler gives indices below the size that it was given, here the list's length.
      return (position) => own[place(position)] as number
    }
  }
}

const naming = (place: number): string => `index at place ${place} of the subset`

/**
 * The first `count` positions of each epoch's order, or all of them where there are fewer. Behind `shuffle` that is
 * another choice of samples each epoch. Throws `InvalidOption` unless `count` is a whole number of at least 1.
 *
 * @since 0.1.0
 */
export const limited = <R>(sampler: Sampler<R>, count: number): Sampler<R> => {
  whole("count", count, 1)
  samplerOf("the sampler of Sampler.limited", sampler)
  return {
    name: `${sampler.name}, at most ${count}`,
    draws: sampler.draws,
    distinct: sampler.distinct,
    parameters: { count, of: samplerMade(sampler) },
    count: (size) => Math.min(count, sampler.count(size)),
    order: sampler.order
  }
}
