/** Furrow as a contestant. */
import { Effect, Exit, Layer, Option, Scope } from "effect"
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
      }).pipe(Effect.scoped, Effect.provide(Layer.merge(policy(seed++), workers)), Effect.runPromise)
  }
}

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
      const { count } = await Effect.runPromise(Effect.provide(Workers.Workers, workers))
      ahead = count * ((options.prefetch ?? 2) + 2)
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
