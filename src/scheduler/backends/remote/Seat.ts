/**
 * The seats of a pool: the places of its members.
 *
 * @since 0.1.0
 */
import type { CarriedRequests } from "./CarriedRequests.ts"
import type { Member } from "./Member.ts"
import type { PendingBatch } from "./PendingBatch.ts"

/** The place of a member, which another one takes if it dies. @since 0.1.0 */
export interface Seat {
  readonly number: number
  member: Member
  /** Whether it is sent requests. */
  isOpen: boolean
  /** A member that has ended after it was ready, and before its seat was open: it is replaced once that is. */
  gone: { readonly member: Member; readonly reason: string } | undefined
  /** Why there is no member any more. */
  lost: string | undefined
  /** How many more members may die without a batch. */
  restarts: number
  /** Requests that were sent to it and have no outcome, in their order. */
  readonly sent: Map<number, PendingBatch>
  /** What is sent to it where streams are carried. */
  readonly carried: CarriedRequests | undefined
}

/** The seat whose member has the fewest requests, if that has fewer than `most`. @since 0.1.0 */
export const freest = (seats: ReadonlyArray<Seat>, most: number): Seat | undefined => {
  let found: Seat | undefined
  for (const seat of seats) {
    if (seat.isOpen && seat.sent.size < (found?.sent.size ?? most)) found = seat
  }
  return found
}
