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
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import { concurrent } from "../Concurrent.ts"
import { checked, InvalidOption, whole } from "../InvalidOption.ts"
import { given } from "../Options.ts"
import type { Pipeline } from "../Pipeline.ts"
import * as Ambient from "../seeding/Ambient.ts"
import type { CoordinatesError } from "../seeding/Coordinates.ts"
import type { Batch } from "../stages/Batch.ts"
import { Breath } from "./Breath.ts"
import * as Cursor from "./Cursor.ts"
import * as Digest from "./Digest.ts"
import { elsewhere } from "./Elsewhere.ts"
import * as FailurePolicy from "./FailurePolicy.ts"
import * as Iterator from "./Iterator.ts"
import * as Job from "./Job.ts"
import { Leave, Line, Turn } from "./Lane.ts"
import type { Content, Failure, Maker } from "./Maker.ts"
import * as Metrics from "./Metrics.ts"
import * as Plan from "./Plan.ts"
import * as Profile from "./Profile.ts"
import type { DatasetChanged, StageError } from "./StageError.ts"
import type { ThreadError } from "./threads/ThreadError.ts"
import * as Verify from "./Verify.ts"
import * as Worker from "./Worker.ts"
import { Workers } from "./Workers.ts"

export type { Profile, QueueUse, StageTime, WorkerTime } from "./Profile.ts"
export { format as formatProfile } from "./Profile.ts"
export { MAX_WORLD, ranksFromConfig } from "./Ranks.ts"
export { DatasetChanged, StageError } from "./StageError.ts"
export { ThreadError } from "./threads/ThreadError.ts"
export { ImpureBatch, type Verified } from "./Verify.ts"

/**
 * All that can go wrong with a run whose dataset and effectful stages fail with `E`.
 *
 * @since 0.1.0
 */
export type LoaderError<E = never> =
  | StageError<E>
  | CoordinatesError
  | DatasetChanged
  | Digest.DigestError
  | ThreadError
  | Cursor.CursorError
  | Cursor.CursorMismatch
  | FailurePolicy.SkipBudgetExceeded
  | InvalidOption

/** How a run goes. @since 0.1.0 */
export interface Options extends Job.Ranks {
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
  /**
   * Go on from where another run stood: a `Cursor`, or what was stored of one. `epochs` counts from the start of the
   * run, not from here.
   */
  readonly from?: unknown
  /** Keep a profile: what each stage takes, how full the queues are. It costs some microseconds a batch. Default `false`. */
  readonly profile?: boolean
  /** From how many of its batches, chosen at random, `loader.verify` keeps hashes. Default 0. */
  readonly verify?: number
  /** What may differ from the run that the cursor is of. Default: nothing that changes a batch. */
  readonly allow?: ReadonlyArray<Cursor.Field>
}

/** What a run did so far. @since 0.1.0 */
export interface Stats {
  /** Batches handed to the consumer. */
  readonly batches: number
  /** Samples in them. */
  readonly samples: number
  /** Samples that were left out, as the failure policy has it. */
  readonly skipped: number
  /** Samples that were attempted again, as the failure policy granted it; of the batches that were taken. */
  readonly retried: number
  /** Times that compute which died or hung was replaced, and a batch built anew. */
  readonly replaced: number
  /** Batches that {@link Loader.verify} built again. */
  readonly verified: number
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
  /**
   * The next batch, or none at the end. An interrupt can fall between a batch that is taken and who takes it: where the
   * cursor is to be read after an interrupt, use `forEach`.
   */
  readonly take: Effect.Effect<Option.Option<Batch<C>>, LoaderError<E>>
  /**
   * Hands each batch from here on to `step`. An interrupt ends the wait for a batch, or comes when a step is done, so that
   * the cursor counts what steps have done, no more and no less.
   */
  readonly forEach: <X, E2, R2>(
    step: (batch: Batch<C>) => Effect.Effect<X, E2, R2>
  ) => Effect.Effect<void, LoaderError<E> | E2, R2>
  /** The batches from here on, as a stream. Pulling from it is `take`. */
  readonly stream: Stream.Stream<Batch<C>, LoaderError<E>>
  readonly stats: Effect.Effect<Stats>
  /**
   * Makes the batches that `verify` has chosen so far again, here and now, and gives which they were; fails with
   * `ImpureBatch` where one is not what was delivered. Batches of which samples were left out are not chosen.
   */
  readonly verify: Effect.Effect<ReadonlyArray<Verify.Verified>, LoaderError<E> | Verify.ImpureBatch>
  /** Where the time went so far; none without `profile: true`. */
  readonly profile: Effect.Effect<Option.Option<Profile.Profile>>
  /**
   * The digest of what was delivered: 64 hexadecimal digits. Under order `"ready"` it goes as far as the plan's row of
   * batches has no gap. Without `digest: true` it is that of nothing.
   */
  readonly digest: Effect.Effect<string>
  /**
   * Where the run stands: behind the last batch that was taken, whatever was made ahead. It can be read at any time, and
   * stored as JSON.
   */
  readonly cursor: Effect.Effect<Cursor.Cursor>
}

