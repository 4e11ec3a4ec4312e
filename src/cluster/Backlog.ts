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
  readonly #ids = new Set<number>()

  add(pending: PendingBatch): void {
    // Most are requested in their order, behind all others.
    const before = this.#all.findLastIndex(({ request }) => !isBefore(pending.request, request))
    this.#all.splice(before + 1, 0, pending)
    this.#ids.add(pending.id)
  }

  remove(id: number): void {
    if (!this.#ids.delete(id)) return
    const place = this.#all.findIndex((own) => own.id === id)
    this.#all.splice(place, 1)
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
        this.#ids.delete(pending.id)
        send(seat, pending)
      }
    }
  }
}

/** Whether a request comes before another one in the order of the plan. */
const isBefore = (one: PendingBatch["request"], other: PendingBatch["request"]): boolean =>
  one.epoch < other.epoch || (one.epoch === other.epoch && one.batch < other.batch)
