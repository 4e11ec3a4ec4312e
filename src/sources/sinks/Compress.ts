/**
 * Compresses blocks of rows: each is a member of gzip, or a frame of zstd, of its own, so that readers can begin at it.
 *
 * @since 0.1.0
 */
import * as zlib from "node:zlib"
import * as Effect from "effect/Effect"
import { SinkError } from "./SinkError.ts"

/** How shards are compressed. @category models @since 0.1.0 */
export type SinkCompression = "none" | "gzip" | "zstd"

/** What the names of shards end with, beyond their format. @since 0.1.0 */
export const endings: Readonly<Record<SinkCompression, string>> = { none: "", gzip: ".gz", zstd: ".zst" }

// Node 20 has no such function, whatever the types of later versions say.
const zstd: typeof zlib.zstdCompress | undefined = zlib.zstdCompress

const failed = (location: string, cause: unknown): SinkError =>
  new SinkError({ location, kind: "library", reason: "a block could not be compressed", cause })

/** Compresses, by threads of the runtime, so that blocks of one shard are compressed side by side. @since 0.1.0 */
export const compress = (
  compression: Exclude<SinkCompression, "none">,
  level: number | undefined,
  location: string
): ((plain: Uint8Array) => Effect.Effect<Uint8Array, SinkError>) => {
  const done =
    (resume: (result: Effect.Effect<Uint8Array, SinkError>) => void) =>
    (error: Error | null, bytes: Uint8Array): void => {
      resume(error === null ? Effect.succeed(bytes) : Effect.fail(failed(location, error)))
    }
  if (compression === "gzip") {
    const options = level === undefined ? {} : { level }
    return (plain) => Effect.async((resume) => zlib.gzip(plain, options, done(resume)))
  }
  if (zstd === undefined) {
    const reason = "this runtime cannot write zstd: run it on Bun, Deno, or Node 22.15 and later, or use gzip"
    return () => Effect.fail(new SinkError({ location, kind: "library", reason }))
  }
  const { ZSTD_c_compressionLevel } = zlib.constants
  const options = level === undefined ? {} : { params: { [ZSTD_c_compressionLevel]: level } }
  return (plain) => Effect.async((resume) => zstd(plain, options, done(resume)))
}
