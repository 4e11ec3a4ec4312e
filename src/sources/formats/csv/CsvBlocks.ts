/**
 * The blocks of comma- and tab-separated values.
 *
 * @since 0.1.0
 */

import * as Effect from "effect/Effect"
import { setField } from "../../../core/Options.ts"
import { plural } from "../../../core/Plural.ts"
import type { StoreError } from "../../store/Store.ts"
import { attempt } from "../Fault.ts"
import {
  type Block,
  type BlockPlace,
  type CutBlock,
  type Cutter,
  type DecodedBlock,
  type RowBytes,
  type Shard,
  ShardError,
  type ShardIndex,
  type SharedDecode
} from "../Format.ts"
import { isPage, pageReason } from "../HtmlPage.ts"
import { BEGINNING, beginning, firstRecords, indexOf, rowBytes, sharedLines, withLines } from "../lines/LineBlocks.ts"
import { cutter } from "../lines/LineCutter.ts"
import type { LineKind } from "../lines/LineKind.ts"
import type { Lines } from "../lines/Lines.ts"
import type { Spans } from "../lines/Spans.ts"
import { CellReader, cellsOf, type EmptyLines, type NoCells, records } from "./Cells.ts"
import { type Column, type CsvRow, type CsvType, columnsIn, schemaOf } from "./Columns.ts"
import type { CsvConfig } from "./Options.ts"
import { mistyped, typeOf, valueFrom } from "./Types.ts"

const kindWith = (config: CsvConfig, empty: EmptyLines): LineKind => ({
  name: config.name,
  blockBytes: config.blockBytes,
  rowBytes: config.rowBytes,
  memberBytes: config.memberBytes,
  split: records(config.delimiter.charCodeAt(0), empty)
})

/** Of one column an empty line is a row: RFC 4180 has it as a record of one empty cell. In a file of several columns it is not a row. */
const kindOf = (config: CsvConfig, columns: ReadonlyArray<unknown>): LineKind =>
  kindWith(config, columns.length === 1 ? "all" : "none")

/** By this the first rows are found, before it is known how many columns there are. */
const firstKind = (config: CsvConfig): LineKind =>
  config.header === undefined ? kindWith(config, "behind the first record") : kindOf(config, config.header)

/** So many records have a header and a row, by which types are inferred. */
const leastOf = ({ header }: CsvConfig): number => (header === undefined ? 2 : 1)

/** What the first rows of a shard say of its columns; how many of its records are no rows. */
const columnsOf = (lines: Lines, config: CsvConfig): ReadonlyArray<Column> => {
  const { delimiter, header, sample, types } = config
  const { count, ends, starts } = lines.spans
  if (header === undefined && count === 0) throw lines.error(0, "it has no header; it must have a first row of names")
  const skipped = header === undefined ? 1 : 0
  const first = count === 0 ? undefined : readable(() => lines.text(0))
  if (first?.replace(/"[^"]*"/g, "").includes("\r")) {
    const reason =
      "its first row has a carriage return (\\r) outside of quotes, and rows end in \\n or \\r\\n; convert its ends of lines (tr '\\r' '\\n')"
    throw lines.error(0, reason)
  }
  if (header === undefined && first === undefined) {
    const way = "convert the file (iconv -f latin1 -t utf-8, if that is what it is)"
    throw lines.error(0, `its header is not valid UTF-8, and no failure policy can leave it out; ${way}`)
  }
  if (header === undefined && /^sep=.$/i.test(first ?? "")) {
    throw lines.error(
      0,
      `its first line, ${first}, is for Excel; remove it, and give the option delimiter (--delimiter)`
    )
  }
  // Any of its lines would be a row.
  if (header === undefined && first !== undefined && isPage(first)) throw lines.error(0, pageReason)
  const names = header ?? cells(lines, 0, delimiter)
  const known = new Set<string>()
  for (const name of names) {
    if (known.has(name)) {
      throw lines.error(
        0,
        `its header has the column ${JSON.stringify(name)} twice; rename one, or give the option header`
      )
    }
    known.add(name)
  }
  const unknown = Object.keys(types).find((name) => !known.has(name))
  if (unknown !== undefined) {
    throw lines.error(
      0,
      `it has no column ${JSON.stringify(unknown)}, of which a type was declared; its columns are ${names.join(", ")}`
    )
  }
  const rows: Array<ReadonlyArray<string>> = []
  let left = sample
  for (let row = skipped; row < count && left > 0; row++) {
    if (names.length > 1 && starts[row] === ends[row]) continue
    left--
    // A bad row is an error when it is read, which a failure policy may leave out.
    const own = readable(() => cells(lines, row, delimiter))
    if (own?.length === names.length) rows.push(own)
  }
  return names.map((name, place): Column => {
    const type = (Object.hasOwn(types, name) ? types[name] : undefined) ?? typeOf(rows.map((row) => row[place] ?? ""))
    return type === undefined ? { name, type: "string", isOpen: true } : { name, type }
  })
}

