/**
 * The scheduler: a fiber per worker, and one row of batches out of them.
 *
 * ```text
 *            ┌ worker 0: batch 0, n, 2n …   ─┐  up to `prefetch` made and not yet taken, each
 * pipeline ──┤ worker 1: batch 1, n+1 …     ─┼─→ taken in the plan's order, or as they are ready
 *            └ worker n-1: batch n-1, 2n-1 …─┘
 * ```
 *
 * A worker that has `prefetch` batches waiting stops until one is taken, so a slow consumer holds memory flat. Closing
 * the scope of a run (its end, an error, `break`, an interrupt) ends all its fibers before it returns.
 *
 * @since 0.1.0
 */
import { Cause, Context, Effect, Exit, Fiber, Layer, Option, Queue, Scope, Stream } from "effect"
import { InvalidOption, whole } from "../InvalidOption.ts"
import type { Pipeline } from "../Pipeline.ts"
import { macrotask } from "../runtime.ts"
import * as Ambient from "../seeding/Ambient.ts"
import type { CoordinatesError } from "../seeding/Coordinates.ts"
import * as Rng from "../seeding/Rng.ts"
import { RecordingRng } from "../seeding/RecordingRng.ts"
import * as SeedPolicy from "../seeding/SeedPolicy.ts"
import type { Batch } from "../stages/Batch.ts"
import { sequential } from "../stages/Sampler.ts"
import * as Digest from "./Digest.ts"
import * as Plan from "./Plan.ts"
import type { DatasetChanged, StageError } from "./StageError.ts"
import * as Worker from "./Worker.ts"
import { Workers } from "./Workers.ts"

export { DatasetChanged, StageError } from "./StageError.ts"

/**
 * All that can go wrong with a run whose dataset and effectful stages fail with `E`.
 *
 * @since 0.1.0
 */
export type LoaderError<E = never> = StageError<E> | CoordinatesError | DatasetChanged | Digest.DigestError | InvalidOption

/** Which part of a global batch this process makes. @since 0.1.0 */
export interface Ranks {
  /** This process, from 0 to `world − 1`. Default 0. */
  readonly rank?: number
  /** How many processes share each epoch. Default 1. */
  readonly world?: number
}

/** How a run goes. @since 0.1.0 */
export interface Options extends Ranks {
  /** How many epochs. Default 1. */
  readonly epochs?: number
  /**
   * `"plan"` (the default): batch 0, 1, 2 … of each epoch. `"ready"`: whichever is made first, so that a slow batch
   * holds up only itself; the batches are the same, their order hangs on timing.
   */
  readonly order?: "plan" | "ready"
  /** How many batches each worker makes ahead. Default 2. */
  readonly prefetch?: number
  /** Keep a digest of all that is delivered. Default `false`. */
  readonly digest?: boolean
}

/** What a run did so far. @since 0.1.0 */
export interface Stats {
  /** Batches handed to the consumer. */
  readonly batches: number
  /** Samples in them. */
  readonly samples: number
  /** Milliseconds for which the consumer waited for a batch. */
  readonly waited: number
}

/**
 * An open run.
 *
 * @since 0.1.0
 */
export interface Loader<out C, out E = never> {
  /** How many batches an epoch has by the plan. */
  readonly batches: number
  /** The next batch, or none at the end. */
  readonly take: Effect.Effect<Option.Option<Batch<C>>, LoaderError<E>>
  /** The batches from here on, as a stream. Pulling from it is `take`. */
  readonly stream: Stream.Stream<Batch<C>, LoaderError<E>>
  readonly stats: Effect.Effect<Stats>
  /**
   * The digest of what was delivered: 64 hexadecimal digits. Under order `"ready"` it goes as far as the plan's row of
   * batches has no gap. Without `digest: true` it is that of nothing.
   */
  readonly digest: Effect.Effect<string>
}

/** Made, and on its way to the consumer. */
interface Made {
  /** The batch's place in the row of all batches of the run. */
  readonly place: number
  readonly exit: Exit.Exit<{ readonly batch: Batch<unknown> | undefined; readonly hash: Uint8Array | undefined }, Failure>
}

type Failure = Worker.BatchError | Digest.DigestError

const DEFAULT_PREFETCH = 2