/** A batch that is made, and on its way to the consumer. */
interface Made {
  /** Its place in the row of all batches of the run. */
  readonly place: number
  readonly exit: Exit.Exit<Content, Failure>
}

/** What takes spans where nobody has said what should; its spans are seen by nobody. */
const untraced = Context.get(DefaultServices.liveServices, Tracer.Tracer)

type Taking = Effect.Effect<Option.Option<Batch<unknown>>, Failure | FailurePolicy.SkipBudgetExceeded>

/** A worker, and what lies between it and the consumer. */
interface Lane {
  readonly worker: number
  readonly line: Line<Made>
  readonly leave: Leave
}

const nothing: ReadonlyArray<FailurePolicy.Skipped> = []

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
    const { backend, count: workers, start } = yield* Workers
    const { digest, epochs, prefetch, ready, verify } = yield* checked(() => settings(options))
    const traced = Ambient.ownTracer(yield* Effect.tracer) !== untraced
    // As many queues as there are lanes, below; more are never asked.
    const recorder = options.profile === true ? new Profile.Recorder(ready ? 1 : workers, prefetch, workers) : undefined
    const job = yield* Job.make(pipeline, workers, options, { times: recorder?.times, traced })
    const counting = yield* Metrics.counting
    const failures = yield* FailurePolicy.FailurePolicy
    yield* checked(() => onceOnly(job, failures))
    const { batches } = job.plan
    const total = batches * epochs
    const from = options.from === undefined ? undefined : yield* Cursor.check(options.from, job, options.allow ?? [])
    // The first place that is to be made, and those behind it that are not to be made again.
    const first = from === undefined ? 0 : from.epoch * batches + from.batch
    const ahead = new Set(from?.ahead.map(([place]) => place))

    // One queue for all in the order of readiness, one for each worker in the plan's order.
    const shared = new Line<Made>()
    const lanes = Array.from(
      { length: Math.min(workers, batches) },
      (_, worker): Lane => ({
        worker,
        line: ready ? shared : new Line<Made>(),
        leave: new Leave(prefetch)
      })
    )

    const breath = new Breath()
    // Others work between two batches, and all else where it has waited for long.
    const breathe = breath.orElse(Effect.yieldNow())
    /** What a worker is to make, in this order. */
    function* shareOf(worker: number) {
      for (let epoch = from?.epoch ?? 0; epoch < epochs; epoch++) {
        for (let number = worker; number < batches; number += workers) {
          const place = epoch * batches + number
          if (place >= first && !ahead.has(place)) yield { epoch, number, place }
        }
      }
    }

    const here = ({ leave, line, worker }: Lane, make: Extract<Maker, { readonly _tag: "Here" }>["make"]) =>
      Effect.gen(function* () {
        for (const { epoch, number, place } of shareOf(worker)) {
          yield* leave.take
          const began = recorder === undefined ? 0 : performance.now()
          const exit = yield* Effect.exit(spanned(make(epoch, number), epoch, number, worker))
          recorder?.made(worker, performance.now() - began)
          line.put({ place, exit })
          if (Exit.isFailure(exit)) return
          yield* breathe
        }
      })

    const there = ({ leave, line, worker }: Lane, maker: Extract<Maker, { readonly _tag: "There" }>) => {
      let before = 0
      return elsewhere({
        maker,
        shares: shareOf(worker),
        leave,
        plain: run === undefined,
        eager: recorder !== undefined,
        traced: ({ epoch, number }, content) => spanned(content, epoch, number, worker),
        made: ({ place }, exit, since) => {
          if (recorder !== undefined) {
            // It is at a batch from when it is asked for it, or from when it is done with the one before.
            const now = performance.now()
            recorder.made(worker, now - Math.max(since, before))
            before = now
          }
          line.put({ place, exit })
        }
      })
    }

    const run = traced
      ? yield* Effect.makeSpanScoped("furrow.run", {
          attributes: { workers, backend, epochs, batches, policy: job.policy?.name ?? "none" },
          captureStackTrace: false
        })
      : undefined
    /** A batch in the making as a span of the run. */
    const spanned = <A, E2, R2>(work: Effect.Effect<A, E2, R2>, epoch: number, batch: number, worker: number) =>
      run === undefined
        ? work
        : Effect.withSpan(work, "furrow.batch", {
            parent: run,
            attributes: { epoch, batch, worker },
            captureStackTrace: false
          })

    yield* Ambient.installed(pipeline.ambient)
    const context = yield* Effect.context<R>()
    const making = { digest, failures, prefetch, batches: total - first - ahead.size }
    const chosen = new Verify.Chosen(verify, job)
    const makers = yield* concurrent(
      lanes.length,
      lanes.length,
      (worker) => start(job, worker, making), // lanes are in the order of their workers
      (_, cause) => cause
    )
    /** What is made elsewhere is looked for when a batch is wanted: one for each lane, or none. */
    const looks: Array<(wait: boolean) => void> = []
    yield* Effect.forEach(
      makers,
      (maker, place) => {
        const lane = lanes[place] as Lane // a maker for each
        if (maker._tag === "Here") return Effect.forkScoped(fromPipeline<void, E, R>(here(lane, maker.make), context))
        const { look, work } = there(lane, maker)
        looks.push(look)
        return Effect.forkScoped(fromPipeline<void, E, R>(work, context))
      },
      { discard: true }
    )

    const chain = from === undefined ? new Digest.Chain() : chainFrom(from, first, job)
    const stats = { batches: 0, samples: 0, skipped: 0, retried: 0, replaced: 0, verified: 0, waited: 0 }
    const budget =
      failures.skip === undefined ? 0 : FailurePolicy.allowance(failures.skip.budget, job.plan.count * epochs)
    /** That a batch leaves out more than the run may, if it does. */
    const tooMany = (skipped: ReadonlyArray<FailurePolicy.Skipped>): FailurePolicy.SkipBudgetExceeded | undefined => {
      let count = stats.skipped + (from?.skipped ?? 0)
      for (const own of skipped) {
        count += own.samples
        if (count > budget) return new FailurePolicy.SkipBudgetExceeded({ skipped: own, count, budget })
      }
      return undefined
    }
    const report = (skipped: ReadonlyArray<FailurePolicy.Skipped>): Effect.Effect<void> =>
      Effect.forEach(skipped, (own) => failures.skip?.report(own) ?? Effect.void, { discard: true })
    let left = total - first - ahead.size
    // The next place in the plan's order.
    let due = first
    let release: (() => void) | undefined
    let failure: Exit.Exit<never, Failure | FailurePolicy.SkipBudgetExceeded> | undefined
    const next = (wait: (arrival: Effect.Effect<void>) => Effect.Effect<void>): Taking =>
      Effect.suspend(() => {
        // Whoever takes a batch is done with the one before.
        release?.()
        release = undefined
        if (failure !== undefined) return failure
        if (left <= 0) return Effect.succeedNone
        while (ahead.has(due)) due++
        const lane = ready ? 0 : (due % batches) % workers
        const line = lanes[lane]?.line ?? shared
        const look = (wait: boolean): void => {
          if (ready) for (const own of looks) own(wait)
          else looks[lane]?.(wait)
        }
        look(false)
        const held = line.length
        recorder?.asked(lane, held)
        const started = performance.now()
        const arrived: Taking = Effect.suspend(() => {
          // What is taken without a wait would keep all else from its turn.
          if (looks.length > 0 && breath.isDue) return Effect.zipRight(wait(breath.take), arrived)
          if (line.length === 0) look(true)
          const made = line.poll()
          if (made === undefined) return Effect.zipRight(wait(line.some), arrived)
          const { exit, place } = made
          const waited = performance.now() - started
          stats.waited += waited
          if (Exit.isFailure(exit)) {
            failure = Exit.failCause(exit.cause)
            return failure
          }
          const { batch, hash, replaced = 0, retried = 0, skipped = nothing } = exit.value
          stats.retried += retried
          stats.replaced += replaced
          const over = skipped.length === 0 ? undefined : tooMany(skipped)
          if (over !== undefined) {
            exit.value.release?.()
            failure = Exit.fail(over)
            return failure
          }
          left--
          due++
          if (batch !== undefined && skipped.length === 0) {
            try {
              chosen.pass(batch)
            } catch (thrown) {
              failure = Exit.fail(Digest.errorOf(thrown))
              return failure
            }
          }
          release = exit.value.release
          chain.add(place, hash)
          lanes[(place % batches) % workers]?.leave.give()
          for (const { samples } of skipped) {
            stats.skipped += samples
            counting.skipped(samples)
          }
          if (batch === undefined) {
            return skipped.length === 0
              ? next(wait)
              : Effect.zipRight(Effect.uninterruptible(report(skipped)), next(wait))
          }
          stats.batches++
          stats.samples += batch.size
          counting.taken(batch.size, waited, held)
          // What is accounted for is handed on, whoever calls off the telling.
          return skipped.length === 0
            ? Effect.succeedSome(batch)
            : Effect.uninterruptible(Effect.as(report(skipped), Option.some(batch)))
        })
        return arrived
      })

    // Two takers at once would wait on one lane for the batches of two.
    const turn = new Turn()
    // By Pipeline's types what comes out behind the last stage is a batch with columns C, and its effects fail with E.
    const typed = (taking: Taking) => taking as Effect.Effect<Option.Option<Batch<C>>, LoaderError<E>>
    const take = typed(turn.during(next((arrival) => arrival)))
    const forEach = <X, E2, R2>(step: (batch: Batch<C>) => Effect.Effect<X, E2, R2>) =>
      turn.during(
        Effect.uninterruptibleMask((restore) => {
          const taking = typed(next(restore))
          const rest: Effect.Effect<void, LoaderError<E> | E2, R2> = Effect.flatMap(
            Effect.zipRight(restore(Effect.void), taking),
            (batch) => (Option.isNone(batch) ? Effect.void : Effect.zipRight(step(batch.value), rest))
          )
          return rest
        })
      )
    return {
      batches,
      take,
      forEach,
      stream: Stream.repeatEffectOption(
        Effect.flatMap(Effect.mapError(take, Option.some), (batch) =>
          Option.isSome(batch) ? Effect.succeed(batch.value) : Effect.fail(Option.none())
        )
      ),
      stats: Effect.sync(() => ({ ...stats })),
      verify: fromPipeline<ReadonlyArray<Verify.Verified>, E, R, Verify.ImpureBatch>(
        Effect.tap(chosen.again(job, making), (again) => {
          stats.verified += again.length
        }),
        context
      ),
      profile: Effect.sync(() => Option.fromNullable(recorder?.profile(stats.waited))),
      digest: Effect.sync(() => chain.value),
      cursor: Effect.sync(() =>
        Cursor.make(job, {
          // A run of no batches stays at its start.
          epoch: batches === 0 ? 0 : Math.floor(chain.next / batches),
          batch: batches === 0 ? 0 : chain.next % batches,
          ahead: chain.early.map(([place, hash]) => [place, hash === undefined ? null : Digest.hex(hash)]),
          batches: stats.batches + (from?.batches ?? 0),
          samples: stats.samples + (from?.samples ?? 0),
          skipped: stats.skipped + (from?.skipped ?? 0),
          digest: digest ? chain.value : null
        })
      )
    }
  })

