/**
 * The backend of fibers: each batch is built by the fiber that takes it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { Batch } from "../../pipeline/Batch.ts"
import { ColumnMemory } from "../../pipeline/ColumnMemory.ts"
import { mapTensors } from "../../pipeline/DeliveredBatch.ts"
import { KEPT_FROM_USE, Lease, Quarantine } from "../../pipeline/Lease.ts"
import { readAheadOf } from "../../sources/RandomAccess.ts"
import { arena } from "../../wasm/Kernels.ts"
import type { Place } from "../../wasm/Place.ts"
import type { BatchBuilder } from "../build/BatchBuilder.ts"
import { type BatchPlace, earlier } from "../build/CarriedStreams.ts"
import { limits } from "../build/FailureRules.ts"
import { Lookahead } from "../build/Lookahead.ts"
import type { BatchObserver } from "../build/Observer.ts"
import { type Attempted, retrying, type SkippedRows } from "../build/Retry.ts"
import { type RowRange, rowsOf } from "../build/RowRange.ts"
import type { AttemptError, BatchError } from "../build/StageError.ts"
import type { StreamRows } from "../build/StreamRows.ts"
import { andThen, begin, ensuring, fromEffect, isLater, TypedFailure, toEffect, type Work } from "../build/Work.ts"
import { Worker } from "../build/Worker.ts"
import * as Digest from "../plan/Digest.ts"
import type { RunPlan } from "../plan/RunPlan.ts"
import type { Backend, BackendSettings, BuiltBatch, Failure, RequestedBatch } from "./Backend.ts"
import { openStream } from "./StreamBackend.ts"

/** How fibers build. @since 0.1.0 */
export interface FiberMemory {
  /** Overwrite the memory of a batch as soon as it is given back, so that late reads show. Default `false`. */
  readonly debug?: boolean
}

type Build = (epoch: number, batch: number) => Work<BuiltBatch, Failure>

/** How a builder's batches are built: the same functions for all of them, as one that is made for a batch is garbage after it. */
interface Steps {
  readonly builder: BatchBuilder
  readonly attempt: (skipped: SkippedRows) => Work<BuiltBatch, AttemptError>
  readonly settle: (attempted: Attempted<BuiltBatch>) => BuiltBatch
}

/**
 * Where no function of the user's can keep values that lie in memory of the arena, or in that of {@link ColumnMemory}, batches
 * lie there and are lent; elsewhere each lies in memory of its own.
 *
 * @since 0.1.0
 */
export const fibers = (memory: FiberMemory = {}): Backend => ({
  name: "fibers",
  open: (runPlan, settings) =>
    Effect.gen(function* () {
      const stream = yield* openStream(runPlan, settings)
      const lookahead = yield* openLookahead(runPlan, settings)
      const columns = new ColumnMemory(memory.debug)
      const builds = new Map<number, Build>()
      const buildOf = (worker: number): Build => {
        const known = builds.get(worker)
        if (known !== undefined) return known
        const build = buildsOf(runPlan, worker, settings, { ...memory, columns }, stream, lookahead)
        builds.set(worker, build)
        return build
      }
      return {
        request: ({ batch, epoch, worker }) => lazy(buildOf(worker), epoch, batch),
        poll: () => undefined,
        over: stream?.over
      }
    })
})

/** What reads the dataset ahead of the batches; of batches that are built on their own nothing is known. */
const openLookahead = (runPlan: RunPlan, { start }: BackendSettings) => {
  const ahead = start === undefined ? undefined : readAheadOf(runPlan.pipeline.dataset)
  return ahead === undefined ? Effect.succeed(undefined) : Effect.map(ahead, (own) => new Lookahead(runPlan, own))
}

const nothing = (): undefined => undefined
const never = (): boolean => false

/** A batch that is built when it is wanted, by plain code as far as that goes. */
const lazy = (build: Build, epoch: number, batch: number): RequestedBatch => {
  const own = (): Work<BuiltBatch, Failure> => build(epoch, batch)
  /** What is left to do, once it has been begun. */
  let rest: Effect.Effect<BuiltBatch, Failure, unknown> | undefined
  return {
    isLazy: true,
    isPending: never,
    want: nothing,
    take: nothing,
    build: () => {
      const begun = begin(own)
      if (!Effect.isEffect(begun)) return begun
      rest = begun
      return undefined
    },
    content: Effect.suspend(() => rest ?? toEffect(own))
  }
}

