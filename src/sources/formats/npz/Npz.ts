/**
 * NumPy's archives of arrays.
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

/** Which arrays of an archive are read. @category options @since 0.1.0 */
export interface NpzOptions<C extends string = string> {
  /** The arrays that a row has its part of, in this order. Only their bytes are read. Default: all, in the archive's order; it has nothing else then. */
  readonly columns?: ReadonlyArray<C>
  /**
   * `"row"`: a sample is a row of each array, so all that are read have as many. `"file"`: an archive is one sample, with its
   * arrays as a whole. Default: `"row"` if all that are read have as many rows, else `"file"`.
   */
  readonly sample?: SampleOf
  /** About how many bytes are read and decoded in one go; a larger row is a block of its own. Default 2^20. */
  readonly blockBytes?: number
  /**
   * The most bytes that arrays may have together that are read as a whole: one of them is deflated or in Fortran order, or
   * the archive is a sample. Default 2^28.
   */
  readonly maxBlockBytes?: number
}

/**
 * NumPy's archives (`np.savez`, `np.savez_compressed`): `{ name: value, … }`, a sample for each row of the arrays' first axes,
 * or one for each archive; see `sample`. Element types become what {@link npy} says.
 *
 * Stored arrays are read by blocks of rows. A deflated array, and one in Fortran order, can only be read whole: then the
 * archive is one block, which has to fit in `maxBlockBytes`.
 *
 * Throws `InvalidOption` if an option is invalid. Reading fails with `ShardError` for a file that is damaged, cut short,
 * encrypted, or in several parts, for arrays of different lengths where
 * a sample is a row, and as {@link npy} does. Checksums are checked where an
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
  const config = arrayConfig("Format.npz", options)
  return {
    name: "npz",
    made: new Made("npz", { columns: config.columns, sample: config.sample, blockBytes: config.blockBytes }),
    endings: [".npz"],
    scans: false,
    hasColumns: true,
    index: (shard) => Effect.flatMap(code.get, ({ index }) => index(shard, config)),
    decode: (bytes, block, place) => code.use(({ decode }) => decode(bytes, block, place)),
    shared: Effect.map(code.get, ({ shared }) => shared())
  }
}

/** The code that reads archives, which is loaded with the first shard. */
const code = lazy(() => import("./Read.ts"))
