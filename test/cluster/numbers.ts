/** A pipeline of numbers, with what can go wrong at some of them. */
import process from "node:process"
import { Effect } from "effect"
import { Tensor } from "../../src/core/Tensor.ts"
import { Dataset, Pipeline, Sampler } from "../../src/index.ts"

export interface Config {
  readonly size?: number
  readonly batch?: number
  /** Samples that fail, and how often; counted by each process, or thread. */
  readonly fails?: Readonly<Record<number, number>>
  /** The sample that ends the thread that is at it. */
  readonly poison?: number
  /** The sample that never ends. */
  readonly hangs?: number
  /** Milliseconds that each sample waits. */
  readonly waits?: number
  /** The sample that does not end the first time, and whatever waits with it; the next attempt goes well. */
  readonly stalls?: number
  /** How many lanes the order has. Default: an order without lanes. */
  readonly lanes?: number
}

const LENGTH = 160

/** What was called in this thread, sample by sample. */
export const calls: Array<number> = []

const failed = new Map<string, number>()
const stalled = new Set<number>()

export const pipeline = ({ batch = 8, fails = {}, hangs, lanes, poison, size = 100, stalls, waits = 0 }: Config = {}) =>
  Pipeline.from(Dataset.make({ size, get: (index: number) => index })).pipe(
    Pipeline.sample(lanes === undefined ? Sampler.shuffle : Sampler.shuffleBlocks({ window: 2, rows: 5, lanes })),
    Pipeline.augment("noise", (index, rng) => {
      calls.push(index)
      const draw = rng.integer(1e6)
      if (index === poison) process.exit(3)
      while (index === hangs);
      const key = `${JSON.stringify(fails)} ${index}`
      const times = failed.get(key) ?? 0
      if (times < (fails[index] ?? 0)) {
        failed.set(key, times + 1)
        throw new RangeError(`trouble at ${index}`)
      }
      return [index, draw]
    }),
    Pipeline.mapEffect("wait", (pair) => {
      const [index = -1] = pair
      if (index === stalls && !stalled.has(index)) {
        stalled.add(index)
        return Effect.never
      }
      return waits === 0 ? Effect.succeed(pair) : Effect.delay(Effect.succeed(pair), waits)
    }),
    Pipeline.batchWith(batch, (samples: ReadonlyArray<ReadonlyArray<number>>) => ({
      own: Float32Array.from(samples.flat()),
      // Long enough that the memory it arrives in is used again.
      image: new Tensor(
        Float32Array.from(
          { length: samples.length * LENGTH },
          (_, at) => (samples[at % samples.length]?.[1] ?? 0) + at
        ),
        [samples.length, LENGTH]
      ),
      odd: [Number.NaN, -0, undefined, 12n, new Uint8ClampedArray([1, 300])],
      text: samples.map(([index]) => `sample ${index}`)
    })),
    Pipeline.augment("behind", (made, rng) => ({ ...made, columns: { ...made.columns, last: rng.double() } }))
  )
