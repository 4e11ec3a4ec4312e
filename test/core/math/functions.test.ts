/** `exp`, `ln` and `sincos` against the packages whose bits they have, on millions of numbers. */
import { describe, expect, test } from "bun:test"
import referenceExp from "@stdlib/math-base-special-exp"
import referenceLn from "@stdlib/math-base-special-ln"
import referenceSincos from "@stdlib/math-base-special-sincos"
import { exp } from "../../../src/core/math/Exp.ts"
import { ln } from "../../../src/core/math/Ln.ts"
import { type Direction, sincos } from "../../../src/core/math/SinCos.ts"
import { at } from "../../support/rng.ts"

const COUNT = 200_000
const TIME = 60_000

const rng = at(16)
const float = new Float64Array(1)
const words = new Uint32Array(float.buffer)

/** Any bits: all exponents, subnormal numbers, infinities, NaN. */
const anyBits = (): number => {
  words[0] = rng.word()
  words[1] = rng.word()
  return float[0] as number // it has one element
}

const within = (low: number, high: number) => (): number => low + (high - low) * rng.double()

/** A few units in the last place around whole multiples of a number. */
const around = (unit: number, most: number) => (): number => {
  float[0] = unit * Math.round(most * (2 * rng.double() - 1))
  words[0] = (words[0] as number) + rng.integer(7) - 3 // it has two
  return float[0] as number
}

const SPECIAL = [
  0,
  -0,
  1,
  -1,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  Number.MIN_VALUE,
  Number.MAX_VALUE,
  2 ** -1022,
  2 ** -28,
  -(2 ** -28),
  2 ** -27,
  Math.SQRT2,
  Math.SQRT1_2,
  709.782712893384,
  709.7827128933841,
  -744.4400719213812,
  -745.1332191019411,
  -745.1332191019412,
  -708.3964185322641,
  1e22,
  2 ** 20 * (Math.PI / 2)
]

/** The first number of many for which the two differ, -0 from 0, too. */
const differing = (
  ours: (x: number) => number,
  theirs: (x: number) => number,
  next: () => number
): ReadonlyArray<number> => {
  for (const x of SPECIAL) if (!Object.is(ours(x), theirs(x))) return [x, ours(x), theirs(x)]
  for (let count = 0; count < COUNT; count++) {
    const x = next()
    const [a, b] = [ours(x), theirs(x)]
    if (!Object.is(a, b)) return [x, a, b]
  }
  return []
}

describe("exp", () => {
  test.each([
    ["any bits", anyBits],
    ["where results are finite", within(-746, 710)],
    ["where they are subnormal", within(-745.2, -708)],
    ["where they are close to 1", within(-1e-7, 1e-7)],
    ["as distributions use it", within(-8, 0)]
  ])(
    "has the bits of the reference: %s",
    (_, next) => {
      expect(differing(exp, referenceExp, next)).toEqual([])
    },
    TIME
  )
})

describe("ln", () => {
  test.each([
    ["any bits", anyBits],
    ["subnormal", within(0, 2 ** -1020)],
    ["around 1", within(0.5, 2)],
    ["close to 1", within(1 - 2 ** -19, 1 + 2 ** -19)],
    ["powers of two", () => 2 ** (rng.integer(2098) - 1074)],
    ["as distributions use it", () => 1 - rng.double()]
  ])(
    "has the bits of the reference: %s",
    (_, next) => {
      expect(differing(ln, referenceLn, next)).toEqual([])
    },
    TIME
  )
})

describe("sincos", () => {
  const own: Direction = { sin: 0, cos: 0 }
  const ours = (part: keyof Direction) => (x: number) => {
    sincos(x, own)
    return own[part]
  }
  const theirs = (part: 0 | 1) => (x: number) => referenceSincos(x)[part] as number // it gives both
  test.each([
    ["any bits", anyBits],
    ["tiny", within(-(2 ** -26), 2 ** -26)],
    ["within a turn", within(-7.1, 7.1)],
    ["up to 2^20 quarter turns", within(-1.7e6, 1.7e6)],
    ["up to 2^60", within(-(2 ** 60), 2 ** 60)],
    ["at quarter turns", around(Math.PI / 2, 8)],
    ["at eighths of many turns", around(Math.PI / 4, 2 ** 24)]
  ])(
    "has the bits of the reference: %s",
    (_, next) => {
      expect(differing(ours("sin"), theirs(0), next)).toEqual([])
      expect(differing(ours("cos"), theirs(1), next)).toEqual([])
    },
    TIME
  )
})
