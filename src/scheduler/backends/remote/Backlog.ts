/**
 * Requests that wait for a member, in the order of the plan, which is the order in which they are taken.
 *
 * @since 0.1.0
 */
import type { PendingBatch } from "./PendingBatch.ts"
import type { BatchRequest } from "./Protocol.ts"

/** @since 0.1.0 */
export class Backlog {
  readonly #waiting: Array<PendingBatch> = []

  add(pending: PendingBatch): void {
    const behind = this.#waiting.findIndex(({ request }) => isBefore(pending.request, request))
    this.#waiting.splice(behind === -1 ? this.#waiting.length : behind, 0, pending)
  }

  /** Takes the first; while memory is full, the first that somebody waits for. */
  take(isFull: boolean): PendingBatch | undefined {
    const place = isFull ? this.#waiting.findIndex(({ isWanted }) => isWanted) : 0
    return place === -1 ? undefined : this.#waiting.splice(place, 1)[0]
  }
}

/** Whether a request comes before another one in the order of the plan. */
const isBefore = (one: BatchRequest, other: BatchRequest): boolean =>
  one.epoch < other.epoch || (one.epoch === other.epoch && one.batch < other.batch)