/**
 * Opens a run: starts its workers, which live until the scope closes.
 *
 * @example
 * import { Effect, Stream } from "effect"
 * import { Dataset, Pipeline, Sampler, Scheduler, SeedPolicy, Workers } from "furrow"
 *
 * const pipeline = Pipeline.from(Dataset.range(10)).pipe(Pipeline.sample(Sampler.shuffle), Pipeline.batch(4))
 *
 * const program = Effect.gen(function* () {
 *   const loader = yield* Scheduler.open(pipeline, { epochs: 2, digest: true })
 *   yield* Stream.runDrain(loader.stream)
 *   return { stats: yield* loader.stats, digest: yield* loader.digest }
 * })
 * const run = program.pipe(
 *   Effect.scoped,
 *   Effect.provide(SeedPolicy.epochWorker({ seed: 42 })),
 *   Effect.provide(Workers.fibers(2))
 * )
 * const { digest, stats } = await Effect.runPromise(run)
 * console.assert(stats.samples === 20 && digest.length === 64)
 *
 * @since 0.1.0
 */
export const open = <C, E, R>(
  pipeline: Pipeline<Batch<C>, E, R>,
  options: Options = {}
): Effect.Effect<Loader<C, E>, LoaderError<E>, R | Workers | Scope.Scope> =>
  Effect.gen(function* () {
    const { count: workers } = yield* Workers
    const settings = yield* checked(() => ({
      epochs: whole("epochs", options.epochs ?? 1, 0),
      prefetch: whole("prefetch", options.prefetch ?? DEFAULT_PREFETCH, 1),
      order: oneOf("order", options.order ?? "plan", ["plan", "ready"])
    }))
    const job = yield* prepare(pipeline, workers, options)
    const { batches } = job.plan
    const total = batches * settings.epochs
    const ready = settings.order === "ready"
    const chain = new Digest.Chain()
    const stats = { batches: 0, samples: 0, waited: 0 }

    const shared = yield* Queue.unbounded<Made>()
    const lanes = yield* Effect.forEach(
      Array.from({ length: Math.min(workers, batches) }, (_, worker) => worker),
      (worker) =>
        Effect.gen(function* () {
          const queue = ready ? shared : yield* Queue.unbounded<Made>()
          const permits = yield* Effect.makeSemaphore(settings.prefetch)
          return { worker: Worker.make(job, worker), queue, permits, first: worker }
        })
    )

    let lastBreath = performance.now()
    /** Lets timers, signals and I/O in: a row of plain batches would otherwise keep the event loop to itself. */
    const breathe = Effect.suspend(() => {
      const now = performance.now()
      if (now - lastBreath < BREATH_MS) return Effect.yieldNow()
      return Effect.tap(macrotask, () =>
        Effect.sync(() => {
          lastBreath = performance.now()
        })
      )
    })

    const makeAll = (lane: (typeof lanes)[number]) =>
      Effect.gen(function* () {
        for (let epoch = 0; epoch < settings.epochs; epoch++) {
          for (let number = lane.first; number < batches; number += workers) {
            yield* lane.permits.take(1)
            const exit = yield* lane.worker.batch(epoch, number).pipe(
              Effect.flatMap((batch) =>
                Effect.try({
                  try: () => ({ batch, hash: options.digest && batch ? Digest.ofColumns(batch.columns) : undefined }),
                  // `ofColumns` throws nothing else.
                  catch: (error) => error as Digest.DigestError
                })
              ),
              Effect.exit
            )
            yield* lane.queue.offer({ place: epoch * batches + number, exit })
            if (Exit.isFailure(exit)) return
            yield* breathe
          }
        }
      })

    yield* Ambient.installed
    yield* Effect.forEach(lanes, (lane) => Effect.forkScoped(makeAll(lane)), { discard: true })

    let taken = 0
    let failed: Exit.Exit<never, Failure> | undefined
    const next: Effect.Effect<Option.Option<Batch<unknown>>, Failure> = Effect.suspend(() => {
      if (failed !== undefined) return failed
      if (taken >= total) return Effect.succeedNone
      const started = performance.now()
      // In the plan's order the lane to take from follows from how many were taken.
      const lane = lanes[(taken % batches) % workers]
      const queue = ready || lane === undefined ? shared : lane.queue
      return Effect.flatMap(Queue.take(queue), ({ exit, place }) => {
        stats.waited += performance.now() - started
        taken++
        if (Exit.isFailure(exit)) {
          failed = exit
          return exit
        }
        const { batch, hash } = exit.value
        chain.add(place, hash)
        const free = lanes[(place % batches) % workers]?.permits.release(1) ?? Effect.void
        if (batch === undefined) return Effect.zipRight(free, next)
        stats.batches++
        stats.samples += batch.size
        return Effect.as(free, Option.some(batch))
      })
    })

    // By Pipeline's types what comes out behind the last stage is a batch with columns C, and an effect of the pipeline
    // fails with E.
    const take = next as Effect.Effect<Option.Option<Batch<C>>, LoaderError<E>>
    return {
      batches,
      take,
      stream: Stream.repeatEffectOption(
        Effect.flatMap(Effect.mapError(take, Option.some), (batch) =>
          Option.isSome(batch) ? Effect.succeed(batch.value) : Effect.fail(Option.none())
        )
      ),
      stats: Effect.sync(() => ({ ...stats })),
      digest: Effect.sync(() => chain.value)
    }
  })

