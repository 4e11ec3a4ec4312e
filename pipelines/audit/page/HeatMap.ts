/**
 * Who repeats whom, as a drawing that needs no script: epoch × worker against epoch × worker.
 */
import type { SeedAudit } from "../../../src/index.ts"
import type { Groups } from "./Groups.ts"
import { html, json, type Markup, none } from "./Html.ts"
import { runsOf } from "./Runs.ts"
import { kindOf } from "./Sentences.ts"

/** More places than this make no picture to look at, and megabytes of it. */
export const MOST = 256

/** How many colors `page.css` has for groups. */
export const COLORS = 8

/** The height of a band of labels, in pixels. */
const BAND = 18

/** The width of the rows' labels: their bands', or what the corner's words need. */
const gutterOf = (axes: ReadonlyArray<unknown>): number => Math.max(44, axes.length * BAND)

/** What the cells are named by, the outermost first. */
const axesOf = (cells: ReadonlyArray<SeedAudit.Cell>) =>
  (["run", "epoch", "rank", "worker"] as const).filter(
    (axis) => axis === "epoch" || axis === "worker" || cells.some((cell) => cell[axis] !== cells[0]?.[axis])
  )

type Axis = ReturnType<typeof axesOf>[number]

interface Layout {
  readonly axes: ReadonlyArray<Axis>
  /** A cell's side. */
  readonly side: number
  /** Where each cell starts, and at last the whole's length. */
  readonly starts: ReadonlyArray<number>
  readonly length: number
}

const sideOf = (count: number): number => (count <= 12 ? 26 : count <= 24 ? 20 : count <= 48 ? 12 : count <= 96 ? 8 : 5)

/** Gaps part the epochs, wider ones the runs. */
const layoutOf = (cells: ReadonlyArray<SeedAudit.Cell>): Layout => {
  const side = sideOf(cells.length)
  let at = 0
  const starts = cells.map((cell, index) => {
    const before = cells[index - 1]
    if (before !== undefined && before.run !== cell.run) at += 8
    else if (before !== undefined && before.epoch !== cell.epoch) at += 3
    else if (before !== undefined && before.rank !== cell.rank) at += 1
    const start = at
    at += side
    return start
  })
  return { axes: axesOf(cells), side, starts, length: at }
}

/** A label's text; a run's seed may be long. */
const labelOf = ({ seeds }: SeedAudit.RunReport, axis: Axis, value: number): string => {
  if (axis !== "run") return String(value)
  const seed = runsOf(seeds)[value] ?? "?"
  return seed.length > 8 ? `${seed.slice(0, 3)}…${seed.slice(-3)}` : seed
}

interface Span {
  readonly axis: Axis
  readonly value: number
  readonly start: number
  readonly end: number
}

/** The stretches of cells that share an axis's value and those of the axes outside of it. */
const spansOf = (cells: ReadonlyArray<SeedAudit.Cell>, layout: Layout, depth: number): ReadonlyArray<Span> => {
  const outer = layout.axes.slice(0, depth + 1)
  const axis = layout.axes[depth] ?? "worker"
  const spans: Array<Span> = []
  for (const [index, cell] of cells.entries()) {
    const before = cells[index - 1]
    const start = layout.starts[index] ?? 0
    const end = start + layout.side
    const open = spans.at(-1)
    const same = before !== undefined && outer.every((own) => before[own] === cell[own])
    if (same && open !== undefined) spans[spans.length - 1] = { ...open, end }
    else spans.push({ axis, value: cell[axis], start, end })
  }
  return spans
}

/** About as wide as its text is. */
const fits = (text: string, { end, start }: Span): boolean => text.length * 7 <= end - start

const columnLabels = (report: SeedAudit.RunReport, layout: Layout): Markup => {
  const bands = layout.axes.map((_, depth) => {
    const y = depth * BAND
    const labels = spansOf(report.cells, layout, depth).map((span) => {
      const text = labelOf(report, span.axis, span.value)
      const middle = (span.start + span.end) / 2
      return html`<path class="band" d="M${span.start + 1} ${y + BAND - 2.5}H${span.end - 1}"/>${
        fits(text, span) ? html`<text x="${middle}" y="${y + 12}" text-anchor="middle">${text}</text>` : none
      }`
    })
    return html`${labels}`
  })
  return html`<svg class="columns" width="${layout.length}" height="${layout.axes.length * BAND}" aria-hidden="true">${bands}</svg>`
}

const rowLabels = (report: SeedAudit.RunReport, layout: Layout): Markup => {
  const bands = layout.axes.map((_, depth) => {
    const x = gutterOf(layout.axes) + (depth - layout.axes.length) * BAND
    const labels = spansOf(report.cells, layout, depth).map((span) => {
      const text = labelOf(report, span.axis, span.value)
      const middle = (span.start + span.end) / 2
      // A number stands upright; a long seed lies along its band.
      const turned = text.length > 2
      const place = turned
        ? html`transform="translate(${x + 12} ${middle}) rotate(-90)"`
        : html`x="${x + 8}" y="${middle + 4}"`
      const room = turned ? fits(text, span) : span.end - span.start >= 11
      return html`<path class="band" d="M${x + BAND - 2.5} ${span.start + 1}V${span.end - 1}"/>${
        room ? html`<text ${place} text-anchor="middle">${text}</text>` : none
      }`
    })
    return html`${labels}`
  })
  return html`<svg class="rows" width="${gutterOf(layout.axes)}" height="${layout.length}" aria-hidden="true">${bands}</svg>`
}

