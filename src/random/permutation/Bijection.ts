/**
 * What permutations have in common.
 *
 * @since 0.1.0
 */
import { whole } from "../../core/Check.ts"

/**
 * A one-to-one map of 0 … `size − 1` onto itself.
 *
 * @category models
 * @since 0.1.0
 */
export interface Permutation {
  readonly size: number
  /** The item at `position`. Throws `InvalidOption` unless it is a whole number from 0 to `size − 1`. */
  readonly at: (position: number) => number
  /** Where `item` stands: the inverse of {@link Permutation.at}. Throws `InvalidOption` likewise. */
  readonly positionOf: (item: number) => number
}

/** Whether a value is a place of `size` places. @since 0.1.0 */
export const within = (value: number, size: number): boolean => value >= 0 && value < size && Number.isInteger(value)

/** Throws `InvalidOption` for a value that is no place of `size` places. @since 0.1.0 */
export const outside = (what: string, value: number, size: number): never => {
  whole("size", size, 1)
  whole(what, value, 0, size - 1)
  throw new RangeError(`${what} ${value} is outside 0 … ${size - 1}`)
}
