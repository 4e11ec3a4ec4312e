/**
 * How the formats of lines find their rows: a shard is read once to find where its rows are, in plain bytes or in those
 * that members of gzip or frames of zstd hold; a block is a range of whole rows, or the members that hold some.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { giveBack } from "../../../core/ReadBuffers.ts"
import { asciiTextsOf, isAscii, isUtf8, textsOf } from "../../../core/Utf8.ts"
import type { StoreError } from "../../store/Store.ts"
import { attempt } from "../Fault.ts"
import type {
  Block,
  BlockPlace,
  DecodedBlock,
  RowBytes,
  Shard,
  ShardError,
  ShardIndex,
  SharedDecode
} from "../Format.ts"
import { ofBytes } from "./Characters.ts"
import { type Compression, compressionOf } from "./Compression.ts"
import { checkBeginning, checkPacking, error, type LineKind, tooLong } from "./LineKind.ts"
import { type Lines, linesIn, spansOf } from "./Lines.ts"
import { compressionIn, joined, loaded, membersOf, type Placed, unpacked, WINDOW } from "./Members.ts"
import { Spans } from "./Spans.ts"

type Fails = ShardError | StoreError

/** How many bytes a byte order mark has: members may end within it. @since 0.1.0 */
export const MARK = 3

/** Throws for text that is not UTF-8 by its byte order mark. Returns how many bytes that mark takes. @since 0.1.0 */
export const markOf = (kind: LineKind, shard: Shard, start: Uint8Array): number => {
  const [a, b, c] = start
  if ((a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff)) {
    throw error(kind, shard, 0, "it is UTF-16 by its byte order mark; convert it to UTF-8 (iconv -f utf-16 -t utf-8)")
  }
  return a === 0xef && b === 0xbb && c === 0xbf ? 3 : 0
}

/** The first bytes of a shard, by which compressed ones are told. */
const firstBytes = ({ info: { size }, read }: Shard): Effect.Effect<Uint8Array, StoreError> =>
  size === 0 ? Effect.succeed(new Uint8Array(0)) : read(0, Math.min(4, size))

/** What all indexes of lines have in their header. */
interface LineIndex extends ShardIndex {
  readonly header?: { readonly compression: Compression } | undefined
}

/**
 * Indexes a shard. The first `head` bytes of its text, behind a byte order mark, are no rows.
 *
 * @since 0.1.0
 */
export const indexOf = (kind: LineKind, shard: Shard, head = 0): Effect.Effect<LineIndex, Fails> =>
  Effect.flatMap(firstBytes(shard), (start) => {
    const compression = compressionOf(start)
    return Effect.map(
      compression === undefined ? plainBlocks(kind, shard, start, head) : memberBlocks(kind, shard, compression, head),
      (blocks) => (compression === undefined ? { blocks } : { blocks, header: { compression } })
    )
  })

/** How many bytes of text are looked at to learn what a shard is like. @since 0.1.0 */
export const BEGINNING = 2 ** 20

/**
 * The first records of a shard, in so many of its first bytes; `undefined` where more bytes are to be looked at, as there are
 * fewer than `least` of them. Throws {@link ShardError}.
 *
 * @since 0.1.0
 */
export const firstRecords = (
  kind: LineKind,
  shard: Shard,
  bytes: Uint8Array,
  least: number,
  isLast: boolean,
  /** The place of a byte in the shard. */
  byteAt: (place: number) => number
): { readonly lines: Lines; readonly mark: number } | undefined => {
  checkPacking(kind, shard, bytes)
  const mark = markOf(kind, shard, bytes)
  const text = bytes.subarray(mark)
  const ownByte = (place: number): number => byteAt(mark + place)
  // Whatever is wrong with its rows is found by what reads all of them, which knows their numbers.
  const spans = kind.split(ofBytes(text), isLast)
  const { count, unended } = spans
  if (count === 0 && unended !== undefined) throw error(kind, shard, ownByte(unended.start), unended.reason)
  const isTooLong = text.length > kind.rowBytes
  if (count >= least || isLast || (count > 0 && isTooLong)) {
    return { lines: linesIn(kind, shard, text, spans, 0, ownByte), mark }
  }
  if (isTooLong) throw tooLong(kind, shard, ownByte(0), 0)
  return undefined
}

/**
 * The first records of a shard: those of its first MiB, or of as much as it takes to have `least` of them, unless one is too long.
 *
 * @since 0.1.0
 */
