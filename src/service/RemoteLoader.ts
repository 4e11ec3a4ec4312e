/**
 * The loader of a run of a service; it behaves as that of a local run of the same pipeline.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { InvalidOption } from "../core/InvalidOption.ts"
import type { Batch } from "../pipeline/Batch.ts"
import type { Cursor } from "../scheduler/loader/Cursor.ts"
import { checksum } from "../scheduler/loader/CursorFields.ts"
import { noDigest } from "../scheduler/loader/DigestChain.ts"
import { EpochPassed, RunClosed } from "../scheduler/loader/Loader.ts"
import * as Pull from "../scheduler/loader/Pull.ts"
import * as Digest from "../scheduler/plan/Digest.ts"
import { Connection, type Received, type ServiceError, type Target } from "./Connection.ts"

/**
 * The batches that arrived are not those that the service says it delivered.
 *
 * @category errors
 * @since 0.1.0
 */
export class DigestMismatch extends Data.TaggedError("DigestMismatch")<{
  readonly epoch: number
  readonly batch: number
  /** The digest over what arrived. */
  readonly here: string
  /** The digest kept by the service. */
  readonly there: string
}> {
  override get message(): string {
    return (
      `batch ${this.batch} of epoch ${this.epoch} arrived with other contents than it was sent: the digest is ` +
      `${this.here.slice(0, 16)}… here and ${this.there.slice(0, 16)}… there`
    )
  }
}

/** All errors of a run of a service. @category errors @since 0.1.0 */
export type RemoteError = ServiceError | DigestMismatch | Digest.DigestError | RunClosed

/** What a run of a service has counted so far. @category models @since 0.1.0 */
export interface RemoteStats {
  readonly batches: number
  readonly samples: number
  /** Milliseconds that the consumer waited for the run to open, and for batches. */
  readonly waited: number
  /** Connections that broke and were opened again. */
  readonly reconnected: number
}

/** One epoch of a run of a service, or what is left of it. @category models @since 0.1.0 */
export interface RemoteEpoch<out C> {
  readonly number: number
  readonly take: Effect.Effect<Option.Option<Batch<C>>, RemoteError | EpochPassed>
  readonly stream: Stream.Stream<Batch<C>, RemoteError | EpochPassed>
}

/**
 * A run of a service. What it delivers, its cursor and its digest are those of a local run of the same pipeline. Batches are
 * the consumer's own.
 *
 * @category models
 * @since 0.1.0
 */
export class RemoteLoader<out C> {
  /** How many batches an epoch has; `undefined` if that is known only at its end. */
  readonly batches: number | undefined
  readonly #connection: Connection
  readonly #digests: boolean
  readonly #turn = Effect.unsafeMakeSemaphore(1)
  #cursor: Cursor
  #digest: string
  #entered: number | undefined
  #isClosed = false
  #batches = 0
  #samples = 0
  #waited: number

  /** `asked` is when the run was asked for, by `performance.now()`. */
  private constructor(
    connection: Connection,
    begin: Extract<Received, { kind: "begin" }>,
    { asked, digests }: { readonly asked: number; readonly digests: boolean }
  ) {
    this.#connection = connection
    this.#cursor = begin.cursor
    this.#digest = begin.cursor.digest ?? NO_DIGEST
    this.#digests = digests
    this.#waited = performance.now() - asked
    this.batches = begin.batches ?? undefined
  }

