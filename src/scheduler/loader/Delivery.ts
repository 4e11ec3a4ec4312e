/**
 * The consumer's side of a run: delivers batches one by one, and accounts for each as it is delivered.
 *
 * Taking is plain code: a batch is taken and accounted for in one go, so that an interrupt cannot fall between.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import { BufferPool } from "../../core/BufferPool.ts"
import type { EventLoop } from "../../core/EventLoop.ts"
import type { Batch } from "../../pipeline/Batch.ts"
import { DeliveredBatch, owned } from "../../pipeline/DeliveredBatch.ts"
import type { BuiltBatch, Failure } from "../backends/Backend.ts"
import { andThen, fromEffect, TypedFailure, toEffect, type Work } from "../build/Work.ts"
import * as Digest from "../plan/Digest.ts"
import { Accounts, type AccountsOptions } from "./Accounts.ts"
import type { EmptyBatches } from "./EmptyBatch.ts"
import type * as FailurePolicy from "./FailurePolicy.ts"
import { forEach, type Lending, lending } from "./ForEach.ts"
import { HeldBack, type Taken } from "./HeldBack.ts"
import { EpochPassed, RunClosed } from "./Loader.ts"
import { Loan } from "./Loan.ts"
import type * as Profile from "./Profile.ts"
import { Mutex, type Queue } from "./Queue.ts"
import type { Tracker } from "./Repeats.ts"
import type { Range } from "./RunOptions.ts"
import type { AwaitedBatch, TakeOptions } from "./TakeOptions.ts"
import type { Want } from "./WorkerFibers.ts"
import type { Built } from "./WorkerQueues.ts"

/** @since 0.1.0 */
export type DeliveryError = Failure | FailurePolicy.SkipBudgetExceeded | RunClosed

type Taking<E = never> = Effect.Effect<Option.Option<DeliveredBatch>, DeliveryError | E>

/** The next batch, `undefined` at the end: at once, or once something has been waited for. */
type Next<E = never> = Work<DeliveredBatch | undefined, DeliveryError | E>

/** What a delivery takes batches from, and what it keeps the accounts with. @since 0.1.0 */
export interface DeliveryOptions extends AccountsOptions {
  readonly wants: ReadonlyArray<Want>
  readonly eventLoop: EventLoop
  /** Where a batch of which nothing is left is delivered as an empty one. */
  readonly empty: EmptyBatches | undefined
  readonly recorder: Profile.Recorder | undefined
  /** `undefined` if a repeat is meant, or nothing draws. */
  readonly repeats: Tracker | undefined
  readonly ready: boolean
  /** Whether batches that are taken one by one are lent, too. */
  readonly lends: boolean
  readonly range: Range
}

/** How many batches are held back at most until one with rows shows what columns empty ones have. */
const LOOK_AHEAD = 1024

const nothing: ReadonlyArray<FailurePolicy.Skipped> = []

const restored: TakeOptions["wait"] = (waiting) => waiting

/** That what was taken was no batch to be delivered. */
const another = Symbol("another")

/** Delivers the batches of a run. @since 0.1.0 */
export class Delivery {
  readonly #options: DeliveryOptions
  readonly #accounts: Accounts
  /** The sequence number behind the last batch of the run. */
  readonly #end: number
  readonly #held = new HeldBack()
  /** Two takers at once would wait on one queue for the batches of two. */
  readonly #turn = new Mutex()
  /** Memory that batches are copied to. */
  readonly #pool = new BufferPool()
  /** The batch that was delivered last, if it was lent. */
  readonly loan = new Loan()
  #failure: Exit.Exit<never, DeliveryError> | undefined
  /** The sequence number of the batch that was delivered last. */
  #last = -1
  /** The last epoch that was entered. */
  #entered: number | undefined
  /** Epochs before this one are over, whatever is left of them. */
  #floor = 0

  constructor(options: DeliveryOptions) {
    this.#options = options
    this.#accounts = new Accounts(options)
    this.#end = options.sequence.of(options.range.end, 0)
    const asked = this.#askedBefore(this.#end)
    this.take = this.#turn.during(Effect.map(this.#asking(asked), Option.fromNullable))
    this.next = () => this.#turn.now(() => this.#next(asked))
  }

  /** What was counted so far. */
  get stats(): Accounts["stats"] {
    return this.#accounts.stats
  }

  /** The next batch; none at the end. */
  readonly take: Taking

  /** The next batch, by plain code as far as that goes; `undefined` at the end. What is left to do must be run. */
  readonly next: () => Next

