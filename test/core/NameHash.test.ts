import { expect, test } from "bun:test"
import fc from "fast-check"
import { wellFormed, wordsOf } from "../../src/core/NameHash.ts"

test("a name stands for 64 bits of its SHA-256", () => {
  expect(wordsOf("abc")).toEqual([0xbf1678ba, 0xeacf018f])
})

test("names that UTF-8 cannot hold stay apart; all others stay as they are", () => {
  const text = fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) })
  fc.assert(
    fc.property(text, text, (one, other) => {
      expect(wellFormed(one).isWellFormed()).toBe(true)
      if (one.isWellFormed()) expect(wellFormed(one)).toBe(one)
      expect(wordsOf(one).join() === wordsOf(other).join()).toBe(one === other)
    }),
    { examples: [["\ud800", "\ud801"]] }
  )
})
