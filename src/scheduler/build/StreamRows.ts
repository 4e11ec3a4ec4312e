/**
 * Which rows of a stream a batch has. They are known once they have been read: an epoch ends where the stream does.
 *
 * @since 0.1.0
 */

import { InvalidOption } from "../../core/InvalidOption.ts"
import { plural } from "../../core/Plural.ts"
import type { InWindow } from "../../sampling/EpochOrder.ts"
import type { CoordinatesError } from "../../seeding/Coordinates.ts"
import type { RowWindow } from "../../sources/stream/Interleave.ts"
import type { WindowReader } from "../../sources/stream/WindowReader.ts"
import * as Plan from "../plan/Plan.ts"
import type { RunPlan } from "../plan/RunPlan.ts"
import type { RowRange, StreamedRows } from "./RowRange.ts"
import { errorAt, type StageError } from "./StageError.ts"
import { andThen, catchAll, fromEffect, TypedFailure, type Work } from "./Work.ts"

/** Why the rows of a batch cannot be had. @since 0.1.0 */
export type StreamFailure = StageError | CoordinatesError | InvalidOption

/** Where a run's first batch is. @since 0.1.0 */
export interface BatchStart {
  readonly epoch: number
  readonly batch: number
}

/** A place of an epoch: its first batches are done with. */
interface Floor {
  readonly epoch: number
  readonly position: number
}

const before = (one: Floor, other: Floor): boolean =>
  one.epoch < other.epoch || (one.epoch === other.epoch && one.position < other.position)

const inTheirOrder: InWindow = () => (place) => place

/** The rows of the batches that one backend builds. @since 0.1.0 */
export class StreamRows {
  readonly #runPlan: RunPlan
  readonly #reader: WindowReader
  /** For each worker what it has begun; the run's start for those that have not begun. */
  readonly #floors: Array<Floor>
  readonly #isRun: boolean

  /** With `start`, of a run that begins there; without, of batches that are built one after another. */
  constructor(runPlan: RunPlan, reader: WindowReader, start: BatchStart | undefined) {
    const { plan } = runPlan
    this.#runPlan = runPlan
    this.#reader = reader
    this.#isRun = start !== undefined
    const { batch, epoch } = start ?? { epoch: 0, batch: 0 }
    const from = { epoch, position: Plan.positionOf(plan, epoch, batch) }
    this.#floors = Array.from({ length: plan.workers }, () => from)
  }

  /** This rank's rows of a batch, which may be none; `undefined` if the epoch ends before it. */
  rows(worker: number, epoch: number, batch: number): Work<RowRange | undefined, StreamFailure> {
    const { plan } = this.#runPlan
    const cut = plan.cuts.at(epoch, batch)
    if (cut === undefined) return undefined
    const closing = this.#enter(worker, { epoch, position: cut.position })
    const { size } = this.#reader
    const first = Math.floor(cut.position / size)
    const last = Math.floor((cut.position + cut.size - 1) / size)
    const at = { epoch, batch, worker }
    const read = (): Work<RowRange | undefined, StreamFailure> =>
      this.#windows(at, first, last, (windows) => this.#found(at, cut.position, first, windows))
    return closing === undefined
      ? read()
      : andThen(
          fromEffect<void, never>(() => closing),
          read
        )
  }

