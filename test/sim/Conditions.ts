/**
 * Which workers and ranks a leg may have, and what a run says of others.
 */
import { type Case, type Leg, worlds } from "./Case.ts"
import { batchesOf, countOf } from "./Oracle.ts"
import { Process } from "./Process.ts"
import { cursorOf, must, placeOf, type State } from "./State.ts"

/** The world that a leg has, and its workers, as far as the run before allows. */
export const conditions = (own: Case, leg: Leg, state: State): { readonly workers: number; readonly world: number } => {
  // What is left for the last batch is shared equally, too.
  const rest = own.last === "keep" ? countOf(own) % own.batchSize : 0
  const allowed = worlds(own.batchSize).filter((world) => rest % world === 0)
  const wanted = { workers: leg.workers, world: allowed[leg.world % allowed.length] ?? 1 }
  const begun = state.ranks.some(({ cursor }) => cursor !== undefined)
  if (!begun) return wanted
  const batches = batchesOf(own)
  const cursors = state.ranks.map(({ cursor }) => (cursor === undefined ? undefined : cursorOf(cursor)))
  const mayDraw = own.policy === "elastic" || leg.allow
  if (!mayDraw && (wanted.workers !== state.workers || wanted.world !== state.world)) {
    const from = cursors.find((cursor) => cursor !== undefined)
    // A leg that was killed at once has left a cursor of the legs before it.
    const { ranks, workers } = from?.fingerprints ?? {}
    const differs = workers !== String(wanted.workers) || ranks !== `0 of ${wanted.world}`
    const said = new Process(own, leg, { ...wanted, rank: 0 }).refusal(from)
    must(
      said === (differs ? "CursorMismatch" : "opened"),
      () => `workers or ranks that ${differs ? "" : "do not "}change draws: ${said}`
    )
    return state
  }
  // A rank that took batches out of turn goes on with the workers that it had, if they draw.
  const tied = cursors.findIndex(
    (cursor) =>
      cursor !== undefined && cursor.ahead.length > 0 && cursor.fingerprints.workers !== String(wanted.workers)
  )
  if (own.policy === "epochWorker" && tied >= 0) {
    const place = { workers: wanted.workers, world: state.world, rank: tied }
    const said = new Process(own, leg, place).refusal(cursors[tied], ["workers", "ranks"])
    must(said === "CursorError", () => `workers changed over a gap: ${said}`)
    // One that was killed goes on from a cursor of the legs before, which had other workers.
    return { workers: Number(cursors[tied]?.fingerprints.workers), world: state.world }
  }
  if (wanted.world === state.world) return wanted
  // A rank that took batches out of turn cannot tell other ranks where to go on.
  const gap = cursors.find((cursor) => cursor !== undefined && cursor.ahead.length > 0)
  if (gap !== undefined) {
    const said = new Process(own, { ...leg, allow: true }, { ...wanted, rank: 0 }).refusal(gap)
    must(
      said === "CursorError" || said === "CursorMismatch",
      () => `ranks changed over a gap at ${placeOf(gap, batches)}: ${said}`
    )
    return { workers: wanted.workers, world: state.world }
  }
  return wanted
}
