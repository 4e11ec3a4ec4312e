/**
 * The natural logarithm, with the same bits on every runtime.
 *
 * After FreeBSD's `e_log.c` (msun), in the form of `@stdlib/math-base-special-ln`, whose bits it has:
 *
 * ```text
 * Copyright (C) 1993 by Sun Microsystems, Inc. All rights reserved.
 *
 * Developed at SunPro, a Sun Microsystems, Inc. business.
 * Permission to use, copy, modify, and distribute this
 * software is freely granted, provided that this notice
 * is preserved.
 * ```
 *
 * @since 0.1.0
 */
import { highWord, withHighWord } from "./Words.ts"

const LN2_HIGH = 0.6931471803691238
const LN2_LOW = 1.9082149292705877e-10
const TWO_POW_54 = 2 ** 54
const ONE_THIRD = 1 / 3

const SIGNIFICAND = 0x000fffff
const INFINITE = 0x7ff00000
const LEAST_NORMAL = 0x00100000
const ONE = 0x3ff00000

const L1 = 0.6666666666666735
const L2 = 0.3999999999940942
const L3 = 0.2857142874366239
const L4 = 0.22222198432149784
const L5 = 0.1818357216161805
const L6 = 0.15313837699209373
const L7 = 0.14798198605116586

/** ln x, within one unit in the last place: −∞ for 0, NaN below. @since 0.1.0 */
export const ln = (x: number): number => {
  if (x === 0) return Number.NEGATIVE_INFINITY
  if (Number.isNaN(x) || x < 0) return Number.NaN
  let value = x
  let high = highWord(value)
  let k = 0
  if (high < LEAST_NORMAL) {
    k = -54
    value *= TWO_POW_54
    high = highWord(value)
  }
  if (high >= INFINITE) return value
  // x = 2^k (1 + f), √2 / 2 < 1 + f < √2
  k += (high >> 20) - 1023
  high &= SIGNIFICAND
  const up = (high + 0x95f64) & 0x100000
  k += up >> 20
  const f = withHighWord(value, high | (up ^ ONE)) - 1
  if ((SIGNIFICAND & (2 + high)) < 3) {
    // |f| < 2^-20
    if (f === 0) return k === 0 ? 0 : k * LN2_HIGH + k * LN2_LOW
    const r = f * f * (0.5 - ONE_THIRD * f)
    return k === 0 ? f - r : k * LN2_HIGH - (r - k * LN2_LOW - f)
  }
  const s = f / (2 + f)
  const z = s * s
  const w = z * z
  const r = z * (L1 + w * (L3 + w * (L5 + w * L7))) + w * (L2 + w * (L4 + w * L6))
  if (((high - 0x6147a) | (0x6b851 - high)) > 0) {
    const half = 0.5 * f * f
    if (k === 0) return f - (half - s * (half + r))
    return k * LN2_HIGH - (half - (s * (half + r) + k * LN2_LOW) - f)
  }
  return k === 0 ? f - s * (f - r) : k * LN2_HIGH - (s * (f - r) - k * LN2_LOW - f)
}
