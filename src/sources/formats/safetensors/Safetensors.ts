/**
 * Files of tensors, as Hugging Face's models and their caches of features are kept.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { Made } from "../../../core/Parameters.ts"
import { arrayConfig } from "../ArrayOptions.ts"
import type { SampleOf } from "../Arrays.ts"
import type { Format } from "../Format.ts"
import { lazy } from "../Lazy.ts"
import type { Cell } from "../npy/Npy.ts"

/** Which tensors are read. @category options @since 0.1.0 */
export interface SafetensorsOptions<C extends string = string> {
  /** The tensors that a row has its part of, in this order. Only their bytes are read. Default: all, in the file's order. */
  readonly columns?: ReadonlyArray<C>
  /**
   * `"row"`: a sample is a row of each tensor, so all that are read have as many. `"file"`: a file is one sample, with its
   * tensors as a whole. Default: `"row"` if all that are read have as many rows, else `"file"`, as with a model's weights.
   */
  readonly sample?: SampleOf
  /** About how many bytes are read and decoded in one go; a larger row is a block of its own. Default 2^20. */
  readonly blockBytes?: number
  /** The most bytes that the tensors of a sample may have that is a file. Default 2^28. */
  readonly maxBlockBytes?: number
}

/**
 * Files of tensors: `{ name: value, … }`, a sample for each row of their first axes, or one for each file; see `sample`.
 *
 * | dtype | becomes |
 * |---|---|
 * | `I8` … `I64`, `U8` … `U64`, `F32`, `F64` | the typed array of that type; a row of one axis is a number, or a bigint of 64 bits |
 * | `BOOL` | uint8, 0 and 1; a row of one axis is a boolean |
 * | `F16`, `BF16`, `F8_E5M2`, `F8_E4M3`, `F8_E8M0` | float32, exact |
 *
 * Throws `InvalidOption` if an option is invalid. Reading fails with `ShardError` for a header that is not as said, tensors
 * that overlap, leave gaps or are not as long as their shape, a file that is cut short, types of less than a byte, and,
 * where a sample is a row, tensors of different lengths.
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
  const config = arrayConfig("Format.safetensors", options)
  return {
    name: "safetensors",
    made: new Made("safetensors", { columns: config.columns, sample: config.sample, blockBytes: config.blockBytes }),
    endings: [".safetensors"],
    scans: false,
    hasColumns: true,
    index: (shard) => Effect.flatMap(code.get, ({ index }) => index(shard, config)),
    decode: (bytes, block, place) => code.use(({ decode }) => decode(bytes, block, place)),
    shared: Effect.map(code.get, ({ shared }) => shared())
  }
}

/** The code that reads tensors, which is loaded with the first shard. */
const code = lazy(() => import("./Read.ts"))
