/**
 * JSON Lines.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { Made } from "../../../core/Parameters.ts"
import type { Format, SharedDecode } from "../Format.ts"
import { lazy } from "../Lazy.ts"
import { configOf, type JsonlOptions } from "./JsonlOptions.ts"

/**
 * JSON Lines: a JSON value a line, in UTF-8, plain or compressed by gzip or zstd (told by the first bytes). Blank lines are
 * no rows; `\r\n`, a byte order mark, and a last line without an end are fine. A row is parsed each time that it is read,
 * and is the reader's own. `Row` is what the caller says that rows are; give `Dataset.open` a schema to have it checked.
 *
 * A file of one JSON array over several lines, or named `.json` and of one array of records on its only line, is a `ShardError`.
 * Lines that are arrays are rows.
 *
 * Whole numbers beyond ±(2^53 − 1), which `JSON.parse` would round, are bigints; see the option `integers`.
 *
 * Of a compressed file, a block is as many members of gzip or frames of zstd as hold `blockBytes`; each is unpacked as a
 * whole, so one of more than `memberBytes` is refused. Throws `InvalidOption` for sizes that are not whole numbers of at
 * least 1, and for other `integers`.
 *
 * @example
 * import { Format } from "furrow"
 *
 * const reviews = Format.jsonl<{ readonly text: string; readonly stars: number }>({ blockBytes: 2 ** 18 })
 * console.assert(reviews.name === "jsonl" && reviews.scans)
 *
 * @category constructors
 * @since 0.1.0
 */
export const jsonl = <Row = unknown>(options: JsonlOptions = {}): Format<Row> => {
  const config = configOf(options)
  const { blockBytes, integers } = config
  return {
    name: "jsonl",
    made: new Made("jsonl", integers === "bigint" ? { blockBytes } : { blockBytes, integers }),
    endings: [".jsonl", ".ndjson", ".jsonlines", ".json"],
    scans: true,
    index: (shard) => Effect.flatMap(code.get, ({ index }) => index(shard, config)),
    // The type is the caller's word; see above.
    decode: (bytes, block, place) =>
      code.use(({ decode }) => decode(bytes, block, place, config) as ReturnType<Format<Row>["decode"]>),
    shared: Effect.map(code.get, ({ shared }) => shared(config) as SharedDecode<Row>), // as above
    locate: (bytes, block, place) => code.use(({ locate }) => locate(bytes, block, place, config)),
    inOrder: Effect.map(code.get, ({ inOrder }) => inOrder(config))
  }
}

/** The code that reads JSON Lines, which is loaded with the first shard. */
const code = lazy(() => import("./JsonlBlocks.ts"))
