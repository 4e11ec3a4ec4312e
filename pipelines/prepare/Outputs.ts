/**
 * What a command writes: the sink of a folder, by the flags.
 */
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { Sink } from "../../src/index.ts"
import { Usage } from "../cli/Main.ts"
import { oneOf, reading, whole } from "../cli/Reading.ts"

const FORMATS = ["jsonl", "csv", "tsv", "parquet", "arrow", "tar", "npy", "safetensors"] as const
const COMPRESSIONS = ["none", "gzip", "zstd", "snappy", "lz4"] as const

type Name = (typeof FORMATS)[number]
type Compression = (typeof COMPRESSIONS)[number]

/** Those that are compressed block by block, and with what. */
const compressed: Readonly<Partial<Record<Name, ReadonlyArray<Compression>>>> = {
  jsonl: ["none", "gzip", "zstd"],
  csv: ["none", "gzip", "zstd"],
  tsv: ["none", "gzip", "zstd"],
  parquet: COMPRESSIONS
}

const nonEmpty = (text: string): Either.Either<string, string> =>
  text === "" ? Either.left("is no folder") : Either.right(text)

export const options = {
  to: reading(
    "to",
    "dir",
    "The folder that shards are written to: a path, or an address such as s3://bucket/dir",
    nonEmpty
  ),
  format: reading(
    "format",
    "name",
    `What is written: ${FORMATS.join(", ")} (default: what is read, if it can be written)`,
    oneOf(FORMATS)
  ).pipe(Options.optional),
  compression: reading(
    "compression",
    "name",
    `How: ${COMPRESSIONS.join(", ")} (default: zstd for Parquet; for jsonl, csv and tsv as the inputs are by their names)`,
    oneOf(COMPRESSIONS)
  ).pipe(Options.optional),
  rows: reading("rows", "n", "How many rows a shard has", whole(1)).pipe(Options.optional),
  bytes: reading("bytes", "n", "How many bytes a shard has, before compression (default 2^28)", whole(1)).pipe(
    Options.optional
  ),
  shards: reading("shards", "n", "How many shards there are; names then tell it (-of-00016)", whole(1, 100_000)).pipe(
    Options.optional
  ),
  name: reading("name", "text", "What the names of shards begin with (default shard)", nonEmpty).pipe(Options.optional)
}

export interface Flags {
  readonly inputs: ReadonlyArray<string>
  readonly to: string
  readonly format: Option.Option<Name>
  readonly compression: Option.Option<Compression>
  readonly rows: Option.Option<number>
  readonly bytes: Option.Option<number>
  readonly shards: Option.Option<number>
  readonly name: Option.Option<string>
}

/** How inputs are compressed, by the name of the first one. */
const compressionOf = ([first = ""]: ReadonlyArray<string>): Compression =>
  /\.gz$/i.test(first) ? "gzip" : /\.zstd?$/i.test(first) ? "zstd" : "none"

/** The sink that the flags say; `read` is the format of the inputs. */
export const sinkFrom = (flags: Flags, read: string) =>
  Effect.gen(function* () {
    const name = Option.getOrElse(flags.format, () => FORMATS.find((own) => own === read))
    if (name === undefined) {
      return yield* new Usage({ message: `${read} is not written: give --format, one of ${FORMATS.join(", ")}` })
    }
    const known = compressed[name]
    if (Option.isSome(flags.compression) && known?.includes(flags.compression.value) !== true) {
      const way = known === undefined ? "it is written as it is" : `one of ${known.join(", ")}`
      return yield* new Usage({ message: `--compression ${flags.compression.value} is not for ${name}: ${way}` })
    }
    const own = {
      ...Option.match(flags.rows, { onNone: () => ({}), onSome: (rows) => ({ rows }) }),
      ...Option.match(flags.bytes, { onNone: () => ({}), onSome: (bytes) => ({ bytes }) }),
      ...Option.match(flags.shards, { onNone: () => ({}), onSome: (shards) => ({ shards }) }),
      ...Option.match(flags.name, { onNone: () => ({}), onSome: (text) => ({ name: text }) })
    }
    const compression = Option.getOrElse(flags.compression, () =>
      name === "parquet" ? "zstd" : compressionOf(flags.inputs)
    )
    return yield* Effect.try({
      try: (): Sink.Sink => {
        if (name === "parquet") return Sink.parquet(flags.to, { ...own, compression })
        if (name === "jsonl" || name === "csv" || name === "tsv") {
          // As was checked above, or as the name of an input says.
          return Sink[name](flags.to, { ...own, compression: compression as Sink.SinkCompression })
        }
        return Sink[name](flags.to, own)
      },
      catch: (error) => error
    })
  })