/** A tile that is one color: all streams are the same. */
const whole = (x: number, y: number, side: number): string =>
  `M${x + 0.5} ${y + 0.5}h${side - 1}v${side - 1}h${1 - side}z`

/** A smaller tile: some streams are the same. */
const inner = (x: number, y: number, side: number): string => {
  const inset = side / 4
  return `M${x + inset} ${y + inset}h${side / 2}v${side / 2}h${-side / 2}z`
}

/** Half a tile, cut across: the streams run into each other. */
const half = (x: number, y: number, side: number): string => `M${x + 0.5} ${y + side - 0.5}h${side - 1}v${1 - side}z`

const TILES = { same: whole, some: inner, shifted: half }

/** The stroke of a place against itself. */
const stroke = (x: number, y: number, side: number): string =>
  `M${x + side * 0.25} ${y + side * 0.25}l${side / 2} ${side / 2}`

const tiles = (report: SeedAudit.RunReport, groups: Groups, { side, starts }: Layout): Markup => {
  const paths = Array.from({ length: COLORS }, () => [""])
  const own = new Set<number>()
  for (const meeting of report.meetings) {
    const { first, second } = meeting
    const draw = TILES[kindOf(meeting, report.cells)]
    const path = paths[(groups.of[first] ?? 0) % COLORS]
    const [a, b] = [starts[first] ?? 0, starts[second] ?? 0]
    path?.push(draw(a, b, side))
    if (first === second) own.add(first)
    else path?.push(draw(b, a, side))
  }
  const strokes = (cells: (index: number) => boolean): string =>
    starts.flatMap((start, index) => (cells(index) ? [stroke(start, start, side)] : [])).join("")
  return html`${paths.flatMap((path, color) =>
    path.length === 1 ? [] : [html`<path class="group-${color}" d="${path.join("")}"/>`]
  )}<path class="itself" d="${strokes((index) => !own.has(index))}"/>${
    own.size === 0 ? none : html`<path class="itself on" d="${strokes((index) => own.has(index))}"/>`
  }`
}

/** The empty tiles: one ground, with lines and gaps in the page's color over it. */
const ground = ({ length, side, starts }: Layout): Markup => {
  const lines: Array<string> = []
  const gaps: Array<string> = []
  for (const [index, start] of starts.entries()) {
    const before = index === 0 ? 0 : (starts[index - 1] ?? 0) + side
    if (index === 0) continue
    if (start === before) lines.push(`M${start} 0V${length}M0 ${start}H${length}`)
    else gaps.push(`M${before} 0H${start}V${length}H${before}zM0 ${before}H${length}V${start}H0z`)
  }
  return html`<rect class="ground" width="${length}" height="${length}"/><path class="lines" d="${lines.join("")}"/><path class="gaps" d="${gaps.join("")}"/>`
}

/**
 * The map, its labels and the data that `page.js` reads to tell of each pair; words in its place where it would be too
 * large, or empty.
 */
export const heatMap = (report: SeedAudit.RunReport, groups: Groups, id: string, name: string): Markup => {
  const { cells, meetings, seeds } = report
  const count = cells.length
  if (count === 0) return html`<p class="aside">No stage draws, so there are no places to compare.</p>`
  if (count > MOST) {
    return html`<p class="aside">${count} × ${count} places are too many for a map; the patterns and the list of places say
      the same. Fewer epochs, workers or ranks make one.</p>`
  }
  const layout = layoutOf(cells)
  const { axes, length, side, starts } = layout
  const met = meetings.filter(({ first, second }) => first !== second).length
  const label = `Map of ${name}: ${count} places against each other, ${met} of ${(count * (count - 1)) / 2} pairs repeat`
  const data = {
    side,
    starts,
    runs: runsOf(seeds),
    ranks: axes.includes("rank"),
    cells: cells.map(({ epoch, rank, run, streams, worker }) => [run, epoch, rank, worker, streams]),
    meetings: meetings.map(({ equal, first, second, shift, shifted }) => [first, second, equal, shifted, shift ?? 0])
  }
  return html`<figure class="map" id="${id}">
<div class="scroll" tabindex="0" role="region" aria-label="Map of ${name}">
<div class="plot">
<div class="corner" aria-hidden="true">${axes.map((axis) => html`<span>${axis}</span>`)}</div>
${columnLabels(report, layout)}
${rowLabels(report, layout)}
<svg class="tiles" width="${length}" height="${length}" viewBox="0 0 ${length} ${length}" role="img" aria-label="${label}">${ground(
    layout
  )}${tiles(report, groups, layout)}</svg>
</div>
</div>
<figcaption>Rows and columns are the same places: ${axes.join(", then ")}.</figcaption>
<p class="readout" aria-live="polite" hidden></p>
<script type="application/json">${json(data)}</script>
</figure>`
}

/** One tile of each kind, for the legend. */
export const sample = (kind: "same" | "some" | "shifted" | "apart" | "itself"): Markup => {
  const side = 20
  const mark =
    kind === "apart"
      ? none
      : kind === "itself"
        ? html`<path class="itself" d="${stroke(0, 0, side)}"/>`
        : html`<path class="group-0" d="${TILES[kind](0, 0, side)}"/>`
  return html`<svg class="sample" width="${side}" height="${side}" viewBox="0 0 ${side} ${side}" aria-hidden="true"><rect class="ground" width="${side}" height="${side}"/>${mark}</svg>`
}
