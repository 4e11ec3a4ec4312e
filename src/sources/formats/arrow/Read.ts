/**
 * Decodes record batches of Arrow shards.
 *
 * By code of our own, not by `@uwdata/flechette` or `apache-arrow`: Parquet's decoder hands over Arrow arrays in memory, which
 * neither reads, so arrays have to be read here anyway; what is left is their metadata. Those libraries trust lengths, offsets
 * and indices, decompress into whatever length a buffer claims, and keep codecs in a table of the whole process. Here all are
 * checked. `bun run bench --only arrow` compares the speed.
 *
 * @since 0.1.0
 */

import * as Effect from "effect/Effect"
import { plural } from "../../../core/Plural.ts"
import { giveBack } from "../../../core/ReadBuffers.ts"
import type { StoreError } from "../../store/Store.ts"
import type { Block, BlockPlace, ShardError } from "../Format.ts"
import { headersOf } from "../Headers.ts"
import { attempt, located, shardError, type Where, whereOf } from "../Located.ts"
import { AGAIN, Malformed } from "../Malformed.ts"
import type { Reader, Table } from "../TableOptions.ts"
import { zstd, zstdNow } from "../Zstd.ts"
import { type ArrowArray, eachBuffer } from "./ArrowArray.ts"
import { blockOf, sharedTables } from "./ArrowBlock.ts"
import { type ArrowHeader, arrowIndex, type DictionaryPlace, extraOf } from "./ArrowIndex.ts"
import type { ArrowField } from "./ArrowType.ts"
import { lz4 } from "./Lz4.ts"
import { type Message, messageOf, prefixAt } from "./Message.ts"
import { arraysOf, type Body } from "./RecordBatch.ts"
import { sound } from "./Sound.ts"

/** Reads shards by the options of a format. @since 0.1.0 */
export const reader = (table: Table): Reader => {
  const headers = headersOf("arrow", (shard) => arrowIndex(shard, table))
  const within = <A>(
    bytes: Uint8Array,
    block: Block,
    place: BlockPlace,
    use: (arrays: ReadonlyArray<ArrowArray>) => A
  ): A | Effect.Effect<A, ShardError | StoreError> =>
    headers.use(place, (header) => decode(table, header, bytes, block, place, use))
  return {
    index: headers.index,
    decode: (bytes, block, place) =>
      within(bytes, block, place, (arrays) => {
        let isHeld = false
        for (const array of arrays) eachBuffer(array, ({ buffer }) => (isHeld ||= buffer === bytes.buffer))
        // Of compressed batches all columns are copies.
        if (!isHeld) giveBack(bytes)
        return blockOf(arrays, block.rows, table, whereOf("arrow", block, place), () => giveBack(bytes))
      }),
    shared: sharedTables("arrow", table, within)
  }
}

/** Gives what `use` makes of the columns of a record batch, at once if its dictionaries and its codec are loaded. */
const decode = <A>(
  table: Table,
  header: ArrowHeader,
  bytes: Uint8Array,
  block: Block,
  place: BlockPlace,
  use: (arrays: ReadonlyArray<ArrowArray>) => A
): A | Effect.Effect<A, ShardError | StoreError> => {
  const where = whereOf("arrow", block, place)
  const batch = located(where, () => batchOf(bytes, block))
  const dictionaries = header.loaded
  const wanted = wantedOf(header.dictionaries, extraOf(block).dictionaries)
  const missing = wanted.filter((own) => !dictionaries.has(own.offset))
  const run = () => use(decoded(table, batch, bytes, block, header, (id) => partsOf(dictionaries, wanted, id)))
  if (missing.length === 0 && (batch.layout.codec !== "zstd" || zstdNow() !== undefined)) return located(where, run)
  return Effect.gen(function* () {
    yield* Effect.mapError(zstdNow() === undefined ? zstd : Effect.void, (error) => shardError(where, error))
    // A dictionary may refer to one before it.
    for (const own of missing) yield* load(table, place, header, own, wanted, dictionaries)
    return yield* attempt(where, run)
  })
}

type Batch = Extract<Message, { readonly kind: "batch" | "dictionary" }>

const batchOf = (bytes: Uint8Array, block: Block): Batch => {
  const { length, start } = prefixAt(bytes, 0)
  const message = messageOf(bytes.subarray(start, start + length))
  if (message.kind !== "batch") throw new Malformed(`there is no record batch; ${AGAIN}`)
  if (message.layout.rows === block.rows) return message
  throw new Malformed(`a record batch has ${plural(message.layout.rows, "row")}, not ${block.rows}; ${AGAIN}`)
}

