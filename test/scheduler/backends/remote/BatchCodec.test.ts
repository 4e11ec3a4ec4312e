/** Batches as plain data, and back: nothing of them is lost. */
import { expect, test } from "bun:test"
import { type Batch, Tensor } from "../../../../src/index.ts"
import { decodeBatch, encodeBatch } from "../../../../src/scheduler/backends/remote/BatchCodec.ts"
import { frame, reader } from "../../../support/backends/frames.ts"

test("a batch comes out of the bytes as it went in: columns, indices, children", () => {
  const batch: Batch.Batch<unknown> = {
    epoch: 1,
    index: 2,
    rank: 0,
    worker: 3,
    size: 2,
    indices: Float64Array.of(5, 8),
    children: Float64Array.of(0, 1),
    columns: { image: Tensor.make(Uint8Array.of(1, 2, 3, 4), [2, 2]), name: ["a", "b"], wide: BigInt64Array.of(1n, 2n) }
  }
  const arrived: Array<unknown> = []
  reader((message) => arrived.push(decodeBatch(message as ReturnType<typeof encodeBatch>)))(
    frame(encodeBatch(batch, []))
  )
  expect(arrived).toEqual([batch])
})

test("a batch that refers to itself is refused", () => {
  const columns: Record<string, unknown> = {}
  columns["self"] = columns
  const batch = { epoch: 0, index: 0, rank: 0, worker: 0, size: 1, indices: Float64Array.of(0), columns }
  expect(() => encodeBatch(batch, [])).toThrow("it refers to itself")
})
