/**
 * An audit as one HTML page, which works from disk and asks no network for anything.
 */
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import type { SeedAudit } from "../../src/index.ts"
import { type Groups, groupsOf } from "./page/Groups.ts"
import { COLORS, heatMap, sample } from "./page/HeatMap.ts"
import { html, Markup, none } from "./page/Html.ts"
import { runsOf } from "./page/Runs.ts"
import { ordersOf, patternsOf } from "./page/Sentences.ts"
import * as Words from "./Words.ts"

/** One audited policy, or pipeline. */
export interface Audited {
  readonly title: string
  readonly note: string
  readonly report: SeedAudit.RunReport
}

const STYLE = readFileSync(new URL("./page/page.css", import.meta.url), "utf8")
const SCRIPT = readFileSync(new URL("./page/page.js", import.meta.url), "utf8")

/** What a browser must find in an element to let it in. */
const hash = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`

/** Nothing but the page's own style and script. */
const POLICY = `default-src 'none'; style-src ${hash(STYLE)}; script-src ${hash(SCRIPT)}; base-uri 'none'; form-action 'none'`

/** How many patterns stand open; the others are folded. */
const OPEN = 6

/** How many are written out at all: where there are more, the nearest ones tell it. */
const WRITTEN = 100

type Verdict = SeedAudit.RunReport["verdict"]

/** A shape for each verdict: an octagon with a cross, a circle with a question, a shield with a tick. */
const SHAPES: Readonly<Record<Verdict, string>> = {
  repeats: "M6.6 1.5h6.8l5.1 5.1v6.8l-5.1 5.1H6.6l-5.1-5.1V6.6zM7 7l6 6M13 7l-6 6",
  "none seen":
    "M10 1.5a8.5 8.5 0 1 0 0 17a8.5 8.5 0 1 0 0-17M7.5 7.8a2.5 2.5 0 1 1 3.6 2.2c-.8.4-1.1.9-1.1 1.7M10 14.4v.1",
  "none by construction": "M10 1.5l7 2.5v5.5c0 4.5-3 7.5-7 9c-4-1.5-7-4.5-7-9V4zM6.8 9.8l2.3 2.4l4.2-4.6"
}

const verdict = (own: Verdict): Markup =>
  html`<span class="verdict ${own.replaceAll(" ", "-")}"><svg width="20" height="20" viewBox="0 0 20 20" aria-hidden="true"><path d="${SHAPES[own]}"/></svg>${own}</span>`

const idOf = (index: number): string => `policy-${index + 1}`

const counted = (count: number, noun: string, plural = `${noun}s`): string =>
  `${count.toLocaleString("en")} ${count === 1 ? noun : plural}`

/** Such as `2 runs (seeds 42, 43) × 3 epochs × 4 workers`. */
const extentOf = ({ cells, seeds }: SeedAudit.RunReport): string => {
  const most = (axis: "epoch" | "rank" | "worker") => cells.reduce((so, cell) => Math.max(so, cell[axis] + 1), 0)
  const ranks = most("rank")
  return [
    `${counted(seeds.length, "run")}${runsOf(seeds) === seeds ? ` (${seeds.length === 1 ? "seed" : "seeds"} ${seeds.join(", ")})` : ""}`,
    counted(most("epoch"), "epoch"),
    ...(ranks > 1 ? [counted(ranks, "rank")] : []),
    counted(most("worker"), "worker")
  ].join(" × ")
}

const chanceOf = ({ odds }: SeedAudit.RunReport): Markup => {
  if (odds === undefined) return html`<span aria-hidden="true">–</span><span class="unseen-text">not squeezed</span>`
  const { bits, probability } = odds
  const chance = probability === 0 ? "none" : `1 in ${Math.round(1 / probability).toLocaleString("en")}`
  return html`<span class="odds">${chance}</span> <span class="odds">(${bits} bits)</span>`
}

const summary = (audited: ReadonlyArray<Audited>): Markup => {
  const rows = audited.map(
    ({ note, report, title }, index) => html`<tr role="row">
