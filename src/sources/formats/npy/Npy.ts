/**
 * NumPy's files of one array.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { whole } from "../../../core/Check.ts"
import { optionsOf, textOf } from "../../../core/Options.ts"
import { Made } from "../../../core/Parameters.ts"
import type { Tensor } from "../../../core/Tensor.ts"
import { blockOf } from "../Columns.ts"
import { decodedBytes } from "../Elements.ts"
import { attempt, type Fault, faultOf } from "../Fault.ts"
import type { Block, Format } from "../Format.ts"
import { type ArrayHeader, arrayHeaderOf, arrayOf, checkEnd, HEADER } from "./Layout.ts"

/** How an array is read. @category options @since 0.1.0 */
export interface NpyOptions<F extends string = "array"> {
  /** The field of a row that holds its part of the array. Default `"array"`. */
  readonly field?: F
  /** About how many bytes are read and decoded in one go; a larger row is a block of its own. Default 2^20. */
  readonly blockBytes?: number
  /** The most bytes that an array in Fortran order may have, which can only be read whole. Default 2^28. */
  readonly maxBlockBytes?: number
}

/** What an array's row holds: a number if the array has one axis (bigint for 64-bit integers), else a tensor. @since 0.1.0 */
export type Cell = number | bigint | Tensor

/**
 * Files of one NumPy array (`np.save`), versions 1 to 3, in C or Fortran order, of either byte order. Its rows are those of
 * its first axis: `{ array: value }`.
 *
 * | dtype | becomes |
 * |---|---|
 * | `int8` … `int64`, `uint8` … `uint64`, `float32`, `float64` | the typed array of that name; of one axis numbers, or bigints of 64 bits |
 * | `bool` | uint8, 0 and 1 |
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
  optionsOf("Format.npy", options, { field: true, blockBytes: true, maxBlockBytes: true })
  const field = textOf("field", options.field ?? "array", "the name of a field")
  const blockBytes = whole("blockBytes", options.blockBytes ?? 2 ** 20, 1)
  const most = whole("maxBlockBytes", options.maxBlockBytes ?? 2 ** 28, 1)
  return {
    name: "npy",
    made: new Made("npy", { field }),
    scans: false,
    index: (shard) =>
      Effect.gen(function* () {
        const { location, size } = shard.info
        const fault = faultOf("npy", location)
        const start = yield* shard.read(0, Math.min(size, HEADER))
        return yield* attempt(() => {
          const header = arrayHeaderOf(start, size, fault)
          checkEnd(header, size, fault)
          return { header, blocks: rowBlocks(header, blockBytes, most, fault) }
        })
      }),
    decode: (bytes, { rows }, { index }) => {
      const { element, isFortran, shape } = index.header as ArrayHeader // by `index`
      const array = arrayOf(bytes, { element, isFortran, shape: [rows, ...shape.slice(1)] })
      return blockOf({ [field]: array }, rows)
    }
  }
}

/**
 * Cuts an array into ranges of rows.
 *
 * @param most the bytes of an array that can only be read whole
 * @since 0.1.0
 */
export const rowBlocks = (header: ArrayHeader, blockBytes: number, most: number, fault: Fault): Array<Block> => {
  const { element, isFortran, length, shape, start } = header
  const [rows] = shape
  if (rows === undefined) throw fault("its array has no axes, so no rows; save an array with one axis or more")
  if (rows === 0) return []
  if (isFortran && shape.length > 1) {
    if (length > most) {
      const reason = `its array is in Fortran order, so it can only be read whole, and has ${length} bytes, more than ${most}`
      throw fault(`${reason}; save np.ascontiguousarray(…), or raise maxBlockBytes`)
    }
    return [{ rows, offset: start, length, bytes: decodedBytes(element, length) }]
  }
  const width = length / rows
  // Rows without elements take no bytes, so one block has them all.
  const each = width === 0 ? rows : Math.max(1, Math.floor(blockBytes / width))
  const blocks: Array<Block> = []
  for (let row = 0; row < rows; row += each) {
    const own = Math.min(each, rows - row)
    const bytes = decodedBytes(element, own * width)
    blocks.push({ rows: own, offset: start + row * width, length: own * width, bytes })
  }
  return blocks
}
