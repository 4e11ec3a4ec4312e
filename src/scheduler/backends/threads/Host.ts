/**
 * The main side of a worker's thread: starts it, tells it what to make, and replaces it when it dies or hangs.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type * as Scope from "effect/Scope"
import { shown } from "../../../core/Show.ts"
import { CoordinatesError } from "../../../seeding/Coordinates.ts"
import type { Service } from "../../../seeding/Service.ts"
import { earlier } from "../../build/CarriedStreams.ts"
import { type FailureRules, limits } from "../../build/FailureRules.ts"
import { Retry, type SkippedRows } from "../../build/Retry.ts"
import { rowsOf } from "../../build/RowRange.ts"
import { DatasetChanged, errorAt, SamplesFailed, StageError, TimedOut } from "../../build/StageError.ts"
import type { StageTimes } from "../../build/StageTimes.ts"
import { TypedFailure, toEffect } from "../../build/Work.ts"
import * as Metrics from "../../loader/Metrics.ts"
import { DigestError } from "../../plan/Digest.ts"
import { fingerprint } from "../../plan/Fingerprint.ts"
import type { RunPlan } from "../../plan/RunPlan.ts"
import { type Content, type Failure, type Maker, nothingOf, type Quick, type Settings } from "../Backend.ts"
import { BatchRequests } from "./BatchRequest.ts"
import { type Answer, Channel, type ChannelOptions, type NotStarted, type Question, question } from "./Channel.ts"
import type { Like } from "./Form.ts"
import { refuse } from "./Nested.ts"
import { batchKey, type Make, type Start } from "./Protocol.ts"
import { ThreadError } from "./ThreadError.ts"
import { decode } from "./Thrown.ts"

/** How threads are run. @since 0.1.0 */
export interface Options {
  /** The module that exports the pipeline, by URL. */
  readonly module: string
  /** The export's name. */
  readonly name: string
  /** What an export that is a function is called with. */
  readonly config: unknown
  /** How often a worker's thread is replaced after it died or hung. */
  readonly restarts: number
  /** How long a thread may take to load the module and build the pipeline and its services. */
  readonly loading: Duration.Duration
  /** How long a batch may take; `undefined` for as long as it likes. */
  readonly timeout: Duration.Duration | undefined
  /** Whether memory is overwritten as soon as it is given back, so that late readers notice. */
  readonly debug: boolean
}

/** Makes a worker's batches on a thread of its own. @since 0.1.0 */
export const onThread =
  (options: Options) =>
  (runPlan: RunPlan, worker: number, settings: Settings): Effect.Effect<Maker, ThreadError, Scope.Scope> =>
    Effect.gen(function* () {
      yield* refused(options, worker)
      const host = new Host(options, runPlan, worker, settings)
      yield* Effect.addFinalizer(() => host.end)
      yield* host.start
      return {
        _tag: "There",
        ask: (epoch, batch) => host.ask(epoch, batch),
        askNow: (epoch, batch, arrived) => host.askNow(epoch, batch, arrived),
        look: (wait) => host.channel.look(wait),
        replaced: () => host.replaced
      }
    })

/** Fails where this is a thread of Furrow's itself. @since 0.1.0 */
export const refused = ({ module }: Pick<Options, "module">, worker: number): Effect.Effect<void, ThreadError> =>
  Effect.suspend(() => {
    const reason = refuse()
    const nowhere = { epoch: undefined, batch: undefined, stage: undefined }
    return reason === undefined ? Effect.void : new ThreadError({ worker, module, ...nowhere, reason })
  })

/** A batch that is asked for, and not yet handed on. */
type Pending = Question<Make>

/** The hosts of each run: all of them end together, so that the time that one has to end is that of all. */
const hosts = new WeakMap<RunPlan, Set<Host>>()

class Host {
  /** How often a thread was replaced that had died or hung. */
  replaced = 0
  readonly #options: Options
  readonly #runPlan: RunPlan
  readonly #worker: number
  readonly #opening: ChannelOptions
  readonly #requests: BatchRequests
  readonly #failures: FailureRules
  readonly #times: StageTimes | undefined
  readonly #pending: Array<Pending> = []
  #channel: Channel
  /** Whether the thread is told of batches as they are asked for: it is not while it is being replaced. */
  #open = false
  /** How many replacements are left. */
  #restarts: number
  #begun = false

