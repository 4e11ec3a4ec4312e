/** The rivals for CSV: the two libraries that were tried, each at its fastest, from files to batches of typed rows. */
import { closeSync, openSync, readFileSync, readSync } from "node:fs"
import { StringDecoder } from "node:string_decoder"
import { parse } from "csv-parse/sync"
import { inferSchema, initParser } from "udsv"
import { BATCH } from "../loads/jsonl.ts"

/** Deals rows out to batches; gives how many rows there were. */
const batches = (): { readonly take: (row: unknown) => void; readonly seen: () => number } => {
  let seen = 0
  let batch: Array<unknown> = []
  return {
    take: (row) => {
      batch.push(row)
      if (batch.length < BATCH) return
      seen += batch.length
      batch = []
    },
    seen: () => seen + batch.length
  }
}

/** uDSV, a file at a time: one decode, one parse. */
export const udsvWhole = (paths: ReadonlyArray<string>): number => {
  const own = batches()
  for (const path of paths) {
    const text = readFileSync(path, "utf8")
    for (const row of initParser(inferSchema(text.slice(0, 2 ** 16))).typedObjs(text)) own.take(row)
  }
  return own.seen()
}

const PIECE = 2 ** 20

/** uDSV, piece by piece, so that rows do not all live at once. */
export const udsvPieces = (paths: ReadonlyArray<string>): number => {
  const own = batches()
  for (const path of paths) {
    const file = openSync(path, "r")
    try {
      const buffer = Buffer.allocUnsafe(PIECE)
      const decoder = new StringDecoder("utf8")
      let parser: ReturnType<typeof initParser> | undefined
      for (
        let count = readSync(file, buffer, 0, PIECE, null);
        count > 0;
        count = readSync(file, buffer, 0, PIECE, null)
      ) {
        const text = decoder.write(buffer.subarray(0, count))
        parser ??= initParser(inferSchema(text.slice(0, 2 ** 16)))
        parser.chunk<Record<string, unknown>>(text, parser.typedObjs, own.take)
      }
      parser?.end()
    } finally {
      closeSync(file)
    }
  }
  return own.seen()
}

/** csv-parse, which checks as much as Furrow does. */
export const csvParse = (paths: ReadonlyArray<string>): number => {
  const own = batches()
  const texts = new Set<unknown>(["text", "tags"])
  for (const path of paths) {
    const rows: ReadonlyArray<unknown> = parse(readFileSync(path), {
      columns: true,
      cast: (cell, { column, header }) => (header || texts.has(column) ? cell : Number(cell))
    })
    for (const row of rows) own.take(row)
  }
  return own.seen()
}
