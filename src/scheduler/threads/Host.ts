/**
 * The main side of a worker's thread: starts it, tells it what to make, and puts another in its place when it dies.
 *
 * The order of an epoch and all seeds are asked for here, so that policies, audits and test doubles work as they do on
 * fibers; the thread gets them as data. Batches come back in a ring of shared memory.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type * as Scope from "effect/Scope"
import { shown } from "../../InvalidOption.ts"
import { startThread, type Thread } from "../../runtime.ts"
import { CoordinatesError, type StageId } from "../../seeding/Coordinates.ts"
import { givesNow, type SeedPolicy, type Seeds, seedsNow } from "../../seeding/SeedPolicy.ts"
import type { Batch } from "../../stages/Batch.ts"
import { KEPT_FROM_USE, Lease, lease, leased, Quarantine } from "../../stages/Lease.ts"
import { type DType, Tensor, type TypedArray } from "../../Tensor.ts"
import { choose } from "../Choice.ts"
import { DigestError } from "../Digest.ts"
import * as FailurePolicy from "../FailurePolicy.ts"
import { fingerprint } from "../Fingerprint.ts"
import type { Job } from "../Job.ts"
import type { Content, Failure, Maker, Quick, Settings } from "../Maker.ts"
import * as Metrics from "../Metrics.ts"
import * as Plan from "../Plan.ts"
import { type Rows, requestAt } from "../Request.ts"
import { DatasetChanged, errorAt, StageError } from "../StageError.ts"
import { limitsOf, SamplesFailed, Tries } from "../Tries.ts"
import { andThen, Failing, type Given, given, type Work } from "../Work.ts"
import { entry } from "./Entry.ts"
import { Form, type Like, type Made } from "./Form.ts"
import { type Extent, Mailbox } from "./Mailbox.ts"
import { batchKey, type Laid, type Make, type Said, type Slot, type Start } from "./Protocol.ts"
import { restore } from "./Ring.ts"
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
  /** How many deaths of a worker's threads are made up for. */
  readonly restarts: number
  /** How long a batch may take; `undefined` for as long as it likes. */
  readonly timeout: Duration.Duration | undefined
  /** Whether memory is overwritten as soon as it is given back, so that late readers notice. */
  readonly debug: boolean
}

type Spoken = Exclude<Said, { readonly _tag: "Memory" }>

/** Why there is no answer. */
interface Gone {
  readonly _tag: "Gone"
  readonly reason: string
}

/** What came of a question: an answer, or why there is none. */
type Answer = Spoken | Like | Gone

/** Makes a worker's batches on a thread of its own. @since 0.1.0 */
export const onThread =
  (options: Options) =>
  (job: Job, worker: number, settings: Settings): Effect.Effect<Maker, ThreadError, Scope.Scope> =>
    Effect.gen(function* () {
      const host = new Host(options, job, worker, settings)
      yield* Effect.addFinalizer(() => host.end)
      yield* host.start
      host.open()
      return {
        _tag: "There",
        ask: (epoch, batch) => host.ask(epoch, batch),
        askNow: (epoch, batch, arrived) => host.askNow(epoch, batch, arrived),
        look: (wait) => host.look(wait)
      }
    })

/** What the thread is asked, and what comes of it. */
interface Question<Message extends Make | undefined = Make | undefined> {
  /** The batch that is asked for; none at the thread's start, which is asked whether it is ready. */
  message: Message
  answer: Answer | undefined
  /** Wakes the fiber that waits for the answer, if one does. */
  resume: (() => void) | undefined
  /** Is told whenever there is an answer. */
  readonly arrived: (() => void) | undefined
}

const question = <Message extends Make | undefined>(message: Message, arrived?: () => void): Question<Message> => ({
  message,
  answer: undefined,
  resume: undefined,
  arrived
})

const settle = (own: Question, answer: Answer): void => {
  own.answer = answer
  own.resume?.()
  own.arrived?.()
}

/** A batch that is asked for, and not yet handed on. */
type Pending = Question<Make>

/** A stage whose rows start from seeds. */
interface Drawing {
  readonly id: StageId
  readonly scope: "sample" | "batch"
}

