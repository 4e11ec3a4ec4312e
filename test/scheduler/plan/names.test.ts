/**
 * Columns by names that objects have from birth, on every backend: none is lost, and none becomes a prototype.
 */
import { expect, test } from "bun:test"
import { Chunk, Effect, type Layer, Stream } from "effect"
import { Batch, Scheduler, Tensor, Workers } from "../../../src/index.ts"
import { columns, misnamedColumns, misnamedRecords, names, records } from "../../support/threaded/names.ts"

const module = new URL("../../support/threaded/names.ts", import.meta.url)
const backends: ReadonlyArray<readonly [string, (name: string) => Layer.Layer<Workers.Workers, unknown>]> = [
  ["fibers", () => Workers.fibers({ workers: 2 })],
  ["threads", (name) => Workers.threads({ workers: 2, pipeline: module, name })]
]

const ordered = ["9", ...names.filter((name) => name !== "9")]

for (const [backend, workers] of backends) {
  for (const [name, pipeline] of Object.entries({ columns, records })) {
    test(`${name} on ${backend}`, async () => {
      const batches = await Scheduler.stream<unknown, unknown, never>(pipeline, { epochs: 1 }).pipe(
        // Copies are records of their own, too.
        Stream.map(Batch.copy),
        Stream.runCollect,
        Effect.provide(workers(name)),
        Effect.runPromise
      )
      for (const { columns, index } of Chunk.toReadonlyArray(batches)) {
        expect(Object.getPrototypeOf(columns)).toBe(Object.prototype)
        const found = Object.entries(columns as object)
        expect(found.map(([own]) => own)).toEqual(ordered)
        for (const [own, column] of found) {
          const first = 100 * names.indexOf(own) + 4 * index
          expect(column).toBeInstanceOf(Tensor.Tensor)
          expect([...column.data]).toEqual([first, first + 1, first + 2, first + 3])
        }
      }
      expect(Chunk.size(batches)).toBe(2)
    }, 60_000)
  }

  const misnamed = { misnamedColumns: "label", misnamedRecords: "label, meta.size" }
  for (const [name, pipeline] of Object.entries({ misnamedColumns, misnamedRecords })) {
    test(`${name} on ${backend}: a name in dtypes that is no column is an error with those there are`, async () => {
      const error = await Stream.runDrain(Scheduler.stream<unknown, unknown, never>(pipeline, { epochs: 1 })).pipe(
        Effect.flip,
        Effect.provide(workers(name)),
        Effect.runPromise
      )
      expect(error).toMatchObject({ _tag: "StageError", stage: "batch", cause: { _tag: "InvalidOption" } })
      const known = misnamed[name as keyof typeof misnamed] // the two have the same names
      expect(String(error)).toContain(`a name in dtypes must be that of a column of numbers: ${known}, got "lable"`)
    }, 60_000)
  }
}
