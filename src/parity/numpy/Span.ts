/**
 * The ranges of NumPy's 64-bit integers.
 *
 * @since 0.1.0
 */
import { InvalidOption } from "../../core/InvalidOption.ts"

/**
 * How many numbers there are from `low` to `high − 1`. Throws `InvalidOption` unless low < high, both within
 * −2^63 … 2^63 (`int64`) or within 0 … 2^64 (`uint64`).
 *
 * @since 0.1.0
 */
export const span64 = (low: bigint, high: bigint): bigint => {
  if (low < -(1n << 63n)) throw new InvalidOption({ option: "low", value: low, expected: "at least -2^63" })
  const [top, name] = low < 0n ? [1n << 63n, "2^63, as low is negative"] : [1n << 64n, "2^64"]
  if (high > low && high <= top) return high - low
  throw new InvalidOption({ option: "high", value: high, expected: `a bigint from ${low + 1n} to ${name}` })
}
