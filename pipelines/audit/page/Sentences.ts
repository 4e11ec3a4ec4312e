/**
 * An audit's patterns and orders as sentences.
 */
import type { SeedAudit } from "../../../src/index.ts"
import { runsOf } from "./Runs.ts"

type Axis = "run" | "epoch" | "rank" | "worker"

/** A variable, moved: `w`, `w+1`, `w−2`. */
const moved = (name: string, by: number): string => (by === 0 ? name : `${name}${by > 0 ? "+" : "−"}${Math.abs(by)}`)

/** Whether the streams of two cells are all one, some of them, or only run into each other. */
export type Kind = "same" | "some" | "shifted"

/** What a meeting of two cells is. A cell that meets itself can at most repeat all its streams but one. */
export const kindOf = ({ equal, first, second }: SeedAudit.Meeting, cells: ReadonlyArray<SeedAudit.Cell>): Kind => {
  if (equal === 0) return "shifted"
  const streams = cells[second]?.streams ?? 0
  return equal >= (first === second ? streams - 1 : streams) ? "same" : "some"
}

const VERBS: Readonly<Record<Kind, string>> = { same: "is", some: "shares streams with", shifted: "runs into" }

/** Two cells that meet. */
interface Pair {
  readonly first: SeedAudit.Cell
  readonly second: SeedAudit.Cell
  readonly meeting: SeedAudit.Meeting
}

const keyOf = (difference: Readonly<Record<Axis, number>>): string =>
  [difference.run, difference.epoch, difference.rank, difference.worker].join()

/** The pairs of each pattern, found in one walk: there may be thousands of either. */
const pairsOf = ({ cells, meetings }: SeedAudit.RunReport): ReadonlyMap<string, ReadonlyArray<Pair>> => {
  const pairs = new Map<string, Array<Pair>>()
  for (const meeting of meetings) {
    const [first, second] = [cells[meeting.first], cells[meeting.second]]
    if (first === undefined || second === undefined) continue
    const apart = (axis: Axis) => second[axis] - first[axis]
    const key = keyOf({ run: apart("run"), epoch: apart("epoch"), rank: apart("rank"), worker: apart("worker") })
    const known = pairs.get(key) ?? []
    pairs.set(key, known)
    known.push({ first, second, meeting })
  }
  return pairs
}

/**
 * A pattern as a sentence, such as `worker w of epoch e is worker w−1 of epoch e+1 (6 of 6 such pairs)`. Where a
 * difference has but one place, the place is named: `run 42’s epoch 1 is run 43’s epoch 0`.
 */
const pattern = (report: SeedAudit.RunReport, own: SeedAudit.Pattern, pairs: ReadonlyArray<Pair>): string =>
  `${sentence(report, own, pairs)} (${own.met} of ${own.pairs} such pairs)`

const sentence = (
  { cells, seeds }: SeedAudit.RunReport,
  own: SeedAudit.Pattern,
  pairs: ReadonlyArray<Pair>
): string => {
  const runs = runsOf(seeds)
  const kinds = new Set(pairs.map(({ meeting }) => kindOf(meeting, cells)))
  const [only] = kinds
  const kind = kinds.size === 1 && only !== undefined ? only : "some"
  const verb = VERBS[kind]
  /** The values of an axis on both sides: numbers where there is one such pair only, otherwise a variable. */
  const sides = (axis: Axis, name: string): readonly [string, string] => {
    const [pair] = pairs
    const one = pairs.every(({ first }) => first[axis] === pair?.first[axis])
    return own[axis] !== 0 && one && pair !== undefined
      ? [String(pair.first[axis]), String(pair.second[axis])]
      : [name, moved(name, own[axis])]
  }
  const [worker, otherWorker] = sides("worker", "w")
  const [epoch, otherEpoch] = sides("epoch", "e")
  const [rank, otherRank] = sides("rank", "r")
  const places = own.rank === 0 ? ["", ""] : [` of rank ${rank}`, ` of rank ${otherRank}`]

  if (own.run !== 0) {
    const named = pairs.every(({ first }) => first.run === pairs[0]?.first.run)
    const nameOf = (run: number | undefined) => `run ${runs[run ?? -1] ?? "?"}`
    const later = own.run === 1 ? "the next run" : `the run ${own.run} after`
    const [a, b] = named ? [nameOf(pairs[0]?.first.run), nameOf(pairs[0]?.second.run)] : ["a run", later]
    return own.rank === 0 && own.worker === 0
      ? `${a}’s epoch ${epoch} ${verb} ${b}’s epoch ${otherEpoch}, worker by worker`
      : `worker ${worker}${places[0]} in ${a}’s epoch ${epoch} ${verb} ` +
          `worker ${otherWorker}${places[1]} in ${b}’s epoch ${otherEpoch}`
  }
  if (own.rank === 0 && own.worker === 0) {
    if (own.epoch === 0)
      return `a worker’s streams of one epoch ${kind === "shifted" ? "run into" : "repeat"} each other`
    if (kind === "same" && own.met === own.pairs) {
      const before = own.epoch === 1 ? "the one before" : `the one ${own.epoch} before`
      return `every epoch repeats ${before} for the same worker`
    }
  }
  return own.epoch === 0
    ? `worker ${worker}${places[0]} ${verb} worker ${otherWorker}${places[1]} of the same epoch`
    : `worker ${worker}${places[0]} of epoch ${epoch} ${verb} worker ${otherWorker}${places[1]} of epoch ${otherEpoch}`
}

/** The patterns, those of the nearest places first: the farther ones mostly follow from them. */
export const patternsOf = (report: SeedAudit.RunReport): ReadonlyArray<string> => {
  const far = ({ epoch, rank, run, worker }: SeedAudit.Pattern) =>
    Math.abs(run) + Math.abs(epoch) + Math.abs(rank) + Math.abs(worker)
  const byDifference = pairsOf(report)
  return report.patterns
    .toSorted((a, b) => far(a) - far(b))
    .map((own) => pattern(report, own, byDifference.get(keyOf(own)) ?? []))
}

/** Epochs of one order, a sentence for each order that several have. */
export const ordersOf = ({ orders, seeds }: SeedAudit.RunReport): ReadonlyArray<string> => {
  const runs = runsOf(seeds)
  // Every pair is listed, so an order's first epoch names all others.
  const lists = new Map<string, Array<string>>()
  const seen = new Set<string>()
  const name = ({ epoch, run }: { readonly run: number; readonly epoch: number }) =>
    `run ${runs[run] ?? "?"}’s epoch ${epoch}`
  for (const { first, second } of orders) {
    const [a, b] = [name(first), name(second)]
    if (seen.has(a)) continue
    seen.add(b)
    lists.set(a, [...(lists.get(a) ?? []), b])
  }
  return [...lists].map(([first, others]) => `${first} has the order of ${joined(others)}`)
}

/** `a`, `a and b`, `a, b and c`. */
const joined = (list: ReadonlyArray<string>): string =>
  list.length < 2 ? list.join("") : `${list.slice(0, -1).join(", ")} and ${list.at(-1)}`