export const beginning = (
  kind: LineKind,
  shard: Shard,
  least: number
): Effect.Effect<{ readonly lines: Lines }, Fails> =>
  Effect.gen(function* () {
    const compression = compressionOf(yield* firstBytes(shard))
    const { size } = shard.info
    const readMember = compression === undefined ? undefined : membersOf(kind, shard, compression)
    const parts: Array<Placed> = []
    /** How many bytes of the shard have been read, and how many bytes of text they are. */
    let end = 0
    let length = 0
    for (let window = BEGINNING; ; window *= 2) {
      let bytes: Uint8Array
      if (readMember === undefined) {
        end = Math.min(size, window)
        bytes = size === 0 ? new Uint8Array(0) : yield* shard.read(0, end)
      } else {
        while (length < window && end < size) {
          const member = yield* readMember(end)
          parts.push({ offset: end, length: member.length, data: member.data })
          end += member.length
          length += member.data.length
        }
        bytes = joined(parts).subarray(0, window)
      }
      const isLast = end === size && bytes.length >= length
      const byteAt = (place: number): number => (compression === undefined ? place : 0)
      const start = yield* attempt(() => firstRecords(kind, shard, bytes, least, isLast, byteAt))
      if (start !== undefined) return start
    }
  })

const plainBlocks = (
  kind: LineKind,
  shard: Shard,
  start: Uint8Array,
  head: number
): Effect.Effect<ReadonlyArray<Block>, Fails> =>
  Effect.gen(function* () {
    const { size } = shard.info
    const blocks: Array<Block> = []
    let at = head + (yield* attempt(() => markOf(kind, shard, start)))
    if (kind.windowBytes !== undefined) return windowBlocks(at, size, kind.windowBytes, kind.blockBytes)
    let blockStart = at
    let row = 0
    let firstRow = 0
    const close = (end: number): void => {
      if (row > firstRow) blocks.push({ rows: row - firstRow, offset: blockStart, length: end - blockStart })
      blockStart = end
      firstRow = row
    }
    let window = WINDOW
    while (at < size) {
      const length = Math.min(window, size - at)
      const bytes = yield* shard.read(at, length)
      const from = at
      const isLast = from + length === size
      const isBeginning = row === 0
      const spans = yield* attempt(() => {
        if (isBeginning) checkBeginning(kind, shard, bytes, isLast)
        return spansOf(kind, shard, bytes, isLast, row, (place) => from + place)
      })
      if (spans.consumed === 0) {
        // No row ends in the window, so a larger one is read.
        if (length > kind.rowBytes) return yield* tooLong(kind, shard, at, row)
        window = 2 * length
        continue
      }
      window = WINDOW
      for (let own = 0; own < spans.count; own++) {
        const start = at + (spans.starts[own] as number) // below the count
        if (row > firstRow && at + (spans.ends[own] as number) - blockStart > kind.blockBytes) close(start)
        row++
      }
      at += spans.consumed
    }
    close(size)
    return blocks
  })

/** Blocks of rows of `windowBytes`, from one byte of a shard to another. */
const windowBlocks = (from: number, to: number, windowBytes: number, blockBytes: number): ReadonlyArray<Block> => {
  const most = Math.max(1, Math.floor(blockBytes / windowBytes)) * windowBytes
  return Array.from({ length: Math.ceil((to - from) / most) }, (_, place) => {
    const offset = from + place * most
    const length = Math.min(most, to - offset)
    return { rows: Math.ceil(length / windowBytes), offset, length }
  })
}

const memberBlocks = (
  kind: LineKind,
  shard: Shard,
  compression: Compression,
  head: number
): Effect.Effect<ReadonlyArray<Block>, Fails> =>
  Effect.gen(function* () {
    const { size } = shard.info
    const readMember = membersOf(kind, shard, compression)
    const blocks: Array<Block> = []
    let parts: Array<Placed> = []
    // Where the rows that have not been counted begin in the parts.
    let from = 0
    let row = 0
    let offset = 0
    // How many bytes the members up to here unpack to.
    let all = 0
    // How many bytes those that are kept unpack to.
    let total = 0
    let isBegun = false
    while (offset < size) {
      const { data, length } = yield* readMember(offset)
      parts.push({ offset, length, data })
      offset += length
      all += data.length
      total += data.length
      const isLast = offset === size
      if (!isBegun && (total >= MARK || isLast)) {
        isBegun = true
        const start = joined(parts)
        from = head + (yield* attempt(() => markOf(kind, shard, start)))
      }
      if (!isLast && (!isBegun || total - from < kind.blockBytes)) continue
      if (total < from) continue
      const first = parts[0]?.offset ?? 0
      const bytes = joined(parts).subarray(from)
      const isBeginning = row === 0
      const spans = yield* attempt(() => {
        if (isBeginning) checkBeginning(kind, shard, bytes, isLast)
        return spansOf(kind, shard, bytes, isLast, row, () => first)
      })
      if (spans.consumed === 0 && !isLast) {
        if (bytes.length > kind.rowBytes) return yield* tooLong(kind, shard, first, row)
        continue
      }
      const to = from + spans.consumed
      if (spans.count > 0) {
        const own = { rows: spans.count, offset: first, length: offset - first }
        blocks.push({ ...own, bytes: spans.consumed, extra: [from, to, total, all - total + from] })
      }
      row += spans.count
      // The next row may begin in a member that has been read.
      let left = total - to
      const rest: Array<Placed> = []
      total = 0
      for (let part = parts.pop(); left > 0 && part !== undefined; part = parts.pop()) {
        rest.unshift(part)
        total += part.data.length
        from = Math.max(0, part.data.length - left)
        left -= part.data.length
      }
      if (rest.length === 0) from = 0
      parts = rest
    }
    return blocks
  })

