/**
 * What makes the batches of one worker: the worker itself on a fiber, or a thread that it owns.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { InvalidOption } from "../../core/InvalidOption.ts"
import { isRecord } from "../../core/Record.ts"
import { Tensor } from "../../core/Tensor.ts"
import type { Batch } from "../../pipeline/Batch.ts"
import { KEPT_FROM_USE, Lease, lease, leased, Quarantine } from "../../pipeline/Lease.ts"
import { arena } from "../../wasm/Kernels.ts"
import { Output } from "../../wasm/Output.ts"
import type { Place } from "../../wasm/Place.ts"
import { earlier } from "../build/CarriedStreams.ts"
import { type FailureRules, limits } from "../build/FailureRules.ts"
import type { BatchObserver, Observer } from "../build/Observer.ts"
import { retrying, type Skipped } from "../build/Retry.ts"
import { type RowRange, rowsOf } from "../build/RowRange.ts"
import type { BatchError } from "../build/StageError.ts"
import type { StageTimes } from "../build/StageTimes.ts"
import { andThen, ensuring, TypedFailure, toEffect, type Work } from "../build/Work.ts"
import { Worker } from "../build/Worker.ts"
import * as Digest from "../plan/Digest.ts"
import type { RunPlan } from "../plan/RunPlan.ts"
import type { ThreadError } from "./threads/ThreadError.ts"

/** A batch as it comes from its worker. @since 0.1.0 */
export interface Content {
  /** `undefined` when nothing was left of it. */
  readonly batch: Batch<unknown> | undefined
  /** Whether the epoch ended before the batch, so that there is none. */
  readonly ended?: true
  /** The hash of its columns, where the run keeps a digest. */
  readonly hash: Uint8Array | undefined
  /** Samples that were left out, as none of their tries came to anything. */
  readonly skipped?: ReadonlyArray<Skipped>
  /** How many samples were attempted again, as the failure policy granted it. */
  readonly retried?: number
  /** How many times compute that died or hung was replaced, and the batch built anew. */
  readonly replaced?: number
  /** Gives back the memory that the columns lie in, where they lie in borrowed memory. */
  readonly release?: () => void
}

/** @since 0.1.0 */
export type Failure = BatchError | Digest.DigestError | ThreadError | InvalidOption

/** A batch that is asked for: waits until it is made. @since 0.1.0 */
export type Asked = Effect.Effect<Content, Failure, unknown>

/** A batch that was asked for without an effect. @since 0.1.0 */
export interface Quick {
  /** Whether it is still to come. */
  readonly isDue: boolean
  /** The batch; none where it takes an effect, which is `content`. To be asked for once, when it is there. */
  readonly take: () => Content | undefined
  readonly content: Asked
}

/** Makes batches, in the order in which they are asked for. @since 0.1.0 */
export type Maker =
  /** Makes a batch on the fiber that runs the effect. */
  | { readonly _tag: "Here"; readonly make: (epoch: number, batch: number) => Asked }
  /**
   * Has a batch made elsewhere. The next one may be asked for before this one is there, so that whoever makes them never
   * waits for a question; they are to be waited for in the order in which they were asked for.
   */
  | {
      readonly _tag: "There"
      readonly ask: (epoch: number, batch: number) => Effect.Effect<Asked, Failure, unknown>
      /**
       * As `ask`, by plain code; `arrived` is called when it may be there, as long as somebody looks. None, and nothing
       * has been asked for, where that takes an effect.
       */
      readonly askNow?: (epoch: number, batch: number, arrived: () => void) => Quick | undefined
      /** Looks for what has come of what `askNow` asked for: now, or, where `wait` says so, until something has. */
      readonly look?: (wait: boolean) => void
      /** How often what makes them was replaced, since it died or hung. */
      readonly replaced?: () => number
    }

/** How a run wants its batches made. @since 0.1.0 */
export interface Settings {
  readonly digest: boolean
  /** How many batches may wait at a worker. */
  readonly prefetch: number
  /** How many batches all workers are to make. */
  readonly batches: number
  readonly failures: FailureRules
  readonly observer?: Observer | undefined
  /** Where times that are measured elsewhere are added; they are part of `observer` here. */
  readonly times?: StageTimes | undefined
}

/** Starts what makes the batches of a worker; it ends with the scope. @since 0.1.0 */
export type Start = (
  runPlan: RunPlan,
  worker: number,
  settings: Settings
) => Effect.Effect<Maker, ThreadError, Scope.Scope>

