/**
 * Takes the arrays of a record batch from its body.
 *
 * @since 0.1.0
 */

import { plural } from "../../../core/Plural.ts"
import { AGAIN, Malformed } from "../Malformed.ts"
import type { ArrowArray } from "./ArrowArray.ts"
import { type ArrowField, type ArrowType, widthOf } from "./ArrowType.ts"
import type { BatchLayout, Codec } from "./Message.ts"

/** Reads the bytes of a body. @since 0.1.0 */
export interface Body {
  /** Returns `length` bytes from `offset` in the body. */
  readonly bytes: (offset: number, length: number) => Uint8Array
  /** Returns the `length` bytes that `bytes` were before they were compressed. Throws {@link Malformed}. */
  readonly decompress: (codec: Codec, bytes: Uint8Array, length: number) => Uint8Array
  /** The values of a dictionary, in parts; none if there is no dictionary of this number. */
  readonly dictionary: (id: number) => ReadonlyArray<ArrowArray>
  /** How many bytes all buffers may take. */
  readonly most: number
}

/** Walks through the arrays and buffers of a layout, in the order of the fields. @since 0.1.0 */
export class LayoutWalk {
  readonly #layout: BatchLayout
  #node = 0
  #buffer = 0
  #views = 0

  constructor(layout: BatchLayout) {
    this.#layout = layout
  }

  /** Length and count of nulls of the next array. */
  node(field: ArrowField): { readonly length: number; readonly nulls: number } {
    const length = this.#layout.nodes[2 * this.#node]
    const nulls = this.#layout.nodes[2 * this.#node + 1]
    this.#node++
    if (length === undefined || nulls === undefined)
      throw new Malformed(`a record batch lacks field "${field.name}"; ${AGAIN}`)
    if (nulls > length) throw new Malformed(`field "${field.name}" has more nulls than values; ${AGAIN}`)
    return { length, nulls }
  }

  /** Offset and length of the next buffer. */
  buffer(field: ArrowField): { readonly offset: number; readonly length: number } {
    const offset = this.#layout.buffers[2 * this.#buffer]
    const length = this.#layout.buffers[2 * this.#buffer + 1]
    this.#buffer++
    if (offset === undefined || length === undefined) {
      throw new Malformed(`a record batch lacks a buffer of field "${field.name}"; ${AGAIN}`)
    }
    return { offset, length }
  }

  /** How many buffers of bytes the next array of views has. */
  views(field: ArrowField): number {
    const count = this.#layout.variadic[this.#views++]
    if (count === undefined || count > this.#layout.buffers.length) {
      throw new Malformed(`a record batch lacks the buffers of field "${field.name}"; ${AGAIN}`)
    }
    return count
  }

  /** Calls `seen` for each buffer of a field and its children. */
  buffersOf(field: ArrowField, seen: (offset: number, length: number) => void): void {
    this.node(field)
    const type = field.dictionary?.indices ?? field.type
    let count = (this.hasValidity(type) ? 1 : 0) + fixedBuffers(type)
    if (type.kind === "binaryView" || type.kind === "utf8View") count += this.views(field)
    for (let at = 0; at < count; at++) {
      const { length, offset } = this.buffer(field)
      seen(offset, length)
    }
    if (field.dictionary === undefined) for (const child of field.children) this.buffersOf(child, seen)
  }

  hasValidity(type: ArrowType): boolean {
    if (type.kind === "union") return this.#layout.unionNulls
    return type.kind !== "null" && type.kind !== "runEnds"
  }
}

/** How many buffers a type has beside the validity and those of views. */
const fixedBuffers = (type: ArrowType): number => {
  switch (type.kind) {
    case "null":
    case "struct":
    case "fixedList":
    case "runEnds":
      return 0
    case "binary":
    case "utf8":
    case "listView":
      return 2
    case "union":
      return type.dense ? 2 : 1
    default:
      return 1
  }
}

/**
 * Returns the arrays of the fields in `chosen`, by their places among `fields`. Checks that each buffer is as long as its
 * array needs, not what it holds. Throws {@link Malformed}.
 *
 * @since 0.1.0
 */
export const arraysOf = (
  fields: ReadonlyArray<ArrowField>,
  layout: BatchLayout,
  body: Body,
  chosen: ReadonlySet<number>
): ReadonlyArray<ArrowArray> => {
  const walk = new LayoutWalk(layout)
  const reader = new ArrayReader(walk, layout, body)
  const arrays: Array<ArrowArray> = []
  for (const [place, field] of fields.entries()) {
    if (!chosen.has(place)) {
      walk.buffersOf(field, () => {})
      continue
    }
    const array = reader.array(field)
    if (array.length !== layout.rows) {
      throw new Malformed(
        `field "${field.name}" has ${plural(array.length, "value")} in a batch of ${plural(layout.rows, "row")}; ${AGAIN}`
      )
    }
    arrays.push(array)
  }
  return arrays
}

