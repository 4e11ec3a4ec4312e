/** What is written: rows of 512 tokens, as columns in memory and as an Arrow stream. */
import { Dataset, Tensor } from "../../../src/index.ts"
import { Xoshiro128 } from "../../../src/random/generators/Xoshiro128.ts"
import { batchMessage, schemaMessage, streamEnd } from "../../../src/sources/sinks/arrow/Messages.ts"
import { Table } from "../../../src/sources/sinks/columns/Table.ts"
import { review } from "./jsonl.ts"

export const ROWS = 10_000
export const REVIEWS = 150_000
export const BATCH = 250
/** How many bytes a row group has: 2,000 rows, about. */
export const BLOCK = 2 ** 22
const WIDTH = 512

/** Rows of texts, as objects. */
export const reviews = (): ReadonlyArray<unknown> => Array.from({ length: REVIEWS }, (_, id) => review(id))

export const table = () => {
  const rng = new Xoshiro128()
  rng.reseed(Uint32Array.of(1, 2, 3, 4), 0)
  const id = Int32Array.from({ length: ROWS }, (_, row) => row)
  // Few tokens are frequent, as in text.
  const data = Int32Array.from({ length: ROWS * WIDTH }, () =>
    Math.floor(50_000 * (rng.integer(2 ** 24) / 2 ** 24) ** 3)
  )
  const tokens = Tensor.make(data, [ROWS, WIDTH])
  const columns = new Table({}, undefined)
  const row = (): never => {
    throw new Error("rows are taken as columns")
  }
  columns.add({ size: ROWS, row, columns: { id: Tensor.make(id, [ROWS]), tokens } }, 0, ROWS, Number.POSITIVE_INFINITY)
  const built = columns.take()
  const ipc = Buffer.concat([schemaMessage(built), batchMessage(ROWS, built).bytes, streamEnd()])
  return { dataset: Dataset.fromColumns({ id, tokens }, { name: "tokens" }), ipc }
}
