/**
 * How rows become the bytes of shards.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type { Made } from "../../core/Parameters.ts"
import type { Tensor } from "../../core/Tensor.ts"
import type { Compression } from "../formats/lines/Compression.ts"
import type { SinkError } from "./SinkError.ts"

/** Rows as a source gives them: those of a batch. @since 0.1.0 */
export interface Rows {
  readonly size: number
  readonly row: (place: number) => unknown
  /** How many samples the rows are of, if that is known. */
  readonly samples?: number | undefined
  /** The columns that the rows are made of, if there are any. */
  readonly columns?: Readonly<Record<string, Tensor | ReadonlyArray<unknown>>> | undefined
  /** Which sample a row is, and where that came from, in words; left out where it is not known. */
  readonly origin?: ((place: number) => string | undefined) | undefined
}

/** Some bytes of a shard. @since 0.1.0 */
export interface Piece {
  /** What is hashed for the content digest: the same on every runtime. */
  readonly plain: Uint8Array
  /** What is written: `plain` itself, or that compressed. */
  readonly bytes: Uint8Array | Effect.Effect<Uint8Array, SinkError>
}

/** Writes one shard. What it gives depends on the shard's rows only, and not on how they were dealt into batches. @since 0.1.0 */
export interface Encoder {
  /**
   * Takes rows from the place `from` on: all before `to`, or less if a block is full or `size` comes to `most` before.
   * Returns the place after the last one that it took; it takes at least one. Throws {@link RowFault}.
   */
  readonly add: (rows: Rows, from: number, to: number, most: number) => number
  /** How many bytes the rows so far have, before compression, about; it depends on the rows alone. */
  readonly size: number
  /** Whether a block is full: `block` is then asked for it before the next row is given. */
  readonly isFull: boolean
  /** The bytes of the rows that were taken since it was asked last. Throws {@link RowFault}. */
  readonly block: () => Piece
  /** The bytes of what is left, and those that end the shard. Throws {@link RowFault}. */
  readonly end: () => Piece
  /** The types of its columns, for the encoders of later shards. JSON-able. */
  readonly schema?: unknown
}

/** A format that shards are written in. @since 0.1.0 */
export interface SinkFormat {
  readonly name: string
  /** Its name and options. A run that goes on compares them. */
  readonly made: Made
  /** What the names of its shards end with, such as `.jsonl.gz`. */
  readonly ending: string
  /** How its blocks are compressed, if whole shards of them are members of gzip or frames of zstd. */
  readonly compression?: Compression | undefined
  /**
   * Returns the encoder of a shard; `schema` is that of the shards before it, if there are any; `firstRow` the number of its
   * first row over all shards. Loads what it needs.
   */
  readonly encoder: (schema: unknown, firstRow: number) => Effect.Effect<Encoder, SinkError>
}
