/** A pipeline that logs each call of its stages to a file, for processes that share no memory. */
import { appendFileSync, writeFileSync } from "node:fs"
import process from "node:process"
import * as Effect from "effect/Effect"
import * as Pipeline from "../../../src/pipeline/Pipeline.ts"
import * as Sampler from "../../../src/sampling/Sampler.ts"
import * as Dataset from "../../../src/sources/Dataset.ts"

export interface Config {
  readonly size: number
  readonly batch: number
  /** The file; beside it lies one for each trouble that was met. */
  readonly log: string
  /** The samples at which something goes wrong, and how often. */
  readonly fails?: Readonly<Record<number, number>>
  readonly killed?: Readonly<Record<number, number>>
  readonly spins?: Readonly<Record<number, number>>
}

/** Whether it is to happen at a sample once more; all processes count together. */
const happens = (log: string, what: string, index: number, times = 0): boolean => {
  for (let time = 0; time < times; time++) {
    try {
      writeFileSync(`${log}.${what}.${index}.${time}`, "", { flag: "wx" })
      return true
    } catch {
      // It has happened so often.
    }
  }
  return false
}

export const pipeline = ({ batch, fails = {}, killed = {}, log, size, spins = {} }: Config) => {
  const call = (stage: string, index: number): void => appendFileSync(log, `${stage} ${index}\n`)
  return Pipeline.from(
    Dataset.make({
      size,
      get: (index) => {
        call("read", index)
        return index
      }
    })
  ).pipe(
    Pipeline.sample(Sampler.shuffle),
    Pipeline.augment("noise", (index, rng) => {
      call("noise", index)
      const draw = rng.integer(1e6)
      if (happens(log, "killed", index, killed[index])) process.kill(process.pid, "SIGKILL")
      while (happens(log, "spins", index, spins[index])) for (;;);
      if (happens(log, "fails", index, fails[index])) throw new RangeError(`trouble at ${index}`)
      return [index, draw]
    }),
    Pipeline.mapEffect("wait", (pair) => Effect.as(Effect.yieldNow(), pair), { concurrency: 2 }),
    Pipeline.batchWith(batch, (samples: ReadonlyArray<ReadonlyArray<number>>) => ({
      own: Float32Array.from(samples.flat()),
      text: samples.map(([index]) => `sample ${index}`)
    })),
    Pipeline.augment("behind", (made, rng) => ({ ...made, columns: { ...made.columns, last: rng.double() } }))
  )
}
