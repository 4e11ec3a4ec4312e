/**
 * The bodies of frames as zstd, for networks that are slower than compressing: who reads frames asks for it, and who sends them
 * chooses for each frame.
 *
 * @since 0.1.0
 */
import * as zlib from "node:zlib"
import { InvalidOption } from "../core/InvalidOption.ts"
import { runtime } from "../core/runtime.ts"
import { runtimeZstd } from "../sources/formats/Zstd.ts"

/** How bodies may come. @category options @since 0.1.0 */
export type Compression = "none" | "zstd"

/** The level of zstd: the fastest one, since a body is compressed while somebody waits for it. @since 0.1.0 */
export const LEVEL = 1

/** Returns an option's value. Throws `InvalidOption` if it is none, or is zstd on a runtime that lacks it. @since 0.1.0 */
export const compressionOf = (
  value: Compression | undefined,
  hasZstd: boolean = runtimeZstd !== undefined
): Compression => {
  if (value === undefined || value === "none") return "none"
  if (value !== "zstd") throw new InvalidOption({ option: "compression", value, expected: '"none" or "zstd"' })
  if (hasZstd) return value
  const expected = `"none": ${runtime.name} ${runtime.version} has no zstd, which Bun, Deno, and Node from 22.15 on have`
  throw new InvalidOption({ option: "compression", value, expected })
}

/** What both sides of a connection can do. @since 0.1.0 */
export const agreed = (asked: unknown): Compression =>
  asked === "zstd" && compressNatively !== undefined ? "zstd" : "none"

// Node 20 has no such function, whatever the types of later versions say.
const compressNatively: typeof zlib.zstdCompress | undefined = zlib.zstdCompress

/** Shorter bodies are sent as they are. */
const SHORTEST = 1024

/** How much shorter a body must become, so that it is worth the receiver's time. */
const MOST_OF = 7 / 8

/** The most bodies that are sent as they are after some that did not shrink, before it is tried again. */
const MOST_SKIPPED = 63

/** Compresses the bodies of one connection, as long as that pays. @since 0.1.0 */
export class BodyCompressor {
  /** How many bodies are still to be sent as they are, and how many that was the last time. */
  #skips = 0
  #skipped = 0

  /** Whether a body of so many bytes should be compressed; it counts the bodies, so ask once for each. */
  tries(bytes: number): boolean {
    if (bytes < SHORTEST) return false
    if (this.#skips === 0) return true
    this.#skips--
    return false
  }

  /**
   * Calls `done` with the body as a frame of zstd, or with `undefined` if that is not clearly shorter. A thread of the runtime
   * compresses; the body must stay as it is meanwhile.
   */
  compress(body: Uint8Array, done: (packed: Uint8Array | undefined) => void): void {
    if (compressNatively === undefined) {
      done(undefined)
      return
    }
    const params = { [zlib.constants.ZSTD_c_compressionLevel]: LEVEL }
    // What cannot be compressed, for want of memory, is sent as it is.
    compressNatively(body, { params }, (error, packed) => {
      const pays = error === null && packed.length <= MOST_OF * body.length
      this.#skipped = pays ? 0 : Math.min(2 * this.#skipped + 1, MOST_SKIPPED)
      this.#skips = this.#skipped
      done(pays ? packed : undefined)
    })
  }
}
