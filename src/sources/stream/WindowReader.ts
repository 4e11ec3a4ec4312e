/**
 * Reads a stream source window by window, as far ahead as batches need it: one fiber an epoch.
 *
 * A window is read once, and kept until no batch needs it any more. A batch that needs one that is gone, as those do that
 * are built once more, has the source read again from the nearest checkpoint.
 *
 * @since 0.1.0
 */

import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import { plural } from "../../core/Plural.ts"
import { Signal } from "../../core/Signal.ts"
import type { Checkpoint } from "./Checkpoint.ts"
import { Interleave } from "./Interleave.ts"
import { type RankRows, rankRows, readFrom } from "./RankRows.ts"
import { StreamError } from "./StreamError.ts"
import type { RowWindow, TotalRows, Windows, WindowsOptions } from "./StreamSource.ts"

/** How many windows are read before a batch needs them. */
const AHEAD = 1

const noRow = (place: number): never => {
  throw new RangeError(`a window of no rows has no row ${place}`)
}

/** How the source is read in an epoch. */
interface Reading {
  /** The next window. */
  next: number
  /** The last window that a batch needs. */
  asked: number
  /** The first window that a batch may still need. */
  floor: number
  /** The first window that is read again, for a batch that needs it though it was done with. */
  again: number
  readonly known: Map<number, RowWindow>
  /** The windows that are waited for. */
  readonly awaited: Array<number>
  /** The first window after the end, and how many rows there are. */
  end: number
  total: TotalRows | undefined
  failure: Exit.Exit<never, StreamError> | undefined
  /** The fiber that reads, once it has begun. */
  fiber: Fiber.RuntimeFiber<void, StreamError> | undefined
}

/** Opens a reader. What it has open is closed with the scope. @since 0.1.0 */
export const open = (options: WindowsOptions): Effect.Effect<WindowReader, never, Scope.Scope> =>
  Effect.map(Effect.scope, (scope) => new WindowReader(options, scope))

/** Ends what is read, and closes its source. */
const close = ({ fiber }: Reading): Effect.Effect<void> =>
  fiber === undefined ? Effect.void : Effect.asVoid(Fiber.interrupt(fiber))

/** @since 0.1.0 */
export class WindowReader implements Windows {
  readonly size: number
  readonly #options: WindowsOptions
  readonly #scope: Scope.Scope
  readonly #readings = new Map<number, Reading>()
  readonly #changed = new Signal()

  constructor(options: WindowsOptions, scope: Scope.Scope) {
    this.#options = options
    this.#scope = scope
    this.size = options.size
  }

  /**
   * Returns a window if it has been read: all of its rows are there, and fewer than its size only at the epoch's end. That one,
   * and those after it, which have no rows, have a `total`.
   */
  peek(epoch: number, number: number): RowWindow | undefined {
    const reading = this.#readings.get(epoch)
    if (reading === undefined) return undefined
    const { end, known, total } = reading
    return known.get(number) ?? (number >= end && total !== undefined ? { size: 0, row: noRow, total } : undefined)
  }

  /** Waits until a window has been read. It requires what the source requires. */
  window(epoch: number, number: number): Effect.Effect<RowWindow, StreamError, unknown> {
    return Effect.suspend(() => {
      const own = this.peek(epoch, number)
      if (own !== undefined) return Effect.succeed(own)
      const reading = this.#readings.get(epoch)
      if (reading?.failure !== undefined) return reading.failure
      const isGone = reading !== undefined && number < reading.next
      if (reading !== undefined && !isGone) {
        reading.asked = Math.max(reading.asked, number)
        this.#changed.notify()
        const { awaited } = reading
        const isThere = (): boolean =>
          reading.failure !== undefined ||
          this.peek(epoch, number) !== undefined ||
          this.#readings.get(epoch) !== reading
        // It is kept until whoever asks has it.
        awaited.push(number)
        const arrives = Effect.ensuring(
          this.#changed.until(isThere),
          Effect.sync(() => awaited.splice(awaited.indexOf(number), 1))
        )
        return Effect.zipRight(arrives, this.window(epoch, number))
      }
      return Effect.zipRight(this.#begin(epoch, number, reading), this.window(epoch, number))
    })
  }

  /** No batch needs windows before one of an epoch, nor those of earlier epochs; `waiting` of them may be in batches that wait. */
  keepFrom(epoch: number, number: number, waiting: number): Effect.Effect<void> | undefined {
    this.#options.checkpoints.keepFrom(epoch, number, waiting)
    const over: Array<Reading> = []
    for (const [own, reading] of this.#readings) {
      if (own >= epoch) continue
      this.#readings.delete(own)
      over.push(reading)
    }
    const reading = this.#readings.get(epoch)
    if (reading !== undefined && number > reading.floor) {
      reading.floor = number
      reading.again = Number.POSITIVE_INFINITY
      for (const own of reading.known.keys()) this.#drop(reading, own)
      this.#changed.notify()
    }
    if (over.length === 0) return undefined
    return Effect.forEach(over, close, { discard: true })
  }

  /** The first window of an epoch that a batch may still need, if one needs `number`. */
  #floorOf(epoch: number, number: number, before: Reading | undefined): number {
    const { from } = this.#options
    if (from === undefined || epoch < from.epoch) return number
    // Workers of a run that have begun their batches may not begin another until they have the windows that they wait for.
    if (before !== undefined) return before.floor
    return Math.min(number, epoch === from.epoch ? from.window : 0)
  }

