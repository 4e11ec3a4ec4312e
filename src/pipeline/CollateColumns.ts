/**
 * Collation of a dataset's columns: makes the columns of a batch without making its samples.
 *
 * @since 0.1.0
 */
import { setField } from "../core/Options.ts"
import { arrayLike, Tensor, type TypedArray } from "../core/Tensor.ts"
import type { Field } from "../sources/Columnar.ts"
import { type Collation, column, dtypeAt, mustFit, refuseUnused } from "./Collate.ts"
import type { DTypes, NumberArrays, NumberDType } from "./Columns.ts"
import { numberArrays } from "./NumberColumn.ts"

/**
 * Returns what {@link collate} returns for the samples at `places` of columns. A column in `made` replaces the one of its
 * name and has the rows of the batch only. Throws what `collate` throws.
 *
 * @since 0.1.0
 */
export const collateColumns = (
  fields: ReadonlyMap<string, Field>,
  places: Float64Array,
  made: ReadonlyMap<string, Field>,
  dtypes: DTypes
): unknown => {
  const collation: Collation = { dtypes, used: [], adoptable: undefined }
  const result: Record<string, unknown> = {}
  const rows: RowPlaces = { places, isRun: runFrom(places, 0) === places.length }
  for (const [name, field] of fields) {
    const own = made.get(name)
    setField(
      result,
      name,
      own === undefined ? fieldColumn(name, field, rows, collation) : madeColumn(name, own, places.length, collation)
    )
  }
  refuseUnused(collation, () =>
    Object.fromEntries(Array.from(fields, ([name, field]) => [name, cellOf(made.get(name) ?? field)]))
  )
  return result
}

/** Returns one cell of a field, which determines the kind of column. */
const cellOf = (field: Field): unknown =>
  field._tag === "Numbers" ? field.data[0] : field._tag === "Items" ? field.items[0] : undefined

/** Returns how many rows from one of the batch on follow one another in the columns, too. */
const runFrom = (places: Float64Array, row: number): number => {
  const first = (places[row] as number) - row // below the length
  let end = row + 1
  while (end < places.length && places[end] === first + end) end++
  return end - row
}

/** Copies the rows at `places` of one array into another one, those that follow one another in one go. */
const copyRows = (from: TypedArray, to: TypedArray, width: number, places: Float64Array): void => {
  for (let row = 0; row < places.length; ) {
    const run = runFrom(places, row)
    const at = (places[row] as number) * width // below the length
    // Both are of one constructor, so numbers meet numbers and bigints meet bigints.
    ;(to as Float64Array).set(from.subarray(at, at + run * width) as Float64Array, row * width)
    row += run
  }
}

/** A loop, as `Array.from` with a function costs several times as much. */
const picked = (items: ArrayLike<unknown>, places: Float64Array): ReadonlyArray<unknown> => {
  const all = new Array<unknown>(places.length)
  for (let row = 0; row < all.length; row++) all[row] = items[places[row] as number] // below the length
  return all
}

/** Returns the column of a field that has the rows of the batch only. */
const madeColumn = (path: string, field: Field, size: number, collation: Collation): unknown => {
  if (field._tag === "Items") return column(path, field.items, collation)
  const { data } = field
  if (field._tag === "Tensors") return new Tensor(data, [size, ...field.shape])
  return fieldColumn(path, field, { places: Float64Array.from(data.keys()), isRun: true }, collation)
}

/** Where the rows of a batch are in columns, and whether they follow one another there. */
interface RowPlaces {
  readonly places: Float64Array
  readonly isRun: boolean
}

const fieldColumn = (path: string, field: Field, { isRun, places }: RowPlaces, collation: Collation): unknown => {
  if (field._tag === "Items") return column(path, picked(field.items, places), collation)
  const { data } = field
  if (field._tag === "Tensors") {
    const { shape, width } = field
    const all = arrayLike(data, places.length * width)
    copyRows(data, all, width, places)
    return new Tensor(all, [places.length, ...shape])
  }
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    return column(path, picked(data, places), collation)
  }
  const dtype = dtypeAt(path, collation)
  const held = new numberArrays[dtype](places.length)
  const first = places[0] ?? 0
  const end = first + places.length
  if (isRun && end <= data.length && holdsAll(held, data)) held.set(data.subarray(first, end))
  else takeNumbers(path, data, places, held, dtype)
  return new Tensor(held, [places.length])
}

/** Whether each number of the one array stands in the other as it is. */
const holdsAll = (held: TypedArray, data: TypedArray): boolean =>
  held instanceof Float64Array || held.constructor === data.constructor

const takeNumbers = (
  path: string,
  data: ArrayLike<number>,
  places: Float64Array,
  held: NumberArrays[NumberDType],
  dtype: NumberDType
): void => {
  for (let row = 0; row < places.length; row++) {
    const value = data[places[row] as number] as number // a place of the data
    held[row] = value
    if (held[row] !== value) mustFit(path, row, value, held[row] as number, dtype)
  }
}
