/**
 * Frames as lines of JSON, for people.
 *
 * @since 0.1.0
 */
import { isTypedArray, type TypedArray } from "../core/DType.ts"
import { shownJson } from "../core/Json.ts"
import { isRecord } from "../core/Record.ts"
import { Tensor } from "../core/Tensor.ts"
import type { Frame } from "./Frame.ts"

const encoder = new TextEncoder()

/** About as many characters as a piece has: a few ms of work. A single text may be longer. */
const PIECE = 2 ** 16

/** About as many numbers as a text of that length has. */
const NUMBERS = 2 ** 12

/**
 * A frame as a line, in pieces that are made when they are asked for: that of a large batch takes seconds, and is several times
 * as long as the batch.
 *
 * @since 0.1.0
 */
export function* line(frame: Frame): Generator<Uint8Array, void> {
  let piece = ""
  for (const text of frame.kind === "alive" ? [] : texts(shownOf(frame))) {
    piece += text
    if (piece.length < PIECE) continue
    yield encoder.encode(piece)
    piece = ""
  }
  yield encoder.encode(`${piece}\n`)
}

const shownOf = (frame: Exclude<Frame, { readonly kind: "alive" }>): object => {
  switch (frame.kind) {
    case "batch":
      return { ...frame.batch, cursor: frame.cursor }
    case "begin":
      return { begin: frame.cursor, batches: frame.batches }
    case "end":
      return { end: frame.cursor }
    case "error":
      return { error: frame.tag, message: frame.message }
  }
}

/** The text of a value that a frame can hold, as `shownJson` has it. */
function* texts(value: unknown): Generator<string, void> {
  if (value instanceof Tensor) yield* numbers(value.data, value.shape)
  // Bytes are base64, which is fast.
  else if (isTypedArray(value) && !(value instanceof Uint8Array)) yield* numbers(value, [value.length])
  else if (Array.isArray(value)) {
    yield "["
    for (let at = 0; at < value.length; at++) {
      if (at > 0) yield ","
      yield* texts(value[at])
    }
    yield "]"
  } else if (isRecord(value)) {
    let before = "{"
    for (const [name, own] of Object.entries(value)) {
      yield `${before}${JSON.stringify(name)}:`
      yield* texts(own)
      before = ","
    }
    yield before === "{" ? "{}" : "}"
  } else yield shownJson(value)
}

/** Numbers as lists in lists. */
function* numbers(data: TypedArray, shape: ReadonlyArray<number>): Generator<string, void> {
  const [rows = 1, ...rest] = shape
  if (data.length <= NUMBERS) return yield shownJson(new Tensor(data, shape))
  const stride = data.length / rows
  const atOnce = Math.floor(NUMBERS / stride)
  yield "["
  for (let row = 0; row < rows; row += Math.max(1, atOnce)) {
    if (row > 0) yield ","
    const end = Math.min(rows, row + Math.max(1, atOnce))
    const part = data.subarray(row * stride, end * stride)
    if (atOnce === 0) yield* numbers(part, rest)
    else yield shownJson(new Tensor(part, [end - row, ...rest])).slice(1, -1)
  }
  yield "]"
}
