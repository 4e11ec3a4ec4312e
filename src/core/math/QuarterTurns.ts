/**
 * An angle without its whole quarter turns: x − n π/2.
 *
 * After FreeBSD's `e_rem_pio2.c` and `k_rem_pio2.c` (msun), in the form of `@stdlib/math-base-special-rempio2`, whose
 * bits it has:
 *
 * ```text
 * Copyright (C) 1993 by Sun Microsystems, Inc. All rights reserved.
 *
 * Developed at SunPro, a Sun Microsystems, Inc. business.
 * Permission to use, copy, modify, and distribute this
 * software is freely granted, provided that this notice
 * is preserved.
 *
 * Optimized by Bruce D. Evans.
 * ```
 *
 * @since 0.1.0
 */
import { highWord, powerOfTwo } from "./Words.ts"

/** What is left of an angle, within ±π/4, as the sum of two numbers: the second has the bits that the first cannot hold. @since 0.1.0 */
export interface Remainder {
  high: number
  low: number
}

/** π/2 in pieces of 33 bits, each with what is left of it. */
const FIRST = 1.5707963267341256
const FIRST_REST = 6.077100506506192e-11
const SECOND = 6.077100506303966e-11
const SECOND_REST = 2.0222662487959506e-21
const THIRD = 2.0222662487111665e-21
const THIRD_REST = 8.4784276603689e-32
const TWO_OVER_PI = 0.6366197723675814

// High words
const MAGNITUDE = 0x7fffffff
const SIGNIFICAND = 0x000fffff
/** π/4, 3π/4, 5π/4, 7π/4, 9π/4. */
const PI_4 = 0x3fe921fb
const PI3_4 = 0x4002d97c
const PI5_4 = 0x400f6a7a
const PI7_4 = 0x4015fdbc
const PI9_4 = 0x401c463b
/** π/2, π and 2π have one significand; 3π/2 has another. Close to them digits cancel out. */
const PI_SIGNIFICAND = 0x921fb
const PI3_2 = 0x4012d97c
/** 2^20 π/2. */
const LARGE = 0x413921fb
const NOT_FINITE = 0x7ff00000

/** Sets `remainder` to what is left of `x`, and returns the number of quarter turns, of large angles modulo 8. @since 0.1.0 */
export const reduce = (x: number, remainder: Remainder): number => {
  const size = highWord(x) & MAGNITUDE
  if (size >= NOT_FINITE) {
    remainder.high = remainder.low = Number.NaN
    return 0
  }
  if (size <= PI_4) {
    remainder.high = x
    remainder.low = 0
    return 0
  }
  if (size >= LARGE) return large(x, remainder)
  if (size > PI9_4 || size === PI3_2 || (size & SIGNIFICAND) === PI_SIGNIFICAND) return medium(x, size, remainder)
  const turns = size <= PI3_4 ? 1 : size <= PI5_4 ? 2 : size <= PI7_4 ? 3 : 4
  const n = x > 0 ? turns : -turns
  const z = x - n * FIRST
  remainder.high = z - n * FIRST_REST
  remainder.low = z - remainder.high - n * FIRST_REST
  return n
}

const exponent = (word: number): number => (word >> 20) & 0x7ff

const medium = (x: number, size: number, remainder: Remainder): number => {
  const n = Math.round(x * TWO_OVER_PI)
  const own = exponent(size)
  let r = x - n * FIRST
  let w = n * FIRST_REST
  // Good to 85 bits; if 16 of them have cancelled out, to 118; if 49, to 151.
  remainder.high = r - w
  if (own - exponent(highWord(remainder.high)) > 16) {
    let t = r
    w = n * SECOND
    r = t - w
    w = n * SECOND_REST - (t - r - w)
    remainder.high = r - w
    if (own - exponent(highWord(remainder.high)) > 49) {
      t = r
      w = n * THIRD
      r = t - w
      w = n * THIRD_REST - (t - r - w)
      remainder.high = r - w
    }
  }
  remainder.low = r - remainder.high - w
  return n
}

// Large angles: the digits of 2/π that matter are multiplied with the angle's, 24 bits at a time

const TWO_POW_24 = 2 ** 24
const TWO_POW_MINUS_24 = 2 ** -24

/** 2/π, 24 bits a number. */
// biome-ignore format: a table
const INVERSE = [
  0xa2f983, 0x6e4e44, 0x1529fc, 0x2757d1, 0xf534dd, 0xc0db62, 0x95993c, 0x439041, 0xfe5163, 0xabdebb, 0xc561b7,
  0x246e3a, 0x424dd2, 0xe00649, 0x2eea09, 0xd1921c, 0xfe1deb, 0x1cb129, 0xa73ee8, 0x8235f5, 0x2ebb44, 0x84e99c,
  0x7026b4, 0x5f7e41, 0x3991d6, 0x398353, 0x39f49c, 0x845f8b, 0xbdf928, 0x3b1ff8, 0x97ffde, 0x05980f, 0xef2f11,
  0x8b5a0a, 0x6d1f6d, 0x367ecf, 0x27cb09, 0xb74f46, 0x3f669e, 0x5fea2d, 0x7527ba, 0xc7ebe5, 0xf17b3d, 0x0739f7,
  0x8a5292, 0xea6bfb, 0x5fb11f, 0x8d5d08, 0x560330, 0x46fc7b, 0x6babf0, 0xcfbc20, 0x9af436, 0x1da9e3, 0x91615e,
  0xe61b08, 0x659985, 0x5f14a0, 0x68408d, 0xffd880, 0x4d7327, 0x310606, 0x1556ca, 0x73a8c9, 0x60e27b, 0xc08c6b
]

