/**
 * The layout of IDX files: what their header says, and their elements as a tensor; see `Idx`.
 *
 * @since 0.1.0
 */

import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { plural } from "../../core/Plural.ts"
import { gunzip, gunzipStart } from "../../core/runtime.ts"
import { type DType, Tensor, type TypedArray } from "../../core/Tensor.ts"

/**
 * A file that cannot be had, or is not the IDX file that it should be.
 *
 * @category errors
 * @since 0.1.0
 */
export class IdxError extends Data.TaggedError("IdxError")<{
  /** The file, or the directory. */
  readonly path: string
  /** What is wrong, and the way out where there is one. */
  readonly reason: string
  /** Where in the (decompressed) file, in bytes. */
  readonly offset?: number
  /** What was thrown below, if anything. */
  readonly cause?: unknown
}> {
  override get message(): string {
    const place = this.offset === undefined ? "" : ` (at byte ${this.offset})`
    return `${this.path}: ${this.reason}${place}`
  }
}

/** How an element type is read: from a view, at a byte, big-endian. */
export interface Element {
  readonly dtype: DType
  readonly bytes: number
  readonly read: (view: DataView, count: number) => TypedArray
  readonly write: (view: DataView, at: number, value: number) => void
}

const filled = <D extends TypedArray>(data: D, read: (element: number) => number): D => {
  for (let element = 0; element < data.length; element++) data[element] = read(element)
  return data
}

/** By the code in a file's third byte. Elements of one byte are views of the file's bytes, not copies. */
export const elements: ReadonlyMap<number, Element> = new Map<number, Element>([
  [
    0x08,
    {
      dtype: "uint8",
      bytes: 1,
      read: (view, count) => new Uint8Array(view.buffer, view.byteOffset, count),
      write: (view, at, value) => view.setUint8(at, value)
    }
  ],
  [
    0x09,
    {
      dtype: "int8",
      bytes: 1,
      read: (view, count) => new Int8Array(view.buffer, view.byteOffset, count),
      write: (view, at, value) => view.setInt8(at, value)
    }
  ],
  [
    0x0b,
    {
      dtype: "int16",
      bytes: 2,
      read: (view, count) => filled(new Int16Array(count), (element) => view.getInt16(2 * element)),
      write: (view, at, value) => view.setInt16(at, value)
    }
  ],
  [
    0x0c,
    {
      dtype: "int32",
      bytes: 4,
      read: (view, count) => filled(new Int32Array(count), (element) => view.getInt32(4 * element)),
      write: (view, at, value) => view.setInt32(at, value)
    }
  ],
  [
    0x0d,
    {
      dtype: "float32",
      bytes: 4,
      read: (view, count) => filled(new Float32Array(count), (element) => view.getFloat32(4 * element)),
      write: (view, at, value) => view.setFloat32(at, value)
    }
  ],
  [
    0x0e,
    {
      dtype: "float64",
      bytes: 8,
      read: (view, count) => filled(new Float64Array(count), (element) => view.getFloat64(8 * element)),
      write: (view, at, value) => view.setFloat64(at, value)
    }
  ]
])

/** The longest header: 255 axes. */
const HEADER = 4 + 4 * 255

/** Deflate makes at most so many bytes of one. */
const RATIO = 1032

/** The bytes of a file, unpacked where they are a gzip stream. @since 0.1.0 */
export const inflated = (bytes: Uint8Array, path: string): Effect.Effect<Uint8Array, IdxError> => {
  if (!(bytes[0] === 0x1f && bytes[1] === 0x8b)) return Effect.succeed(bytes)
  return Effect.suspend(() => {
    try {
      const beginning = gunzipStart(bytes, HEADER)
      const header = headerOf(beginning, path)
      if (header instanceof IdxError) {
        // Where there is no more than that, the stream may have been cut short.
        if (beginning.length < HEADER) gunzip(bytes, HEADER)
        return header
      }
      const { end, what } = header
      const most = RATIO * bytes.length
      if (end > most) {
        const reason = `it should hold ${what}, and is a gzip stream of ${plural(bytes.length, "byte")}, which unpacks to at most ${most}`
        return new IdxError({ path, reason: `${reason}; fetch the file again` })
      }
      const plain = gunzip(bytes, end)
      if (plain !== "more") return Effect.succeed(plain)
      return new IdxError({ path, reason: `it should hold ${what}, and has more bytes`, offset: end })
    } catch (cause) {
      const reason = isTooLarge(cause)
        ? "there is no memory for what its gzip stream holds"
        : isFollowed(cause)
          ? "bytes that are no gzip stream follow its gzip stream; fetch the file again"
          : "its gzip stream is corrupt or cut short; fetch the file again"
      return new IdxError({ path, reason, cause })
    }
  })
}

/** What engines throw where they have no memory for an array. */
const isTooLarge = (error: unknown): boolean => error instanceof RangeError

/** What zlib says of bytes behind a stream that are neither another one nor zeros. */
const isFollowed = (error: unknown): boolean => error instanceof Error && error.message === "incorrect header check"

/** What an IDX file says of itself. */
interface Header {
  readonly element: Element
  readonly shape: ReadonlyArray<number>
  readonly count: number
  /** Where its elements begin and end, in bytes. */
  readonly start: number
  readonly end: number
  /** What it should hold, in words. */
  readonly what: string
}

const headerOf = (bytes: Uint8Array, path: string): Header | IdxError => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const size = bytes.length
  if (size < 4) return short(path, "the 4 bytes of its magic number", size)
  if (view.getUint16(0) !== 0) {
    const magic = view.getUint32(0).toString(16).padStart(8, "0")
    const reason = `it is no IDX file: it begins with ${magic} (hexadecimal), where IDX has two bytes of 0`
    return new IdxError({ path, reason, offset: 0 })
  }
  const code = view.getUint8(2)
  const element = elements.get(code)
  if (element === undefined) {
    const known = Array.from(elements, ([key, { dtype }]) => `${hex(key)} ${dtype}`).join(", ")
    return new IdxError({ path, reason: `element type ${hex(code)} is unknown; IDX has ${known}`, offset: 2 })
  }
  const rank = view.getUint8(3)
  const start = 4 + 4 * rank
  if (size < start) return short(path, `${rank} axes, a header of ${plural(start, "byte")}`, size)
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis))
  // An axis of 0 first: with enough others the product would pass through infinity to NaN.
  const count = shape.includes(0) ? 0 : shape.reduce((product, axis) => product * axis, 1)
  const end = start + count * element.bytes
  return { element, shape, count, start, end, what: `${element.dtype} [${shape.join(", ")}], ${end} bytes` }
}

/** The tensor that unpacked bytes hold. @since 0.1.0 */
export const decode = (bytes: Uint8Array, path: string): Tensor | IdxError => {
  const header = headerOf(bytes, path)
  if (header instanceof IdxError) return header
  const { count, element, end, shape, start, what } = header
  const size = bytes.length
  if (size < end) return short(path, what, size)
  if (size > end) {
    const reason = `it should hold ${what}, and has ${plural(size - end, "byte")} more`
    return new IdxError({ path, reason, offset: end })
  }
  return new Tensor(element.read(new DataView(bytes.buffer, bytes.byteOffset + start, size - start), count), shape)
}

const short = (path: string, what: string, size: number): IdxError =>
  new IdxError({ path, reason: `it should hold ${what}, and ends after ${size}; fetch the file again`, offset: size })

const hex = (code: number): string => code.toString(16).toUpperCase().padStart(2, "0")
