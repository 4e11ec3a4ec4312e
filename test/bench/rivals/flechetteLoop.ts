/** The rival for Arrow: `@uwdata/flechette`, which reads a file without a copy, and a loop that puts its rows into batches. */
import { readFileSync } from "node:fs"
import { tableFromIPC } from "@uwdata/flechette"
import { TOKEN_BATCH, WIDTH } from "../loads/tables.ts"

/** One epoch; gives the number of samples. */
export const flechetteLoop = (path: string): number => {
  const table = tableFromIPC(readFileSync(path))
  const ids = table.getChild("id")
  const tokens = table.getChild("tokens")
  const { numRows } = table
  for (let start = 0; start < numRows; start += TOKEN_BATCH) {
    const size = Math.min(TOKEN_BATCH, numRows - start)
    const batch = { id: new Float64Array(size), tokens: new Int32Array(size * WIDTH) }
    for (let row = 0; row < size; row++) {
      batch.id[row] = ids.at(start + row)
      batch.tokens.set(tokens.at(start + row), row * WIDTH)
    }
  }
  return numRows
}
