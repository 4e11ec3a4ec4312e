/**
 * Draws by weight in constant time: the alias method of Walker, "An efficient method for generating discrete random
 * variables with general distributions" (1977), with the table made as in Vose, "A linear algorithm for generating
 * random numbers with a given distribution" (1991).
 *
 * @since 0.1.0
 */
import { integer } from "../random/distributions/Bounded.ts"
import { cumulative } from "../random/distributions/Choice.ts"
import type { PositionRng } from "./PositionRng.ts"

/**
 * One column an index, all of one height; a column is its own index up to `own`, and `other` above. 12 bytes an index.
 */
export interface Alias {
  readonly own: Float64Array
  readonly other: Uint32Array
}

/**
 * The table of some weights. Throws `InvalidOption` unless they are finite, at least 0 and not all 0.
 */
export const make = (weights: ArrayLike<number>): Alias => {
  const size = weights.length
  const sums = cumulative(weights, size)
  const total = sums[size - 1] as number
  const own = new Float64Array(size)
  const other = new Uint32Array(size)
  // Both lists in one array: columns under the mean grow from the left, the rest from the right.
  const list = new Uint32Array(size)
  let small = 0
  let large = size
  let heaviest = 0
  for (let index = 0; index < size; index++) {
    const weight = weights[index] as number
    // In this order: the mean of the smallest weights there are would itself round to 0.
    own[index] = (weight / total) * size
    other[index] = index
    if (weight > (weights[heaviest] as number)) heaviest = index
    if ((own[index] as number) < 1) list[small++] = index
    else list[--large] = index
  }
  while (small > 0 && large < size) {
    const under = list[--small] as number
    const over = list[large] as number
    other[under] = over
    const rest = (own[over] as number) + (own[under] as number) - 1
    own[over] = rest
    if (rest >= 1) continue
    large++
    list[small++] = over
  }
  // What is left over stands at the mean but for rounding, so it fills its column; save a weight of 0, which rounding
  // (it adds up to a whole column only beyond some 10^8 weights) must not bring to life.
  while (large < size) own[list[large++] as number] = 1
  while (small > 0) {
    const index = list[--small] as number
    if ((weights[index] as number) > 0) own[index] = 1
    else other[index] = heaviest
  }
  return { own, other }
}

/** The index that the words at a place draw. */
export const draw = ({ other, own }: Alias, words: PositionRng): number => {
  const column = integer(words, own.length)
  // Both tables have an entry a column.
  return words.double() < (own[column] as number) ? column : (other[column] as number)
}
