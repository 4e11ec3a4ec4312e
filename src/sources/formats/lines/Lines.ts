/**
 * Records in the bytes of a block, and in the text that they are.
 *
 * @since 0.1.0
 */
import { giveBack } from "../../../core/ReadBuffers.ts"
import { isUtf8 } from "../../../core/Utf8.ts"
import { textOf } from "../../../wasm/Text.ts"
import type { Shard, ShardError } from "../Format.ts"
import { ofBytes, ofText } from "./Characters.ts"
import { REPLACED } from "./JointTexts.ts"
import { error, type LineKind, tooLong } from "./LineKind.ts"
import { Spans } from "./Spans.ts"

/** The bytes of a block, unpacked, and the records in them. @since 0.1.0 */
export interface Lines {
  /** How many there are, and where: in the bytes, or in `whole`. */
  readonly spans: Spans
  /** The text of all of them, if it is one. */
  readonly whole?: string | undefined
  /** How many bytes it all takes. */
  readonly memory: number
  /** A record as text. Throws {@link ShardError} if it is not UTF-8. */
  readonly text: (row: number) => string
  /** The bytes that `spans` are places in; `undefined` if they are places in a text. */
  readonly spanned: Uint8Array | undefined
  /** The bytes of a record: a view. */
  readonly bytes: (row: number) => Uint8Array
  /** An error at one of its rows. */
  readonly error: (row: number, reason: string, cause?: unknown) => ShardError
  /** Gives back the memory of all this. Texts stay as they are, nothing else does. */
  readonly release: () => void
}

/** The records in bytes; `row` is the number of the first one, `byteAt` the place of a byte in the shard. @since 0.1.0 */
export const spansOf = (
  kind: LineKind,
  shard: Shard,
  bytes: Uint8Array,
  isLast: boolean,
  row: number,
  byteAt: (place: number) => number
): Spans => {
  const spans = kind.split(ofBytes(bytes), isLast)
  const { starts, unended } = spans
  checkSpans(kind, shard, spans, row, (own) => byteAt((own < spans.count ? starts[own] : unended?.start) ?? 0))
  return spans
}

/** Throws for a record that is too long, or for a last one that is not whole. */
const checkSpans = (
  kind: LineKind,
  shard: Shard,
  { count, ends, starts, unended }: Spans,
  row: number,
  byteOf: (row: number) => number
): void => {
  for (let own = 0; own < count; own++) {
    // Below the count.
    if ((ends[own] as number) - (starts[own] as number) > kind.rowBytes)
      throw tooLong(kind, shard, byteOf(own), row + own)
  }
  if (unended !== undefined) throw error(kind, shard, byteOf(count), unended.reason, row + count)
}

/** Records in bytes that are unpacked. @since 0.1.0 */
export const linesIn = (
  kind: LineKind,
  shard: Shard,
  bytes: Uint8Array,
  spans: Spans,
  firstRow: number,
  byteAt: (place: number) => number
): Lines => {
  const { starts } = spans
  const release = releasing(bytes, spans)
  const errorAt: Lines["error"] = (row, reason, cause) =>
    error(kind, shard, byteAt(starts[row] ?? 0), reason, firstRow + row, cause)
  const bytesAt: Lines["bytes"] = (row) => bytes.subarray(starts[row], spans.ends[row])
  const whole = kind.isWhole ? textsIn(kind, bytes, spans) : undefined
  if (whole !== undefined) {
    const { length, text } = whole
    return {
      spans,
      // The bytes are kept for errors. Of a text that is not ASCII engines take two bytes for a character.
      memory: bytes.byteLength + length * (length === bytes.length ? 1 : 2) + 4 * starts.byteLength,
      text,
      spanned: undefined,
      bytes: bytesAt,
      error: errorAt,
      release
    }
  }
  return {
    spans,
    memory: bytes.byteLength + 2 * starts.byteLength,
    text: (row) => {
      try {
        return decoder.decode(bytesAt(row))
      } catch (cause) {
        throw errorAt(row, "it is not valid UTF-8; convert it, or leave the row out by a failure policy", cause)
      }
    },
    spanned: bytes,
    bytes: bytesAt,
    error: errorAt,
    release
  }
}

const releasing = (bytes: Uint8Array, spans: Spans) => (): void => {
  giveBack(bytes)
  spans.release()
}

// A byte order mark within a shard is text.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** The text of a block by its records, and how many characters it has; `undefined` if a part of it is not UTF-8. */
const textsIn = (
  kind: LineKind,
  bytes: Uint8Array,
  spans: Spans
): { readonly length: number; readonly text: Lines["text"] } | undefined => {
  let text: string
  try {
    text = decoder.decode(bytes)
  } catch {
    return undefined
  }
  const { length } = text
  const sliced =
    ({ ends, starts }: Spans): Lines["text"] =>
    (row) =>
      text.slice(starts[row], ends[row])
  // If it is ASCII, characters are where bytes are.
  if (length === bytes.length) return { length, text: sliced(spans) }
  const lines = linesAt(spans, bytes.length) ? text.split("\n") : []
  // There may be an end behind the last one.
  if (lines.at(-1) === "") lines.pop()
  if (lines.length !== spans.count) return { length, text: sliced(kind.split(ofText(text), true)) }
  // As many lines as records, with a byte between them: each is one, and all ends are found in one go.
  const own = new Spans(lines.length)
  let at = 0
  for (const line of lines) {
    own.add(at, at + line.length)
    at += line.length + 1
  }
  return { length, text: sliced(own) }
}

/** Whether there is one byte between all records, nothing before the first, and at most one byte behind the last of `size`. */
const linesAt = ({ count, ends, starts }: Spans, size: number): boolean => {
  if (count === 0 || starts[0] !== 0 || size - (ends[count - 1] as number) > 1) return false // there is a last one
  for (let row = 1; row < count; row++) if (starts[row] !== (ends[row - 1] as number) + 1) return false // below the count
  return true
}

/**
 * Records in the text that bytes are as a whole: to find them there takes a third of the time that it takes in bytes. `undefined`
 * if a part of it is not UTF-8. Throws {@link ShardError}.
 *
 * @since 0.1.0
 */
export const linesOfText = (
  kind: LineKind,
  shard: Shard,
  bytes: Uint8Array,
  firstRow: number,
  byteAt: (place: number) => number
): Lines | undefined => {
  const text = textOf(bytes)
  if (text.includes(REPLACED) && !isUtf8(bytes)) return undefined
  const spans = kind.split(ofText(text), true)
  const isAscii = text.length === bytes.length
  // Where they are in the bytes is asked for by errors alone.
  const inBytes = (): Spans => (isAscii ? spans : kind.split(ofBytes(bytes), true))
  const byteOf = (row: number): number => {
    const { count, starts, unended } = inBytes()
    return byteAt((row < count ? starts[row] : unended?.start) ?? 0)
  }
  checkSpans(kind, shard, spans, firstRow, byteOf)
  return {
    spans,
    whole: text,
    // The bytes are kept for errors. Of a text that is not ASCII engines take two bytes for a character.
    memory: bytes.byteLength + text.length * (isAscii ? 1 : 2) + 4 * spans.starts.byteLength,
    text: (row) => text.slice(spans.starts[row], spans.ends[row]),
    spanned: undefined,
    bytes: (row) => {
      const { ends, starts } = inBytes()
      return bytes.subarray(starts[row], ends[row])
    },
    error: (row, reason, cause) => error(kind, shard, byteOf(row), reason, firstRow + row, cause),
    release: releasing(bytes, spans)
  }
}
