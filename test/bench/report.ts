/** What the bench found, as lines to read and as one line for programs. */
import type { Chart, Figure, Outcome } from "./Row.ts"

/** A number with as many digits as say something. */
export const rounded = (value: number): string => {
  const size = Math.abs(value)
  return size >= 100 ? value.toFixed(0) : size >= 10 ? value.toFixed(1) : value.toFixed(2)
}

/** Whether a figure comes to its goal; `undefined` where there is no goal or no figure. */
export const reaches = ({ goal, value }: Figure): boolean | undefined => {
  if (goal === undefined || value === null) return undefined
  return "least" in goal ? value >= goal.least : value <= goal.most
}

const goalOf = ({ goal }: Figure): string =>
  goal === undefined ? "" : "least" in goal ? `at least ${goal.least}` : `at most ${goal.most}`

/** `key  value unit  goal  note`, one line each, in columns. */
export const table = (figures: ReadonlyArray<Figure>): ReadonlyArray<string> => {
  const cells = figures.map((figure) => {
    const { key, note, unit, value } = figure
    const reached = reaches(figure)
    const verdict = reached === undefined ? "" : reached ? ", reached" : ", missed"
    const goal = goalOf(figure)
    const shown = value === null ? "null" : unit === "ratio" ? value.toFixed(3) : `${rounded(value)} ${unit}`
    return [key, shown, goal === "" ? "" : `(${goal}${verdict})`, note ?? ""]
  })
  const widths = [0, 1, 2].map((at) => Math.max(0, ...cells.map((row) => row[at]?.length ?? 0)))
  return cells.map((row) => `  ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join("  ")}`.trimEnd())
}

/** A chart as lines: name, throughput, how it compares to the fastest of ours. */
export const lines = ({ bars, title, unit }: Chart): ReadonlyArray<string> => {
  const width = Math.max(0, ...bars.map(({ name }) => name.length))
  return [
    title,
    ...bars.map(({ name, note, perSecond }) => {
      const shown = perSecond === null ? `null: ${note ?? ""}` : `${Math.round(perSecond)} ${unit}/s`
      return `  ${name.padEnd(width)}  ${perSecond === null ? shown : shown.padStart(unit.length + 12)}`
    })
  ]
}

/** Six digits are more than any of these measurements has. */
const short = (value: number): number => Number(value.toPrecision(6))

/**
 * All as one flat object: each figure under its key, those that have a unit other than `ratio` under `key (unit)`;
 * where there is none `null`, and why under `key: reason`; each bar's throughput under `title: name (unit/s)`,
 * unless it is a figure by itself.
 */
export const flat = ({ charts, figures }: Outcome): Readonly<Record<string, number | string | null>> => {
  const result: Record<string, number | string | null> = {}
  for (const { key, note, unit, value } of figures) {
    const known = value !== null && Number.isFinite(value)
    result[unit === "ratio" ? key : `${key} (${unit})`] = known ? short(value) : null
    if (!known) result[`${key}: reason`] = note ?? "it could not be measured"
  }
  for (const { bars, title, unit } of charts) {
    const work = title.split(/[:,]/, 1)[0] ?? title
    for (const { name, perSecond } of bars) {
      if (figures.some(({ key }) => key === name)) continue
      result[`${work}: ${name} (${unit}/s)`] = perSecond === null ? null : short(perSecond)
    }
  }
  return result
}
