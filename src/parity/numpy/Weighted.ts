/**
 * `choice` with p, the same in NumPy's `RandomState` and `Generator`: uniforms looked up in running sums.
 *
 * @since 0.1.0
 */
import { InvalidOption } from "../../core/InvalidOption.ts"
import { cumulative } from "../../random/distributions/Choice.ts"
import type { Words } from "../../random/distributions/Words.ts"

/** The running sums of `weights`, divided by the last; NumPy does so even when p sums to 1. */
const shares = (weights: ArrayLike<number>, size: number): Float64Array => {
  const sums = cumulative(weights, size)
  const total = sums[size - 1] as number
  for (let index = 0; index < size; index++) sums[index] = (sums[index] as number) / total
  return sums
}

/** The first index whose share lies above `unit`: `searchsorted(unit, side="right")`. */
const lookUp = (sums: Float64Array, unit: number): number => {
  let low = 0
  let high = sums.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sums[middle] as number) > unit) high = middle
    else low = middle + 1
  }
  return low
}

/**
 * `count` indices below `size` by weight. Weights that sum to 1 are NumPy's p, number for number; others count by their
 * share of the sum, where NumPy would refuse them.
 *
 * @since 0.1.0
 */
export const choice = (
  rng: Pick<Words, "double">,
  size: number,
  count: number,
  replace: boolean,
  weights: ArrayLike<number>
): Array<number> => {
  if (replace) {
    const sums = shares(weights, size)
    return Array.from({ length: count }, () => lookUp(sums, rng.double()))
  }
  // Checked before anything is zeroed, so that an error names the weights as they were given.
  cumulative(weights, size)
  const left = Float64Array.from(weights)
  const possible = left.reduce((sum, weight) => sum + Number(weight > 0), 0)
  if (count > possible) {
    const expected = `at most the number of weights over 0, ${possible}`
    throw new InvalidOption({ option: "count without replacement", value: count, expected })
  }
  const chosen: Array<number> = []
  while (chosen.length < count) {
    // As many uniforms as are missing, looked up in what is left; the repeats among them are dropped and drawn anew.
    const units = Array.from({ length: count - chosen.length }, () => rng.double())
    const sums = shares(left, size)
    for (const unit of units) {
      const index = lookUp(sums, unit)
      if (left[index] === 0) continue
      left[index] = 0
      chosen.push(index)
    }
  }
  return chosen
}
