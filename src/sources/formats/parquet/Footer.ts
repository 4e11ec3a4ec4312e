/**
 * The footer of a Parquet file: which row groups there are and where their columns lie, checked against the shard before
 * anything of it is relied on. Field numbers are those of `parquet.thrift`.
 *
 * @since 0.1.0
 */
import { plural } from "../../../core/Plural.ts"
import { AGAIN, Malformed, withinBytes } from "../Malformed.ts"
import { type Struct, ThriftReader, ThriftWriter, Type, type Value } from "./Thrift.ts"
import { BYTES, FIXED, type Twelve, twelveOf } from "./Twelve.ts"
import { type NamedType, namedType } from "./TypeName.ts"

/** A column of a row group. @since 0.1.0 */
export interface Chunk {
  /** Its first byte in the shard; of a dictionary, if there is one. */
  readonly start: number
  readonly length: number
  /** Whether some of the last bytes may be those of what lies behind it. */
  readonly isLonger: boolean
  /** The first data page, from `start` on: behind a dictionary, if the footer tells of one. */
  readonly data: number
  readonly uncompressed: number
  /** A number of `CompressionCodec`. */
  readonly codec: number
  readonly values: number
  /** The fields of its metadata, to be copied. */
  readonly metadata: Struct
}

/** @since 0.1.0 */
export interface RowGroup {
  readonly rows: number
  readonly chunks: ReadonlyArray<Chunk>
}

/** @since 0.1.0 */
export interface Footer {
  readonly bytes: Uint8Array
  readonly fields: Struct
  readonly groups: ReadonlyArray<RowGroup>
  /** The root of the schema. */
  readonly root: Struct
  readonly columns: ReadonlyArray<Column>
}

/** A column at the top of the schema, of one leaf or several. @since 0.1.0 */
export interface Column {
  readonly name: string
  /** Equal texts, equal types. */
  readonly type: string
  /** The type for people. */
  readonly named: NamedType
  readonly leaves: number
  /** Its elements of the schema, one behind the other. */
  readonly elements: ReadonlyArray<SchemaElement>
  /** For each leaf, whether its values are decoded as 12 bytes, and what they are. */
  readonly twelves: ReadonlyArray<Twelve | undefined>
}

/** @since 0.1.0 */
export interface SchemaElement {
  /** Where it lies in the footer. */
  readonly value: Value
  readonly fields: Struct
  readonly twelve: Twelve | undefined
}

const CODECS = ["uncompressed", "snappy", "gzip", "lzo", "brotli", "lz4", "zstd", "lz4_raw"]
const LZO = 3

/** Nesting deeper than this is refused. Each list takes two levels, and sinks write 32 lists in one another. */
const DEEPEST = 72

/** Reads the footer of a shard of `size` bytes, of which it begins at `start`. Throws {@link Malformed}. @since 0.1.0 */
export const footerOf = (bytes: Uint8Array, start: number): Footer =>
  withinBytes("its footer", () => {
    const reader = new ThriftReader(bytes)
    const fields = reader.struct(0)
    if (fields.has(8)) throw encrypted()
    const elements = reader.items(needed(fields, 2), Type.struct)
    const columns = columnsOf(reader, elements)
    const leaves = columns.reduce((sum, own) => sum + own.leaves, 0)
    const writtenBy = fields.get(6)
    const data = { end: start, slack: writtenBy === undefined ? 0 : slackOf(reader.text(writtenBy)) }
    const groups = reader.structs(needed(fields, 4)).map((group) => groupOf(reader, group, leaves, data))
    const rows = groups.reduce((sum, group) => sum + group.rows, 0)
    const said = reader.int(needed(fields, 3))
    // parquet-rs before 2019 always wrote 0.
    if (rows !== said && said !== 0)
      throw new Malformed(`its row groups have ${plural(rows, "row")}, its footer says ${said}; ${AGAIN}`)
    const [root] = elements
    if (root === undefined) throw new Malformed(`its schema is empty; ${AGAIN}`)
    return { bytes, fields, groups, columns, root: reader.struct(root.start) }
  })

const encrypted = (): Malformed =>
  new Malformed("it is encrypted, which is not supported; decrypt it before it is read")

const needed = (fields: Struct, id: number): Value => {
  const value = fields.get(id)
  if (value === undefined) throw new Malformed(`its footer lacks field ${id} of a struct; ${AGAIN}`)
  return value
}

const count = (reader: ThriftReader, fields: Struct, id: number): number => {
  const value = reader.int(needed(fields, id))
  if (value < 0) throw new Malformed(`its footer has a length or an offset of ${value}; ${AGAIN}`)
  return value
}

/** Behind `PAR1`. */
const FIRST = 4

/** Where the data of a shard begins and ends, and by how many bytes its columns may be longer than the footer says. */
interface Data {
  readonly first: number
  readonly end: number
  readonly slack: number
}

