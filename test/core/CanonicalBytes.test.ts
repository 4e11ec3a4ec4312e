import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { bytesOf } from "../../src/core/CanonicalBytes.ts"

/** Words of floats: any bits, and often those of NaNs, infinities and zeros. */
const high = (infinite: number) =>
  fc.oneof(
    fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    fc.constantFrom(infinite, infinite + 0x80000000, infinite + 1, infinite + 0x80000001, 0x7fffffff, 0xffffffff),
    fc.constantFrom(0, 0x80000000)
  )
const low = fc.oneof(fc.constantFrom(0, 1, 0xffffffff), fc.integer({ min: 0, max: 2 ** 32 - 1 }))

const singles = fc.array(high(0x7f800000), { maxLength: 40 }).map((words) => Uint32Array.from(words))
const doubles = fc
  .array(fc.tuple(low, high(0x7ff00000)), { maxLength: 40 })
  .map((words) => Uint32Array.from(words.flat()))

/** The words with the bits of one NaN for all, by the definition of NaN. */
const canonical = (words: Uint32Array, size: 1 | 2): Uint32Array =>
  words.map((word, at) => {
    const first = at - (at % size)
    const top = (words[first + size - 1] as number) & 0x7fffffff
    const nan = size === 1 ? top > 0x7f800000 : top > 0x7ff00000 || (top === 0x7ff00000 && words[first] !== 0)
    if (!nan) return word
    return at === first + size - 1 ? (size === 1 ? 0x7fc00000 : 0x7ff80000) : 0
  })

describe.each(["ArrayBuffer", "SharedArrayBuffer"] as const)("bytes of floats in %s", (kind) => {
  /** The words in memory of that kind, behind `before` others. */
  const placed = (words: Uint32Array, before: number): Uint32Array => {
    const bytes = 4 * (before + words.length)
    const all = new Uint32Array(kind === "ArrayBuffer" ? new ArrayBuffer(bytes) : new SharedArrayBuffer(bytes))
    all.fill(0x7fc00001)
    all.set(words, before)
    return all.subarray(before)
  }
  const bytes = (words: Uint32Array): Array<number> => [...new Uint8Array(Uint32Array.from(words).buffer)]

  test("are their own but for NaNs, which have one bit pattern; the array stays as it is", () => {
    fc.assert(
      fc.property(singles, fc.nat({ max: 3 }), (words, before) => {
        const own = placed(words, before)
        expect([...bytesOf(new Float32Array(own.buffer, own.byteOffset, own.length))]).toEqual(
          bytes(canonical(words, 1))
        )
        expect([...own]).toEqual([...words])
      }),
      { numRuns: 300 }
    )
    fc.assert(
      fc.property(doubles, fc.nat({ max: 1 }), (words, before) => {
        const own = placed(words, 2 * before)
        expect([...bytesOf(new Float64Array(own.buffer, own.byteOffset, own.length / 2))]).toEqual(
          bytes(canonical(words, 2))
        )
        expect([...own]).toEqual([...words])
      }),
      { numRuns: 300 }
    )
  })
})

test("a NaN is found wherever it is", () => {
  for (let length = 1; length < 12; length++) {
    for (let at = 0; at < length; at++) {
      const single = new Uint32Array(length)
      single[at] = 0xffc00001
      expect([...new Uint32Array(bytesOf(new Float32Array(single.buffer)).slice().buffer)]).toEqual([
        ...new Uint32Array(length).with(at, 0x7fc00000)
      ])
      const double = new BigUint64Array(length)
      double[at] = 0xfff0000000000001n
      expect([...new BigUint64Array(bytesOf(new Float64Array(double.buffer)).slice().buffer)]).toEqual([
        ...new BigUint64Array(length).with(at, 0x7ff8000000000000n)
      ])
    }
  }
})

test("where there is none, and for other types, no byte is copied", () => {
  for (const array of [
    Float32Array.of(1, -0, Number.POSITIVE_INFINITY),
    Float64Array.of(1, Number.NEGATIVE_INFINITY),
    Int16Array.of(1, 2),
    BigInt64Array.of(1n)
  ]) {
    const own = bytesOf(array)
    expect([own.buffer === array.buffer, own.byteOffset, own.byteLength]).toEqual([true, 0, array.byteLength])
  }
})
