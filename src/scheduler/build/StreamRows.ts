/**
 * Which rows of a stream a batch has. They are known once they have been read: an epoch ends where the stream does.
 *
 * @since 0.1.0
 */

import { InvalidOption } from "../../core/InvalidOption.ts"
import { plural } from "../../core/Plural.ts"
import type { InWindow } from "../../sampling/EpochOrder.ts"
import type { CoordinatesError } from "../../seeding/Coordinates.ts"
import { isUncounted } from "../../sources/stream/Dealing.ts"
import type { RowWindow, Windows as SourceWindows, TotalRows } from "../../sources/stream/StreamSource.ts"
import * as Plan from "../plan/Plan.ts"
import { batchRows, type RunPlan, rowAt, rowOf, type StreamPlan } from "../plan/RunPlan.ts"
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

/** A place of an epoch: the rows before it are done with. */
interface Floor {
  readonly epoch: number
  readonly row: number
}

/** A batch, and who builds it. */
interface Place extends BatchStart {
  readonly worker: number
}

/** Consecutive windows from the one of number `first` on; `total` if the stream ends in them, or before. */
interface Windows {
  readonly first: number
  readonly windows: ReadonlyArray<RowWindow>
  readonly total: TotalRows | undefined
}

/** The end is not reached yet. */
const UNKNOWN: TotalRows = {
  own: Number.POSITIVE_INFINITY,
  least: Number.POSITIVE_INFINITY,
  most: Number.POSITIVE_INFINITY
}

/** Closes what is not read any more, if there is such. */
type Closing = ReturnType<SourceWindows["keepFrom"]>

/** Behind all rows. */
const OVER: Floor = { epoch: Number.POSITIVE_INFINITY, row: Number.POSITIVE_INFINITY }

const before = (one: Floor, other: Floor): boolean =>
  one.epoch < other.epoch || (one.epoch === other.epoch && one.row < other.row)

const inTheirOrder: InWindow = () => (place) => place

/** The rows of the batches that one backend builds. @since 0.1.0 */
export class StreamRows {
  readonly #runPlan: RunPlan
  readonly #reader: SourceWindows
  /** For each worker what it has begun; the run's start for those that have not begun. */
  readonly #floors: Array<Floor>
  readonly #isRun: boolean
  /** How many rows a batch has of those that are read. */
  readonly #batchRows: number

  /** With `start`, of a run that begins there; without, of batches that are built one after another. */
  constructor(runPlan: RunPlan, reader: SourceWindows, start: BatchStart | undefined) {
    const { plan } = runPlan
    this.#runPlan = runPlan
    this.#reader = reader
    this.#isRun = start !== undefined
    this.#batchRows = batchRows(runPlan)
    const { batch, epoch } = start ?? { epoch: 0, batch: 0 }
    const from = { epoch, row: rowAt(runPlan, epoch, batch) }
    // Workers beyond the number of batches have none.
    this.#floors = Array.from({ length: Math.min(plan.workers, plan.batches ?? plan.workers) }, () => from)
  }

  /** A worker of a run has no more batches: what it has left is not needed by it. */
  readonly over = (worker: number): Closing => {
    this.#floors[worker] = OVER
    return this.#keep()
  }

