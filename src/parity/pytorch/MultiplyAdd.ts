/**
 * `a * b + c`, rounded once: what PyTorch's build for AVX2 makes of its `uniform_`, where a plain product and sum would
 * be off by a last bit in many a draw. Boldo and Melquiond, "Emulation of FMA and correctly rounded sums: proved
 * algorithms using rounding to odd" (2008).
 *
 * @since 0.1.0
 */

/** Cuts the 53 bits of a float64 in two halves whose products are exact. */
const SPLITTER = 2 ** 27 + 1

/** Above it a product with the {@link SPLITTER} would overflow. */
const LARGE = 2 ** 990

const bits = new Float64Array(1)
const words = new Uint32Array(bits.buffer)
// Little-endian is what Bun's and Deno's platforms are, but the order costs nothing to ask for.
bits[0] = 1
const LOW = words[0] === 0 ? 0 : 1

/**
 * `a * b + c` with one rounding. Exact so long as nothing underflows: for `a` of 0, or from 2^-53 up, and `b` and `c`
 * of 0 or above 2^-900 that is always so. At the range's upper end, where `b` or `c` is over 2^990, it rounds twice.
 *
 * @since 0.1.0
 */
export const multiplyAdd = (a: number, b: number, c: number): number => {
  const product = a * b
  if (!(Math.abs(b) < LARGE && Math.abs(c) < LARGE && Math.abs(a) < LARGE && Math.abs(product) < LARGE)) {
    return product + c
  }
  const highA = upper(a)
  const highB = upper(b)
  const lowA = a - highA
  const lowB = b - highB
  const productError = lowA * lowB - (product - highA * highB - lowA * highB - highA * lowB)
  const lower = c + productError
  const lowerError = error(c, productError, lower)
  const sum = product + lower
  return sum + odd(error(product, lower, sum), lowerError)
}

const upper = (value: number): number => {
  const spread = SPLITTER * value
  return spread - (spread - value)
}

/** What rounding took from `sum`, which is a + b. */
const error = (a: number, b: number, sum: number): number => {
  const own = sum - a
  return a - (sum - own) + (b - own)
}

/** The sum; where it is not exact, the neighbor of it whose last bit is 1, so that the next rounding sees a rest. */
const odd = (a: number, b: number): number => {
  const sum = a + b
  const rest = error(a, b, sum)
  if (rest === 0) return sum
  bits[0] = sum
  const low = words[LOW] as number
  if (low % 2 === 1) return sum
  if (rest > 0 === sum > 0) words[LOW] = low + 1
  else {
    words[LOW] = low - 1
    if (low === 0) words[1 - LOW] = (words[1 - LOW] as number) - 1
  }
  return bits[0] as number
}