const decoded = (
  table: Table,
  { layout }: Batch,
  bytes: Uint8Array,
  block: Block,
  { chosen, fields }: ArrowHeader,
  dictionary: Body["dictionary"]
): ReadonlyArray<ArrowArray> => {
  const { metadata } = extraOf(block)
  const body: Body = { bytes: bodyOf(bytes, block, metadata), decompress, dictionary, most: table.blockBytes }
  const arrays = arraysOf(fields, layout, body, new Set(chosen))
  for (const array of arrays) sound(array)
  // `arraysOf` gives them in the order of the fields.
  const order = chosen.toSorted((a, b) => a - b)
  return chosen.map((place) => arrays[order.indexOf(place)] as ArrowArray)
}

const decompress: Body["decompress"] = (codec, bytes, length) => {
  if (codec === "lz4") return lz4(bytes, length)
  const own = zstdNow()
  if (own === undefined) throw new Malformed("zstd has not been loaded")
  return own.exactly(bytes, length)
}

/** Returns what finds bytes of the body among those of the block that were read. */
const bodyOf = (bytes: Uint8Array, block: Block, metadata: number): Body["bytes"] => {
  const ranges = block.ranges ?? [[block.offset, block.length] as const]
  const start = block.offset + metadata
  return (offset, length) => {
    let before = 0
    for (const [from, size] of ranges) {
      const at = start + offset - from
      if (at >= 0 && at + length <= size) return bytes.subarray(before + at, before + at + length)
      before += size
    }
    throw new Malformed(`a buffer of ${plural(length, "byte")} lies outside of its batch; ${AGAIN}`)
  }
}

/** Which dictionaries hold for a batch before which so many stand: the last of each number, with what was added to it. */
const wantedOf = (all: ReadonlyArray<DictionaryPlace>, count: number): ReadonlyArray<DictionaryPlace> => {
  const before = all.slice(0, count)
  return before.filter(
    ({ id }, place) => !before.some((other, later) => later > place && other.id === id && !other.delta)
  )
}

const partsOf = (
  dictionaries: ArrowHeader["loaded"],
  wanted: ReadonlyArray<DictionaryPlace>,
  id: number
): ReadonlyArray<ArrowArray> =>
  wanted.filter((own) => own.id === id).flatMap(({ offset }) => dictionaries.get(offset) ?? [])

const load = (
  table: Table,
  { shard }: BlockPlace,
  { fields }: ArrowHeader,
  own: DictionaryPlace,
  wanted: ReadonlyArray<DictionaryPlace>,
  dictionaries: ArrowHeader["loaded"]
): Effect.Effect<void, ShardError | StoreError> =>
  Effect.gen(function* () {
    const { body, id, metadata, offset } = own
    const where: Where = { shard, format: "arrow", byte: offset }
    if (metadata + body > table.blockBytes) {
      const reason = `a dictionary has ${plural(metadata + body, "byte")}, more than blockBytes; raise it`
      return yield* Effect.fail(shardError(where, new Malformed(reason)))
    }
    const bytes = yield* shard.read(offset, metadata + body)
    const array = yield* attempt(where, () => {
      const { length, start } = prefixAt(bytes, 0)
      const message = messageOf(bytes.subarray(start, start + length))
      const field = fieldOf(fields, id)
      if (message.kind !== "dictionary" || field === undefined) throw new Malformed(`there is no dictionary; ${AGAIN}`)
      const block: Block = { rows: message.layout.rows, offset, length: metadata + body }
      return arraysOf(
        [{ name: field.name, type: field.type, children: field.children }],
        message.layout,
        {
          bytes: bodyOf(bytes, block, metadata),
          decompress,
          dictionary: (other) => partsOf(dictionaries, wanted, other),
          most: table.blockBytes
        },
        new Set([0])
      )[0]
    })
    if (array !== undefined) dictionaries.set(offset, array)
  })

const fieldOf = (fields: ReadonlyArray<ArrowField>, id: number): ArrowField | undefined => {
  for (const field of fields) {
    if (field.dictionary?.id === id) return field
    const inner = fieldOf(field.children, id)
    if (inner !== undefined) return inner
  }
  return undefined
}