/** Throws where what is made again would not be what it was. */
const onceOnly = ({ policy }: Job.Job, { retry, skip, timeout }: FailurePolicy.Service): void => {
  if (policy?.carries === undefined || (retry === undefined && skip === undefined && timeout.sample === undefined))
    return
  throw new InvalidOption({
    option: "the failure policy",
    value: skip === undefined ? (retry === undefined ? "timeout.sample" : "retry") : "skip",
    expected: `FailurePolicy.fail under policy ${policy.name}: it carries streams on from sample to sample, so that a sample that is made again would draw what comes next`
  })
}

/** The chain where the cursor's run left it; a rank that was another one starts a chain of its own. */
const chainFrom = (from: Cursor.Cursor, first: number, { plan }: Job.Job): Digest.Chain => {
  const same = from.fingerprints.ranks === `${plan.rank} of ${plan.world}`
  const head = same && from.digest !== null ? Digest.fromHex(from.digest) : new Uint8Array(32)
  return Digest.Chain.from(
    head,
    first,
    from.ahead.map(([place, hash]) => [place, hash === null ? undefined : Digest.fromHex(hash)])
  )
}

const settings = (options: Options) => {
  given("the options of a run", options)
  const order = options.order ?? "plan"
  if (order !== "plan" && order !== "ready") {
    throw new InvalidOption({ option: "order", value: order, expected: '"plan" or "ready"' })
  }
  return {
    epochs: whole("epochs", options.epochs ?? 1, 0),
    prefetch: whole("prefetch", options.prefetch ?? 2, 1),
    ready: order === "ready",
    digest: options.digest ?? false,
    verify: whole("verify", options.verify ?? 0, 0)
  }
}

