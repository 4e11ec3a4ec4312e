/**
 * Lanes: parts of an epoch's order that a rank serves as a whole, so that what lies in one lane is read by one rank only.
 *
 * ```text
 * the sampler's order     lane 0 ········ | lane 1 ········ | lane 2 ········ | lane 3 ········      L lanes
 * a batch of B rows       B/L of lane 0   | B/L of lane 1   | B/L of lane 2   | B/L of lane 3
 * two ranks               rank 0 ···························| rank 1 ··························
 * ```
 *
 * A batch has its rows lane by lane, and a rank's share of a batch is contiguous, so the shares fall on whole lanes wherever
 * the world size divides the number of lanes. Batches do not depend on the world size.
 *
 * @since 0.1.0
 */

import { whole } from "../../core/Check.ts"
import { InvalidOption } from "../../core/InvalidOption.ts"
import { plural } from "../../core/Plural.ts"
import type { Origin } from "./Cuts.ts"

/** From a position to a position, or to a dataset index. */
type At = (position: number) => number

/** The lanes of an epoch's order, one behind the other. @since 0.1.0 */
export interface Lanes {
  /** How many positions each has. */
  readonly sizes: ReadonlyArray<number>
  /** The first position of each in the sampler's order. */
  readonly starts: ReadonlyArray<number>
}

/**
 * The lanes of `sizes`. Throws `InvalidOption` if they are not the `count` positions of the order, or if they cannot be shared
 * by `world` ranks, or if a batch cannot have an equal part of each.
 *
 * @since 0.1.0
 */
export const make = (sizes: ReadonlyArray<number>, count: number, batchSize: number, world: number): Lanes => {
  const number = whole("the number of lanes", sizes.length, 1)
  const starts: Array<number> = []
  let sum = 0
  for (const [lane, size] of sizes.entries()) {
    starts.push(sum)
    sum += whole(`the size of lane ${lane}`, size, 0)
  }
  if (sum !== count) {
    throw new InvalidOption({ option: "the sizes of all lanes", value: sum, expected: `${count}, as the epoch has` })
  }
  if (number % world !== 0) {
    const divisors = Array.from({ length: number }, (_, at) => at + 1).filter((own) => number % own === 0)
    const expected = `a divisor of the ${number} lanes, each of which one rank reads: ${divisors.join(", ")}; or more lanes, as by Sampler.shuffleBlocks({ lanes })`
    throw new InvalidOption({ option: "world", value: world, expected })
  }
  if (batchSize % number !== 0) {
    const expected = `a multiple of the ${number} lanes, of which each batch has equal parts`
    throw new InvalidOption({ option: "batch size", value: batchSize, expected })
  }
  return { sizes, starts }
}

/** How many positions the lanes have for batches that take an equal part of each: `"drop"` by the shortest, `"pad"` by the longest lane. @since 0.1.0 */
export const even = ({ sizes }: Lanes, uneven: "pad" | "drop"): number =>
  sizes.length * (uneven === "drop" ? Math.min(...sizes) : Math.max(...sizes))

/** The sizes of so many lanes that have equal parts of `count` positions: they differ by one where it does not divide. @since 0.1.0 */
export const equal = (number: number, count: number): ReadonlyArray<number> =>
  Array.from({ length: number }, (_, lane) => {
    const end = Math.floor(((lane + 1) * count) / number)
    return end - Math.floor((lane * count) / number)
  })

/** The sizes of lanes, for an error. @since 0.1.0 */
export const listed = (sizes: ReadonlyArray<number>): string =>
  `${sizes.slice(0, 16).join(", ")}${sizes.length > 16 ? ", …" : ""}`

/** Throws `InvalidOption` unless the lanes have as many positions as batches take from them, the short last one included. @since 0.1.0 */
export const dealt = ({ sizes }: Lanes, count: number): void => {
  const number = sizes.length
  const dealt = equal(number, count)
  for (const [lane, size] of sizes.entries()) {
    if (size === dealt[lane]) continue
    const expected =
      `"pad" (repeat the first samples of lanes that end early) or "drop" (leave out what longer lanes have more), since ` +
      `the lanes have ${listed(sizes)} samples; "error", the default, takes equal ones: of ${plural(count, "sample")} ${listed(dealt)}`
    throw new InvalidOption({ option: "uneven", value: "error", expected })
  }
}

/** Throws `InvalidOption` if a lane that is to be padded has nothing to repeat. @since 0.1.0 */
export const padded = ({ sizes }: Lanes, batches: number): void => {
  const lane = sizes.indexOf(0)
  if (lane === -1 || batches === 0) return
  const expected = `fewer, or "drop" for uneven: "pad" repeats a lane's own samples, and lane ${lane} has none (the lanes have ${listed(sizes)} samples)`
  throw new InvalidOption({ option: "lanes", value: sizes.length, expected })
}

/**
 * Returns the position in the sampler's order for each position of the epoch, whose batches of `batchSize` are counted from
 * `origin` on and end at `end`.
 *
 * @since 0.1.0
 */
export const dealing = ({ sizes, starts }: Lanes, batchSize: number, origin: Origin, end: number): At => {
  const number = sizes.length
  // All of it is one lane; padded, that begins again.
  if (number === 1) return (position) => position % (sizes[0] as number)
  const part = batchSize / number
  const before = origin.position / number
  return (position) => {
    const batch = Math.floor((position - origin.position) / batchSize)
    const first = origin.position + batch * batchSize
    const row = position - first
    const length = Math.min(batchSize, end - first)
    const lane = Math.floor(((row + 1) * number - 1) / length)
    const at = before + batch * part + row - Math.floor((lane * length) / number)
    // Padded lanes begin again.
    return (starts[lane] as number) + (at % (sizes[lane] as number)) // a row of the batch lies in a lane
  }
}
