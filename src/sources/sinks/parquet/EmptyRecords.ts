/**
 * Finds columns of records that have no field in any row: Arrow has such a type, and Parquet has none.
 *
 * @since 0.1.0
 */
import type { BuiltColumn } from "../columns/ColumnBuilder.ts"

/** @since 0.1.0 */
export interface EmptyRecord {
  /** The column's name, behind those of the columns that it lies in. */
  readonly name: string
  /** The first row of the block that has such a record; `undefined` if the type was declared and no row has one. */
  readonly row: number | undefined
}

/** Returns the first column of empty records within a column. @since 0.1.0 */
export const emptyRecord = (column: BuiltColumn): EmptyRecord | undefined => {
  const { buffers, children, name, type } = column
  if (typeof type === "string") return undefined
  if ("struct" in type && children.length === 0) return { name, row: firstValid(column) }
  for (const child of children) {
    const found = emptyRecord(child)
    if (found === undefined) continue
    if ("struct" in type) return { name: `${name}.${found.name}`, row: found.row }
    // A list's items are called by their list.
    const inner = `${name}${found.name.slice(child.name.length)}`
    return { name: inner, row: found.row === undefined ? undefined : listOf(buffers[1], found.row) }
  }
  return undefined
}

/** The first value that is not null. */
const firstValid = ({ buffers: [validity], length, nulls }: BuiltColumn): number | undefined => {
  if (nulls === 0) return length === 0 ? undefined : 0
  for (let at = 0; at < length; at++) if (((validity?.[at >> 3] ?? 0) >> (at & 7)) & 1) return at
  return undefined
}

/** The list that an item is in: the first that ends behind it. */
const listOf = (buffer: Uint8Array | undefined, item: number): number | undefined => {
  if (buffer === undefined) return undefined
  const offsets = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength)
  for (let at = 0; 4 * at + 4 < buffer.byteLength; at++) if (offsets.getInt32(4 * at + 4, true) > item) return at
  return undefined
}
