import { expect, test } from "bun:test"
import { Retention } from "../../../src/sources/shards/Retention.ts"

const blockOf = (bytes: number, left: number) => ({ bytes, left, used: 0 })

test("blocks whose rows were all given are kept while all blocks may fit, and dropped once it shows that they do not", () => {
  // By their index four blocks have 100 bytes; each has 30.
  const kept = new Retention(100, 100)
  for (let block = 0; block < 3; block++) kept.put(block, blockOf(30, 0))
  expect([kept.size, kept.bytes]).toEqual([3, 90])
  kept.put(3, blockOf(30, 0))
  expect([kept.size, kept.bytes]).toEqual([2, 60])
  kept.put(0, blockOf(30, 1))
  expect([kept.size, kept.bytes]).toEqual([1, 30])
  kept.put(1, blockOf(30, 0))
  kept.put(2, blockOf(30, 0))
  // One that may still be asked for stays.
  expect([kept.size, kept.peek(0)?.left]).toEqual([2, 1])
})
