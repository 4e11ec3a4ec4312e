/**
 * Decompresses Zstandard: by the runtime (Bun, Deno, Node from 22.15 on), else by the package `fzstd`.
 *
 * @since 0.1.0
 */

import * as zlib from "node:zlib"
import * as Effect from "effect/Effect"
import { native as counted } from "../../core/NativeWork.ts"
import { plural } from "../../core/Plural.ts"
import { zstdFrame, zstdFrameSoon } from "../../core/runtime.ts"
import { library } from "./LibraryMissing.ts"
import { AGAIN, Malformed } from "./Malformed.ts"

/** @since 0.1.0 */
export interface Zstd {
  /** Returns the `length` bytes that frames hold. Throws {@link Malformed} if they hold others. */
  readonly exactly: (bytes: Uint8Array, length: number) => Uint8Array
  /**
   * Returns what frames hold, one or several, if that is at most `most` bytes; `"large"` if it is more. Throws
   * {@link Malformed} if one is corrupt or cut short.
   */
  readonly upTo: (bytes: Uint8Array, most: number) => Uint8Array | "large"
}

/**
 * Returns what a frame holds, `content` bytes if its header says so, and throws for a corrupt one. May stop early, and return
 * `undefined`, at more than `most` bytes.
 */
type Decompress = (bytes: Uint8Array, most: number, content: number | undefined) => Uint8Array | undefined

const zstdOf = (decompress: Decompress): Zstd => {
  const frame = (bytes: Uint8Array, most: number): Uint8Array | undefined => {
    const { content, window } = headerOf(bytes)
    if (content !== undefined && content > most) return undefined
    // Decoders allocate as much as the header says.
    if (window > MOST_WINDOW) throw new Error(`a frame needs a window of more than ${MOST_WINDOW} bytes`)
    const plain = decompress(bytes, most, content)
    if (plain === undefined || content === undefined || plain.length === content) return plain
    throw new Error(`a frame has ${plural(plain.length, "byte")} where its header says ${content}`)
  }
  const frames = (bytes: Uint8Array, most: number): Uint8Array | undefined => {
    const parts: Array<Uint8Array> = []
    let length = 0
    for (let at = 0; at < bytes.length || parts.length === 0; ) {
      const rest = bytes.subarray(at)
      // No decoder here says that a frame is cut short, and Deno's reads the first one alone.
      const end = frameEnd(rest)
      if (end === undefined) throw new Error("a frame is cut short")
      const plain = frame(rest.subarray(0, end), most - length)
      if (plain === undefined) return undefined
      parts.push(plain)
      length += plain.length
      at += end
    }
    return joined(parts, length)
  }
  const upTo: Zstd["upTo"] = (bytes, most) => {
    try {
      return frames(bytes, most) ?? "large"
    } catch (cause) {
      throw new Malformed(`bytes compressed by zstd are corrupt; ${AGAIN}`, { cause })
    }
  }
  return {
    upTo,
    exactly: (bytes, length) => {
      const plain = upTo(bytes, length)
      if (plain !== "large" && plain.length === length) return plain
      const held = plain === "large" ? "more" : plain.length
      throw new Malformed(`bytes compressed by zstd are ${held}, not ${length}; ${AGAIN}`)
    }
  }
}

// Node 20 has no such function, whatever the types of later versions say.
const native: typeof zlib.zstdDecompressSync | undefined = zlib.zstdDecompressSync

const byRuntime =
  (decompress: typeof zlib.zstdDecompressSync): Decompress =>
  (bytes, most, content) => {
    if (content !== undefined && zstdFrame !== undefined) return withoutClass(zstdFrame(bytes))
    try {
      // All of it comes in one part, since joining several takes half as long as decompressing.
      const chunkSize = Math.max(64, 1 + Math.min(most, content ?? 2 ** 16))
      const options = { maxOutputLength: Math.max(1, most), chunkSize }
      const own = decompress(bytes, options)
      return own.byteLength > most ? undefined : withoutClass(own)
    } catch (cause) {
      if (cause instanceof Error && "code" in cause && cause.code === "ERR_BUFFER_TOO_LARGE") return undefined
      throw cause
    }
  }

/**
 * Decompresses beside the program what {@link Zstd.exactly} would decompress to `length` bytes; `undefined` if that cannot be
 * done, or is not one frame whose header says `length`. The promise gives `undefined`, too, if it fails: whoever asks the other
 * way is told why.
 *
 * @since 0.1.0
 */
export const exactlySoon = (bytes: Uint8Array, length: number): Promise<Uint8Array | undefined> | undefined => {
  if (zstdFrameSoon === undefined || !isFrameOf(bytes, length)) return undefined
  const decompress = zstdFrameSoon
  return counted(() => decompress(bytes)).then(
    (plain) => (plain.length === length ? withoutClass(plain) : undefined),
    () => undefined
  )
}

const isFrameOf = (bytes: Uint8Array, length: number): boolean => {
  try {
    const { content, window } = headerOf(bytes)
    return content === length && window <= MOST_WINDOW && frameEnd(bytes) === bytes.length
  } catch {
    return false // there is no frame, which whoever decompresses it is told
  }
}

