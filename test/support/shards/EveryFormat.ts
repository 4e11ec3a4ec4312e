/**
 * The numbers from 0 on as rows of shards, in every format that is read: the same rows for the laws' random pipelines, whatever
 * holds them.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { Dataset, Format, Sink, Store } from "../../../src/index.ts"
import { headerOf, npyOf } from "../npy.ts"
import { zipOf } from "../zip.ts"

/** The most rows that there are. */
export const MOST_ROWS = 90
export const SHARD_ROWS = 10
/** So many rows are a block, where a format has blocks of a size that is chosen. */
export const BLOCK_ROWS = 3

const SHARDS = Array.from({ length: MOST_ROWS / SHARD_ROWS }, (_, shard) => shard)
const numbersOf = (shard: number): ReadonlyArray<number> =>
  Array.from({ length: SHARD_ROWS }, (_, row) => shard * SHARD_ROWS + row)

/** Where the bytes of shards are from: each is made by itself, or a sink writes them all. */
type From =
  | { readonly bytes: (shard: number) => string | Uint8Array }
  | { readonly sink: (folder: string) => Sink.Sink; readonly row?: (n: number) => unknown }

interface Numbered {
  readonly n: number
}

const shardsIn = <Row>(format: Format.Format<Row>, numberOf: (row: Row) => number, from: From) => ({
  format: format as Format.Format<unknown>,
  numberOf: numberOf as (row: unknown) => number, // rows are of this format
  from
})

const ofRecord = ({ n }: Numbered): number => n
const itself = (n: number): number => n
const cut = { rows: SHARD_ROWS } as const

/** Lines of 8 bytes, each with its own number. */
const lines = (shard: number): string =>
  numbersOf(shard)
    .map((n) => `${String(n).padStart(7, "0")}\n`)
    .join("")
const jsonLines = (shard: number): string =>
  lines(shard).replaceAll(/^0+(?=\d)/gmu, (zeros) => " ".repeat(zeros.length))
const small = { blockBytes: 8 * BLOCK_ROWS }

const array = (shard: number): Uint8Array =>
  npyOf(headerOf("<f8", [SHARD_ROWS]), new Uint8Array(Float64Array.from(numbersOf(shard)).buffer))

const known = {
  jsonl: shardsIn(Format.jsonl<number>(small), itself, { bytes: jsonLines }),
  "jsonl, gzip": shardsIn(Format.jsonl<Numbered>(small), ofRecord, {
    sink: (folder) => Sink.jsonl(folder, { ...cut, ...small, compression: "gzip" })
  }),
  "jsonl, zstd": shardsIn(Format.jsonl<Numbered>(small), ofRecord, {
    sink: (folder) => Sink.jsonl(folder, { ...cut, ...small, compression: "zstd" })
  }),
  csv: shardsIn(Format.csv({ ...small, types: { n: "number" } }), (row) => Number(row["n"]), {
    bytes: (shard) => `n\n${lines(shard)}`
  }),
  text: shardsIn(Format.text(small), Number, { bytes: lines }),
  parquet: shardsIn(Format.parquet(), (row) => Number(row["n"]), {
    sink: (folder) => Sink.parquet(folder, { ...cut, ...small })
  }),
  arrow: shardsIn(Format.arrow(), (row) => Number(row["n"]), {
    sink: (folder) => Sink.arrow(folder, { ...cut, ...small })
  }),
  tar: shardsIn(Format.tar({ blockBytes: 1024 * BLOCK_ROWS }), (row) => Number(row["json"]), {
    sink: (folder) => Sink.tar(folder, cut),
    row: (n) => ({ __key__: `k${n}`, json: n })
  }),
  npy: shardsIn(Format.npy(small), ({ array: n }) => Number(n), { bytes: array }),
  npz: shardsIn(Format.npz(small), (row) => Number(row["n"]), {
    bytes: (shard) => zipOf([{ name: "n.npy", body: array(shard) }])
  }),
  safetensors: shardsIn(Format.safetensors(small), (row) => Number(row["n"]), {
    sink: (folder) => Sink.safetensors(folder, cut)
  })
}

export type ShardFormat = keyof typeof known

export const shardFormats = Object.keys(known) as ReadonlyArray<ShardFormat> // the keys of that record

/** The numbers as they are read of shards of one format. */
export interface Numbers {
  readonly format: Format.Format<unknown>
  readonly locations: ReadonlyArray<string>
  /** Where the shards lie. */
  readonly store: Layer.Layer<Store.Store>
  /** So much is kept of its blocks that they are all kept, or that some are read again. */
  readonly datasets: { readonly kept: Dataset.Dataset<unknown>; readonly readAgain: Dataset.Dataset<unknown> }
  /** The numbers of the first shards in order. */
  readonly stream: (shards: number) => Dataset.StreamSource<unknown>
  readonly numberOf: (row: unknown) => number
}

const opened = (name: ShardFormat) =>
  Effect.gen(function* () {
    const { format, from, numberOf } = known[name]
    const folder = `memory://${name.replaceAll(/\W+/gu, "-")}`
    const store = yield* Store.Store
    let locations: ReadonlyArray<string>
    if ("bytes" in from) {
      locations = SHARDS.map((shard) => `${folder}/${shard}`)
      for (const [shard, location] of locations.entries()) {
        const bytes = from.bytes(shard)
        const own = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes
        yield* store.write(location, Stream.make(own))
      }
    } else {
      const row = from.row ?? ((n: number) => ({ n }))
      const manifest = yield* Sink.write(Stream.map(Stream.range(0, MOST_ROWS - 1), row), from.sink(folder))
      locations = manifest.shards.map((shard) => `${folder}/${shard.name}`)
    }
    const open = (cacheBytes: number, aheadBytes: number) =>
      Dataset.open(locations, { format, index: false, name, cacheBytes, aheadBytes })
    const datasets = { kept: yield* open(2 ** 20, 2 ** 14), readAgain: yield* open(256, 0) }
    const stream = (shards: number) =>
      Effect.runSync(
        Dataset.openStream(locations.slice(0, shards), { format, name, atOnce: 1 }).pipe(
          Effect.provideService(Store.Store, store)
        )
      )
    // What lies in memory can be read.
    return {
      format,
      locations,
      store: Layer.succeed(Store.Store, store),
      datasets,
      stream,
      numberOf
    } as unknown as Numbers
  })

/** The formats that are read without an index, in order. */
export const orderedFormats = shardFormats.filter((name) => known[name].format.inOrder !== undefined)

/** The numbers in each format. */
export const numbersIn: ReadonlyMap<ShardFormat, Numbers> = new Map(
  await Effect.runPromise(
    Effect.forEach(shardFormats, (name) => Effect.map(opened(name), (own) => [name, own] as const)).pipe(
      Effect.provide(Store.memory({}))
    )
  )
)
