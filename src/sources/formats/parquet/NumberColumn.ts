/**
 * Decodes columns of numbers, and of lists of numbers, which is most of what is trained on: without a copy through the memory
 * of the module that decodes all else (20,000 lists of 512 tokens, zstd: 131 ms, by the module alone 201). Whether a column is
 * decoded here depends on its type, codec and encodings alone; the arrays are the same.
 *
 * @since 0.1.0
 */
import { plural } from "../../../core/Plural.ts"
import { take } from "../../../core/ReadBuffers.ts"
import type { ArrowArray } from "../arrow/ArrowArray.ts"
import type { ArrowField, ArrowType } from "../arrow/ArrowType.ts"
import { AGAIN, Malformed } from "../Malformed.ts"
import { type Dictionary, lookUp } from "./Dictionary.ts"
import type { Chunk, Column, Footer } from "./Footer.ts"
import { bitsOf, Hybrid } from "./Hybrid.ts"
import { type Decompressed, decompresses, headerIn, Kind, numberIn, type Page, releasePage, walk } from "./Pages.ts"
import { type Struct, ThriftReader } from "./Thrift.ts"

type Numbers = Int32Array | BigInt64Array | Float32Array | Float64Array

interface NumberType {
  readonly type: ArrowType
  readonly make: (length: number) => Numbers
}

/** Memory that can be given back, all of which is written but where a value is null. */
const room = (length: number): ArrayBuffer => take(length).buffer

/** By the numbers of `Type` in `parquet.thrift`. */
const TYPES: Readonly<Record<number, NumberType>> = {
  1: { type: { kind: "int", bits: 32, signed: true }, make: (length) => new Int32Array(room(4 * length), 0, length) },
  2: {
    type: { kind: "int", bits: 64, signed: true },
    make: (length) => new BigInt64Array(room(8 * length), 0, length)
  },
  4: { type: { kind: "float", bits: 32 }, make: (length) => new Float32Array(room(4 * length), 0, length) },
  5: { type: { kind: "float", bits: 64 }, make: (length) => new Float64Array(room(8 * length), 0, length) }
}

/** `PLAIN`, `PLAIN_DICTIONARY`, `RLE` (of levels) and `RLE_DICTIONARY`. */
const ENCODINGS = new Set([0, 2, 3, 8])
const RLE = 3

/** Places of bits in a larger page would be beyond 32 bits. */
const MOST = 2 ** 28

/** A column that can be decoded here. @since 0.1.0 */
export interface NumberLayout {
  readonly number: NumberType
  readonly field: ArrowField
  readonly isList: boolean
  /** Whether the value, or the list, may be null. */
  readonly isOptional: boolean
  /** Whether an item of the list may be null. */
  readonly hasOptionalItems: boolean
}

const LIST: ArrowType = { kind: "list", wide: false }

