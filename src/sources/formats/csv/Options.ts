/**
 * How shards of cells are read: what a user may say of it, and what comes of that.
 *
 * @since 0.1.0
 */
import { whole } from "../../../core/Check.ts"
import { InvalidOption } from "../../../core/InvalidOption.ts"
import { isOptions, textOf } from "../../../core/Options.ts"
import { formatOptions } from "../FormatOptions.ts"
import { type LineOptions, sizesOf } from "../lines/LineOptions.ts"
import type { CsvType } from "./Columns.ts"

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

/** Whether cells can be told apart by it. @since 0.1.0 */
export const isDelimiter = (value: unknown): value is string =>
  typeof value === "string" && /^[^\r\n"\u0080-\uffff]$/.test(value)

/** The options of `Format.csv` or `Format.tsv`, checked and filled in. Throws `InvalidOption`. @since 0.1.0 */
export const configOf = (name: "csv" | "tsv", options: CsvOptions): CsvConfig => {
  const {
    delimiter = name === "csv" ? "," : "\t",
    header,
    sample,
    types = {}
  } = formatOptions(`Format.${name}`, options, NAMES)
  if (!isDelimiter(delimiter)) {
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
