/**
 * Which rows of a stream source a rank reads, where ranks do not share each batch: whole shards, every so many-th window, or
 * what the source gives it.
 *
 * ```text
 * shards    shard 0 → rank 0 | shard 1 → rank 1 | shard 2 → rank 0 | …            each rank reads its own
 * windows   window 0 → rank 0 | window 1 → rank 1 | window 2 → rank 0 | …         each rank reads all, and keeps its own
 * ```
 *
 * Windows are dealt in rounds of one for each rank. What is left for the last round is dealt in equal parts, which differ by
 * one row at most: so all ranks, which read all of it, know how many rows each has.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { Checkpoint } from "./Checkpoint.ts"
import type { RankPart } from "./Dealing.ts"
import type { Interleave } from "./Interleave.ts"
import type { StreamError } from "./StreamError.ts"
import type { RowWindow, TotalRows } from "./StreamSource.ts"

/** The rows of a rank, one window after another. @since 0.1.0 */
export interface RankRows {
  /** How many of its rows were handed on. */
  readonly row: number
  /** Where the source stands; `row` is this rank's. */
  readonly checkpoint: Checkpoint
  /** The next rows of this rank, up to `size`; fewer only at the end. */
  readonly take: (size: number) => Effect.Effect<RowWindow, StreamError, unknown>
}

/** The rows of a rank, of those that are read. @since 0.1.0 */
export const rankRows = (rows: Interleave, part: RankPart | undefined): RankRows => {
  if (part === undefined) return rows
  const { by, rank, world } = part
  if (by === "windows") return dealtWindows(rows, part)
  return {
    get row() {
      return rows.row
    },
    get checkpoint() {
      return rows.checkpoint
    },
    take: (size) => {
      const first = rows.row
      // No two ranks have a row of the same index.
      return Effect.map(rows.take(size), (window) => ({ ...window, index: (place) => (first + place) * world + rank }))
    }
  }
}

/** A checkpoint as the source is read from it: all of its rows are read where windows are dealt. @since 0.1.0 */
export const readFrom = (from: Checkpoint | undefined, part: RankPart | undefined): Checkpoint | undefined =>
  from === undefined || part?.by !== "windows" ? from : { ...from, row: from.row * part.world }

const dealtWindows = (rows: Interleave, { rank, world }: RankPart): RankRows => {
  let total: TotalRows | undefined
  return {
    // Only what is read in the last round may be no equal part for each rank.
    get row() {
      return Math.floor(rows.row / world)
    },
    get checkpoint() {
      return { ...rows.checkpoint, row: rows.row / world }
    },
    take: (size) => {
      const first = rows.row
      return Effect.map(rows.take(size * world), (round): RowWindow => {
        if (total !== undefined) return { ...round.part(0, 0), total }
        const all = round.size
        const from = Math.floor((rank * all) / world)
        const own = round.part(from, Math.floor(((rank + 1) * all) / world))
        const window: RowWindow = { ...own, index: (place) => first + from + place }
        if (all === size * world) return window
        const before = first / world
        total = {
          own: before + own.size,
          least: before + Math.floor(all / world),
          most: before + Math.ceil(all / world)
        }
        return { ...window, total }
      })
    }
  }
}
