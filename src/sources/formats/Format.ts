/**
 * How the rows of a shard are found and decoded.
 *
 * A format cuts a shard into blocks, ranges of bytes that are read and decoded in one go, and knows how many rows each has
 * before it is decoded. So shards of any format are a dataset of known size, with random access by block.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { Made } from "../../core/Parameters.ts"
import type { Field } from "../Columnar.ts"
import type { ObjectInfo, StoreError } from "../store/Store.ts"

/** A shard as it was when it was opened: reads fail if it has changed since. @category models @since 0.1.0 */
export interface Shard {
  readonly info: ObjectInfo
  /** Exactly `length` bytes from `offset` on. */
  readonly read: (offset: number, length: number) => Effect.Effect<Uint8Array, StoreError>
  /** All bytes from `offset` (default 0) on, in order, in chunks. */
  readonly stream: (offset?: number) => Stream.Stream<Uint8Array, StoreError>
}

/** The rows of a shard that are read and decoded in one go. JSON-able. @category models @since 0.1.0 */
export interface Block {
  readonly rows: number
  /** The first of its bytes in the shard. */
  readonly offset: number
  /** How many bytes it has in the shard. Blocks may overlap. */
  readonly length: number
  /**
   * The parts of these bytes that are read, offset and length of each in the shard, if not all are: the columns that were
   * chosen. `decode` is given them one behind the other. Default: all.
   */
  readonly ranges?: ReadonlyArray<readonly [offset: number, length: number]> | undefined
  /** How many bytes it has once decoded, about. Default `length`. */
  readonly bytes?: number | undefined
  /** What else `decode` needs to know of this block. */
  readonly extra?: ReadonlyArray<number> | undefined
}

/** The blocks of a shard. JSON-able if the format scans: it is then kept. @category models @since 0.1.0 */
export interface ShardIndex {
  readonly blocks: ReadonlyArray<Block>
  /** What `decode` needs besides a block's bytes: a footer, the names of columns. */
  readonly header?: unknown
  /**
   * The fields of a row and their types as text: shards of one dataset have the same. Default: not compared, since the
   * format has no schema.
   */
  readonly schema?: string | undefined
  /**
   * The fields of a row and their types for people, such as `["id", "int64"]`, with `?` behind a type whose values may be null.
   * An index that is kept goes without. Default: `schema`.
   */
  readonly columns?: ReadonlyArray<readonly [name: string, type: string]> | undefined
}

/**
 * One field of all rows of a block: numbers or tensors of one shape as they lie in memory, or the value of each row by its place.
 *
 * @category models
 * @since 0.1.0
 */
export type BlockColumn =
  | Exclude<Field, { readonly _tag: "Items" }>
  | { readonly _tag: "Cells"; readonly cell: (place: number) => unknown }

/** The rows of a block. @category models @since 0.1.0 */
export interface DecodedBlock<out Row> {
  /** How many rows it has: as many as its index says. */
  readonly size: number
  /**
   * The row at a place from 0 to `size − 1`, fresh for each call unless rows are never written to. Throws
   * {@link ShardError} if that row is bad.
   */
  readonly row: (place: number) => Row
  /**
   * The rows from `first` on, if they can be had together: the next ones of a block whose rows are read in order. `undefined`
   * if they cannot, or if one of them may be bad: they are read one by one then.
   */
  readonly run?: ((first: number, count: number) => Array<Row> | undefined) | undefined
  /** The columns that the rows are made of, by their fields, if the format has columns. Read while the block is in use. */
  readonly columns?: ReadonlyMap<string, BlockColumn> | undefined
  /** The lines that the rows are made of, if each is made of one: lines that are asked for together are decoded together. */
  readonly lines?: BlockLines<Row> | undefined
  /** How many bytes it takes in memory, about. */
  readonly bytes: number
  /** Gives back its memory, if rows own what they hold. The block is not used after that. */
  readonly release?: (() => void) | undefined
}

/** The lines of a block. @category models @since 0.1.0 */
export interface BlockLines<out Row> {
  readonly bytes: Uint8Array
  /** The first byte of each. */
  readonly starts: Uint32Array
  /** The byte behind the last one of each, without what ends it. No newline is before that. */
  readonly ends: Uint32Array
  /** The row of a line. Throws {@link ShardError} if it is bad. */
  readonly parse: (line: string, place: number) => Row
  /**
   * The rows of `count` lines with a newline between each two, in memory that is used again; `undefined` if any may be bad: they
   * are then read one by one. The blocks of a dataset share this function. Default: each line is decoded, and given to `parse`.
   */
  readonly together?: ((lines: Uint8Array, count: number) => Array<Row> | undefined) | undefined
  /** The row at a place, whose line is decoded alone. Throws {@link ShardError} if it is bad, also if it is not UTF-8. */
  readonly alone: (place: number) => Row
}

/** Where a block lies. @category models @since 0.1.0 */
export interface BlockPlace {
  readonly shard: Shard
  readonly index: ShardIndex
  /** The number of the block in its shard. */
  readonly number: number
  /** The number of its first row in its shard. */
  readonly firstRow: number
}

/** Where the rows of a block lie in their shard; if that is compressed, in what it unpacks to. @category models @since 0.1.0 */
export interface RowBytes {
  /** The offset that the others are counted from. */
  readonly from: number
  /** The first byte of each row. */
  readonly starts: ArrayLike<number>
  /** The byte behind the last one of each row, without what ends a line. */
  readonly ends: ArrayLike<number>
}

