/** Pipelines for threads that go wrong, each in its own way. */
import { existsSync, writeFileSync } from "node:fs"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Pipeline from "../../../src/pipeline/Pipeline.ts"
import * as Dataset from "../../../src/sources/Dataset.ts"
import * as Tensor from "../../../src/wasm/Tensor.ts"

const numbers = Pipeline.from(Dataset.range(40))

class Refused extends Data.TaggedError("Refused")<{ readonly value: number }> {}

export const throwing = numbers.pipe(
  Pipeline.map("divide", (x) => {
    if (x === 13) throw new RangeError("thirteen")
    return x
  }),
  Pipeline.batch(4)
)

export const failing = numbers.pipe(
  Pipeline.mapEffect("refuse", (x) => (x === 13 ? Effect.fail(new Refused({ value: x })) : Effect.succeed(x))),
  Pipeline.batch(4)
)

/** Leaves the process once, and once only: where the file says so. */
const once = (): boolean => {
  const marker = process.env["FURROW_TEST_MARKER"] ?? ""
  if (marker === "" || existsSync(marker)) return false
  writeFileSync(marker, "")
  return true
}

export const dyingOnce = numbers.pipe(
  Pipeline.augment("noise", (x, rng) => {
    if (x === 21 && once()) process.exit(7)
    return [x, rng.integer(1e6)]
  }),
  Pipeline.batch(4)
)

export const dying = numbers.pipe(
  Pipeline.map("die", (x) => {
    if (x === 21) process.exit(7)
    return x
  }),
  Pipeline.batch(4)
)

let calls = 0
/** Hangs on how often it was called. */
export const counting = numbers.pipe(
  Pipeline.map("count", (x) => x + calls++),
  Pipeline.batch(4)
)

export const looping = numbers.pipe(
  Pipeline.map("loop", (x) => {
    while (x === 9) {
      // Until somebody ends it.
    }
    return x
  }),
  Pipeline.batch(4)
)

/** Another one each time that it is built: that of a thread is never that of the main side. */
export const different = () => Pipeline.from(Dataset.range(10, { name: String(Math.random()) })).pipe(Pipeline.batch(2))

/** Its columns cannot be sent to another thread. */
export const unsendable = numbers.pipe(Pipeline.batchWith(4, (samples) => ({ later: () => samples.length })))

/** Built from what the main side sends. */
export const built = async ({ factor, size }: { readonly size: number; readonly factor: number }) =>
  Pipeline.from(Dataset.range(size)).pipe(
    Pipeline.map("times", (x) => x * factor),
    Pipeline.batch(2)
  )

export const shapes = numbers.pipe(
  Pipeline.map("grow", (x) => ({
    text: `t${x}`,
    row: { value: x, wide: BigInt(x) },
    data: new Float32Array(3).fill(x)
  })),
  Pipeline.batch(4)
)

/** A stage behind `batch` says which child of its sample each row is. */
export const children = numbers.pipe(
  Pipeline.map("fill", (x) => new Float32Array(3).fill(x)),
  Pipeline.batch(4),
  Pipeline.map("number", (batch) => ({ ...batch, children: batch.indices.map((index) => index % 3) }))
)

/** Each batch is larger than the one before. */
export const growing = numbers.pipe(
  Pipeline.batchWith(4, ([first = 0]) => ({
    all: Tensor.make(new Uint16Array(first * 50 + 1).fill(first), [first * 50 + 1])
  }))
)
