/** Data that threads are given: what lies in shared memory exists once for all of them, of all else each has a copy. */
import { expect, test } from "bun:test"
import { Effect, Stream } from "effect"
import { type Batch, type Pipeline, Scheduler, SeedPolicy, Tensor, Workers } from "../../../../src/index.ts"
import { columns, type Data, pipeline, SIZE, THREADS } from "../../../support/threaded/sharedData.ts"

const TIME = 120_000
const module = new URL("../../../support/threaded/sharedData.ts", import.meta.url)

const filled = (images: Tensor.Tensor<Uint8Array>): Tensor.Tensor<Uint8Array> => {
  for (let at = 0; at < images.data.length; at++) images.data[at] = (at * 37) % 251
  return images
}

/** The same images and labels, in shared memory of each kind, and in memory of its own. */
const kinds: Readonly<Record<string, () => Pick<Data, "images" | "labels">>> = {
  "Tensor.resident": () => ({
    images: filled(Tensor.resident("uint8", [SIZE, 12, 12, 1])),
    labels: Tensor.resident("uint8", [SIZE]).data
  }),
  SharedArrayBuffer: () => ({
    images: filled(Tensor.make(new Uint8Array(new SharedArrayBuffer(SIZE * 144)), [SIZE, 12, 12, 1])),
    labels: new Uint8Array(new SharedArrayBuffer(SIZE))
  }),
  "ordinary memory": () => ({
    images: filled(Tensor.make(new Uint8Array(SIZE * 144), [SIZE, 12, 12, 1])),
    labels: new Uint8Array(SIZE)
  })
}

interface Columns {
  readonly image: Tensor.Tensor<Uint8Array | Float32Array>
  readonly label: Tensor.Tensor<Float64Array>
}

/** The sum of all that is in the batches. */
const run = (name: "pipeline" | "columns", data: Data, threads: number) =>
  Effect.gen(function* () {
    const own: Pipeline.Pipeline<Batch.Batch<Columns>, never, SeedPolicy.SeedPolicy> = name === "pipeline"
      ? pipeline(data)
      : columns(data)
    const loader = yield* Scheduler.open(own, { epochs: 1, replay: true })
    return yield* Stream.runFold(loader.stream, 0, (sum, { columns: { image, label } }) => {
      let all = sum
      for (const value of image.data) all += value
      for (const value of label.data) all += value
      return all
    })
  }).pipe(
    Effect.scoped,
    Effect.provide(SeedPolicy.epochWorker({ seed: 42 })),
    Effect.provide(
      threads === 0
        ? Workers.fibers({ workers: THREADS })
        : Workers.threads({ workers: THREADS, threads, pipeline: module, name, config: data })
    ),
    Effect.runPromise
  )

for (const [kind, make] of Object.entries(kinds)) {
  test(
    `data in ${kind} gives the batches that it gives on fibers; threads write to what they share`,
    async () => {
      const data: Data = { ...make(), counts: Tensor.resident("int32", [3]) }
      expect(await run("pipeline", data, THREADS)).toBe(await run("pipeline", data, 0))
      // Counted by fibers and by threads in one place, where all of them see it.
      expect(Array.from(data.counts.data)).toEqual([2 * SIZE, 2 + THREADS, THREADS])
      expect(await run("columns", data, THREADS)).toBe(await run("columns", data, 0))
    },
    TIME
  )
}
