/**
 * Sinks: samples written to shards, exactly once.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import { whole } from "../core/Check.ts"
import { checked, InvalidOption } from "../core/InvalidOption.ts"
import { functionOf, optionsOf } from "../core/Options.ts"
import type { Pipeline } from "../pipeline/Pipeline.ts"
import type { LoaderError } from "../scheduler/loader/Loader.ts"
import { pipelineOf, type RunOptions } from "../scheduler/loader/RunOptions.ts"
import type { Manifest } from "../sources/sinks/Manifest.ts"
import type { SinkError } from "../sources/sinks/SinkError.ts"
import { Store, type StoreError } from "../sources/store/Store.ts"
import { apart } from "./Overlap.ts"
import { countable, pipelineRows } from "./PipelineRows.ts"
import { isSink, type Sink, SinkTypeId } from "./SinkValue.ts"
import { streamRows } from "./StreamRows.ts"
import { type WriteProgress, writeShards } from "./WriteShards.ts"

export type { SinkCompression } from "../sources/sinks/Compress.ts"
export type { ColumnType } from "../sources/sinks/columns/ColumnType.ts"
export type { Manifest, WrittenShard } from "../sources/sinks/Manifest.ts"
export type { ParquetCompression } from "../sources/sinks/parquet/Write.ts"
export { SinkError, type SinkErrorKind } from "../sources/sinks/SinkError.ts"
export {
  arrow,
  type CompressedSinkOptions,
  type CsvSinkOptions,
  csv,
  type JsonlSinkOptions,
  jsonl,
  npy,
  type ParquetSinkOptions,
  parquet,
  safetensors,
  type TableSinkOptions,
  type TarSinkOptions,
  tar,
  tsv
} from "./formats.ts"
export type { Sink, SinkOptions } from "./SinkValue.ts"
export type { WriteProgress } from "./WriteShards.ts"

/** @category options @since 0.1.0 */
export interface WriteOptions {
  /** Called at the start and after each shard. */
  readonly onProgress?: (progress: WriteProgress) => void
}

/** @category options @since 0.1.0 */
export interface RunSinkOptions
  extends WriteOptions,
    Pick<RunOptions, "prefetch" | "rank" | "world" | "uneven" | "steps"> {
  /** How many epochs are written. Default 1. */
  readonly epochs?: number
}

const sinkOf = (of: string, value: unknown): void => {
  if (isSink(value)) return
  throw new InvalidOption({ option: `the sink of ${of}`, value, expected: 'a sink, such as Sink.jsonl("data/train")' })
}

const told = (options: WriteOptions): ((progress: WriteProgress) => void) =>
  options.onProgress === undefined ? () => undefined : functionOf("onProgress", options.onProgress)

/**
 * Writes what a pipeline delivers to the shards of a sink, and returns the manifest. The pipeline ends in samples, in batches of
 * columns, or in batches that are lists of rows: `Pipeline.batchWith(64, (rows) => rows)`.
 *
 * Each row is written exactly once. If a run is killed and started again with the same pipeline and sink, it continues after
 * the last shard that was written, so that all shards are what they would have been: byte for byte on one runtime and
 * version, and by the manifest's `content` on all of them. A finished run returns its manifest again. Batches are pulled only
 * as fast as the store accepts bytes.
 *
 * The folder of the sink must not be one that the pipeline reads, nor lie in one, nor have one in it: a later start would read
 * what this one has written. Files by their names may lie anywhere.
 *
 * Fails with {@link SinkError}, with `StoreError` if a shard cannot be written, with the errors of the run, and with
 * `CursorMismatch` if the folder holds shards of another pipeline, seed or data.
 *
 * @example
 * import { mkdtempSync } from "node:fs"
 * import { tmpdir } from "node:os"
 * import { join } from "node:path"
 * import { Effect } from "effect"
 * import { Dataset, Pipeline, Sink } from "furrow"
 *
 * const squares = Pipeline.from(Dataset.range(10)).pipe(Pipeline.map("square", (n) => ({ n, square: n * n })))
 * const folder = join(mkdtempSync(join(tmpdir(), "sink-")), "squares")
 * const { rows, shards } = await Effect.runPromise(Sink.run(squares, Sink.jsonl(folder, { rows: 4 })))
 * console.assert(rows === 10 && shards.map(({ name }) => name).join() === "shard-00000.jsonl,shard-00001.jsonl,shard-00002.jsonl")
 *
 * @category running
 * @since 0.1.0
 */
export const run = <A, E, R>(
  pipeline: Pipeline<A, E, R>,
  sink: Sink,
  options: RunSinkOptions = {}
): Effect.Effect<Manifest, LoaderError<E> | SinkError | StoreError, R> =>
  Effect.gen(function* () {
    const ranks = { rank: true, world: true, uneven: true, steps: true } as const
    const names = { onProgress: true, epochs: true, prefetch: true, ...ranks } as const
    const { source, tell } = yield* checked(() => {
      pipelineOf("Sink.run", pipeline)
      sinkOf("Sink.run", sink)
      const { epochs = 1, onProgress: _, ...rest } = optionsOf("Sink.run", options, names)
      const own = pipelineRows(pipeline, { ...rest, epochs: whole("epochs", epochs, 1) })
      const { cut } = sink[SinkTypeId]
      countable("shards" in cut ? cut.shards : undefined, own.size)
      return { source: own, tell: told(options) }
    })
    const { dataset } = pipeline
    yield* apart(dataset.locations ?? [], sink)
    return yield* writeShards(yield* Store, sink, source, tell)
  }).pipe(Effect.scoped) as Effect.Effect<Manifest, LoaderError<E> | SinkError | StoreError, R>

/**
 * Writes the rows of a stream to the shards of a sink, as {@link run} does. If a write is killed and started again, it reads the
 * stream from the start and skips the rows that are in shards already, so the stream must give the same rows again.
 *
 * @example
 * import { Effect, Stream } from "effect"
 * import { Sink, Store } from "furrow"
 *
 * const rows = Stream.map(Stream.range(1, 5), (n) => ({ n }))
 * const written = Sink.write(rows, Sink.jsonl("memory://numbers", { rows: 2 })).pipe(Effect.provide(Store.memory()))
 * console.assert((await Effect.runPromise(written)).shards.length === 3)
 *
 * @category running
 * @since 0.1.0
 */
export const write = <A, E, R>(
  rows: Stream.Stream<A, E, R>,
  sink: Sink,
  options: WriteOptions = {}
): Effect.Effect<Manifest, E | SinkError | StoreError | InvalidOption, R> =>
  Effect.gen(function* () {
    const tell = yield* checked(() => {
      sinkOf("Sink.write", sink)
      const { cut } = sink[SinkTypeId]
      countable("shards" in cut ? cut.shards : undefined, undefined)
      return told(optionsOf("Sink.write", options, { onProgress: true }))
    })
    return yield* writeShards(yield* Store, sink, streamRows(rows), tell)
  }).pipe(Effect.scoped)