/** What the header of a dictionary may take, which parquet-mr before 1.2.9 left out of the lengths of columns. */
const HEADER = 100

const slackOf = (writtenBy: string): number => {
  const [found, ...numbers] = /^parquet-mr(?: version (\d+)\.(\d+)\.(\d+))?/.exec(writtenBy) ?? []
  if (found === undefined) return 0
  const [major = 0, minor = 0, patch = 0] = numbers.map((digits) => Number(digits ?? 0))
  return major * 1e6 + minor * 1e3 + patch < 1_002_009 ? HEADER : 0
}

const groupOf = (
  reader: ThriftReader,
  group: Struct,
  leaves: number,
  { end, slack }: Omit<Data, "first">
): RowGroup => {
  const rows = count(reader, group, 3)
  const isEmpty = rows === 0
  const data = isEmpty ? { first: 0, end: Number.POSITIVE_INFINITY, slack: 0 } : { first: FIRST, end, slack }
  const own = reader.structs(needed(group, 1)).map((chunk) => chunkOf(reader, chunk, data))
  // Where columns without values lie means nothing: some writers say at 0.
  const chunks = isEmpty ? own.map((chunk) => ({ ...chunk, start: FIRST, length: 0 })) : own
  if (chunks.length === leaves) return { rows, chunks }
  throw new Malformed(`a row group has ${plural(chunks.length, "column")}, the schema ${leaves}; ${AGAIN}`)
}

const chunkOf = (reader: ThriftReader, chunk: Struct, { end, first, slack }: Data): Chunk => {
  const path = chunk.get(1)
  if (path !== undefined) {
    throw new Malformed(`a column lies in another file, "${reader.text(path)}", which is not supported; write one file`)
  }
  if (chunk.has(8) || chunk.has(9)) throw encrypted()
  const metadata = reader.struct(needed(chunk, 3).start)
  const codec = reader.int(needed(metadata, 4))
  if (codec === LZO || CODECS[codec] === undefined) {
    const name = CODECS[codec] ?? `number ${codec}`
    throw new Malformed(`a column is compressed by ${name}, which is not supported; write it with zstd or snappy`)
  }
  const data = count(reader, metadata, 9)
  const length = count(reader, metadata, 7)
  const dictionary = metadata.get(11)
  const own = dictionary === undefined ? 0 : reader.int(dictionary)
  // Some writers set the offset to 0 where there is none.
  const start = own > 0 && own < data ? own : data
  if (start < first || start + length > end || data - start > length) {
    throw new Malformed(`a column lies at ${start} to ${start + length}, outside of the ${end} bytes of data; ${AGAIN}`)
  }
  const uncompressed = count(reader, metadata, 6)
  return {
    start,
    length: Math.min(length + slack, end - start),
    isLonger: slack > 0,
    data: data - start,
    uncompressed,
    codec,
    values: count(reader, metadata, 5),
    metadata
  }
}

/** The columns at the top of the schema, which is a tree written from the root down. */
const columnsOf = (reader: ThriftReader, elements: ReadonlyArray<Value>): ReadonlyArray<Column> => {
  let at = 0
  const next = (): SchemaElement => {
    const value = elements[at++]
    if (value === undefined) throw new Malformed(`its schema ends too early; ${AGAIN}`)
    const fields = reader.struct(value.start)
    const isLeaf = (numberAt(reader, fields, 5) ?? 0) <= 0
    const [type, length, converted] = [1, 2, 6].map((id) => numberAt(reader, fields, id))
    return { value, fields, twelve: isLeaf ? twelveOf(type, length, converted) : undefined }
  }
  const node = (depth: number): Omit<Column, "leaves"> => {
    if (depth > DEEPEST) throw new Malformed(`its schema is nested more than ${DEEPEST} deep; ${AGAIN}`)
    const own = next()
    const { fields: element, twelve } = own
    const name = reader.text(needed(element, 4))
    const logical = element.get(10)
    // Physical type, length, repetition, and what they stand for: the old way and the new one.
    const numbers = [1, 2, 3, 6, 7].map((id) => numberAt(reader, element, id) ?? "")
    const kind = `${numbers.join(".")}.${logical === undefined ? "" : shownStruct(reader, logical)}`
    const children = numberAt(reader, element, 5) ?? 0
    const named = (below: ReadonlyArray<NamedType>): NamedType => namedType(reader, element, name, below)
    if (children <= 0) return { name, type: kind, named: named([]), elements: [own], twelves: [twelve] }
    const inner = Array.from({ length: Math.min(children, elements.length) }, () => node(depth + 1))
    const type = `${kind}<${inner.map((child) => `${child.name}: ${child.type}`).join(", ")}>`
    const below = inner.flatMap(({ elements }) => elements)
    const twelves = inner.flatMap((child) => child.twelves)
    return { name, type, named: named(inner.map((child) => child.named)), elements: [own, ...below], twelves }
  }
  const children = numberAt(reader, next().fields, 5) ?? 0
  const columns = Array.from({ length: Math.max(0, Math.min(children, elements.length)) }, () => {
    const column = node(1)
    return { ...column, leaves: column.twelves.length }
  })
  if (at !== elements.length) throw new Malformed(`its schema is no tree; ${AGAIN}`)
  return columns
}

