/**
 * Finds the record batches of an Arrow shard: by the footer of the file form, by the lengths of the messages in the stream
 * form. Bodies are not read.
 *
 * @since 0.1.0
 */

import * as Effect from "effect/Effect"
import { plural } from "../../../core/Plural.ts"
import type { StoreError } from "../../store/Store.ts"
import type { Block, Shard, ShardError } from "../Format.ts"
import type { Indexed } from "../Headers.ts"
import { attempt, type Where } from "../Located.ts"
import { AGAIN, Malformed } from "../Malformed.ts"
import { placesOf, type Table } from "../TableOptions.ts"
import type { ArrowArray } from "./ArrowArray.ts"
import { type ArrowField, namedType, shownType } from "./ArrowType.ts"
import { type BatchLayout, footerOf, type Message, type MessagePlace, messageOf, prefixAt } from "./Message.ts"
import { LayoutWalk } from "./RecordBatch.ts"

/** A dictionary of a shard. @since 0.1.0 */
export interface DictionaryPlace extends MessagePlace {
  readonly id: number
  readonly delta: boolean
}

/** What decoding needs besides a record batch. @since 0.1.0 */
export interface ArrowHeader {
  readonly fields: ReadonlyArray<ArrowField>
  /** The places of the columns among the fields. */
  readonly chosen: ReadonlyArray<number>
  /** Those that the columns need, in the order of the shard. */
  readonly dictionaries: ReadonlyArray<DictionaryPlace>
  /** Those of them that were read, by their offsets. */
  readonly loaded: Map<number, ArrowArray>
}

/** What stands behind a record batch in `Block.extra`. @since 0.1.0 */
export interface BatchExtra {
  /** The bytes of its message before the body. */
  readonly metadata: number
  /** How many of the dictionaries stand before it. */
  readonly dictionaries: number
}

/** @since 0.1.0 */
export const extraOf = ({ extra = [] }: Block): BatchExtra => ({ metadata: extra[0] ?? 0, dictionaries: extra[1] ?? 0 })

/** So many bytes of the end are read at first: the footer of a file of some hundred batches. */
const TAIL = 65_536
/** Metadata of one message, or a footer, may have so many bytes. */
const MOST_METADATA = 256 * 2 ** 20
const MAGIC = "ARROW1"

const textAt = (bytes: Uint8Array, start: number, length: number): string =>
  String.fromCharCode(...bytes.subarray(Math.max(0, start), Math.max(0, start + length)))

type Failure = ShardError | StoreError

/** Returns the index of a shard. @since 0.1.0 */
export const arrowIndex = (shard: Shard, table: Table): Effect.Effect<Indexed<ArrowHeader>, Failure> =>
  Effect.gen(function* () {
    const where = { shard, format: "arrow" }
    const { size } = shard.info
    if (size === 0) return yield* refuse(where, "it is empty; fetch or write it again")
    const length = Math.min(size, TAIL)
    const tail = yield* shard.read(size - length, length)
    if (length >= 18 && textAt(tail, length - 6, 6) === MAGIC) return yield* fileIndex(where, table, tail)
    const head = length === size ? tail : yield* shard.read(0, 8)
    const start = textAt(head, 0, 6)
    if (start === MAGIC) return yield* refuse(where, `it is cut short: its end is not that of an Arrow file; ${AGAIN}`)
    if (start.startsWith("FEA1")) {
      return yield* refuse(where, "it is Feather version 1; write it again as version 2, which is Arrow's file form")
    }
    return yield* streamIndex(where, table)
  })

const refuse = (where: Where, reason: string): Effect.Effect<never, ShardError> =>
  attempt(where, () => {
    throw new Malformed(reason)
  })

/** A message with its place. */
type Found = Message & { readonly place: MessagePlace }