  /** A worker begins a batch: what all workers have left is not needed any more. */
  #enter(worker: number, place: Floor) {
    if (this.#isRun) this.#floors[worker] = place
    else this.#floors.fill(place)
    const least = this.#floors.reduce((one, other) => (before(other, one) ? other : one))
    const { size } = this.#reader
    const { batchSize, workers } = this.#runPlan.plan
    return this.#reader.keepFrom(
      least.epoch,
      Math.floor(least.position / size),
      Math.ceil((workers * batchSize) / size)
    )
  }

  /** Waits for windows, up to the end of the stream. */
  #windows<A>(
    at: { readonly epoch: number; readonly batch: number; readonly worker: number },
    first: number,
    last: number,
    next: (windows: ReadonlyArray<RowWindow>) => Work<A, StreamFailure>
  ): Work<A, StreamFailure> {
    const reader = this.#reader
    const windows: Array<RowWindow> = []
    const from = (number: number): Work<A, StreamFailure> => {
      for (let own = number; own <= last; own++) {
        const window = reader.peek(at.epoch, own)
        if (window === undefined) {
          const arrives = fromEffect(() => reader.window(at.epoch, own))
          const located = catchAll<RowWindow, unknown, RowWindow, StageError>(arrives, ({ cause, failure }) => {
            throw new TypedFailure(errorAt(this.#runPlan, at, "dataset", cause, { ...nowhere, failure }))
          })
          return andThen(located, (found) => {
            windows.push(found)
            return found.size < reader.size ? next(windows) : from(own + 1)
          })
        }
        windows.push(window)
        if (window.size < reader.size) break
      }
      return next(windows)
    }
    return from(first)
  }

  /** The rows of a batch that begins at a position, of the windows from `first` on. */
  #found(
    at: { readonly epoch: number; readonly batch: number; readonly worker: number },
    position: number,
    first: number,
    windows: ReadonlyArray<RowWindow>
  ): Work<RowRange | undefined, StreamFailure> {
    const { batch, epoch } = at
    const { plan } = this.#runPlan
    const { size } = this.#reader
    const ended = windows.at(-1)
    const isEnd = ended !== undefined && ended.size < size
    const end = isEnd ? (first + windows.length - 1) * size + ended.size : Number.POSITIVE_INFINITY
    const left = Math.min(plan.batchSize, end - position)
    if (left <= 0 || (left < plan.batchSize && plan.tail === "drop")) return undefined
    const order = this.#orderOf(epoch)
    if (left === plan.batchSize || plan.tail === "keep") {
      if (left % plan.world !== 0) throw new TypedFailure(unequal(left, plan))
      return this.#range(epoch, batch, left, rowsIn(windows, first, size, order))
    }
    // The epoch's first samples fill its last batch.
    const missing = Math.min(plan.batchSize - left, end)
    return this.#windows(at, 0, Math.floor((missing - 1) / size), (starting) => {
      const [own, more] = [rowsIn(windows, first, size, order), rowsIn(starting, 0, size, order)]
      const of = (place: number): StreamedRows => (place < end ? own : more)
      return this.#range(epoch, batch, plan.batchSize, {
        indexAt: (place) => of(place).indexAt(place % end),
        sampleAt: (place) => of(place).sampleAt(place % end)
      })
    })
  }

  #range(epoch: number, batch: number, size: number, streamed: StreamedRows): RowRange | undefined {
    const share = Plan.share(this.#runPlan.plan, epoch, batch, size)
    return share === undefined ? undefined : { epoch, batch, ...share, streamed }
  }

  #orderOf(epoch: number): InWindow {
    const order = this.#runPlan.order(epoch)
    if (order._tag === "Left") throw new TypedFailure(order.left)
    return order.right.inWindow ?? inTheirOrder
  }
}

const nowhere = { sample: undefined, position: undefined, ordinal: undefined }

/** The rows of windows from `first` on, in the order within each. */
const rowsIn = (windows: ReadonlyArray<RowWindow>, first: number, size: number, order: InWindow): StreamedRows => {
  // Positions come one after another, so most are in the window of the one before.
  let number = first
  let window = windows[0] as RowWindow // a batch has one
  let placeAt = order(first, window.size)
  /** Goes to the window of a position; returns the place there. */
  const enter = (position: number): number => {
    const own = Math.floor(position / size)
    if (own !== number) {
      number = own
      window = windows[own - first] as RowWindow // the position lies in one of them
      placeAt = order(own, window.size)
    }
    return placeAt(position - own * size)
  }
  return {
    indexAt: (position) => {
      const place = enter(position)
      return number * size + place
    },
    sampleAt: (position) => {
      const place = enter(position)
      return window.row(place)
    }
  }
}

const unequal = (rest: number, { batchSize, world }: Plan.Plan): InvalidOption =>
  new InvalidOption({
    option: "uneven",
    value: "error",
    expected:
      `"pad" (fill the last batch with the epoch's first samples) or "drop" (leave it out), since the stream ended and left ` +
      `${plural(rest, "sample")} for a last batch of ${batchSize}, which ${world} ranks cannot share equally`
  })
