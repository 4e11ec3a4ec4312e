/**
 * WebDataset's shards: tars in which the files of a sample follow one another.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { whole } from "../../../core/Check.ts"
import { Made, type Parameters, type ParametersOption, valid } from "../../../core/Parameters.ts"
import type { Format } from "../Format.ts"
import { formatOptions } from "../FormatOptions.ts"
import { lazy } from "../Lazy.ts"
import { chosenOf, type Decoded, type Decoder } from "./Decoder.ts"
import type { TarConfig } from "./Read.ts"

/** How a tar's samples are read. @category options @since 0.1.0 */
export interface TarOptions<
  F extends Readonly<Record<string, Decoder>> = Readonly<Record<string, Decoder>>,
  O extends keyof F & string = never
> extends ParametersOption {
  /**
   * The files that a sample has, by extension (all behind the first dot, in lower case), and what becomes of each. A row has
   * these and no others; a sample that lacks one is a `ShardError`. Default: every file, by its extension.
   */
  readonly fields?: F
  /** Extensions of `fields` that a sample may lack. Default none. */
  readonly optional?: ReadonlyArray<O>
  /** About how many bytes of the archive are read and decoded in one go; a larger sample is a block of its own. Default 2^22. */
  readonly blockBytes?: number
  /** The most bytes that a block may have, or that a gzipped archive may unpack to. Default 2^28. */
  readonly maxBlockBytes?: number
}

/** A sample with all of its files, by extension. @category models @since 0.1.0 */
export interface TarRow {
  /** What the names of its files have in common. */
  readonly __key__: string
  readonly [extension: string]: unknown
}

/** A sample with the files that were chosen. @category models @since 0.1.0 */
export type TarFields<F, O> = { readonly __key__: string } & {
  readonly [K in keyof F as K extends O ? never : K]: Decoded<F[K]>
} & { readonly [K in keyof F as K extends O ? K : never]?: Decoded<F[K]> }

/**
 * WebDataset's tars: ustar, pax, GNU and V7, and gzipped ones. Files that follow one another and share all of their name up
 * to the first dot of its last part are a sample; the rest of the name, in lower case, is the field that the file's content
 * stands under. Folders, files without an extension and hidden files are left out, as WebDataset does.
 *
 * Without `fields` a row has all files of its sample, each decoded by the last part of its extension, as WebDataset's own
 * decoders do:
 *
 * | extension | value |
 * |---|---|
 * | `json`, `jsn` | the value of the JSON |
 * | `txt`, `text`, `transcript` | string, from UTF-8 |
 * | `cls`, `cls2`, `class`, `count`, `index`, `inx`, `id` | number, a whole one |
 * | `npy` | `Tensor`, as `Format.npy` reads it |
 * | any other | `Uint8Array` |
 *
 * Images stay bytes, for `Decode.image({ field: "png" })` and the other stages that decode: on threads of their own, and only
 * the part that a crop needs.
 *
 * A tar is indexed by one scan of its headers; files of 256 KB and more are skipped, not read. A gzipped one can only be read
 * from its start, so all of it is one block, which has to fit in `maxBlockBytes`; unpacked it would be read block by block.
 *
 * Throws `InvalidOption` if an option is invalid. Reading fails with `ShardError` for headers that are damaged or cut short,
 * an end that is missing or is followed by more, links, devices and sparse files, names that are absolute or climb (`..`),
 * a key that comes back after other samples, two files of one sample with one extension, and content that does not decode.
 *
 * @example
 * import { Format } from "furrow"
 *
 * const photos = Format.tar({ fields: { jpg: "bytes", cls: "integer" } }) // rows: { __key__, jpg, cls }
 * console.assert(photos.name === "tar")
 *
 * @category constructors
 * @since 0.1.0
 */
export function tar(options?: Omit<TarOptions, "fields" | "optional">): Format<TarRow>
export function tar<const F extends Readonly<Record<string, Decoder>>, const O extends keyof F & string = never>(
  options: TarOptions<F, O> & { readonly fields: F }
): Format<TarFields<F, O>>
export function tar(options: TarOptions<Readonly<Record<string, Decoder>>, string> = {}): Format<unknown> {
  const names = { fields: true, optional: true, blockBytes: true, maxBlockBytes: true, parameters: true } as const
  formatOptions("Format.tar", options, names)
  const chosen =
    options.fields === undefined && options.optional === undefined
      ? undefined
      : chosenOf(options.fields, options.optional ?? [])
  const parameters = valid("parameters of Format.tar", options.parameters)
  const hasCode = chosen?.fields.some(([, decoder]) => typeof decoder === "function") === true
  const config: TarConfig = {
    blockBytes: whole("blockBytes", options.blockBytes ?? 2 ** 22, 1),
    maxBlockBytes: whole("maxBlockBytes", options.maxBlockBytes ?? 2 ** 28, 1),
    chosen
  }
  const made: Parameters = {
    blockBytes: config.blockBytes,
    fields: chosen?.fields.map(([extension, decoder]) => [
      extension,
      typeof decoder === "string" ? decoder : "a function"
    ]),
    optional: chosen?.optional,
    parameters
  }
  const unseen = hasCode && parameters === undefined ? "the decoders of Format.tar" : undefined
  return {
    name: "tar",
    made: new Made("tar", made, unseen),
    endings: [".tar", ".tgz"],
    scans: true,
    index: (shard) => Effect.flatMap(code.get, ({ index }) => index(shard, config)),
    decode: (bytes, block, place) => code.use(({ decode }) => decode(bytes, block, place, config)),
    shared: Effect.map(code.get, ({ shared }) => shared(config)),
    locate: (bytes, block, place) => code.use(({ locate }) => locate(bytes, block, place)),
    inOrder: Effect.map(code.get, ({ inOrder }) => inOrder(config))
  }
}

/** The code that reads tars, which is loaded with the first shard. */
const code = lazy(() => import("./Read.ts"))