  /** Opens it; the scope closes its connection. */
  static open<C>(target: Target, from: Cursor | undefined): Effect.Effect<RemoteLoader<C>, ServiceError, Scope.Scope> {
    return Effect.gen(function* () {
      const connection = new Connection(target, from)
      yield* Effect.addFinalizer(() => connection.close)
      const asked = performance.now()
      const begin = yield* connection.next
      if (begin.kind !== "begin")
        return yield* Effect.dieMessage("a connection gave something before its stream begins")
      connection.pass()
      const loader = new RemoteLoader<C>(connection, begin, { asked, digests: target.spec.digest ?? false })
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          loader.#isClosed = true
        })
      )
      return loader
    })
  }

  /** The next batch, or none at the end. */
  readonly take: Effect.Effect<Option.Option<Batch<C>>, RemoteError> = Effect.suspend(() =>
    this.#turn.withPermits(1)(this.#before(Number.POSITIVE_INFINITY))
  )

  /** Takes the next batch without an effect, if it has arrived; else returns the effect that takes it. Only while no other take is under way. */
  get now(): Batch<C> | Effect.Effect<Batch<C> | undefined, RemoteError> {
    const next = this.#isClosed ? undefined : this.#connection.ready()
    if (next?.kind !== "batch") return Effect.map(this.take, Option.getOrUndefined)
    try {
      return this.#given(next)
    } catch (thrown) {
      return Effect.fail(mismatch(thrown))
    }
  }

  /** Calls `step` with each batch from here on. An interrupt takes effect while waiting for a batch, or after a step. */
  forEach<X, E, R>(step: (batch: Batch<C>) => Effect.Effect<X, E, R>): Effect.Effect<void, RemoteError | E, R> {
    const one = Effect.uninterruptibleMask((restore) =>
      restore(this.#turn.take(1)).pipe(
        // An interrupt ends the wait, and never falls between a batch and its step.
        Effect.zipRight(Effect.ensuring(this.#before(Number.POSITIVE_INFINITY, restore), this.#turn.release(1))),
        Effect.flatMap((taken) => (Option.isNone(taken) ? Effect.succeed(false) : Effect.as(step(taken.value), true)))
      )
    )
    return Effect.asVoid(Effect.repeat(one, { while: (goesOn) => goesOn }))
  }

  /** The batches from here on. */
  get stream(): Stream.Stream<Batch<C>, RemoteError> {
    return Pull.stream(this.take)
  }

  /** The epochs that are left. Asking for the next one skips the rest of the current one. */
  get epochs(): Stream.Stream<RemoteEpoch<C>, RemoteError> {
    let last: number | undefined
    return Pull.stream(
      Effect.map(
        Effect.suspend(() => this.#turn.withPermits(1)(this.#enter(last))),
        Option.map((number) => {
          last = number
          return this.#epoch(number)
        })
      )
    )
  }

  /** The position of the run, after the last batch that was taken. */
  readonly cursor: Effect.Effect<Cursor> = Effect.sync(() => this.#cursor)

  /** The digest over what arrived. Fails with `InvalidOption` without `digest: true`. */
  readonly digest: Effect.Effect<string, InvalidOption> = Effect.suspend(() =>
    this.#digests ? Effect.succeed(this.#digest) : noDigest
  )

  readonly stats: Effect.Effect<RemoteStats> = Effect.sync(() => ({
    batches: this.#batches,
    samples: this.#samples,
    waited: this.#waited,
    reconnected: this.#connection.broken
  }))

  #epoch(number: number): RemoteEpoch<C> {
    const take = Effect.suspend((): Effect.Effect<Option.Option<Batch<C>>, RemoteError | EpochPassed> => {
      const current = Math.max(this.#cursor.epoch, this.#entered ?? 0)
      const isOver = current > number && (this.#entered ?? 0) > number
      if (isOver) return Effect.fail(new EpochPassed({ epoch: number, current }))
      return this.#turn.withPermits(1)(this.#before(number + 1))
    })
    return { number, take, stream: Pull.stream(take) }
  }

  /** The next batch of an epoch before `end`; none if the run is past them. `wait` wraps the effect that waits. */
  #before(
    end: number,
    wait: (next: Connection["next"]) => Connection["next"] = (next) => next
  ): Effect.Effect<Option.Option<Batch<C>>, RemoteError> {
    return Effect.suspend((): Effect.Effect<Option.Option<Batch<C>>, RemoteError> => {
      if (this.#isClosed) {
        return Effect.fail(new RunClosed({ at: { epoch: this.#cursor.epoch, batch: this.#cursor.batch } }))
      }
      const ready = this.#connection.ready()
      if (ready !== undefined) return this.#came(ready, end, wait)
      const asked = performance.now()
      return Effect.flatMap(wait(this.#connection.next), (next) => {
        this.#waited += performance.now() - asked
        return this.#came(next, end, wait)
      })
    })
  }

  #came(
    next: Received,
    end: number,
    wait: (next: Connection["next"]) => Connection["next"]
  ): Effect.Effect<Option.Option<Batch<C>>, RemoteError> {
    // It starts again where a connection broke.
    if (next.kind === "begin") {
      this.#connection.pass()
      return this.#before(end, wait)
    }
    // A batch of a later epoch is given when that epoch is asked for.
    if (next.kind === "end") this.#cursor = next.cursor
    if (next.kind === "end" || next.batch.epoch >= end) return Effect.succeedNone
    try {
      return Effect.succeedSome(this.#given(next))
    } catch (thrown) {
      return Effect.fail(mismatch(thrown))
    }
  }

  /** Accounts for a batch, without an interruptible step. */
  #given({ batch, cursor }: Extract<Received, { kind: "batch" }>): Batch<C> {
    // Of several ranks one may have no rows: such a batch is not part of the digest.
    if (this.#digests && batch.size > 0) {
      const { columns, epoch, index } = batch
      const here = Digest.append(this.#digest, columns)
      if (cursor.digest !== null && cursor.digest !== here) {
        throw new DigestMismatch({ epoch, batch: index, here, there: cursor.digest })
      }
      this.#digest = here
    }
    this.#connection.pass()
    this.#cursor = cursor
    this.#batches++
    this.#samples += batch.size
    // What the columns hold is for the pipeline's type to say, which the caller has named.
    return batch as Batch<C>
  }

  #enter(last: number | undefined): Effect.Effect<Option.Option<number>, RemoteError> {
    return Effect.sync(() => {
      const { end = 0, epoch: current } = this.#cursor
      const epoch = Math.max(last === undefined ? 0 : last + 1, current)
      if (epoch > current) this.#skipTo(epoch)
      if (epoch >= end) return Option.none()
      this.#entered = epoch
      return Option.some(epoch)
    })
  }

  /** Goes on from the start of an epoch, as a local run's cursor would say it. */
  #skipTo(epoch: number): void {
    const { resized: _, sources: __, ...rest } = this.#cursor
    const open = { ...rest, epoch, position: 0, batch: 0 }
    this.#cursor = { ...open, checksum: checksum(open) }
    this.#connection.moveTo(this.#cursor)
  }
}

const mismatch = (thrown: unknown): DigestMismatch | Digest.DigestError =>
  thrown instanceof DigestMismatch ? thrown : Digest.DigestError.from(thrown)

const NO_DIGEST = "0".repeat(64)