/** Returns how a column is laid out, if all of it can be decoded here. @since 0.1.0 */
export const numberLayout = (footer: Footer, { elements }: Column, chunk: Chunk): NumberLayout | undefined => {
  const reader = new ThriftReader(footer.bytes)
  if (!decompresses(chunk.codec) || chunk.uncompressed > MOST) return undefined
  const encodings = chunk.metadata.get(2)
  if (encodings === undefined || !reader.ints(encodings).every((own) => ENCODINGS.has(own))) return undefined
  const nodes = elements.map(({ fields }) => fields)
  const at = (node: Struct, id: number): number | undefined => {
    const value = node.get(id)
    return value === undefined ? undefined : reader.int(value)
  }
  const leaf = nodes.at(-1)
  const name = (node: Struct): string => {
    const own = node.get(4)
    return own === undefined ? "" : reader.text(own)
  }
  // What a number stands for is in the converted or the logical type.
  if (leaf === undefined || leaf.has(6) || leaf.has(10)) return undefined
  const number = TYPES[at(leaf, 1) ?? -1]
  const repetition = at(leaf, 3) ?? REPEATED
  if (number === undefined || repetition === REPEATED) return undefined
  const own: ArrowField = { name: name(leaf), type: number.type, children: [] }
  const isOptional = repetition === OPTIONAL
  if (nodes.length === 1) return { number, field: own, isList: false, isOptional, hasOptionalItems: false }
  const [list, items] = nodes
  if (nodes.length !== 3 || list === undefined || items === undefined) return undefined
  // A list of three levels, as the format has had them since 2014; see LogicalTypes.md.
  const isList = at(list, 6) === 3 && at(list, 5) === 1 && at(items, 5) === 1
  const between = name(items)
  if (
    !isList ||
    at(items, 3) !== REPEATED ||
    items.has(6) ||
    between === "array" ||
    between === `${name(list)}_tuple`
  ) {
    return undefined
  }
  const outer = at(list, 3) ?? REPEATED
  if (outer === REPEATED) return undefined
  const field = { name: name(list), type: LIST, children: [own] }
  return { number, field, isList: true, isOptional: outer === OPTIONAL, hasOptionalItems: isOptional }
}

const OPTIONAL = 1
const REPEATED = 2

/** Returns the array of a column's bytes, of so many rows. Throws {@link Malformed}. @since 0.1.0 */
export const numberColumn = (
  layout: NumberLayout,
  bytes: Uint8Array,
  { codec, values }: Chunk,
  rows: number,
  most: number,
  ahead: Decompressed
): ArrowArray => {
  const reader = new ThriftReader(bytes)
  const column = new NumberColumn(layout, values, rows)
  let dictionary: Page | undefined
  const seen = (page: Page): void => {
    column.take(reader, page)
    if (page.kind === Kind.dictionary) dictionary = page
    else releasePage(page.bytes, bytes)
  }
  walk(reader, codec, most, seen, ahead)
  if (dictionary !== undefined) releasePage(dictionary.bytes, bytes)
  return column.array()
}

/** Bits that say which values are not null; there are none until one is. */
class Validity {
  readonly #size: number
  #bits: Uint8Array | undefined
  nulls = 0

  constructor(size: number) {
    this.#size = size
  }

  get bits(): Uint8Array | undefined {
    return this.#bits
  }

  clear(at: number): void {
    this.#bits ??= new Uint8Array(Math.ceil(this.#size / 8)).fill(255)
    // A bit of the size.
    this.#bits[at >> 3] = (this.#bits[at >> 3] as number) & ~(1 << (at & 7))
    this.nulls++
  }
}

/** Used again and again: levels of a page. */
let levels = new Uint32Array(0)
let repeats = new Uint32Array(0)

/** A column that is being decoded, page by page. */
class NumberColumn {
  readonly #layout: NumberLayout
  readonly #rows: number
  /** Values of the leaf, nulls among them. */
  readonly #numbers: Numbers
  readonly #valid: Validity
  readonly #lists: Validity
  readonly #offsets: Int32Array
  #dictionary: Dictionary | undefined
  /** How many levels, items and rows there are so far. */
  #levels = 0
  #items = 0
  #row = 0

  constructor(layout: NumberLayout, values: number, rows: number) {
    this.#layout = layout
    this.#rows = rows
    this.#numbers = layout.number.make(values)
    this.#valid = new Validity(values)
    this.#lists = new Validity(rows)
    this.#offsets = new Int32Array(layout.isList ? rows + 1 : 0)
  }