/**
 * The batches of a pipeline as a stream. It opens a run when it is run and closes it when it ends, however it ends.
 *
 * @example
 * import { Effect, Stream } from "effect"
 * import { Dataset, Pipeline, Scheduler, Workers } from "furrow"
 *
 * const pipeline = Pipeline.from(Dataset.range(10)).pipe(Pipeline.batch(4))
 * const sizes = Scheduler.stream(pipeline).pipe(
 *   Stream.map((batch) => batch.size),
 *   Stream.runCollect,
 *   Effect.provide(Workers.fibers(2))
 * )
 * console.assert(Array.from(await Effect.runPromise(sizes)).join() === "4,4,2")
 *
 * @since 0.1.0
 */
export const stream = <C, E, R>(
  pipeline: Pipeline<Batch<C>, E, R>,
  options: Options = {}
): Stream.Stream<Batch<C>, LoaderError<E>, R | Workers> =>
  Stream.unwrapScoped(Effect.map(open(pipeline, options), (loader) => loader.stream))

/**
 * The batches of a pipeline for code without Effect. `break`, `return` and `throw` out of the loop end all workers
 * before the loop is left; so do the end and an error, which is thrown as the typed error it is. Each time it is
 * iterated it opens a run of its own.
 *
 * @example
 * import { Layer } from "effect"
 * import { Dataset, Pipeline, Sampler, Scheduler, SeedPolicy, Workers } from "furrow"
 *
 * const pipeline = Pipeline.from(Dataset.range(10)).pipe(Pipeline.sample(Sampler.shuffle), Pipeline.batch(4))
 * const layer = Layer.merge(SeedPolicy.epochWorker({ seed: 42 }), Workers.fibers(2))
 *
 * let rows = 0
 * for await (const batch of Scheduler.iterate(pipeline, layer)) rows += batch.size
 * console.assert(rows === 10)
 *
 * @since 0.1.0
 */
