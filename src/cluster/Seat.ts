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
import type { Indexed, SeatIndex } from "./SeatIndex.ts"

/** A request on its way to a batch. @since 0.1.0 */
export interface Flight {
  readonly id: number
  readonly pending: PendingBatch
  /** When the runner began it, as far as that can be told from here: requests are built in their order. */
  begun: number | undefined
  /** Whether another runner was asked, since this one took long. */
  isHedged: boolean
}

/**
 * How a runner was lost: `"clean"`, nothing died; `"failed"`, something died or refused; `"broken"`, the connection broke, and
 * the runner may have died.
 *
 * @since 0.1.0
 */
export type Ending = "clean" | "failed" | "broken"

/** What a process was building when its connection broke, until it is known whether it is alive. @since 0.1.0 */
export interface Doubt {
  readonly process: string | undefined
  readonly batches: ReadonlyArray<PendingBatch>
  readonly reason: string
}

/** A rest doubles each time in a row that a runner is late, at most this many times. */
const LONGEST_REST = 4

/** @since 0.1.0 */
export class Seat implements Indexed<Seat> {
  readonly address: string
  info: RunnerInfo
  /** Whether it is in the list of runners. */
  isListed = true
  member: RunnerMember | undefined
  #isOpen = false
  #isDraining = false
  /** Why it is not used. */
  why: string | undefined
  /** Whether it is no use to ask it again as long as the same process is there. */
  isRefused = false
  /** A lasting refusal, and the process that gave it. */
  refusal: { readonly reason: string; readonly process: string | undefined } | undefined
  /** What was sent to it and is not answered, in its order. */
  readonly sent = new Map<number, Flight>()
  #depth = 2
  #isFilling = true
  /** How many times others were asked in its place since its last answer. */
  #late = 0
  #restsUntil = 0
  #isResting = false
  #alone: PendingBatch | undefined
  /** What it is sent where streams are carried. */
  carried: CarriedRequests | undefined
  /** The batch at which it says that something died, where that ends its service. */
  died: PendingBatch | undefined
  doubt: Doubt | undefined
  /** Ends its service. */
  leave: ((reason: string, ending: Ending) => void) | undefined
  /** Ends its rest before it is tried again. */
  wake: (() => void) | undefined

  readonly #index: SeatIndex<Seat>
  place: number | undefined
  readonly itself: ReadonlyArray<Seat> = [this]

  constructor(address: string, info: RunnerInfo, index: SeatIndex<Seat>) {
    this.address = address
    this.info = info
    this.#index = index
  }

  get threads(): number {
    return this.member?.threads ?? 1
  }

  /** Whether it is sent requests. */
  get isOpen(): boolean {
    return this.#isOpen
  }

  set isOpen(isOpen: boolean) {
    this.#isOpen = isOpen
    this.#changed()
  }

  get isDraining(): boolean {
    return this.#isDraining
  }

  set isDraining(isDraining: boolean) {
    this.#isDraining = isDraining
    this.#changed()
  }

  /** A batch at which something died that was building it: it is built alone, so that nothing else is suspected. */
  get alone(): PendingBatch | undefined {
    return this.#alone
  }

  set alone(alone: PendingBatch | undefined) {
    this.#alone = alone
    this.#changed()
  }

  /** How many batches are sent ahead for each of its threads: one is built, the next waits; or more where they are quick. */
  set depth(depth: number) {
    if (depth === this.#depth) return
    this.#depth = depth
    this.#changed()
  }

  /**
   * Whether another batch may be sent to it. It is sent several at once, as a message costs more than a small batch: again
   * when half of them are answered.
   */
  get hasRoom(): boolean {
    return this.isFree && this.#isFilling && !this.#isResting
  }

  /** Whether it was late and has not answered since: it is sent nothing for a while. */
  get isResting(): boolean {
    return this.#isResting
  }

  /** Another runner was asked in its place: it rests until it answers, or for so many milliseconds, twice as long each time. */
  late(rest: number): void {
    if (this.#isResting) return
    this.#restsUntil = now() + rest * 2 ** Math.min(this.#late++, LONGEST_REST)
    this.#isResting = true
    this.#changed()
  }

  /** Ends its rest once that has lasted long enough. */
  look(): void {
    if (now() >= this.#restsUntil) this.#endRest()
  }

  #endRest(): void {
    if (!this.#isResting) return
    this.#isResting = false
    this.#changed()
  }

  #changed(): void {
    const most = this.threads * this.#depth + 1
    if (this.sent.size <= most / 2) this.#isFilling = true
    else if (this.sent.size >= most) this.#isFilling = false
    this.#index.changed(this)
  }

  /** Whether it takes batches at all. */
  get isFree(): boolean {
    return this.#isOpen && !this.#isDraining && this.#alone === undefined
  }

  /** Whether it was sent a batch of a worker that it has not answered. */
  hasOf(worker: number): boolean {
    for (const { pending } of this.sent.values()) if (pending.request.worker === worker) return true
    return false
  }

  /** Requests for each of its threads. */
  get load(): number {
    return this.sent.size / this.threads
  }

  add(id: number, pending: PendingBatch): Flight {
    const flight: Flight = { id, pending, begun: undefined, isHedged: false }
    this.sent.set(id, flight)
    this.#index.sent(id, this)
    this.#changed()
    return flight
  }

  /** Takes out what it answered. */
  answer(id: number): Flight | undefined {
    this.#answered()
    return this.remove(id)
  }

  /** It is not late any more. */
  #answered(): void {
    this.#late = 0
    this.#endRest()
  }

  /** Takes out what was answered, or is not wanted any more. */
  remove(id: number): Flight | undefined {
    this.carried?.answered(id)
    const flight = this.sent.get(id)
    if (flight === undefined) return undefined
    this.sent.delete(id)
    this.#index.unsent(id, this)
    if (this.#alone === flight.pending) this.#alone = undefined
    this.#changed()
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

  /** Takes out all: those that may have been being built apart, none if it is known which batch something died at. */
  clear(): {
    readonly begun: ReadonlyArray<Flight>
    readonly others: ReadonlyArray<Flight>
    readonly died: PendingBatch | undefined
  } {
    const all = [...this.sent.values()]
    const { died } = this
    const first = this.carried && this.#firstOfThreads(all, this.carried)
    const isBegun = (own: Flight): boolean => died === undefined && (first?.has(own) ?? own.begun !== undefined)
    for (const id of this.sent.keys()) this.#index.unsent(id, this)
    this.sent.clear()
    this.alone = undefined
    this.died = undefined
    this.#answered() // whatever comes next is another process, or another connection
    return { begun: all.filter(isBegun), others: all.filter((own) => !isBegun(own)), died }
  }

  /** The first request of each of its threads, where all batches of a worker are built by one. */
  #firstOfThreads(all: ReadonlyArray<Flight>, carried: CarriedRequests): ReadonlySet<Flight> {
    const first = new Map<number, Flight>()
    for (const own of all) {
      const thread = own.pending.request.worker % this.threads
      if (carried.isOut(own.id) && !first.has(thread)) first.set(thread, own)
    }
    // Streams that are brought up to a batch go through others first: whatever is next is suspected.
    if (first.size === 0) return new Set(all.slice(0, 1))
    return new Set(first.values())
  }
}
