/**
 * Writes Parquet files by hand, page by page: what other writers make, now and in the past, and what none should.
 *
 * Field numbers are those of `parquet.thrift`, the encoding is Thrift's compact protocol.
 */

/** A value of Thrift: its type, and its bytes. */
export interface Thrift {
  readonly type: number
  readonly bytes: ReadonlyArray<number>
}

const varint = (value: bigint | number): ReadonlyArray<number> => {
  const bytes: Array<number> = []
  let rest = BigInt(value)
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128)
  return [...bytes, Number(rest)]
}

const zigzag = (value: number): ReadonlyArray<number> => {
  const own = BigInt(value)
  return varint(own < 0n ? -2n * own - 1n : 2n * own)
}

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

export const i32 = (value: number): Thrift => ({ type: 5, bytes: zigzag(value) })
export const i64 = (value: number): Thrift => ({ type: 6, bytes: zigzag(value) })
export const bool = (value: boolean): Thrift => ({ type: value ? 1 : 2, bytes: [] })
export const text = (value: string): Thrift => ({ type: 8, bytes: [...varint(utf8(value).length), ...utf8(value)] })
export const list = (type: number, items: ReadonlyArray<Thrift>): Thrift => ({
  type: 9,
  bytes: [
    ...(items.length < 15 ? [(items.length << 4) | type] : [0xf0 | type, ...varint(items.length)]),
    ...items.flatMap((item) => item.bytes)
  ]
})
/** A struct of its fields by number; those that are `undefined` are left out. */
export const struct = (fields: Readonly<Record<number, Thrift | undefined>>): Thrift => {
  const bytes: Array<number> = []
  let last = 0
  for (const [key, value] of Object.entries(fields)) {
    if (value === undefined) continue
    const id = Number(key)
    bytes.push(...(id - last < 16 ? [((id - last) << 4) | value.type] : [value.type, ...zigzag(id)]), ...value.bytes)
    last = id
  }
  return { type: 12, bytes: [...bytes, 0] }
}

export const Physical = { boolean: 0, int32: 1, int64: 2, int96: 3, float: 4, double: 5, bytes: 6, fixed: 7 } as const
export const Encoding = {
  plain: 0,
  plainDictionary: 2,
  rle: 3,
  deltaBinary: 5,
  deltaLength: 6,
  deltaBytes: 7,
  rleDictionary: 8,
  split: 9
} as const

/** An element of the schema; one with children is a group. */
export interface Element {
  readonly name: string
  readonly type?: number
  /** Of `Physical.fixed`. */
  readonly length?: number
  /** 0 required, 1 optional, 2 repeated. Default required. */
  readonly repetition?: 0 | 1 | 2
  readonly converted?: number
  readonly scale?: number
  readonly precision?: number
  readonly logical?: Thrift
  readonly children?: ReadonlyArray<Element>
}

export interface Page {
  readonly kind?: "plain" | "dictionary" | "second"
  readonly values: number
  /** Levels, each as {@link levels} gives them, in front of the values. */
  readonly repetitions?: Uint8Array
  readonly definitions?: Uint8Array
  readonly data: Uint8Array
  readonly encoding?: number
  /** Compresses the values, and of the first version the levels. */
  readonly pack?: (bytes: Uint8Array) => Uint8Array
  /** Of the second version. */
  readonly nulls?: number
  readonly rows?: number
  readonly isCompressed?: boolean
  readonly crc?: number
}

export interface Column {
  readonly pages: ReadonlyArray<Page>
  readonly values: number
  readonly codec?: number
  readonly dictionaryOffset?: number
  /** Whether the footer tells where a dictionary begins, or has it as the first page. Default `true`. */
  readonly isDictionaryTold?: boolean
  /** Where the footer says that the column begins, in place of where it does. */
  readonly start?: number
  /** So many bytes of the column are left out of the length that the footer says. */
  readonly shorter?: number
}

export interface Group {
  readonly rows: number
  /** One for each leaf of the schema. */
  readonly columns: ReadonlyArray<Column>
}

export interface ParquetFile {
  readonly schema: ReadonlyArray<Element>
  readonly groups: ReadonlyArray<Group>
  /** How many rows the footer says, in place of those of its groups. */
  readonly rows?: number
  readonly writtenBy?: string
}

/** Levels as runs of one value each, with their length in front as pages of the first version have it. */
export const levels = (values: ReadonlyArray<number>, isSecond = false): Uint8Array => {
  const runs = values.flatMap((value) => [...varint(2), value])
  const length = new Uint8Array(isSecond ? 0 : 4)
  if (!isSecond) new DataView(length.buffer).setUint32(0, runs.length, true)
  return concat(length, Uint8Array.from(runs))
}

export const concat = (...parts: ReadonlyArray<Uint8Array>): Uint8Array => new Uint8Array(Buffer.concat(parts))

/** Values of bytes, each with its length in front. */
export const byteArrays = (values: ReadonlyArray<string | Uint8Array>): Uint8Array =>
  concat(
    ...values.flatMap((value) => {
      const own = typeof value === "string" ? utf8(value) : value
      return [new Uint8Array(Uint32Array.of(own.length).buffer), own]
    })
  )

