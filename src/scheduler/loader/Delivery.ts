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
import type { EventLoop } from "../../core/EventLoop.ts"
import type { Batch } from "../../pipeline/Batch.ts"
import type { BuiltBatch, Failure } from "../backends/Backend.ts"
import type { Cuts } from "../plan/Cuts.ts"
import * as Digest from "../plan/Digest.ts"
import type { Sequence } from "../plan/Sequence.ts"
import type { Delivered } from "./Delivered.ts"
import type { EmptyBatches } from "./EmptyBatch.ts"
import * as FailurePolicy from "./FailurePolicy.ts"
import type { SkipService } from "./FailureServices.ts"
import { HeldBack, type Taken } from "./HeldBack.ts"
import { EpochPassed, RunClosed, type Stats } from "./Loader.ts"
import type * as Metrics from "./Metrics.ts"
import type * as Profile from "./Profile.ts"
import { Mutex } from "./Queue.ts"
import type { Tracker } from "./Repeats.ts"
import type { Range } from "./RunOptions.ts"
import type * as Verify from "./Verify.ts"
import type { Want } from "./WorkerFibers.ts"
import type { Built, WorkerQueues } from "./WorkerQueues.ts"

/** @since 0.1.0 */
export type DeliveryError = Failure | FailurePolicy.SkipBudgetExceeded | RunClosed

type Taking = Effect.Effect<Option.Option<Batch<unknown>>, DeliveryError>

/** How an arrival is waited for: so that an interrupt can end the wait, or not. */
type Wait = (arrival: Effect.Effect<void>) => Effect.Effect<void>

/** What a delivery takes batches from, and what it keeps the accounts with. @since 0.1.0 */
export interface DeliveryOptions {
  readonly queues: WorkerQueues
  readonly wants: ReadonlyArray<Want>
  readonly eventLoop: EventLoop
  readonly delivered: Delivered
  readonly chosen: Verify.Chosen
  readonly counting: Metrics.Counting
  /** Where a batch of which nothing is left is delivered as an empty one. */
  readonly empty: EmptyBatches | undefined
  readonly recorder: Profile.Recorder | undefined
  /** `undefined` if a repeat is meant, or nothing draws. */
  readonly repeats: Tracker | undefined
  readonly skip: SkipService | undefined
  /** How many samples may be left out, and how many were before the run continued from its cursor. */
  readonly budget: number
  readonly skippedBefore: number
  readonly ready: boolean
  readonly sequence: Sequence
  readonly cuts: Cuts
  readonly range: Range
}

/** How many batches are held back at most until one with rows shows what columns empty ones have. */
const LOOK_AHEAD = 1024

const nothing: ReadonlyArray<FailurePolicy.Skipped> = []

const restored: Wait = (arrival) => arrival

/** Delivers the batches of a run. @since 0.1.0 */
export class Delivery {
  readonly stats: { -readonly [Key in keyof Stats]: Stats[Key] } = {
    batches: 0,
    samples: 0,
    skipped: 0,
    retried: 0,
    replaced: 0,
    verified: 0,
    waited: 0
  }
  readonly #options: DeliveryOptions
  /** The sequence number behind the last batch of the run. */
  readonly #end: number
  readonly #held = new HeldBack()
  /** Two takers at once would wait on one queue for the batches of two. */
  readonly #turn = new Mutex()
  /** Gives back the memory of the batch that was delivered last. */
  #release: (() => void) | undefined
  #failure: Exit.Exit<never, DeliveryError> | undefined
  /** The sequence number of the batch that was delivered last. */
  #last = -1
  /** The last epoch that was entered. */
  #entered: number | undefined
  /** Epochs before this one are over, whatever is left of them. */
  #floor = 0

  constructor(options: DeliveryOptions) {
    this.#options = options
    this.#end = options.sequence.of(options.range.end, 0)
    this.take = this.#turn.during(this.#next(this.#end, restored))
  }

  /** The next batch; none at the end. */
  readonly take: Taking

