/**
 * Shards as they were when they were opened: which there are, of which bytes, and in which blocks their rows lie.
 *
 * @since 0.1.0
 */
import { sha256Stream } from "../../core/runtime.ts"
import { segmentIn } from "../../core/Segments.ts"
import type { Block, ShardIndex } from "../formats/Format.ts"
import { isTag } from "../store/http/Stated.ts"
import type { ObjectInfo } from "../store/Store.ts"
import { type SeenBytes, tellsAll } from "./SeenBytes.ts"

/** A shard and its blocks. @category models @since 0.1.0 */
export interface IndexedShard {
  readonly info: ObjectInfo
  readonly index: ShardIndex
  /** What is known of its bytes. */
  readonly seen?: SeenBytes | undefined
}

/** Where a block is: in which shard, and at which of its rows. @since 0.1.0 */
export interface BlockAt {
  readonly shard: IndexedShard
  readonly block: Block
  /** The number of the block in its shard. */
  readonly number: number
  /** The number of its first row in its shard. */
  readonly firstRow: number
}

/** @since 0.1.0 */
export interface Snapshot {
  readonly shards: ReadonlyArray<IndexedShard>
  /** How many rows all shards have. */
  readonly size: number
  /** How many bytes all blocks have once they are decoded, about. */
  readonly bytes: number
  /** The index of each block's first row, and behind the last one the size. */
  readonly starts: Float64Array
  /** The block that a row is in. */
  readonly blockOf: (index: number) => number
  readonly at: (block: number) => BlockAt
  /**
   * A hash over the shards' names below the folder that they share, their sizes, the rows of their blocks, what was seen of
   * their bytes, and their ETags: nothing that a copy in another folder or on another host changes.
   */
  readonly content: string
  /** Which bytes of the shards of a dataset the content does not tell, in words; `undefined` if it tells all. */
  readonly unseen: (name: string) => string | undefined
}

/** How long the folder is that locations share. */
const sharedFolder = (locations: ReadonlyArray<string>): number => {
  const [first = "", ...others] = locations
  let length = first.lastIndexOf("/") + 1
  for (const other of others) {
    while (length > 0 && !other.startsWith(first.slice(0, length))) length = first.lastIndexOf("/", length - 2) + 1
  }
  return length
}

/** What tells shards from others: their names below the folder that they share, their sizes, and ETags. @since 0.1.0 */
export const contentOfShards = (infos: ReadonlyArray<ObjectInfo>): string => {
  const folder = sharedFolder(infos.map(({ location }) => location))
  const hash = sha256Stream()
  for (const { location, size, version } of infos) {
    hash.update(JSON.stringify([location.slice(folder), size, isTag(version) ? version : ""]))
  }
  return hash.digest("hex").slice(0, 32)
}

/** Which bytes of shards their content does not tell, in words. @since 0.1.0 */
export const unseenBytes = (name: string): string => `the bytes of the shards of dataset ${JSON.stringify(name)}`

/** Whether something tells all bytes of each of these shards: its ETag, a manifest, or that they were read. @since 0.1.0 */
export const areTold = (shards: ReadonlyArray<Pick<IndexedShard, "info" | "seen">>): boolean =>
  shards.every(({ info, seen }) => info.size === 0 || isTag(info.version) || tellsAll(seen))

/** So many characters are hashed in one go: a call for each of many shards takes longer than their hash. */
const HASHED = 2 ** 16

/** @since 0.1.0 */
export const make = (shards: ReadonlyArray<IndexedShard>): Snapshot => {
  // Empty blocks hold nothing that could be asked for.
  const blocks = shards.map(({ index }) => index.blocks.filter(({ rows }) => rows > 0).length)
  const count = blocks.reduce((sum, own) => sum + own, 0)
  const starts = new Float64Array(count + 1)
  const shardOf = new Uint32Array(count)
  const numbers = new Uint32Array(count)
  const shardStarts = new Float64Array(shards.length)
  const hash = sha256Stream()
  const folder = sharedFolder(shards.map(({ info }) => info.location))
  let hashed = ""
  let size = 0
  let bytes = 0
  let at = 0
  for (const [place, { index, info, seen }] of shards.entries()) {
    shardStarts[place] = size
    let rows = 0
    const { location, version } = info
    hashed += JSON.stringify([
      location.slice(folder),
      info.size,
      isTag(version) ? version : "",
      index.blocks.map((own) => own.rows),
      seen?.checksum ?? null,
      seen?.sha256 ?? null
    ])
    if (hashed.length >= HASHED || place === shards.length - 1) {
      hash.update(hashed)
      hashed = ""
    }
    for (const [number, block] of index.blocks.entries()) {
      if (block.rows === 0) continue
      starts[at] = size + rows
      shardOf[at] = place
      numbers[at] = number
      rows += block.rows
      bytes += block.bytes ?? block.length
      at++
    }
    size += rows
  }
  starts[count] = size
  return {
    shards,
    size,
    bytes,
    starts,
    blockOf: segmentIn(starts),
    at: (block) => {
      const place = shardOf[block] as number // a block that there is
      const shard = shards[place] as IndexedShard // as above
      const number = numbers[block] as number // as above
      return {
        shard,
        number,
        block: shard.index.blocks[number] as Block, // as above
        firstRow: (starts[block] as number) - (shardStarts[place] as number) // as above
      }
    },
    content: hash.digest("hex").slice(0, 32),
    unseen: (name) => {
      if (areTold(shards)) return undefined
      const isRead = shards.every(({ seen }) => seen !== undefined)
      return isRead ? `${unseenBytes(name)} but for those that their index is made of` : unseenBytes(name)
    }
  }
}