/** How one worker builds its batches. */
const buildsOf = (
  runPlan: RunPlan,
  number: number,
  { digest, failures, observer }: BackendSettings,
  { columns, debug = false }: FiberMemory & { readonly columns: ColumnMemory },
  stream: StreamRows | undefined,
  lookahead: Lookahead | undefined
): Build => {
  const worker = new Worker(runPlan, number, { lends: true, limits: limits(failures), memory: columns, observer })
  const { output } = worker
  const quarantine = new Quarantine<Place>(debug ? KEPT_FROM_USE : 0)
  const give = ({ buffers, places }: Lent): void => {
    if (debug) for (const place of places) place.bytes.fill(0xff)
    if (places.length > 0) output.give(quarantine.pass(places))
    if (buffers.length > 0) columns.give(buffers)
  }
  const { batch: limit } = failures.timeout
  const build = (epoch: number, batch: number): Work<BuiltBatch, Failure> => {
    if (stream === undefined) return buildRows(rowsOf(runPlan, number, epoch, batch))
    const rows = stream.rows(number, epoch, batch)
    return isLater(rows) ? andThen(rows, buildRows) : buildRows(rows)
  }
  const stepsOf = (builder: BatchBuilder): Steps => {
    const finish = (built: Batch<unknown> | undefined): BuiltBatch => {
      const hash = digest && built !== undefined ? hashOf(built, builder.observer) : undefined
      const places = output.lent()
      const buffers = builder.taken()
      const content: BuiltBatch = { batch: built, hash }
      return places.length === 0 && buffers.length === 0 ? content : lent(content, { places, buffers }, give)
    }
    return {
      builder,
      attempt: (skipped) =>
        andThen(limit === undefined ? builder.build(skipped) : builder.buildWithin(limit, skipped), finish),
      settle: ({ skipped, value = { batch: undefined, hash: undefined } }) => {
        const { retried } = builder
        worker.done(builder)
        const counted = retried === 0 ? value : { ...value, retried }
        return skipped.length === 0 ? counted : { ...counted, skipped }
      }
    }
  }
  /** Those of the builder that was used last, which is the next one's, too, unless it waits. */
  let last: Steps | undefined
  const buildRows = (range: RowRange | undefined): Work<BuiltBatch, Failure> => {
    if (range === undefined || range.size === 0) return nothingOf(range)
    lookahead?.from(range)
    const builder = worker.builder(range)
    if (last?.builder !== builder) last = stepsOf(builder)
    const { attempt, settle } = last
    return andThen(retrying(failures, range, attempt), settle)
  }
  const discard = (): void => output.give(output.lent())
  /** Gives back what a batch that failed, or was left out, has taken. */
  const discarding = (work: () => Work<BuiltBatch, Failure>): Work<BuiltBatch, Failure> => ensuring(work, discard)
  if (worker.streams === undefined) return (epoch, batch) => discarding(() => build(epoch, batch))
  /** The batch behind the last one that was built: where carried streams stand. */
  let next: BatchPlace | undefined
  return (epoch, batch) => {
    // Streams are where the batches before leave them, also if a run is resumed, or only some batches are requested.
    const advanced = advance(worker, epoch, batch, next)
    next = { epoch, batch: batch + 1 }
    return andThen(advanced, () => discarding(() => build(epoch, batch)))
  }
}

/**
 * Brings the streams that a worker carries to where they stand before a batch: builds its batches from `from` on, or all
 * of them, and drops them.
 *
 * @since 0.1.0
 */
export const advance = (worker: Worker, epoch: number, batch: number, from?: BatchPlace): Work<void, BatchError> => {
  const all = earlier(worker.runPlan, worker.number, { epoch, batch }, from)
  if (all.length === 0) return undefined
  return fromEffect(() => Effect.forEach(all, (range) => toEffect(() => worker.batch(range)), { discard: true }))
}

/** The content of a batch of which this rank has no rows, or which is not there. @since 0.1.0 */
export const nothingOf = (range: RowRange | undefined): BuiltBatch =>
  range === undefined ? { batch: undefined, hash: undefined, ended: true } : { batch: undefined, hash: undefined }

/** The memory that a batch has taken: places of the arena, and what columns lie in that were never there. */
interface Lent {
  readonly places: ReadonlyArray<Place>
  readonly buffers: ReadonlyArray<ArrayBuffer>
}

/** A batch in lent memory, which is given back when its lease is over. */
const lent = (built: BuiltBatch, own: Lent, give: (own: Lent) => void): BuiltBatch => {
  const { batch, hash } = built
  const { buffers, places } = own
  if (batch === undefined) {
    give(own)
    return built
  }
  const memory = places.length === 0 ? undefined : arena()
  const ordinary = new Set<ArrayBufferLike>(buffers)
  const lease = new Lease(batch.epoch, batch.index, () => give(own), { isOrdinary: places.length === 0, places })
  let isLent = false
  const columns = mapTensors(batch.columns, (tensor) => {
    if (!ordinary.has(tensor.data.buffer) && memory?.addressOf(tensor.data) === undefined) return tensor
    isLent = true
    return lease.tensor(tensor.data, tensor.shape)
  })
  if (isLent) return { batch: { ...batch, columns }, hash, lease }
  give(own)
  return built
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
