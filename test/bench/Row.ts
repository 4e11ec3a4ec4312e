/** What the bench measures comes in rows: each answers for some keys, and can be run alone. */
import type { Absent, Measured } from "./measure.ts"

/** A row, as it is asked to run. */
export interface Request {
  /** Rounds that count, of each contestant. */
  readonly rounds: number
  /** Whether a key is asked for; a row of several may leave out the contestants that only the others need. */
  readonly wants: (key: string) => boolean
}

export interface Row {
  readonly title: string
  /** What it answers for. */
  readonly keys: ReadonlyArray<string>
  readonly run: (request: Request) => Promise<Outcome>
}

/** A number under its key, in its unit; or why there is none. */
export interface Figure {
  readonly key: string
  readonly value: number | null
  /** `ratio` for a ratio of two measured in the same run. */
  readonly unit: string
  /** What it should come to. */
  readonly goal?: { readonly least: number } | { readonly most: number }
  /** Why there is no value; or what is to be known of it. */
  readonly note?: string
}

/** Bars side by side: throughputs of contestants at one work. */
export interface Chart {
  readonly title: string
  /** What is counted a second, such as `samples`. */
  readonly unit: string
  readonly bars: ReadonlyArray<Bar>
}

export interface Bar {
  readonly name: string
  readonly ours: boolean
  /** A second; `null` where it could not be measured. */
  readonly perSecond: number | null
  readonly note?: string
}

export interface Outcome {
  readonly charts: ReadonlyArray<Chart>
  readonly figures: ReadonlyArray<Figure>
}

export const perSecond = ({ median }: Measured): number => 1e9 / median

/** A ratio of throughputs, ours over theirs, of two that were measured; else why not. */
export const ratio = (
  key: string,
  ours: Measured,
  theirs: Measured | Absent | undefined,
  least?: number,
  note?: string
): Figure => {
  const goal = least === undefined ? {} : { goal: { least } }
  if (theirs === undefined || "absent" in theirs) {
    return { key, value: null, unit: "ratio", ...goal, note: theirs?.absent ?? "it was not asked for" }
  }
  return { key, value: theirs.median / ours.median, unit: "ratio", ...goal, ...(note === undefined ? {} : { note }) }
}

/** The one of several with the best median. There is at least one. */
export const fastestOf = (all: ReadonlyArray<Measured>): Measured => {
  const [first, ...rest] = all
  if (first === undefined) throw new Error("nothing was measured")
  return rest.reduce((best, each) => (each.median < best.median ? each : best), first)
}

export const bar = (one: Measured | Absent, ours: boolean): Bar =>
  "absent" in one
    ? { name: one.name, ours, perSecond: null, note: one.absent }
    : { name: one.name, ours, perSecond: perSecond(one) }

export const found = (all: ReadonlyMap<string, Measured>, name: string): Measured => {
  const own = all.get(name)
  if (own === undefined) throw new Error(`nothing was measured under "${name}"`)
  return own
}