  /** Calls `step` with each batch; an interrupt never falls between a batch and its step. */
  forEach<X, E, R>(step: (batch: Batch<unknown>) => Effect.Effect<X, E, R>): Effect.Effect<void, DeliveryError | E, R> {
    return this.#turn.during(
      Effect.uninterruptibleMask((restore) => {
        const taking = this.#next(this.#end, restore)
        const rest: Effect.Effect<void, DeliveryError | E, R> = Effect.flatMap(
          Effect.zipRight(restore(Effect.void), taking),
          (batch) => (Option.isNone(batch) ? Effect.void : Effect.zipRight(step(batch.value), rest))
        )
        return rest
      })
    )
  }

  /** The next batch of an epoch; none at its end. */
  takeOf(epoch: number): Effect.Effect<Option.Option<Batch<unknown>>, DeliveryError | EpochPassed> {
    const { delivered, range, sequence } = this.#options
    const limit = sequence.of(epoch + 1, 0)
    const taking = this.#next(limit, restored)
    return this.#turn.during(
      Effect.suspend((): Effect.Effect<Option.Option<Batch<unknown>>, DeliveryError | EpochPassed> => {
        // In the order of readiness batches of later epochs may have been taken before the last ones of this.
        const wentOn = this.#last >= limit && delivered.next > limit
        const reached = wentOn ? Math.min(this.position.epoch, range.end - 1) : 0
        const current = Math.max(this.#floor, this.#entered ?? 0, reached)
        if (current <= epoch) return taking
        // Behind the last epoch there is none to be in.
        const last = Math.max(range.end - 1, epoch + 1)
        return Effect.fail(new EpochPassed({ epoch, current: Math.min(current, last) }))
      })
    )
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

  /** The next batch before a sequence number. */
  #next(limit: number, wait: Wait): Taking {
    return Effect.suspend(() => {
      const { delivered, queues, recorder } = this.#options
      // Whoever takes a batch is done with the one before.
      this.#release?.()
      this.#release = undefined
      if (this.#failure !== undefined) return this.#failure
      const held = queues.isClosed ? undefined : this.#heldBack(limit)
      if (held !== undefined) return this.#deliver(held, limit, wait)
      if (delivered.missing(limit) === 0) return Effect.succeedNone
      const { last } = this.#held
      const due = last === undefined ? delivered.next : delivered.missingBehind(last.sequence)
      if (!queues.isClosed) this.#want(due, false)
      const queued = queues.queueAt(due).length
      recorder?.asked(queues.numberAt(due), queued)
      return this.#arrival(due, queued, limit, wait)
    })
  }

  /** Waits for the batch that is due, or in the order of readiness for any before `limit`. */
  #arrival(due: number, queued: number, limit: number, wait: Wait): Taking {
    const { empty, eventLoop, queues, ready, wants } = this.#options
    const queue = queues.queueAt(due)
    // In the order of readiness batches of the next epoch can come before the last ones of this.
    const some = ready && limit < this.#end && empty?.isKnown !== false
    const wanted = ({ sequence }: Built): boolean => sequence < limit
    const arrives = () => queues.isClosed || (some ? queue.has(wanted) : queue.length > 0)
    const started = performance.now()
    const arrived: Taking = Effect.suspend(() => {
      if (queues.isClosed) return Effect.fail(this.#closed())
      // What is taken without a wait would keep all else from its turn.
      if (wants.length > 0 && eventLoop.isStarved) return Effect.zipRight(wait(eventLoop.turn), arrived)
      if (queue.length === 0) this.#want(due, true)
      const built = some ? queue.pollWhere(wanted) : queue.poll()
      if (built !== undefined) return this.#taken(built, performance.now() - started, queued, limit, wait)
      if (some && queue.length > 0) this.#want(due, true)
      return Effect.zipRight(wait(queue.until(arrives)), arrived)
    })
    return arrived
  }

  /** Has workers deliver what is built; with `wait`, also the next batch as soon as it is built. */
  #want(due: number, wait: boolean): void {
    const { queues, ready, wants } = this.#options
    if (ready) for (const own of wants) own(wait)
    else wants[queues.numberAt(due)]?.(wait)
  }

  /** Delivers what was taken from a queue, holds it back, or fails with what it failed with. */
  #taken({ exit, sequence }: Built, waited: number, queued: number, limit: number, wait: Wait): Taking {
    const { delivered, queues, sequence: order } = this.#options
    this.stats.waited += waited
    if (Exit.isFailure(exit)) {
      this.#failure = Exit.failCause(exit.cause)
      return this.#failure
    }
    const content = exit.value
    if (content.ended === true) {
      delivered.endAt(sequence, order.of(order.epochOf(sequence) + 1, 0))
      queues.giveCredit(sequence)
      return this.#next(limit, wait)
    }
    // Columns that have just become known may be those of a batch of a later epoch.
    const isHeld = this.#holdsBack(content) || sequence >= limit
    const isCredited = isHeld && content.batch === undefined
    const taken: Taken = { content, sequence, waited, queued, isCredited, isUnreported: false, reported: 0 }
    if (!isHeld) return this.#deliver(taken, limit, wait)
    this.#held.push(taken)
    if (isCredited) queues.giveCredit(sequence)
    return this.#next(limit, wait)
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
    if (this.#held.length === 0) return undefined
    const unreported = this.#held.poll(limit, (own) => own.isUnreported)
    if (unreported !== undefined) return unreported
    const { delivered, empty } = this.#options
    const { length } = this.#held
    if (empty?.isKnown === false && length < LOOK_AHEAD && delivered.missing(this.#end) > length) return undefined
    return this.#held.poll(limit)
  }

  /** Reports what is to be reported of a batch, and then hands it on. */
  #deliver(taken: Taken, limit: number, wait: Wait): Taking {
    const { empty, repeats } = this.#options
    const { batch, skipped = nothing } = taken.content
    const over = skipped.length === 0 ? undefined : this.#tooMany(skipped)
    if (over !== undefined) {
      taken.content.release?.()
      this.#failure = Exit.fail(over)
      return this.#failure
    }
    const handed = batch ?? empty?.at(taken.sequence)
    const repeated = handed === undefined ? undefined : repeats?.check(taken.sequence)
    if (skipped.length === 0 && repeated === undefined) return this.#handOn(taken, handed, limit, wait)
    // If the report fails, or is interrupted, the batch is not accounted for: it is the next one to be taken.
    this.#held.unreported(taken)
    const reports = Effect.zipRight(
      repeated === undefined ? Effect.void : Effect.logWarning(repeated),
      Effect.forEach(skipped.slice(taken.reported), (own) => this.#report(own, taken), { discard: true })
    )
    return Effect.flatMap(wait(reports), () => {
      this.#held.remove(taken)
      return this.#handOn(taken, handed, limit, wait)
    })
  }

  /** What has been reported is not reported again, unless an interrupt falls right behind the report. */
  #report(own: FailurePolicy.Skipped, taken: Taken): Effect.Effect<void> {
    return Effect.map(this.#options.skip?.report(own) ?? Effect.void, () => {
      taken.reported++
    })
  }

  /** The error of a batch that leaves out more samples than the run may. */
  #tooMany(skipped: ReadonlyArray<FailurePolicy.Skipped>): FailurePolicy.SkipBudgetExceeded | undefined {
    const { budget, skippedBefore } = this.#options
    let count = this.stats.skipped + skippedBefore
    for (const own of skipped) {
      count += own.samples
      if (count > budget) return new FailurePolicy.SkipBudgetExceeded({ skipped: own, count, budget })
    }
    return undefined
  }

  /** Accounts for a batch and hands it on in one go, or the next one if nothing is left of it. */
  #handOn(taken: Taken, handed: Batch<unknown> | undefined, limit: number, wait: Wait): Taking {
    this.#last = taken.sequence
    try {
      this.#account(taken, handed)
    } catch (thrown) {
      this.#failure = Exit.fail(Digest.DigestError.from(thrown))
      return this.#failure
    }
    if (handed === undefined) return this.#next(limit, wait)
    this.#options.repeats?.pass(this.#options.delivered.next)
    return Effect.succeedSome(handed)
  }

  /** Accounts for a batch, if any is left of it. Throws `DigestError`. */
  #account({ content, isCredited, queued, sequence, waited }: Taken, handed: Batch<unknown> | undefined): void {
    const { delivered, chosen, counting, cuts, queues } = this.#options
    const { batch, hash, replaced = 0, retried = 0, skipped = nothing } = content
    if (batch !== undefined && skipped.length === 0) chosen.pass(batch)
    this.stats.retried += retried
    this.stats.replaced += replaced
    this.#release = content.release
    delivered.add(sequence, hash)
    if (cuts.batches === undefined && cuts.isCounted) this.#endKnown(sequence)
    if (!isCredited) queues.giveCredit(sequence)
    for (const { samples } of skipped) {
      this.stats.skipped += samples
      counting.skipped(samples)
    }
    if (handed !== undefined) {
      this.stats.batches++
      this.stats.samples += handed.size
      counting.taken(handed.size, waited, queued)
    }
  }

  /** Notes that an epoch ends behind a batch, if it does: its cursor is then that of the next epoch's start. */
  #endKnown(sequence: number): void {
    const { delivered, cuts, sequence: order } = this.#options
    const epoch = order.epochOf(sequence)
    if (cuts.at(epoch, order.batchOf(sequence) + 1) === undefined) delivered.endAt(sequence + 1, order.of(epoch + 1, 0))
  }

  #skipTo(sequence: number): void {
    const { delivered, queues, repeats } = this.#options
    queues.skipTo(sequence)
    delivered.skipTo(sequence)
    for (const { content, isCredited, sequence: own } of this.#held.removeBefore(sequence)) {
      content.release?.()
      if (!isCredited) queues.giveCredit(own)
    }
    repeats?.skipTo(delivered.next)
  }
}
