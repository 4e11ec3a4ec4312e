/**
 * Plays a case: its legs one after the other, each with its ranks, and after each of them what must hold.
 *
 * A trainer takes batches, keeps a log of them, and now and then a checkpoint: log and cursor in one piece. Killed, it
 * loses what it has not kept; called off, left or failed, it keeps where it stands. The next leg goes on from there.
 */
import { isDeepStrictEqual } from "node:util"
import { type Case, type Leg, lastLeg } from "./Case.ts"
import { conditions } from "./Conditions.ts"
import { corrupted } from "./Corruption.ts"
import { countOf, oracle } from "./Oracle.ts"
import { Process } from "./Process.ts"
import { cursorOf, must, NOTHING, parsed, type Rank, regrouped, type State, type Taken } from "./State.ts"

/** What a case came to, for the figures. */
export interface Report {
  readonly batches: number
  readonly legs: number
  readonly events: number
  readonly ends: ReadonlyArray<string>
}

/** Plays a case; throws a `Violation`, `Stuck` or `LeftBehind` when a promise is broken. */
export const simulate = (own: Case): Report => {
  let state: State = {
    workers: 1,
    world: 1,
    ranks: [{ log: [], cursor: undefined, head: NOTHING }],
    settled: [],
    start: 0,
    changed: false
  }
  const ends: Array<string> = []
  let events = 0
  const all: Array<Leg> = [...own.legs]
  for (let at = 0; at <= all.length; at++) {
    const leg = all[at] ?? lastLeg(all.at(-1))
    const { workers, world } = conditions(own, leg, state)
    state = regrouped(own, state, workers, world)
    const ranks: Array<Rank> = []
    for (const [rank, before] of state.ranks.entries()) {
      const place = { workers, world, rank }
      const process = new Process(own, leg, place, before.cursor === undefined ? undefined : cursorOf(before.cursor))
      if (leg.corruption !== undefined && before.cursor !== undefined) {
        const text = corrupted(before.cursor, leg.corruption)
        if (!isDeepStrictEqual(parsed(text), parsed(before.cursor))) {
          const said = process.refusal(parsed(text) ?? null)
          must(said === "CursorError", () => `a cursor that is none was taken (${said}): ${text}`)
        }
      }
      const ended = process.run(before, state.start, state.changed)
      ranks.push(ended.rank)
      ends.push(ended.end)
      events += ended.events
    }
    state = { ...state, ranks }
  }
  const log = [...state.settled, ...state.ranks.flatMap((rank) => rank.log)]
  whole(own, log)
  return { batches: log.length, legs: all.length + 1, events, ends }
}

/** All ranks and legs together delivered each sample of each epoch once, and what one rank alone would deliver. */
const whole = (own: Case, log: ReadonlyArray<Taken>): void => {
  // A neighbor is one of the same rank's part of a batch.
  if (own.failures?.skip?.fill === "neighbor") return
  const alone = oracle(own, { rank: 0, workers: 1, world: 1 })
  alone.batches.forEach((expected, place) => {
    const parts = log.filter((taken) => taken.place === place).toSorted((a, b) => a.rank - b.rank)
    const indices = parts.flatMap(({ got }) => got.indices)
    must(
      isDeepStrictEqual(indices, expected?.indices ?? []),
      () => `batch ${place} has samples ${indices} over all ranks, and should have ${expected?.indices}`
    )
    if (own.policy !== "elastic" || own.behind > 0) return
    const traces = parts.flatMap(({ got }) => got.traces)
    must(
      isDeepStrictEqual(traces, expected?.traces ?? []),
      () => `batch ${place} is another one over all ranks than on one`
    )
  })
  if (own.sampler === "withReplacement" || own.last !== "keep" || own.stages.some(({ kind }) => kind === "filter"))
    return
  if (own.failures?.skip !== undefined) return
  for (let epoch = 0; epoch < own.epochs; epoch++) {
    const indices = log.filter(({ got }) => got.epoch === epoch).flatMap(({ got }) => got.indices)
    const count = countOf(own)
    must(
      indices.length === count && new Set(indices).size === count,
      () => `epoch ${epoch} has ${new Set(indices).size} samples, ${indices.length} times in all, of ${count}`
    )
  }
}
