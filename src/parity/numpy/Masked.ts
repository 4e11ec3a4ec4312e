/**
 * NumPy's older way to a whole number in a range, masked rejection: all of `RandomState`'s integers, and the shuffles of
 * `Generator` too, though its integers go by multiplication.
 *
 * @since 0.1.0
 */
import type { Words } from "../../random/distributions/Words.ts"

/**
 * A whole number from 0 to `last` < 2^32: words are cut to as many bits as `last` has, and drawn anew until one is not
 * over it. None is drawn when `last` is 0.
 *
 * @since 0.1.0
 */
export const upTo = (rng: Pick<Words, "word">, last: number): number => {
  if (last === 0) return 0
  const mask = 0xffffffff >>> Math.clz32(last)
  for (;;) {
    const value = (rng.word() & mask) >>> 0
    if (value <= last) return value
  }
}