/** Timers and signals wait no longer than this many milliseconds, or one batch. */
const BREATH_MS = 8

const checked = <A>(check: () => A): Effect.Effect<A, InvalidOption> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(check())
    } catch (error) {
      return error instanceof InvalidOption ? Effect.fail(error) : Effect.die(error)
    }
  })

const oneOf = <A extends string>(option: string, value: A, all: ReadonlyArray<A>): A => {
  if (all.includes(value)) return value
  throw new InvalidOption({ option, value, expected: all.map((one) => JSON.stringify(one)).join(" or ") })
}

/** Checks a pipeline against its dataset, workers and ranks, and fetches what its workers share. */
const prepare = <A, E, R>(
  pipeline: Pipeline<A, E, R>,
  workers: number,
  ranks: Ranks
): Effect.Effect<Worker.Job, InvalidOption, R> =>
  Effect.gen(function* () {
    const context = yield* Effect.context<R>()
    const policy = Option.getOrUndefined(
      // R holds SeedPolicy exactly when a stage draws; for those that do not it may be missing.
      Context.getOption(context as Context.Context<unknown>, SeedPolicy.SeedPolicy)
    )
    const { ambient, dataset, stages } = pipeline
    const sample = stages.find((stage) => stage._tag === "Sample")
    const sampler = sample?.sampler ?? sequential
    const orders = new Map<number, (position: number) => number>()

    return yield* checked(() => {
      const batch = stages.find((stage) => stage._tag === "Batch")
      if (batch === undefined) {
        const value = stages.map(({ id }) => id.name)
        throw new InvalidOption({ option: "the pipeline", value, expected: "one with Pipeline.batch" })
      }
      if (policy === undefined && (ambient === "derive" || stages.some((stage) => stage.draws))) {
        const expected = "provided, since the pipeline draws: Effect.provide(SeedPolicy.epochWorker({ seed: 42 }))"
        throw new InvalidOption({ option: "SeedPolicy", value: undefined, expected })
      }
      const size = whole(`the size of dataset ${dataset.name}`, dataset.size, 1)
      const count = sampler.count(size)
      const plan = Plan.make({
        count,
        batchSize: batch.size,
        dropLast: batch.dropLast,
        rank: ranks.rank ?? 0,
        world: ranks.world ?? 1,
        workers
      })

      const drawn = (epoch: number, stage: NonNullable<typeof sample>, service: SeedPolicy.Service) => {
        const request: SeedPolicy.Request = {
          scope: "epoch",
          stage: stage.id,
          epoch,
          rank: 0,
          world: plan.world,
          worker: 0,
          workers,
          batch: 0,
          ordinal: 0,
          position: 0,
          indices: [0],
          distinct: sampler.distinct
        }
        return Effect.flatMap(service.seeds(request), (seeds) => {
          const rng = Rng.make(SeedPolicy.seedAt(seeds, 0))
          if (service.record === undefined) return Effect.succeed(sampler.order(size, rng))
          const draws: Array<SeedPolicy.Draw> = []
          const order = sampler.order(size, new RecordingRng(rng, SeedPolicy.coordinates(request, 0), draws))
          return Effect.as(service.record(draws), order)
        })
      }

      const order = (epoch: number) =>
        Effect.suspend(() => {
          const known = orders.get(epoch)
          if (known !== undefined) return Effect.succeed(known)
          const made =
            sample?.draws === true && policy !== undefined
              ? drawn(epoch, sample, policy)
              : Effect.sync(() => sampler.order(size, idle))
          return Effect.map(made, (own) => {
            // Workers are at most some epochs apart; older orders are let go.
            for (const old of orders.keys()) if (orders.size >= KEPT_ORDERS) orders.delete(old)
            orders.set(epoch, own)
            return own
          })
        })

      return { pipeline, plan, size, distinct: sampler.distinct, policy, order }
    })
  })
