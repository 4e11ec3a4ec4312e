/**
 * Who repeats whom, as a matrix for the terminal: epoch × worker against epoch × worker.
 */
import type { SeedAudit } from "../../src/index.ts"

/** Wider ones do not fit a terminal. */
const MOST = 48

const SAME = "■"
const SHIFTED = "◪"
const APART = "·"
const SELF = "╲"

/** The matrix's legend. */
export const legend = `${SAME} one stream   ${SHIFTED} shifted into each other   ${APART} apart   ${SELF} itself`

/** Colors of groups, as a terminal's 256: told apart by most eyes, readable on light and on dark. */
const COLORS = [203, 39, 178, 135, 71, 208, 37, 170]

/** The lines of the matrix; a note in its place where it would be too wide. */
export const matrix = (report: SeedAudit.RunReport, color: boolean): ReadonlyArray<string> => {
  const { cells, meetings, seeds } = report
  if (cells.length === 0) return ["(no stage draws: nothing to compare)"]
  if (cells.length > MOST) return [`(${cells.length} × ${cells.length} places: too wide here, see --html or --json)`]
  const kinds = new Map<string, string>()
  const groups = groupsOf(cells.length, meetings)
  for (const { equal, first, second } of meetings) {
    const mark = equal > 0 ? SAME : SHIFTED
    kinds.set(`${first},${second}`, mark)
    kinds.set(`${second},${first}`, mark)
  }
  const ranks = cells.some(({ rank }) => rank > 0)
  const label = ({ epoch, rank, run, worker }: SeedAudit.Cell) =>
    `run ${seeds[run]}  epoch ${epoch}${ranks ? `  rank ${rank}` : ""}  worker ${worker}`
  const width = Math.max(...cells.map((cell) => label(cell).length))
  const paint = (mark: string, group: number): string =>
    color && mark !== APART && mark !== SELF ? `\u001b[38;5;${COLORS[group % COLORS.length]}m${mark}\u001b[39m` : mark
  return cells.map((cell, row) => {
    const marks = cells.map((other, column) => {
      const mark = kinds.get(`${row},${column}`) ?? (row === column ? SELF : APART)
      // A gap where an epoch or a run ends.
      const before = cells[column - 1]
      const gap = before !== undefined && (before.epoch !== other.epoch || before.run !== other.run) ? " " : ""
      return gap + paint(mark, groups[row] ?? 0)
    })
    const before = cells[row - 1]
    const gap = before !== undefined && (before.epoch !== cell.epoch || before.run !== cell.run) ? "\n" : ""
    return `${gap}  ${label(cell).padEnd(width)}  ${marks.join("")}`
  })
}

/** Cells that meet, directly or by others, have one group. */
const groupsOf = (count: number, meetings: ReadonlyArray<SeedAudit.Meeting>): ReadonlyArray<number> => {
  const parents = Array.from({ length: count }, (_, index) => index)
  const root = (index: number): number => {
    const parent = parents[index] ?? index
    return parent === index ? index : root(parent)
  }
  for (const { first, second } of meetings) parents[root(second)] = root(first)
  const numbers = new Map<number, number>()
  return parents.map((_, index) => {
    const own = root(index)
    if (!numbers.has(own)) numbers.set(own, numbers.size)
    return numbers.get(own) ?? 0
  })
}
