/**
 * Sine and cosine, with the same bits on every runtime.
 *
 * After FreeBSD's `k_sin.c` and `k_cos.c` (msun), in the form of `@stdlib/math-base-special-sincos`, whose bits it has:
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
import { type Remainder, reduce } from "./QuarterTurns.ts"

const S1 = -0.16666666666666632
const S2 = 0.00833333333332249
const S3 = -0.0001984126982985795
const S4 = 2.7557313707070068e-6
const S5 = -2.5050760253406863e-8
const S6 = 1.58969099521155e-10

const C1 = 0.0416666666666666
const C2 = -0.001388888888887411
const C3 = 2.480158728947673e-5
const C4 = -2.7557314351390663e-7
const C5 = 2.087572321298175e-9
const C6 = -1.1359647557788195e-11

/** The sine and the cosine of an angle. @since 0.1.0 */
export interface Direction {
  sin: number
  cos: number
}

const remainder: Remainder = { high: 0, low: 0 }

/** Sets `direction` to the sine and the cosine of an angle in radians; both are NaN if it is not finite. @since 0.1.0 */
export const sincos = (angle: number, direction: Direction): void => {
  const quarters = reduce(angle, remainder) & 3
  const { high: x, low: y } = remainder
  const z = x * x
  const w = z * z
  const v = z * x
  const s = S2 + z * (S3 + z * S4) + z * w * (S5 + z * S6)
  const sin = y === 0 ? x + v * (S1 + z * s) : x - (z * (0.5 * y - v * s) - y - v * S1)
  const c = z * (C1 + z * (C2 + z * C3)) + w * w * (C4 + z * (C5 + z * C6))
  const half = 0.5 * z
  const rest = 1 - half
  const cos = rest + (1 - rest - half + (z * c - x * y))
  direction.sin = quarters === 0 ? sin : quarters === 1 ? cos : quarters === 2 ? -sin : -cos
  direction.cos = quarters === 0 ? cos : quarters === 1 ? -sin : quarters === 2 ? -cos : sin
}