  /** Calls `step` with each batch, which is lent to it; an interrupt never falls between a batch and its step. */
  forEach<X, E, R>(step: (batch: DeliveredBatch) => Effect.Effect<X, E, R>): Effect.Effect<void, DeliveryError | E, R> {
    const next = (asked: TakeOptions): Next => this.#next(asked)
    return this.#turn.during(forEach({ next, limit: this.#end, loan: this.loan }, step))
  }

  /** As {@link forEach}, for steps that are called elsewhere. */
  lending(): Lending<DeliveredBatch, DeliveryError> {
    return lending({ next: (own) => this.#turn.now(() => this.#next(own)), limit: this.#end, loan: this.loan })
  }

  /** The next batch of an epoch; none at its end. */
  takeOf(epoch: number): Taking<EpochPassed> {
    // What is waited for requires nothing.
    const next = toEffect(this.#ofEpoch(epoch)) as Effect.Effect<
      DeliveredBatch | undefined,
      DeliveryError | EpochPassed
    >
    return this.#turn.during(Effect.map(next, Option.fromNullable))
  }

  /** As {@link next}, of an epoch. */
  nextOf(epoch: number): () => Next<EpochPassed> {
    const next = this.#ofEpoch(epoch)
    return () => this.#turn.now(next)
  }

  #ofEpoch(epoch: number): () => Next<EpochPassed> {
    const { delivered, range, sequence } = this.#options
    const limit = sequence.of(epoch + 1, 0)
    const asked = this.#askedBefore(limit)
    return () => {
      // In the order of readiness batches of later epochs may have been taken before the last ones of this.
      const wentOn = this.#last >= limit && delivered.next > limit
      const reached = wentOn ? Math.min(this.position.epoch, range.end - 1) : 0
      const current = Math.max(this.#floor, this.#entered ?? 0, reached)
      if (current <= epoch) return this.#next(asked)
      // There is no epoch behind the last one.
      const last = Math.max(range.end - 1, epoch + 1)
      throw new TypedFailure(new EpochPassed({ epoch, current: Math.min(current, last) }))
    }
  }

  /**
   * Enters the epoch behind one, or the first one that is not over; none at the end. What was left before it is skipped.
   * An epoch whose end has not been found yet is not over, even if all its batches were delivered.
   */
  enter(behind: number | undefined): Effect.Effect<Option.Option<number>, DeliveryError> {
    return this.#turn.during(
      Effect.suspend((): Effect.Effect<Option.Option<number>, DeliveryError> => {
        if (this.#failure !== undefined) return this.#failure
        const { delivered, queues, range, sequence } = this.#options
        if (queues.isClosed) return Effect.fail(this.#closed())
        const entered = this.#entered
        // An epoch of which all was delivered, or that has no batches, is over.
        const over = entered !== undefined && delivered.next >= sequence.of(entered + 1, 0) ? entered + 1 : 0
        const epoch = Math.max(behind === undefined ? 0 : behind + 1, over, this.position.epoch)
        const first = Math.min(sequence.of(epoch, 0), this.#end)
        if (delivered.missing(first) > 0) this.#floor = epoch
        this.#skipTo(first)
        if (epoch >= range.end) return Effect.succeedNone
        this.#entered = epoch
        return Effect.succeedSome(epoch)
      })
    )
  }

  /** The first batch that was not delivered. */
  get position(): { readonly epoch: number; readonly batch: number } {
    const { delivered, range, sequence } = this.#options
    // A run whose epochs have no batches stands where it was entered last.
    if (sequence.room === 0) return { epoch: this.#entered ?? range.start, batch: 0 }
    return { epoch: sequence.epochOf(delivered.next), batch: sequence.batchOf(delivered.next) }
  }

  #closed(): RunClosed {
    return new RunClosed({ at: this.position })
  }

  /** How a batch is taken by itself: the run lends it or copies it. */
  #askedBefore(limit: number): TakeOptions {
    return { limit, wait: restored, lends: this.#options.lends }
  }

  /** The next batch; `undefined` at the end. */
  #asking(asked: TakeOptions): Effect.Effect<DeliveredBatch | undefined, DeliveryError> {
    // What is waited for requires nothing.
    return toEffect(() => this.#next(asked)) as Effect.Effect<DeliveredBatch | undefined, DeliveryError>
  }

  /** The next batch, by plain code as far as that goes. */
  #next(asked: TakeOptions): Next {
    for (;;) {
      const next = this.#one(asked)
      if (next !== another) return next
    }
  }

  /** The next batch, or that what came next was none. */
  #one(asked: TakeOptions): Next | typeof another {
    const { delivered, queues, recorder } = this.#options
    // Whoever asks for a batch is done with the one before.
    this.loan.end()
    const failure = this.#failure
    if (failure !== undefined) return failing(failure)
    const held = queues.isClosed || this.#held.length === 0 ? undefined : this.#heldBack(asked.limit)
    if (held !== undefined) return this.#deliver(held, asked)
    if (delivered.missing(asked.limit) === 0) return undefined
    const { last } = this.#held
    const due = last === undefined ? delivered.next : delivered.missingBehind(last.sequence)
    const queue = queues.queueAt(due)
    // The queue is empty: all that has arrived since is taken at once, which costs less than one by one.
    if (!queues.isClosed && (recorder !== undefined || queue.length === 0)) this.#want(due, false)
    recorder?.asked(queues.numberAt(due), queue.length)
    return this.#arrival({ due, queued: queue.length, started: performance.now(), isLate: false }, asked)
  }

  /** Waits for the batch that is due, or in the order of readiness for any before `limit`. */
  #arrival(awaited: AwaitedBatch, asked: TakeOptions): Next | typeof another {
    const { empty, eventLoop, queues, ready, wants } = this.#options
    const { due, isLate, queued, started } = awaited
    if (queues.isClosed) return fromEffect(() => Effect.fail(this.#closed()))
    // What is taken without a wait would keep all else from its turn.
    if (wants.length > 0 && eventLoop.isStarvedAt(isLate ? performance.now() : started)) {
      return this.#after(eventLoop.turn, awaited, asked)
    }
    const queue = queues.queueAt(due)
    const isThere = queue.length > 0
    if (!isThere) {
      queues.flushCredits()
      this.#want(due, true)
    }
    // In the order of readiness batches of the next epoch can come before the last ones of this.
    const before = ready && asked.limit < this.#end && empty?.isKnown !== false ? asked.limit : undefined
    const built = before === undefined ? queue.poll() : pollBefore(queue, before)
    const waited = isThere && !isLate ? 0 : performance.now() - started
    if (built !== undefined) return this.#taken(built, waited, queued, asked)
    if (before !== undefined && queue.length > 0) this.#want(due, true)
    return this.#after(this.#arrives(due, before ?? Number.POSITIVE_INFINITY), awaited, asked)
  }

  /** Waits until a batch before `limit` is there, or none will come. */
  #arrives(due: number, limit: number): Effect.Effect<void> {
    const { queues } = this.#options
    const queue = queues.queueAt(due)
    return queue.until(() => queues.isClosed || queue.has(({ sequence }) => sequence < limit))
  }

  /** Looks again, after something has been waited for. */
  #after(waiting: Effect.Effect<void>, awaited: AwaitedBatch, asked: TakeOptions): Next {
    return andThen(
      fromEffect(() => asked.wait(waiting)),
      () => {
        const next = this.#arrival({ ...awaited, isLate: true }, asked)
        return next === another ? this.#next(asked) : next
      }
    )
  }

  /** Has workers deliver what is built; with `wait`, also the next batch as soon as it is built. */
  #want(due: number, wait: boolean): void {
    const { queues, ready, wants } = this.#options
    const own = queues.workerOf(due)
    wants[own]?.(wait)
    if (!ready) return
    // All batches come by one queue; the batch that is due is built first.
    const queue = queues.queueAt(due)
    for (let worker = 0; worker < wants.length; worker++) {
      if (wait && queue.length > 0) return
      if (worker !== own) wants[worker]?.(wait)
    }
  }

  /** Delivers what was taken from a queue, holds it back, or fails with what it failed with. */
  #taken({ exit, sequence }: Built, waited: number, queued: number, asked: TakeOptions): Next | typeof another {
    const { delivered, queues } = this.#options
    this.stats.waited += waited
    if (Exit.isFailure(exit)) return this.#fail(Exit.failCause(exit.cause))
    const content = exit.value
    if (content.ended === true) {
      delivered.endAt(sequence, queues.leave(sequence))
      return another
    }
    // Columns that have just become known may be those of a batch of a later epoch.
    const isHeld = this.#holdsBack(content) || sequence >= asked.limit
    const isCredited = isHeld && content.batch === undefined
    const taken: Taken = { content, sequence, waited, queued, isCredited, isUnreported: false, reported: 0 }
    if (!isHeld) return this.#deliver(taken, asked)
    this.#held.push(taken)
    if (isCredited) queues.giveCredit(sequence)
    return another
  }

