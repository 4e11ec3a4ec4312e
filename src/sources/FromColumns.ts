/**
 * Datasets that lie in memory as columns: one typed array for all images, one for all labels.
 *
 * @since 0.1.0
 */
import { InvalidOption } from "../core/InvalidOption.ts"
import { isOptions, setField } from "../core/Options.ts"
import { Made } from "../core/Parameters.ts"
import { isTypedArray, make as makeTensor, Tensor, type TypedArray } from "../core/Tensor.ts"
import type { Field } from "./Columnar.ts"
import { plain } from "./PlainDataset.ts"
import { check, type Dataset, type NameOptions, nameOf } from "./RandomAccess.ts"

/**
 * One field of every sample: a tensor `[samples, …]` (or its data and shape), a typed array `[samples]`, or an array of
 * anything, such as strings.
 *
 * @category models
 * @since 0.1.0
 */
export type Column =
  | { readonly data: TypedArray; readonly shape: ReadonlyArray<number> }
  | TypedArray
  | ReadonlyArray<unknown>

/**
 * The sample that columns make:
 *
 * | column | field of the sample |
 * |---|---|
 * | tensor of element type `D` and shape `[samples, …]`, rank 2 or more | `Tensor<D>` of shape `[…]`, a view |
 * | typed array | number; bigint for the 64-bit integer types |
 * | array | its item |
 *
 * @category models
 * @since 0.1.0
 */
export type Row<C> = { readonly [K in keyof C]: Cell<C[K]> }

type Cell<C> = C extends { readonly data: infer D extends TypedArray; readonly shape: ReadonlyArray<number> }
  ? Tensor<D>
  : C extends BigInt64Array | BigUint64Array
    ? bigint
    : C extends TypedArray
      ? number
      : C extends ReadonlyArray<infer A>
        ? A
        : never

/**
 * A dataset from columns of one length. Typed arrays are kept, not copied: a sample's tensors are views of the column,
 * so a stage must not write to them. Arrays are copied (their items are not).
 *
 * Throws `InvalidOption` when there is no column, when two differ in length (naming both), when a shape does not fit
 * its data, and for a tensor of rank 1, whose rows would be no tensors: give its `data`.
 *
 * @example
 * import { Effect } from "effect"
 * import { Dataset, Tensor } from "furrow"
 *
 * const digits = Dataset.fromColumns({
 *   image: Tensor.make(new Uint8Array(100 * 28 * 28), [100, 28, 28, 1]),
 *   label: new Uint8Array(100)
 * })
 * const { image, label } = Effect.runSync(digits.get(7))
 * console.assert(image.shape.join() === "28,28,1" && label === 0)
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromColumns = <const C extends Readonly<Record<string, Column>>>(
  columns: C,
  options: NameOptions = {}
): Dataset<Row<C>> => {
  const name = nameOf("Dataset.fromColumns", options) ?? "columns"
  if (!isOptions(columns)) {
    throw new InvalidOption({
      option: "columns",
      value: columns,
      expected: "a record of columns, such as { image, label }"
    })
  }
  const entries = Object.entries(columns).map(([key, value]) => ({ key, ...open(key, value) }))
  const first = entries[0]
  if (first === undefined) {
    throw new InvalidOption({ option: "columns", value: columns, expected: "at least one column" })
  }
  const size = first.length
  for (const { key, length } of entries) {
    if (length === size) continue
    const expected = `${size}, the length of column "${first.key}": a sample takes one row of each`
    throw new InvalidOption({ option: `length of column "${key}"`, value: length, expected })
  }
  const fields = new Map(entries.map(({ field, key }) => [key, field]))
  const keys = entries.map(({ key }) => key)
  const cells = entries.map(({ cell }) => cell)
  // Assignment is twice as fast, and the row of every sample is made so.
  const assigned = !keys.includes("__proto__")
  const rowAt = (index: number): Row<C> => {
    const row: Record<string, unknown> = {}
    if (assigned) for (let at = 0; at < keys.length; at++) row[keys[at] as string] = (cells[at] as Read)(index)
    else for (let at = 0; at < keys.length; at++) setField(row, keys[at] as string, (cells[at] as Read)(index))
    // Each key of C was given the cell of its column, by the table at `Row`; nothing else was.
    return row as Row<C>
  }
  const data = entries.flatMap(({ field }) =>
    "data" in field ? [{ data: field.data, length: field.data.length }] : []
  )
  /** A buffer that was detached or shrunk holds fewer samples than it did: a run notices that by the size. */
  const sizeNow = (): number => {
    let least = 1
    for (const own of data) if (own.data.length < own.length) least = Math.min(least, own.data.length / own.length)
    return least === 1 ? size : Math.floor(least * size)
  }
  return plain<Row<C>>({
    name,
    size: sizeNow,
    made: new Made("columns", { name }),
    columnar: { fields, place: (index) => index },
    content: rowAt,
    read: (index) => {
      check(name, index, size)
      return rowAt(index)
    }
  })
}

type Read = (index: number) => unknown

/** A column: how many samples it has, its cell of each, and how it lies in memory. */
interface Opened {
  readonly length: number
  readonly cell: Read
  readonly field: Field
}

const open = (key: string, column: Column): Opened => {
  if (isTypedArray(column)) {
    return { length: column.length, cell: (index) => column[index], field: { _tag: "Numbers", data: column } }
  }
  if (isArray(column)) {
    const items = column.slice()
    return { length: items.length, cell: (index) => items[index], field: { _tag: "Items", items } }
  }
  if (typeof column !== "object" || column === null || !isTypedArray(column.data) || !Array.isArray(column.shape)) {
    const expected = "a tensor, a typed array or an array"
    throw new InvalidOption({ option: `column "${key}"`, value: column, expected })
  }
  const { data, shape } = makeTensor(column.data, column.shape)
  const [length, ...rest] = shape
  if (length === undefined || rest.length === 0) {
    const expected = "of rank 2 or more; for plain numbers give the typed array itself (the tensor's data)"
    throw new InvalidOption({ option: `shape of column "${key}"`, value: shape, expected })
  }
  const width = rest.reduce((product, axis) => product * axis, 1)
  const cell = (index: number) => new Tensor(data.subarray(index * width, (index + 1) * width), rest)
  return { length, cell, field: { _tag: "Tensors", data, shape: rest, width } }
}

/** `Array.isArray`, which by itself does not know arrays that are read-only. */
const isArray = (value: Column): value is ReadonlyArray<unknown> => Array.isArray(value)