/** The memory that batches lie in. @since 0.1.0 */
export interface BatchMemory {
  /**
   * Whether batches lie in memory that is used again: a batch can then be read until the next one is taken. Fresh memory
   * for each, which is the default, costs more than small images themselves.
   */
  readonly reuse?: boolean
  /** Overwrite a batch's memory as soon as it is given back, so that who reads it late notices. Default `false`. */
  readonly debug?: boolean
}

/** Makes batches on the fiber that asks for them. @since 0.1.0 */
export const onFiber =
  ({ debug = false, reuse = false }: BatchMemory = {}): Start =>
  (runPlan, number, { digest, failures, observer }) =>
    Effect.sync(() => {
      const output = new Output(arena(), reuse)
      const worker = new Worker(runPlan, number, { output, limits: limits(failures), observer })
      const quarantine = new Quarantine<Place>(debug ? KEPT_FROM_USE : 0)
      const give = (places: ReadonlyArray<Place>): void => {
        if (debug) for (const place of places) place.bytes.fill(0xff)
        for (const place of quarantine.pass(places)) place.give()
      }
      const build = (epoch: number, batch: number): Work<Content, Failure> => {
        const range = rowsOf(runPlan, number, epoch, batch)
        if (range === undefined || range.size === 0) return nothingOf(range)
        const builder = worker.builder(range)
        const { batch: limit } = failures.timeout
        const attempts = retrying(failures, range, (skipped) =>
          andThen(
            limit === undefined ? builder.build(skipped) : builder.buildWithin(limit, skipped),
            (made): Content => {
              const hash = digest && made !== undefined ? hashed(made, builder.observer) : undefined
              return reuse ? borrowed({ batch: made, hash }, output.lent(), give) : { batch: made, hash }
            }
          )
        )
        return andThen(attempts, ({ skipped, value = { batch: undefined, hash: undefined } }): Content => {
          const { retried } = builder
          const counted = retried === 0 ? value : { ...value, retried }
          return skipped.length === 0 ? counted : { ...counted, skipped }
        })
      }
      const discarding = (work: () => Work<Content, Failure>): Work<Content, Failure> =>
        ensuring(work, (failed) => {
          if (failed) for (const place of output.lent()) place.give()
        })
      let begun = false
      return {
        _tag: "Here",
        make: (epoch, batch) =>
          Effect.suspend(() => {
            const made = toEffect(() => (reuse ? discarding(() => build(epoch, batch)) : build(epoch, batch)))
            if (begun) return made
            begun = true
            // Of a run that goes on from somewhere the streams may have gone on, too.
            return Effect.zipRight(advance(worker, epoch, batch), made)
          })
      }
    })

/** Brings the streams that a worker carries on to where they stand before a batch. @since 0.1.0 */
export const advance = (worker: Worker, epoch: number, batch: number): Effect.Effect<void, BatchError, unknown> =>
  Effect.flatMap(
    toEffect<ReadonlyArray<RowRange>, BatchError>(() => earlier(worker.runPlan, worker.number, epoch, batch)),
    (all) => Effect.forEach(all, (range) => toEffect(() => worker.batch(range)), { discard: true })
  )

/** The content of a batch of which this rank has no rows, or which is not there. @since 0.1.0 */
export const nothingOf = (range: RowRange | undefined): Content =>
  range === undefined ? { batch: undefined, hash: undefined, ended: true } : { batch: undefined, hash: undefined }

/** A batch that lies in lent places; they are given back when it is released. */
const borrowed = (
  { batch, hash }: Content,
  places: ReadonlyArray<Place>,
  give: (places: ReadonlyArray<Place>) => void
): Content => {
  if (batch === undefined || places.length === 0) {
    give(places)
    return { batch, hash }
  }
  const own = new Lease({ epoch: batch.epoch, batch: batch.index }, () => give(places))
  const whole = { ...batch, columns: leasedColumns(own, batch.columns) }
  lease(whole, own)
  return { batch: whole, hash, release: own.release }
}

/** The columns, of which those in borrowed memory are read under a lease. */
const leasedColumns = (own: Lease, value: unknown): unknown => {
  if (value instanceof Tensor) {
    return arena()?.addressOf(value.data) === undefined ? value : leased(own, value.data, value.shape)
  }
  if (Array.isArray(value)) return value.map((part) => leasedColumns(own, part))
  if (!isRecord(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, leasedColumns(own, part)]))
}

/** Returns the hash of a batch's columns. Throws `DigestError`, as a typed failure. @since 0.1.0 */
export const hashed = ({ columns }: Batch<unknown>, observer: BatchObserver | undefined): Uint8Array => {
  observer?.begin("digest")
  try {
    return Digest.ofColumns(columns)
  } catch (thrown) {
    throw new TypedFailure(Digest.errorOf(thrown))
  } finally {
    observer?.end(false)
  }
}
