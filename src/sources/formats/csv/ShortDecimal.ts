/**
 * Numbers of a few digits, which most cells of numbers are, read from the text that they stand in.
 *
 * @since 0.1.0
 */

const MINUS = 45
const POINT = 46
const ZERO = 48

/** Whole numbers of so many digits are below 2^53, and each power of ten up to that of 22 is a double. */
const DIGITS = 15

const POWERS = Float64Array.from({ length: DIGITS + 1 }, (_, exponent) => Number(`1e${exponent}`))

/**
 * Returns the number that stands between two places of a text, if it is written with at most 15 digits, no exponent, no leading
 * zero and no plus sign; `undefined` for anything else, also for a negative zero. It is the double that `Number` gives: digits and
 * power of ten are exact, and their quotient is rounded once, as the decimal is.
 *
 * @since 0.1.0
 */
export const shortDecimal = (text: string, start: number, end: number): number | undefined => {
  const isNegative = text.charCodeAt(start) === MINUS
  const first = isNegative ? start + 1 : start
  // With a point there is one character more than there are digits.
  if (first >= end || end - first > DIGITS + 1) return undefined
  let digits = 0
  let point = -1
  for (let at = first; at < end; at++) {
    const code = text.charCodeAt(at)
    if (code >= ZERO && code < ZERO + 10) digits = digits * 10 + code - ZERO
    else if (code === POINT && point === -1) point = at
    else return undefined
  }
  const whole = point === -1 ? end : point
  const fraction = point === -1 ? 0 : end - point - 1
  if (whole === first || (point === -1 ? end - first > DIGITS : fraction === 0)) return undefined
  if (whole > first + 1 && text.charCodeAt(first) === ZERO) return undefined
  if (digits === 0 && isNegative) return undefined
  const value = digits / (POWERS[fraction] as number) // at most 15 digits
  return isNegative ? -value : value
}
