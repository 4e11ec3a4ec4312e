/**
 * Decompresses Zstandard: by the runtime (Bun, Deno, Node from 22.15 on), else by the package `fzstd`.
 *
 * @since 0.1.0
 */
import * as zlib from "node:zlib"
import * as Effect from "effect/Effect"
import { library } from "./LibraryMissing.ts"
import { AGAIN, Malformed } from "./Malformed.ts"

/** Returns the `length` bytes that one frame holds. Throws {@link Malformed} if it holds others. @since 0.1.0 */
export type Zstd = (bytes: Uint8Array, length: number) => Uint8Array

const checked =
  (decompress: (bytes: Uint8Array, length: number) => Uint8Array): Zstd =>
  (bytes, length) => {
    let plain: Uint8Array
    try {
      plain = decompress(bytes, length)
    } catch (cause) {
      throw new Malformed(`bytes compressed by zstd are corrupt, or more than the ${length} they are to be; ${AGAIN}`, {
        cause
      })
    }
    if (plain.length === length) return plain
    throw new Malformed(`bytes compressed by zstd are ${plain.length}, not ${length}; ${AGAIN}`)
  }

// Node 20 has no such function, whatever the types of later versions say.
const native: typeof zlib.zstdDecompressSync | undefined = zlib.zstdDecompressSync

let known: Zstd | undefined =
  native === undefined ? undefined : checked((bytes, length) => native(bytes, { maxOutputLength: length }))

/** Returns the decompressor if it is there already. @since 0.1.0 */
export const zstdNow = (): Zstd | undefined => known

interface Fzstd {
  readonly decompress: (bytes: Uint8Array, output: Uint8Array) => Uint8Array
}

/** The package's name, put together so that bundlers do not look for it: it may not be installed. */
const NAME = ["fz", "std"].join("")

/** The decompressor. Fails if there is none. @since 0.1.0 */
export const zstd: Effect.Effect<Zstd, Malformed> = Effect.suspend(() =>
  known === undefined
    ? Effect.map(
        library<Fzstd>(NAME, `decompresses zstd where the runtime does not, as Node 20`, () => import(NAME)),
        (fzstd) => {
          known = checked((bytes, length) => fzstd.decompress(bytes, new Uint8Array(length)))
          return known
        }
      )
    : Effect.succeed(known)
)
