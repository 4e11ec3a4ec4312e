/**
 * The consumer's side of a run: hands out batches one by one, and accounts for each as it is handed out.
 *
 * Taking is plain code: a batch is taken and accounted for in one go, so that an interrupt cannot fall between.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type { Batch } from "../../pipeline/Batch.ts"
import type { Content, Failure } from "../backends/Backend.ts"
import type { Breath } from "./Breath.ts"
import * as Digest from "./Digest.ts"
import type { EmptyBatches } from "./EmptyBatch.ts"
import * as FailurePolicy from "./FailurePolicy.ts"
import type { SkipService } from "./FailureServices.ts"
import { EpochPassed, RunClosed, type Stats } from "./Loader.ts"
import type * as Metrics from "./Metrics.ts"
import type * as Profile from "./Profile.ts"
import { Mutex } from "./Queue.ts"
import type { Tracker } from "./Repeats.ts"
import type * as Verify from "./Verify.ts"
import type { Look } from "./WorkerFibers.ts"
import type { Made, WorkerQueues } from "./WorkerQueues.ts"

/** @since 0.1.0 */
export type DeliveryError = Failure | FailurePolicy.SkipBudgetExceeded | RunClosed

type Taking = Effect.Effect<Option.Option<Batch<unknown>>, DeliveryError>

/** How an arrival is waited for: so that an interrupt can end the wait, or not. */
type Wait = (arrival: Effect.Effect<void>) => Effect.Effect<void>

/** @since 0.1.0 */
export interface DeliveryOptions {
  readonly queues: WorkerQueues
  readonly looks: ReadonlyArray<Look>
  readonly breath: Breath
  readonly chain: Digest.Chain
  readonly chosen: Verify.Chosen
  readonly counting: Metrics.Counting
  /** Where a batch of which nothing is left is delivered as an empty one. */
  readonly empty: EmptyBatches | undefined
  readonly recorder: Profile.Recorder | undefined
  /** None where a repeat is meant, or nothing draws. */
  readonly repeats: Tracker | undefined
  readonly skip: SkipService | undefined
  /** How many samples may be left out, and how many were before the run went on from its cursor. */
  readonly budget: number
  readonly skippedBefore: number
  readonly ready: boolean
  /** How many batches an epoch has. */
  readonly batches: number
  /** The first epoch of the run, and the one behind the last. */
  readonly range: { readonly start: number; readonly end: number }
}

/** Hands out the batches of a run. @since 0.1.0 */
export interface Delivery {
  /** The next batch, or none at the end. */
  readonly take: Taking
  /** Hands each batch to `step`; an interrupt never falls between a batch and its step. */
  readonly forEach: <X, E, R>(
    step: (batch: Batch<unknown>) => Effect.Effect<X, E, R>
  ) => Effect.Effect<void, DeliveryError | E, R>
  /** The next batch of an epoch, or none at its end. */
  readonly takeOf: (epoch: number) => Effect.Effect<Option.Option<Batch<unknown>>, DeliveryError | EpochPassed>
  /** Enters the epoch behind one, or, behind none, the one at hand; none at the end. What was left before it is skipped. */
  readonly enter: (behind: number | undefined) => Effect.Effect<Option.Option<number>, DeliveryError>
  readonly stats: { -readonly [Key in keyof Stats]: Stats[Key] }
}

/** A batch that was taken from its queue. */
interface Taken {
  readonly content: Content
  readonly place: number
  /** Milliseconds. */
  readonly waited: number
  /** How many batches lay in its queue. */
  readonly held: number
  /** Whether its worker may build another one in its place already. */
  readonly isCredited: boolean
  /** Whether it was to be handed on, and is not since what has to be told of before has failed or was called off. */
  isUntold: boolean
  /** How many of the samples that were left out of it have been reported. */
  reported: number
}

/** How many batches are held back at most until one with rows shows what columns empty ones have. */
const LOOK_AHEAD = 1024

const nothing: ReadonlyArray<FailurePolicy.Skipped> = []

