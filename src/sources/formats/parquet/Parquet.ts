/**
 * Parquet files. A block is a row group.
 *
 * @since 0.1.0
 */
import { Made } from "../../../core/Parameters.ts"
import type { TableRow } from "../arrow/ArrowBlock.ts"
import type { Format } from "../Format.ts"
import { lazy } from "../Lazy.ts"
import { readBy, type TableOptions, tableOf } from "../TableOptions.ts"

/**
 * Parquet files. Each row group is a block. Needs the package `parquet-wasm`.
 *
 * Rows are records; `docs/formats.md` says which value of JavaScript a type becomes. `Row` says which columns there are, and is not
 * checked: `Format.parquet<{ id: number; tokens: Int32Array }>({ int64: "number" })`. Decoding may take up to 3 GiB of memory in
 * each thread; a row group whose columns take more than `blockBytes` fails before it is read.
 *
 * @example
 * import { Format } from "furrow"
 *
 * const format = Format.parquet({ columns: ["id", "tokens"], int64: "number" })
 * console.assert(format.name === "parquet")
 *
 * @category constructors
 * @since 0.1.0
 */
export const parquet = <Row = TableRow>(options: TableOptions = {}): Format<Row> => {
  const table = tableOf("Format.parquet", options)
  return {
    name: "parquet",
    made: new Made("parquet", { ...table }),
    endings: [".parquet", ".pq"],
    scans: false,
    hasColumns: true,
    // The type is the caller's word; see above.
    ...(readBy(code, table) as Pick<Format<Row>, "index" | "decode" | "shared">)
  }
}

/** The code that reads row groups, which is loaded with the first shard. */
const code = lazy(() => import("./Read.ts"))
