/**
 * The rows and columns of Arrow arrays, which are the columns of a block.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type { TypedArray } from "../../../core/Tensor.ts"
import type { StoreError } from "../../store/Store.ts"
import { tensorsOf } from "../Columns.ts"
import type { Block, BlockColumn, BlockPlace, DecodedBlock, ShardError, SharedDecode } from "../Format.ts"
import { located, shardError, type Where, whereOf } from "../Located.ts"
import { Malformed } from "../Malformed.ts"
import { type ArrowArray, childOf, eachBuffer, isNumeric, offsetsOf } from "./ArrowArray.ts"
import { arraysIn, partsOf } from "./ArrowParts.ts"
import { type Cell, cellsOf, decodedAsWhole, recordOf } from "./Cells.ts"
import { type CellOptions, InexactNumber, isConverted, numbersAs } from "./Numbers.ts"

/** A row of a table: a value for each column by its name, as the table in `docs/formats.md` has them. @category models @since 0.1.0 */
export type TableRow = Readonly<Record<string, unknown>>

/**
 * Returns the rows of sound arrays, all of `size` values; rows own what they hold. `release` gives back the memory of the
 * arrays. An integer that is to be a number and is not exact is an error of its row. Throws {@link Malformed} for fields of
 * one name in a struct, and for other values that have no such form in JavaScript as is asked for.
 *
 * @since 0.1.0
 */
export const blockOf = (
  arrays: ReadonlyArray<ArrowArray>,
  size: number,
  options: CellOptions,
  where: Where,
  release?: () => void
): DecodedBlock<TableRow> => {
  const names = arrays.map(({ field }) => field.name)
  const byRow = new Set<ArrowArray>()
  const cells = arrays.map((array) => {
    try {
      return cellsOf(array, options)
    } catch (thrown) {
      if (!(thrown instanceof InexactNumber)) throw thrown
      byRow.add(array)
      return cellsByRow(array, options, where)
    }
  })
  let columns: ReadonlyMap<string, BlockColumn> | undefined
  return {
    size,
    row: recordOf(names, cells),
    /** Made when they are first asked for: they need a look at the offsets of lists. */
    get columns() {
      columns ??= new Map(
        arrays.map((array, place): readonly [string, BlockColumn] => {
          const cell = cells[place] as Cell // as many as arrays
          return [array.field.name, byRow.has(array) ? { _tag: "Cells", cell } : columnOf(array, size, cell, options)]
        })
      )
      return columns
    },
    bytes: arrays.reduce((sum, array) => sum + bytesOf(array, options), 0),
    release
  }
}

/** Gives what `use` makes of the columns of a block, or an effect that does. */
type WithArrays = <A>(
  bytes: Uint8Array,
  block: Block,
  place: BlockPlace,
  use: (arrays: ReadonlyArray<ArrowArray>) => A
) => A | Effect.Effect<A, ShardError | StoreError>

/** The values of an array some of whose integers are not exact as numbers: each is converted when its row is made. */
const cellsByRow = (array: ArrowArray, options: CellOptions, where: Where): Cell => {
  const cell = cellsOf(array, { ...options, int64: "row by row" })
  return (row) => {
    try {
      return cell(row)
    } catch (thrown) {
      throw thrown instanceof InexactNumber ? shardError(where, new Malformed(thrown.message, { row })) : thrown
    }
  }
}

/** How threads share blocks of Arrow arrays. @since 0.1.0 */
export const sharedTables = (format: string, options: CellOptions, withArrays: WithArrays): SharedDecode<TableRow> => ({
  unpack: (bytes, block, place) => withArrays(bytes, block, place, (arrays) => partsOf(arrays, options)),
  view: (parts, block, place) => {
    const where = whereOf(format, block, place)
    return located(where, () => blockOf(arraysIn(parts), block.rows, { ...options, isShared: true }, where))
  }
})

/** A column: as it lies in memory where all rows are numbers, or lists of as many numbers. */
const columnOf = (array: ArrowArray, size: number, cell: Cell, options: CellOptions): BlockColumn => {
  if (array.nulls === 0) {
    if (isNumeric(array)) return { _tag: "Numbers", data: numbersAs(array, options) }
    const lists = array.dictionary === undefined ? listsOf(array, size, options) : undefined
    if (lists !== undefined) return lists
  }
  return { _tag: "Cells", cell }
}

const listsOf = (array: ArrowArray, size: number, options: CellOptions): BlockColumn | undefined => {
  const { type } = array
  if (type.kind !== "list" && type.kind !== "fixedList") return undefined
  const child = childOf(array, 0)
  if (!isNumeric(child) || child.nulls > 0) return undefined
  if (type.kind === "fixedList") return rowsFrom(numbersAs(child, options), array.offset * type.size, size, type.size)
  const offsets = offsetsOf(array)
  const first = offsets[0] ?? 0
  const width = (offsets[1] ?? first) - first
  for (let row = 1; row <= size; row++) if (offsets[row] !== first + row * width) return undefined
  return rowsFrom(numbersAs(child, options), first, size, width)
}

const rowsFrom = (numbers: TypedArray, start: number, size: number, width: number): BlockColumn =>
  tensorsOf(numbers.subarray(start, start + size * width), [width])

/** What an array takes in memory, without its dictionary, which is its shard's, and with what is made of it for rows. */
const bytesOf = (array: ArrowArray, options: CellOptions): number => {
  let sum = madeOf(array, options)
  eachBuffer(array, (bytes) => {
    sum += bytes.byteLength
  })
  return sum
}

/** Numbers of another type than they lie in memory, and the text of which short texts are cut. */
const madeOf = (array: ArrowArray, options: CellOptions): number => {
  let sum = 0
  for (const child of array.children) sum += madeOf(child, options)
  const { length, type } = array
  if (isNumeric(array) && isConverted(type, options)) sum += length * (type.kind === "float" ? 4 : 8)
  if (type.kind === "utf8") sum += decodedAsWhole(array, options)
  return sum
}
