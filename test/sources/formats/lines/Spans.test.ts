import { expect, test } from "bun:test"
import { bytesFreed } from "../../../../src/core/ReadBuffers.ts"
import { Spans } from "../../../../src/sources/formats/lines/Spans.ts"

test("the memory of places is given back, also as it grows", () => {
  const before = bytesFreed()
  const spans = new Spans(4096)
  for (let record = 0; record < 5000; record++) spans.add(2 * record, 2 * record + 1)
  expect([spans.count, spans.starts[4999], spans.ends[4999]]).toEqual([5000, 9998, 9999])
  expect(bytesFreed() - before).toBe(2 * 4 * 4096)
  spans.release()
  expect(bytesFreed() - before).toBe(2 * 4 * (4096 + 8192))
  expect([spans.starts.length, spans.ends.length]).toEqual([0, 0])
})