  constructor(
    options: Options,
    runPlan: RunPlan,
    worker: number,
    { digest, failures, observer, prefetch, times }: Settings
  ) {
    this.#failures = failures
    this.#times = times
    this.#options = options
    this.#runPlan = runPlan
    this.#worker = worker
    this.#restarts = options.restarts
    this.#requests = new BatchRequests(runPlan, worker, observer)
    const { plan, policy } = runPlan
    this.#opening = {
      loading: options.loading,
      debug: options.debug,
      extent: {
        cells: prefetch + 1,
        rows: Math.ceil(Math.min(plan.batchSize, plan.count) / plan.world),
        stages: runPlan.pipeline.stages.map(({ id }) => id.name)
      },
      start: {
        module: options.module,
        name: options.name,
        config: options.config,
        fingerprint: fingerprint(runPlan),
        worker,
        workers: plan.workers,
        rank: plan.rank,
        world: plan.world,
        uneven: plan.uneven,
        digest,
        limits: limits(failures),
        policy: policy === undefined ? undefined : described(policy),
        records: policy?.record !== undefined,
        times: times !== undefined
      }
    }
    this.#channel = new Channel(this.#opening)
    const all = hosts.get(runPlan) ?? new Set()
    hosts.set(runPlan, all.add(this))
  }

  /** Ends the thread, whatever it is at. */
  readonly end: Effect.Effect<void> = Effect.promise(() => {
    for (const { channel } of hosts.get(this.#runPlan) ?? []) channel.close()
    return this.#channel.end()
  })

  get channel(): Channel {
    return this.#channel
  }

  /** Starts a thread and waits until it has built the pipeline. */
  readonly start: Effect.Effect<void, ThreadError> = Effect.suspend(() => this.#channel.start).pipe(
    Effect.mapError(({ reason }) => this.#error(undefined, undefined, reason)),
    Effect.tap(() => {
      this.#open = !this.#channel.isOver
    })
  )

  /** Asks for a batch. If the thread dies, another thread builds it. */
  ask(epoch: number, batch: number): Effect.Effect<Effect.Effect<Content, Failure>, Failure> {
    return Effect.gen(this, function* () {
      const range = yield* typed(() => rowsOf(this.#runPlan, this.#worker, epoch, batch))
      if (range === undefined || range.size === 0) return Effect.succeed(nothingOf(range))
      const message = yield* typed(() => this.#requests.make(range))
      if (!this.#begun) yield* this.#advance(epoch, batch)
      this.#begun = true
      return this.#wait(this.#enqueue(question(message)))
    })
  }

  /** The same without an effect, where nothing about it needs one; else nothing has been asked, of nobody. */
  askNow(epoch: number, batch: number, arrived: () => void): Quick | undefined {
    if (!this.#begun) return undefined
    let message: Make
    try {
      const range = rowsOf(this.#runPlan, this.#worker, epoch, batch)
      if (range === undefined || range.size === 0) return undefined
      message = this.#requests.make(range)
    } catch (thrown) {
      // What requests throw is typed; all else is a defect.
      const content = TypedFailure.is(thrown) ? Effect.fail(thrown.error as Failure) : Effect.die(thrown)
      return { isDue: false, take: () => undefined, content }
    }
    const pending = this.#enqueue(question(message, arrived))
    // A time that runs out takes a fiber that waits for it.
    const timed = this.#options.timeout !== undefined || this.#failures.timeout.batch !== undefined
    return {
      get isDue() {
        return !timed && pending.answer === undefined
      },
      take: () => this.#contentNow(pending),
      content: Effect.suspend(() => this.#wait(pending))
    }
  }

  #enqueue(pending: Pending): Pending {
    this.#pending.push(pending)
    this.#post(pending)
    return pending
  }

  /** While a thread is being replaced nothing is posted; what is pending is posted in one go once it is there. */
  #post(pending: Pending): void {
    if (this.#open || this.#channel.isOver) this.#channel.post(pending)
  }

  /** Waits for what comes of the first pending batch. */
  #wait(pending: Pending): Effect.Effect<Content, Failure> {
    return Effect.gen(this, function* () {
      const { batch, epoch } = pending.message
      let retry: Retry | undefined
      let retried = 0
      const replacedBefore = this.replaced
      /** What is left to be tried; nothing when all of it is left out. */
      const next = (failure: Failure | SamplesFailed): Effect.Effect<Content | undefined, Failure> => {
        const { indices, position } = pending.message
        const own = retry ?? new Retry(this.#failures, position, indices.length)
        retry = own
        // Schedules have what they require.
        const rest = toEffect(() => own.next(failure)) as Effect.Effect<SkippedRows | undefined, Failure>
        return Effect.map(rest, (rows) => {
          if (rows === undefined) {
            this.#pending.shift()
            this.#channel.drop(batchKey(epoch, batch))
            return { batch: undefined, hash: undefined, skipped: own.skipped, retried }
          }
          pending.message = { ...pending.message, left: Array.from(rows) }
          return undefined
        })
      }
      for (;;) {
        const answer = yield* this.#inTime(pending)
        if (answer === undefined) {
          const nothing = yield* next(this.#late(pending.message))
          // The thread that knew what it had attempted is gone: all of the batch is attempted again.
          if (nothing === undefined) {
            retried += pending.message.indices.length - (pending.message.left?.length ?? 0)
          }
          yield* this.#replace(pending.message)
          if (nothing !== undefined) return { ...nothing, replaced: this.replaced - replacedBefore }
        } else if (answer._tag === "Gone") {
          yield* this.#replace(pending.message, answer.reason)
        } else if (answer._tag === "Refused") {
          return yield* this.#error(epoch, batch, answer.reason, this.#channel.stage)
        } else if (answer._tag === "Failed") {
          retried += answer.retried
          const nothing = yield* next(yield* this.#failed(answer, epoch, batch))
          if (nothing !== undefined) return { ...nothing, replaced: this.replaced - replacedBefore }
          pending.answer = undefined
          this.#post(pending)
        } else {
          this.#pending.shift()
          const content = yield* this.#content(answer, epoch, batch)
          if (answer._tag === "Made") retried += answer.retried ?? 0
          const replaced = this.replaced - replacedBefore
          const counted = retried + replaced === 0 ? content : { ...content, retried, replaced }
          return retry === undefined ? counted : { ...counted, skipped: retry.skipped }
        }
      }
    })
  }

  /** That a batch took longer than the failure policy lets it. */
  #late({ batch, epoch }: Make): StageError {
    const cause = new TimedOut({ what: "batch", after: this.#failures.timeout.batch ?? 0 })
    return errorAt(this.#runPlan, { epoch, batch, worker: this.#worker }, this.#channel.stage ?? "batch", cause)
  }

  /** What a thread failed with. */
  #failed(said: Extract<Answer, { readonly _tag: "Failed" }>, epoch: number, batch: number) {
    const errors = said.errors.map(decode)
    const [first, ...more] = errors.filter((error) => error instanceof StageError)
    if (first !== undefined && more.length + 1 === errors.length) {
      return Effect.succeed(more.length === 0 ? first : new SamplesFailed({ errors: [first, ...more] }))
    }
    const [error] = errors
    // The thread's own trouble, such as memory that it cannot have, or columns that cannot be sent.
    return Effect.fail(isOurs(error) ? error : this.#error(epoch, batch, shown(error), this.#channel.stage))
  }

  /** Replaces the thread, which is dead or is to end, and asks the new one for all that is pending. */
  #replace({ batch, epoch }: Make, died?: string): Effect.Effect<void, Failure> {
    return Effect.gen(this, function* () {
      this.#open = false
      const { stage } = this.#channel
      let reason = died
      for (;;) {
        const old = this.#channel
        yield* Effect.promise(() => old.end())
        // One that was too slow for the failure policy is that policy's to count.
        if (reason !== undefined && this.#restarts-- === 0) return yield* this.#error(epoch, batch, reason, stage)
        yield* Metric.increment(Metrics.replaced)
        this.replaced++
        this.#channel = new Channel(this.#opening)
        const failure = yield* this.#channel.start.pipe(
          Effect.as(undefined),
          Effect.catchAll((own: NotStarted) => Effect.succeed(own))
        )
        if (failure === undefined) break
        if (!failure.died) return yield* this.#error(epoch, batch, failure.reason)
        reason = failure.reason
      }
      yield* this.#advance(epoch, batch)
      // In one go, so that nothing is asked for between.
      for (const pending of this.#pending) {
        pending.answer = undefined
        this.#channel.post(pending)
      }
      this.#open = !this.#channel.isOver
    })
  }

  /** Where streams continue from sample to sample a new thread has to make all that was made before. */
  #advance(epoch: number, batch: number): Effect.Effect<void, Failure> {
    return Effect.gen(this, function* () {
      const all = yield* typed(() => earlier(this.#runPlan, this.#worker, epoch, batch))
      for (const range of all) {
        const { batch: number, epoch: at } = range
        const again = question(yield* typed(() => this.#requests.make(range)))
        this.#channel.post(again)
        const answer = yield* this.#channel.answered(again)
        if (answer._tag === "Gone" || answer._tag === "Refused") return yield* this.#error(at, number, answer.reason)
        if (answer._tag === "Made" || answer._tag === "Like") this.#channel.delivery.drop(answer.slots)
      }
    })
  }

  /** An answer, or that it did not come in time; none when it is the failure policy's time that has run out. */
  #inTime(pending: Pending): Effect.Effect<Answer | undefined> {
    const answered = Effect.suspend(() => this.#channel.answered(pending))
    const { timeout: own } = this.#options
    const { batch } = this.#failures.timeout
    const first = batch !== undefined && (own === undefined || batch <= Duration.toMillis(own))
    const duration = first ? Duration.millis(batch) : own
    if (duration === undefined) return answered
    return answered.pipe(
      Effect.timeoutTo({
        duration,
        onSuccess: (answer): Answer | undefined => answer,
        onTimeout: (): Answer | undefined =>
          first
            ? undefined
            : { _tag: "Gone", reason: `it was not done after the timeout of ${Duration.format(duration)}` }
      })
    )
  }

  /** What came of a pending batch, where it takes nothing more; it is not pending any more then. */
  #contentNow(pending: Pending): Content | undefined {
    const { answer } = pending
    if (answer?._tag !== "Like" || this.#runPlan.policy?.record !== undefined) return undefined
    const content = this.#channel.delivery.contentLike(answer)
    this.#pending.shift()
    return content
  }

  #content(
    said: Exclude<Answer, { readonly _tag: "Gone" | "Refused" | "Failed" }> | Like,
    epoch: number,
    batch: number
  ) {
    return Effect.gen(this, function* () {
      const { delivery } = this.#channel
      if (said._tag === "Like") return delivery.contentLike(said)
      if (said._tag !== "Made") {
        return yield* this.#error(epoch, batch, `it said ${said._tag} instead of a batch`)
      }
      this.#runPlan.policy?.record?.(said.draws)
      for (const measured of said.times ?? []) this.#times?.add(...measured)
      return delivery.content(said)
    })
  }

  #error(epoch: number | undefined, batch: number | undefined, reason: string, stage?: string): ThreadError {
    return new ThreadError({ worker: this.#worker, module: this.#options.module, epoch, batch, stage, reason })
  }
}

const OURS = [StageError, CoordinatesError, DatasetChanged, DigestError]
/** Plain work that requires nothing; what it throws in a typed way is a failure. */
const typed = <A>(work: () => A): Effect.Effect<A, Failure> => toEffect<A, Failure>(work) as Effect.Effect<A, Failure>

const isOurs = (error: unknown): error is StageError | CoordinatesError | DatasetChanged | DigestError =>
  OURS.some((own) => error instanceof own)

const described = ({ carries, elastic, name, seed }: Service): NonNullable<Start["policy"]> => ({
  name,
  seed,
  elastic,
  ...(carries === undefined ? {} : { carries })
})