/** Bytes that are no `Buffer`. */
const withoutClass = ({ buffer, byteLength, byteOffset }: Uint8Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength)

/** What is used of the package. */
interface Fzstd {
  readonly Decompress: new (
    onData: (bytes: Uint8Array) => void
  ) => { readonly push: (bytes: Uint8Array, isLast: boolean) => void }
}

/** Thrown to end the package's work. */
const ENOUGH = new Error("a frame holds more than it may")

const byPackage =
  ({ Decompress }: Fzstd): Decompress =>
  (bytes, most) => {
    const parts: Array<Uint8Array> = []
    let length = 0
    const decompressor = new Decompress((part) => {
      length += part.length
      if (length > most) throw ENOUGH
      parts.push(part)
    })
    try {
      decompressor.push(bytes, true)
    } catch (cause) {
      if (cause === ENOUGH) return undefined
      throw cause
    }
    return joined(parts, length)
  }

const joined = (parts: ReadonlyArray<Uint8Array>, length: number): Uint8Array => {
  const [first] = parts
  if (parts.length === 1 && first !== undefined) return first
  const whole = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** The most that a decoder has to remember of a frame, as zstd's own limit is. */
const MOST_WINDOW = 2 ** 27

/** What the header of a frame says: see RFC 8878, 3.1.1. Throws if there is none. */
const headerOf = (bytes: Uint8Array): { readonly content: number | undefined; readonly window: number } => {
  if (bytes.length < 9) throw new Error("a frame has at least 9 bytes")
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (view.getUint32(0, true) !== MAGIC) throw new Error("there is no zstd frame")
  const descriptor = view.getUint8(4)
  const isSingle = (descriptor & 32) !== 0
  const code = descriptor >> 6
  // The number of a dictionary stands between the window and the size of the content.
  const at = (isSingle ? 5 : 6) + ([0, 1, 2, 4][descriptor & 3] ?? 0)
  const width = code === 0 ? (isSingle ? 1 : 0) : 2 ** code
  let size = code === 1 ? 256 : 0
  for (let place = 0; place < width; place++) size += view.getUint8(at + place) * 2 ** (8 * place)
  const content = width === 0 ? undefined : size
  if (isSingle) return { content, window: size }
  const own = view.getUint8(5)
  const base = 2 ** (10 + (own >> 3))
  return { content, window: base + (base / 8) * (own & 7) }
}

/** What a frame begins with, as a little-endian number. @since 0.1.0 */
export const MAGIC = 0xfd2fb528

/** How long the header of a frame is, by the byte behind its magic number. @since 0.1.0 */
export const frameHeaderLength = (descriptor: number): number => {
  // Behind it: the window, the number of the dictionary, and the size of the content.
  const single = (descriptor >> 5) & 1
  const size = descriptor >> 6
  return 5 + (single === 1 ? 0 : 1) + ([0, 1, 2, 4][descriptor & 3] ?? 0) + (size === 0 ? single : 2 ** size)
}

/** How long the block is that begins there, with its header; `undefined` if the header is cut off. @since 0.1.0 */
export const blockLength = (bytes: Uint8Array, at: number): number | undefined => {
  if (at + 3 > bytes.length) return undefined
  // As checked.
  const header = (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16)
  // A block of one byte that is repeated takes one.
  return 3 + (((header >> 1) & 3) === 1 ? 1 : header >> 3)
}

/** Where a frame ends; `undefined` if the bytes end before. @since 0.1.0 */
export const frameEnd = (bytes: Uint8Array): number | undefined => {
  const descriptor = bytes[4]
  if (descriptor === undefined) return undefined
  let at = frameHeaderLength(descriptor)
  for (let isLast = false; !isLast; ) {
    const length = blockLength(bytes, at)
    if (length === undefined) return undefined
    isLast = ((bytes[at] ?? 0) & 1) === 1
    at += length
  }
  if ((descriptor & 4) !== 0) at += 4
  return at <= bytes.length ? at : undefined
}

/** @since 0.1.0 */
export const fromPackage = (fzstd: Fzstd): Zstd => zstdOf(byPackage(fzstd))

/** The runtime's own, which is several times as fast as any other. @since 0.1.0 */
export const runtimeZstd: Zstd | undefined = native === undefined ? undefined : zstdOf(byRuntime(native))

let known: Zstd | undefined = runtimeZstd

/** Returns the decompressor if it is there already. @since 0.1.0 */
export const zstdNow = (): Zstd | undefined => known

/** The package's name, put together so that bundlers do not look for it: it may not be installed. */
const NAME = ["fz", "std"].join("")

/** The decompressor. Fails if there is none. @since 0.1.0 */
export const zstd: Effect.Effect<Zstd, Malformed> = Effect.suspend(() =>
  known === undefined
    ? Effect.map(
        library<Fzstd>(NAME, `decompresses zstd where the runtime does not, as Node 20`, () => import(NAME)),
        (fzstd) => {
          known = fromPackage(fzstd)
          return known
        }
      )
    : Effect.succeed(known)
)
