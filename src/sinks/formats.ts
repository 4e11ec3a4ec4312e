/**
 * The sinks of each format.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { whole } from "../core/Check.ts"
import { InvalidOption } from "../core/InvalidOption.ts"
import { optionsOf } from "../core/Options.ts"
import { Made } from "../core/Parameters.ts"
import { compress, endings, type SinkCompression } from "../sources/sinks/Compress.ts"
import { jsonlEncoder } from "../sources/sinks/jsonl/Write.ts"
import { make, NAMES, type Sink, type SinkOptions } from "./SinkValue.ts"

/** @category options @since 0.1.0 */
export interface CompressedSinkOptions extends SinkOptions {
  /** Default `"none"`. Each block is a member of gzip, or a frame of zstd, of its own. */
  readonly compression?: SinkCompression
  /** How hard it is compressed: 0 to 9 for gzip, 1 to 22 for zstd. Default: 6, and 3. */
  readonly level?: number
  /** How many bytes a block has, before compression: what readers unpack to get at one row. Default 2^20. */
  readonly blockBytes?: number
}

/** @category options @since 0.1.0 */
export interface JsonlSinkOptions extends CompressedSinkOptions {}

const COMPRESSED = { ...NAMES, compression: true, level: true, blockBytes: true } as const

const compressionOf = (
  location: string,
  { blockBytes = 2 ** 20, compression = "none", level }: CompressedSinkOptions
) => {
  if (!Object.hasOwn(endings, compression)) {
    const expected = '"none", "gzip" or "zstd"'
    throw new InvalidOption({ option: "compression", value: compression, expected })
  }
  const own =
    level === undefined
      ? undefined
      : whole("level", level, compression === "zstd" ? 1 : 0, compression === "zstd" ? 22 : 9)
  return {
    ending: endings[compression],
    parameters: { compression, level: own, blockBytes },
    config: {
      blockBytes: whole("blockBytes", blockBytes, 1, 2 ** 28),
      pack: compression === "none" ? undefined : compress(compression, own, location)
    }
  }
}

/**
 * Writes JSON Lines, `shard-00000.jsonl`, a row a line. Typed arrays and tensors become lists, bytes `{"$bytes": base64}`,
 * integers beyond 2^53 `{"$bigint": digits}`, times ISO 8601. What JSON would read back as something else (NaN, infinities,
 * objects of classes) is a {@link SinkError} of its row. Throws `InvalidOption`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const jsonl = (location: string, options: JsonlSinkOptions = {}): Sink => {
  optionsOf("Sink.jsonl", options, COMPRESSED)
  const { config, ending, parameters } = compressionOf(location, options)
  const encoder = Effect.sync(() => jsonlEncoder(config))
  const format = {
    name: "jsonl",
    made: new Made("jsonl", parameters),
    ending: `.jsonl${ending}`,
    encoder: () => encoder
  }
  return make("Sink.jsonl", location, format, options)
}