class Host {
  readonly #options: Options
  readonly #job: Job
  readonly #worker: number
  readonly #start: Start
  readonly #extent: Extent
  #mailbox: Mailbox | undefined
  /** Answers that came as messages, and are not due yet. */
  #spoken: Array<Spoken> = []
  #forms = new Map<number, Form>()
  /** The mailbox that is waited for. */
  #awaited: Mailbox | undefined
  #thread: Thread | undefined
  /** What waits for the thread's answers, which come in the order of the questions. */
  #asked: Array<Question> = []
  readonly #pending: Array<Pending> = []
  /** The stages that seeds are asked for, and which. */
  readonly #drawing: ReadonlyArray<Drawing>
  /** Whether the thread is told of batches as they are asked for: it is not while another one is put in its place. */
  #open = false
  /** Why there is no thread any more, until another one is started. */
  #gone: string | undefined
  #restarts: number
  readonly #failures: FailurePolicy.Service
  #memory: ArrayBufferLike = new ArrayBuffer(0)
  /** Counts the threads: what is given back to one that is no more is not given to the next. */
  #life = 0
  #free: Array<Slot> = []
  /** Batches that the thread need not keep what it has of. */
  #dropped: Array<string> = []
  #quarantine = new Quarantine<Slot>(0)
  #begun = false

