import { describe, expect, test } from "bun:test"
import { createHash } from "node:crypto"
import * as Schema from "@effect/schema/Schema"
import { Either } from "effect"
import * as fc from "fast-check"
import * as Seed from "../../src/random/Seed.ts"

const refusal = (value: unknown): Seed.SeedError => {
  // Values of other types reach `root` from code without types.
  const result = Seed.root(value as Seed.RootInput)
  if (Either.isRight(result)) throw new Error(`${result.right.text} was taken`)
  return result.left
}

const root = (value: Seed.RootInput): Seed.Root => Either.getOrThrow(Seed.root(value))

describe("root", () => {
  test("of a number or a bigint is its 64 bits", () => {
    expect(root(0)).toEqual({ text: "0", low: 0, high: 0 })
    expect(root(42)).toEqual({ text: "42", low: 42, high: 0 })
    expect(root(2 ** 32)).toEqual({ text: "4294967296", low: 0, high: 1 })
    expect(root(Number.MAX_SAFE_INTEGER)).toEqual({ text: "9007199254740991", low: 0xffffffff, high: 0x1fffff })
    expect(root(2n ** 64n - 1n)).toEqual({ text: "18446744073709551615", low: 0xffffffff, high: 0xffffffff })
    expect(root(-0)).toEqual({ text: "0", low: 0, high: 0 })
  })

  test("is one for numbers and bigints of one value, and no bit of it is lost", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        expect(root(value)).toEqual(root(BigInt(value)))
      })
    )
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (value) => {
        const { high, low, text } = root(value)
        expect((BigInt(high) << 32n) | BigInt(low)).toBe(value)
        expect(text).toBe(String(value))
      })
    )
  })

  test("of a string is the first eight bytes of its SHA-256, little-endian", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const digest = createHash("sha256").update(text, "utf8").digest()
        const expected = { text: JSON.stringify(text), low: digest.readUInt32LE(0), high: digest.readUInt32LE(4) }
        expect(root(text)).toEqual(expected)
      })
    )
    // SHA-256 of nothing begins e3b0c442 98fc1c14.
    expect(root("")).toEqual({ text: '""', low: 0x42c4b0e3, high: 0x141cfc98 })
    expect(root("42")).not.toMatchObject({ low: 42 })
  })

  test.each<[unknown, string]>([
    [-1, "-1 cannot seed a run: give a whole number of at least 0, a bigint or a string"],
    [0.5, "0.5 cannot seed a run: give a whole number of at least 0, a bigint or a string"],
    [Number.NaN, "NaN cannot seed a run: give a whole number of at least 0"],
    [Number.POSITIVE_INFINITY, "Infinity cannot seed a run: give a whole number of at least 0"],
    [Number.NEGATIVE_INFINITY, "-Infinity cannot seed a run: give a whole number of at least 0"],
    [2 ** 53, "9007199254740992 cannot seed a run: numbers hold whole values only up to 2^53 - 1; give it as a bigint"],
    [1e300, "1e+300 cannot seed a run: numbers hold whole values only up to 2^53 - 1"],
    [2n ** 64n, "18446744073709551616n cannot seed a run: give a bigint from 0n to 2n ** 64n - 1n, or a string"],
    [-1n, "-1n cannot seed a run: give a bigint from 0n"],
    [undefined, "undefined cannot seed a run: give a whole number, a bigint or a string"],
    [null, "null cannot seed a run"],
    [true, "true cannot seed a run"],
    [[42], "an object cannot seed a run"],
    [Object.create(null), "an object cannot seed a run"],
    [Symbol("s"), "Symbol(s) cannot seed a run"],
    [() => 42, "a function cannot seed a run"]
  ])("refuses case %#", (value, message) => {
    const error = refusal(value)
    expect(error).toBeInstanceOf(Seed.SeedError)
    expect(error._tag).toBe("SeedError")
    expect(error.value).toBe(value)
    expect(error.message).toContain(message)
  })
})

describe("parse", () => {
  const parsed = (text: string): Seed.Root => Either.getOrThrow(Seed.parse(text))

  test("digits are the number they spell", () => {
    expect(parsed("42")).toEqual(root(42))
    expect(parsed("  42\n")).toEqual(root(42))
    expect(parsed("007")).toEqual(root(7))
    expect(parsed("18446744073709551615")).toEqual(root(2n ** 64n - 1n))
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (value) => {
        expect(parsed(String(value))).toEqual(root(value))
      })
    )
  })

  test("all else is a string", () => {
    for (const text of ["monday", "0x2a", "run 42", "1,000", "४२", "infinite"]) expect(parsed(text)).toEqual(root(text))
  })

  test.each(["", "   ", "-1", "+1", "1.5", "1.", ".5", "1e3", "-1e-3", "NaN", "nan", "inf", "Infinity", "-Infinity"])(
    "refuses %j",
    (text) => {
      const result = Seed.parse(text)
      expect(Either.isLeft(result) && result.left).toBeInstanceOf(Seed.SeedError)
      expect(Either.isLeft(result) && result.left.message).toContain(`${JSON.stringify(text)} cannot seed a run: `)
    }
  )

  test("refuses digits over 2^64 - 1", () => {
    expect(Either.isLeft(Seed.parse("18446744073709551616"))).toBe(true)
  })
})

describe("a seed", () => {
  const word = fc.nat(0xffffffff)
  const seeds = fc.record({ algorithm: fc.string({ minLength: 1 }), words: fc.array(word) })

  test("goes through its schema and through JSON unchanged", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const encoded = Schema.encodeSync(Seed.Seed)(seed)
        expect(Schema.decodeUnknownSync(Seed.Seed)(JSON.parse(JSON.stringify(encoded)))).toEqual(seed)
        expect(Seed.validate(seed)).toEqual(seed)
      })
    )
  })

  test.each<[unknown, string]>([
    [{ algorithm: "", words: [] }, "algorithm"],
    [{ algorithm: "a" }, "words"],
    [{ algorithm: "a", words: [1, 2 ** 32] }, "words"],
    [{ algorithm: "a", words: [-1] }, "words"],
    [{ algorithm: "a", words: [0.5] }, "words"],
    [{ algorithm: "a", words: [Number.NaN] }, "words"],
    [{ algorithm: "a", words: ["1"] }, "words"],
    [{ words: [1] }, "algorithm"],
    ["a:1", "Seed"]
  ])("that is none is refused, and it says what is off: case %#", (value, named) => {
    expect(() => Seed.validate(value)).toThrow(named)
    expect(Either.isLeft(Schema.decodeUnknownEither(Seed.Seed)(value))).toBe(true)
  })

  test("is written as one line, another for another seed", () => {
    expect(Seed.format({ algorithm: "xoshiro128**", words: [0x123abcd, 1, 0xffffffff, 0] })).toBe(
      "xoshiro128**:0123abcd00000001ffffffff00000000"
    )
    fc.assert(
      fc.property(fc.array(word), fc.array(word), (one, two) => {
        const [a, b] = [one, two].map((words) => Seed.format({ algorithm: "a", words }))
        expect(a === b).toBe(one.join() === two.join())
      })
    )
  })
})
