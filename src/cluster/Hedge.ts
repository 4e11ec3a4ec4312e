/**
 * Asks another runner for a batch that one takes long for: the first answer counts.
 *
 * @since 0.1.0
 */
import { now } from "../scheduler/backends/remote/Member.ts"
import type { Flight, Seat } from "./Seat.ts"
import { least } from "./SeatChoice.ts"

/** A runner is late that takes so many times as long as runners usually do, and the time that is given. */
const LATE = 3

/**
 * Calls `ask` with each batch that a runner is late with, and with the runner that it is asked of, too: once for each that
 * is late. `after` so many milliseconds at least, where batches usually take `usual`.
 *
 * @since 0.1.0
 */
export const hedge = (
  seats: ReadonlyArray<Seat>,
  { after, usual }: { readonly after: number; readonly usual: number },
  ask: (other: Seat, flight: Flight) => void
): void => {
  const limit = Math.max(after, LATE * usual)
  for (const seat of seats) {
    for (const flight of seat.sent.values()) {
      if (flight.isHedged || flight.begun === undefined || now() - flight.begun < limit) continue
      const { id, pending } = flight
      const other = least(seats, (own) => (pending.isWanted ? own.isFree : own.hasRoom) && !own.sent.has(id))
      if (other === undefined) continue
      flight.isHedged = true
      ask(other, flight)
    }
  }
}