const fileIndex = (where: Where, table: Table, tail: Uint8Array): Effect.Effect<Indexed<ArrowHeader>, Failure> =>
  Effect.gen(function* () {
    const { shard } = where
    const { size } = shard.info
    const length = new DataView(tail.buffer, tail.byteOffset, tail.byteLength).getInt32(tail.length - 10, true)
    const start = size - 10 - length
    if (length <= 0 || start < 8 || length > MOST_METADATA) {
      return yield* refuse(
        where,
        `its footer is to have ${plural(length, "byte")}, where the shard has ${size}; ${AGAIN}`
      )
    }
    const held = start >= size - tail.length
    const bytes = held ? tail.subarray(tail.length - 10 - length, tail.length - 10) : yield* shard.read(start, length)
    const footer = yield* attempt({ ...where, byte: start }, () => footerOf(bytes))
    const needed = yield* attempt(where, () => neededOf(footer.fields, placesOf(footer.fields, table)))
    // Dictionaries that no column needs are not looked at.
    const dictionaries = needed.size === 0 ? [] : footer.dictionaries
    const read = (place: MessagePlace) => messageAt(where, place, start)
    const found = yield* Effect.forEach([...dictionaries, ...footer.batches], read, { concurrency: 16 })
    return yield* attempt(where, () => indexOf(footer.fields, table, found))
  })

/** The message at a place that a footer names; it ends before `end`. */
const messageAt = (
  where: Where,
  { body, metadata, offset }: MessagePlace,
  end: number
): Effect.Effect<Found, Failure> =>
  Effect.gen(function* () {
    const own = { ...where, byte: offset }
    if (metadata < 8 || metadata > MOST_METADATA || offset + metadata + body > end) {
      return yield* refuse(own, `its footer names a message of ${metadata} and ${plural(body, "byte")} there; ${AGAIN}`)
    }
    const bytes = yield* where.shard.read(offset, metadata)
    return yield* attempt(own, () => {
      const { length, start } = prefixAt(bytes, 0)
      if (start + length > metadata) throw new Malformed(`a message is longer than its footer says; ${AGAIN}`)
      const message = messageOf(bytes.subarray(start, start + length))
      if (message.bodyLength > body) throw new Malformed(`a body is longer than its footer says; ${AGAIN}`)
      return { ...message, place: { offset, metadata, body } }
    })
  })

/** So many bytes are read where the next message begins: the metadata of most. */
const AHEAD = 4096

const streamIndex = (where: Where, table: Table): Effect.Effect<Indexed<ArrowHeader>, Failure> =>
  Effect.gen(function* () {
    const { shard } = where
    const { size } = shard.info
    const found: Array<Found> = []
    let fields: ReadonlyArray<ArrowField> | undefined
    let offset = 0
    // A stream may end without saying so.
    while (offset + 4 <= size) {
      const own = { ...where, byte: offset }
      const ahead = yield* shard.read(offset, Math.min(AHEAD, size - offset))
      const prefix = yield* attempt(own, () => (ahead.length < 8 && size - offset > 4 ? short() : prefixAt(ahead, 0)))
      if (prefix.length === 0) break
      const metadata = prefix.start + prefix.length
      if (prefix.length > MOST_METADATA || offset + metadata > size) {
        const first = found.length === 0 && fields === undefined
        return yield* refuse(own, first ? NEITHER : `it is cut short, or a length is wrong; ${AGAIN}`)
      }
      const bytes = metadata <= ahead.length ? ahead : yield* shard.read(offset, metadata)
      const message = yield* attempt(own, () => messageOf(bytes.subarray(prefix.start, metadata)))
      const body = message.bodyLength
      if (offset + metadata + body > size) return yield* refuse(own, `it is cut short: a body ends beyond it; ${AGAIN}`)
      if (message.kind === "schema") {
        if (fields !== undefined) return yield* refuse(own, `it has two schemas; ${AGAIN}`)
        fields = message.fields
      } else if (fields === undefined) {
        return yield* refuse(own, NEITHER)
      } else found.push({ ...message, place: { offset, metadata, body } })
      offset += metadata + body
    }
    const known = fields
    if (known === undefined) return yield* refuse(where, NEITHER)
    return yield* attempt(where, () => indexOf(known, table, found))
  })

const NEITHER = "it begins neither as an Arrow file nor as an Arrow stream; is it of another format?"

const short = (): never => {
  throw new Malformed(`it is cut short; ${AGAIN}`)
}