<th scope="row" role="rowheader"><a href="#${idOf(index)}">${title}</a><span class="note">${note}</span></th>
<td role="cell" class="judged">${verdict(report.verdict)}</td>
<td role="cell" class="number" data-name="streams">${report.streams.toLocaleString("en")}</td>
<td role="cell" class="number" data-name="repeat another">${report.repeated.toLocaleString("en")}</td>
<td role="cell" class="number" data-name="pairs shifted">${report.shifted.toLocaleString("en")}</td>
<td role="cell" class="number" data-name="odds">${chanceOf(report)}</td>
</tr>
`
  )
  const count = (own: Verdict) => audited.filter(({ report }) => report.verdict === own).length
  const [repeats, unseen, sound] = [count("repeats"), count("none seen"), count("none by construction")]
  return html`<section id="summary" aria-labelledby="summary-title">
<h2 id="summary-title" class="unseen-text">Summary</h2>
<p class="lead">${counted(audited.length, "policy", "policies")}: ${repeats} with repeats, ${unseen} with none seen, ${sound} with none by construction.</p>
<table class="summary" role="table" aria-labelledby="summary-title">
<thead role="rowgroup"><tr role="row">
<th scope="col" role="columnheader">Policy</th>
<th scope="col" role="columnheader">Verdict</th>
<th scope="col" role="columnheader" class="number">Streams</th>
<th scope="col" role="columnheader" class="number">Repeat another</th>
<th scope="col" role="columnheader" class="number">Pairs shifted</th>
<th scope="col" role="columnheader" class="number">Odds of chance</th>
</tr></thead>
<tbody role="rowgroup">
${rows}</tbody>
</table>
</section>
`
}

const LEGEND = html`<section id="legend" aria-labelledby="legend-title">
<h2 id="legend-title">How to read it</h2>
<div class="legend">
<div>
<h3>A map’s tiles</h3>
<p>A row and a column are each a place: what a worker draws in one epoch of one run. A tile is a pair of them. Places
that repeat each other have one color; there are ${COLORS} colors, so far groups may share one.</p>
<dl>
<dt>${sample("same")}</dt><dd>whole: the same streams, one for one</dd>
<dt>${sample("some")}</dt><dd>small: some of their streams are the same</dd>
<dt>${sample("shifted")}</dt><dd>half: their streams run into each other, shifted</dd>
<dt>${sample("apart")}</dt><dd>empty: nothing in common</dd>
<dt>${sample("itself")}</dt><dd>stroke: a place against itself</dd>
</dl>
</div>
<div>
<h3>Verdicts</h3>
<dl class="verdicts">
<dt>${verdict("repeats")}</dt><dd>at least two streams are one, draw the same numbers or run into each other</dd>
<dt>${verdict("none seen")}</dt><dd>no such pair here; other seeds or sizes may have one, with the odds that are given</dd>
<dt>${verdict("none by construction")}</dt><dd>no such pair, and the policy gives no two places one seed</dd>
</dl>
<h3>Odds of chance</h3>
<p>Where seeds are squeezed into few bits, two of them may be the same by chance alone: the birthday odds for as many
streams as were compared.</p>
<div class="keys">
<h3>Keys on a map</h3>
<p id="keys">Arrow keys move, <kbd>Page Up</kbd> and <kbd>Page Down</kbd> by an epoch, <kbd>Home</kbd> and
<kbd>End</kbd> to a row’s ends, with <kbd>Ctrl</kbd> to the corners; <kbd>N</kbd> and <kbd>P</kbd> go to the next and
the previous pair that repeats, <kbd>Esc</kbd> puts the cursor away.</p>
</div>
</div>
</div>
</section>
`

const listed = (sentences: ReadonlyArray<string>): Markup =>
  html`<ul>
