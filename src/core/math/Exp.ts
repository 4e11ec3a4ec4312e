/**
 * The exponential function, with the same bits on every runtime.
 *
 * After FreeBSD's `e_exp.c` (msun), in the form of `@stdlib/math-base-special-exp`, whose bits it has:
 *
 * ```text
 * Copyright (C) 2004 by Sun Microsystems, Inc. All rights reserved.
 *
 * Permission to use, copy, modify, and distribute this
 * software is freely granted, provided that this notice
 * is preserved.
 * ```
 *
 * @since 0.1.0
 */
import { powerOfTwo } from "./Words.ts"

const LN2_HIGH = 0.6931471803691238
const LN2_LOW = 1.9082149292705877e-10
const LOG2_E = Math.LOG2E

/** Beyond these the result is infinite, or 0. */
const OVERFLOW = 709.782712893384
const UNDERFLOW = -745.1332191019411
/** Below 2^-28 the result is 1 + x. */
const NEAR_ZERO = 2 ** -28

const P1 = 0.16666666666666602
const P2 = -0.0027777777777015593
const P3 = 6.613756321437934e-5
const P4 = -1.6533902205465252e-6
const P5 = 4.1381367970572385e-8

/** e^x, within one unit in the last place; results below 2^-1074 are 0. @since 0.1.0 */
export const exp = (x: number): number => {
  if (Number.isNaN(x)) return x
  if (x > OVERFLOW) return Number.POSITIVE_INFINITY
  if (x < UNDERFLOW) return 0
  if (x > -NEAR_ZERO && x < NEAR_ZERO) return 1 + x
  // x = k ln 2 + r, |r| ≤ 0.5 ln 2, r as the difference of two for its precision.
  const k = Math.trunc(x < 0 ? LOG2_E * x - 0.5 : LOG2_E * x + 0.5)
  const high = x - k * LN2_HIGH
  const low = k * LN2_LOW
  const r = high - low
  const t = r * r
  const c = r - t * (P1 + t * (P2 + t * (P3 + t * (P4 + t * P5))))
  return scaled(1 - (low - (r * c) / (2 - c) - high), k)
}

/** `y` · 2^`k` for a `y` from 0.5 to 2, rounded once. */
const scaled = (y: number, k: number): number => {
  if (k > -1022 && k < 1024) return y * powerOfTwo(k)
  if (k >= 1024) return y * 2 * powerOfTwo(k - 1)
  if (k + (y < 1 ? -1 : 0) < -1074) return 0
  return y * powerOfTwo(k + 64) * powerOfTwo(-64)
}