/** The bytes of a value: a logical type and its parameters. */
const shownStruct = ({ bytes }: ThriftReader, { end, start }: Value): string =>
  Array.from(bytes.subarray(start, end), (byte) => byte.toString(16).padStart(2, "0")).join("")

const numberAt = (reader: ThriftReader, fields: Struct, id: number): number | undefined => {
  const value = fields.get(id)
  return value === undefined ? undefined : reader.int(value)
}

/** A column of a file that was made of one row group. @since 0.1.0 */
export interface PlacedChunk {
  readonly chunk: Chunk
  /** Where it begins in that file. */
  readonly start: number
  readonly length: number
  /** The first data page, from `start` on: behind a dictionary, if there is one. */
  readonly data: number
  /** Whether it was decompressed. */
  readonly isPlain: boolean
}

/**
 * Returns the footer of a file that holds one row group alone, and of that the columns at `chosen`, which go up: `placed` are
 * their chunks in that file.
 *
 * Statistics are left out, and Arrow's own schema, which Arrow's writers add: columns have the types that Parquet gives them,
 * whoever wrote them.
 *
 * @since 0.1.0
 */
export const footerOfGroup = (
  { bytes, columns, fields, root }: Footer,
  rows: number,
  chosen: ReadonlyArray<number>,
  placed: ReadonlyArray<PlacedChunk>
): Uint8Array => {
  const own = new Set(chosen)
  const elements = columns.flatMap((column, place) => (own.has(place) ? column.elements : []))
  const writer = new ThriftWriter()
  writer.copy(1, bytes, needed(fields, 1))
  writer.list(2, 1 + elements.length)
  writer.item()
  writer.copy(4, bytes, needed(root, 4))
  writer.int(5, Type.i32, chosen.length)
  writer.end()
  for (const element of elements) {
    if (element.twelve === undefined) writer.copyItem(bytes, element.value)
    else fixedElement(writer, bytes, element)
  }
  writer.int(3, Type.i64, rows)
  writer.list(4, 1)
  writer.item()
  writer.list(1, placed.length)
  let total = 0
  const twelves = columns.flatMap((column, place) => (own.has(place) ? column.twelves : []))
  for (const [leaf, { chunk, data, isPlain, length, start }] of placed.entries()) {
    const twelve = twelves[leaf]
    const { metadata, uncompressed } = chunk
    total += isPlain ? length : uncompressed
    writer.item()
    writer.int(2, Type.i64, 0)
    writer.struct(3)
    if (twelve === undefined) writer.copy(1, bytes, needed(metadata, 1))
    else writer.int(1, Type.i32, FIXED)
    // Encodings and path.
    for (const id of [2, 3]) writer.copy(id, bytes, needed(metadata, id))
    writer.int(4, Type.i32, isPlain ? 0 : chunk.codec)
    writer.copy(5, bytes, needed(metadata, 5))
    writer.int(6, Type.i64, isPlain ? length : uncompressed)
    writer.int(7, Type.i64, length)
    writer.int(9, Type.i64, start + data)
    if (data > 0) writer.int(11, Type.i64, start)
    writer.end()
    writer.end()
  }
  writer.int(2, Type.i64, total)
  writer.int(3, Type.i64, rows)
  writer.end()
  // Who wrote it: readers know the flaws of some.
  const writtenBy = fields.get(6)
  if (writtenBy !== undefined) writer.copy(6, bytes, writtenBy)
  writer.end()
  return writer.bytes()
}

/** An element as one of 12 bytes; how often it comes, and its name, stay. */
const fixedElement = (writer: ThriftWriter, bytes: Uint8Array, { fields }: SchemaElement): void => {
  writer.item()
  writer.int(1, Type.i32, FIXED)
  writer.int(2, Type.i32, BYTES)
  const repetition = fields.get(3)
  if (repetition !== undefined) writer.copy(3, bytes, repetition)
  writer.copy(4, bytes, needed(fields, 4))
  writer.end()
}

/** The leaves of the columns at `chosen`, in the order of the schema. @since 0.1.0 */
export const leavesOf = (columns: ReadonlyArray<Column>, chosen: ReadonlyArray<number>): ReadonlyArray<number> => {
  const own = new Set(chosen)
  const leaves: Array<number> = []
  let leaf = 0
  for (const [place, column] of columns.entries()) {
    for (let at = 0; at < column.leaves; at++, leaf++) if (own.has(place)) leaves.push(leaf)
  }
  return leaves
}