const readable = <A>(read: () => A): A | undefined => {
  try {
    return read()
  } catch (thrown) {
    if (thrown instanceof ShardError) return undefined
    throw thrown
  }
}

const cells = (lines: Lines, row: number, delimiter: string): ReadonlyArray<string> => {
  const own = cellsOf(lines.text(row), delimiter)
  if (own === undefined) throw notCells(lines.error, row, "behind a quote", 0, delimiter)
  return own
}

const notCells = (
  errorAt: Lines["error"],
  row: number,
  bad: NoCells,
  columns: number,
  delimiter: string
): ShardError => {
  if (bad === "behind a quote") {
    return errorAt(row, "characters follow a quoted cell; double the quotes within it")
  }
  const counted = `it has ${plural(bad.count, "cell")}, where there ${columns === 1 ? "is" : "are"} ${plural(columns, "column")}`
  const asked =
    columns === 1 || bad.count === 1
      ? `is ${JSON.stringify(delimiter)} what is between its cells (option delimiter, or --delimiter)? If it is, `
      : ""
  const reason = `${counted}; ${asked}correct it, or leave it out by a failure policy`
  return errorAt(row, reason)
}

/** @since 0.1.0 */
export const index = (shard: Shard, config: CsvConfig): Effect.Effect<ShardIndex, ShardError | StoreError> => {
  return Effect.gen(function* () {
    const start = yield* beginning(firstKind(config), shard, leastOf(config))
    const columns = yield* attempt(() => columnsOf(start.lines, config))
    const { spans } = start.lines
    const head = headOf(spans, config)
    const { blocks, header } = yield* indexOf(kindOf(config, columns), shard, head)
    return {
      blocks,
      header: { ...header, columns },
      schema: schemaOf(columns)
    }
  })
}

const itself = (place: number): number => place

/** Cuts a shard that is read in order. Its columns are known by its first MiB, or by all of it. @since 0.1.0 */
export const inOrder =
  (config: CsvConfig) =>
  (shard: Shard): Cutter => {
    const kind = firstKind(config)
    let own: Cutter | undefined
    let header: { readonly columns: ReadonlyArray<Column> } | undefined
    let fields: CutBlock["fields"]
    let window = BEGINNING
    /** The first records, of as many bytes as `beginning` takes, in whichever pieces they come. */
    const beginningOf = (bytes: Uint8Array, isLast: boolean): ReturnType<typeof firstRecords> => {
      while (bytes.length >= window || isLast) {
        const isWhole = isLast && bytes.length <= window
        const start = firstRecords(kind, shard, bytes.subarray(0, window), leastOf(config), isWhole, itself)
        if (start !== undefined) return start
        window *= 2
      }
      return undefined
    }
    return {
      // What is behind the header does not say what columns there are.
      seeks: false,
      next: (bytes, offset, row, isLast) => {
        if (own === undefined) {
          const start = beginningOf(bytes, isLast)
          if (start === undefined) return undefined
          const { lines, mark } = start
          const { spans } = lines
          const columns = columnsOf(lines, config)
          header = { columns }
          const hasRows = rowsIn(spans, config, columns) > 0
          // Without rows there are no types. A column without values is one of texts: what other shards have in it is not known.
          fields = columns.map(({ name, type }) => [name, hasRows ? type : undefined])
          own = cutter(kindOf(config, columns), shard)
          const head = headOf(spans, config)
          return { block: { rows: 0, offset, length: mark + head }, fields }
        }
        const cut = own.next(bytes, offset, row, isLast)
        return cut && { ...cut, header, fields }
      }
    }
  }

