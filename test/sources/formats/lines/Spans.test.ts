import { expect, test } from "bun:test"
import { Effect } from "effect"
import { bytesFreed, take } from "../../../../src/core/ReadBuffers.ts"
import * as Formats from "../../../../src/sources/formats/Formats.ts"
import { linesIn } from "../../../../src/sources/formats/lines/Lines.ts"
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

test.each([
  ["JSON Lines", Formats.jsonl(), (row: number) => `{"n":${row}}`, (row: number): unknown => ({ n: row })],
  ["CSV", Formats.csv({ header: ["n"], types: { n: "number" } }), String, (row: number): unknown => ({ n: row })],
  ["lines of text", Formats.text(), String, String]
] as const)("a block of %s gives back its bytes, and the places of its lines", async (_, format, line, rowOf) => {
  // Nearly as many as there is room for.
  const rows = 8000
  const text = new TextEncoder().encode(Array.from({ length: rows }, (_, row) => `${line(row)}\n`).join(""))
  const { service } = memoryStore({ a: text })
  const info = await Effect.runPromise(service.stat({ location: "a" }))
  const bytes = take(text.length)
  bytes.set(text)
  const shard = shardOf(service, info)
  const index = await Effect.runPromise(format.index(shard))
  const block = format.decode(bytes, { rows, offset: 0, length: text.length }, { shard, index, number: 0, firstRow: 0 })
  if (Effect.isEffect(block)) throw new Error("it is neither compressed nor does it have to be loaded")
  const found = [block.row(4321), block.row(7)]
  const before = bytesFreed()
  block.release?.()
  expect(bytesFreed() - before).toBeGreaterThanOrEqual(text.length + 2 * 4 * rows)
  expect<unknown>(found).toEqual([rowOf(4321), rowOf(7)])
})

test("an error of a block without records is at its first byte, whatever the memory of places holds", () => {
  const { service } = memoryStore({ a: new Uint8Array(0) })
  const spans = new Spans()
  spans.starts.fill(77)
  const kind = { name: "csv", split: () => spans, blockBytes: 1, rowBytes: 1, memberBytes: 1 }
  const shard = shardOf(service, { location: "a", size: 0, version: "1" })
  const lines = linesIn(kind, shard, new Uint8Array(0), spans, 0, (place) => 10 + place)
  expect(lines.error(0, "it is empty").byte).toBe(10)
})
