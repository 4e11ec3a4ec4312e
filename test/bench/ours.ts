/** Furrow as a contestant. */
import { Cause, Effect, Exit, Fiber, Layer, Option, Scope } from "effect"
import { type Batch, type Pipeline, Scheduler, SeedPolicy, Workers } from "../../src/index.ts"
import type { PartialOptions } from "../support/options.ts"
import type { Contestant } from "./measure.ts"

type Own = Layer.Layer<Workers.Workers, unknown>
type Plain<C> = Pipeline.Pipeline<Batch.Batch<C>, unknown, SeedPolicy.SeedPolicy>

/** An epoch at each turn, from the opening of the run to the closing. */
export const epochs = <C>(
  name: string,
  pipeline: Plain<C>,
  workers: Own,
  options: PartialOptions = {},
  policy: (seed: number) => Layer.Layer<SeedPolicy.SeedPolicy, unknown> = (seed) => SeedPolicy.epochWorker({ seed })
): Contestant => {
  let seed = 0
  return {
    name,
    run: () =>
      Effect.gen(function* () {
        const loader = yield* Scheduler.open(pipeline, { epochs: 1, replay: true, ...options })
        let samples = 0
        yield* loader.forEach(({ size }) => {
          samples += size
          return Effect.void
        })
        return samples
        // One after the other, as `Scheduler.open` is documented: a merged layer is built by fibers, which take 0.3 ms.
      }).pipe(Effect.scoped, Effect.provide(policy(seed++)), Effect.provide(workers), Effect.runPromise)
  }
}

/**
 * `batches` at each turn, by `forEach`, of a run that stays open from the first turn to the last. Between two turns its
 * step waits, with the last batch of the turn in hand.
 */
export const driven = <C>(
  name: string,
  pipeline: Plain<C>,
  workers: Own,
  batches: number,
  options: PartialOptions = {}
): Contestant => {
  let fiber: Fiber.RuntimeFiber<void, unknown> | undefined
  let left = 0
  let samples = 0
  let resume: (next: Effect.Effect<void>) => void = () => undefined
  let ended: (outcome: Exit.Exit<number, unknown>) => void = () => undefined
  const pause = Effect.async<void>((next) => {
    resume = next
    ended(Exit.succeed(samples))
  })
  const step = ({ size }: Batch.Batch<C>): Effect.Effect<void> => {
    samples += size
    return --left > 0 ? Effect.void : pause
  }
  const turn = (count: number): Promise<number> =>
    new Promise((resolve, reject) => {
      left = count
      samples = 0
      ended = Exit.match({ onFailure: (cause) => reject(Cause.squash(cause)), onSuccess: resolve })
      resume(Effect.void)
    })
  return {
    name,
    open: async () => {
      const work = Effect.flatMap(Scheduler.open(pipeline, { replay: true, ...options, epochs: 1_000_000 }), (loader) =>
        Effect.zipRight(pause, loader.forEach(step))
      ).pipe(Effect.scoped, Effect.provide(Layer.merge(SeedPolicy.epochWorker({ seed: 1 }), workers)))
      await new Promise<void>((resolve, reject) => {
        ended = Exit.match({ onFailure: (cause) => reject(Cause.squash(cause)), onSuccess: () => resolve() })
        fiber = Effect.runFork(work)
        fiber.addObserver((exit) => {
          if (Exit.isFailure(exit)) ended(Exit.failCause(exit.cause))
        })
      })
    },
    // What was built ahead since the last turn is taken before the clock runs.
    before: async () => {
      await turn((options.prefetch ?? 2) * AHEAD)
    },
    run: () => turn(batches),
    close: async () => {
      // A step is not interrupted, so it ends by itself.
      resume(Effect.interrupt)
      if (fiber !== undefined) await Effect.runPromise(Fiber.await(fiber))
      fiber = undefined
    }
  }
}

/** As many workers as none of the rows exceeds. */
const AHEAD = 16

/**
 * `batches` at each turn, of a run that stays open from the first turn to the last: so are trainings, and the starts of
 * threads and processes are measured elsewhere. Batches are lent, as `forEach` lends them. What was made ahead since the last turn is taken before the clock runs;
 * `batches` is to be several times as many.
 */
export const standing = <C>(
  name: string,
  pipeline: Plain<C>,
  workers: Own,
  batches: number,
  options: PartialOptions = {}
): Contestant => {
  let loader: Scheduler.Loader<C, unknown> | undefined
  let scope: Scope.CloseableScope | undefined
  const take = (count: number): Promise<number> =>
    Effect.gen(function* () {
      let samples = 0
      for (let taken = 0; taken < count; taken++) {
        const next = loader === undefined ? Option.none() : yield* loader.take
        if (Option.isSome(next)) samples += next.value.size
      }
      return samples
    }).pipe(Effect.runPromise)
  let ahead = 0
  return {
    name,
    open: async () => {
      scope = await Effect.runPromise(Scope.make())
      loader = await Scheduler.open(pipeline, { replay: true, lend: true, ...options, epochs: 1_000_000 }).pipe(
        Scope.extend(scope),
        Effect.provide(Layer.merge(SeedPolicy.epochWorker({ seed: 1 }), workers)),
        Effect.runPromise
      )
      const { backend, count } = await Effect.runPromise(Effect.provide(Workers.Workers, workers))
      // What it has built in the others' turns is taken before the clock runs.
      ahead = count * ((options.prefetch ?? backend.prefetch ?? 2) + 2)
    },
    before: async () => {
      await take(ahead)
    },
    run: () => take(batches),
    close: async () => {
      if (scope !== undefined) await Effect.runPromise(Scope.close(scope, Exit.void))
      scope = undefined
    }
  }
}