/** The numbers of the dictionaries that columns need. */
const neededOf = (fields: ReadonlyArray<ArrowField>, chosen: ReadonlyArray<number>): ReadonlySet<number> => {
  const needed = new Set<number>()
  const walk = (field: ArrowField): void => {
    if (field.dictionary !== undefined) needed.add(field.dictionary.id)
    field.children.forEach(walk)
  }
  for (const place of chosen) walk(fields[place] as ArrowField) // places of fields
  return needed
}

const indexOf = (
  fields: ReadonlyArray<ArrowField>,
  table: Table,
  found: ReadonlyArray<Found>
): Indexed<ArrowHeader> => {
  const chosen = placesOf(fields, table)
  const needed = neededOf(fields, chosen)
  const dictionaries: Array<DictionaryPlace> = []
  const blocks: Array<Block> = []
  for (const message of found) {
    const { place } = message
    if (message.kind === "dictionary" && needed.has(message.id)) {
      dictionaries.push({ ...place, id: message.id, delta: message.delta })
    } else if (message.kind === "batch") {
      blocks.push(blockOf(fields, chosen, table, message.layout, place, dictionaries.length))
    }
  }
  const own = chosen.map((at) => fields[at] as ArrowField) // places of fields
  const schema = JSON.stringify(own.map((field) => [field.name, shownType(field)]))
  const columns = own.map((field) => [field.name, namedType(field)] as const)
  const header: ArrowHeader = { fields, chosen, dictionaries, loaded: new Map() }
  const bytes = dictionaries.reduce((sum, { body, metadata }) => sum + metadata + body, 1000 * (1 + fields.length))
  return { index: { blocks, schema, columns }, header, bytes }
}

const blockOf = (
  fields: ReadonlyArray<ArrowField>,
  chosen: ReadonlyArray<number>,
  { blockBytes, columns }: Table,
  layout: BatchLayout,
  { body, metadata, offset }: MessagePlace,
  dictionaries: number
): Block => {
  // A row takes at least its place in a column; batches of nulls have rows without bytes.
  if (layout.rows * 8 > Math.max(blockBytes, 64 * body)) {
    throw new Malformed(
      `a record batch has ${plural(layout.rows, "row")}, too many for its ${plural(body, "byte")}; ${AGAIN}`,
      {
        byte: offset
      }
    )
  }
  const spans =
    columns === undefined
      ? [[offset, metadata + body] as const]
      : spansOf(fields, chosen, layout, { body, metadata, offset })
  const read = spans.reduce((sum, [, length]) => sum + length, 0)
  if (read > blockBytes) {
    const way = "choose columns, write smaller batches, or raise blockBytes"
    throw new Malformed(`a record batch has ${plural(read, "byte")}, more than blockBytes, ${blockBytes}; ${way}`, {
      byte: offset
    })
  }
  const block: Block = { rows: layout.rows, offset, length: metadata + body, extra: [metadata, dictionaries] }
  return columns === undefined ? block : { ...block, ranges: spans, bytes: read }
}

/** Ranges closer than this are read as one. */
const GAP = 64

/** The ranges of a message and of its chosen columns, in order, in the shard. */
const spansOf = (
  fields: ReadonlyArray<ArrowField>,
  chosen: ReadonlyArray<number>,
  layout: BatchLayout,
  { body, metadata, offset }: MessagePlace
): ReadonlyArray<readonly [offset: number, length: number]> => {
  const walk = new LayoutWalk(layout)
  const own = new Set(chosen)
  const spans: Array<readonly [offset: number, length: number]> = [[offset, metadata]]
  for (const [place, field] of fields.entries()) {
    walk.buffersOf(field, (start, length) => {
      if (length === 0 || !own.has(place)) return
      if (start < 0 || length < 0 || start + length > body) {
        const reason = `a buffer of field "${field.name}" lies outside of the ${plural(body, "byte")} of its batch; ${AGAIN}`
        throw new Malformed(reason, { byte: offset })
      }
      spans.push([offset + metadata + start, length])
    })
  }
  const joined: Array<[offset: number, length: number]> = []
  for (const [start, length] of spans.toSorted((a, b) => a[0] - b[0])) {
    const last = joined.at(-1)
    if (last !== undefined && start <= last[0] + last[1] + GAP) last[1] = Math.max(last[1], start + length - last[0])
    else joined.push([start, length])
  }
  return joined
}
