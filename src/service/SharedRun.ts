/**
 * A run that several trainers read at places of their own: its last batches are kept, so that each is built once for all
 * who stand within them.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import type { Batch } from "../pipeline/Batch.ts"
import type { Cursor } from "../scheduler/loader/Cursor.ts"
import type { Loader } from "../scheduler/loader/Loader.ts"
import { encode } from "./Frame.ts"

/**
 * Where a trainer stands. The checksum covers all that a cursor says: from equal ones on, all is equal, what cursors count and
 * the digest, too.
 *
 * @since 0.1.0
 */
export const placeOf = ({ batch, checksum, epoch }: Cursor): string => `${epoch}/${batch}/${checksum}`

/** What a trainer is given at a place. @since 0.1.0 */
export interface Step {
  /** Where the run stands behind it. */
  readonly cursor: Cursor
  /** Nothing comes behind it: it is the run's end, or its error. */
  readonly isLast: boolean
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly samples: number
}

/** How many bytes of batches a run keeps for those who come behind. @since 0.1.0 */
export const WINDOW_BYTES = 2 ** 26

/** @since 0.1.0 */
export class SharedRun {
  /** Those who read it. */
  readonly readers = new Set<object>()
  /** How many batches were built, and samples in them. */
  built = 0
  samples = 0
  /** Where it began. */
  readonly start: Cursor
  /** How many batches an epoch has, where that is known. */
  readonly batches: number | undefined
  readonly #loader: Loader<unknown, unknown>
  readonly #scope: Scope.Scope
  readonly #runtime: Runtime.Runtime<never>
  readonly #windowBytes: number
  /** By the place in front of each, from the oldest on. */
  readonly #steps = new Map<string, Step>()
  #bytes = 0
  #head: string
  #atWork: Fiber.RuntimeFiber<void> | undefined

  /** `start`: the loader's cursor. What it builds, it builds in `scope`. */
  constructor(
    loader: Loader<unknown, unknown>,
    start: Cursor,
    { runtime, scope, windowBytes }: { runtime: Runtime.Runtime<never>; scope: Scope.Scope; windowBytes: number }
  ) {
    this.#loader = loader
    this.#scope = scope
    this.#runtime = runtime
    this.#windowBytes = windowBytes
    this.start = start
    this.batches = loader.batches
    this.#head = placeOf(start)
  }

  /** How many bytes it keeps. */
  get bytes(): number {
    return this.#bytes
  }

  /** Whether it can serve who stands there. */
  has(place: string): boolean {
    return place === this.#head || this.#steps.has(place)
  }

  /** What comes at a place; none if it is no longer kept. Whoever waits may be interrupted: what is built is kept. */
  at(place: string): Effect.Effect<Step | undefined> {
    return Effect.suspend(() => {
      const own = this.#steps.get(place)
      if (own !== undefined || place !== this.#head) return Effect.succeed(own)
      // One fiber builds for all who wait.
      const fiber =
        this.#atWork ?? Runtime.runFork(this.#runtime)(Effect.interruptible(this.#build), { scope: this.#scope })
      this.#atWork = fiber
      return Effect.flatMap(Fiber.await(fiber), (exit) => {
        if (this.#atWork === fiber) this.#atWork = undefined
        // It never fails; it is interrupted where the run is closed under who waits.
        return Exit.isSuccess(exit) ? this.at(place) : Effect.interrupt
      })
    })
  }

  readonly #build: Effect.Effect<void> = Effect.suspend(() => this.#loader.take).pipe(
    Effect.flatMap((taken) => this.#step(taken)),
    // The run's error is what everybody is given who comes to this place.
    Effect.catchAllCause((cause) =>
      Cause.isInterruptedOnly(cause)
        ? Effect.failCause(cause as Cause.Cause<never>) // it holds no failure
        : Effect.zipRight(
            Effect.logWarning("a run failed, which all of its trainers are told", cause),
            Effect.map(this.#loader.cursor, (cursor) => failed(cause, cursor))
          )
    ),
    Effect.map((step) => this.#keep(step))
  )

  #step(taken: Option.Option<Batch<unknown>>): Effect.Effect<Step> {
    return Effect.map(this.#loader.cursor, (cursor) =>
      Option.isNone(taken)
        ? { cursor, isLast: true, bytes: encode({ kind: "end", cursor }), samples: 0 }
        : {
            cursor,
            isLast: false,
            // The batch is lent until the next one is taken; its bytes are a copy.
            bytes: encode({ kind: "batch", batch: taken.value, cursor }),
            samples: taken.value.size
          }
    )
  }

  #keep(step: Step): void {
    this.#steps.set(this.#head, step)
    this.#bytes += step.bytes.length
    if (step.isLast) return
    this.built++
    this.samples += step.samples
    this.#head = placeOf(step.cursor)
    for (const [place, { bytes }] of this.#steps) {
      // The newest stays, whatever its size: somebody waits for it.
      if (this.#bytes <= this.#windowBytes || this.#steps.size === 1) break
      this.#steps.delete(place)
      this.#bytes -= bytes.length
    }
  }
}

const failed = (cause: Cause.Cause<unknown>, cursor: Cursor): Step => {
  const error = Cause.squash(cause)
  const tag = typeof error === "object" && error !== null && "_tag" in error ? String(error._tag) : "Error"
  const message = (error instanceof Error ? error.message : String(error)).slice(0, LONGEST_MESSAGE)
  return { cursor, isLast: true, bytes: encode({ kind: "error", tag, message }), samples: 0 }
}

const LONGEST_MESSAGE = 10_000
