/**
 * Files of tensors, as Hugging Face's models and their caches of features are kept.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { whole } from "../../../core/Check.ts"
import { optionsOf } from "../../../core/Options.ts"
import { Made } from "../../../core/Parameters.ts"
import { columnsOf } from "../ColumnNames.ts"
import type { Format } from "../Format.ts"
import { lazy } from "../Lazy.ts"
import type { Cell } from "../npy/Npy.ts"
import type { SafetensorsConfig } from "./Read.ts"

/** Which tensors are read. @category options @since 0.1.0 */
export interface SafetensorsOptions<C extends string = string> {
  /** The tensors that a row has its part of, in this order. Only their bytes are read. Default: all, in the file's order. */
  readonly columns?: ReadonlyArray<C>
  /** About how many bytes are read and decoded in one go; a larger row is a block of its own. Default 2^20. */
  readonly blockBytes?: number
}

/**
 * Files of tensors, whose rows are those of the tensors' first axes: `{ name: value, … }`. All that are read have as many.
 *
 * | dtype | becomes |
 * |---|---|
 * | `I8` … `I64`, `U8` … `U64`, `F32`, `F64` | the typed array of that type; of one axis numbers, or bigints of 64 bits |
 * | `BOOL` | booleans; of more than one axis uint8 |
 * | `F16`, `BF16`, `F8_E5M2`, `F8_E4M3`, `F8_E8M0` | float32, exact |
 *
 * Throws `InvalidOption` if an option is invalid. Reading fails with `ShardError` for a header that is not as said, tensors
 * that overlap, leave gaps or are not as long as their shape, a file that is cut short, types of less than a byte, and
 * tensors of different lengths.
 *
 * @example
 * import { Format } from "furrow"
 *
 * const features = Format.safetensors({ columns: ["hidden", "label"] }) // rows: { hidden, label }
 * console.assert(features.name === "safetensors")
 *
 * @category constructors
 * @since 0.1.0
 */
export const safetensors = <const C extends string = string>(
  options: SafetensorsOptions<C> = {}
): Format<{ readonly [K in C]: Cell }> => {
  optionsOf("Format.safetensors", options, { columns: true, blockBytes: true })
  const config: SafetensorsConfig = {
    columns: options.columns === undefined ? undefined : columnsOf(options.columns),
    blockBytes: whole("blockBytes", options.blockBytes ?? 2 ** 20, 1)
  }
  return {
    name: "safetensors",
    made: new Made("safetensors", { ...config }),
    scans: false,
    index: (shard) => Effect.flatMap(code.get, ({ index }) => index(shard, config)),
    decode: (bytes, block, place) => code.use(({ decode }) => decode(bytes, block, place))
  }
}

/** The code that reads tensors, which is loaded with the first shard. */
const code = lazy(() => import("./Read.ts"))