  constructor(options: Options, job: Job, worker: number, { digest, failures, prefetch }: Settings) {
    this.#failures = failures
    this.#options = options
    this.#job = job
    this.#worker = worker
    this.#restarts = options.restarts
    const { plan, policy } = job
    const { batch: _, sample, ...limits } = limitsOf(failures)
    this.#extent = {
      cells: prefetch + 1,
      rows: Math.ceil(Math.min(plan.batchSize, plan.count) / plan.world),
      stages: job.pipeline.stages.map(({ id }) => id.name)
    }
    this.#drawing = drawing(job)
    this.#start = {
      module: options.module,
      name: options.name,
      config: options.config,
      fingerprint: fingerprint(job),
      worker,
      workers: plan.workers,
      rank: plan.rank,
      world: plan.world,
      uneven: plan.uneven,
      digest,
      limits: { ...limits, sample: sample === undefined ? undefined : Duration.toMillis(sample) },
      policy: policy === undefined ? undefined : described(policy),
      records: policy?.record !== undefined,
      times: job.watch.times !== undefined,
      mailbox: undefined
    }
  }

  /** Ends the thread, whatever it is at. */
  readonly end: Effect.Effect<void> = Effect.promise(async () => {
    const thread = this.#thread
    this.#thread = undefined
    this.#mailbox?.wake()
    this.#mailbox = undefined
    await thread?.terminate()
  })

  /** Starts a thread and waits till it has built the pipeline. */
  readonly start: Effect.Effect<void, ThreadError> = Effect.gen(this, function* () {
    // A thread's memory goes with it; batches in it stay readable.
    this.#life++
    this.#free = []
    this.#dropped = []
    this.#quarantine = new Quarantine(this.#options.debug ? KEPT_FROM_USE : 0)
    this.#gone = undefined
    const ready = question(undefined)
    this.#asked = [ready]
    this.#spoken = []
    this.#forms = new Map()
    const mailbox = Mailbox.make(this.#extent)
    const start = mailbox === undefined ? undefined : { extent: this.#extent, buffer: mailbox.buffer }
    this.#thread = yield* Effect.try({
      try: () =>
        startThread(entry(this.#options.module), { ...this.#start, mailbox: start } satisfies Start, {
          said: (message) => this.#said(message as Said), // our own program says nothing else
          died: (reason) => this.#died(reason)
        }),
      catch: (thrown) => this.#error(undefined, undefined, `it could not be started: ${shown(thrown)}`)
    })
    const answer = yield* this.#answered(ready)
    if (answer._tag === "Ready") {
      this.#mailbox = mailbox
      return
    }
    yield* this.end
    const known = answer._tag === "Gone" || answer._tag === "Refused"
    const reason = known ? answer.reason : "it answered before it was asked"
    return yield* this.#error(undefined, undefined, reason)
  })

  /** Asks for a batch. If the thread dies, another thread builds it. */
  ask(epoch: number, batch: number): Effect.Effect<Effect.Effect<Content, Failure>, Failure> {
    return Effect.gen(this, function* () {
      if (Plan.rows(this.#job.plan, batch).size === 0) return Effect.succeed({ batch: undefined, hash: undefined })
      const message = this.#message(epoch, batch)
      const asked = message._tag === "Now" ? message.value : yield* message.effect as Effect.Effect<Make, Failure>
      if (!this.#begun) yield* this.#advance(epoch, batch)
      this.#begun = true
      return this.#wait(this.#enqueue(question(asked)))
    })
  }

  /** The same without an effect, where nothing about it needs one; else nothing has been asked, of nobody. */
  askNow(epoch: number, batch: number, arrived: () => void): Quick | undefined {
    const { known, plan, policy } = this.#job
    if (!this.#begun || known(epoch) === undefined || Plan.rows(plan, batch).size === 0) return undefined
    if (policy !== undefined && !givesNow(policy)) return undefined
    const message = this.#message(epoch, batch)
    if (message._tag === "Later") {
      // Nothing had to wait, so it has failed.
      const content = Effect.flatMap(message.effect as Effect.Effect<Make, Failure>, (own) =>
        Effect.suspend(() => this.#wait(this.#enqueue(question(own))))
      )
      return { isDue: false, take: () => undefined, content }
    }
    const pending = this.#enqueue(question(message.value, arrived))
    const wait = () => this.#wait(pending)
    // A time that runs out takes a fiber that waits for it.
    const timed = this.#options.timeout !== undefined || this.#failures.timeout.batch !== undefined
    return {
      get isDue() {
        return !timed && pending.answer === undefined
      },
      take: () => this.#contentNow(pending),
      get content() {
        return wait()
      }
    }
  }

  #enqueue(pending: Pending): Pending {
    this.#pending.push(pending)
    if (this.#open || this.#gone !== undefined) this.#post(pending)
    return pending
  }

  /** Waits for what comes of the first pending batch. */
  #wait(pending: Pending): Effect.Effect<Content, Failure> {
    return Effect.gen(this, function* () {
      const { batch, epoch } = pending.message
      let tries: Tries | undefined
      let retried = 0
      let replaced = 0
      /** What is left to be tried; nothing when all of it is left out. */
      const next = (failure: Failure | SamplesFailed): Effect.Effect<Content | undefined, Failure> => {
        const { position, size } = Plan.rows(this.#job.plan, batch)
        tries ??= new Tries(this.#failures, position, size)
        const { skipped } = tries
        return Effect.map(tries.next(failure), (verdict) => {
          if (verdict._tag === "Nothing") {
            this.#pending.shift()
            this.#dropped.push(batchKey(epoch, batch))
            return { batch: undefined, hash: undefined, skipped, retried, replaced }
          }
          pending.message = { ...pending.message, left: Array.from(verdict.left) }
          return undefined
        })
      }
      for (;;) {
        const answer = yield* this.#inTime(pending)
        if (answer === undefined) {
          const nothing = yield* next(this.#late(pending.message))
          replaced++
          yield* this.#replace(pending.message)
          if (nothing !== undefined) return nothing
        } else if (answer._tag === "Gone") {
          replaced++
          yield* this.#replace(pending.message, answer.reason)
        } else if (answer._tag === "Failed") {
          retried += answer.retried
          const nothing = yield* next(yield* this.#failed(answer, epoch, batch))
          if (nothing !== undefined) return nothing
          pending.answer = undefined
          if (this.#open || this.#gone !== undefined) this.#post(pending)
        } else {
          this.#pending.shift()
          const content = yield* this.#content(answer)
          if (answer._tag === "Made") retried += answer.retried ?? 0
          const counted = retried + replaced === 0 ? content : { ...content, retried, replaced }
          return tries === undefined ? counted : { ...counted, skipped: tries.skipped }
        }
      }
    })
  }

  /** That a batch took longer than the failure policy lets it. */
  #late({ batch, epoch }: Make): StageError {
    const after = Duration.toMillis(this.#failures.timeout.batch ?? 0)
    const cause = new FailurePolicy.TimedOut({ what: "batch", after })
    return errorAt(this.#job, { epoch, batch, worker: this.#worker }, this.#mailbox?.stage ?? "batch", cause)
  }

  /** What a thread failed with. */
  #failed(said: Extract<Spoken, { readonly _tag: "Failed" }>, epoch: number, batch: number) {
    const errors = said.errors.map(decode)
    const [first, ...more] = errors.filter((error) => error instanceof StageError)
    if (first !== undefined && more.length + 1 === errors.length) {
      return Effect.succeed(more.length === 0 ? first : new SamplesFailed({ errors: [first, ...more] }))
    }
    const [error] = errors
    // The thread's own trouble, such as memory that it cannot have, or columns that cannot be sent.
    return Effect.fail(isOurs(error) ? error : this.#error(epoch, batch, shown(error)))
  }

  /** Puts another thread in the place of one that is dead or is to be, and asks it for all that is pending. */
  #replace({ batch, epoch }: Make, died?: string): Effect.Effect<void, Failure> {
    return Effect.gen(this, function* () {
      this.#open = false
      const stage = this.#mailbox?.stage
      yield* this.end
      // One that was too slow for the failure policy is that policy's to count.
      if (died !== undefined && this.#restarts-- === 0) return yield* this.#error(epoch, batch, died, stage)
      yield* Metric.increment(Metrics.replaced)
      yield* this.start
      yield* this.#advance(epoch, batch)
      // In one go, so that nothing is asked for between.
      for (const pending of this.#pending) {
        pending.answer = undefined
        this.#post(pending)
      }
      this.open()
    })
  }

  /** Where streams go on from sample to sample a new thread has to make all that was made before. */
  #advance(epoch: number, batch: number): Effect.Effect<void, Failure> {
    const { plan, policy } = this.#job
    const carries = policy?.carries
    if (carries === undefined) return Effect.void
    return Effect.gen(this, function* () {
      for (let at = carries === "run" ? 0 : epoch; at <= epoch; at++) {
        const end = at < epoch ? plan.batches : batch
        for (let number = this.#worker; number < end; number += plan.workers) {
          if (Plan.rows(plan, number).size === 0) continue
          const message = this.#message(at, number)
          const again = question(
            message._tag === "Now" ? message.value : yield* message.effect as Effect.Effect<Make, Failure>
          )
          this.#post(again)
          const answer = yield* this.#answered(again)
          if (answer._tag === "Gone") return yield* this.#error(at, number, answer.reason)
          if (answer._tag === "Made" || answer._tag === "Like") this.#free.push(...answer.slots)
        }
      }
    })
  }

  /** What a thread is asked for a batch: the samples that stand in it, and the seeds that they start from. */
  #message(epoch: number, batch: number): Given<Make, Failure> {
    const { pipeline, plan, size: before } = this.#job
    const { name, size: now } = pipeline.dataset
    const { position, size } = Plan.rows(plan, batch)
    const rows = { epoch, worker: this.#worker, batch, position, indices: new Float64Array(size) }
    const seeds: Array<readonly [string, Seeds]> = []
    return given<Make, Failure>(
      () => {
        if (now !== before)
          throw new Failing(new DatasetChanged({ dataset: name, from: before, to: now, epoch, batch }))
        return andThen<Failure>(choose(this.#job, rows), () => this.#seeds(rows, seeds))
      },
      () => ({ _tag: "Make", epoch, batch, indices: rows.indices, seeds, free: [] })
    )
  }

  /** Asks the policy for the seeds of all stages that draw. */
  #seeds(rows: Rows, seeds: Array<readonly [string, Seeds]>): Work<CoordinatesError> {
    const { policy } = this.#job
    if (policy === undefined) return undefined
    for (const { id, scope } of this.#drawing.slice(seeds.length)) {
      const request = requestAt(this.#job, id, scope, rows)
      const own = seedsNow(policy, request)
      if (own === undefined) {
        return andThen(
          Effect.map(policy.seeds(request), (later) => {
            seeds.push([id.name, later])
          }),
          () => this.#seeds(rows, seeds)
        )
      }
      seeds.push([id.name, own])
    }
    return undefined
  }

  /** From here on the thread is told of what is asked for. */
  open(): void {
    this.#open = this.#gone === undefined
  }

  #post(pending: Pending): void {
    const { message } = pending
    if (this.#gone !== undefined) {
      settle(pending, { _tag: "Gone", reason: this.#gone })
      return
    }
    this.#asked.push(pending)
    const dropped = this.#dropped.length === 0 ? {} : { dropped: this.#dropped }
    const whole = { ...message, free: this.#free, ...dropped }
    this.#free = []
    this.#dropped = []
    if (this.#mailbox?.ask(whole) !== true) this.#thread?.post(whole)
  }

  /**
   * Hands on all answers that are there. Where there is none, and `wait` says so, it does as soon as there is one. Else
   * nobody does, until the next look: to be woken costs the main thread more than to look when a batch is wanted.
   */
  look(wait: boolean): void {
    const mailbox = this.#mailbox
    if (mailbox === undefined) return
    let seen = false
    while (this.#asked.length > 0) {
      if (mailbox.isAnswered) {
        if (!this.#next(mailbox)) return
        seen = true
        continue
      }
      const wanted = (wait && !seen) || this.#asked.some(({ resume }) => resume !== undefined)
      if (!wanted || this.#awaited === mailbox) return
      const change = mailbox.answering()
      if (change === undefined) continue
      this.#awaited = mailbox
      void change.then(() => {
        if (this.#awaited === mailbox) this.#awaited = undefined
        this.look(true)
      })
      return
    }
  }

  /** Hands on the next answer; `false` when it is a message that is still on its way, which will ask for it again. */
  #next(mailbox: Mailbox): boolean {
    const { due } = mailbox
    if (due !== undefined) {
      mailbox.take()
      const form = this.#forms.get(due.form) as Form // said before any that is like it
      this.#answer(form.like(due, this.#asked[0]?.message?.indices ?? new Float64Array(0)))
      return true
    }
    const spoken = this.#spoken.shift()
    if (spoken === undefined) return false
    mailbox.take()
    if (spoken._tag === "Made" && spoken.form !== undefined) this.#forms.set(spoken.form, new Form(spoken))
    this.#answer(spoken)
    return true
  }

  /** Waits for an answer. */
  #answered(own: Question): Effect.Effect<Answer> {
    const arrival = Effect.async<void>((resume) => {
      if (own.answer !== undefined) {
        resume(Effect.void)
        return
      }
      const off = (): void => {
        own.resume = undefined
      }
      own.resume = () => {
        off()
        resume(Effect.void)
      }
      this.look(true)
      return Effect.sync(off)
    })
    const answered: Effect.Effect<Answer> = Effect.suspend(() =>
      own.answer === undefined ? Effect.zipRight(arrival, answered) : Effect.succeed(own.answer)
    )
    return answered
  }

  /** An answer, or that it did not come in time; none when it is the failure policy's time that has run out. */
  #inTime(pending: Pending): Effect.Effect<Answer | undefined> {
    const answered = this.#answered(pending)
    const { timeout: own } = this.#options
    const { batch } = this.#failures.timeout
    const first = batch !== undefined && (own === undefined || Duration.lessThanOrEqualTo(batch, own))
    const duration = first ? batch : own
    if (duration === undefined) return answered
    return answered.pipe(
      Effect.timeoutTo({
        duration,
        onSuccess: (answer): Answer | undefined => answer,
        onTimeout: (): Answer | undefined =>
          first ? undefined : { _tag: "Gone", reason: `it was not done after the timeout of ${String(duration)}` }
      })
    )
  }

  #said(said: Said): void {
    if (said._tag === "Memory") this.#memory = said.memory
    else if (this.#mailbox === undefined) this.#answer(said)
    else {
      this.#spoken.push(said)
      this.look(true)
    }
  }

  #answer(answer: Answer): void {
    const question = this.#asked.shift()
    if (question !== undefined) settle(question, answer)
  }

  /** Whatever was asked of a thread that is no more has this for an answer. */
  #died(reason: string): void {
    this.#open = false
    this.#gone = reason
    const asked = this.#asked
    this.#asked = []
    for (const question of asked) settle(question, { _tag: "Gone", reason })
  }

  /** What came of a pending batch, where it takes nothing more; it is not pending any more then. */
  #contentNow(pending: Pending): Content | undefined {
    const { answer } = pending
    if (answer?._tag !== "Like" || this.#job.policy?.record !== undefined) return undefined
    const content = this.#deliveredLike(answer)
    this.#pending.shift()
    return content
  }

  #content(said: Spoken | Like) {
    return Effect.gen(this, function* () {
      if (said._tag === "Like") return this.#deliveredLike(said)
      if (said._tag !== "Made") {
        return yield* this.#error(undefined, undefined, `it said ${said._tag} instead of a batch`)
      }
      yield* this.#job.policy?.record?.(said.draws) ?? Effect.void
      for (const [name, milliseconds] of said.times ?? []) this.#job.watch.times?.add(name, milliseconds)
      return this.#delivered(said)
    })
  }

  #delivered(said: Made): Content {
    const { batch, hash, laid, slots } = said
    if (batch === undefined) return { batch: undefined, hash }
    // A thread sends batches.
    const place = batch as { readonly epoch: number; readonly index: number }
    const own = this.#lease(place.epoch, place.index, slots)
    const memory = this.#memory
    const whole = restore(batch, (index) => {
      const at = laid[index] as Laid // as many as stand-ins
      return at._tag === "Sent" ? new Tensor(at.data, at.shape) : leased(own, view(at, memory), at.shape)
    }) as Batch<unknown>
    lease(whole, own)
    return { batch: whole, hash, release: own.release }
  }

  /** The same for a batch of a form, of which all is known but where it lies. */
  #deliveredLike({ alike, form, indices, slots }: Like): Content {
    const own = this.#lease(alike.epoch, alike.batch, slots)
    const memory = this.#memory
    const whole = form.batch(alike, indices, (at) => leased(own, view(at, memory), at.shape))
    lease(whole, own)
    return { batch: whole, hash: alike.hash, release: own.release }
  }

  #lease(epoch: number, batch: number, slots: ReadonlyArray<Slot>): Lease {
    const memory = this.#memory
    const life = this.#life
    return new Lease({ epoch, batch }, () => {
      if (this.#options.debug) {
        for (const { address, length } of slots) new Uint8Array(memory, address, length).fill(0xff)
      }
      if (this.#life === life) this.#free.push(...this.#quarantine.pass(slots))
    })
  }

  #error(epoch: number | undefined, batch: number | undefined, reason: string, stage?: string): ThreadError {
    return new ThreadError({ worker: this.#worker, module: this.#options.module, epoch, batch, stage, reason })
  }
}

const isOurs = (error: unknown): error is StageError | CoordinatesError | DatasetChanged | DigestError =>
  error instanceof StageError ||
  error instanceof CoordinatesError ||
  error instanceof DatasetChanged ||
  error instanceof DigestError

const drawing = ({ pipeline: { ambient, stages } }: Job): ReadonlyArray<Drawing> => {
  const batching = stages.findIndex(({ _tag }) => _tag === "Batch")
  return stages.flatMap((stage, place) =>
    stage._tag === "Sample" || !(stage.draws || ambient === "derive")
      ? []
      : [{ id: stage.id, scope: place < batching ? "sample" : "batch" }]
  )
}

const described = ({ carries, elastic, name, seed }: SeedPolicy["Type"]): NonNullable<Start["policy"]> => ({
  name,
  seed,
  elastic,
  ...(carries === undefined ? {} : { carries })
})

const arrays: { readonly [D in DType]: new (memory: ArrayBufferLike, offset: number, length: number) => TypedArray } = {
  float32: Float32Array,
  uint8: Uint8Array,
  float64: Float64Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int8: Int8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int64: BigInt64Array,
  uint64: BigUint64Array
}

const view = (
  { address, clamped, dtype, length }: Extract<Laid, { readonly _tag: "Laid" }>,
  memory: ArrayBufferLike
): TypedArray => new (clamped ? Uint8ClampedArray : arrays[dtype])(memory, address, length)
