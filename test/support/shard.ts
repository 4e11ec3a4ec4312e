/** Shards that lie in memory, for tests of formats. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Block, DecodedBlock, Format, Shard, ShardError, ShardIndex } from "../../src/sources/formats/Format.ts"
import { StoreError } from "../../src/sources/store/Store.ts"

/** A shard, and the ranges that were read of it. */
export interface CountedShard extends Shard {
  readonly reads: Array<readonly [offset: number, length: number]>
}

/** Bytes as a shard. They are copied for each read, to an odd place, so that nothing relies on alignment. */
export const shardOf = (bytes: Uint8Array, location = "some.shard"): CountedShard => {
  const reads: Array<readonly [number, number]> = []
  const info = { location, size: bytes.length, version: "1" }
  return {
    info,
    reads,
    read: (offset, length) => {
      reads.push([offset, length])
      if (offset < 0 || length < 0 || offset + length > bytes.length) {
        return Effect.fail(
          new StoreError({ location, kind: "short", reason: `bytes ${offset} to ${offset + length} were asked for` })
        )
      }
      const odd = new Uint8Array(length + 1)
      odd.set(bytes.subarray(offset, offset + length), 1)
      return Effect.succeed(odd.subarray(1))
    },
    stream: (offset = 0) => Stream.make(bytes.subarray(offset))
  }
}

/** A shard, its index as it would be read back from a file where it is kept, and its blocks. */
export interface Opened<Row> {
  readonly index: ShardIndex
  readonly blocks: ReadonlyArray<DecodedBlock<Row>>
  /** Every row, read from its block; throws what the row throws. */
  readonly rows: () => Array<Row>
}

/** Reads the bytes of a block, as the sharded dataset does. */
const blockBytes = (shard: Shard, { length, offset, ranges = [[offset, length]] }: Block) =>
  Effect.map(
    Effect.forEach(ranges, ([from, size]) => shard.read(from, size)),
    (parts) => {
      const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
      let at = 0
      for (const part of parts) {
        bytes.set(part, at)
        at += part.length
      }
      return bytes
    }
  )

/** Opens a shard, by an index that was kept if there is one, and decodes all of its blocks. */
export const openShard = <Row>(
  format: Format<Row>,
  shard: Shard,
  kept?: ShardIndex
): Effect.Effect<Opened<Row>, ShardError | StoreError> =>
  Effect.gen(function* () {
    const found = kept ?? (yield* format.index(shard))
    const index = format.scans ? (JSON.parse(JSON.stringify(found)) as ShardIndex) : found // as it was written
    const blocks: Array<DecodedBlock<Row>> = []
    let firstRow = 0
    for (const [number, block] of index.blocks.entries()) {
      const bytes = yield* blockBytes(shard, block)
      const decoded = yield* Effect.suspend(() => {
        const own = format.decode(bytes, block, { shard, index, number, firstRow })
        return Effect.isEffect(own) ? own : Effect.succeed(own)
      }).pipe(Effect.catchAllDefect((error) => Effect.fail(error as ShardError))) // what plain code throws
      blocks.push(decoded)
      firstRow += block.rows
    }
    return {
      index,
      blocks,
      rows: () => blocks.flatMap((block) => Array.from({ length: block.size }, (_, place) => block.row(place)))
    }
  })

/** All rows of a shard in memory. */
export const rowsOf = <Row>(format: Format<Row>, bytes: Uint8Array): Promise<Array<Row>> =>
  Effect.runPromise(Effect.map(openShard(format, shardOf(bytes)), ({ rows }) => rows()))

/** The error of a shard in memory: of its index, a block or a row. */
export const refusal = async (format: Format<unknown>, bytes: Uint8Array): Promise<ShardError> => {
  const error = await Effect.runPromise(
    Effect.flip(
      Effect.flatMap(openShard(format, shardOf(bytes)), ({ rows }) =>
        Effect.try({ try: rows, catch: (thrown) => thrown as ShardError })
      )
    )
  )
  if (error._tag !== "ShardError") throw error
  return error
}

/** A file of the reference; see `test/sources/formats/reference`. */
export const reference = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(join(import.meta.dirname, "..", "sources", "formats", "reference", name)))
