/**
 * The options of formats of tables: Parquet and Arrow.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { oneOf, whole } from "../../core/Check.ts"
import { firstTwice } from "../../core/FirstTwice.ts"
import { InvalidOption } from "../../core/InvalidOption.ts"
import type { TableRow } from "./arrow/ArrowBlock.ts"
import type { Format, SharedDecode } from "./Format.ts"
import { formatOptions } from "./FormatOptions.ts"
import type { Lazy } from "./Lazy.ts"
import { Malformed } from "./Malformed.ts"

/** How tables are read. @category options @since 0.1.0 */
export interface TableOptions {
  /** The columns of a row, in this order; only their bytes are read. Default: all. */
  readonly columns?: ReadonlyArray<string>
  /**
   * What integers of 64 bits, and durations, are in JavaScript. `"number"` fails at a value beyond ±(2^53 − 1). Default
   * `"bigint"`, which is always exact.
   */
  readonly int64?: "bigint" | "number"
  /**
   * What timestamps are in JavaScript. `"exact"`: columns in seconds or milliseconds are `Date`, finer ones text in ISO 8601,
   * since `Date` does not have their digits. `"date"`: all are `Date`, rounded down to milliseconds. `"bigint"`: the numbers
   * that are stored, in their unit. Default `"exact"`.
   */
  readonly timestamps?: "exact" | "date" | "bigint"
  /** How many bytes a block may take once decoded; larger ones fail before they are read. Default 1 GiB. */
  readonly blockBytes?: number
}

/** Options that were checked. @since 0.1.0 */
export interface Table {
  readonly columns: ReadonlyArray<string> | undefined
  readonly int64: "bigint" | "number"
  readonly timestamps: "exact" | "date" | "bigint"
  readonly blockBytes: number
}

const GIB = 2 ** 30

/** Returns the options with their defaults. Throws `InvalidOption`. @since 0.1.0 */
export const tableOf = (of: string, options: TableOptions): Table => {
  const names = { columns: true, int64: true, timestamps: true, blockBytes: true } as const
  const { blockBytes = GIB, columns, int64 = "bigint", timestamps = "exact" } = formatOptions(of, options, names)
  if (columns !== undefined) {
    const sound = Array.isArray(columns) && columns.length > 0 && columns.every((own) => typeof own === "string")
    if (!sound || new Set(columns).size < columns.length) {
      const expected = "a list of at least one name, each once"
      throw new InvalidOption({ option: `columns of ${of}`, value: columns, expected })
    }
  }
  return {
    columns: columns?.slice(),
    int64: oneOf("int64", int64, ["bigint", "number"]),
    timestamps: oneOf("timestamps", timestamps, ["exact", "date", "bigint"]),
    blockBytes: whole("blockBytes", blockBytes, 1)
  }
}

/**
 * Returns the places of the chosen columns among the fields, in the order of the columns. Throws {@link Malformed} if one is
 * not there, or is there twice: a row has a field of one name once.
 *
 * @since 0.1.0
 */
export const placesOf = (
  fields: ReadonlyArray<{ readonly name: string }>,
  { columns }: Table
): ReadonlyArray<number> => {
  const twice = firstTwice(
    fields.flatMap(({ name }) => (columns === undefined || columns.includes(name) ? [name] : []))
  )
  if (twice !== undefined) {
    const way = "choose others by the option columns, or write them under names of their own"
    throw new Malformed(`it has two columns of the name "${twice}"; ${way}`)
  }
  if (columns === undefined) return fields.map((_, place) => place)
  const byName = new Map(fields.map(({ name }, place) => [name, place]))
  return columns.map((name) => {
    const place = byName.get(name)
    if (place !== undefined) return place
    const names = fields.slice(0, 20).map((field) => field.name)
    const shown = `${names.join(", ")}${fields.length > names.length ? " …" : ""}`
    throw new Malformed(`it has no column "${name}"; its columns are ${shown}: change the option columns`)
  })
}

/** How the shards of a format of tables are read. @since 0.1.0 */
export interface Reader extends Pick<Format<TableRow>, "index" | "decode"> {
  readonly shared: SharedDecode<TableRow>
}

/** Returns the functions of a format by `table`, from code that is loaded with the first shard. @since 0.1.0 */
export const readBy = (
  code: Lazy<{ readonly reader: (table: Table) => Reader }>,
  table: Table
): Pick<Format<TableRow>, "index" | "decode" | "shared"> => {
  let known: Reader | undefined
  const own = ({ reader }: { readonly reader: (table: Table) => Reader }): Reader => {
    known ??= reader(table)
    return known
  }
  return {
    index: (shard) => Effect.flatMap(code.get, (module) => own(module).index(shard)),
    decode: (bytes, block, place) => code.use((module) => own(module).decode(bytes, block, place)),
    shared: Effect.map(code.get, (module) => own(module).shared)
  }
}
