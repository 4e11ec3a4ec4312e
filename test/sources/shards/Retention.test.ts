import { expect, test } from "bun:test"
import { Retention } from "../../../src/sources/shards/Retention.ts"

/** By its index it has 25 bytes. */
const block = (left: number) => ({ bytes: 30, left, used: 0 })

test("blocks whose rows were all given are dropped where not all fit, and those that are kept are not asked for again", () => {
  const kept = new Retention(100, 100)
  // Four blocks in the same order in each epoch.
  for (let put = 0; put < 24; put++) kept.put(put % 4, block(0))
  expect(kept.size).toBe(1)
  kept.put(0, block(1))
  kept.put(1, block(0))
  kept.put(2, block(0))
  // One that may still be asked for stays.
  expect([kept.size, kept.peek(0)?.left]).toEqual([2, 1])
})

test("they are kept as long as enough of them are asked for again", () => {
  const kept = new Retention(100, 100)
  for (let epoch = 0; epoch < 30; epoch++) {
    const order = [0, 1, 2, 3]
    // Each epoch begins with what the one before has left.
    for (const own of epoch % 2 === 0 ? order : order.toReversed()) {
      const found = kept.get(own)
      if (found === undefined) kept.put(own, block(0))
    }
  }
  expect(kept.size).toBeGreaterThan(1)
})

test("a block that was dropped with rows left counts as decoded again in its own epoch, not in the next one", () => {
  const kept = new Retention(60, 1000)
  // Two fit. Each block has rows that are not asked for here.
  for (let epoch = 0; epoch < 3; epoch++) for (let own = 0; own < 10; own++) kept.put(own, block(1))
  expect([kept.counts, kept.isShort]).toEqual([{ put: 30, again: 0 }, false])
  kept.put(5, block(1))
  expect([kept.counts.again, kept.isShort]).toEqual([1, true])
})
