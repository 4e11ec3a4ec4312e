/** What an epoch over 2 GB of shards takes in resident memory, shuffled by blocks, with 8 workers. */
import type { Figure, Row } from "../Row.ts"
import { probe } from "./life.ts"

const KINDS = ["jsonl", "parquet"] as const

const keyOf = (kind: (typeof KINDS)[number]): string => `memory 2 GB ${kind}`

interface Grown {
  readonly before: number
  readonly window: number
  readonly goal: number
  readonly peak: number
  /** MB over the start, each 5 % of the epoch. */
  readonly looks: ReadonlyArray<number>
}

const grown = (kind: (typeof KINDS)[number]): Figure => {
  const figure = { key: keyOf(kind), unit: "ratio", goal: { most: 1 } }
  const own = probe("shardMemory", [kind], [])
  if ("reason" in own) return { ...figure, value: null, note: own.reason }
  const { before, goal, looks, peak, window }: Grown = JSON.parse(own.printed) // the probe's own words
  const bound = `2.5 windows of ${window.toFixed(1)} MB and 64 MB are ${goal.toFixed(0)} MB`
  const note = `${bound}; ${peak.toFixed(0)} MB at most over a start of ${before.toFixed(0)}; each 5 %: ${looks.join(" ")}`
  return { ...figure, value: peak / goal, note }
}

export const shardMemory: Row = {
  title: "Memory of shards",
  keys: KINDS.map(keyOf),
  run: async ({ wants }) => ({
    charts: [],
    figures: KINDS.filter((kind) => wants(keyOf(kind))).map(grown)
  })
}
