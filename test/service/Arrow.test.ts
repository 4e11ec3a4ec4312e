/**
 * The batches of a service as a stream of Arrow's: read by this repository's reader, by flechette, and by pyarrow.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { spawn, spawnSync } from "node:child_process"
import { tableFromIPC } from "@uwdata/flechette"
import { Effect, Exit, Scope } from "effect"
import { Dataset, Format, Pipeline, Sampler, Tensor } from "../../src/index.ts"
import { Service } from "../../src/service.ts"
import { openShard, shardOf } from "../support/shard.ts"

const photos = Pipeline.from(Dataset.range(10)).pipe(
  Pipeline.sample(Sampler.shuffle),
  Pipeline.augment("noise", (id: number, rng) => ({
    image: new Tensor.Tensor(
      Float32Array.from({ length: 6 }, () => rng.float()),
      [2, 3]
    ),
    id,
    name: `№${id}`,
    inner: { even: id % 2 === 0, tag: id % 3 === 0 ? "third" : "other" }
  })),
  Pipeline.batch(4, { dtypes: { id: "int32" } })
)

/** Tokens of other lengths in each batch. */
const ragged = Pipeline.from(Dataset.range(9)).pipe(
  Pipeline.batchWith(3, (ids: ReadonlyArray<number>) => ({
    tokens: new Tensor.Tensor(new Int32Array(3 * (1 + (ids[0] ?? 0))), [3, 1 + (ids[0] ?? 0)]),
    ids: Float64Array.from(ids)
  }))
)
const nested = Pipeline.from(Dataset.range(3)).pipe(
  Pipeline.batchWith(2, (ids: ReadonlyArray<number>) => ({
    list: ids.map((id) => Array.from({ length: id + 1 }, (_, at) => at))
  }))
)
/** Two columns whose keys, joined with dots, are the same. */
const dotted = Pipeline.from(Dataset.range(3)).pipe(
  Pipeline.batchWith(2, (ids: ReadonlyArray<number>) => ({ "a.b": ids.map(String), a: { b: [...ids] } }))
)
const flat = Pipeline.from(Dataset.range(4)).pipe(Pipeline.batch(2))
const odd = Pipeline.from(Dataset.range(4)).pipe(
  Pipeline.batchWith(2, () => ({ mean: new Tensor.Tensor(new Float32Array(3), [3]) }))
)
const halves = Pipeline.from(Dataset.range(4)).pipe(
  Pipeline.map("half", (id) => ({ name: id < 2 ? "whole" : "half \ud83d" })),
  Pipeline.batch(2)
)
const failing = Pipeline.from(Dataset.range(4)).pipe(
  Pipeline.map("break", (id) => {
    if (id === 3) throw new Error("no three")
    return id
  }),
  Pipeline.batch(1)
)
const late = Pipeline.from(Dataset.range(32)).pipe(
  Pipeline.filter("late", (id) => id > 29),
  Pipeline.map("name", (id) => ({ id, name: `${id}` })),
  Pipeline.batch(8)
)

const pipelines = { photos, ragged, nested, dotted, flat, odd, halves, failing, late }
const scope = Effect.runSync(Scope.make())
let url = ""

beforeAll(async () => {
  const own = await Effect.runPromise(Scope.extend(Service.serve({ pipelines }), scope))
  url = own.url
})
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

interface Answer {
  readonly status: number
  readonly bytes: Uint8Array
  /** Whether it ends as a stream of Arrow's does. */
  readonly isWhole: boolean
}

const get = async (query: string): Promise<Answer> => {
  const response = await fetch(`${url}/batches?${query}&epochs=1&format=arrow`)
  const bytes = new Uint8Array(await response.arrayBuffer())
  const end = Buffer.from(bytes.subarray(-8)).toString("hex")
  return { status: response.status, bytes, isWhole: end === "ffffffff00000000" }
}

const said = ({ bytes }: Answer): string => new TextDecoder().decode(bytes)

