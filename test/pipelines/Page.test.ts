/**
 * The audit's page as text: what it holds, and that it needs nothing from outside.
 */
import { describe, expect, test } from "bun:test"
import { createHash } from "node:crypto"
import { Effect, type Layer } from "effect"
import { type Audited, page } from "../../pipelines/audit/Page.ts"
import { groupsOf } from "../../pipelines/audit/page/Groups.ts"
import { COLORS, MOST } from "../../pipelines/audit/page/HeatMap.ts"
import { runsOf } from "../../pipelines/audit/page/Runs.ts"
import { kindOf, ordersOf, patternsOf } from "../../pipelines/audit/page/Sentences.ts"
import { Dataset, Pipeline, Sampler, type Seed, SeedAudit, SeedPolicy } from "../../src/index.ts"
import { constant } from "../../src/testing.ts"

const pipeline = Pipeline.from(Dataset.range(60)).pipe(
  Pipeline.sample(Sampler.shuffle),
  Pipeline.augment("noise", (value, rng) => value + rng.normal()),
  Pipeline.batch(5)
)

interface Place {
  readonly seed: number
  readonly epoch: number
  readonly rank: number
  readonly worker: number
  readonly ordinal: number
}

/** A policy by the words that it seeds with; orders of epochs have words of their own. */
const counter = (name: string, words: (place: Place) => ReadonlyArray<number>) => (seed: Seed.RootInput) =>
  SeedPolicy.fromFunction(
    name,
    ({ epoch, ordinal, rank, scope, worker }) => ({
      algorithm: "philox4x32-10",
      words:
        scope === "epoch"
          ? [1000 * Number(seed) + epoch, 99]
          : words({ seed: Number(seed), epoch, rank, worker, ordinal })
    }),
    { seed: String(seed) }
  )

const audit = (
  layer: (seed: Seed.RootInput) => Layer.Layer<SeedPolicy.SeedPolicy, unknown>,
  options: SeedAudit.Options = {}
) => Effect.runSync(SeedAudit.run(pipeline, layer, { samples: 1, ...options }))

const NAME = `sum <script>alert("x")</script> & 'y'`

const diagonal = audit(
  counter(NAME, ({ epoch, seed, worker }) => [seed, epoch + worker]),
  { workers: 3 }
)
const same = audit(() => constant(1), { workers: 2, epochs: 2, samples: 3, seeds: [1] })
const additive = audit(
  counter("additive", ({ epoch, seed, worker }) => [seed + epoch, worker]),
  { workers: 2, epochs: 2 }
)
const forked = audit(
  counter("forked", ({ seed, worker }) => [seed, worker]),
  { workers: 2 }
)
const shifted = audit(
  counter("shifted", ({ epoch, seed, worker }) => [seed, epoch, 10 * worker, 0, 0, 0]),
  { workers: 2, epochs: 1 }
)
const ranks = audit(
  counter("ranks", ({ epoch, seed, worker }) => [seed, 10 * epoch + worker]),
  { workers: 1, epochs: 2, ranks: 5, seeds: [7] }
)
const clean = audit((seed) => SeedPolicy.elastic({ seed }))

const noMeeting = { run: 0, epoch: 0, rank: 0, worker: 0, met: 0, pairs: 1 }

const audited: ReadonlyArray<Audited> = [
  { title: NAME, note: `"first" < 'second' & more`, report: diagonal },
  { title: "constant", note: "one seed", report: same },
  { title: "additive", note: "seed + epoch", report: additive },
  { title: "shifted", note: "a counter that is added to", report: shifted },
  { title: "ranks", note: "no rank in the seed", report: ranks },
  { title: "elastic", note: "Furrow's", report: clean },
  {
    title: "squeezed",
    note: "odds as a report has them",
    report: { ...clean, verdict: "none seen", odds: { bits: 32, probability: 2 ** -20 } }
  }
]
const text = page(audited, { heading: "Heads & <tails>" })

interface Element {
  readonly name: string
  readonly attributes: ReadonlyMap<string, string>
  readonly text: string
}

