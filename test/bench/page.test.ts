import { describe, expect, test } from "bun:test"
import { decades, escaped, page, placeOf } from "./page.ts"
import type { Outcome } from "./Row.ts"

describe("the scale", () => {
  test("goes from the power of ten below all values to the one above", () => {
    expect(decades([250, 40_000])).toEqual({ low: 2, high: 5 })
    expect(decades([1000])).toEqual({ low: 3, high: 4 })
  })

  test("leaves out what has no logarithm", () => {
    expect(decades([0, -3, Number.NaN, Infinity, 20])).toEqual({ low: 1, high: 2 })
    expect(decades([])).toEqual({ low: 0, high: 1 })
  })

  test("puts each ten times at the same distance, and nothing beyond its ends", () => {
    const scale = { low: 2, high: 6 }
    expect([100, 1000, 10_000, 1_000_000].map((value) => placeOf(value, scale))).toEqual([0, 0.25, 0.5, 1])
    expect(placeOf(1, scale)).toBe(0)
    expect(placeOf(1e9, scale)).toBe(1)
  })
})

test("escaped leaves no text that is markup", () => {
  expect(escaped('<b> & "c"')).toBe("&lt;b&gt; &amp; &quot;c&quot;")
})

describe("the page", () => {
  const outcome: Outcome = {
    charts: [
      {
        title: "W1: a <title>",
        unit: "samples",
        bars: [
          { name: "Furrow", ours: true, perSecond: 1_000_000 },
          { name: "loop", ours: false, perSecond: 10_000 },
          { name: "PyTorch", ours: false, perSecond: null, note: "no torch" }
        ]
      }
    ],
    figures: [
      { key: "loader/loop", value: 100, unit: "ratio", goal: { least: 3 } },
      { key: "loader/pytorch", value: null, unit: "ratio", goal: { least: 40 }, note: "no torch" }
    ]
  }
  const html = page(outcome, "bun 1.4.5, 2 cores")

  test("draws a bar for each that was measured, on a log scale, and says why there is none", () => {
    expect(Array.from(html.matchAll(/<rect [^>]*>/g)).length).toBe(2)
    expect(html).toMatch(/<rect [^>]*width="520.0"[^>]*class="ours"\/>/)
    expect(html).toMatch(/<rect [^>]*width="2.0"[^>]*class="rival"\/>/)
    expect(html).toContain("null: no torch")
    expect(html).toContain(">10,000</text>")
  })

  test("lists the figures with their goals", () => {
    expect(html).toContain('<tr class="reached"><td>loader/loop</td><td>100.000</td><td>≥ 3</td>')
    expect(html).toContain("<td>loader/pytorch</td><td>null</td><td>≥ 40</td>")
  })

  test("needs nothing else, and takes titles as text", () => {
    expect(html).not.toMatch(/(src|href)=|@import|url\(|<script/)
    expect(html).toContain("W1: a &lt;title&gt;")
    expect(html).not.toContain("a <title>")
  })
})
