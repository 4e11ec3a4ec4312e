/** Text that kernels decode is what `TextDecoder` gives, whatever the bytes are. */
import { expect, test } from "bun:test"
import * as fc from "fast-check"
import { type Kernels, kernels } from "../../src/wasm/Kernels.ts"
import { latin1, textOf } from "../../src/wasm/Text.ts"

const own = ((): Kernels => {
  const found = kernels()
  if (found === undefined) throw new Error("this runtime has no kernels: is FURROW_KERNELS off?")
  return found
})()

const decoder = new TextDecoder("utf-8", { ignoreBOM: true })
const strict = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true })

/** The text, if it is UTF-8 and no character is beyond U+00FF. */
const expected = (bytes: Uint8Array): string | undefined => {
  try {
    const text = strict.decode(bytes)
    return /^[\0-\u00ff]*$/.test(text) ? text : undefined
  } catch {
    return undefined
  }
}

const narrow = fc.string({ unit: fc.integer({ min: 0, max: 0xff }).map((code) => String.fromCharCode(code)) })
const ascii = fc.string({ unit: "binary-ascii", maxLength: 40 })
const wide = fc.string({ unit: "binary", maxLength: 3 })
const encoded = (parts: fc.Arbitrary<ReadonlyArray<string>>) =>
  parts.map((own) => new TextEncoder().encode(own.join("")))
const bytes = fc.oneof(
  encoded(fc.array(fc.oneof(ascii, narrow))),
  encoded(fc.array(fc.oneof({ weight: 9, arbitrary: ascii }, { weight: 9, arbitrary: narrow }, wide))),
  fc.uint8Array({ maxLength: 40 }),
  // Cut anywhere, or with one byte changed.
  fc.tuple(encoded(fc.array(fc.oneof(ascii, narrow))), fc.nat(), fc.nat(255)).map(([whole, place, value]) => {
    if (value < 128) return whole.subarray(0, place % (whole.length + 1))
    return whole.map((byte, at) => (at === place % whole.length ? value : byte))
  })
)

test("latin1 gives the text, or nothing if it is not UTF-8 or goes beyond U+00FF", () => {
  fc.assert(
    fc.property(bytes, (bytes) => {
      expect(latin1(own, bytes)).toBe(expected(bytes))
    }),
    { numRuns: 1000 }
  )
})

test("each character, at each distance from the end", () => {
  for (let code = 0; code < 0x900; code++) {
    const text = `${"a".repeat(code % 33)}${String.fromCharCode(code)}${"é".repeat(code % 3)}${"b".repeat(code % 19)}`
    const bytes = new TextEncoder().encode(text)
    expect(latin1(own, bytes)).toBe(code < 0x100 ? text : undefined)
  }
})

test("textOf is TextDecoder, for texts of any length one after another", () => {
  const kinds = ["naïve ", "plain ", "日本 ", "ÿ"]
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(3), fc.nat(40_000)), { maxLength: 12 }), (texts) => {
      for (const [kind, length] of texts) {
        const bytes = new TextEncoder().encode((kinds[kind] ?? "").repeat(length))
        expect(textOf(bytes)).toBe(decoder.decode(bytes))
        // Cut within a character, perhaps.
        const cut = bytes.subarray(0, -1)
        expect(textOf(cut)).toBe(decoder.decode(cut))
      }
    }),
    { numRuns: 30 }
  )
})

test("memory is taken once for texts of many lengths", () => {
  const bytes = new TextEncoder().encode("é".repeat(20_000))
  expect(textOf(bytes)).toHaveLength(20_000)
  latin1(own, bytes)
  const { size } = own.arena
  for (let length = 2000; length < 40_000; length += 100) latin1(own, bytes.subarray(0, length))
  expect(own.arena.size).toBe(size)
})
