/**
 * What makes the batches of one worker: the worker itself on a fiber, or a thread that it owns.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { InvalidOption } from "../../core/InvalidOption.ts"
import { Tensor } from "../../core/Tensor.ts"
import type { Batch } from "../../pipeline/Batch.ts"
import { isRecord, KEPT_FROM_USE, Lease, lease, leased, Quarantine } from "../../pipeline/Lease.ts"
import { arena } from "../../wasm/Kernels.ts"
import { Output } from "../../wasm/Output.ts"
import type { Place } from "../../wasm/Place.ts"
import { type Left, limitsOf, type SamplesFailed } from "../build/Attempt.ts"
import type { BatchBuilder } from "../build/BatchBuilder.ts"
import type * as FailurePolicy from "../build/FailurePolicy.ts"
import { Tries } from "../build/Retry.ts"
import * as Worker from "../build/Worker.ts"
import * as Digest from "../loader/Digest.ts"
import * as Plan from "../plan/Plan.ts"
import type { RunPlan, Watch } from "../plan/RunPlan.ts"
import type { ThreadError } from "./threads/ThreadError.ts"

/** A batch as it comes from its worker. @since 0.1.0 */
export interface Content {
  /** `undefined` when nothing was left of it. */
  readonly batch: Batch<unknown> | undefined
  /** The hash of its columns, where the run keeps a digest. */
  readonly hash: Uint8Array | undefined
  /** Samples that were left out, as none of their tries came to anything. */
  readonly skipped?: ReadonlyArray<FailurePolicy.Skipped>
  /** How many samples were attempted again, as the failure policy granted it. */
  readonly retried?: number
  /** How many times compute that died or hung was replaced, and the batch built anew. */
  readonly replaced?: number
  /** Gives back the memory that the columns lie in, where they lie in borrowed memory. */
  readonly release?: () => void
}

/** @since 0.1.0 */
export type Failure = Worker.BatchError | Digest.DigestError | ThreadError | InvalidOption

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
  readonly failures: FailurePolicy.Service
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
  (runPlan, worker, { digest, failures }) =>
    Effect.sync(() => {
      const output = new Output(arena(), reuse)
      const limits = limitsOf(failures)
      const own = Worker.make(runPlan, worker, output, limits)
      const quarantine = new Quarantine<Place>(debug ? KEPT_FROM_USE : 0)
      const give = (places: ReadonlyArray<Place>): void => {
        if (debug) for (const place of places) place.bytes.fill(0xff)
        for (const place of quarantine.pass(places)) place.give()
      }
      const discard = Effect.sync(() => output.lent().forEach((place) => place.give()))
      const content = (
        batch: Batch<unknown> | undefined,
        { retried }: BatchBuilder
      ): Effect.Effect<Content, Digest.DigestError> => {
        try {
          const hashed = hashedNow(batch, digest, runPlan.watch)
          const made = reuse ? borrowed(hashed, output.lent(), give) : hashed
          return Effect.succeed(retried === 0 ? made : { ...made, retried })
        } catch (thrown) {
          return Effect.fail(Digest.errorOf(thrown))
        }
      }
      const attempt = (builder: BatchBuilder, left?: Left): Attempted => {
        const given = builder.build(left)
        if (given._tag === "Now") return content(given.value, builder)
        const rest = limits.batch === undefined ? given.effect : builder.inTime(given.effect, limits.batch)
        return Effect.flatMap(rest, (batch) => content(batch, builder))
      }
      let begun = false
      const build = (epoch: number, number: number): Asked => {
        const builder = own.builder(epoch, number)
        if (builder === undefined) return Effect.succeed({ batch: undefined, hash: undefined })
        const built = Effect.catchAll(attempt(builder), (failure) => {
          const { position, size } = Plan.rows(runPlan.plan, number)
          return again(new Tries(failures, position, size), failure, builder, (left) => attempt(builder, left))
        })
        return reuse ? Effect.onError(built, () => discard) : built
      }
      return {
        _tag: "Here",
        make: (epoch, number) =>
          Effect.suspend(() => {
            if (begun) return build(epoch, number)
            begun = true
            // Of a run that goes on from somewhere the streams may have gone on, too.
            return Effect.flatMap(own.advance(epoch, number), () => build(epoch, number))
          })
      }
    })

type Attempted = Effect.Effect<Content, Failure | SamplesFailed, unknown>

/** Attempts it again as often as the failure policy grants it. */
const again = (
  tries: Tries,
  failure: Failure | SamplesFailed,
  builder: BatchBuilder,
  attempt: (left: Left) => Attempted
): Asked =>
  Effect.flatMap(tries.next(failure), (verdict): Asked => {
    const { skipped } = tries
    if (verdict._tag === "Nothing") {
      return Effect.succeed({ batch: undefined, hash: undefined, skipped, retried: builder.retried })
    }
    return Effect.matchEffect(attempt(verdict.left), {
      onFailure: (next) => again(tries, next, builder, attempt),
      onSuccess: (content) => Effect.succeed({ ...content, skipped })
    })
  })

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

/** A batch with its hash, where one is wanted. Throws `DigestError`. @since 0.1.0 */
export const hashedNow = (batch: Batch<unknown> | undefined, digest: boolean, { times }: Watch): Content => {
  if (!digest || batch === undefined) return { batch, hash: undefined }
  const started = performance.now()
  try {
    const hash = Digest.ofColumns(batch.columns)
    times?.add("digest", performance.now() - started)
    return { batch, hash }
  } catch (thrown) {
    throw Digest.errorOf(thrown)
  }
}