const NONE: Uint8Array = new Uint8Array(0)

/** Reads arrays one behind the other. */
class ArrayReader {
  readonly #walk: LayoutWalk
  readonly #codec: Codec | undefined
  readonly #body: Body
  #left: number

  constructor(walk: LayoutWalk, layout: BatchLayout, body: Body) {
    this.#walk = walk
    this.#codec = layout.codec
    this.#body = body
    this.#left = body.most
  }

  array(field: ArrowField): ArrowArray {
    const type = field.dictionary?.indices ?? field.type
    const { length, nulls } = this.#walk.node(field)
    const validity = this.#validity(field, type, length, nulls)
    const data: Array<Uint8Array> = []
    for (const bytes of needed(type, length)) data.push(this.#buffer(field, bytes))
    if (type.kind === "binaryView" || type.kind === "utf8View") {
      const count = this.#walk.views(field)
      for (let at = 0; at < count; at++) data.push(this.#buffer(field, 0))
    }
    const children = field.dictionary === undefined ? field.children.map((child) => this.array(child)) : []
    const dictionary = field.dictionary === undefined ? undefined : this.#body.dictionary(field.dictionary.id)
    return {
      field,
      type,
      length,
      offset: 0,
      nulls: validity === undefined ? 0 : nulls,
      validity,
      data,
      children,
      dictionary
    }
  }

  #validity(field: ArrowField, type: ArrowType, length: number, nulls: number): Uint8Array | undefined {
    if (!this.#walk.hasValidity(type)) return undefined
    if (nulls > 0) return this.#buffer(field, Math.ceil(length / 8))
    this.#walk.buffer(field)
    return undefined
  }

  /** The next buffer, of at least so many bytes. */
  #buffer(field: ArrowField, least: number): Uint8Array {
    const { length, offset } = this.#walk.buffer(field)
    const bytes = length === 0 ? NONE : this.#plain(field, this.#body.bytes(offset, length))
    if (bytes.length < least) {
      throw new Malformed(
        `a buffer of field "${field.name}" has ${plural(bytes.length, "byte")}, and needs ${least}; ${AGAIN}`
      )
    }
    return bytes
  }

  #plain(field: ArrowField, bytes: Uint8Array): Uint8Array {
    if (this.#codec === undefined) return aligned(bytes)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    if (bytes.length < 8) throw new Malformed(`a compressed buffer of field "${field.name}" is cut short; ${AGAIN}`)
    const length = Number(view.getBigInt64(0, true))
    const rest = bytes.subarray(8)
    // −1: compression did not make it smaller, and it is as it was.
    if (length === -1) return aligned(rest)
    if (!(length >= 0 && length <= this.#left)) {
      const limit = `more than the ${plural(this.#left, "byte")} that are left of blockBytes`
      throw new Malformed(
        `a buffer of field "${field.name}" is to have ${plural(length, "byte")}, ${limit}; raise blockBytes, or write smaller batches`
      )
    }
    this.#left -= length
    return length === 0 ? NONE : aligned(this.#body.decompress(this.#codec, rest, length))
  }
}

/** Copies bytes that do not begin at a multiple of 8, as numbers of 64 bits must. */
const aligned = (bytes: Uint8Array): Uint8Array => (bytes.byteOffset % 8 === 0 ? bytes : bytes.slice())

/** How many bytes each buffer of an array needs at least, beside the validity; one whose length is in another needs none. */
const needed = (type: ArrowType, length: number): ReadonlyArray<number> => {
  if (fixedBuffers(type) === 0) return []
  switch (type.kind) {
    case "bool":
      return [Math.ceil(length / 8)]
    case "binary":
    case "utf8":
      // Offsets of no values may be left out.
      return [length === 0 ? 0 : (length + 1) * (type.wide ? 8 : 4), 0]
    case "list":
      return [length === 0 ? 0 : (length + 1) * (type.wide ? 8 : 4)]
    case "map":
      return [length === 0 ? 0 : (length + 1) * 4]
    case "listView":
      return [length * (type.wide ? 8 : 4), length * (type.wide ? 8 : 4)]
    case "union":
      return type.dense ? [length, 4 * length] : [length]
    default:
      return [length * widthOf(type)]
  }
}