/** How many bytes the header takes, up to the first row. What is behind the last record in `starts` may be anything. */
const headOf = ({ consumed, count, starts }: Spans, { header }: CsvConfig): number => {
  if (header !== undefined) return 0
  return count > 1 ? (starts[1] as number) : consumed
}

/** How many of the records are rows. */
const rowsIn = ({ count, ends, starts }: Spans, { header }: CsvConfig, columns: ReadonlyArray<Column>): number => {
  let rows = 0
  for (let own = header === undefined ? 1 : 0; own < count; own++) {
    if (columns.length === 1 || starts[own] !== ends[own]) rows++
  }
  return rows
}

/** Finds the bytes of the rows of a block. Throws {@link ShardError}. @since 0.1.0 */
export const locate = (
  packed: Uint8Array,
  block: Block,
  place: BlockPlace,
  config: CsvConfig
): RowBytes | Effect.Effect<RowBytes, ShardError> =>
  rowBytes(kindOf(config, columnsIn(place.index.header) ?? []), packed, block, place)

/** Throws {@link ShardError}. @since 0.1.0 */
export const decode = (
  packed: Uint8Array,
  block: Block,
  place: BlockPlace,
  config: CsvConfig
): DecodedBlock<CsvRow> | Effect.Effect<DecodedBlock<CsvRow>, ShardError> =>
  withLines(kindOf(config, columnsIn(place.index.header) ?? []), packed, block, place, (lines) =>
    rowsOf(lines, place.index.header, config)
  )

/** @since 0.1.0 */
export const shared = (config: CsvConfig): SharedDecode<CsvRow> => {
  const of = ({ index }: BlockPlace): SharedDecode<CsvRow> =>
    sharedLines(kindOf(config, columnsIn(index.header) ?? []), (lines) => rowsOf(lines, index.header, config))
  return {
    unpack: (packed, block, place) => of(place).unpack(packed, block, place),
    view: (parts, block, place) => of(place).view(parts, block, place)
  }
}

/** The rows of a block whose records have been found. */
const rowsOf = (lines: Lines, header: unknown, config: CsvConfig): DecodedBlock<CsvRow> => {
  const columns = columnsIn(header)
  if (columns === undefined)
    throw lines.error(0, "its index has no columns; remove the kept index, so that it is made again")
  const { memory, release, spanned, spans } = lines
  const { count, ends, hasNewlines, starts } = spans
  const read = rowReader(columns, config, lines.error)
  const parse = (text: string, row: number): CsvRow => read(text, 0, text.length, row)
  const alone = (row: number): CsvRow => parse(lines.text(row), row)
  const own = { size: count, bytes: memory, row: alone, release }
  return hasNewlines ? own : { ...own, lines: { bytes: spanned, starts, ends, parse, alone } }
}

/** Returns what reads the row between two places of a text. It throws {@link ShardError} for one that is bad, as `errorAt` makes it. */
const rowReader = (
  columns: ReadonlyArray<Column>,
  { delimiter, types }: CsvConfig,
  errorAt: Lines["error"]
): ((text: string, start: number, end: number, row: number) => CsvRow) => {
  const declared = columns.map(({ name }) => Object.hasOwn(types, name))
  const reader = new CellReader(delimiter, columns.length)
  const valueAt = (type: CsvType, at: number, name: string, row: number): CsvRow[string] => {
    const cell = reader.cell(at)
    const value = valueFrom(type, cell, declared[at] === true)
    if (value !== undefined) return value
    const { fits, reason: why } = mistyped(type, cell)
    const shown = `its ${JSON.stringify(name)} is ${JSON.stringify(cell.slice(0, 80))}, which ${why}`
    const reason = `${shown}; declare it as "${fits}" (option types, or --types), correct the cell, or leave the row out by a failure policy`
    throw errorAt(row, reason)
  }
  return (text, start, end, row) => {
    const bad = reader.read(text, start, end)
    if (bad !== undefined) throw notCells(errorAt, row, bad, columns.length, delimiter)
    const record: Record<string, CsvRow[string]> = {}
    for (let at = 0; at < columns.length; at++) {
      const { name, type } = columns[at] as Column // below the length
      const value = (type === "number" ? reader.shortDecimal(at) : undefined) ?? valueAt(type, at, name, row)
      if (name === "__proto__") setField(record, name, value)
      else record[name] = value
    }
    return record
  }
}
