/**
 * The options that image stages share.
 *
 * @since 0.1.0
 */
import { finite, whole } from "../core/Check.ts"
import { InvalidOption } from "../core/InvalidOption.ts"
import type { Pixels } from "./Pixels.ts"

/** Whether a value is a list of one of these lengths. */
const isList = (value: unknown, ...lengths: ReadonlyArray<number>): boolean =>
  Array.isArray(value) && (lengths.length === 0 || lengths.includes(value.length))

/** Height and width in pixels; one number is both. @category options @since 0.1.0 */
export type SizeOption = number | readonly [height: number, width: number]

/** Throws `InvalidOption` unless both are whole numbers of at least 1. @since 0.1.0 */
export const sizeOf = (option: string, size: SizeOption): readonly [height: number, width: number] => {
  const sides = typeof size === "number" ? ([size, size] as const) : size
  if (!isList(sides, 2)) throw new InvalidOption({ option, value: size, expected: "one number, or [height, width]" })
  const [height, width] = sides
  return [whole(option, height, 1), whole(option, width, 1)]
}

/**
 * Pixels around an image: all sides, [left and right, top and bottom], or [left, top, right, bottom].
 *
 * @category options
 * @since 0.1.0
 */
export type PaddingOption =
  | number
  | readonly [horizontal: number, vertical: number]
  | readonly [left: number, top: number, right: number, bottom: number]

/** Throws `InvalidOption` unless all are whole numbers of at least 0. @since 0.1.0 */
export const paddingOf = (
  padding: PaddingOption
): readonly [left: number, top: number, right: number, bottom: number] => {
  const sides = typeof padding === "number" ? ([padding, padding] as const) : padding
  if (!isList(sides, 2, 4)) {
    const expected = "one number, [horizontal, vertical] or [left, top, right, bottom]"
    throw new InvalidOption({ option: "padding", value: padding, expected })
  }
  const [left, top, right = left, bottom = top] = sides
  for (const side of [left, top, right, bottom]) whole("padding", side, 0)
  return [left, top, right, bottom]
}

/** What lies outside of an image: one value for all channels, or one for each. @category options @since 0.1.0 */
export type FillOption = number | ReadonlyArray<number>

/** Throws `InvalidOption` unless all are finite numbers. @since 0.1.0 */
export const channelsOf = (option: string, values: number | ReadonlyArray<number>): ReadonlyArray<number> => {
  const list = typeof values === "number" ? [values] : values
  if (!isList(list) || list.length === 0) {
    throw new InvalidOption({ option, value: values, expected: "one number, or a list of one a channel" })
  }
  for (const value of list) finite(option, value)
  return list
}

/** Throws `InvalidOption` unless `list` has one value for all channels, or one for each. @since 0.1.0 */
export const matches = (option: string, list: ReadonlyArray<number>, channels: number): void => {
  if (list.length === 1 || list.length === channels) return
  const expected = `one number, or ${channels} for an image of ${channels} channels`
  throw new InvalidOption({ option, value: list, expected })
}

/** Throws `InvalidOption` unless an image of that type can hold all of `list`: bytes hold 0 … 255. @since 0.1.0 */
export const fits = (option: string, list: ReadonlyArray<number>, image: Pixels): void => {
  if (image instanceof Float32Array) return
  for (let at = 0; at < list.length; at++) {
    const value = list[at] as number // below the length
    if (value < 0 || value > 255 || value % 1 !== 0) whole(`${option} of a uint8 image`, value, 0, 255)
  }
}

/** Throws `InvalidOption` unless `p` is a probability. @since 0.1.0 */
export const probability = (p: number): number => finite("p", p, 0, 1)

/** A number from `min` to `max`. @category options @since 0.1.0 */
export type RangeOption = readonly [min: number, max: number]

/** Throws `InvalidOption` unless both are finite, in `low … high`, and min ≤ max. @since 0.1.0 */
export const rangeOf = (option: string, range: RangeOption, low = -Infinity, high = Infinity): RangeOption => {
  if (!Array.isArray(range) || range.length !== 2 || range[0] > range[1]) {
    throw new InvalidOption({ option, value: range, expected: "[min, max] with min ≤ max" })
  }
  return [finite(option, range[0], low, high), finite(option, range[1], low, high)]
}

/** Throws `InvalidOption` as {@link rangeOf}, and unless min is above 0. @since 0.1.0 */
export const above0 = (option: string, range: RangeOption): RangeOption => {
  const checked = rangeOf(option, range)
  if (checked[0] > 0) return checked
  throw new InvalidOption({ option, value: range, expected: "[min, max] above 0" })
}

/** One number `d` is the range −d … d. Throws `InvalidOption` as {@link rangeOf}, and for d < 0. @since 0.1.0 */
export const aroundZero = (option: string, range: number | RangeOption, limit = Infinity): RangeOption =>
  typeof range === "number" ? [-finite(option, range, 0, limit), range] : rangeOf(option, range, -limit, limit)

/** Throws `InvalidOption` unless `value` is one of `names`. @since 0.1.0 */
export const oneOf = <N extends string>(option: string, value: N, names: ReadonlyArray<N>): N => {
  if (names.includes(value)) return value
  throw new InvalidOption({ option, value, expected: names.map((name) => `"${name}"`).join(" or ") })
}