export const iterate = <C, E, R, EL>(
  pipeline: Pipeline<Batch<C>, E, R>,
  layer: Layer.Layer<NoInfer<R> | Workers, EL>,
  options: Options = {}
): AsyncIterable<Batch<C>> => ({
  [Symbol.asyncIterator]: () => Iterator.make(open(pipeline, options), layer)
})

/** Which sample to make again; the figures stand in a `StageError`. @since 0.1.0 */
export type ReplayOptions = Job.Ranks & {
  readonly epoch: number
  /** How many workers the run had; under an elastic policy any number will do. */
  readonly workers: number
} & (
    | { /** The sample's position in the epoch's order. */ readonly position: number }
    | { /** The number of the batch within the epoch. */ readonly batch: number }
  )

/**
 * Makes one sample of a run again, as it stands before `batch` (none when a filter leaves it out), or one whole batch,
 * when asked by its number. It starts no worker and makes nothing else. A {@link StageError} spells out the call.
 *
 * @example
 * import { Effect } from "effect"
 * import { Dataset, Pipeline, Sampler, Scheduler, SeedPolicy } from "furrow"
 *
 * const pipeline = Pipeline.from(Dataset.range(10)).pipe(Pipeline.sample(Sampler.shuffle), Pipeline.batch(4))
 * const sample = Scheduler.replay(pipeline, { epoch: 1, position: 7, workers: 2 }).pipe(
 *   Effect.provide(SeedPolicy.epochWorker({ seed: 42 }))
 * )
 * console.assert(Effect.runSync(sample)._tag === "Some")
 *
 * @since 0.1.0
 */
