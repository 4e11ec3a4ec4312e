/**
 * Which runner a batch is sent to: the owner of its worker if that has room, else the one with the least to do, unless ranks
 * have lanes of their own, whose blocks one runner should read. A batch at which something died is built alone, so that no
 * other is suspected; where streams are carried, a worker stays where it is.
 *
 * @since 0.1.0
 */
import type { PendingBatch } from "../scheduler/backends/remote/PendingBatch.ts"
import type { RunPlan } from "../scheduler/plan/RunPlan.ts"
import type { Deaths } from "./Deaths.ts"
import type { RunnerSeats } from "./RunnerSeats.ts"
import type { Service } from "./Runners.ts"
import type { Seat } from "./Seat.ts"

/** @since 0.1.0 */
export interface SeatChoiceOptions {
  readonly list: RunnerSeats
  readonly deaths: Deaths
  readonly runPlan: RunPlan
  readonly runners: Pick<Service, "owner">
}

/** @since 0.1.0 */
export class SeatChoice {
  readonly #options: SeatChoiceOptions
  readonly #pinned = new Map<number, Seat>()

  constructor(options: SeatChoiceOptions) {
    this.#options = options
  }

  /** A batch is not wanted any more, or it is here. */
  forget(pending: PendingBatch): void {
    if (this.#options.deaths.isSuspect(pending)) this.release(pending)
  }

  /** No seat builds a batch alone any more. */
  release(pending: PendingBatch): void {
    for (const seat of this.#options.list.seats) if (seat.alone === pending) seat.alone = undefined
  }

  /** The workers of a seat go elsewhere. */
  unpin(seat: Seat): void {
    for (const [worker, own] of this.#pinned) if (own === seat) this.#pinned.delete(worker)
  }

  /** The seat for a batch; `undefined` if there is none for it yet, `"none"` if there is none for any. */
  seatFor(pending: PendingBatch): Seat | "none" | undefined {
    const { deaths, list, runPlan } = this.#options
    const { worker } = pending.request
    // All batches of a worker come from one runner.
    if (runPlan.policy?.carries !== undefined) {
      const pinned = this.#pinned.get(worker)
      if (pinned?.isFree === true) return pinned
      // One that is draining may die with what it has, which then goes elsewhere: behind later batches, whose streams are past it.
      if (pinned?.hasOf(worker) === true) return undefined
      const own = this.#owner(worker)
      const seat = own?.isFree === true ? own : least(list.seats, ({ isFree }) => isFree)
      if (seat === undefined) return "none"
      this.#pinned.set(worker, seat)
      return seat
    }
    if (deaths.isOpen(pending)) return undefined
    if (deaths.isSuspect(pending)) return this.#alone(pending)
    const own = this.#owner(worker)
    if (own?.hasRoom === true) return own
    return own?.isFree === true && !own.isResting && this.#keeps ? undefined : (list.index.least ?? "none")
  }

  /** The seat that owns a worker, among those of all ranks. */
  #owner(worker: number): Seat | undefined {
    const { list, runPlan, runners } = this.#options
    const { rank, workers, world } = runPlan.plan
    return list.byId(runners.owner(rank * workers + worker, world * workers))
  }

  /** Whether a batch waits for its owner to have room: elsewhere the blocks of its rows would be read a second time. */
  get #keeps(): boolean {
    const { list, runPlan } = this.#options
    const { lanes, workers, world } = runPlan.plan
    // With more runners than that some would have nothing to do.
    return lanes !== undefined && world > 1 && list.seats.length <= world * workers
  }

  /** A seat that has nothing else; what is chosen and has something gets nothing else. */
  #alone(pending: PendingBatch): Seat | undefined {
    const { list } = this.#options
    const seat =
      least(list.seats, ({ alone, isDraining, isOpen }) => alone === pending && isOpen && !isDraining) ??
      least(list.seats, ({ isFree }) => isFree)
    if (seat === undefined) return undefined
    seat.alone = pending
    return seat.sent.size === 0 ? seat : undefined
  }
}

/** The one of those that can be taken that has the fewest requests for each of its threads. @since 0.1.0 */
export const least = (seats: Iterable<Seat>, canBe: (seat: Seat) => boolean): Seat | undefined => {
  let best: Seat | undefined
  for (const seat of seats) if (canBe(seat) && (best === undefined || seat.load < best.load)) best = seat
  return best
}
