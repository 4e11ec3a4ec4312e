/**
 * A pipeline for pools: who builds a batch says so in memory that all threads see, fails at some samples, dies at one, and
 * spins at another; how often is counted over all of them.
 */
import { threadId } from "node:worker_threads"
import * as Pipeline from "../../../src/pipeline/Pipeline.ts"
import * as Sampler from "../../../src/sampling/Sampler.ts"
import * as Dataset from "../../../src/sources/Dataset.ts"

/** Where something goes wrong, and the first how many calls of it. */
export interface Trouble {
  readonly index: number
  readonly how: "fails" | "dies" | "spins" | "leaves an error"
  readonly times: number
}

export interface Config {
  readonly size: number
  readonly batch: number
  /** A count for each sample of how often its trouble was met. */
  readonly met: SharedArrayBuffer
  readonly troubles: ReadonlyArray<Trouble>
  /** Waits at the first batch until so many others have been built by the other threads. */
  readonly slow?: number
  /** How many batches each thread has built, by its number; then how many are built, and whether one is slow already. */
  readonly built?: SharedArrayBuffer
}

/** Threads that are counted. */
export const THREADS = 1024

export const counts = (): SharedArrayBuffer => new SharedArrayBuffer(4 * (THREADS + 2))

export const pipeline = ({ batch, built, met, size, slow = 0, troubles }: Config) => {
  const calls = new Int32Array(met)
  const counted = built === undefined ? undefined : new Int32Array(built)
  return Pipeline.from(Dataset.range(size)).pipe(
    Pipeline.sample(Sampler.shuffle),
    Pipeline.augment("noise", (index, rng) => {
      const own = troubles.find((trouble) => trouble.index === index)
      if (own !== undefined && Atomics.add(calls, index, 1) < own.times) {
        if (own.how === "fails") throw new Error(`trouble at ${index}`)
        if (own.how === "dies") process.exit(7)
        if (own.how === "spins") for (;;);
        setTimeout(() => {
          throw new Error(`left behind at ${index}`)
        }, 0)
      }
      return [index, rng.integer(1e6)]
    }),
    Pipeline.batchWith(batch, (samples: ReadonlyArray<ReadonlyArray<number>>) => {
      if (counted !== undefined) {
        // The first to come here waits for the others.
        const isSlow = Atomics.compareExchange(counted, THREADS + 1, 0, 1) === 0
        while (isSlow && Atomics.load(counted, THREADS) < slow) Atomics.wait(counted, THREADS, slow - 1, 5)
        Atomics.add(counted, threadId % THREADS, 1)
        Atomics.add(counted, THREADS, 1)
      }
      return { own: Int32Array.from(samples.flat()) }
    })
  )
}