/** @since 0.1.0 */
export const make = ({
  batches,
  breath,
  budget,
  chain,
  chosen,
  counting,
  empty,
  queues,
  looks,
  range,
  ready,
  recorder,
  repeats,
  skip,
  skippedBefore
}: DeliveryOptions): Delivery => {
  const end = range.end * batches
  const stats = { batches: 0, samples: 0, skipped: 0, retried: 0, replaced: 0, verified: 0, waited: 0 }
  let release: (() => void) | undefined
  let failure: Exit.Exit<never, DeliveryError> | undefined
  /** Taken from the queues and not delivered: empty batches ahead of the first one with rows, and what was not told of. */
  let early: Array<Taken> = []
  /** The place of the batch that was handed on last. */
  let lastPlace = -1
  /** The last epoch that was entered. */
  let entered: number | undefined
  /** Epochs before this one are over, whatever is left of them. */
  let floor = 0

  /** That a batch leaves out more than the run may, if it does. */
  const tooMany = (skipped: ReadonlyArray<FailurePolicy.Skipped>): FailurePolicy.SkipBudgetExceeded | undefined => {
    let count = stats.skipped + skippedBefore
    for (const own of skipped) {
      count += own.samples
      if (count > budget) return new FailurePolicy.SkipBudgetExceeded({ skipped: own, count, budget })
    }
    return undefined
  }
  /** What has been reported is not reported again, unless an interrupt falls right behind the report. */
  const report = (own: FailurePolicy.Skipped, taken: Taken): Effect.Effect<void> =>
    Effect.map(skip?.report(own) ?? Effect.void, () => {
      taken.reported++
    })

  /** The epoch of the first batch that was not delivered. */
  const epochAtHand = (): number => (batches === 0 ? (entered ?? range.start) : Math.floor(chain.next / batches))

  const closed = (): RunClosed =>
    new RunClosed({ at: { epoch: epochAtHand(), batch: batches === 0 ? 0 : chain.next % batches } })

  /** Accounts for a batch that is handed on, if any is left of it. Throws `DigestError`. */
  const account = (
    { content, held, isCredited, place, waited }: Taken,
    delivered: Batch<unknown> | undefined
  ): void => {
    const { batch, hash, replaced = 0, retried = 0, skipped = nothing } = content
    if (batch !== undefined && skipped.length === 0) chosen.pass(batch)
    stats.retried += retried
    stats.replaced += replaced
    release = content.release
    chain.add(place, hash)
    if (!isCredited) queues.taken(place)
    for (const { samples } of skipped) {
      stats.skipped += samples
      counting.skipped(samples)
    }
    if (delivered !== undefined) {
      stats.batches++
      stats.samples += delivered.size
      counting.taken(delivered.size, waited, held)
    }
  }

  /** Accounts for a batch and hands it on in one go, or the next one where nothing is left of it. */
  const handOn = (taken: Taken, delivered: Batch<unknown> | undefined, limit: number, wait: Wait): Taking => {
    lastPlace = taken.place
    try {
      account(taken, delivered)
    } catch (thrown) {
      failure = Exit.fail(Digest.errorOf(thrown))
      return failure
    }
    if (delivered === undefined) return next(limit, wait)
    repeats?.pass(chain.next)
    return Effect.succeedSome(delivered)
  }

  /** Tells of what has to be told of, and then hands a batch on. */
  const deliver = (taken: Taken, limit: number, wait: Wait): Taking => {
    const { batch, skipped = nothing } = taken.content
    const over = skipped.length === 0 ? undefined : tooMany(skipped)
    if (over !== undefined) {
      taken.content.release?.()
      failure = Exit.fail(over)
      return failure
    }
    const delivered = batch ?? empty?.at(taken.place)
    const repeated = delivered === undefined ? undefined : repeats?.check(taken.place)
    if (skipped.length === 0 && repeated === undefined) return handOn(taken, delivered, limit, wait)
    // If the telling fails, or is called off, the batch is not accounted for: it is the next one to be taken.
    taken.isUntold = true
    early.unshift(taken)
    const told = Effect.zipRight(
      repeated === undefined ? Effect.void : Effect.logWarning(repeated),
      Effect.forEach(skipped.slice(taken.reported), (own) => report(own, taken), { discard: true })
    )
    return Effect.flatMap(wait(told), () => {
      early = early.filter((own) => own !== taken)
      return handOn(taken, delivered, limit, wait)
    })
  }

  /**
   * Whether a batch is held back: an empty one has the columns of one with rows, and whether these are known must not
   * depend on timing. Empty batches take no room, so their workers go on.
   */
  const holdsBack = (content: Content): boolean => {
    if (empty === undefined) return false
    if (content.batch !== undefined) empty.see(content.batch)
    return early.length > 0 || !empty.isKnown
  }

  /** One that was held back, of those before the place `limit`, where it need be no longer. */
  const heldBack = (limit: number): Taken | undefined => {
    if (early.length === 0) return undefined
    const untold = early.findIndex((own) => own.isUntold && own.place < limit)
    if (untold !== -1) return early.splice(untold, 1)[0]
    if (empty?.isKnown === false && early.length < LOOK_AHEAD && chain.missing(end) > early.length) return undefined
    const at = early.findIndex(({ place }) => place < limit)
    return at === -1 ? undefined : early.splice(at, 1)[0]
  }

  /** The next batch before the place `limit`. */
  const next = (limit: number, wait: Wait): Taking =>
    Effect.suspend(() => {
      // Whoever takes a batch is done with the one before.
      release?.()
      release = undefined
      if (failure !== undefined) return failure
      const before = queues.isClosed ? undefined : heldBack(limit)
      if (before !== undefined) return deliver(before, limit, wait)
      if (chain.missing(limit) === 0) return Effect.succeedNone
      const last = early.at(-1)
      const due = last === undefined ? chain.next : chain.missingBehind(last.place)
      const number = queues.numberAt(due)
      const queue = queues.queueAt(due)
      // In the order of readiness batches of the next epoch can come before the last ones of this.
      const some = ready && limit < end && empty?.isKnown !== false
      const wanted = ({ place }: Made): boolean => place < limit
      const look = (wait: boolean): void => {
        if (ready) for (const own of looks) own(wait)
        else looks[number]?.(wait)
      }
      if (!queues.isClosed) look(false)
      const held = queue.length
      recorder?.asked(number, held)
      const started = performance.now()
      const arrived: Taking = Effect.suspend(() => {
        if (queues.isClosed) return Effect.fail(closed())
        // What is taken without a wait would keep all else from its turn.
        if (looks.length > 0 && breath.isDue) return Effect.zipRight(wait(breath.take), arrived)
        if (queue.length === 0) look(true)
        const made = some ? queue.pollWhere(wanted) : queue.poll()
        if (made === undefined) {
          if (some && queue.length > 0) look(true)
          const arrives = () => queues.isClosed || (some ? queue.has(wanted) : queue.length > 0)
          return Effect.zipRight(wait(queue.until(arrives)), arrived)
        }
        const waited = performance.now() - started
        stats.waited += waited
        if (Exit.isFailure(made.exit)) {
          failure = Exit.failCause(made.exit.cause)
          return failure
        }
        const content = made.exit.value
        // Columns that have just become known may be those of a batch of a later epoch.
        const isHeld = holdsBack(content) || made.place >= limit
        const isCredited = isHeld && content.batch === undefined
        const { place } = made
        const taken: Taken = { content, place, waited, held, isCredited, isUntold: false, reported: 0 }
        if (!isHeld) return deliver(taken, limit, wait)
        early.push(taken)
        if (isCredited) queues.taken(made.place)
        return next(limit, wait)
      })
      return arrived
    })

  // Two takers at once would wait on one queue for the batches of two.
  const turn = new Mutex()
  const plainly: Wait = (arrival) => arrival

  const skipTo = (place: number): void => {
    queues.skipTo(place)
    chain.skipTo(place)
    for (const { content, isCredited, place: own } of early) {
      if (own >= place) continue
      content.release?.()
      if (!isCredited) queues.taken(own)
    }
    early = early.filter((taken) => taken.place >= place)
    repeats?.skipTo(chain.next)
  }

  return {
    take: turn.during(next(end, plainly)),
    forEach: <X, E, R>(step: (batch: Batch<unknown>) => Effect.Effect<X, E, R>) =>
      turn.during(
        Effect.uninterruptibleMask((restore) => {
          const taking = next(end, restore)
          const rest: Effect.Effect<void, DeliveryError | E, R> = Effect.flatMap(
            Effect.zipRight(restore(Effect.void), taking),
            (batch) => (Option.isNone(batch) ? Effect.void : Effect.zipRight(step(batch.value), rest))
          )
          return rest
        })
      ),
    takeOf: (epoch) => {
      const limit = (epoch + 1) * batches
      const taking = next(limit, plainly)
      return turn.during(
        Effect.suspend((): Effect.Effect<Option.Option<Batch<unknown>>, DeliveryError | EpochPassed> => {
          // In the order of readiness batches of later epochs may have been taken before the last ones of this.
          const wentOn = lastPlace >= limit && chain.next > limit
          const current = Math.max(floor, entered ?? 0, wentOn ? Math.min(epochAtHand(), range.end - 1) : 0)
          if (current <= epoch) return taking
          // Behind the last epoch there is none to be in.
          const last = Math.max(range.end - 1, epoch + 1)
          return Effect.fail(new EpochPassed({ epoch, current: Math.min(current, last) }))
        })
      )
    },
    enter: (behind) =>
      turn.during(
        Effect.suspend((): Effect.Effect<Option.Option<number>, DeliveryError> => {
          if (failure !== undefined) return failure
          if (queues.isClosed) return Effect.fail(closed())
          // An epoch of which all was delivered, or that has no batches, is over.
          const over = entered !== undefined && chain.next >= (entered + 1) * batches ? entered + 1 : 0
          const number = Math.max(behind === undefined ? 0 : behind + 1, over, epochAtHand())
          const place = Math.min(number * batches, end)
          if (chain.missing(place) > 0) floor = number
          skipTo(place)
          if (number >= range.end) return Effect.succeedNone
          entered = number
          return Effect.succeedSome(number)
        })
      ),
    stats
  }
}
