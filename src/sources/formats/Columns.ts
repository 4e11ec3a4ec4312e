/**
 * A decoded block of columns, and the rows of it.
 *
 * @since 0.1.0
 */
import { setField } from "../../core/Options.ts"
import { giveBack } from "../../core/ReadBuffers.ts"
import { Tensor, type TypedArray } from "../../core/Tensor.ts"
import type { TensorColumn } from "../Columnar.ts"
import type { Element } from "./Elements.ts"
import type { BlockColumn, DecodedBlock } from "./Format.ts"

/** A column that lies in memory as a whole. `Booleans` are 0 and 1 there. @since 0.1.0 */
export type StoredColumn =
  | Exclude<BlockColumn, { readonly _tag: "Cells" }>
  | { readonly _tag: "Booleans"; readonly data: TypedArray }

/** Stored columns by their fields. @since 0.1.0 */
export type StoredColumns = ReadonlyMap<string, StoredColumn>

/**
 * Returns the block of these columns. A row is a record by the rules of `Dataset.fromColumns`. With `release`, which gives back
 * the columns' memory, rows own what they hold; without, they are views of it.
 *
 * @since 0.1.0
 */
export const blockOf = <Row>(stored: StoredColumns, size: number, release?: () => void): DecodedBlock<Row> => {
  const keys = Array.from(stored.keys())
  const columns = new Map(Array.from(stored, ([name, column]) => [name, blockColumn(column)] as const))
  const cells = Array.from(columns.values(), (column) => cellOf(column, release !== undefined))
  // Assignment is twice as fast, and the row of every sample is made so.
  const isAssigned = !keys.includes("__proto__")
  let bytes = 0
  for (const { data } of stored.values()) bytes += data.byteLength
  return {
    size,
    columns,
    bytes,
    release,
    row: (place) => {
      const row: Record<string, unknown> = {}
      for (let at = 0; at < keys.length; at++) {
        const key = keys[at] as string // one a cell
        const value = (cells[at] as Cell)(place) // as above
        if (isAssigned) row[key] = value
        else setField(row, key, value)
      }
      return row as Row // the caller says what its columns' rows are
    }
  }
}

/**
 * Returns the block of columns that were made of `bytes`, whose memory is given back with the block, or at once if no column
 * lies there. Rows own what they hold.
 *
 * @since 0.1.0
 */
export const blockIn = <Row>(bytes: Uint8Array, stored: StoredColumns, size: number): DecodedBlock<Row> => {
  const isHeld = Array.from(stored.values()).some(({ data }) => data.buffer === bytes.buffer)
  if (!isHeld) giveBack(bytes)
  return blockOf(stored, size, () => giveBack(bytes))
}

/** The column of an array `[rows, …]`: of one axis numbers, or booleans if it holds such. @since 0.1.0 */
export const columnOf = ({ data, shape }: Tensor, { isBoolean }: Element): StoredColumn => {
  const [, ...rest] = shape
  if (rest.length > 0) return tensorsOf(data, rest)
  return { _tag: isBoolean === true ? "Booleans" : "Numbers", data }
}

const blockColumn = (column: StoredColumn): BlockColumn => {
  if (column._tag !== "Booleans") return column
  const { data } = column
  return { _tag: "Cells", cell: (place) => Number(data[place]) !== 0 }
}

/** The column of tensors of one shape that lie one behind the other. @since 0.1.0 */
export const tensorsOf = (data: TypedArray, shape: ReadonlyArray<number>): TensorColumn => ({
  _tag: "Tensors",
  data,
  shape,
  width: shape.reduce((product, axis) => product * axis, 1)
})

type Cell = (place: number) => unknown

const cellOf = (column: BlockColumn, owns: boolean): Cell => {
  if (column._tag === "Cells") return column.cell
  const { data } = column
  if (column._tag === "Numbers") return (place) => data[place]
  const { shape, width } = column
  if (owns) return (place) => new Tensor(data.slice(place * width, (place + 1) * width), shape)
  return (place) => new Tensor(data.subarray(place * width, (place + 1) * width), shape)
}
