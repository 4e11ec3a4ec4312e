/**
 * Rounding by exact arithmetic.
 *
 * @since 0.1.0
 */

/** From here on neighboring float64s are 1 apart, so adding it rounds to whole numbers, half to even. */
const ONES = 1.5 * 2 ** 52

/** The nearest whole number, half to even as Python's `round` and C's `nearbyint`; for |value| < 2^51. @since 0.1.0 */
export const halfEven = (value: number): number => value + ONES - ONES
