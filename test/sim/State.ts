/**
 * The state of a run between two legs: what each rank has taken, and the cursor that it has kept.
 */
import { Effect } from "effect"
import { Cursor } from "../../src/index.ts"
import type { Case } from "./Case.ts"
import type { Disk } from "./Disk.ts"
import { batchesOf, type Expected } from "./Oracle.ts"

/** What was promised and is not so. */
export class Violation extends Error {
  override readonly name = "Violation"
}

export const must = (holds: boolean, say: () => string): void => {
  if (!holds) throw new Violation(say())
}

/** A batch that the trainer has taken. */
export interface Taken {
  /** Its place in the row of all batches. */
  readonly place: number
  readonly got: Expected
  readonly rank: number
}

/** A rank of the run between two legs. */
export interface Rank {
  /** Where its checkpoints lie. */
  readonly shelf?: Shelf
  /** What its chain of digests begins with: another run's, where it goes on as the rank that this one was. */
  readonly head: string
  readonly log: ReadonlyArray<Taken>
  /** The cursor as it is stored; none before the first leg. */
  readonly cursor: string | undefined
}

export interface State {
  readonly workers: number
  readonly world: number
  readonly ranks: ReadonlyArray<Rank>
  /** What was taken while the world had another size. */
  readonly settled: ReadonlyArray<Taken>
  /** Where the digests begin. */
  readonly start: number
  /** Whether ranks ever changed: then cursors count what other ranks took, too. */
  readonly changed: boolean
}

/** A rank's disk, and what was kept there, by the number that is stored with it. */
export interface Shelf {
  readonly disk: Disk
  readonly kept: Map<number, { readonly log: ReadonlyArray<Taken>; readonly cursor: string }>
  /** The last of these of which the trainer was told that it is there. */
  sure: number
}

export const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

export const cursorOf = (text: string): Cursor.Cursor => Effect.runSync(Cursor.decode(parsed(text)))

export const placeOf = (cursor: Cursor.Cursor, batches: number): number => cursor.epoch * batches + cursor.batch

/** Whether a place was taken when a cursor was read. */
export const isBehind = (cursor: Cursor.Cursor, place: number, batches: number): boolean =>
  place < placeOf(cursor, batches) || cursor.ahead.some(([epoch, batch]) => epoch * batches + batch === place)

/** The digest of nothing. */
export const NOTHING = "0".repeat(64)

/** What the chain of a rank that goes on from a cursor begins with. */
export const headOf = (text: string | undefined, rank: number, world: number): string => {
  const cursor = text === undefined ? undefined : cursorOf(text)
  return cursor?.fingerprints.ranks === `${rank} of ${world}` ? (cursor.digest ?? NOTHING) : NOTHING
}

/** The state as ranks of another world find it: all go on from the rank that is furthest behind. */
export const regrouped = (own: Case, state: State, workers: number, world: number): State => {
  if (world === state.world) return { ...state, workers }
  const batches = batchesOf(own)
  const at = state.ranks.map(({ cursor }) => (cursor === undefined ? 0 : placeOf(cursorOf(cursor), batches)))
  const place = Math.min(...at)
  const cursor = state.ranks[at.indexOf(place)]?.cursor
  const log = state.ranks.flatMap((rank) => rank.log)
  return {
    workers,
    world,
    settled: [...state.settled, ...log.filter((taken) => taken.place < place)],
    ranks: Array.from({ length: world }, (_, rank) => ({ log: [], cursor, head: headOf(cursor, rank, world) })),
    start: place,
    changed: state.changed || cursor !== undefined
  }
}
