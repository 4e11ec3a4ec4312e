/**
 * A decoded block of columns, and the rows of it.
 *
 * @since 0.1.0
 */
import { setField } from "../../core/Options.ts"
import { Tensor } from "../../core/Tensor.ts"
import type { Element } from "./Elements.ts"
import type { BlockColumn, DecodedBlock } from "./Format.ts"

/** Returns the block of these columns. A row is a record by the rules of `Dataset.fromColumns`. @since 0.1.0 */
export const blockOf = <Row>(columns: ReadonlyMap<string, BlockColumn>, size: number): DecodedBlock<Row> => {
  const keys = Array.from(columns.keys())
  const cells = Array.from(columns.values(), cellOf)
  // Assignment is twice as fast, and the row of every sample is made so.
  const isAssigned = !keys.includes("__proto__")
  let bytes = 0
  for (const column of columns.values()) bytes += column._tag === "Cells" ? 8 * size : column.data.byteLength
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

/** The column of an array `[rows, …]`: of one axis numbers, or booleans if it holds such. @since 0.1.0 */
export const columnOf = ({ data, shape }: Tensor, { isBoolean }: Element): BlockColumn => {
  const [, ...rest] = shape
  if (rest.length > 0) return tensorsOf(data, rest)
  return isBoolean === true ? { _tag: "Cells", cell: (place) => Number(data[place]) !== 0 } : { _tag: "Numbers", data }
}

/** The column of tensors of one shape that lie one behind the other. @since 0.1.0 */
export const tensorsOf = (data: Tensor["data"], shape: ReadonlyArray<number>): BlockColumn => ({
  _tag: "Tensors",
  data,
  shape,
  width: shape.reduce((product, axis) => product * axis, 1)
})

type Cell = (place: number) => unknown

const cellOf = (column: BlockColumn): Cell => {
  if (column._tag === "Cells") return column.cell
  const { data } = column
  if (column._tag === "Numbers") return (place) => data[place]
  const { shape, width } = column
  return (place) => new Tensor(data.subarray(place * width, (place + 1) * width), shape)
}