  /** This rank's rows of a batch, which may be none; `undefined` if the epoch ends before it. */
  rows(worker: number, epoch: number, batch: number): Work<RowRange | undefined, StreamFailure> {
    const { plan } = this.#runPlan
    const cut = plan.cuts.at(epoch, batch)
    if (cut === undefined) return undefined
    const row = rowOf(this.#runPlan, cut.position)
    const closing = this.#enter(worker, { epoch, row })
    const at = { epoch, batch, worker }
    const isLast = batch + 1 === plan.batches
    // Behind the last batch that was declared nothing is to be left.
    const behind = isLast && plan.tail !== "drop" ? 1 : 0
    const read = (): Work<RowRange | undefined, StreamFailure> =>
      this.#windows(at, row, row + this.#batchRows + behind, (windows) => this.#found(at, row, isLast, windows))
    return closing === undefined
      ? read()
      : andThen(
          fromEffect<void, never>(() => closing),
          read
        )
  }

  /** A worker begins a batch: what all workers have left is not needed any more. */
  #enter(worker: number, place: Floor): Closing {
    if (this.#isRun) this.#floors[worker] = place
    else this.#floors.fill(place)
    return this.#keep()
  }

  /** Windows before the first one that a worker may need are not kept. */
  #keep(): Closing {
    const least = this.#floors.reduce((one, other) => (before(other, one) ? other : one), OVER)
    if (least === OVER) return undefined
    const { size } = this.#reader
    const { workers } = this.#runPlan.plan
    return this.#reader.keepFrom(
      least.epoch,
      Math.floor(least.row / size),
      Math.ceil((workers * this.#batchRows) / size)
    )
  }

  /** Waits for the windows of the rows from `start` to `end`, up to the end of the stream. */
  #windows<A>(at: Place, start: number, end: number, next: (windows: Windows) => Work<A, StreamFailure>) {
    const reader = this.#reader
    const first = Math.floor(start / reader.size)
    const last = Math.floor((end - 1) / reader.size)
    const windows: Array<RowWindow> = []
    const done = (): Work<A, StreamFailure> => next({ first, windows, total: windows.at(-1)?.total })
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
            return found.total === undefined ? from(own + 1) : done()
          })
        }
        windows.push(window)
        if (window.total !== undefined) break
      }
      return done()
    }
    return from(first)
  }

  /** The rows of a batch that begins at a row. */
  #found(at: Place, row: number, isLast: boolean, windows: Windows): Work<RowRange | undefined, StreamFailure> {
    const { plan, stream } = this.#runPlan
    const full = this.#batchRows
    const { own, least, most } = windows.total ?? UNKNOWN
    const isDeclared = plan.batches !== undefined
    // It is looked for them behind the last batch that was declared.
    if (isLast && plan.tail !== "drop" && most > row + full) throw new TypedFailure(rowsLeft(plan, stream?.source.name))
    // Those that are dealt windows all know it, and fail alike.
    const isNone = least === 0 && (isUncounted(stream?.part) || (plan.tail === "pad" && most > 0))
    if (isNone && stream !== undefined) throw new TypedFailure(dealtNone(plan, stream))
    // What fills the last batch is each rank's own affair.
    const left = Math.min(full, (plan.tail === "pad" ? own : least) - row)
    const isShort = left < full
    if (isShort && !isDeclared && (plan.tail === "drop" || most <= row)) return undefined
    if (
      isShort &&
      isDeclared &&
      plan.tail !== "pad" &&
      (left <= 0 || !isLast || plan.tail === "drop" || isUncounted(stream?.part))
    ) {
      throw new TypedFailure(tooFew(plan, stream, least, full))
    }
    const order = this.#orderOf(at.epoch)
    const rows = rowsIn(windows, this.#reader.size, order)
    if (!isShort) return this.#range(at, row, full, rows)
    if (plan.tail === "keep") {
      if (least !== most || (stream?.part === undefined && left % plan.world !== 0)) {
        throw new TypedFailure(unequal(least === most ? left : undefined, plan))
      }
      return this.#range(at, row, left, rows)
    }
    // The epoch's first samples fill its last batch.
    if (own === 0) throw new TypedFailure(tooFew(plan, stream, 0, full))
    const end = Math.max(own, row)
    const missing = Math.min(row + full - end, own)
    return this.#windows(at, 0, missing, (starting) => {
      const more = rowsIn(starting, this.#reader.size, order)
      const of = (place: number): StreamedRows => (place < end ? rows : more)
      const to = (place: number): number => (place < end ? place : (place - end) % own)
      return this.#range(at, row, full, {
        indexAt: (place) => of(place).indexAt(to(place)),
        sampleAt: (place) => of(place).sampleAt(to(place)),
        originAt: (place) => of(place).originAt?.(to(place))
      })
    })
  }

  /** This rank's rows of a batch that has `size` of those that it reads, from a row on. */
  #range({ batch, epoch }: Place, row: number, size: number, rows: StreamedRows): RowRange | undefined {
    const { plan, stream } = this.#runPlan
    const isDealt = stream?.part !== undefined
    const share = Plan.share(plan, epoch, batch, isDealt ? size * plan.world : size)
    if (share === undefined) return undefined
    const { position } = share
    const streamed: StreamedRows = isDealt
      ? {
          indexAt: (place) => rows.indexAt(row + place - position),
          sampleAt: (place) => rows.sampleAt(row + place - position),
          originAt: (place) => rows.originAt?.(row + place - position)
        }
      : rows
    return { epoch, batch, ...share, streamed }
  }

  #orderOf(epoch: number): InWindow {
    const order = this.#runPlan.order(epoch)
    if (order._tag === "Left") throw new TypedFailure(order.left)
    const inWindow = order.right.inWindow ?? inTheirOrder
    const part = this.#runPlan.stream?.part
    if (part === undefined) return inWindow
    // No two ranks have a window of the same number.
    return (window, samples) => inWindow(window * part.world + part.rank, samples)
  }
}

