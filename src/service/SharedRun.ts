/**
 * A run that several trainers read at places of their own: its last batches are kept, so that each is built once for all
 * who stand within them.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import { BufferPool } from "../core/BufferPool.ts"
import type { Batch } from "../pipeline/Batch.ts"
import type { Cursor } from "../scheduler/loader/Cursor.ts"
import { type Loader, RunClosed } from "../scheduler/loader/Loader.ts"
import { encode, placeOf } from "./Frame.ts"

/** What a trainer is given at a place. @since 0.1.0 */
export interface Step {
  /** The cursor after it. */
  readonly cursor: Cursor
  /** Whether it is the last one: the run's end, or its error. */
  readonly isLast: boolean
  /** Whether it is the run's error. */
  readonly isError: boolean
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly samples: number
  /** Returns the bytes' memory for reuse. A reader that never calls it keeps the memory until it is collected. */
  readonly sent: () => void
}

/** How many bytes of batches a run keeps for trainers that follow the first. @since 0.1.0 */
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
  /** By the place before each, from the oldest on. */
  readonly #steps = new Map<string, KeptStep>()
  /** One step is dropped for each that is built, so that more would lie here unused. */
  readonly #pool = new BufferPool(2)
  #bytes = 0
  #head: string
  /** The number of the next step to build, and of the first that no reader has requested. */
  #next = 0
  #asked = 0
  /** The steps that no reader has requested yet, and their bytes. */
  readonly #ahead: Array<KeptStep> = []
  #aheadBytes = 0
  /** The bytes of the newest step, which the next one is taken to have. */
  #newestBytes = 0
  #isOver = false
  #hasFailed = false
  #isTold = false
  #isBuilding = false
  /** Readers waiting at the head; called with `undefined` if the run is closed. */
  readonly #waiting = new Set<(step: KeptStep | undefined) => void>()

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

  /** Whether it can serve a trainer at this place. */
  has(place: string): boolean {
    return place === this.#head || this.#steps.has(place)
  }

  /**
   * Whether it is of no use to those who come now: it has failed, and a reader was told so, or none is left to be told. What it
   * failed of may be mended, so that it is built again for them. While its readers are still before the error, those who come
   * share what is kept with them.
   */
  get isSpent(): boolean {
    return this.#hasFailed && (this.#isTold || this.readers.size === 0)
  }

  /** Notes that a reader was given the error, which ends its way: it may come back before its connection has ended. */
  told(reader: object): void {
    this.#isTold = true
    this.readers.delete(reader)
  }

  /** The step at a place; `undefined` if it is no longer kept. A wait may be interrupted: what is built is kept. */
  at(place: string): Effect.Effect<Step | undefined> {
    return Effect.suspend(() => {
      const own = this.ready(place)
      return own === undefined && place === this.#head ? this.#comes : Effect.succeed(own)
    })
  }

  /** The step at a place, if it is ready. */
  ready(place: string): Step | undefined {
    const own = this.#steps.get(place)
    if (own === undefined) return undefined
    this.#ask(own.number)
    return own.given()
  }

  /** Waits for the step at the head. */
  readonly #comes: Effect.Effect<Step> = Effect.async<Step>((resume) => {
    const told = (step: KeptStep | undefined): void =>
      resume(step === undefined ? Effect.interrupt : Effect.succeed(step.given()))
    this.#waiting.add(told)
    this.#ask(this.#next)
    return Effect.sync(() => this.#waiting.delete(told))
  })

  /** The first request for a step has the next ones built while its bytes are on their way. */
  #ask(number: number): void {
    if (number >= this.#asked) this.#asked = number + 1
    for (let first = this.#ahead[0]; first !== undefined && first.number < this.#asked; first = this.#ahead[0]) {
      this.#aheadBytes -= first.bytes.length
      this.#ahead.shift()
    }
    const isUrgent = this.#next < this.#asked || this.#ahead.length <= MOST_AHEAD / 2
    if (this.#isBuilding || !isUrgent || !this.#isWanted) return
    this.#isBuilding = true
    // One fiber builds for all.
    const builder = Runtime.runFork(this.#runtime)(Effect.interruptible(this.#build), { scope: this.#scope })
    builder.addObserver((exit) => {
      // It never fails; it is interrupted where the run is closed under those who wait.
      if (Exit.isSuccess(exit)) return
      this.#isBuilding = false
      this.#tell(undefined)
    })
  }

  /** Whether the next step is to be built: somebody waits for it, or there is room for it. */
  get #isWanted(): boolean {
    if (this.#isOver) return false
    if (this.#next < this.#asked) return true
    return this.#ahead.length < MOST_AHEAD && this.#aheadBytes + this.#newestBytes <= this.#windowBytes / 2
  }

  #tell(step: KeptStep | undefined): void {
    const all = [...this.#waiting]
    this.#waiting.clear()
    for (const told of all) told(step)
  }

  readonly #one: Effect.Effect<KeptStep> = Effect.suspend(() => this.#loader.take).pipe(
    Effect.flatMap((taken) => this.#step(taken)),
    // All readers that come to this place are given the run's error.
    Effect.catchAllCause((cause) =>
      isClosing(cause)
        ? Effect.interrupt
        : Effect.zipRight(
            Effect.logWarning("a run failed, which all of its trainers are told", cause),
            Effect.map(this.#loader.cursor, (cursor) => failed(cause, cursor, this.#next))
          )
    )
  )

  readonly #build: Effect.Effect<void> = Effect.whileLoop({
    while: () => {
      // Once it is false, the next request starts another builder.
      this.#isBuilding = this.#isWanted
      return this.#isBuilding
    },
    body: () => this.#one,
    step: (step) => this.#keep(step)
  })

  #step(taken: Option.Option<Batch<unknown>>): Effect.Effect<KeptStep> {
    return Effect.map(this.#loader.cursor, (cursor) => {
      const number = this.#next
      const after = this.#head
      if (Option.isNone(taken)) {
        return new KeptStep({ number, cursor, bytes: encode({ kind: "end", cursor, after }), isLast: true })
      }
      const { value: batch } = taken
      // The batch is lent until the next one is taken; its bytes are a copy.
      const bytes = encode(
        { kind: "batch", batch, cursor, after },
        (length) => new Uint8Array(this.#pool.take(roomFor(length)), 0, length)
      )
      return new KeptStep({ number, cursor, bytes, samples: batch.size, pool: this.#pool })
    })
  }

  #keep(step: KeptStep): void {
    this.#steps.set(this.#head, step)
    this.#bytes += step.bytes.length
    this.#newestBytes = step.bytes.length
    this.#next++
    if (step.number >= this.#asked) {
      this.#ahead.push(step)
      this.#aheadBytes += step.bytes.length
    }
    this.#isOver = step.isLast
    this.#hasFailed = step.isError
    if (!step.isLast) {
      this.built++
      this.samples += step.samples
      this.#head = placeOf(step.cursor)
    }
    this.#tell(step)
    if (step.isLast) return
    for (const [place, oldest] of this.#steps) {
      // Steps not yet requested are kept, and so is the newest, whatever its size.
      if (this.#bytes <= this.#windowBytes || oldest.number >= this.#asked || oldest === step) break
      this.#steps.delete(place)
      this.#bytes -= oldest.bytes.length
      oldest.drop()
    }
  }
}

/** Whether the run was closed under its readers, as when its service ends: they connect again. */
const isClosing = (cause: Cause.Cause<unknown>): boolean =>
  Cause.isInterruptedOnly(cause) || Cause.squash(cause) instanceof RunClosed

/** How many steps are built before a reader requests them; together they take at most half of the window. */
const MOST_AHEAD = 16

/** A step while its run keeps it, or somebody still reads it. */
class KeptStep implements Step {
  readonly number: number
  readonly cursor: Cursor
  readonly isLast: boolean
  readonly isError: boolean
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly samples: number
  readonly #pool: BufferPool | undefined
  #isKept = true
  #readers = 0

  constructor(own: {
    readonly number: number
    readonly cursor: Cursor
    readonly bytes: Uint8Array<ArrayBuffer>
    readonly isLast?: boolean
    readonly isError?: boolean
    readonly samples?: number
    /** Where its memory goes. */
    readonly pool?: BufferPool
  }) {
    this.number = own.number
    this.cursor = own.cursor
    this.bytes = own.bytes
    this.isLast = own.isLast ?? false
    this.isError = own.isError ?? false
    this.samples = own.samples ?? 0
    this.#pool = own.pool
  }

  given(): this {
    this.#readers++
    return this
  }

  readonly sent = (): void => {
    this.#readers--
    this.#giveBack()
  }

  drop(): void {
    this.#isKept = false
    this.#giveBack()
  }

  #giveBack(): void {
    if (!this.#isKept && this.#readers === 0) this.#pool?.give(this.bytes.buffer)
  }
}

/** Rounds up by an eighth at most, so that frames of about one length fit each other's memory. */
const roomFor = (length: number): number => {
  const step = 2 ** Math.max(12, Math.floor(Math.log2(length)) - 3)
  return Math.ceil(length / step) * step
}

const failed = (cause: Cause.Cause<unknown>, cursor: Cursor, number: number): KeptStep => {
  const error = Cause.squash(cause)
  const tag = typeof error === "object" && error !== null && "_tag" in error ? String(error._tag) : "Error"
  const message = (error instanceof Error ? error.message : String(error)).slice(0, LONGEST_MESSAGE)
  return new KeptStep({ number, cursor, bytes: encode({ kind: "error", tag, message }), isLast: true, isError: true })
}

const LONGEST_MESSAGE = 10_000