export const raw = (values: ArrayBufferView): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength)

const pageOf = (page: Page): { readonly bytes: Uint8Array; readonly plain: number } => {
  const { data, encoding = Encoding.plain, kind = "plain", pack = (bytes) => bytes, values } = page
  const before = concat(page.repetitions ?? new Uint8Array(0), page.definitions ?? new Uint8Array(0))
  const plain = before.length + data.length
  const body = kind === "second" ? concat(before, pack(data)) : pack(concat(before, data))
  const header = struct({
    1: i32(kind === "plain" ? 0 : kind === "dictionary" ? 2 : 3),
    2: i32(plain),
    3: i32(body.length),
    4: page.crc === undefined ? undefined : i32(page.crc | 0),
    5: kind === "plain" ? struct({ 1: i32(values), 2: i32(encoding), 3: i32(3), 4: i32(3) }) : undefined,
    7: kind === "dictionary" ? struct({ 1: i32(values), 2: i32(encoding) }) : undefined,
    8:
      kind === "second"
        ? struct({
            1: i32(values),
            2: i32(page.nulls ?? 0),
            3: i32(page.rows ?? values),
            4: i32(encoding),
            5: i32(page.definitions?.length ?? 0),
            6: i32(page.repetitions?.length ?? 0),
            7: page.isCompressed === undefined ? undefined : bool(page.isCompressed)
          })
        : undefined
  })
  return { bytes: concat(Uint8Array.from(header.bytes), body), plain: header.bytes.length + plain }
}

const elementOf = (own: Element): ReadonlyArray<Thrift> => {
  const number = (value: number | undefined): Thrift | undefined => (value === undefined ? undefined : i32(value))
  const element = struct({
    1: number(own.type),
    2: number(own.length),
    3: i32(own.repetition ?? 0),
    4: text(own.name),
    5: number(own.children?.length),
    6: number(own.converted),
    7: number(own.scale),
    8: number(own.precision),
    10: own.logical
  })
  return [element, ...(own.children ?? []).flatMap(elementOf)]
}

const leavesOf = (
  elements: ReadonlyArray<Element>,
  path: ReadonlyArray<string> = []
): ReadonlyArray<readonly [Element, ReadonlyArray<string>]> =>
  elements.flatMap(
    (own): ReadonlyArray<readonly [Element, ReadonlyArray<string>]> =>
      own.children === undefined ? [[own, [...path, own.name]]] : leavesOf(own.children, [...path, own.name])
  )

/** Writes a file. */
export const parquetOf = ({ groups, rows: said, schema, writtenBy = "by hand version 1" }: ParquetFile): Uint8Array => {
  const parts: Array<Uint8Array> = [utf8("PAR1")]
  let at = 4
  const leaves = leavesOf(schema)
  const written = groups.map(({ columns, rows }) => {
    let total = 0
    const chunks = columns.map((column, place) => {
      const { codec = 0, dictionaryOffset, isDictionaryTold = true, pages, shorter = 0, values } = column
      const start = at
      let data = at
      let plain = 0
      const encodings = new Set<number>([Encoding.rle])
      for (const page of pages) {
        if (page.kind === "dictionary") data = at
        const own = pageOf(page)
        parts.push(own.bytes)
        at += own.bytes.length
        plain += own.plain
        encodings.add(page.encoding ?? Encoding.plain)
        if (page.kind === "dictionary") data = at
      }
      total += plain
      const [leaf, path] = leaves[place] as readonly [Element, ReadonlyArray<string>] // one a column
      const hasDictionary = isDictionaryTold && pages.some(({ kind }) => kind === "dictionary")
      const metadata = struct({
        1: i32(leaf.type ?? 0),
        2: list(5, Array.from(encodings, i32)),
        3: list(8, path.map(text)),
        4: i32(codec),
        5: i64(values),
        6: i64(plain),
        7: i64(at - start - shorter),
        9: i64(column.start ?? (isDictionaryTold ? data : start)),
        11: hasDictionary ? i64(start) : dictionaryOffset === undefined ? undefined : i64(dictionaryOffset)
      })
      return struct({ 2: i64(start), 3: metadata })
    })
    return struct({ 1: list(12, chunks), 2: i64(total), 3: i64(rows) })
  })
  const root = struct({ 4: text("schema"), 5: i32(schema.length) })
  const footer = struct({
    1: i32(1),
    2: list(12, [root, ...schema.flatMap(elementOf)]),
    3: i64(said ?? groups.reduce((sum, { rows }) => sum + rows, 0)),
    4: list(12, written),
    6: text(writtenBy)
  })
  const tail = concat(Uint8Array.from(footer.bytes), new Uint8Array(Uint32Array.of(footer.bytes.length).buffer))
  return concat(...parts, tail, utf8("PAR1"))
}

/** A file of one column in one row group of one page. */
export const oneColumn = (element: Element, page: Page, column: Partial<Column> = {}): Uint8Array =>
  parquetOf({
    schema: [element],
    groups: [{ rows: page.rows ?? page.values, columns: [{ pages: [page], values: page.values, ...column }] }]
  })