/** How shards of one kind are read. @category models @since 0.1.0 */
export interface Format<out Row> {
  /** As errors name it, such as `jsonl`. */
  readonly name: string
  /** Its name and the options that what it gives depends on. Cursors compare it. */
  readonly made: Made
  /**
   * What the names of its shards end with, in lower case, such as `.jsonl`, before the ending of a compression. Of a folder that
   * has such names, these are the shards. Default: all objects of a folder are.
   */
  readonly endings?: ReadonlyArray<string> | undefined
  /** Whether `index` reads the whole shard, because the format has no footer. Such an index is kept. */
  readonly scans: boolean
  /** Whether its blocks have `columns`. Batches are then made of these where no stage needs rows. Default `false`. */
  readonly hasColumns?: boolean | undefined
  readonly index: (shard: Shard) => Effect.Effect<ShardIndex, ShardError | StoreError>
  /**
   * The indexes of all shards of a dataset with what some of them leave open, as the others have it. It is asked at each
   * opening, and what it says is not kept. Default: an index leaves nothing open.
   */
  readonly agree?: ((indexes: ReadonlyArray<ShardIndex>) => ReadonlyArray<ShardIndex>) | undefined
  /**
   * Decodes a block from its bytes, which it may keep: at once, throwing {@link ShardError} if they are bad, or by an
   * effect if a library, or another part of the shard, has to be waited for.
   */
  readonly decode: (
    bytes: Uint8Array,
    block: Block,
    place: BlockPlace
  ) => DecodedBlock<Row> | Effect.Effect<DecodedBlock<Row>, ShardError | StoreError>
  /**
   * The two halves of `decode`, if what lies between them is bytes: threads share these, so that a block is unpacked once
   * for all of them. Default: each thread decodes the blocks that it needs.
   */
  readonly shared?: Effect.Effect<SharedDecode<Row>> | undefined
  /**
   * Finds the bytes of the rows of a block, given those that `decode` is given. Default: rows have no bytes of their own, since
   * the format stores columns.
   */
  readonly locate?:
    | ((
        bytes: Uint8Array,
        block: Block,
        place: BlockPlace
      ) => RowBytes | Effect.Effect<RowBytes, ShardError | StoreError>)
    | undefined
  /**
   * How bytes that come in order, unpacked, are cut into blocks for `decode`, without an index. `offset` is that of the first
   * of them in the shard. Default: shards of this format are read by their index only.
   */
  readonly inOrder?: Effect.Effect<(shard: Shard, offset: number) => Cutter> | undefined
}

/** Cuts the bytes of a shard into blocks, as they come. @category models @since 0.1.0 */
export interface Cutter {
  /** Whether a shard can be read from the end of any block on, without the bytes before. */
  readonly seeks: boolean
  /**
   * The next block in `bytes`, which begin at `offset` of the shard, and the header that `decode` finds in its index;
   * `undefined` if more bytes are needed, or, if they are the last, if there is no other block. A block of no rows is left
   * out. `row` is the number of its first row. Throws {@link ShardError}.
   */
  readonly next: (bytes: Uint8Array, offset: number, row: number, isLast: boolean) => CutBlock | undefined
}

/** @category models @since 0.1.0 */
export interface CutBlock {
  readonly block: Block
  readonly header?: unknown
  /**
   * The fields of a row, and their types if they are known, of a format that has such: shards of one source have the same.
   * Default: not compared.
   */
  readonly fields?: ReadonlyArray<readonly [name: string, type: string | undefined]> | undefined
}

/** How a block is decoded by one thread for all. @category models @since 0.1.0 */
export interface SharedDecode<out Row> {
  /** The parts that `view` takes; their bytes are copied. */
  readonly unpack: (
    bytes: Uint8Array,
    block: Block,
    place: BlockPlace
  ) => ReadonlyArray<Uint8Array> | Effect.Effect<ReadonlyArray<Uint8Array>, ShardError | StoreError>
  /**
   * The rows of a block whose parts lie in shared memory, each aligned to 8 bytes. That memory is another block's later, so
   * rows own what they hold, and columns are read only while the block is in use.
   */
  readonly view: (parts: ReadonlyArray<Uint8Array>, block: Block, place: BlockPlace) => DecodedBlock<Row>
}

/**
 * A shard does not hold what it should. The message says where, why, and the way out.
 *
 * @category errors
 * @since 0.1.0
 */
export class ShardError extends Data.TaggedError("ShardError")<{
  /** The location of the shard. */
  readonly shard: string
  readonly format: string
  /** The row in the shard, from 0, where it is known. */
  readonly row?: number | undefined
  /** The offset of the byte in the shard, where it is known; of a compressed shard, that of the block. */
  readonly byte?: number | undefined
  /** What is wrong, and the way out. */
  readonly reason: string
  /** The option of the format whose limit it is beyond, if that is why. */
  readonly limit?: string | undefined
  readonly cause?: unknown
}> {
  override get message(): string {
    const { byte, format, reason, row, shard } = this
    const place = [row === undefined ? [] : [`row ${row}`], byte === undefined ? [] : [`byte ${byte}`]].flat()
    return `${[shard, ...place].join(", ")}: cannot be read as ${format}: ${reason}`
  }
}