  #drop(reading: Reading, number: number): void {
    const { first, most } = this.#options
    const { again, awaited, floor, known } = reading
    const isAgain = number >= again && number < again + most
    if (number >= floor || number < first || isAgain || awaited.includes(number)) return
    known.delete(number)
  }

  /**
   * Begins to read an epoch, from the last checkpoint before the first window that a batch may need. `before` is how it was
   * read so far: its source is closed first.
   */
  #begin(epoch: number, number: number, before: Reading | undefined): Effect.Effect<void, never, unknown> {
    // Whoever waits for a reading counts on its fiber.
    return Effect.uninterruptible(
      Effect.suspend(() => {
        // Another worker may have had its turn since it was found that the epoch is to be read.
        if (this.#readings.get(epoch) !== before) return Effect.void
        const { checkpoints, size } = this.#options
        const floor = this.#floorOf(epoch, number, before)
        const from = checkpoints.best(epoch, Math.min(floor, number), size)
        const reading: Reading = {
          // Where windows had another size, the checkpoint may stand within one.
          next: Math.ceil((from?.row ?? 0) / size),
          asked: number,
          floor,
          again: before === undefined ? Number.POSITIVE_INFINITY : number,
          known: new Map(),
          awaited: [],
          end: Number.POSITIVE_INFINITY,
          total: undefined,
          failure: undefined,
          fiber: undefined
        }
        // From here on whoever asks for a window waits for this one.
        this.#readings.set(epoch, reading)
        const own = Effect.scoped(this.#read(epoch, reading, from))
        const read = before === undefined ? own : Effect.zipRight(close(before), own)
        // Those who wait are told once the source is closed.
        const told = Effect.onExit(read, (exit) =>
          Effect.sync(() => {
            if (Exit.isFailure(exit)) reading.failure = Exit.failCause(exit.cause)
            this.#changed.notify()
          })
        )
        return Effect.map(Effect.forkIn(Effect.interruptible(told), this.#scope), (fiber) => {
          reading.fiber = fiber
        })
      })
    )
  }

  #read(epoch: number, reading: Reading, from: Checkpoint | undefined): Effect.Effect<void, StreamError, unknown> {
    return Effect.gen(this, function* () {
      const { checkpoints, most, part, size, source } = this.#options
      const all = new Interleave(source, yield* Effect.scope, readFrom(from, part), size, part)
      yield* this.#told(all.again)
      yield* all.begin
      const rows = rankRows(all, part)
      const before = reading.next * size - rows.row
      if (before > 0) yield* rows.take(before)
      for (;;) {
        yield* this.#changed.until(() => reading.next <= reading.asked + AHEAD && reading.next < reading.floor + most)
        const number = reading.next
        checkpoints.add(epoch, number, yield* this.#checkpoint(rows))
        const window = yield* rows.take(size)
        const counted = number * size + window.size
        const isLast = window.size < size || window.total !== undefined
        const total = window.total ?? { own: counted, least: counted, most: counted }
        reading.next++
        if (isLast) Object.assign(reading, { total, end: number + 1 })
        reading.known.set(number, isLast ? { ...window, total } : window)
        this.#drop(reading, number)
        this.#changed.notify()
        if (isLast) return
      }
    })
  }

  /** Where the source stands. Asks functions of the user's. */
  #checkpoint(rows: RankRows): Effect.Effect<Checkpoint, StreamError> {
    return Effect.try({
      try: () => rows.checkpoint,
      catch: (cause) => new StreamError({ source: this.#options.source.name, shard: undefined, row: rows.row, cause })
    })
  }

  #told(again: number): Effect.Effect<void> {
    if (again === 0) return Effect.void
    return Effect.logInfo(
      `stream ${this.#options.source.name} cannot be read on from where it was, so ${plural(again, "row")} before that must be read again`
    )
  }
}
