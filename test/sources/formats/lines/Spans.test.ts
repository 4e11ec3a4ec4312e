import { expect, test } from "bun:test"
import { Effect } from "effect"
import { bytesFreed, take } from "../../../../src/core/ReadBuffers.ts"
import { decode } from "../../../../src/sources/formats/lines/JsonlBlocks.ts"
import { configOf } from "../../../../src/sources/formats/lines/JsonlOptions.ts"
import { Spans } from "../../../../src/sources/formats/lines/Spans.ts"
import { shardOf } from "../../../../src/sources/shards/ReadBlock.ts"
import { memoryStore } from "../../../support/shards/MemoryStore.ts"

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

test("a block of JSON Lines gives back its bytes, and the places of its lines once these were found", async () => {
  const rows = 5000
  const text = new TextEncoder().encode(Array.from({ length: rows }, (_, row) => `{"n":${row}}\n`).join(""))
  const { service } = memoryStore({ a: text })
  const info = await Effect.runPromise(service.stat({ location: "a" }))
  const bytes = take(text.length)
  bytes.set(text)
  const place = { shard: shardOf(service, info), index: { blocks: [] }, number: 0, firstRow: 0 }
  const block = decode(bytes, { rows, offset: 0, length: text.length }, place, configOf({}))
  if (Effect.isEffect(block)) throw new Error("it is neither compressed nor does it have to be loaded")
  expect([block.row(4321), block.row(7)]).toEqual([{ n: 4321 }, { n: 7 }])
  const before = bytesFreed()
  block.release?.()
  expect(bytesFreed() - before).toBeGreaterThanOrEqual(text.length + 2 * 4 * rows)
})
