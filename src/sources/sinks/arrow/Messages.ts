/**
 * Columns as Arrow's IPC format has them: `Message.fbs`, `Schema.fbs` and `File.fbs` of the Arrow project.
 *
 * @since 0.1.0
 */
import type { ColumnType } from "../columns/ColumnType.ts"
import { type FlatField, FlatWriter } from "./FlatWriter.ts"

const VERSION_5 = 4

/** The numbers of `MessageHeader`. */
const SCHEMA = 1
const BATCH = 3

/** Lists of one length, which stand without offsets. @since 0.1.0 */
export interface FixedList {
  readonly fixedList: number
}

/** Texts by their names, as schemas, fields and messages carry them. @since 0.1.0 */
export type Metadata = Readonly<Record<string, string>>

/** What a column is made of. @since 0.1.0 */
export interface Column {
  readonly name: string
  readonly type: ColumnType | FixedList
  readonly children: ReadonlyArray<Column>
  readonly metadata?: Metadata
}

/** A column with its values; `buffers` begin with its validity. @since 0.1.0 */
export interface LaidColumn extends Column {
  readonly length: number
  readonly nulls: number
  readonly buffers: ReadonlyArray<Uint8Array>
  readonly children: ReadonlyArray<LaidColumn>
}

const INTEGER = /^(u?)int(\d+)$/

const typeOf = (flat: FlatWriter, type: Column["type"]): readonly [tag: number, place: number] => {
  const table = (tag: number, ...fields: ReadonlyArray<FlatField>) => [tag, flat.table(fields)] as const
  if (typeof type !== "string" && "fixedList" in type) return table(16, [0, "int32", type.fixedList])
  if (typeof type !== "string") return table("list" in type ? 12 : 13)
  const [, unsigned, bits] = INTEGER.exec(type) ?? []
  if (bits !== undefined) return table(2, [0, "int32", Number(bits)], [1, "int8", unsigned === "u" ? 0 : 1])
  switch (type) {
    case "null":
      return table(1)
    case "float32":
    case "float64":
      return table(3, [0, "int16", type === "float32" ? 1 : 2])
    case "binary":
      return table(4)
    case "string":
      return table(5)
    case "bool":
      return table(6)
    default: {
      // Times are in milliseconds of UTC.
      const zone = flat.text("UTC")
      return table(10, [0, "int16", 1], [1, "place", zone])
    }
  }
}

/** The field `id` of what carries texts by their names, if there is one. */
const metadataOf = (flat: FlatWriter, id: number, metadata: Metadata | undefined): ReadonlyArray<FlatField> => {
  if (metadata === undefined) return []
  const entries = Object.entries(metadata).map(([key, value]) => {
    const [keyPlace, valuePlace] = [flat.text(key), flat.text(value)]
    return flat.table([
      [0, "place", keyPlace],
      [1, "place", valuePlace]
    ])
  })
  return [[id, "place", flat.places(entries)]]
}

const fieldOf = (flat: FlatWriter, { children, metadata, name, type }: Column): number => {
  const inner = flat.places(children.map((own) => fieldOf(flat, own)))
  const [tag, place] = typeOf(flat, type)
  const text = flat.text(name)
  const own = metadataOf(flat, 6, metadata)
  return flat.table([
    [0, "place", text],
    [1, "int8", 1],
    [2, "int8", tag],
    [3, "place", place],
    [5, "place", inner],
    ...own
  ])
}

const schemaOf = (flat: FlatWriter, columns: ReadonlyArray<Column>, metadata?: Metadata): number => {
  const fields = flat.places(columns.map((own) => fieldOf(flat, own)))
  return flat.table([[1, "place", fields], ...metadataOf(flat, 2, metadata)])
}

const padded = (length: number): number => (length + 7) & ~7

/** A message: its metadata with the length before it, and its body. */
const message = (flat: FlatWriter, tag: number, header: number, body: number, own?: Metadata): Uint8Array => {
  const texts = metadataOf(flat, 4, own)
  const metadata = flat.finish(
    flat.table([[0, "int16", VERSION_5], [1, "int8", tag], [2, "place", header], [3, "int64", body], ...texts])
  )
  const length = padded(metadata.length)
  const bytes = new Uint8Array(8 + length + body)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, 0xffffffff, true)
  view.setInt32(4, length, true)
  bytes.set(metadata, 8)
  return bytes
}

/** The message of a schema. @since 0.1.0 */
export const schemaMessage = (columns: ReadonlyArray<Column>, metadata?: Metadata): Uint8Array => {
  const flat = new FlatWriter()
  return message(flat, SCHEMA, schemaOf(flat, columns, metadata), 0)
}

/** A record batch, and how long its metadata is, with the length before it. @since 0.1.0 */
export interface BatchMessage {
  readonly bytes: Uint8Array
  readonly metadata: number
}

/** The message of a record batch. @since 0.1.0 */
export const batchMessage = (rows: number, columns: ReadonlyArray<LaidColumn>, metadata?: Metadata): BatchMessage => {
  const nodes: Array<number> = []
  const places: Array<number> = []
  const buffers: Array<Uint8Array> = []
  let body = 0
  const visit = ({ buffers: own, children, length, nulls, type }: LaidColumn): void => {
    nodes.push(length, type === "null" ? length : nulls)
    for (const buffer of own) {
      places.push(body, buffer.length)
      buffers.push(buffer)
      body += padded(buffer.length)
    }
    for (const child of children) visit(child)
  }
  for (const column of columns) visit(column)
  const flat = new FlatWriter()
  const nodePlace = flat.longs(nodes.length / 2, nodes)
  const bufferPlace = flat.longs(places.length / 2, places)
  const header = flat.table([
    [0, "int64", rows],
    [1, "place", nodePlace],
    [2, "place", bufferPlace]
  ])
  const bytes = message(flat, BATCH, header, body, metadata)
  const start = bytes.length - body
  for (const [at, buffer] of buffers.entries()) bytes.set(buffer, start + (places[2 * at] ?? 0))
  return { bytes, metadata: start }
}

/** Where a record batch lies in a file. @since 0.1.0 */
export interface BatchPlace {
  readonly offset: number
  readonly metadata: number
  readonly body: number
}

const MAGIC = new TextEncoder().encode("ARROW1")

/** What a file begins with. @since 0.1.0 */
export const fileStart = (): Uint8Array => {
  const bytes = new Uint8Array(8)
  bytes.set(MAGIC)
  return bytes
}

/** What ends a stream of messages. @since 0.1.0 */
export const streamEnd = (): Uint8Array => new Uint8Array([255, 255, 255, 255, 0, 0, 0, 0])

/** What a file ends with. @since 0.1.0 */
export const fileEnd = (columns: ReadonlyArray<Column>, batches: ReadonlyArray<BatchPlace>): Uint8Array => {
  const flat = new FlatWriter()
  const schema = schemaOf(flat, columns)
  // A length of 32 bits, and as many that are not used, are a number of 64.
  const places = flat.longs(
    batches.length,
    batches.flatMap(({ body, metadata, offset }) => [offset, metadata, body])
  )
  const none = flat.longs(0, [])
  const footer = flat.finish(
    flat.table([
      [0, "int16", VERSION_5],
      [1, "place", schema],
      [2, "place", none],
      [3, "place", places]
    ])
  )
  const end = streamEnd()
  const bytes = new Uint8Array(end.length + footer.length + 4 + MAGIC.length)
  bytes.set(end)
  bytes.set(footer, end.length)
  new DataView(bytes.buffer).setInt32(end.length + footer.length, footer.length, true)
  bytes.set(MAGIC, end.length + footer.length + 4)
  return bytes
}