/**
 * Unpacks a block, finds its records, and gives what `use` makes of them: at once, or by an effect if what unpacks it has to
 * be loaded. Throws {@link ShardError}.
 *
 * @since 0.1.0
 */
export const withLines = <A>(
  kind: LineKind,
  packed: Uint8Array,
  block: Block,
  place: BlockPlace,
  use: (lines: Lines) => A
): A | Effect.Effect<A, ShardError> =>
  withBytes(kind, packed, block, place, (bytes) => use(linesOfBlock(kind, bytes, block, place)))

/** Finds the records of a block in its bytes. Throws {@link ShardError}. @since 0.1.0 */
export const linesOfBlock = (kind: LineKind, bytes: Uint8Array, block: Block, place: BlockPlace): Lines => {
  const { firstRow, shard } = place
  const byteAt = byteIn(block, place)
  return linesIn(kind, shard, bytes, spansOf(kind, shard, bytes, true, firstRow, byteAt), firstRow, byteAt)
}

/** Unpacks a block, and gives what `use` makes of its bytes. Throws {@link ShardError}. @since 0.1.0 */
export const withBytes = <A>(
  kind: LineKind,
  packed: Uint8Array,
  block: Block,
  { index, shard }: BlockPlace,
  use: (bytes: Uint8Array) => A
): A | Effect.Effect<A, ShardError> => {
  const compression = compressionIn(index)
  const own = (): A => {
    if (compression === undefined) return use(packed)
    const bytes = unpacked(kind, shard, compression, packed, block)
    giveBack(packed)
    return use(bytes)
  }
  const load = loaded(kind, shard, compression)
  return load === undefined ? own() : Effect.zipRight(load, attempt(own))
}

/**
 * Finds the bytes of the records of a block: in the shard, or in what it unpacks to. Throws {@link ShardError}.
 *
 * @since 0.1.0
 */
export const rowBytes = (
  kind: LineKind,
  packed: Uint8Array,
  block: Block,
  place: BlockPlace
): RowBytes | Effect.Effect<RowBytes, ShardError> =>
  withBytes(kind, packed, block, place, (bytes) => {
    const { count, ends, starts } = spansOf(kind, place.shard, bytes, true, place.firstRow, byteIn(block, place))
    const from = compressionIn(place.index) === undefined ? block.offset : (block.extra?.[UNPACKED] ?? 0)
    return { from, starts: starts.subarray(0, count), ends: ends.subarray(0, count) }
  })

/** The place among what else is known of a block of the offset of its first row in what the shard unpacks to. */
const UNPACKED = 3

/** Where a byte of an unpacked block is in its shard: of a compressed one, where the block begins. */
const byteIn = ({ offset }: Block, { index }: BlockPlace): ((place: number) => number) =>
  compressionIn(index) === undefined ? (place) => offset + place : () => offset

/** How threads share the blocks of a format of lines: the bytes, unpacked, and where each record is in them. @since 0.1.0 */
export const sharedLines = <Row>(
  kind: LineKind,
  rowsOf: (lines: Lines, place: BlockPlace) => DecodedBlock<Row>
): SharedDecode<Row> => ({
  unpack: (packed, block, place) =>
    withBytes(kind, packed, block, place, (bytes) => {
      const spans = spansOf(kind, place.shard, bytes, true, place.firstRow, byteIn(block, place))
      const { count, ends, hasNewlines, starts } = spans
      return [
        bytes,
        ...[starts, ends].map((own) => new Uint8Array(own.buffer, 0, 4 * count)),
        Uint8Array.of(isAscii(bytes) ? ASCII : isUtf8(bytes) ? UTF_8 : 0, hasNewlines ? 1 : 0)
      ]
    }),
  view: ([bytes = NONE, starts = NONE, ends = NONE, [kindOfText, hasNewlines] = NONE], block, place) => {
    const count = starts.length / 4
    const spans = new Spans()
    spans.starts = new Uint32Array(starts.buffer, starts.byteOffset, count)
    spans.ends = new Uint32Array(ends.buffer, ends.byteOffset, count)
    spans.count = count
    spans.hasNewlines = hasNewlines === 1
    const lines = linesIn(kind, place.shard, bytes, spans, place.firstRow, byteIn(block, place))
    const texts = kindOfText === ASCII ? asciiTextsOf(bytes) : kindOfText === UTF_8 ? textsOf(bytes) : undefined
    return rowsOf(
      {
        ...lines,
        // Where all of it is UTF-8, no row has to be checked.
        text: texts === undefined ? lines.text : (row) => texts(spans.starts[row] ?? 0, spans.ends[row] ?? 0)
      },
      place
    )
  }
})

const NONE = new Uint8Array(0)
const ASCII = 1
const UTF_8 = 2