  take(reader: ThriftReader, { bytes, header, kind }: Page): void {
    if (kind === Kind.dictionary) {
      const own = headerIn(reader, header, 7)
      this.#dictionary = dictionaryOf(bytes, numberIn(reader, own, 1), this.#numbers.BYTES_PER_ELEMENT)
      return
    }
    // Pages of an index are no data.
    if (kind !== Kind.data && kind !== Kind.second) return
    const isSecond = kind === Kind.second
    const own = headerIn(reader, header, isSecond ? 8 : 5)
    const count = numberIn(reader, own, 1)
    if (count < 0 || this.#levels + count > this.#numbers.length) throw wrong("has more values than its column")
    const encoding = numberIn(reader, own, isSecond ? 4 : 2)
    const { hasOptionalItems, isList, isOptional } = this.#layout
    const most = Number(isOptional) + (isList ? 1 + Number(hasOptionalItems) : 0)
    let at = 0
    const hybrid = (isThere: boolean, ended: number, level: number, width: number): Hybrid | undefined => {
      let length = isSecond ? numberIn(reader, own, ended) : 0
      if (isThere && !isSecond) {
        if (numberIn(reader, own, level) !== RLE) throw wrong("has levels that are not run lengths")
        length = at + 4 > bytes.length ? -1 : new DataView(bytes.buffer, bytes.byteOffset + at, 4).getInt32(0, true)
        at += 4
      }
      if (length < 0 || at + length > bytes.length) throw wrong("ends before its levels do")
      at += length
      return isThere ? new Hybrid(bytes, at - length, at, width, count) : undefined
    }
    const repetitions = hybrid(isList, 6, 4, 1)
    const definitions = hybrid(most > 0, 5, 3, bitsOf(most))
    const present = this.#nest(count, most, repetitions, definitions)
    const into = present === this.#items - this.#first ? this.#numbers : this.#layout.number.make(present)
    const from = into === this.#numbers ? this.#first : 0
    if (encoding === 0) copyPlain(into, from, bytes, at, present)
    else if (present > 0) this.#look(into, from, bytes, at, present)
    if (into !== this.#numbers) this.#spread(into)
    this.#levels += count
  }

  /** The first item of the page. */
  #first = 0

  /** Takes in the levels of a page: rows, lists and nulls. Returns how many values there are. */
  #nest(count: number, most: number, repetitions: Hybrid | undefined, definitions: Hybrid | undefined): number {
    this.#first = this.#items
    const isFull = definitions === undefined || isAll(definitions, most, count)
    if (isFull && repetitions === undefined) {
      this.#items += count
      this.#row += count
      return count
    }
    if (isFull && repetitions !== undefined) {
      this.#cut(repetitions)
      return count
    }
    if (levels.length < count) levels = new Uint32Array(count)
    if (repeats.length < count) repeats = new Uint32Array(count)
    if (repetitions === undefined) repeats.fill(0, 0, count)
    else repetitions.fill(repeats, 0)
    definitions?.fill(levels, 0)
    const { hasOptionalItems, isList, isOptional } = this.#layout
    let present = 0
    for (let at = 0; at < count; at++) {
      const level = levels[at] as number // below the count
      if (level > most) throw wrong(`has a level of ${level}, where ${most} is the most`)
      if (repeats[at] === 0) this.#begin()
      else if (this.#row === 0) throw wrong("begins within a list")
      if (level === most) present++
      else if (!isList) this.#valid.clear(this.#items)
      else if (hasOptionalItems && level === most - 1) this.#valid.clear(this.#items)
      else {
        // No item: the list is empty, or null.
        if (isOptional && level === 0) this.#lists.clear(this.#row - 1)
        continue
      }
      this.#items++
    }
    return present
  }

  /** Begins a row. */
  #begin(): void {
    if (this.#row >= this.#rows) throw wrong("has more rows than its row group")
    if (this.#layout.isList) this.#offsets[this.#row] = this.#items
    this.#row++
  }

  /** Cuts items into lists, if none is null and no list is empty. */
  #cut(repetitions: Hybrid): void {
    while (repetitions.next()) {
      const { bytes, count, start, value } = repetitions
      if (value > 0) {
        if (this.#row === 0) throw wrong("begins within a list")
        this.#items += count
        continue
      }
      for (let at = 0; at < count; at++) {
        const isNew = value === 0 || (((bytes[start + (at >> 3)] as number) >> (at & 7)) & 1) === 0 // a bit of the run
        if (isNew) this.#begin()
        else if (this.#row === 0) throw wrong("begins within a list")
        this.#items++
      }
    }
  }

  /** Looks values up in the dictionary. */
  #look(into: Numbers, from: number, bytes: Uint8Array, start: number, count: number): void {
    const dictionary = this.#dictionary
    const width = bytes[start]
    if (dictionary === undefined || width === undefined || width > 32)
      throw wrong("lacks its dictionary, or its indices")
    const words = into.BYTES_PER_ELEMENT / 4
    const indices = new Hybrid(bytes, start + 1, bytes.length, width, count)
    const most = lookUp(dictionary, indices, wordsOf(into), from * words, words)
    if (most >= dictionary.size) throw wrong(`has index ${most} in a dictionary of ${plural(dictionary.size, "value")}`)
  }

  /** Puts values into their places between nulls. */
  #spread(own: Numbers): void {
    const bits = this.#valid.bits ?? NONE
    const width = own.BYTES_PER_ELEMENT / 4
    const from = wordsOf(own)
    const into = wordsOf(this.#numbers)
    let next = 0
    for (let at = this.#first; at < this.#items; at++) {
      // There is a bit for each.
      if ((((bits[at >> 3] as number) >> (at & 7)) & 1) === 0) continue
      for (let word = 0; word < width; word++) into[at * width + word] = from[next++] as number // a word of a value
    }
  }

  array(): ArrowArray {
    const { field, isList, number } = this.#layout
    if (this.#row !== this.#rows) throw wrong(`has ${plural(this.#row, "row")}, not ${this.#rows}`)
    const { buffer } = this.#numbers
    const data = [new Uint8Array(buffer, 0, this.#items * this.#numbers.BYTES_PER_ELEMENT)]
    const own = { field, length: this.#items, offset: 0, dictionary: undefined }
    const leaf = { validity: this.#valid.bits, nulls: this.#valid.nulls, data, children: [], type: number.type }
    if (!isList) return { ...own, ...leaf }
    const [child] = field.children
    this.#offsets[this.#rows] = this.#items
    return {
      ...own,
      length: this.#rows,
      type: LIST,
      validity: this.#lists.bits,
      nulls: this.#lists.nulls,
      data: [new Uint8Array(this.#offsets.buffer)],
      children: [{ ...own, ...leaf, field: child ?? field }]
    }
  }
}

const NONE = new Uint8Array(0)

const wrong = (what: string): Malformed => new Malformed(`a page of numbers ${what}; ${AGAIN}`)

/** Whether all levels of a page are the highest: one run says so. */
const isAll = (definitions: Hybrid, most: number, count: number): boolean => {
  if (count === 0) return true
  const probe = definitions.copy()
  return probe.next() && probe.value === most && probe.count === count
}

/** The dictionary in the bytes of a page, of so many values of `width` bytes: these bytes themselves, unless they are not aligned. */
const dictionaryOf = (bytes: Uint8Array, size: number, width: number): Dictionary => {
  if (size < 0 || size * width > bytes.length) throw wrong("ends before its values do")
  const own = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice(0, size * width)
  return { size, words: new Int32Array(own.buffer, own.byteOffset, (size * width) / 4) }
}

/** Copies numbers that stand in bytes as they are. */
const copyPlain = (into: Numbers, from: number, bytes: Uint8Array, start: number, count: number): void => {
  const width = into.BYTES_PER_ELEMENT
  if (count < 0 || start + count * width > bytes.length) throw wrong("ends before its values do")
  new Uint8Array(into.buffer).set(bytes.subarray(start, start + count * width), from * width)
}

/** Numbers as words of 32 bits: engines are quick at loops that see one kind of array only. */
const wordsOf = ({ buffer }: Numbers): Int32Array => new Int32Array(buffer)