/** All elements of a page, with the text that stands within; throws where tags do not match. */
const parse = (source: string): ReadonlyArray<Element> => {
  const elements: Array<Element> = []
  const open: Array<{ name: string; attributes: ReadonlyMap<string, string>; from: number }> = []
  const tag = /<(?:!doctype html|(\/?)([a-z][a-z0-9]*)((?:\s+[a-zA-Z-]+(?:="[^"<]*")?)*)\s*(\/?))>/g
  let at = 0
  for (;;) {
    tag.lastIndex = source.indexOf("<", at)
    if (tag.lastIndex < at) break
    const start = tag.lastIndex
    const match = tag.exec(source)
    if (match?.index !== start) throw new Error(`no tag: ${source.slice(start, start + 60)}`)
    at = tag.lastIndex
    const [, closing, name, rest = "", empty] = match
    if (name === undefined) continue
    const attributes = new Map<string, string>()
    for (const [, key = "", value = ""] of rest.matchAll(/([a-zA-Z-]+)(?:="([^"]*)")?/g)) {
      if (attributes.has(key)) throw new Error(`${key} twice in <${name}>`)
      attributes.set(key, value)
    }
    if (closing === "/") {
      const last = open.pop()
      if (last?.name !== name) throw new Error(`</${name}> closes <${last?.name}>`)
      elements.push({ name, attributes: last.attributes, text: source.slice(last.from, start) })
    } else if (empty === "/" || name === "meta") {
      elements.push({ name, attributes, text: "" })
    } else {
      open.push({ name, attributes, from: at })
      // What stands in these is no markup.
      if (name === "script" || name === "style") at = source.indexOf(`</${name}>`, at)
    }
  }
  if (open.length > 0) throw new Error(`<${open.at(-1)?.name}> is open`)
  return elements
}

const elements = parse(text)
const named = (name: string) => elements.filter((own) => own.name === name)

/** The section of a policy, tags left out. */
const words = (index: number, source = text): string => {
  const own = parse(source).find(
    ({ attributes, name }) => name === "section" && attributes.get("id") === `policy-${index}`
  )
  return (own?.text ?? "")
    .replace(/<script.*?<\/script>/gs, "")
    .replace(/<[^>]*>/g, " ")
    .replace(/\s+/g, " ")
}

describe("the document", () => {
  test("is whole: every tag is closed, every id there once, every reference finds its id", () => {
    expect(text.startsWith('<!doctype html>\n<html lang="en">')).toBe(true)
    const ids = elements.flatMap(({ attributes }) => attributes.get("id") ?? [])
    expect(new Set(ids).size).toBe(ids.length)
    const references = elements.flatMap(({ attributes }) =>
      ["href", "aria-labelledby", "aria-describedby"].flatMap((key) => attributes.get(key) ?? [])
    )
    expect(references.length).toBeGreaterThan(2 * audited.length)
    for (const own of references) expect(ids).toContain(own.replace("#", ""))
    // The script names what it needs by these.
    expect(ids).toContain("keys")
    expect(named("title").map((own) => own.text)).toEqual(["Heads &amp; &lt;tails&gt;"])
    expect(named("h1").map((own) => own.text)).toEqual(["Heads &amp; &lt;tails&gt;"])
  })

  test("the check finds what is not whole", () => {
    expect(() => parse("<p><b>x</p>")).toThrow("closes")
    expect(() => parse("<p>x")).toThrow("open")
    expect(() => parse("<p>a < b</p>")).toThrow("no tag")
    expect(() => parse('<p id="a" id="b"></p>')).toThrow("twice")
  })

  test("asks nothing from outside, and forbids itself to", () => {
    expect(text.replaceAll("http://www.w3.org/2000/svg", "")).not.toMatch(/https?:|\/\/[a-z]+\.|@import|url\(/i)
    for (const { attributes, name } of elements) {
      expect(["link", "img", "iframe", "object", "base", "form"]).not.toContain(name)
      expect(attributes.has("src")).toBe(false)
      expect(attributes.get("href") ?? "#").toMatch(/^#/)
      for (const key of attributes.keys()) expect(key).not.toMatch(/^on|^style$/)
    }
    const policy =
      named("meta")
        .find(({ attributes }) => attributes.has("http-equiv"))
        ?.attributes.get("content") ?? ""
    expect(policy).toMatch(/^default-src &#39;none&#39;;/)
    expect(policy).not.toContain("unsafe")
    const hash = (own: string) => createHash("sha256").update(own).digest("base64")
    const scripts = named("script").filter(({ attributes }) => !attributes.has("type"))
    expect(scripts).toHaveLength(1)
    expect(named("style")).toHaveLength(1)
    for (const own of [...scripts, ...named("style")]) expect(policy).toContain(`sha256-${hash(own.text)}`)
  })

  test("is a function of the reports", () => {
    expect(page(audited, { heading: "Heads & <tails>" })).toBe(text)
  })

  test("writes names as text wherever they stand", () => {
    expect(text).not.toContain('alert("x")')
    const escaped = "sum &lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; &#39;y&#39;"
    expect(named("h2").map((own) => own.text)).toContain(escaped)
    expect(text).toContain("&quot;first&quot; &lt; &#39;second&#39; &amp; more")
    // In a data block, a seed that is text must not end the block.
    const seeds = ["</script><b>", "43"]
    const hostile = page([{ title: "a", note: "b", report: { ...diagonal, seeds } }], { heading: "c" })
    const data = parse(hostile).find(({ attributes }) => attributes.get("type") === "application/json")
    expect(JSON.parse(data?.text ?? "")).toMatchObject({ runs: seeds })
  })

  test("without any policy is whole, too", () => {
    expect(parse(page([], { heading: "none" })).some((own) => own.text.includes("0 policies"))).toBe(true)
  })
})

describe("a policy", () => {
  test("has its verdict, in words, in the summary and in its section", () => {
    const rows = named("tr").filter(({ text }) => text.includes('role="rowheader"'))
    expect(rows).toHaveLength(audited.length)
    for (const [index, { report }] of audited.entries()) {
      expect(rows[index]?.text).toContain(`</svg>${report.verdict}</span>`)
      expect(words(index + 1)).toContain(`${report.repeated} of ${report.streams} streams repeat another`)
      expect(words(index + 1)).toContain(report.verdict)
    }
    expect(text).toContain("7 policies: 5 with repeats, 1 with none seen, 1 with none by construction.")
    expect(rows[6]?.text).toContain("1 in 1,048,576")
    expect(words(7)).toContain("1 in 1,048,576")
    expect(rows[5]?.text).toContain("not squeezed")
  })

  test("has its patterns in words", () => {
    expect(words(1)).toContain("worker w of epoch e is worker w−1 of epoch e+1 (8 of 8 such pairs)")
    expect(words(1)).toContain("worker 2 of epoch 0 is worker 0 of epoch 2 (2 of 2 such pairs)")
    expect(words(2)).toContain("a worker’s streams of one epoch repeat each other (4 of 4 such pairs)")
    expect(words(2)).toContain("run 1’s epoch 0 has the order of run 1’s epoch 1")
    expect(words(3)).toContain("run 42’s epoch 1 is run 43’s epoch 0, worker by worker (2 of 2 such pairs)")
    expect(words(4)).toContain("worker 0 runs into worker 1 of the same epoch (2 of 2 such pairs)")
    expect(words(4)).toContain("2 pairs run into each other")
    expect(words(5)).toContain("worker w of rank r is worker w of rank r+1 of the same epoch (8 of 8 such pairs)")
    expect(words(6)).not.toContain("Patterns")
  })

  test("lists all its places, with those that they repeat", () => {
    for (const [index, { report }] of audited.entries()) {
      const section = named("section").find(({ attributes }) => attributes.get("id") === `policy-${index + 1}`)
      const body = section?.text.match(/<tbody>(.*?)<\/tbody>/s)?.[1] ?? ""
      const rows = parse(body).filter(({ name }) => name === "tr")
      expect(rows).toHaveLength(report.cells.length)
    }
    // Epoch 0's worker 0 has none, worker 1 is epoch 1's worker 0.
    expect(words(1)).toContain("42 0 0 1 none 42 0 1 1 group 1, with 1 other 42 0 2 1 group 2, with 2 others")
  })

  test("has a map of all pairs, drawn without script, and its data", () => {
    const maps = named("figure")
    expect(maps).toHaveLength(audited.length)
    for (const [index, { report }] of audited.entries()) {
      const own = parse(maps[index]?.text ?? "")
      const paths = own.filter(
        ({ attributes, name }) => name === "path" && /^group-/.test(attributes.get("class") ?? "")
      )
      const tiles = paths.map(({ attributes }) => attributes.get("d")?.match(/M/g)?.length ?? 0)
      const itself = report.meetings.filter(({ first, second }) => first === second).length
      expect(tiles.reduce((sum, count) => sum + count, 0)).toBe(2 * report.meetings.length - itself)
      const data = JSON.parse(own.find(({ name }) => name === "script")?.text ?? "")
      expect(data.cells).toHaveLength(report.cells.length)
      expect(data.starts).toHaveLength(report.cells.length)
      expect(data.meetings).toHaveLength(report.meetings.length)
      const label = own.find(({ attributes }) => attributes.get("role") === "img")?.attributes.get("aria-label")
      expect(label).toContain(`${report.cells.length} places against each other`)
    }
  })

  test("gives way to words where a map would be too large, or empty", () => {
    const many = Array.from({ length: MOST + 1 }, (_, worker) => ({ run: 0, epoch: 0, rank: 0, worker, streams: 1 }))
    const large = { ...clean, cells: many }
    const empty = { ...clean, cells: [], stages: [] }
    const source = page(
      [
        { title: "large", note: "", report: large },
        { title: "empty", note: "", report: empty }
      ],
      { heading: "both" }
    )
    expect(parse(source).some(({ name }) => name === "figure")).toBe(false)
    expect(words(1, source)).toContain("too many for a map")
    expect(words(2, source)).toContain("No stage draws")
  })
})

describe("sentences", () => {
  test("say what is the same for all: every epoch repeats the one before", () => {
    expect(patternsOf(forked)).toEqual([
      "every epoch repeats the one before for the same worker (8 of 8 such pairs)",
      "every epoch repeats the one 2 before for the same worker (4 of 4 such pairs)"
    ])
  })

  test("fold all but the first patterns, and leave out the farthest of very many", () => {
    const many = Array.from({ length: 103 }, (_, place) => ({ ...noMeeting, worker: place + 1 }))
    const report: SeedAudit.RunReport = { ...clean, verdict: "repeats", patterns: many }
    const own = words(1, page([{ title: "many", note: "", report }], { heading: "many" }))
    expect(own).toContain("97 more patterns")
    expect(own).toContain("3 of the farthest are left out")
    expect(own.match(/such pairs/g)).toHaveLength(100)
    expect(words(1)).not.toContain("left out")
  })

  test("tell the same from some and from shifted", () => {
    const cells = [0, 1].map((worker) => ({ run: 0, epoch: 0, rank: 0, worker, streams: 4 }))
    const meeting = { first: 0, second: 1, equal: 4, shifted: 1, shift: 3 }
    expect(kindOf(meeting, cells)).toBe("same")
    expect(kindOf({ ...meeting, equal: 3 }, cells)).toBe("some")
    expect(kindOf({ ...meeting, equal: 0 }, cells)).toBe("shifted")
    expect(kindOf({ ...meeting, second: 0, equal: 3 }, cells)).toBe("same")
    const part = { ...clean, cells, meetings: [{ ...meeting, equal: 3 }] }
    const patterns = [{ run: 0, epoch: 0, rank: 0, worker: 1, met: 1, pairs: 1 }]
    expect(patternsOf({ ...part, patterns })).toEqual([
      "worker 0 shares streams with worker 1 of the same epoch (1 of 1 such pairs)"
    ])
  })

  test("name an order once, with all epochs that have it", () => {
    const at = (epoch: number) => ({ run: 0, epoch })
    const orders = [
      { first: at(0), second: at(1) },
      { first: at(0), second: at(2) },
      { first: at(1), second: at(2) }
    ]
    expect(ordersOf({ ...clean, orders })).toEqual([
      "run 42’s epoch 0 has the order of run 42’s epoch 1 and run 42’s epoch 2"
    ])
  })

  test("call runs by their seeds only where these tell them apart", () => {
    expect(runsOf(["42", "43"])).toEqual(["42", "43"])
    expect(runsOf(["42", "42"])).toEqual(["1", "2"])
    expect(runsOf(["its own"])).toEqual(["1"])
  })
})

describe("groups", () => {
  test("hold what meets, directly or by others, numbered from the first", () => {
    const cells = Array.from({ length: 6 }, (_, worker) => ({ run: 0, epoch: 0, rank: 0, worker, streams: 1 }))
    const meeting = (first: number, second: number) => ({ first, second, equal: 1, shifted: 0, shift: undefined })
    const meetings = [meeting(4, 5), meeting(1, 5), meeting(2, 2)]
    expect(groupsOf({ ...clean, cells, meetings })).toEqual({
      of: [undefined, 0, 1, undefined, 0, 0],
      members: [[1, 4, 5], [2]]
    })
  })

  test("have as many colors as the style has", () => {
    const style = named("style")[0]?.text ?? ""
    const colors = new Set([...style.matchAll(/\.group-(\d+)/g)].map(([, number]) => number))
    expect(colors.size).toBe(COLORS)
  })
})
