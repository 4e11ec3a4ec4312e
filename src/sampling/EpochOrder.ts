/**
 * The order of one epoch, and the interface of the samplers that give it.
 *
 * A sampler answers for any position, in any order, at the same small cost, and holds no list of the epoch: that lets
 * several workers (or ranks, or a run resumed in the middle) each build their own batches without talking to each other.
 * Which positions a rank or a worker builds is the scheduler's plan, not the sampler's: all of them see one order.
 *
 * @since 0.1.0
 */
import { whole } from "../core/Check.ts"
import { InvalidOption } from "../core/InvalidOption.ts"
import { descriptionOf, madeFor } from "../core/MadeFor.ts"
import { functionOf, textOf, truth } from "../core/Options.ts"
import { Made, type Parameters } from "../core/Parameters.ts"
import type { Rng } from "../random/Rng.ts"
import type { RowCoordinates } from "../seeding/Request.ts"

/** From a position of an epoch to a dataset index. @category models @since 0.1.0 */
export interface Order {
  (position: number): number
  /** Where the rows at some positions come from. Absent if they are the samples of one dataset, one after another. */
  readonly rows?: (positions: Float64Array) => RowCoordinates
  /** How the samples of a window are permuted, if the sampler has a `window`. */
  readonly inWindow?: InWindow
  /** Whether the index at each position is the position, so that no position need be asked. Absent if it is not. */
  readonly isIdentity?: true
}

/**
 * The order within a window, by its number and by how many samples it has: from a place in the window to another one.
 *
 * @category models
 * @since 0.1.0
 */
export type InWindow = (window: number, samples: number) => (place: number) => number

/**
 * Gives the order of an epoch as a pure function of the epoch's seed and the dataset's size. `R` is `SeedPolicy` when
 * the order is drawn, `never` when it is not.
 *
 * A sampler of your own is an object of this shape. `order` is where it may draw; what it gives is asked at any
 * position, in any order, any number of times. `count` and `order` throw `InvalidOption` for a size they cannot serve.
 * Declare in `parameters` what its order depends on, so that a run is not resumed under another one by accident. A sampler
 * of this library that is copied with another `count` or `order` (`{ ...Sampler.shuffle, order }`) is one of your own: the
 * parameters that were copied do not count for it. Lanes may be added to a copy: cursors compare their sizes.
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
 * @category models
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
  /**
   * From a position, 0 … `count(size) − 1`, to a dataset index. `rng` stands at the epoch's seed; `blocks` is where the
   * blocks of the dataset begin, if it says so (`Dataset.blocks`).
   */
  readonly order: (size: number, rng: Rng, blocks?: Float64Array | undefined) => Order
  /**
   * How many positions each lane of the order has, one lane behind the other: parts that a rank reads as a whole. The world
   * size must divide their number. Default: the order has no lanes, and any rank reads any part of it.
   */
  readonly lanes?: (size: number) => ReadonlyArray<number>
  /**
   * How many consecutive positions the order permutes among themselves, window by window, if it does only that; its orders
   * have `inWindow`. A stream source can be read in no other order. Default: the order goes anywhere.
   */
  readonly window?: number
  /**
   * How many consecutive blocks of a lane the order mixes with one another, window by window, if it does only that: so many
   * must be kept at once. A run warns if those of its dataset do not fit. Default: not known.
   */
  readonly windowBlocks?: number
  /**
   * What the order depends on besides seed and size. Cursors compare it: a run with other parameters is refused.
   * Default: not compared, since the sampler's code cannot be seen.
   */
  readonly parameters?: Parameters
  /** Never there; holds `R` in the type. */
  readonly _R?: (_: never) => R
}

/** Whether a value has the functions of a sampler. @since 0.1.0 */
export const isSampler = (value: unknown): value is Sampler<unknown> =>
  typeof value === "object" &&
  value !== null &&
  "count" in value &&
  typeof value.count === "function" &&
  "order" in value &&
  typeof value.order === "function"

/** Returns `value` if it has what a sampler has; otherwise throws `InvalidOption`. @since 0.1.0 */
export const samplerOf = <R>(option: string, value: Sampler<R>): Sampler<R> => {
  if (isSampler(value)) return value
  throw new InvalidOption({ option, value, expected: "a sampler, such as Sampler.shuffle or Sampler.weighted([1, 2])" })
}

/** The fields of a sampler. */
const FIELDS: Readonly<Record<Exclude<keyof Sampler, "_R">, true>> = {
  name: true,
  draws: true,
  distinct: true,
  count: true,
  order: true,
  lanes: true,
  window: true,
  windowBlocks: true,
  parameters: true
}

/**
 * Returns `value` if all its fields are those of a sampler. Throws `InvalidOption` for a field that is missing, of another
 * type, or, in a plain object, unknown: a misspelt `lanes` would be read by nobody.
 *
 * @since 0.1.0
 */
export const wholeSampler = <R>(option: string, value: Sampler<R>): Sampler<R> => {
  const { distinct, draws, lanes, name, window, windowBlocks } = samplerOf(option, value)
  const of = `sampler ${textOf(`name of ${option}`, name)}`
  truth(`draws of ${of}`, draws)
  truth(`distinct of ${of}`, distinct)
  if (lanes !== undefined) functionOf(`lanes of ${of}`, lanes)
  if (window !== undefined) whole(`window of ${of}`, window, 1)
  if (windowBlocks !== undefined) whole(`windowBlocks of ${of}`, windowBlocks, 1)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return value
  const unknown = Object.keys(value).find((field) => !Object.hasOwn(FIELDS, field))
  if (unknown === undefined) return value
  const expected = `one of ${Object.keys(FIELDS).join(", ")}`
  throw new InvalidOption({ option: `a field of ${of}`, value: unknown, expected })
}

/** Returns a sampler of this library, whose parameters are those of its order. Lanes are compared by their sizes. @since 0.1.0 */
export const ownSampler = <R = never>(sampler: Sampler<R>): Sampler<R> =>
  madeFor(sampler, ["count", "order"], ["parameters", "window", "windowBlocks"])

/** Returns a sampler as a parameter of a stage or of another sampler. @since 0.1.0 */
export const samplerMade = (sampler: Sampler<unknown>): Made => {
  const { name } = sampler
  const parameters = descriptionOf(sampler, "parameters")
  return new Made(
    name,
    parameters,
    parameters === undefined ? `the order of sampler ${JSON.stringify(name)}` : undefined
  )
}
