/**
 * NumPy's archives of arrays.
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
import type { NpzConfig } from "./Read.ts"

/** Which arrays of an archive are read. @category options @since 0.1.0 */
export interface NpzOptions<C extends string = string> {
  /** The arrays that a row has its part of, in this order. Only their bytes are read. Default: all, in the archive's order; it has nothing else then. */
  readonly columns?: ReadonlyArray<C>
  /** About how many bytes are read and decoded in one go; a larger row is a block of its own. Default 2^20. */
  readonly blockBytes?: number
  /** The most bytes that arrays may have together of which one is deflated or in Fortran order. Default 2^28. */
  readonly maxBlockBytes?: number
}

/**
 * NumPy's archives (`np.savez`, `np.savez_compressed`), whose rows are those of the arrays' first axes: `{ name: value, … }`.
 * All arrays that are read have as many. Element types become what {@link npy} says.
 *
 * Stored arrays are read by blocks of rows. A deflated array, and one in Fortran order, can only be read whole: then the
 * archive is one block, which has to fit in `maxBlockBytes`.
 *
 * Throws `InvalidOption` if an option is invalid. Reading fails with `ShardError` for a file that is damaged, cut short,
 * encrypted, or in several parts, for arrays of different lengths, and as {@link npy} does. Checksums are checked where an
 * archive is one block.
 *
 * @example
 * import { Format } from "furrow"
 *
 * const pairs = Format.npz({ columns: ["image", "label"] }) // rows: { image, label }
 * console.assert(pairs.name === "npz")
 *
 * @category constructors
 * @since 0.1.0
 */
export const npz = <const C extends string = string>(
  options: NpzOptions<C> = {}
): Format<{ readonly [K in C]: Cell }> => {
  optionsOf("Format.npz", options, { columns: true, blockBytes: true, maxBlockBytes: true })
  const config: NpzConfig = {
    columns: options.columns === undefined ? undefined : columnsOf(options.columns),
    blockBytes: whole("blockBytes", options.blockBytes ?? 2 ** 20, 1),
    maxBlockBytes: whole("maxBlockBytes", options.maxBlockBytes ?? 2 ** 28, 1)
  }
  return {
    name: "npz",
    made: new Made("npz", { columns: config.columns, blockBytes: config.blockBytes }),
    scans: false,
    index: (shard) => Effect.flatMap(code.get, ({ index }) => index(shard, config)),
    decode: (bytes, block, place) => code.use(({ decode }) => decode(bytes, block, place))
  }
}

/** The code that reads archives, which is loaded with the first shard. */
const code = lazy(() => import("./Read.ts"))
