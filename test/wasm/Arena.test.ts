import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { Arena } from "../../src/wasm/Arena.ts"

interface Held {
  readonly address: number
  readonly length: number
  readonly mark: number
}

describe("an arena", () => {
  test("never hands out one byte twice, keeps what is written, whatever is taken and given back", () => {
    const step = fc.oneof(fc.record({ take: fc.oneof(fc.nat(300), fc.nat(300_000)) }), fc.record({ give: fc.nat(20) }))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const arena = new Arena()
        const held: Array<Held> = []
        steps.forEach((step, at) => {
          if ("give" in step) {
            const [gone] = held.splice(step.give % Math.max(held.length, 1), 1)
            if (gone !== undefined) arena.give(gone.address, gone.length)
            return
          }
          const address = arena.take(step.take)
          if (address === undefined) throw new Error("the arena has no room for less than a megabyte")
          const mark = (at % 255) + 1
          arena.bytes.fill(mark, address, address + step.take)
          held.push({ address, length: step.take, mark })
        })
        for (const { address, length, mark } of held) {
          expect(address % 64).toBe(0)
          // Kernels read up to 16 bytes beyond.
          expect(address + length + 16).toBeLessThanOrEqual(arena.size)
          expect(arena.bytes.subarray(address, address + length).every((byte) => byte === mark)).toBe(true)
        }
      }),
      { numRuns: 50 }
    )
  }, 60_000)

  test("uses again what was given back", () => {
    const arena = new Arena()
    const first = arena.take(1000)
    if (first === undefined) throw new Error("the arena has no room")
    arena.give(first, 1000)
    expect(arena.take(1000)).toBe(first)
    expect(arena.take(1000)).not.toBe(first)
  })

  test("says what lies in it, also what was taken before it grew, and nothing else does", () => {
    const arena = new Arena()
    const address = arena.take(8)
    if (address === undefined) throw new Error("the arena has no room")
    const before = new Uint8Array(arena.bytes.buffer, address, 8).fill(7)
    const size = arena.size
    expect(arena.take(size)).toBeDefined()
    expect(arena.size).toBeGreaterThan(size)
    expect(arena.addressOf(before)).toBe(address)
    expect([...arena.bytes.subarray(address, address + 8)]).toEqual([7, 7, 7, 7, 7, 7, 7, 7])
    expect(arena.addressOf(new Uint8Array(8))).toBeUndefined()
    expect(arena.addressOf(new Arena().bytes)).toBeUndefined()
  })

  test("gives none when there is not so much left, and goes on", () => {
    const arena = new Arena()
    expect(arena.take(2 ** 40)).toBeUndefined()
    expect(arena.take(64)).toBeDefined()
  })

  test.each([-1, 0.5, NaN, Infinity, 2 ** 53])("refuses a length of %p", (length) => {
    expect(() => new Arena().take(length)).toThrow(
      `the length of a place must be a whole number from 0 on, got ${length}`
    )
  })
})
