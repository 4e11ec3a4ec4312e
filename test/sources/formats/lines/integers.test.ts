/** Whole numbers beyond 2^53 in JSON Lines: neither read nor written rounded. */
import { expect, test } from "bun:test"
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Stream } from "effect"
import { Dataset, Format, furrow, Pipeline, Sampler, type SeedPolicy, Sink } from "../../../../src/index.ts"

const rows = (count: number): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, row) => `{"id":${1234567890123456780n + BigInt(row)},"n":${row}}`)

const folderOf = (lines: ReadonlyArray<string>): string => {
  const folder = mkdtempSync(join(tmpdir(), "furrow-integers-"))
  writeFileSync(join(folder, "a.jsonl"), `${lines.join("\n")}\n`)
  return folder
}
type Row = { readonly id: number | bigint; readonly n: number }
const open = (location: string, format: Format.Format<Row> = Format.jsonl()) =>
  Effect.runPromise(Dataset.open(location, { format, index: false }))
const idsOf = async <E>(
  source: Pipeline.Pipeline<Row, E, SeedPolicy.SeedPolicy>
): Promise<ReadonlyArray<number | bigint>> => {
  const found: Array<Row> = []
  const pipeline = source.pipe(Pipeline.batchWith(7, (own) => own))
  for await (const { columns } of furrow(pipeline, { seed: 1, epochs: 1, workers: 2 })) found.push(...columns)
  return found.toSorted((a, b) => a.n - b.n).map(({ id }) => id)
}
const shuffled = Pipeline.sample(Sampler.shuffle)
const ids = Array.from({ length: 40 }, (_, row) => 1234567890123456780n + BigInt(row))

test("ids of 64 bits are read as they are: in order, in another order, and as a stream", async () => {
  const folder = folderOf(rows(40))
  const dataset = await open(folder)
  expect(await idsOf(Pipeline.from(dataset))).toEqual(ids)
  expect(await idsOf(Pipeline.from(dataset).pipe(shuffled))).toEqual(ids)
  const stream = await Effect.runPromise(Dataset.openStream(folder, { format: Format.jsonl<Row>() }))
  expect(await idsOf(Pipeline.from(stream))).toEqual(ids)
  const rounded = await open(folder, Format.jsonl({ integers: "number" }))
  expect(await idsOf(Pipeline.from(rounded).pipe(shuffled))).toEqual(ids.map(Number))
})

test("a sink writes them as digits, and large doubles so that they are no integers", async () => {
  const to = join(mkdtempSync(join(tmpdir(), "furrow-integers-")), "out")
  const written = [
    { id: 9007199254740993n, n: 0 },
    { id: 2 ** 60, n: 1 },
    { id: -1e20, n: 2 }
  ]
  await Effect.runPromise(Sink.write(Stream.fromIterable(written), Sink.jsonl(to)))
  expect(readFileSync(join(to, "shard-00000.jsonl"), "utf8")).toBe(
    '{"id":9007199254740993,"n":0}\n{"id":1.152921504606847e+18,"n":1}\n{"id":-1e+20,"n":2}\n'
  )
  expect(await idsOf(Pipeline.from(await open(to)))).toEqual([9007199254740993n, 2 ** 60, -1e20])
})
