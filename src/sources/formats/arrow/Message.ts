/**
 * Reads the messages of Arrow's IPC format, and the footer of its file form: `Message.fbs` and `File.fbs` of the Arrow
 * project.
 *
 * @since 0.1.0
 */

import { AGAIN, Malformed, withinBytes } from "../Malformed.ts"
import type { ArrowField } from "./ArrowType.ts"
import { FlatBuffer } from "./FlatBuffer.ts"
import { schemaAt } from "./Schema.ts"

/** @since 0.1.0 */
export type Codec = "lz4" | "zstd"

/** What a record batch says of its body: lengths and null counts of its arrays, and where their buffers lie. @since 0.1.0 */
export interface BatchLayout {
  readonly rows: number
  /** Length and count of nulls of each array, one behind the other. */
  readonly nodes: ReadonlyArray<number>
  /** Offset in the body and length of each buffer, one behind the other. */
  readonly buffers: ReadonlyArray<number>
  readonly codec: Codec | undefined
  /** How many buffers of bytes each array of views has. */
  readonly variadic: ReadonlyArray<number>
  /** Metadata before version 5 gives unions a buffer of their nulls. */
  readonly unionNulls: boolean
}

/** @since 0.1.0 */
export type Message =
  | { readonly kind: "schema"; readonly bodyLength: number; readonly fields: ReadonlyArray<ArrowField> }
  | { readonly kind: "batch"; readonly bodyLength: number; readonly layout: BatchLayout }
  | {
      readonly kind: "dictionary"
      readonly bodyLength: number
      readonly layout: BatchLayout
      readonly id: number
      readonly delta: boolean
    }
  | { readonly kind: "other"; readonly bodyLength: number }

/** Reads the metadata of a message, without its length before it. Throws {@link Malformed}. @since 0.1.0 */
export const messageOf = (bytes: Uint8Array): Message =>
  withinBytes("a message", () => {
    const flat = new FlatBuffer(bytes)
    const root = flat.root()
    const bodyLength = flat.int64(root, 3)
    const header = flat.table(root, 2)
    const kind = flat.uint8(root, 1)
    if (header === 0 || kind > 3) return { kind: "other", bodyLength }
    const old = flat.int16(root, 0) < 4
    if (kind === 1) return { kind: "schema", bodyLength, fields: schemaAt(flat, header) }
    if (kind === 3) return { kind: "batch", bodyLength, layout: layoutAt(flat, header, old) }
    if (kind !== 2) return { kind: "other", bodyLength }
    const batch = flat.table(header, 1)
    if (batch === 0) throw new Malformed(`a dictionary has no values; ${AGAIN}`)
    const layout = layoutAt(flat, batch, old)
    return { kind: "dictionary", bodyLength, layout, id: flat.int64(header, 0), delta: flat.uint8(header, 2) !== 0 }
  })

const layoutAt = (flat: FlatBuffer, batch: number, old: boolean): BatchLayout => {
  const compression = flat.table(batch, 3)
  return {
    rows: flat.int64(batch, 0),
    nodes: pairs(flat, batch, 1),
    buffers: pairs(flat, batch, 2),
    codec: compression === 0 ? undefined : codecAt(flat, compression),
    variadic: longs(flat, batch, 4),
    unionNulls: old
  }
}

const codecAt = (flat: FlatBuffer, compression: number): Codec => {
  const codec = flat.uint8(compression, 0)
  if (flat.uint8(compression, 1) === 0 && codec < 2) return codec === 0 ? "lz4" : "zstd"
  throw new Malformed(`its buffers are compressed by an unknown codec, number ${codec}; write it with zstd or lz4`)
}

const longs = (flat: FlatBuffer, table: number, field: number): ReadonlyArray<number> => {
  const { at, length } = flat.vector(table, field, 8)
  return Array.from({ length }, (_, place) => flat.int64At(at + 8 * place))
}

/** A vector of structs of two numbers of 64 bits. */
const pairs = (flat: FlatBuffer, table: number, field: number): ReadonlyArray<number> => {
  const { at, length } = flat.vector(table, field, 16)
  return Array.from({ length: 2 * length }, (_, place) => flat.int64At(at + 8 * place))
}

/** Where a message lies in a shard: its metadata with the length before it, then its body. @since 0.1.0 */
export interface MessagePlace {
  readonly offset: number
  readonly metadata: number
  readonly body: number
}

/** What the file form says at its end. @since 0.1.0 */
export interface Footer {
  readonly fields: ReadonlyArray<ArrowField>
  readonly dictionaries: ReadonlyArray<MessagePlace>
  readonly batches: ReadonlyArray<MessagePlace>
}

/** Reads a footer. Throws {@link Malformed}. @since 0.1.0 */
export const footerOf = (bytes: Uint8Array): Footer =>
  withinBytes("its footer", () => {
    const flat = new FlatBuffer(bytes)
    const root = flat.root()
    const schema = flat.table(root, 1)
    if (schema === 0) throw new Malformed(`its footer has no schema; ${AGAIN}`)
    return { fields: schemaAt(flat, schema), dictionaries: places(flat, root, 2), batches: places(flat, root, 3) }
  })

const places = (flat: FlatBuffer, root: number, field: number): ReadonlyArray<MessagePlace> => {
  const { at, length } = flat.vector(root, field, 24)
  return Array.from({ length }, (_, place) => {
    const own = at + 24 * place
    return { offset: flat.int64At(own), metadata: flat.int32At(own + 8), body: flat.int64At(own + 16) }
  })
}

const CONTINUES = 0xffffffff

/**
 * The length of a message's metadata, and where it begins behind `at`; before Arrow 0.15 nothing stood before the length.
 * A length of 0 is the end of a stream.
 *
 * @since 0.1.0
 */
export const prefixAt = (bytes: Uint8Array, at: number): { readonly start: number; readonly length: number } => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const first = view.getUint32(at, true)
  return first === CONTINUES
    ? { start: at + 8, length: view.getUint32(at + 4, true) }
    : { start: at + 4, length: first }
}
