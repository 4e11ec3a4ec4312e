/** A pipeline whose threads, but for the first, are not ready, or fail, before a batch was built. */
import { isMainThread } from "node:worker_threads"
import * as Pipeline from "../../../src/pipeline/Pipeline.ts"
import * as Dataset from "../../../src/sources/Dataset.ts"

export interface Config {
  /** How many threads came here, and how many batches were built. */
  readonly counts: SharedArrayBuffer
  /** Whether the others then fail. */
  readonly fail: boolean
}

const LIMIT_MS = 20_000

export const pipeline = ({ counts, fail }: Config) => {
  const [came, built] = [0, 1]
  const own = new Int32Array(counts)
  if (!isMainThread && Atomics.add(own, came, 1) > 0) {
    if (Atomics.wait(own, built, 0, LIMIT_MS) === "timed-out") throw new Error("no batch was built without it")
    if (fail) throw new RangeError("too late")
  }
  return Pipeline.from(Dataset.range(64)).pipe(
    Pipeline.batchWith(4, (samples: ReadonlyArray<number>) => {
      Atomics.add(own, built, 1)
      Atomics.notify(own, built)
      return Float64Array.from(samples)
    })
  )
}
