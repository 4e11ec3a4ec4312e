import { afterAll, describe, expect, test } from "bun:test"
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, relative } from "node:path"
import { pathToFileURL } from "node:url"
import { Effect, Logger } from "effect"
import { Dataset, Format, Pipeline, Sink } from "../../src/index.ts"
import { apart } from "../../src/sinks/Overlap.ts"

const root = realpathSync(mkdtempSync(join(tmpdir(), "furrow-overlap-")))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const raw = join(root, "raw")
mkdirSync(join(raw, "more"), { recursive: true })
for (const name of ["a.jsonl", "more/b.jsonl"]) writeFileSync(join(raw, name), '{"n":0}\n{"n":1}\n{"n":2}\n')
symlinkSync(raw, join(root, "link"))

const format = Format.jsonl<{ readonly n: number }>()

/** How the error says that an input and a sink's folder overlap; `undefined` if they do not. */
const found = async (input: string | ReadonlyArray<string>, to: string): Promise<string | undefined> => {
  const ended = await Effect.runPromise(Effect.either(apart([input].flat(), Sink.jsonl(to))))
  if (ended._tag === "Right") return undefined
  expect(ended.left).toMatchObject({ _tag: "SinkError", kind: "overlap", location: to })
  return /the input .* is read from (this folder|a folder in which this one lies|a folder in this one): /.exec(
    ended.left.message
  )?.[1]
}

const THIS = "this folder"
const AROUND = "a folder in which this one lies"
const INSIDE = "a folder in this one"

describe("what a sink writes lies apart from what is read", () => {
  test("folders, by any spelling and through links", async () => {
    const near = relative(process.cwd(), raw)
    for (const input of [raw, `${raw}/`, near, join(root, "link"), pathToFileURL(raw).href]) {
      expect(await found(input, raw)).toBe(THIS)
      expect(await found(input, join(root, "link", "train"))).toBe(AROUND)
      expect(await found(input, `${near}/train/`)).toBe(AROUND)
      expect(await found(input, pathToFileURL(root).href)).toBe(INSIDE)
      expect(await found(input, join(root, "raw-2"))).toBeUndefined()
      // Listings leave out such names.
      expect(await found(input, join(raw, "_train"))).toBeUndefined()
    }
    expect(await found([join(root, "no"), raw], raw)).toBe(THIS)
  })

  test("patterns, if they match what is written; files by their names may lie anywhere", async () => {
    expect(await found(join(raw, "*.jsonl"), raw)).toBe(THIS)
    expect(await found(join(raw, "*.jsonl"), join(raw, "train"))).toBeUndefined()
    expect(await found(join(raw, "**", "*.jsonl"), join(raw, "train"))).toBe(AROUND)
    expect(await found(join(raw, "**", "*.csv"), join(raw, "train"))).toBeUndefined()
    expect(await found(join(raw, "*", "*"), join(raw, "train"))).toBe(AROUND)
    expect(await found(join(raw, "more", "?.jsonl"), raw)).toBe(INSIDE)
    expect(await found(join(raw, "{more,less}", "b.jsonl"), raw)).toBeUndefined()
    expect(await found(join(raw, "a.jsonl"), join(raw, "train"))).toBeUndefined()
    expect(await found("s3://bucket/raw/", raw)).toBeUndefined()
    expect(await found(raw, "s3://bucket/raw")).toBeUndefined()
  })

  test("in Sink.run of views, joined datasets and streams: nothing is written", async () => {
    const sink = Sink.jsonl(join(raw, "train"))
    const data = await Effect.runPromise(Dataset.open(raw, { format, index: false }))
    const other = Dataset.fromArray([{ n: 7 }])
    const views = [data, Dataset.slice(data, 0, 3), Dataset.map(data, (row) => row), Dataset.concat(other, data)]
    const stream = await Effect.runPromise(Dataset.openStream(raw, { format }))
    const runs: ReadonlyArray<Effect.Effect<unknown, unknown>> = [
      ...views.map((own) => Sink.run(Pipeline.from(own), sink)),
      Sink.run(Pipeline.from(stream), sink)
    ]
    for (const run of runs) expect(await Effect.runPromise(Effect.flip(run))).toMatchObject({ kind: "overlap" })
    expect(existsSync(join(raw, "train"))).toBe(false)
    const named = await Effect.runPromise(Dataset.open(join(raw, "a.jsonl"), { format, index: false }))
    expect((await Effect.runPromise(Sink.run(Pipeline.from(named), sink))).rows).toBe(3)
  })

  test("a folder of shards that sinks wrote is read by its manifests, with a warning if others lie beside these", async () => {
    const all = join(root, "all")
    const rows = (n: number) => Pipeline.from(Dataset.fromArray([{ n }]))
    for (const [n, name] of ["train", "val"].entries()) {
      await Effect.runPromise(Sink.run(rows(n), Sink.jsonl(join(all, name))))
    }
    const told: Array<string> = []
    const logger = Logger.replace(
      Logger.defaultLogger,
      Logger.make(({ message }) => void told.push(String(message)))
    )
    const size = () =>
      Effect.runPromise(
        Effect.map(Dataset.open(all, { format, index: false }), (own) => own.size).pipe(Effect.provide(logger))
      )
    expect(await size()).toBe(2)
    expect(told).toEqual([])
    writeFileSync(join(all, "raw.jsonl"), '{"n":0}\n')
    expect(await size()).toBe(3)
    expect(told).toHaveLength(1)
    expect(told[0]).toMatch(
      /the shards of .*all\/train\/manifest.json, .*together with .*raw.jsonl\. .*rows come twice/
    )
  })
})