export const replay = <C, E, R>(
  pipeline: Pipeline<Batch<C>, E, R>,
  options: ReplayOptions
): Effect.Effect<Option.Option<unknown>, LoaderError<E>, R> =>
  Effect.gen(function* () {
    yield* checked(() => given("the options of Scheduler.replay", options))
    const job = yield* Job.make(pipeline, options.workers, options)
    const { batch, epoch, position } = yield* checked(() => {
      const last = job.plan.batches - 1
      const position = "position" in options ? whole("position", options.position, 0, job.plan.count - 1) : undefined
      if (position === undefined && !("batch" in options)) {
        throw new InvalidOption({ option: "what to replay", value: options, expected: "given a position or a batch" })
      }
      const asked = "batch" in options ? options.batch : Math.floor((position ?? 0) / job.plan.batchSize)
      if (position !== undefined) {
        const { position: from, size } = Plan.rows(job.plan, asked)
        if (position < from || position >= from + size) {
          const { rank } = job.plan
          const expected =
            size === 0
              ? `in another batch: rank ${rank} has none of this one`
              : `from ${from} to ${from + size - 1}, rank ${rank}'s share of batch ${asked}`
          throw new InvalidOption({ option: "position", value: position, expected })
        }
      }
      return { epoch: whole("epoch", options.epoch, 0), batch: whole("batch", asked, 0, last), position }
    })
    const worker = Worker.make(job, Plan.worker(job.plan, batch))
    const made = Effect.zipRight(
      worker.advance(epoch, batch),
      position === undefined
        ? Effect.map(worker.batch(epoch, batch), Option.fromNullable)
        : worker.sample(epoch, position)
    )
    yield* Ambient.installed(pipeline.ambient)
    const context = yield* Effect.context<R>()
    return yield* fromPipeline<Option.Option<unknown>, E, R>(made, context)
  }).pipe(Effect.scoped)

/**
 * An effect of a worker with what the pipeline's types say of it and a worker does not know: it requires R, which
 * `context` holds, and its stages fail with E.
 */
const fromPipeline = <A, E, R, Own = never>(
  effect: Effect.Effect<unknown, Failure | Own, unknown>,
  context: Context.Context<R>
): Effect.Effect<A, LoaderError<E> | Own> =>
  Effect.provide(effect, context as Context.Context<unknown>) as Effect.Effect<A, LoaderError<E> | Own>
