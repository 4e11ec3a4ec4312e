/**
 * Which files of a folder are its shards.
 */
import { afterAll, describe, expect, test } from "bun:test"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, type Layer, Option } from "effect"
import { formatFrom, opened as openedByCommand } from "../../../pipelines/data/Inputs.ts"
import { Dataset, Format, Store } from "../../../src/index.ts"
import { encode, encodeProgress, MANIFEST, PROGRESS } from "../../../src/sources/sinks/Manifest.ts"

const folder = mkdtempSync(join(tmpdir(), "furrow-shards-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const hash = "0".repeat(64)
const written = { name: "shard-00000.jsonl", rows: 1, bytes: 8, sha256: hash, content: hash }
const whole = { sink: "sink()", rows: 1, bytes: 8, content: hash, source: null, shards: [written] }
const progress = encodeProgress({ run: "1", sink: "sink()", shards: [written], source: null, skip: 0 })

const objects = {
  "sinks/begun/shard-00000.jsonl": '{"n":0}\n',
  [`sinks/begun/${PROGRESS}`]: progress,
  "sinks/done/shard-00000.jsonl": '{"n":0}\n',
  [`sinks/done/${MANIFEST}`]: encode(whole),
  // The run was killed between its last two steps.
  [`sinks/done/${PROGRESS}`]: progress,
  "formats/rows/shard-00000.jsonl": '{"n":0}\n',
  [`formats/rows/${MANIFEST}`]: encode(whole),
  "formats/table/shard-00000.csv": "n\n12345\n",
  [`formats/table/${MANIFEST}`]: encode({
    ...whole,
    sink: "sink(format: csv())",
    shards: [{ ...written, name: "shard-00000.csv" }]
  }),
  "sinks/other/a.jsonl": '{"n":0}\n',
  [`sinks/other/${PROGRESS}`]: "{}\n",
  "sinks/_left/a.jsonl": '{"n":0}\n',
  [`sinks/_left/${PROGRESS}`]: progress,
  "sinks/beside/b.csv": "n\n1\n",
  "sinks/beside/begun/shard-00000.jsonl": '{"n":0}\n',
  [`sinks/beside/begun/${PROGRESS}`]: progress,
  [`first/killed/${PROGRESS}`]: encodeProgress({ run: "1", sink: "sink()", shards: [], source: null, skip: 0 }),
  [`first/left/${PROGRESS}`]: "{}\n",
  "mix/a.jsonl": '{"n":0}\n',
  "mix/README.md": "# a\n",
  "mix/x.parquet": "PAR1",
  "mix/sub/B.NDJSON": '{"n":1}\n',
  "mix/sub/c.json.zst": "",
  "mix/sub/x.ts": "export {}\n",
  "mix/sub/y.tar": "\0".repeat(1024),
  "mix/words/NOTES.md": "# words\n",
  "mix/words/0.txt": "a\n",
  "clone/dataset_info.json": '{\n  "features": {}\n}\n',
  "clone/dataset_dict.json": '{"splits": ["train"]}',
  "clone/en/dataset_infos.json": "{}",
  "clone/en/config.json": "{}",
  "clone/en/my_config.json": '{"n":0}\n',
  "clone/en/train.jsonl": '{"n":0}\n',
  "table/dataset_info.json": "{}",
  "table/data/train.parquet": "PAR1",
  "bare/0": '{"n":0}\n',
  "bare/1.md": '{"n":1}\n',
  [`other/${MANIFEST}`]: "{}\n",
  "other/a.csv": "n\n1\n",
  "other/b.md": "b\n"
}

for (const [name, content] of Object.entries(objects)) {
  for (const root of ["files", "hub/datasets/org/name"]) {
    const path = join(folder, root, name)
    mkdirSync(join(path, ".."), { recursive: true })
    writeFileSync(path, content)
  }
}

const stores: Readonly<Record<string, { readonly root: string; readonly layer: Layer.Layer<Store.Store, unknown> }>> = {
  memory: { root: "memory://", layer: Store.memory(objects) },
  file: { root: `${join(folder, "files")}/`, layer: Store.file },
  hub: { root: "hf://datasets/org/name/", layer: Store.huggingFace({ endpoint: join(folder, "hub") }) }
}

describe.each(Object.entries(stores))("of a folder in the %s store", (_, { layer, root }) => {
  const under = (name: string): string => name.slice(root.length)
  const opened = <Row>(location: string, format: Format.Format<Row>) =>
    Effect.runPromise(
      Effect.map(Dataset.open(`${root}${location}`, { format, index: false }), ({ sharded }) =>
        sharded.shards.map(({ info }) => under(info.location))
      ).pipe(Effect.provide(layer))
    )
  const streamed = <Row>(location: string, format: Format.Format<Row>) =>
    Effect.runPromise(
      Effect.map(Dataset.openStream(`${root}${location}`, { format }), ({ shards }) =>
        shards.map(({ name }) => under(name ?? ""))
      ).pipe(Effect.provide(layer))
    )
  const both = [opened, streamed]

  test.each(both)("the files with an ending of the format are the shards", async (shards) => {
    expect(await shards("mix/", Format.jsonl())).toEqual(["mix/a.jsonl", "mix/sub/B.NDJSON", "mix/sub/c.json.zst"])
    expect(await shards("mix/sub", Format.tar())).toEqual(["mix/sub/y.tar"])
    expect(await shards("mix", Format.text())).toEqual(["mix/words/0.txt"])
  })

  test.each(both)(
    "all files are, if none has such an ending, or if the format does not say its endings",
    async (shards) => {
      expect(await shards("bare", Format.jsonl())).toEqual(["bare/0", "bare/1.md"])
      expect(await shards("mix/words", { ...Format.text(), endings: undefined })).toEqual([
        "mix/words/0.txt",
        "mix/words/NOTES.md"
      ])
    }
  )

  test.each(both)("what describes a dataset of the Hub is no shard, unless it is named", async (shards) => {
    expect(await shards("clone/", Format.jsonl())).toEqual(["clone/en/my_config.json", "clone/en/train.jsonl"])
    expect(await shards("clone/en/config.json", Format.jsonl())).toEqual(["clone/en/config.json"])
  })

  test.each(both)("what wildcards match are shards, whatever their ending", async (shards) => {
    if (root.startsWith("hf:")) return
    expect(await shards("mix/words/*", Format.text())).toEqual(["mix/words/0.txt", "mix/words/NOTES.md"])
  })

  test.each(both)("a manifest of another program is no shard, but by its ending", async (shards) => {
    expect(await shards("other/", Format.csv())).toEqual(["other/a.csv"])
    expect(await shards("other/", Format.jsonl())).toHaveLength(3)
  })

  test.each(both)("of several manifests, those are read whose shards have an ending of the format", async (shards) => {
    expect(await shards("formats", Format.csv())).toEqual(["formats/table/shard-00000.csv"])
    expect(await shards("formats/", Format.jsonl())).toEqual(["formats/rows/shard-00000.jsonl"])
    // If none has, as with files, and if it is named.
    expect(await shards("formats/", Format.text())).toHaveLength(2)
    expect(await shards(`formats/table/${MANIFEST}`, Format.text())).toEqual(["formats/table/shard-00000.csv"])
    const other = await shards("formats/table", Format.jsonl()).catch(String)
    expect(other).toContain("shard-00000.csv: its manifest says that it was written as csv, and it is read as jsonl")
  })

  test.each(both)("a folder that a sink has not finished is refused, with the way out", async (shards) => {
    for (const location of ["sinks/", "sinks/begun"]) {
      const message = await shards(location, Format.jsonl()).catch(String)
      expect(message).toContain(`${root}sinks/begun/: a sink has not finished this folder`)
      expect(message).toContain("lists 1 shard with 1 row so far")
      expect(message).toContain(`name the files, such as ${root}sinks/begun/*`)
    }
    // No shard is taken from the folder.
    expect(await shards("sinks/beside", Format.csv())).toEqual(["sinks/beside/b.csv"])
    expect(await shards("sinks/done/", Format.jsonl())).toEqual(["sinks/done/shard-00000.jsonl"])
    expect(await shards("sinks/other/", Format.jsonl())).toEqual(["sinks/other/a.jsonl"])
    expect(await shards("sinks/begun/shard-00000.jsonl", Format.jsonl())).toHaveLength(1)
    if (root.startsWith("hf:")) return
    expect(await shards("sinks/begun/*", Format.jsonl())).toEqual(["sinks/begun/shard-00000.jsonl"])
  })

  test.each(both)("one in which no shard has been written yet, too", async (shards) => {
    const message = await shards("first/killed/", Format.jsonl()).catch(String)
    expect(message).toContain(`${root}first/killed/: a sink has not finished this folder`)
    expect(message).toContain("lists 0 shards with 0 rows so far")
    expect(await shards("first/left", Format.jsonl()).catch(String)).toContain(
      "there is nothing in this folder but names that begin with . or _; check the location"
    )
  })

  test("a command refuses it as well", async () => {
    const flags = {
      inputs: [`${root}sinks/begun`],
      format: Option.none(),
      columns: Option.none(),
      types: Option.none(),
      delimiter: Option.none(),
      header: Option.none()
    }
    for (const folder of [`${root}sinks/begun`, `${root}first/killed`]) {
      const refused = openedByCommand({ ...flags, inputs: [folder] })
      const error = await Effect.runPromise(Effect.flip(refused).pipe(Effect.provide(layer)))
      expect(error).toMatchObject({ _tag: "StoreError", kind: "invalid" })
    }
  })

  test("a command takes the format of the files that have one", async () => {
    const format = (inputs: ReadonlyArray<string>) =>
      Effect.runPromise(
        Effect.merge(
          formatFrom({
            inputs,
            format: Option.none(),
            columns: Option.none(),
            types: Option.none(),
            delimiter: Option.none(),
            header: Option.none()
          })
        ).pipe(Effect.provide(layer))
      )
    expect(await format([`${root}mix/words`])).toMatchObject({ name: "text" })
    expect(await format([`${root}other/`])).toMatchObject({ name: "csv" })
    expect(await format([`${root}table`])).toMatchObject({ name: "parquet" })
    expect(String(await format([`${root}mix`]))).toContain("give shards of one format, or --format")
  })
})
