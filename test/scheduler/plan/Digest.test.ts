import { describe, expect, test } from "bun:test"
import { createHash } from "node:crypto"
import fc from "fast-check"
import { Tensor } from "../../../src/core/Tensor.ts"
import { Delivered } from "../../../src/scheduler/loader/Delivered.ts"
import { DigestChain } from "../../../src/scheduler/loader/DigestChain.ts"
import * as Digest from "../../../src/scheduler/plan/Digest.ts"

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")
const sha = (...parts: ReadonlyArray<Uint8Array | string>): Uint8Array => {
  const hash = createHash("sha256")
  for (const part of parts) hash.update(part)
  return hash.digest()
}

describe("columns", () => {
  test("go in by name, each with its name, element type and shape in front of its bytes: worked out by hand", () => {
    const columns = {
      label: new Tensor(Uint8Array.of(7, 8), [2]),
      image: new Tensor(Float32Array.of(0.5, 1), [2, 1])
    }
    const lead = (text: string) => `${text.length}:${text}`
    const expected = sha(
      lead(" record [2]"),
      lead("image float32 [2,1]"),
      new Uint8Array(Float32Array.of(0.5, 1).buffer),
      lead("label uint8 [2]"),
      Uint8Array.of(7, 8)
    )
    expect(hex(Digest.ofColumns(columns))).toBe(hex(expected))
  })

  test("the order of fields is no part of it; name, type, shape and every value are", () => {
    const of = (columns: unknown) => hex(Digest.ofColumns(columns))
    const base = { a: new Tensor(Uint8Array.of(1, 2), [2]), b: ["x", "y"] }
    expect(of({ b: base.b, a: base.a })).toBe(of(base))
    const others = [
      { a2: base.a, b: base.b },
      { a: new Tensor(Int8Array.of(1, 2), [2]), b: base.b },
      { a: new Tensor(Uint8Array.of(1, 2), [2, 1]), b: base.b },
      { a: new Tensor(Uint8Array.of(1, 3), [2]), b: base.b },
      { a: base.a, b: ["xy", ""] },
      { a: base.a, b: ["x", "y", ""] },
      { a: base.a, b: { c: ["x", "y"] } },
      { a: base.a, b: base.b, c: 0 },
      { a: base.a, b: base.b, c: -0 },
      { a: base.a, b: base.b, c: "0" },
      { a: base.a, b: base.b, c: 0n },
      { a: base.a, b: base.b, c: null }
    ]
    const all = [base, ...others].map(of)
    expect(new Set(all).size).toBe(all.length)
  })

  test.each([
    [{ f: () => 1 }, "a function", "f"],
    [{ nested: { date: new Date(0) } }, "a Date", "nested.date"],
    [{ s: Symbol("s") }, "a symbol", "s"]
  ])("what has no bytes is refused by its name", (columns, found, column) => {
    let error: unknown
    try {
      Digest.ofColumns(columns)
    } catch (thrown) {
      error = thrown
    }
    expect(error).toBeInstanceOf(Digest.DigestError)
    expect(error).toMatchObject({ _tag: "DigestError", column, found })
  })
})

describe("what cannot be told apart, or has no end", () => {
  const nan = (bits: number) => new Float32Array(Uint32Array.of(0x3f800000, bits).buffer)
  const wide = (high: number) => new Float64Array(Uint32Array.of(0, 0x3ff00000, 0, high).buffer)

  test("a NaN is a NaN, whatever its bits; all else goes by its bits, -0 too", () => {
    const of = (data: Float32Array | Float64Array) => hex(Digest.ofColumns(new Tensor(data, [2])))
    const plain = of(Float32Array.of(1, Number.NaN))
    for (const bits of [0x7fc00000, 0xffc00000, 0x7f800001, 0x7fffffff]) expect(of(nan(bits))).toBe(plain)
    const double = of(Float64Array.of(1, Number.NaN))
    for (const high of [0x7ff80000, 0xfff80000, 0x7ff00001]) expect(of(wide(high))).toBe(double)
    expect(of(Float32Array.of(Number.NaN, 1))).not.toBe(plain)
    expect(of(Float32Array.of(0, 1))).not.toBe(of(Float32Array.of(-0, 1)))
    // The column itself is left as it is.
    const data = nan(0xffc00000)
    of(data)
    expect(new Uint32Array(data.buffer)[1]).toBe(0xffc00000)
  })

  test("halves of surrogate pairs are not one text", () => {
    const of = (text: string) => hex(Digest.ofColumns([text]))
    expect(new Set(["\ud800", "\ud801", "\ufffd"].map(of)).size).toBe(3)
  })

  test("a record that holds itself, or an object of no class, is a DigestError", () => {
    const own: Record<string, unknown> = {}
    own["self"] = own
    expect(() => Digest.ofColumns(own)).toThrow("without end")
    expect(() => Digest.ofColumns({ odd: Object.create(Object.create(null)) })).toThrow('column "odd"')
  })
})

describe("the chain", () => {
  test.each(["zz", "abcd", "", "g".repeat(64), "0".repeat(66)])(
    "continues from a digest alone, not from %j",
    (digest) => {
      const refused = "digest must be 64 hexadecimal digits"
      expect(() => Digest.append(digest, {})).toThrow(refused)
      expect(() => Digest.fromHex(digest)).toThrow(refused)
    }
  )

  const hashes = fc.array(fc.option(fc.uint8Array({ minLength: 32, maxLength: 32 }), { nil: undefined }), {
    maxLength: 12
  })

  test("is h(i) = SHA-256(h(i-1) ‖ hash of batch i), from 32 zero bytes; batches that came to nothing are passed over", () => {
    fc.assert(
      fc.property(hashes, (all) => {
        const chain = new DigestChain()
        let expected: Uint8Array = new Uint8Array(32)
        all.forEach((hash) => {
          chain.add(hash)
          if (hash !== undefined) expected = sha(expected, hash)
        })
        expect(chain.value).toBe(hex(expected))
      })
    )
  })

  test("does not depend on the order in which hashes come", () => {
    fc.assert(
      fc.property(
        hashes.chain((all) =>
          fc.tuple(fc.constant(all), fc.shuffledSubarray([...all.keys()], { minLength: all.length }))
        ),
        ([all, order]) => {
          const [sorted, mixed] = [new DigestChain(), new DigestChain()]
          for (const hash of all) sorted.add(hash)
          const delivered = new Delivered(mixed)
          for (const place of order) delivered.add(place, all[place])
          expect(mixed.value).toBe(sorted.value)
        }
      )
    )
  })
})
