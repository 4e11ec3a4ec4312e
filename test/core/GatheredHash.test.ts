import { expect, test } from "bun:test"
import { createHash } from "node:crypto"
import fc from "fast-check"
import { GatheredHash } from "../../src/core/GatheredHash.ts"

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")

/** Short ones, those about as long as what is gathered, and longer ones. */
const length = fc.oneof(fc.nat({ max: 40 }), fc.integer({ min: 1300, max: 1400 }), fc.integer({ min: 4000, max: 9000 }))
const part = fc.oneof(
  length.map((own) => new Uint8Array(own).map((_, at) => at * 7 + own)),
  fc.tuple(length, fc.constantFrom("a", "é", "語", "🌾")).map(([own, letter]) => letter.repeat(own))
)

const added = (hash: GatheredHash, one: string | Uint8Array): GatheredHash =>
  typeof one === "string" ? hash.text(one) : hash.bytes(one)

const expected = (parts: ReadonlyArray<string | Uint8Array>): string => {
  const hash = createHash("sha256")
  for (const one of parts) hash.update(one)
  return hash.digest("hex")
}

test("is the SHA-256 of all parts, one behind the other", () => {
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
      expect(hex(parts.reduce(added, new GatheredHash()).digest())).toBe(expected(parts))
    })
  )
})

test("several can be under way, and one that is dropped changes no other", () => {
  const outer = new GatheredHash().text("outer")
  const inner = new GatheredHash().text("inner")
  new GatheredHash().text("dropped")
  outer.text(" goes on")
  expect(hex(inner.digest())).toBe(expected(["inner"]))
  const next = new GatheredHash().text("next")
  expect(hex(outer.digest())).toBe(expected(["outer goes on"]))
  expect(hex(next.digest())).toBe(expected(["next"]))
  expect(hex(new GatheredHash().digest())).toBe(expected([]))
})

test("parts are read when they are added", () => {
  const bytes = Uint8Array.of(1, 2, 3)
  const large = new Uint8Array(5000).fill(4)
  const hash = new GatheredHash().bytes(bytes).bytes(large)
  const wanted = expected([Uint8Array.of(1, 2, 3), new Uint8Array(5000).fill(4)])
  bytes.fill(0)
  large.fill(0)
  expect(hex(hash.digest())).toBe(wanted)
})
