/**
 * Rounding by exact arithmetic.
 *
 * @since 0.1.0
 */

/** From here on neighbouring float64s are 1 apart, so adding it rounds to whole numbers, half to even. */
const ONES = 1.5 * 2 ** 52

/** The nearest whole number, half to even as Python's `round` and C's `nearbyint`; for |value| < 2^51. @since 0.1.0 */
export const halfEven = (value: number): number => value + ONES - ONES

/** What to add before a value ≥ 0 is stored, so that bytes, which drop the fraction, are rounded half up. @since 0.1.0 */
export const half = (target: Uint8Array | Float32Array): number => (target instanceof Uint8Array ? 0.5 : 0)