const nowhere = { sample: undefined, position: undefined, ordinal: undefined }

/** The rows of windows from `first` on, in the order within each. */
const rowsIn = ({ first, windows }: Windows, size: number, order: InWindow): StreamedRows => {
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
      return window.index === undefined ? number * size + place : window.index(place)
    },
    sampleAt: (position) => {
      const place = enter(position)
      return window.row(place)
    },
    originAt: (position) => {
      const place = enter(position)
      return window.origin?.(place)
    }
  }
}

/** `rest` is how many samples are left for the last batch, if ranks share it. */
const unequal = (rest: number | undefined, { batchSize, world }: Plan.Plan): InvalidOption =>
  new InvalidOption({
    option: "uneven",
    value: "error",
    expected:
      `"pad" (fill the last batch with the epoch's first samples) or "drop" (leave it out), since the stream ended and left ` +
      (rest === undefined
        ? `some of the ${world} ranks a sample more than others`
        : `${plural(rest, "sample")} for a last batch of ${batchSize}, which ${world} ranks cannot share equally`)
  })

/** The stream goes on behind the batches that were declared. */
const rowsLeft = ({ batches, rank }: Plan.Plan, source: string | undefined): InvalidOption =>
  new InvalidOption({
    option: "steps",
    value: batches,
    expected:
      `more, or uneven: "drop", which leaves out what is left, since stream ${source} goes on behind the last batch ` +
      `that rank ${rank} was to deliver of it`
  })

/** A rank is dealt no sample of a stream, so no option of the run could fill its batches. */
const dealtNone = ({ world }: Plan.Plan, { part, source }: StreamPlan): InvalidOption => {
  const rank = `rank ${part?.rank} of ${world}`
  const { by } = source.ranks
  return new InvalidOption({
    option: `ranks of stream ${source.name}`,
    value: by,
    expected:
      part?.by === "windows"
        ? `"batches", by which ranks share its samples, or the ranks fewer, since it has fewer samples than the ${world} ranks`
        : by === "shards"
          ? `"windows" or "batches", or each rank dealt a shard with samples, since those of ${rank} have none`
          : `such that each rank is given samples, since ${rank} was given none`
  })
}

/** The stream ends before the batches that were declared: there are `least` samples for batches of `full`. */
const tooFew = (
  { batches, batchSize, rank, world }: Plan.Plan,
  stream: StreamPlan | undefined,
  least: number,
  full: number
): InvalidOption => {
  const of = `stream ${stream?.source.name}`
  const pad = 'uneven: "pad", which fills batches with the epoch\'s first samples'
  const most = Math.floor(least / full)
  const none =
    least === 0 ? "left out" : isUncounted(stream?.part) ? `given with ${pad}` : `left out, or given with ${pad}`
  return new InvalidOption({
    option: "steps",
    value: batches,
    expected:
      most === 0
        ? `${none}, since ${of} has too few samples for rank ${rank} to fill a batch`
        : `at most ${most}, or ${pad}, since ${of} has no more batches of ${batchSize / world} samples for rank ${rank}`
  })
}
