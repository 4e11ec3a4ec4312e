/**
 * Requests of a pool whose rows are read from a stream first: in order, once, on this side. The rows of a worker's next batch
 * are waited for once those of the one before are there, so that each window is kept as long as a batch needs it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { RowRange } from "../../build/RowRange.ts"
import type { StreamRows } from "../../build/StreamRows.ts"
import { begin } from "../../build/Work.ts"
import type { BatchCoordinates, BuiltBatch, Failure, RequestedBatch } from "../Backend.ts"
import { known } from "./PendingBatch.ts"

/** @since 0.1.0 */
export interface StreamedOptions {
  readonly stream: StreamRows
  readonly fork: (effect: Effect.Effect<void>) => void
  /** Has a batch built of its rows. */
  readonly requested: (worker: number, rows: () => RowRange | undefined, arrived: () => void) => RequestedBatch
}

/** @since 0.1.0 */
export class StreamedRequests {
  readonly #options: StreamedOptions
  /** The batches of each worker whose rows are not there, in their order. */
  readonly #waiting = new Map<number, Array<StreamedBatch>>()

  constructor(options: StreamedOptions) {
    this.#options = options
  }

  request(coordinates: BatchCoordinates, arrived: () => void): RequestedBatch {
    const { worker } = coordinates
    const own = new StreamedBatch(coordinates, arrived)
    const before = this.#waiting.get(worker)
    if (before !== undefined) before.push(own)
    else {
      const waiting = [own]
      this.#waiting.set(worker, waiting)
      this.#read(worker, waiting)
    }
    return own
  }

  /** Reads the rows of a worker's batches, as far as nothing has to be waited for, and goes on once it is there. */
  #read(worker: number, waiting: Array<StreamedBatch>): void {
    const { fork, requested, stream } = this.#options
    for (let first = waiting[0]; first !== undefined; first = waiting[0]) {
      const own = first
      const { batch, epoch } = own.coordinates
      const rows = begin(() => stream.rows(worker, epoch, batch))
      if (!Effect.isEffect(rows)) {
        waiting.shift()
        own.settle(requested(worker, () => rows, own.arrived))
        continue
      }
      const reading = Effect.map(Effect.exit(rows), (exit) => {
        waiting.shift()
        own.settle(
          Exit.isSuccess(exit)
            ? requested(worker, () => exit.value, own.arrived)
            : known(Effect.failCause(exit.cause) as Effect.Effect<never, Failure>) // a `StreamFailure` is one
        )
        own.arrived()
        this.#read(worker, waiting)
      })
      fork(reading as Effect.Effect<void>) // the run has what its source requires
      return
    }
    this.#waiting.delete(worker)
  }
}

/** A batch whose rows may not be there. */
class StreamedBatch implements RequestedBatch {
  readonly isLazy = false
  readonly coordinates: BatchCoordinates
  readonly arrived: () => void
  #own: RequestedBatch | undefined
  #isWanted = false
  #resume: (() => void) | undefined

  constructor(coordinates: BatchCoordinates, arrived: () => void) {
    this.coordinates = coordinates
    this.arrived = arrived
  }

  /** Its rows are there, or cannot be had. */
  settle(own: RequestedBatch): void {
    this.#own = own
    if (this.#isWanted) own.want()
    this.#resume?.()
  }

  readonly isPending = (): boolean => this.#own?.isPending() ?? true

  readonly want = (): void => {
    this.#isWanted = true
    this.#own?.want()
  }

  readonly take = (): BuiltBatch | undefined => this.#own?.take()

  readonly content: Effect.Effect<BuiltBatch, Failure, unknown> = Effect.suspend(() => {
    if (this.#own !== undefined) return this.#own.content
    const settled = Effect.async<void>((resume) => {
      this.#resume = () => resume(Effect.void)
      return Effect.sync(() => {
        this.#resume = undefined
      })
    })
    return Effect.zipRight(settled, this.content)
  })
}
