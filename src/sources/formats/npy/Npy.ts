/**
 * NumPy's files of one array.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { whole } from "../../../core/Check.ts"
import { textOf } from "../../../core/Options.ts"
import { Made } from "../../../core/Parameters.ts"
import type { Tensor } from "../../../core/Tensor.ts"
import type { Format } from "../Format.ts"
import { formatOptions } from "../FormatOptions.ts"
import { lazy } from "../Lazy.ts"
import type { NpyConfig } from "./Read.ts"

/** How an array is read. @category options @since 0.1.0 */
export interface NpyOptions<F extends string = "array"> {
  /** The field of a row that holds its part of the array. Default `"array"`. */
  readonly field?: F
  /** About how many bytes are read and decoded in one go; a larger row is a block of its own. Default 2^20. */
  readonly blockBytes?: number
  /** The most bytes that an array in Fortran order may have, which can only be read whole. Default 2^28. */
  readonly maxBlockBytes?: number
}

/** What an array's row holds: a number, bigint or boolean if the array has one axis, else a tensor. @category models @since 0.1.0 */
export type Cell = number | bigint | boolean | Tensor

/**
 * Files of one NumPy array (`np.save`), versions 1 to 3, in C or Fortran order, of either byte order. Its rows are those of
 * its first axis: `{ array: value }`.
 *
 * | dtype | becomes |
 * |---|---|
 * | `int8` … `int64`, `uint8` … `uint64`, `float32`, `float64` | the typed array of that name; of one axis numbers, or bigints of 64 bits |
 * | `bool` | booleans; of more than one axis uint8 |
 * | `float16` | float32, exact |
 * | text, times, complex numbers, `float128`, structured types, Python objects | `ShardError`, with what to save instead |
 *
 * Throws `InvalidOption` if an option is invalid. Reading fails with `ShardError` for a file that is damaged, cut short,
 * longer than its array, or has no first axis.
 *
 * @example
 * import { Format } from "furrow"
 *
 * const tokens = Format.npy({ field: "tokens" }) // rows: { tokens }
 * console.assert(tokens.name === "npy")
 *
 * @category constructors
 * @since 0.1.0
 */
export const npy = <const F extends string = "array">(
  options: NpyOptions<F> = {}
): Format<{ readonly [K in F]: Cell }> => {
  formatOptions("Format.npy", options, { field: true, blockBytes: true, maxBlockBytes: true })
  const config: NpyConfig = {
    field: textOf("field", options.field ?? "array", "the name of a field"),
    blockBytes: whole("blockBytes", options.blockBytes ?? 2 ** 20, 1),
    maxBlockBytes: whole("maxBlockBytes", options.maxBlockBytes ?? 2 ** 28, 1)
  }
  return {
    name: "npy",
    made: new Made("npy", { field: config.field, blockBytes: config.blockBytes }),
    endings: [".npy"],
    scans: false,
    hasColumns: true,
    index: (shard) => Effect.flatMap(code.get, ({ index }) => index(shard, config)),
    decode: (bytes, block, place) => code.use(({ decode }) => decode(bytes, block, place, config)),
    shared: Effect.map(code.get, ({ shared }) => shared(config))
  }
}

/** The code that reads arrays, which is loaded with the first shard. */
const code = lazy(() => import("./Read.ts"))
