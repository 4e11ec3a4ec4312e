/**
 * Arrow IPC files and streams, Feather version 2 among them. A block is a record batch.
 *
 * @since 0.1.0
 */
import { Made } from "../../../core/Parameters.ts"
import type { Format } from "../Format.ts"
import { lazy } from "../Lazy.ts"
import { readBy, type TableOptions, tableOf } from "../TableOptions.ts"
import type { TableRow } from "./ArrowBlock.ts"

/**
 * Arrow files (Feather version 2) and Arrow streams, told apart by their first bytes. Each record batch is a block. The
 * file form has a footer; of the stream form the lengths of all messages are read, not their bodies. Buffers compressed by lz4
 * and zstd are read; zstd needs the package `fzstd` on Node before 22.15.
 *
 * Rows are records; `docs/formats.md` says which value of JavaScript a type becomes. `Row` says which columns there are, and is not
 * checked: `Format.arrow<{ id: number; tokens: Int32Array }>({ int64: "number" })`.
 *
 * @example
 * import { Format } from "furrow"
 *
 * const format = Format.arrow({ columns: ["id", "tokens"], int64: "number" })
 * console.assert(format.name === "arrow")
 *
 * @category constructors
 * @since 0.1.0
 */
export const arrow = <Row = TableRow>(options: TableOptions = {}): Format<Row> => {
  const table = tableOf("Format.arrow", options)
  return {
    name: "arrow",
    made: new Made("arrow", { ...table }),
    endings: [".arrow", ".arrows", ".feather", ".ipc"],
    scans: false,
    hasColumns: true,
    // The type is the caller's word; see above.
    ...(readBy(code, table) as Pick<Format<Row>, "index" | "decode" | "shared">)
  }
}

/** The code that reads record batches, which is loaded with the first shard. */
const code = lazy(() => import("./Read.ts"))