/** The JSON that stands under `furrow`, of the schema and of each batch. */
const notes = (bytes: Uint8Array): ReadonlyArray<Record<string, unknown>> => {
  const found: Array<Record<string, unknown>> = []
  for (let at = 0; at + 8 <= bytes.length; ) {
    const view = new DataView(bytes.buffer, bytes.byteOffset + at)
    const length = view.getInt32(4, true)
    if (length === 0 || at + 8 + length > bytes.length) break
    const metadata = Buffer.from(bytes.subarray(at + 8, at + 8 + length)).toString("latin1")
    const start = metadata.search(/\{"(cursor|epoch|error)"/)
    const size = Buffer.from(metadata.slice(start - 4, start), "latin1").readInt32LE(0)
    found.push(JSON.parse(Buffer.from(metadata.slice(start, start + size), "latin1").toString("utf8")))
    // `bodyLength` stands in the table of the message.
    const root = view.getInt32(8, true) + 8
    const slot = view.getInt16(root - view.getInt32(root, true) + 4 + 2 * 3, true)
    at += 8 + length + (slot === 0 ? 0 : Number(view.getBigInt64(root + slot, true)))
  }
  return found
}

const local = async () => {
  const run = Service.remote<{ image: Tensor.Tensor; id: Tensor.Tensor; name: ReadonlyArray<string> }>(url, {
    pipeline: "photos",
    seed: 7,
    epochs: 1
  })
  const batches = []
  const cursors = []
  for await (const batch of run) {
    batches.push(batch)
    cursors.push(run.cursor)
  }
  return { batches, cursors }
}

const python = spawnSync("python3", ["-c", "import pyarrow"], { encoding: "utf8" })
const hasPyarrow = python.error === undefined && python.status === 0

const SCRIPT = `
import json, sys, urllib.request
import pyarrow as pa
found = []
with urllib.request.urlopen(sys.argv[1]) as response, pa.ipc.open_stream(response) as reader:
    types = {field.name: str(field.type) for field in reader.schema}
    begin = json.loads(reader.schema.metadata[b"furrow"])
    while True:
        try:
            batch, metadata = reader.read_next_batch_with_custom_metadata()
        except StopIteration:
            break
        batch.validate(full=True)
        image = pa.Table.from_batches([batch])["image"].combine_chunks()
        image = image.chunk(0) if isinstance(image, pa.ChunkedArray) else image
        told = json.loads(metadata[b"furrow"])
        found.append({
            "indices": told["indices"], "cursor": told["cursor"],
            "shape": list(image.to_numpy_ndarray().shape), "sum": float(image.to_numpy_ndarray().astype("float64").sum()),
            "rows": batch.select(["id", "name", "inner"]).to_pylist(),
        })
broken = None
with urllib.request.urlopen(sys.argv[2]) as response, pa.ipc.open_stream(response) as reader:
    try:
        for batch in reader:
            pass
    except pa.ArrowInvalid as error:
        broken = str(error)
print(json.dumps({"broken": broken, "types": types, "begin": begin["batches"], "found": found}))
`

describe("a stream of Arrow's", () => {
  test("is read by flechette and by our own reader: tensors, texts and records", async () => {
    const { batches } = await local()
    const answer = await get("pipeline=photos&seed=7")
    expect([answer.status, answer.isWhole]).toEqual([200, true])
    const table = tableFromIPC(answer.bytes)
    expect(table.numRows).toBe(10)
    expect(Array.from(table.getChild("id"))).toEqual(
      batches.flatMap(({ columns }) => Array.from(columns.id.data as Int32Array))
    )
    expect(Array.from(table.getChild("name"))).toEqual(batches.flatMap(({ columns }) => columns.name))
    const numbers = Array.from(table.getChild("image")).flatMap((row: Iterable<number>) => Array.from(row))
    expect(numbers).toEqual(batches.flatMap(({ columns }) => Array.from(columns.image.data as Float32Array)))
    const image = table.schema.fields.find(({ name }) => name === "image")
    expect(image?.metadata?.get("ARROW:extension:name")).toBe("arrow.fixed_shape_tensor")
    expect(JSON.parse(image?.metadata?.get("ARROW:extension:metadata") ?? "{}")).toEqual({ shape: [2, 3] })
    const { blocks } = await Effect.runPromise(openShard(Format.arrow(), shardOf(answer.bytes, "batches.arrows")))
    const rows = blocks.flatMap(({ row, size }) => Array.from({ length: size }, (_, place) => row(place)))
    expect(rows.map(({ inner, name }) => ({ inner, name }))).toEqual(
      Array.from(table.getChild("id"), (id: number) => ({
        inner: { even: id % 2 === 0 ? 1 : 0, tag: id % 3 === 0 ? "third" : "other" },
        name: `№${id}`
      }))
    )
  })

  test("tells the cursor behind each batch, from which it goes on", async () => {
    const { batches, cursors } = await local()
    const { bytes } = await get("pipeline=photos&seed=7")
    const [begin, ...told] = notes(bytes)
    expect(begin).toMatchObject({ batches: 3, cursor: { epoch: 0, batch: 0 } })
    expect(told.map(({ cursor }) => cursor)).toEqual(cursors.map((own) => JSON.parse(JSON.stringify(own))))
    expect(told.map(({ indices }) => indices)).toEqual(batches.map(({ indices }) => Array.from(indices)))
    const from = Buffer.from(JSON.stringify(told[0]?.["cursor"])).toString("base64url")
    const rest = await get(`pipeline=photos&seed=7&from=${from}`)
    expect(notes(rest.bytes).slice(1)).toEqual(told.slice(1))
  })

  test("has a column of a batch that is a tensor itself, and lists of lists", async () => {
    expect(Array.from(tableFromIPC((await get("pipeline=flat")).bytes).getChild("columns"))).toEqual([0, 1, 2, 3])
    const nested = tableFromIPC((await get("pipeline=nested")).bytes)
    expect(Array.from(nested.getChild("list"), (row: Iterable<number>) => Array.from(row))).toEqual([
      [0],
      [0, 1],
      [0, 1, 2]
    ])
  })

  test("keeps columns apart whose keys have dots", async () => {
    const table = tableFromIPC((await get("pipeline=dotted")).bytes)
    expect(Array.from(table.getChild("a.b"))).toEqual(["0", "1", "2"])
    expect(Array.from(table.getChild("a"))).toEqual([{ b: 0 }, { b: 1 }, { b: 2 }])
  })

  test("begins with the batches that have rows where a rank's first ones have none, and leaves none out", async () => {
    const { bytes, isWhole } = await get("pipeline=late&rank=1&world=2")
    expect(isWhole).toBe(true)
    const table = tableFromIPC(bytes)
    expect(table.schema.fields.map(({ name }) => name)).toEqual(["id", "name"])
    const sizes = notes(bytes)
      .slice(1)
      .map(({ size }) => size)
    expect(sizes.length).toBe(4)
    expect(sizes.filter((size) => size === 0).length).toBe(3)
  })

  test("is refused before its first byte where its first batch has no form", async () => {
    const one = await get("pipeline=odd")
    expect(one.status).toBe(406)
    expect(JSON.parse(said(one))).toMatchObject({ error: "NotArrow" })
    expect(said(one)).toContain("columns.mean cannot be a column of Arrow: its shape is [3] in a batch of 2 rows")
  })

  test("is broken off where a later one has none, or the run fails, and says why", async () => {
    const cases = [
      ["pipeline=ragged", "NotArrow", 'tokens has rows of \\"int32\\" with {\\"shape\\":[4]}'],
      ["pipeline=halves", "NotArrow", "half of a surrogate pair"],
      ["pipeline=failing", "StageError", "no three"]
    ] as const
    for (const [query, tag, reason] of cases) {
      const answer = await get(query)
      const last = notes(answer.bytes).at(-1)
      expect([query, answer.status, answer.isWhole, last?.["error"]]).toEqual([query, 200, false, tag])
      expect(JSON.stringify(last)).toContain(reason)
      expect(() => tableFromIPC(answer.bytes)).toThrow()
    }
  })

  test.skipIf(!hasPyarrow)("is read by pyarrow (needs python3 with pyarrow)", async () => {
    const { batches, cursors } = await local()
    const ended = await new Promise<string>((resolve) => {
      const query = "pipeline=photos&seed=7&epochs=1&format=arrow"
      const failed = "pipeline=failing&epochs=1&format=arrow"
      const args = ["-c", SCRIPT, `${url}/batches?${query}`, `${url}/batches?${failed}`]
      const child = spawn("python3", args)
      let text = ""
      for (const stream of [child.stdout, child.stderr]) {
        stream.on("data", (piece: Buffer) => {
          text += piece.toString()
        })
      }
      child.on("close", () => resolve(text))
    })
    const { begin, broken, found, types } = JSON.parse(ended)
    expect(broken).toContain("64")
    expect(begin).toBe(3)
    expect(types).toMatchObject({
      image: "extension<arrow.fixed_shape_tensor[value_type=float, shape=[2,3]]>",
      id: "int32",
      name: "string"
    })
    expect(found.map(({ cursor }: { cursor: unknown }) => cursor)).toEqual(JSON.parse(JSON.stringify(cursors)))
    for (const [at, { columns, indices, size }] of batches.entries()) {
      expect(found[at].indices).toEqual(Array.from(indices))
      expect(found[at].shape).toEqual([size, 2, 3])
      const sum = (columns.image.data as Float32Array).reduce((total, own) => total + own, 0)
      expect(found[at].sum).toBeCloseTo(sum, 3)
      expect(found[at].rows.map(({ name }: { name: string }) => name)).toEqual(columns.name)
    }
  })
})
