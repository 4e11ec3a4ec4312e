/**
 * Comma- and tab-separated values.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { Made } from "../../../core/Parameters.ts"
import type { Format, SharedDecode } from "../Format.ts"
import { lazy } from "../Lazy.ts"
import { agree, type CsvRow } from "./Columns.ts"
import { type CsvOptions, configOf } from "./Options.ts"

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
