/** Batches as lines of JSON: the text that `shownJson` has, in pieces of a bounded length. */
import { expect, test } from "bun:test"
import { Effect } from "effect"
import { shownJson } from "../../src/core/Json.ts"
import { Tensor } from "../../src/core/Tensor.ts"
import { Dataset, Pipeline } from "../../src/index.ts"
import { encode, encodedFrame, type Frame } from "../../src/service/Frame.ts"
import { line } from "../../src/service/Ndjson.ts"
import { Service } from "../../src/service.ts"

const cursor = { epoch: 0, batch: 1, digest: null } as unknown as Extract<Frame, { kind: "batch" }>["cursor"]

const random = (length: number) => Float32Array.from({ length }, (_, at) => Math.fround(Math.sin(at) * 1e3))

const columns: Readonly<Record<string, unknown>> = {
  long: new Tensor(random(20_001), [20_001]),
  narrow: new Tensor(random(30_000), [10_000, 3]),
  wide: new Tensor(random(3 * 5000), [3, 1, 5000]),
  deep: new Tensor(random(9000), [3, 1, 1, 3000]),
  bytes: new Tensor(
    Uint8Array.from({ length: 9000 }, (_, at) => at),
    [9000]
  ),
  large: new Tensor(new BigInt64Array(5000).fill(2n ** 60n), [5000]),
  odd: new Tensor(Float64Array.of(Number.NaN, -0, Number.POSITIVE_INFINITY, 2 ** 60), [2, 2]),
  none: new Tensor(new Int16Array(0), [0, 7]),
  one: new Tensor(Float64Array.of(1.5), []),
  raw: new Uint8Array([1, 2, 3]),
  array: random(5000),
  texts: Array.from({ length: 5000 }, (_, at) => `"${at}"\n`),
  records: [{ a: 1, "b\\": [null, true, undefined, 3n, 2n ** 70n] }, {}, [], new Date(0), "№"]
}

test("a line is what JSON shows of the frame, in pieces", () => {
  const batch = { epoch: 0, index: 0, rank: 0, worker: 0, size: 3, indices: new Float64Array(9000), columns }
  const frames = [
    [
      { kind: "batch", batch, cursor },
      { ...batch, cursor }
    ],
    [
      { kind: "error", tag: "T", message: "m" },
      { error: "T", message: "m" }
    ]
  ] as const
  const decoder = new TextDecoder("utf-8", { fatal: true })
  for (const [frame, expected] of frames) {
    const pieces = [...line(encodedFrame(encode(frame as Frame)))] // of columns such as a pipeline may have
    expect(pieces.map((piece) => decoder.decode(piece)).join("")).toBe(`${shownJson(expected)}\n`)
    for (const { length } of pieces) expect(length).toBeLessThan(200_000)
  }
})

test("a reader of lines of JSON keeps no other waiting for its batch", () =>
  Effect.gen(function* () {
    const rows = Pipeline.from(Dataset.range(1)).pipe(
      Pipeline.map("row", () => ({ row: new Float32Array(2 ** 20).fill(1 / 3) })),
      Pipeline.batch(1)
    )
    const { url } = yield* Service.serve({ pipelines: { rows } })
    const healthy = yield* Effect.promise(async () => {
      let isDone = false
      const text = fetch(`${url}/batches?epochs=1&format=ndjson`)
        .then((response) => response.text())
        .finally(() => {
          isDone = true
        })
      let healthy = 0
      while (!isDone) {
        await (await fetch(`${url}/health`)).text()
        healthy++
      }
      const [, batch = ""] = (await text).split("\n")
      expect(JSON.parse(batch).columns.row[0].length).toBe(2 ** 20)
      return healthy
    })
    expect(healthy).toBeGreaterThan(5)
  }).pipe(Effect.scoped, Effect.runPromise))
