/**
 * Asks another runner for a batch that one takes long for: the first answer counts. The late one gets nothing new until it answers.
 *
 * @since 0.1.0
 */
import { now } from "../scheduler/backends/remote/Member.ts"
import type { Flight, Seat } from "./Seat.ts"
import { least } from "./SeatChoice.ts"

/** A runner is late if it takes this many times the usual time of a batch. */
const LATE = 3

/**
 * Calls `ask` once for each request that is late, with another runner that has room. A request is late after `after` milliseconds,
 * and at least {@link LATE} times `usual`, which is what batches usually take.
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
    seat.look()
    for (const flight of seat.sent.values()) {
      if (flight.isHedged || flight.begun === undefined || now() - flight.begun < limit) continue
      const { id, pending } = flight
      const other = least(
        seats,
        (own) => (pending.isWanted ? own.isFree && !own.isResting : own.hasRoom) && !own.sent.has(id)
      )
      if (other === undefined) continue
      flight.isHedged = true
      seat.late(limit)
      ask(other, flight)
    }
  }
}
