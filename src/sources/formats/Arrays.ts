/**
 * Arrays that lie in a shard one behind the other, and are read by rows of their first axes.
 *
 * @since 0.1.0
 */

import { plural } from "../../core/Plural.ts"
import { Tensor } from "../../core/Tensor.ts"
import { columnOf, type StoredColumn, type StoredColumns, tensorsOf } from "./Columns.ts"
import { decodedBytes, type Element, elementsOf } from "./Elements.ts"
import type { Fault } from "./Fault.ts"
import type { Block } from "./Format.ts"

/** An array in C order, and where its elements lie in the shard. JSON-able. @since 0.1.0 */
export interface PlacedArray {
  readonly field: string
  readonly element: Element
  readonly shape: ReadonlyArray<number>
  readonly offset: number
  readonly length: number
}

/** The number of elements of a shape, which may be beyond all numbers. @since 0.1.0 */
export const countOf = (shape: ReadonlyArray<number>): number =>
  // An axis of 0 first: with enough others the product would pass through infinity to NaN.
  shape.includes(0) ? 0 : shape.reduce((product, axis) => product * axis, 1)

/** The samples of arrays as text: shards of one dataset have the same. @since 0.1.0 */
export const schemaOf = (
  arrays: ReadonlyArray<Pick<PlacedArray, "field" | "element" | "shape">>,
  sample: SampleOf
): { readonly schema: string; readonly columns: ReadonlyArray<readonly [string, string]> } => {
  const all = arrays.map(({ element, field, shape }) => {
    const type: string = element.isBoolean === true ? "bool" : element.dtype
    return { field, type, axes: sample === "row" ? shape.slice(1) : shape }
  })
  return {
    columns: all.map(({ axes, field, type }) => [field, axes.length === 0 ? type : `${type}[${axes.join(", ")}]`]),
    schema: all.map(({ axes, field, type }) => `${JSON.stringify(field)}: ${type}[${axes.join(", ")}]`).join(", ")
  }
}

/** Whether a sample is a row of each array, or all arrays of a file. @category options @since 0.1.0 */
export type SampleOf = "row" | "file"

/**
 * Returns what a sample is where it was not said: a row, if all arrays have as many; else the file.
 *
 * @since 0.1.0
 */
export const sampleOf = (arrays: ReadonlyArray<Pick<PlacedArray, "shape">>): SampleOf => {
  const rows = arrays[0]?.shape[0]
  return rows !== undefined && arrays.every(({ shape }) => shape[0] === rows) ? "row" : "file"
}

/** Returns how many rows arrays have. Throws unless all have as many. @since 0.1.0 */
export const rowsOf = (arrays: ReadonlyArray<Pick<PlacedArray, "field" | "shape">>, fault: Fault): number => {
  checkSome(arrays, fault)
  let first: { readonly field: string; readonly rows: number } | undefined
  for (const { field, shape } of arrays) {
    const [rows] = shape
    if (rows === undefined) {
      throw fault(`array ${JSON.stringify(field)} has no axes, so no rows; read arrays of one axis or more`)
    }
    first ??= { field, rows }
    if (rows === first.rows) continue
    const found = `${JSON.stringify(first.field)} has ${plural(first.rows, "row")}, and ${JSON.stringify(field)} has ${rows}`
    throw fault(`${found}; name arrays of one length in columns`)
  }
  return first?.rows ?? 0
}

/** Throws unless there is an array. @since 0.1.0 */
export const checkSome = (arrays: ReadonlyArray<unknown>, fault: Fault): void => {
  if (arrays.length === 0) throw fault("it has no arrays, so no samples; leave it out")
}

/** The arrays that are named in `columns`, in that order; all, without it. Throws if one is not there. @since 0.1.0 */
export const chosenOf = <A extends { readonly field: string }>(
  arrays: ReadonlyArray<A>,
  columns: ReadonlyArray<string> | undefined,
  fault: Fault
): ReadonlyArray<A> =>
  columns === undefined
    ? arrays
    : columns.map((name) => {
        const own = arrays.find(({ field }) => field === name)
        if (own !== undefined) return own
        const names = arrays.slice(0, 20).map(({ field }) => JSON.stringify(field))
        const found = names.length === 0 ? "none" : `${names.join(", ")}${arrays.length > 20 ? ", …" : ""}`
        throw fault(`it has no array ${JSON.stringify(name)}; it has ${found}`)
      })

/** Cuts arrays of so many rows into blocks of about `blockBytes`, and of a row at least. @since 0.1.0 */
export const rowBlocks = (
  arrays: ReadonlyArray<PlacedArray>,
  rows: number,
  blockBytes: number
): ReadonlyArray<Block> => {
  if (rows === 0) return []
  const widths = arrays.map(({ length }) => length / rows)
  const width = widths.reduce((sum, own) => sum + own, 0)
  // Rows without elements take no bytes, so one block has them all.
  const each = width === 0 ? rows : Math.max(1, Math.floor(blockBytes / width))
  const blocks: Array<Block> = []
  for (let row = 0; row < rows; row += each) {
    const own = Math.min(each, rows - row)
    const ranges = arrays.map(
      ({ offset }, place) => [offset + row * (widths[place] as number), own * (widths[place] as number)] as const // one an array
    )
    const start = Math.min(...ranges.map(([offset]) => offset))
    const length = Math.max(...ranges.map(([offset, size]) => offset + size)) - start
    const bytes = arrays.reduce(
      (sum, { element }, place) => sum + decodedBytes(element, own * (widths[place] as number)),
      0
    ) // as above
    blocks.push({ rows: own, offset: start, length, bytes, ...(ranges.length === 1 ? {} : { ranges }) })
  }
  return blocks
}

/** Returns the columns of a block that {@link rowBlocks} made. @since 0.1.0 */
export const storedRows = (bytes: Uint8Array, rows: number, arrays: ReadonlyArray<PlacedArray>): StoredColumns => {
  const columns = new Map<string, StoredColumn>()
  let at = 0
  for (const { element, field, shape } of arrays) {
    const own = [rows, ...shape.slice(1)]
    const length = countOf(own) * element.size
    const data = elementsOf(bytes.subarray(at, at + length), element)
    columns.set(field, columnOf(new Tensor(data, own), element))
    at += length
  }
  return columns
}

/** A block that is one sample: these arrays as a whole. @since 0.1.0 */
export const wholeBlock = (arrays: ReadonlyArray<PlacedArray>): Block => {
  const ranges = arrays.map(({ length, offset }) => [offset, length] as const)
  const start = Math.min(...ranges.map(([offset]) => offset))
  return {
    rows: 1,
    offset: start,
    length: Math.max(...ranges.map(([offset, size]) => offset + size)) - start,
    ranges,
    bytes: arrays.reduce((sum, { element, length }) => sum + decodedBytes(element, length), 0)
  }
}

/** Returns the columns of a block that {@link wholeBlock} made. @since 0.1.0 */
export const storedWhole = (bytes: Uint8Array, arrays: ReadonlyArray<PlacedArray>): StoredColumns => {
  let at = 0
  return sampleColumns(
    arrays.map(({ element, field, length, shape }) => {
      at += length
      return [field, new Tensor(elementsOf(bytes.subarray(at - length, at), element), shape)]
    })
  )
}

/** The columns of one sample, which has these tensors. @since 0.1.0 */
export const sampleColumns = (tensors: ReadonlyArray<readonly [field: string, tensor: Tensor]>): StoredColumns =>
  new Map(tensors.map(([field, { data, shape }]) => [field, tensorsOf(data, shape)]))
