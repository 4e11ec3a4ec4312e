/**
 * A decoded block of columns, and the rows of it.
 *
 * @since 0.1.0
 */
import { setField } from "../../core/Options.ts"
import { Tensor } from "../../core/Tensor.ts"
import type { Element } from "./Elements.ts"
import type { DecodedBlock } from "./Format.ts"

/** A column of a block: `[rows, …]`, or an item a row. @since 0.1.0 */
export type BlockColumn = Tensor | ReadonlyArray<unknown>

/**
 * Returns the block of these columns. A row is a record by the rules of `Dataset.fromColumns`: of a tensor of rank 1 a number
 * (bigint for the 64-bit integer types), of one of higher rank a view, of a list its item.
 *
 * @since 0.1.0
 */
export const blockOf = <Row>(columns: Readonly<Record<string, BlockColumn>>, size: number): DecodedBlock<Row> => {
  const keys = Object.keys(columns)
  const cells = keys.map((key) => cellOf(columns[key] as BlockColumn)) // a key of its own
  // Assignment is twice as fast, and the row of every sample is made so.
  const isAssigned = !keys.includes("__proto__")
  let bytes = 0
  for (const column of Object.values(columns)) bytes += "data" in column ? column.data.byteLength : 8 * column.length
  return {
    size,
    columns,
    bytes,
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

/** The column of an array: booleans, where an array of one axis holds such. @since 0.1.0 */
export const columnOf = (array: Tensor, { isBoolean }: Element): BlockColumn =>
  isBoolean === true && array.shape.length === 1
    ? Array.from<number | bigint, boolean>(array.data, (value) => value !== 0)
    : array

type Cell = (place: number) => unknown

const cellOf = (column: BlockColumn): Cell => {
  if (!("data" in column)) return (place) => column[place]
  const { data, shape } = column
  const [, ...rest] = shape
  if (rest.length === 0) return (place) => data[place]
  const width = rest.reduce((product, axis) => product * axis, 1)
  return (place) => new Tensor(data.subarray(place * width, (place + 1) * width), rest)
}
