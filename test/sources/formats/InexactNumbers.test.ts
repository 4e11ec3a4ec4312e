/**
 * Integers of 64 bits that are to be numbers and are not exact: an error of their row, and of no other.
 */
import { afterAll, describe, expect, test } from "bun:test"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Either, Stream } from "effect"
import { Dataset, FailurePolicy, Format, Pipeline, Scheduler, Sink } from "../../../src/index.ts"
import { shardOf } from "./tables.ts"

const folder = mkdtempSync(join(tmpdir(), "furrow-inexact-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const LARGE = 2n ** 60n + 1n
const bad = [3, 7]
const at = (row: number): bigint => (bad.includes(row) ? LARGE : BigInt(row))

/** Columns of each kind that holds integers of 64 bits. */
const columns = {
  numbers: (row: number) => at(row),
  nulls: (row: number) => (row % 2 === 0 ? null : at(row)),
  lists: (row: number) => BigInt64Array.of(at(row), 1n),
  records: (row: number) => ({ a: at(row), b: 1n })
}
const types = {
  numbers: "int64",
  nulls: "int64",
  lists: { list: "int64" },
  records: { struct: { a: "int64", b: "int64" } }
} satisfies Record<keyof typeof columns, Sink.ColumnType>

describe.each(["parquet", "arrow"] as const)("%s", (kind) => {
  test.each(Object.keys(columns) as ReadonlyArray<keyof typeof columns>)("a column of %s", async (name) => {
    const location = join(folder, `${kind}-${name}`)
    const rows = Array.from({ length: 10 }, (_, row) => ({ x: columns[name](row) }))
    await Effect.runPromise(Sink.write(Stream.fromIterable(rows), Sink[kind](location, { types: { x: types[name] } })))
    const format = Format[kind]<{ readonly x: unknown }>({ int64: "number" })
    const shard = join(location, `shard-00000.${kind}`)
    const plain = (value: unknown): unknown =>
      typeof value === "bigint"
        ? Number(value)
        : ArrayBuffer.isView(value)
          ? Array.from(value as BigInt64Array, Number)
          : typeof value === "object" && value !== null
            ? Object.fromEntries(Object.entries(value).map(([key, own]) => [key, plain(own)]))
            : value
    const sound = rows.map(({ x }) => plain(x))

    // With a stage that takes rows, and as columns.
    for (const isRows of [true, false]) {
      const dataset = await Effect.runPromise(Dataset.open(shard, { format, index: false }))
      const order = Pipeline.from(Dataset.subset(dataset, [9, 7, 3, 2, 0, 1, 4, 5, 6, 8]))
      const batched = (isRows ? order.pipe(Pipeline.map("same", (row) => row)) : order).pipe(
        Pipeline.batchWith(4, (own) => own.map(({ x }) => plain(x)))
      )
      const columned = (isRows ? order.pipe(Pipeline.map("same", (row) => row)) : order).pipe(Pipeline.batch(4))
      const delivered = Stream.runCollect(Scheduler.stream(batched, { epochs: 1 })).pipe(
        Effect.provide(FailurePolicy.skip({ budget: { samples: 2 }, report: () => Effect.void }))
      )
      const found = Array.from(await Effect.runPromise(delivered)).flatMap((batch) => batch.columns)
      expect(found).toEqual([9, 2, 0, 1, 4, 5, 6, 8].map((row) => sound[row]))
      const error = await Effect.runPromise(Effect.flip(Stream.runDrain(Scheduler.stream(columned, { epochs: 1 }))))
      expect(error).toMatchObject({ _tag: "StageError", position: 1, sample: 1, failure: { shard, row: 7 } })
      expect(error.message).toContain(`holds ${LARGE}, which is no exact number in JavaScript; read the integers`)
    }

    // As threads share it.
    const bytes = new Uint8Array(readFileSync(shard))
    const own = shardOf(bytes, shard)
    const index = await Effect.runPromise(format.index(own))
    const [block] = index.blocks
    if (block === undefined || format.shared === undefined) throw new Error("there is a block, which can be shared")
    const place = { shard: own, index, number: 0, firstRow: 0 }
    const read = await Effect.runPromise(own.read(block.offset, block.length))
    const shared = await Effect.runPromise(format.shared)
    const parts = shared.unpack(read, block, place)
    const view = shared.view(Effect.isEffect(parts) ? await Effect.runPromise(parts) : parts, block, place)
    const found = rows.map((_, row) => Either.try({ try: () => plain(view.row(row).x), catch: (thrown) => thrown }))
    for (const [row, one] of found.entries()) {
      if (bad.includes(row))
        expect(Either.getOrThrow(Either.flip(one))).toMatchObject({ _tag: "ShardError", shard, row })
      else expect(Either.getOrThrow(one)).toEqual(sound[row])
    }
  })
})
