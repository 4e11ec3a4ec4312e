/** The rivals for JSON Lines: files read in pieces, newlines found, lines decoded and parsed, in one plain loop. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs"
import { BATCH, type Review } from "../loads/jsonl.ts"

const PIECE = 2 ** 20

/** Hands out the bytes of a file piece by piece; `take` gives how many of them are done. */
const pieces = (path: string, take: (bytes: Uint8Array) => number): void => {
  const file = openSync(path, "r")
  try {
    const { size } = fstatSync(file)
    const buffer = new Uint8Array(2 * PIECE)
    let held = 0
    for (let at = 0; at < size; ) {
      const count = readSync(file, buffer, held, PIECE, at)
      at += count
      held += count
      const done = take(buffer.subarray(0, held))
      buffer.copyWithin(0, done, held)
      held -= done
    }
  } finally {
    closeSync(file)
  }
}

/** Line by line. */
export const jsonlLoop = (paths: ReadonlyArray<string>): number => {
  const decoder = new TextDecoder()
  let seen = 0
  let batch: Array<Review> = []
  for (const path of paths) {
    pieces(path, (bytes) => {
      let at = 0
      for (let newline = bytes.indexOf(10, at); newline !== -1; newline = bytes.indexOf(10, at)) {
        batch.push(JSON.parse(decoder.decode(bytes.subarray(at, newline))))
        if (batch.length === BATCH) {
          seen += batch.length
          batch = []
        }
        at = newline + 1
      }
      return at
    })
  }
  return seen + batch.length
}

/** Piece by piece: one decode, and a split of the text. */
export const jsonlSplit = (paths: ReadonlyArray<string>): number => {
  const decoder = new TextDecoder()
  let seen = 0
  let batch: Array<Review> = []
  for (const path of paths) {
    pieces(path, (bytes) => {
      const end = bytes.lastIndexOf(10) + 1
      if (end === 0) return 0
      for (const line of decoder.decode(bytes.subarray(0, end - 1)).split("\n")) {
        batch.push(JSON.parse(line))
        if (batch.length === BATCH) {
          seen += batch.length
          batch = []
        }
      }
      return end
    })
  }
  return seen + batch.length
}