${sentences.map((own) => html`<li>${own}</li>\n`)}</ul>
`

/** The first ones, and the others folded. */
const folding = (sentences: ReadonlyArray<string>, noun: string): Markup => {
  const rest = sentences.slice(OPEN)
  const left = sentences.length - WRITTEN
  return html`${listed(sentences.slice(0, OPEN))}${
    rest.length === 0
      ? none
      : html`<details><summary>${counted(rest.length, `more ${noun}`)}</summary>
${listed(sentences.slice(OPEN, WRITTEN))}${left > 0 ? html`<p class="aside">${left.toLocaleString("en")} of the farthest are left out.</p>` : none}</details>
`
  }`
}

const placesOf = ({ cells, seeds }: SeedAudit.RunReport, { members, of }: Groups, title: string): Markup => {
  const ranks = cells.some(({ rank }) => rank > 0)
  const runs = runsOf(seeds)
  const rows = cells.map((cell, index) => {
    const group = of[index]
    const others = group === undefined ? 0 : (members[group]?.length ?? 1) - 1
    const swatch = html`<svg class="swatch" width="12" height="12" viewBox="0 0 12 12" aria-hidden="true"><rect class="group-${(group ?? 0) % COLORS}" width="12" height="12"/></svg>`
    const shared =
      group === undefined
        ? html`none`
        : html`${swatch} group ${group + 1}, ${others === 0 ? "by itself" : `with ${counted(others, "other")}`}`
    return html`<tr><td>${runs[cell.run] ?? "?"}</td><td>${cell.epoch}</td>${
      ranks ? html`<td>${cell.rank}</td>` : none
    }<td>${cell.worker}</td><td class="number">${cell.streams}</td><td>${shared}</td></tr>
`
  })
  return html`<details><summary>All ${counted(cells.length, "place")}</summary>
<div class="places" tabindex="0" role="region" aria-label="Places of ${title}">
<table>
<thead><tr><th scope="col">Run</th><th scope="col">Epoch</th>${
    ranks ? html`<th scope="col">Rank</th>` : none
  }<th scope="col">Worker</th><th scope="col" class="number">Streams</th><th scope="col">Repeats</th></tr></thead>
<tbody>
${rows}</tbody>
</table>
</div>
</details>
`
}

const section = ({ note, report, title }: Audited, index: number): Markup => {
  const id = idOf(index)
  const groups = groupsOf(report)
  const patterns = patternsOf(report)
  const orders = ordersOf(report)
  const odds = Words.odds(report)
  const shifted = report.shifted === 0 ? "" : `, ${counted(report.shifted, "pair")} run into each other`
  const stages = report.stages.map(({ name }) => name).join(", ")
  return html`<section id="${id}" aria-labelledby="${id}-title">
<div class="title"><h2 id="${id}-title">${title}</h2>${verdict(report.verdict)}</div>
<p class="note">${note}</p>
<div class="policy">
${heatMap(report, groups, `${id}-map`, title)}
<div class="words">
<h3>Found</h3>
<p>${report.repeated.toLocaleString("en")} of ${counted(report.streams, "stream")} repeat another${shifted}.${
    odds === undefined ? "" : ` Odds: ${odds}.`
  }</p>
<p class="aside">Compared: ${extentOf(report)}; ${
    stages === "" ? "no stage draws" : `${report.stages.length === 1 ? "the stage" : "stages"} ${stages}`
  }.</p>
${patterns.length === 0 ? none : html`<h3>Patterns</h3>\n${folding(patterns, "pattern")}`}${
  orders.length === 0 ? none : html`<h3>Orders of epochs</h3>\n${folding(orders, "order")}`
}${
  report.examples.length === 0
    ? none
    : html`<details><summary>The first repeats, stream by stream</summary>
${listed(report.examples.map((own) => Words.repeat(runsOf(report.seeds), own)))}</details>
`
}${report.cells.length === 0 ? none : placesOf(report, groups, title)}</div>
</div>
</section>
`
}

/**
 * The whole document: a summary of all verdicts, a legend, and for each policy a map of its places against each other,
 * its patterns as sentences and a list of its places. It says all that without script; the script adds a cursor that
 * walks the maps. The same reports give the same text.
 */
export const page = (audited: ReadonlyArray<Audited>, options: { readonly heading: string }): string => {
  const links = audited.map(({ title }, index) => html`<li><a href="#${idOf(index)}">${title}</a></li>\n`)
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${options.heading}</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
<a class="skip" href="#content">Skip to the summary</a>
<header>
<h1>${options.heading}</h1>
<p class="aside">Every stream of random numbers that a pipeline starts, compared with every other: over workers, epochs,
ranks and runs.</p>
</header>
<nav aria-label="Policies"><ul>
<li><a href="#summary">Summary</a></li>
<li><a href="#legend">How to read it</a></li>
${links}</ul></nav>
<main id="content" tabindex="-1">
${summary(audited)}${LEGEND}${audited.map(section)}</main>
<script>${new Markup(SCRIPT)}</script>
</body>
</html>
`.text
}
