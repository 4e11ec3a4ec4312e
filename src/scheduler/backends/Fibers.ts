/**
 * The backend of fibers: each batch is built by the fiber that takes it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { isRecord } from "../../core/Record.ts"
import { Tensor } from "../../core/Tensor.ts"
import type { Batch } from "../../pipeline/Batch.ts"
import { KEPT_FROM_USE, Lease, lease, leased, Quarantine } from "../../pipeline/Lease.ts"
import { arena } from "../../wasm/Kernels.ts"
import { Output } from "../../wasm/Output.ts"
import type { Place } from "../../wasm/Place.ts"
import { type BatchPlace, earlier } from "../build/CarriedStreams.ts"
import { limits } from "../build/FailureRules.ts"
import type { BatchObserver } from "../build/Observer.ts"
import { retrying } from "../build/Retry.ts"
import { type RowRange, rowsOf } from "../build/RowRange.ts"
import type { BatchError } from "../build/StageError.ts"
import { andThen, ensuring, TypedFailure, toEffect, type Work } from "../build/Work.ts"
import { Worker } from "../build/Worker.ts"
import * as Digest from "../plan/Digest.ts"
import type { RunPlan } from "../plan/RunPlan.ts"
import type { Backend, BackendSettings, BuiltBatch, Failure, RequestedBatch } from "./Backend.ts"

/** The memory that batches lie in. @since 0.1.0 */
export interface BatchMemory {
  /**
   * Whether batches lie in memory that is used again: a batch can then be read until the next one is taken. Default
   * `false`: fresh memory for each, which costs more than building small images.
   */
  readonly reuse?: boolean
  /** Overwrite the memory of a batch as soon as it is given back, so that late reads show. Default `false`. */
  readonly debug?: boolean
}

type Build = (epoch: number, batch: number) => Effect.Effect<BuiltBatch, Failure, unknown>

/** @since 0.1.0 */
export const fibers = (memory: BatchMemory = {}): Backend => ({
  name: "fibers",
  open: (runPlan, settings) =>
    Effect.sync(() => {
      const builds = new Map<number, Build>()
      const buildOf = (worker: number): Build => {
        const known = builds.get(worker)
        if (known !== undefined) return known
        const build = buildsOf(runPlan, worker, settings, memory)
        builds.set(worker, build)
        return build
      }
      return {
        request: ({ batch, epoch, worker }): RequestedBatch => ({
          isLazy: true,
          isPending: () => false,
          want: () => undefined,
          take: () => undefined,
          content: Effect.suspend(() => buildOf(worker)(epoch, batch))
        }),
        poll: () => undefined
      }
    })
})

/** How one worker builds its batches. */
const buildsOf = (
  runPlan: RunPlan,
  number: number,
  { digest, failures, observer }: BackendSettings,
  { debug = false, reuse = false }: BatchMemory
): Build => {
  const output = new Output(arena(), reuse)
  const worker = new Worker(runPlan, number, { output, limits: limits(failures), observer })
  const quarantine = new Quarantine<Place>(debug ? KEPT_FROM_USE : 0)
  const give = (places: ReadonlyArray<Place>): void => {
    if (debug) for (const place of places) place.bytes.fill(0xff)
    for (const place of quarantine.pass(places)) place.give()
  }
  const build = (epoch: number, batch: number): Work<BuiltBatch, Failure> => {
    const range = rowsOf(runPlan, number, epoch, batch)
    if (range === undefined || range.size === 0) return nothingOf(range)
    const builder = worker.builder(range)
    const { batch: limit } = failures.timeout
    const attempts = retrying(failures, range, (skipped) =>
      andThen(
        limit === undefined ? builder.build(skipped) : builder.buildWithin(limit, skipped),
        (built): BuiltBatch => {
          const hash = digest && built !== undefined ? hashOf(built, builder.observer) : undefined
          return reuse ? borrowed({ batch: built, hash }, output.lent(), give) : { batch: built, hash }
        }
      )
    )
    return andThen(attempts, ({ skipped, value = { batch: undefined, hash: undefined } }): BuiltBatch => {
      const { retried } = builder
      worker.done(builder)
      const counted = retried === 0 ? value : { ...value, retried }
      return skipped.length === 0 ? counted : { ...counted, skipped }
    })
  }
  const discarding = (work: () => Work<BuiltBatch, Failure>): Work<BuiltBatch, Failure> =>
    ensuring(work, (failed) => {
      if (failed) for (const place of output.lent()) place.give()
    })
  /** The batch behind the last one that was built: where carried streams stand. */
  let next: BatchPlace | undefined
  return (epoch, batch) => {
    const built = toEffect(() => (reuse ? discarding(() => build(epoch, batch)) : build(epoch, batch)))
    if (worker.streams === undefined) return built
    // Streams are where the batches before leave them, also if a run is resumed, or only some batches are requested.
    const advanced = advance(worker, epoch, batch, next)
    next = { epoch, batch: batch + 1 }
    return Effect.zipRight(advanced, built)
  }
}

/**
 * Brings the streams that a worker carries to where they stand before a batch: builds its batches from `from` on, or all
 * of them, and drops them.
 *
 * @since 0.1.0
 */
export const advance = (
  worker: Worker,
  epoch: number,
  batch: number,
  from?: BatchPlace
): Effect.Effect<void, BatchError, unknown> =>
  Effect.flatMap(
    toEffect<ReadonlyArray<RowRange>, BatchError>(() => earlier(worker.runPlan, worker.number, { epoch, batch }, from)),
    (all) => Effect.forEach(all, (range) => toEffect(() => worker.batch(range)), { discard: true })
  )

/** The content of a batch of which this rank has no rows, or which is not there. @since 0.1.0 */
export const nothingOf = (range: RowRange | undefined): BuiltBatch =>
  range === undefined ? { batch: undefined, hash: undefined, ended: true } : { batch: undefined, hash: undefined }

/** A batch in lent places, which are given back when it is released. */
const borrowed = (
  { batch, hash }: BuiltBatch,
  places: ReadonlyArray<Place>,
  give: (places: ReadonlyArray<Place>) => void
): BuiltBatch => {
  if (batch === undefined || places.length === 0) {
    give(places)
    return { batch, hash }
  }
  const own = new Lease({ epoch: batch.epoch, batch: batch.index }, () => give(places))
  const whole = { ...batch, columns: leasedColumns(own, batch.columns) }
  lease(whole, own)
  return { batch: whole, hash, release: own.release }
}

/** The columns; those in borrowed memory are read under a lease. */
const leasedColumns = (own: Lease, value: unknown): unknown => {
  if (value instanceof Tensor) {
    return arena()?.addressOf(value.data) === undefined ? value : leased(own, value.data, value.shape)
  }
  if (Array.isArray(value)) return value.map((part) => leasedColumns(own, part))
  if (!isRecord(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, leasedColumns(own, part)]))
}

/** Returns the hash of a batch's columns. Throws `DigestError`, as a typed failure. @since 0.1.0 */
export const hashOf = ({ columns }: Batch<unknown>, observer: BatchObserver | undefined): Uint8Array => {
  observer?.begin("digest")
  try {
    return Digest.ofColumns(columns)
  } catch (thrown) {
    throw new TypedFailure(Digest.DigestError.from(thrown))
  } finally {
    observer?.end(false)
  }
}