  /**
   * Whether a batch is held back: an empty one has the columns of one with rows, and whether these are known must not
   * depend on timing. Empty batches take no room, so their workers go on.
   */
  #holdsBack(content: BuiltBatch): boolean {
    const { empty } = this.#options
    if (empty === undefined) return false
    if (content.batch !== undefined) empty.see(content.batch)
    return this.#held.length > 0 || !empty.isKnown
  }

  /** A batch that was held back, of those before `limit`, if it need be no longer. */
  #heldBack(limit: number): Taken | undefined {
    const unreported = this.#held.poll(limit, (own) => own.isUnreported)
    if (unreported !== undefined) return unreported
    const { delivered, empty } = this.#options
    const { length } = this.#held
    if (empty?.isKnown === false && length < LOOK_AHEAD && delivered.missing(this.#end) > length) return undefined
    return this.#held.poll(limit)
  }

  /** Hands a batch on, once all is reported that is to be reported of it. */
  #deliver(taken: Taken, asked: TakeOptions): Next | typeof another {
    const { empty, repeats } = this.#options
    const { batch, lease, skipped = nothing } = taken.content
    const over = skipped.length === 0 ? undefined : this.#accounts.tooMany(skipped)
    if (over !== undefined) {
      lease?.release()
      return this.#fail(Exit.fail(over))
    }
    const handed = batch ?? empty?.at(taken.sequence)
    const repeated = handed === undefined ? undefined : repeats?.check(taken.sequence)
    if (skipped.length === 0 && repeated === undefined) return this.#handOn(taken, handed, asked)
    return this.#reported(taken, handed, repeated, asked)
  }

  /** Reports what is to be reported of a batch, and then hands it on. */
  #reported(taken: Taken, handed: Batch<unknown> | undefined, repeated: string | undefined, asked: TakeOptions): Next {
    // If the report fails, or is interrupted, the batch is not accounted for: it is the next one to be taken.
    this.#held.unreported(taken)
    const reports = Effect.zipRight(
      repeated === undefined ? Effect.void : Effect.logWarning(repeated),
      this.#accounts.report(taken)
    )
    return andThen(
      fromEffect(() => asked.wait(reports)),
      () => {
        this.#held.remove(taken)
        const next = this.#handOn(taken, handed, asked)
        return next === another ? this.#next(asked) : next
      }
    )
  }

  /** Accounts for a batch and hands it on in one go, if anything is left of it. */
  #handOn(taken: Taken, built: Batch<unknown> | undefined, asked: TakeOptions): Next | typeof another {
    this.#last = taken.sequence
    const { lease } = taken.content
    const isCopied = lease?.isOrdinary === false && !asked.lends
    let handed: DeliveredBatch | undefined
    try {
      handed = built && (isCopied ? owned(built, lease, this.#pool) : new DeliveredBatch(built, built.columns, lease))
    } catch (thrown) {
      return this.#fail(Exit.die(thrown)) // such as memory that cannot be had
    }
    try {
      this.#accounts.add(taken, handed)
    } catch (thrown) {
      return this.#fail(Exit.fail(Digest.DigestError.from(thrown)))
    }
    if (asked.lends) this.loan.begin(lease)
    else if (isCopied) lease.release()
    if (handed === undefined) return another
    this.#options.repeats?.pass(this.#options.delivered.next)
    return handed
  }

  /** Fails now, and whenever a batch is asked for. */
  #fail(failure: Exit.Exit<never, DeliveryError>): Next {
    this.#failure = failure
    return failing(failure)
  }

  #skipTo(sequence: number): void {
    const { delivered, queues, repeats } = this.#options
    queues.skipTo(sequence)
    delivered.skipTo(sequence)
    for (const { content, isCredited, sequence: own } of this.#held.removeBefore(sequence)) {
      content.lease?.release()
      if (!isCredited) queues.giveCredit(own)
    }
    repeats?.skipTo(delivered.next)
  }
}

// What closes over something stands here: a function with a closure allocates at each call what that may close over.
const failing = (failure: Exit.Exit<never, DeliveryError>): Next => fromEffect(() => failure)

const pollBefore = (queue: Queue<Built>, limit: number): Built | undefined =>
  queue.pollWhere(({ sequence }) => sequence < limit)
