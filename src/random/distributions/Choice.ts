/**
 * Choosing indices: with and without replacement, with and without weights.
 *
 * @since 0.1.0
 */

import { whole } from "../../core/Check.ts"
import { InvalidOption } from "../../core/InvalidOption.ts"
import { ln } from "../../core/math/Ln.ts"
import type { Words } from "./Words.ts"

/**
 * `count` indices below `size`; see `Rng.choice`.
 *
 * @since 0.1.0
 */
export const choice = (
  rng: Pick<Words, "integer" | "double">,
  size: number,
  count: number,
  replace: boolean,
  weights: ArrayLike<number> | undefined
): Array<number> => {
  check(size, count, replace || weights !== undefined)
  if (count === 0) return []
  if (weights === undefined) {
    return replace ? Array.from({ length: count }, () => rng.integer(size)) : distinct(rng, size, count)
  }
  const sums = cumulative(weights, size)
  if (replace) return Array.from({ length: count }, () => pick(sums, rng.double()))
  return weightedDistinct(rng, weights, size, count)
}

/**
 * Throws `InvalidOption` unless `count` indices can be chosen below `size`: as many as there are, or, with `again`, any
 * number of at least one.
 *
 * @since 0.1.0
 */
export const check = (size: number, count: number, again: boolean): void => {
  whole("size", size, 0)
  whole("count", count, 0)
  if (count === 0) return
  whole("size", size, 1)
  if (!again) whole("count without replacement", count, 0, size)
}

/** The first `count` places of a Fisher–Yates shuffle of 0 … `size − 1`, held as the places that moved: O(count). */
const distinct = (rng: Pick<Words, "integer">, size: number, count: number): Array<number> => {
  const moved = new Map<number, number>()
  const chosen: Array<number> = []
  for (let place = 0; place < count; place++) {
    const other = place + rng.integer(size - place)
    chosen.push(moved.get(other) ?? other)
    moved.set(other, moved.get(place) ?? place)
  }
  return chosen
}

/**
 * The running sums of `weights`. Throws `InvalidOption` unless there are `size` of them, finite, at least 0 and not
 * all 0.
 *
 * @since 0.1.0
 */
export const cumulative = (weights: ArrayLike<number>, size: number): Float64Array => {
  if (weights.length !== size) {
    throw new InvalidOption({ option: "weights", value: weights.length, expected: `one weight an index, ${size}` })
  }
  const sums = new Float64Array(size)
  let sum = 0
  for (let index = 0; index < size; index++) {
    const weight = weights[index] as number
    if (!(weight >= 0 && weight < Infinity)) {
      throw new InvalidOption({ option: `weight ${index}`, value: weight, expected: "a finite number of at least 0" })
    }
    sum += weight
    sums[index] = sum
  }
  if (!(sum > 0 && sum < Infinity)) {
    throw new InvalidOption({ option: "the sum of the weights", value: sum, expected: "finite and greater than 0" })
  }
  return sums
}

/**
 * The index whose share of the running sums holds `unit`, a number in [0, 1). An index of weight 0 is never picked.
 *
 * @since 0.1.0
 */
export const pick = (sums: Float64Array, unit: number): number => {
  let low = 0
  let high = sums.length - 1
  const target = unit * (sums[high] as number)
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sums[middle] as number) > target) high = middle
    else low = middle + 1
  }
  // Rounding can carry unit * total up to the total itself; step back over weights of 0 at the end.
  while (low > 0 && sums[low] === sums[low - 1]) low--
  return low
}

/** Efraimidis and Spirakis (2006): the `count` smallest of -ln(u) / weight come in the order of successive draws. */
const weightedDistinct = (
  rng: Pick<Words, "double">,
  weights: ArrayLike<number>,
  size: number,
  count: number
): Array<number> => {
  const keyed: Array<{ readonly index: number; readonly key: number }> = []
  for (let index = 0; index < size; index++) {
    const weight = weights[index] as number
    // Drawn for every index, so that one weight set to 0 leaves the other draws where they are.
    const exponential = -ln(1 - rng.double())
    if (weight > 0) keyed.push({ index, key: exponential / weight })
  }
  if (keyed.length < count) {
    throw new InvalidOption({
      option: "count without replacement",
      value: count,
      expected: `at most the number of weights over 0, ${keyed.length}`
    })
  }
  keyed.sort((a, b) => a.key - b.key || a.index - b.index)
  return keyed.slice(0, count).map(({ index }) => index)
}
