/** The bench as one page that needs nothing else: bars on a scale of powers of ten, and the ratios with their goals. */

import type { Chart, Figure, Outcome } from "./Row.ts"
import { reaches, rounded } from "./report.ts"

const LABEL = 350
const WIDTH = 520
const LINE = 26

export const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;")

/** The powers of ten around all values: at least one decade. */
export const decades = (values: ReadonlyArray<number>): { readonly low: number; readonly high: number } => {
  const all = values.filter((value) => Number.isFinite(value) && value > 0)
  if (all.length === 0) return { low: 0, high: 1 }
  const low = Math.floor(Math.log10(Math.min(...all)))
  return { low, high: Math.max(Math.ceil(Math.log10(Math.max(...all))), low + 1) }
}

/** Where a value lies between `low` and `high`, both powers of ten: 0 … 1. */
export const placeOf = (value: number, { high, low }: { readonly low: number; readonly high: number }): number =>
  Math.min(Math.max((Math.log10(value) - low) / (high - low), 0), 1)

const drawing = ({ bars, title, unit }: Chart): string => {
  const scale = decades(bars.flatMap(({ perSecond }) => (perSecond === null ? [] : [perSecond])))
  const height = LINE * bars.length + 30
  const grid = Array.from({ length: scale.high - scale.low + 1 }, (_, at) => {
    const x = LABEL + (WIDTH * at) / (scale.high - scale.low)
    const text = `<text x="${x}" y="${height - 6}" class="tick">${(10 ** (scale.low + at)).toLocaleString("en")}</text>`
    return `<line x1="${x}" y1="0" x2="${x}" y2="${height - 22}"/>${text}`
  })
  const rows = bars.map(({ name, note, ours, perSecond }, row) => {
    const y = row * LINE
    const label = `<text x="${LABEL - 8}" y="${y + 17}" class="name">${escaped(name)}</text>`
    if (perSecond === null) return `${label}<text x="${LABEL + 6}" y="${y + 17}">null: ${escaped(note ?? "")}</text>`
    const wide = Math.max(WIDTH * placeOf(perSecond, scale), 2)
    const rect = `<rect x="${LABEL}" y="${y + 3}" width="${wide.toFixed(1)}" height="20" class="${ours ? "ours" : "rival"}"/>`
    const value = Math.round(perSecond).toLocaleString("en")
    return `${label}${rect}<text x="${(LABEL + wide + 6).toFixed(1)}" y="${y + 17}">${value}</text>`
  })
  return `<figure><figcaption>${escaped(title)} <small>(${escaped(unit)} a second)</small></figcaption>
<svg viewBox="0 0 ${LABEL + WIDTH + 130} ${height}" role="img" aria-label="${escaped(title)}">
<g class="grid">${grid.join("")}</g>
${rows.join("\n")}
</svg></figure>`
}

const cells = (figure: Figure): string => {
  const { goal, key, note, unit, value } = figure
  const reached = reaches(figure)
  const shown = value === null ? "null" : unit === "ratio" ? value.toFixed(3) : `${rounded(value)} ${unit}`
  const wanted = goal === undefined ? "" : "least" in goal ? `≥ ${goal.least}` : `≤ ${goal.most}`
  const kind = reached === undefined ? "" : reached ? "reached" : "missed"
  const texts = [key, shown, wanted, kind, note ?? ""].map((text) => `<td>${escaped(text)}</td>`)
  return `<tr class="${kind}">${texts.join("")}</tr>`
}

/** The whole page. `machine` says what it was measured on. */
export const page = ({ charts, figures }: Outcome, machine: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Furrow: bench</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; background: #fff }
figure { margin: 2rem 0 } figcaption { font-weight: 600; margin-bottom: .5rem } small { font-weight: 400; color: #666 }
svg { width: 100%; font: 13px system-ui, sans-serif } .name { text-anchor: end } .tick { text-anchor: middle; fill: #666 }
.grid line { stroke: #ddd } .ours { fill: #2b7a4b } .rival { fill: #9aa5b1 }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; padding: .25rem .75rem .25rem 0; vertical-align: top; border-bottom: 1px solid #eee }
.reached td:nth-child(4) { color: #2b7a4b } .missed td:nth-child(4) { color: #b3412e }
@media (prefers-color-scheme: dark) { body { color: #ddd; background: #181a1b } svg text { fill: #ddd } .grid line { stroke: #333 } td, th { border-color: #333 } .ours { fill: #4fb37a } .rival { fill: #6b7680 } }
</style>
</head>
<body>
<h1>Furrow: bench</h1>
<p>${escaped(machine)} Green: Furrow. Gray: rivals. Every step of the scale is ten times the one before.</p>
${charts.map(drawing).join("\n")}
<h2>Figures</h2>
<table><tr><th>key</th><th>measured</th><th>goal</th><th></th><th></th></tr>
${figures.map(cells).join("\n")}
</table>
</body>
</html>
`