/** π/2, 24 bits a number. */
const PIECES = [
  1.570796251296997, 7.549789415861596e-8, 5.390302529957765e-15, 3.282003415807913e-22, 1.270655753080676e-29
]

/** How many digits of 2/π are taken at first, less one. */
const FEWEST = 4

/** A digit; 0 where there is none. */
const at = (digits: ReadonlyArray<number>, place: number): number => digits[place] ?? 0

const large = (x: number, remainder: Remainder): number => {
  const shift = exponent(highWord(x)) - 1046
  const angle = digitsOf(Math.abs(x) * powerOfTwo(-shift))
  const skipped = Math.max(0, Math.trunc((shift - 3) / 24))
  const products: Array<number> = []
  let turns: number | undefined
  let more = FEWEST + 1
  while (turns === undefined) {
    for (; more > 0; more--) {
      const place = products.length + skipped
      products.push(angle.reduce((sum, digit, own) => sum + digit * at(INVERSE, place - own), 0))
    }
    const fraction = fractionOf(products, shift - 24 * (skipped + 1))
    more = fraction.more
    if (more === 0) turns = multiplied(fraction, remainder)
  }
  if (x > 0) return turns
  remainder.high = -remainder.high
  remainder.low = -remainder.low
  return -turns
}

/** A whole number below 2^24, and two digits behind it. */
const digitsOf = (value: number): ReadonlyArray<number> => {
  const first = Math.trunc(value)
  const rest = (value - first) * TWO_POW_24
  const second = Math.trunc(rest)
  const all = [first, second, (rest - second) * TWO_POW_24]
  while (all.at(-1) === 0) all.pop()
  return all
}

/** x · 2/π, modulo 8. */
interface Fraction {
  readonly turns: number
  /** Whether the fraction is what lacks to the next whole number. */
  readonly isBelow: boolean
  /** The fraction's digits, the last one first. */
  readonly digits: ReadonlyArray<number>
  /** The exponent of the first one, which stands at the end. */
  readonly scale: number
  /** How many more digits of 2/π are needed, since all of these cancel out. */
  readonly more: number
}

/** Sums the products, the first of which counts for 2^`scale`. */
const fractionOf = (products: ReadonlyArray<number>, scale: number): Fraction => {
  let last = products.length - 1
  const digits: Array<number> = []
  let z = at(products, last)
  for (let place = last; place > 0; place--) {
    const carried = Math.trunc(z * TWO_POW_MINUS_24)
    digits.push(z - TWO_POW_24 * carried)
    z = at(products, place - 1) + carried
  }
  z *= powerOfTwo(scale)
  z -= 8 * Math.floor(z * 0.125)
  let turns = Math.trunc(z)
  z -= turns
  /** 0 below a half, 1 if a digit says that it is not, 2 if `z` does. */
  let half = 0
  if (scale > 0) {
    const top = at(digits, last - 1) >> (24 - scale)
    turns += top
    digits[last - 1] = at(digits, last - 1) - (top << (24 - scale))
    half = at(digits, last - 1) >> (23 - scale)
  } else if (scale === 0) half = at(digits, last - 1) >> 23
  else if (z >= 0.5) half = 2
  if (half > 0) {
    turns++
    const carries = complement(digits)
    if (scale > 0) digits[last - 1] = at(digits, last - 1) & (0xffffff >> scale)
    if (half === 2) z = 1 - z - (carries ? powerOfTwo(scale) : 0)
  }
  const own = { turns: turns & 7, isBelow: half > 0 }
  if (z !== 0) {
    z *= powerOfTwo(-scale)
    const carried = Math.trunc(z * TWO_POW_MINUS_24)
    digits.push(z - TWO_POW_24 * carried)
    if (carried === 0) return { ...own, digits, scale, more: 0 }
    digits.push(carried)
    return { ...own, digits, scale: scale + 24, more: 0 }
  }
  if (digits.slice(FEWEST).every((digit) => digit === 0)) {
    let more = 1
    while (at(digits, FEWEST - more) === 0) more++
    return { ...own, digits, scale, more }
  }
  last--
  let chopped = scale - 24
  for (; at(digits, last) === 0; last--) chopped -= 24
  return { ...own, digits: digits.slice(0, last + 1), scale: chopped, more: 0 }
}

/** Makes the digits those of what lacks to the next whole number; returns `false` if all are 0. */
const complement = (digits: Array<number>): boolean => {
  const first = digits.findIndex((digit) => digit !== 0)
  if (first === -1) return false
  for (let place = first; place < digits.length; place++) {
    digits[place] = (place === first ? TWO_POW_24 : TWO_POW_24 - 1) - at(digits, place)
  }
  return true
}

/** Sets `remainder` to the fraction · π/2. */
const multiplied = ({ digits, isBelow, scale, turns }: Fraction, remainder: Remainder): number => {
  const last = digits.length - 1
  const values = digits.map((digit, place) => digit * powerOfTwo(scale - 24 * (last - place)))
  const terms = values.map((_, place) => {
    const from = last - place
    return PIECES.slice(0, place + 1).reduce((sum, piece, own) => sum + piece * at(values, from + own), 0)
  })
  const high = terms.reduceRight((sum, term) => sum + term, 0)
  const low = terms.slice(1).reduce((sum, term) => sum + term, at(terms, 0) - high)
  remainder.high = isBelow ? -high : high
  remainder.low = isBelow ? -low : low
  return turns
}
