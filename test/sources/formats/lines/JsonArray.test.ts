import { describe, expect, test } from "bun:test"
import { gzipSync } from "node:zlib"
import { Effect } from "effect"
import { Dataset, Format, Pipeline, Scheduler, Store } from "../../../../src/index.ts"

const format = Format.jsonl()
const encoded = (text: string): Uint8Array => new TextEncoder().encode(text)

/** The rows of a shard by its index, and in order in chunks of so many bytes; or its error, which must be the same. */
const read = async (name: string, bytes: Uint8Array): Promise<ReadonlyArray<unknown> | string> => {
  const sought = await Effect.runPromise(
    Effect.gen(function* () {
      const dataset = yield* Dataset.open(`memory://${name}`, { format, index: false })
      return yield* dataset.getMany(Array.from({ length: dataset.size }, (_, at) => at))
    }).pipe(
      Effect.catchTag("ShardError", ({ reason }) => Effect.succeed(reason)),
      Effect.provide(Store.memory({ [name]: bytes }))
    )
  )
  for (const size of [1, 11, bytes.length]) {
    const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
      bytes.subarray(at * size, (at + 1) * size)
    )
    const pipeline = Pipeline.from(Dataset.fromStream(chunks, { format, name })).pipe(
      Pipeline.batchWith(100, (rows) => rows, { parameters: {} })
    )
    const inOrder = await Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          const loader = yield* Scheduler.open(pipeline, { epochs: 1, replay: true })
          const batch = yield* loader.take
          return batch._tag === "Some" ? batch.value.columns : []
        })
      ).pipe(Effect.catchAll((error) => Effect.succeed(String(error.message))))
    )
    if (typeof sought === "string") expect(inOrder).toContain(sought)
    else expect(inOrder).toEqual(sought)
  }
  return sought
}

describe("a file of one JSON array", () => {
  const arrays = {
    "one.json": '[{"id":1},{"id":2}]',
    "ended.json": ' [ {"id":1},{"id":2}]\n\n',
    "lines.json": '[{"id":1},\n{"id":2}]\n',
    "pretty.jsonl": '[\n  {\n    "id": 1\n  }\n]\n',
    "numbers.jsonl": "[\r\n1,\n2]",
    "marked.json": '\ufeff[{"id":1}]'
  }
  for (const [name, text] of Object.entries(arrays)) {
    test(`${name} is an error that says so`, async () => {
      expect(await read(name, encoded(text))).toContain("it is one JSON array, and JSON Lines has")
      expect(await read(`${name}.gz`, new Uint8Array(gzipSync(text)))).toContain("jq -c '.[]' FILE > FILE.jsonl")
    })
  }

  const lines = {
    "numbers.json": ["[1,2]", "[3]"],
    "one.json": ["[1,2]"],
    "texts.json": ['["a"]'],
    "empty.json": ["[]"],
    "talks.json": ['[{"role":"user"},{"role":"tool"}]', '[{"role":"user"}] '],
    "one.jsonl": ['[{"role":"user"}]'],
    unnamed: ['[{"role":"user"}]']
  }
  for (const [name, rows] of Object.entries(lines)) {
    test(`${name} of ${rows.join(" ")} has a row for each line`, async () => {
      const values = rows.map((line): unknown => JSON.parse(line))
      expect(await read(name, encoded(`${rows.join("\n")}\n`))).toEqual(values)
      expect(await read(name, encoded(`\n ${rows.join("\r\n")}`))).toEqual(values)
    })
  }

  test("lines of arrays of which the first one is cut off have one bad row", async () => {
    expect(await read("cut.jsonl", encoded('[{"a":1}, {"b"\n[{"a":2}]\n'))).toContain("it is not JSON")
  })

  test("of more bytes than a row may have is named as such", async () => {
    const text = `[${Array.from({ length: 50 }, (_, id) => `{"id":${id}}`).join(",")}]`
    const open = Dataset.open("memory://a.json", { format: Format.jsonl({ rowBytes: 100 }), index: false })
    const error = await Effect.runPromise(open.pipe(Effect.flip, Effect.provide(Store.memory({ "a.json": text }))))
    expect(error.message).toContain("it is one JSON array")
  })
})
