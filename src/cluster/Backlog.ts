/**
 * Requests that no runner has, in the order of the plan, which is the order in which they are taken.
 *
 * @since 0.1.0
 */
import type { PendingBatch } from "../scheduler/backends/remote/PendingBatch.ts"
import type { Seat } from "./Seat.ts"

/** @since 0.1.0 */
export class Backlog {
  readonly #all: Array<PendingBatch> = []

  add(pending: PendingBatch): void {
    const behind = this.#all.findIndex(({ request }) => isBefore(pending.request, request))
    this.#all.splice(behind === -1 ? this.#all.length : behind, 0, pending)
  }

  remove(id: number): void {
    const place = this.#all.findIndex((own) => own.id === id)
    if (place !== -1) this.#all.splice(place, 1)
  }

  /** Sends all for which there is a seat; `"none"` says that there is none for any. */
  send(
    seatFor: (pending: PendingBatch) => Seat | "none" | undefined,
    send: (seat: Seat, pending: PendingBatch) => void
  ): void {
    for (let place = 0; place < this.#all.length; ) {
      const pending = this.#all[place] as PendingBatch // below the length
      const seat = seatFor(pending)
      if (seat === "none") return
      if (seat === undefined) place++
      else {
        this.#all.splice(place, 1)
        send(seat, pending)
      }
    }
  }
}

/** Whether a request comes before another one in the order of the plan. */
const isBefore = (one: PendingBatch["request"], other: PendingBatch["request"]): boolean =>
  one.epoch < other.epoch || (one.epoch === other.epoch && one.batch < other.batch)
