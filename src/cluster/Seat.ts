/**
 * The place of a runner in a loader's pool: what is known of it, and what was sent to it.
 *
 * @since 0.1.0
 */
import type { CarriedRequests } from "../scheduler/backends/remote/CarriedRequests.ts"
import { now } from "../scheduler/backends/remote/Member.ts"
import type { PendingBatch } from "../scheduler/backends/remote/PendingBatch.ts"
import type { RunnerMember } from "./RunnerMember.ts"
import type { RunnerInfo } from "./Runners.ts"

/** A request on its way to a batch. @since 0.1.0 */
export interface Flight {
  readonly id: number
  readonly pending: PendingBatch
  /** When the runner began it, as far as that can be told from here: requests are built in their order. */
  begun: number | undefined
  /** Whether another runner was asked, since this one took long. */
  isHedged: boolean
}

/** @since 0.1.0 */
export class Seat {
  readonly address: string
  info: RunnerInfo
  /** Whether it is in the list of runners. */
  isListed = true
  member: RunnerMember | undefined
  /** Whether it is sent requests. */
  isOpen = false
  isDraining = false
  /** Why it is not used. */
  why: string | undefined
  /** Whether it is no use to ask it again as long as the same process is there. */
  isRefused = false
  /** What was sent to it and is not answered, in its order. */
  readonly sent = new Map<number, Flight>()
  /** How many batches are sent ahead for each of its threads: one is built, the next waits; or more where they are quick. */
  depth = 2
  #isFilling = true
  /** A batch at which something died that was building it: it is built alone, so that nothing else is suspected. */
  alone: PendingBatch | undefined
  /** What it is sent where streams are carried. */
  carried: CarriedRequests | undefined
  /** Ends its service; `clean` if nothing died. */
  leave: ((reason: string, clean: boolean) => void) | undefined
  /** Ends its rest before it is tried again. */
  wake: (() => void) | undefined

  constructor(address: string, info: RunnerInfo) {
    this.address = address
    this.info = info
  }

  get threads(): number {
    return this.member?.threads ?? 1
  }

  /**
   * Whether another batch may be sent to it. It is sent several at once, as a message costs more than a small batch: again
   * when half of them are answered.
   */
  get hasRoom(): boolean {
    const most = this.threads * this.depth + 1
    if (this.sent.size <= most / 2) this.#isFilling = true
    else if (this.sent.size >= most) this.#isFilling = false
    return this.isFree && this.#isFilling
  }

  /** Whether it takes batches at all. */
  get isFree(): boolean {
    return this.isOpen && !this.isDraining && this.alone === undefined
  }

  /** Requests for each of its threads. */
  get load(): number {
    return this.sent.size / this.threads
  }

  add(id: number, pending: PendingBatch): Flight {
    const flight: Flight = { id, pending, begun: undefined, isHedged: false }
    this.sent.set(id, flight)
    return flight
  }

  /** Takes out what was answered, or is not wanted any more. */
  remove(id: number): Flight | undefined {
    const flight = this.sent.get(id)
    this.sent.delete(id)
    if (flight !== undefined && this.alone === flight.pending) this.alone = undefined
    this.mark()
    return flight
  }

  /** Notes which requests have been begun: as many of the first as it has threads. */
  mark(): void {
    let begun = 0
    for (const flight of this.sent.values()) {
      if (++begun > this.threads) return
      flight.begun ??= now()
    }
  }

  /** Takes out all; those that may have been being built come first. */
  clear(): { readonly begun: ReadonlyArray<Flight>; readonly others: ReadonlyArray<Flight> } {
    const all = [...this.sent.values()]
    this.sent.clear()
    this.alone = undefined
    return {
      begun: all.filter(({ begun }) => begun !== undefined),
      others: all.filter((own) => own.begun === undefined)
    }
  }
}
