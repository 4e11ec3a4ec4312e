/**
 * Comma- and tab-separated values.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { whole } from "../../../core/Check.ts"
import { InvalidOption } from "../../../core/InvalidOption.ts"
import { isOptions, textOf } from "../../../core/Options.ts"
import { Made } from "../../../core/Parameters.ts"
import type { Format, SharedDecode } from "../Format.ts"
import { formatOptions } from "../FormatOptions.ts"
import { lazy } from "../Lazy.ts"
import { type LineOptions, sizesOf } from "../lines/LineOptions.ts"
import { agree, type CsvType } from "./Columns.ts"

/** A cell's value; an empty cell is `""` in a column of strings, and `null` in any other. @category models @since 0.1.0 */
export type CsvValue = string | number | bigint | boolean | null

/** @category models @since 0.1.0 */
export type CsvRow = Readonly<Record<string, CsvValue>>

/** @category options @since 0.1.0 */
export interface CsvOptions extends LineOptions {
  /** The character between cells. Default `","`; of `Format.tsv` a tab. */
  readonly delimiter?: string
  /** The names of the columns if the first row is not the header. Default: the first row has them. */
  readonly header?: ReadonlyArray<string>
  /** The types of columns by name. Default, of each that is left out: what its cells in the sample are. */
  readonly types?: Readonly<Record<string, CsvType>>
  /** How many rows of each shard types are inferred from, of its first MiB. Default 1000. */
  readonly sample?: number
}

/** @since 0.1.0 */
export interface CsvConfig extends ReturnType<typeof sizesOf> {
  readonly name: "csv" | "tsv"
  readonly delimiter: string
  readonly header: ReadonlyArray<string> | undefined
  readonly types: Readonly<Record<string, CsvType>>
  readonly sample: number
}

const NAMES = {
  blockBytes: true,
  rowBytes: true,
  memberBytes: true,
  delimiter: true,
  header: true,
  types: true,
  sample: true
} as const

const TYPES: ReadonlyArray<string> = ["string", "number", "bigint", "boolean"] satisfies ReadonlyArray<CsvType>

const configOf = (name: "csv" | "tsv", options: CsvOptions): CsvConfig => {
  const {
    delimiter = name === "csv" ? "," : "\t",
    header,
    sample,
    types = {}
  } = formatOptions(`Format.${name}`, options, NAMES)
  if (typeof delimiter !== "string" || !/^[^\r\n"\u0080-\uffff]$/.test(delimiter)) {
    const expected = 'one ASCII character that is neither a quote nor the end of a line, such as ";"'
    throw new InvalidOption({ option: "delimiter", value: delimiter, expected })
  }
  if (header !== undefined && (!Array.isArray(header) || header.length === 0)) {
    throw new InvalidOption({ option: "header", value: header, expected: "a list of names" })
  }
  for (const own of header ?? []) textOf("a name in header", own)
  if (!isOptions(types)) {
    throw new InvalidOption({ option: "types", value: types, expected: 'types by name, such as { id: "bigint" }' })
  }
  for (const [column, type] of Object.entries(types)) {
    if (TYPES.includes(type)) continue
    throw new InvalidOption({ option: `type of column ${column}`, value: type, expected: `one of ${TYPES.join(", ")}` })
  }
  return { ...sizesOf(options), name, delimiter, header, types, sample: whole("sample", sample ?? 1000, 0) }
}

const format = <Row>(name: "csv" | "tsv", options: CsvOptions): Format<Row> => {
  const config = configOf(name, options)
  const { blockBytes, delimiter, header, sample, types } = config
  return {
    name,
    made: new Made(name, { blockBytes, delimiter, header, types, sample }),
    endings: name === "csv" ? [".csv"] : [".tsv", ".tab"],
    scans: true,
    index: (shard) => Effect.flatMap(code.get, ({ index }) => index(shard, config)),
    agree,
    // The type of rows is the caller's word; see below.
    decode: (bytes, block, place) =>
      code.use(({ decode }) => decode(bytes, block, place, config) as ReturnType<Format<Row>["decode"]>),
    shared: Effect.map(code.get, ({ shared }) => shared(config) as SharedDecode<Row>), // as above
    locate: (bytes, block, place) => code.use(({ locate }) => locate(bytes, block, place, config)),
    inOrder: Effect.map(code.get, ({ inOrder }) => inOrder(config))
  }
}

/** The code that reads cells, which is loaded with the first shard. */
const code = lazy(() => import("./CsvBlocks.ts"))

/**
 * Comma-separated values as RFC 4180 has them: a record of cells a row, quotes around cells that hold delimiters, quotes
 * (doubled) or ends of lines. UTF-8, plain or compressed as `Format.jsonl` has it. Of several columns an empty line is no row;
 * of one column it is a row of an empty cell.
 *
 * The type of a column is `types`' or, from the cells of the sample that are not empty: `boolean` if all are `true` or `false`
 * (in any case), `number` if all are numbers of which nothing is lost (`nan` and `inf` are; leading zeros, a plus and more than 17 digits are
 * not), `bigint` if all are whole numbers of which some are
 * beyond 2^53, else `string`. A column of empty cells has the type that other shards give it, or else `string`. A later cell that is not of that type is a `ShardError`, as are rows of more or fewer cells than
 * columns, a quote that is not closed, and shards of other columns or types. `Row` is what the caller says that rows are.
 *
 * Throws `InvalidOption` for options that are not as said.
 *
 * @example
 * import { Format } from "furrow"
 *
 * const prices = Format.csv<{ readonly id: bigint; readonly price: number }>({
 *   delimiter: ";",
 *   types: { id: "bigint", price: "number" }
 * })
 * console.assert(prices.name === "csv")
 *
 * @category constructors
 * @since 0.1.0
 */
export const csv = <Row = CsvRow>(options: CsvOptions = {}): Format<Row> => format("csv", options)

/** Tab-separated values: {@link csv} with a tab between cells. @category constructors @since 0.1.0 */
export const tsv = <Row = CsvRow>(options: CsvOptions = {}): Format<Row> => format("tsv", options)
