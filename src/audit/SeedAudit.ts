/**
 * Proof of a run: how many generator states it started, and how many of them it had started before ({@link counting});
 * and, before anything is run, which of a pipeline's streams repeat each other under a policy ({@link run}).
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"

export { type Cell, type Meeting, type Options, type Pattern, type Repeat, type RunReport, run } from "./Run.ts"

import { around } from "../seeding/Around.ts"
import type { Coordinates } from "../seeding/Coordinates.ts"
import { coordinates, type Request, type Seeds, seedAt } from "../seeding/Request.ts"
import { SeedPolicy } from "../seeding/SeedPolicy.ts"
import { copyOf } from "../seeding/Service.ts"
import { type Order, StateLog } from "./StateLog.ts"

/** @category models @since 0.1.0 */
export interface Report {
  /** How many generators were started. */
  readonly started: number
  /** How many of them stood at a state that one before them had started from. */
  readonly repeated: number
  /** Where the first repeats are in the order of the plan, whichever worker was ahead, at most five. */
  readonly examples: ReadonlyArray<Coordinates>
}

/** @category models @since 0.1.0 */
export interface Service {
  /** What was seen so far. */
  readonly report: Effect.Effect<Report>
}

/**
 * The tag of the audit.
 *
 * @category services
 * @since 0.1.0
 */
export class SeedAudit extends Context.Tag("furrow/SeedAudit")<SeedAudit, Service>() {}

/** How many repeats a report names. */
const EXAMPLES = 5

/**
 * Returns a policy's layer with an audit of all that it hands out; what else the layer provides stays, so that audits and
 * recordings go around one policy in any order. It is told of the seeds that each order and stage starts from, and holds them all
 * (some 30 bytes a state), so memory grows with the run: about 45 MB for 1.5 million samples in one drawing stage. Repeats
 * are looked for when the report is asked for, which takes 0.1 µs a state.
 *
 * @example
 * import { Effect, Stream } from "effect"
 * import { Dataset, Pipeline, Sampler, Scheduler, SeedAudit, SeedPolicy, Workers } from "furrow"
 *
 * const pipeline = Pipeline.from(Dataset.range(100)).pipe(
 *   Pipeline.sample(Sampler.shuffle),
 *   Pipeline.augment("noise", (value, rng) => value + rng.normal()),
 *   Pipeline.batch(10)
 * )
 * const program = Effect.gen(function* () {
 *   yield* Stream.runDrain(Scheduler.stream(pipeline, { epochs: 3 }))
 *   const audit = yield* SeedAudit.SeedAudit
 *   return yield* audit.report
 * })
 * const report = await program.pipe(
 *   Effect.provide(SeedAudit.counting(SeedPolicy.epochWorker({ seed: 42 }))),
 *   Effect.provide(Workers.fibers({ workers: 2 })),
 *   Effect.runPromise
 * )
 * // Three orders, and a state for each sample of each epoch.
 * console.assert(report.started === 303 && report.repeated === 0)
 *
 * @category layers
 * @since 0.1.0
 */
export const counting = <E, R, Out = never>(
  policy: Layer.Layer<SeedPolicy | Out, E, R>
): Layer.Layer<SeedPolicy | SeedAudit | Out, E, R> =>
  around(policy, (inner) => {
    const log = new StateLog()
    /** The requests that states were started for, and the number of the first state of each. */
    const requests: Array<Request> = []
    const firsts: Array<number> = []
    const carried = new Set<string>()
    const note = (request: Request, seeds: Seeds) => {
      if (seeds._tag === "Carried") {
        // Asked for with every batch, but started once in its span.
        const stream = [inner.carries === "run" ? 0 : request.epoch, request.rank, request.worker, seeds.slot].join()
        if (carried.has(stream)) return
        carried.add(stream)
      }
      firsts.push(log.size)
      // Indices lie in memory that is used again.
      requests.push(copyOf(request))
      const count = seeds._tag === "Carried" ? 1 : request.indices.length
      if (seeds._tag === "Packed" && count * seeds.width <= seeds.words.length) {
        log.add(seeds.algorithm, seeds.width, seeds.words, count)
        return
      }
      for (let row = 0; row < count; row++) {
        const { algorithm, words } = seedAt(seeds, row)
        log.add(algorithm, words.length, words)
      }
    }
    /** The place of the request that a state was started for, by the state's number. */
    const requestOf = (number: number): number => {
      let [low, high] = [0, firsts.length]
      while (high - low > 1) {
        const middle = (low + high) >>> 1
        if ((firsts[middle] ?? 0) <= number) low = middle
        else high = middle
      }
      return low
    }
    /** Where a state was started. */
    const placeOf = (number: number): Coordinates => {
      const at = requestOf(number)
      const request = requests[at]
      if (request === undefined) throw new RangeError(`state ${number} was never started`)
      return coordinates(request, number - (firsts[at] ?? 0))
    }
    /** The order of the plan: which worker is ahead of another one depends on timing. */
    const byPlan: Order = (one, other) => {
      const [own, its] = [requests[requestOf(one)], requests[requestOf(other)]]
      if (own === its || own === undefined || its === undefined) return one - other
      return own.epoch - its.epoch || own.batch - its.batch || one - other
    }
    const observe = (request: Request, seeds: Seeds): void => {
      note(request, seeds)
      inner.observe?.(request, seeds)
    }
    const report = Effect.sync(() => {
      const { count, first } = log.repeats(EXAMPLES, byPlan)
      return { started: log.size, repeated: count, examples: first.map(placeOf) }
    })
    return Context.make(SeedPolicy, { ...inner, observe }).pipe(Context.add(SeedAudit, { report }))
  })
