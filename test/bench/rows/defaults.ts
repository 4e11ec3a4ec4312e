/** W1 with nothing set, and all set by hand: what a program gets whose author has read no page about speed. */
import { Effect } from "effect"
import { type Batch, furrow, Scheduler, SeedPolicy, Workers } from "../../../src/index.ts"
import { ordinary, pipeline } from "../loads/w1.ts"
import { type Contestant, interleaved } from "../measure.ts"
import { epochs } from "../ours.ts"
import { bar, found, type Outcome, type Request, type Row, ratio } from "../Row.ts"

const TUNED = "tuned: Tensor.resident, 1 fiber, forEach"
const BY_STEP = "nothing set, forEach"
const BY_LOOP = "nothing set, for await, batches kept for good"
const BY_PLAIN_STEP = "nothing set, forEach of furrow"
const GIVEN_BACK = "nothing set, for await (using batch of run)"

type Nothing = ReturnType<typeof ordinary>

/**
 * How many turns there are for each round of another row: one takes 0.07 s, so that what else the machine does for a moment
 * is in some of them. Of 210 turns, medians of 7 gave ratios from 0.84 to 1.24, those of 35 from 0.91 to 1.09.
 */
const TURNS = 5

/** The first seed of each contestant: no epoch is to be delivered twice. */
const FIRST = { step: 10_000, loop: 20_000, using: 30_000, plainStep: 40_000 }

const byStep = (own: Nothing): Contestant => {
  let seed = FIRST.step
  return {
    name: BY_STEP,
    run: () => {
      let samples = 0
      return Effect.gen(function* () {
        const loader = yield* Scheduler.open(own, { epochs: 1 })
        yield* loader.forEach(({ size }) => {
          samples += size
          return Effect.void
        })
        return samples
      }).pipe(Effect.scoped, Effect.provide(SeedPolicy.epochWorker({ seed: seed++ })), Effect.runPromise)
    }
  }
}

const byPlainStep = (own: Nothing): Contestant => {
  let seed = FIRST.plainStep
  return {
    name: BY_PLAIN_STEP,
    run: async () => {
      let samples = 0
      await furrow(own, { seed: seed++, epochs: 1 }).forEach(({ size }) => {
        samples += size
      })
      return samples
    }
  }
}

const byLoop = (
  name: string,
  first: number,
  own: Nothing,
  step: (batch: Batch.Delivered<unknown>) => void
): Contestant => {
  let seed = first
  return {
    name,
    run: async () => {
      let samples = 0
      for await (const batch of furrow(own, { seed: seed++, epochs: 1 })) {
        samples += batch.size
        step(batch)
      }
      return samples
    }
  }
}

const run = async ({ rounds, wants }: Request): Promise<Outcome> => {
  const own = ordinary()
  const all: ReadonlyArray<readonly [key: string, goal: number | undefined, one: Contestant]> = [
    ["defaults forEach/tuned", 0.85, byStep(own)],
    ["defaults run.forEach/tuned", undefined, byPlainStep(own)],
    ["defaults for-await/tuned", 0.7, byLoop(BY_LOOP, FIRST.loop, own, () => undefined)],
    ["defaults for-await using/tuned", 0.7, byLoop(GIVEN_BACK, FIRST.using, own, (batch) => batch[Symbol.dispose]())]
  ]
  const wanted = all.filter(([key]) => wants(key))
  const tuned = epochs(TUNED, pipeline, Workers.fibers({ workers: 1 }))
  const contestants = [tuned, ...wanted.map(([, , one]) => one)]
  const measured = await interleaved(contestants, { rounds: TURNS * rounds, warmFor: 3_000 })
  return {
    charts: [
      {
        title: "W1, 1 worker, by defaults",
        unit: "samples",
        bars: contestants.map(({ name }) => bar(found(measured, name), true))
      }
    ],
    figures: wanted.map(([key, least, { name }]) => ratio(key, found(measured, name), found(measured, TUNED), least))
  }
}

export const defaults: Row = {
  title: "Defaults",
  keys: [
    "defaults forEach/tuned",
    "defaults run.forEach/tuned",
    "defaults for-await/tuned",
    "defaults for-await using/tuned"
  ],
  run
}
