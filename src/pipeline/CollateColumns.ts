/**
 * Collation of a dataset's columns: makes the columns of a batch without making its samples.
 *
 * @since 0.1.0
 */
import { type ColumnArrays, fresh, kindOf } from "../core/ColumnArrays.ts"
import { setField } from "../core/Options.ts"
import { Tensor, type TypedArray } from "../core/Tensor.ts"
import { type Field, Places, runFrom } from "../sources/Columnar.ts"
import { type Collation, column, dtypeAt, mustFit, refuseUnused } from "./Collate.ts"
import type { DTypes, NumberArrays, NumberDType } from "./Columns.ts"
import { numberArrays } from "./NumberColumn.ts"

/**
 * Returns what {@link collate} returns for the samples at `places` of columns. A column in `made` replaces the one of its
 * name and has the rows of the batch only. Columns of numbers lie in memory of `arrays`. Throws what `collate` throws.
 *
 * @since 0.1.0
 */
export const collateColumns = (
  fields: ReadonlyMap<string, Field>,
  places: Places,
  made: ReadonlyMap<string, Field>,
  dtypes: DTypes,
  arrays: ColumnArrays = fresh
): unknown => {
  const collation: ColumnCollation = { dtypes, used: [], adoptable: undefined, arrays }
  const result: Record<string, unknown> = {}
  for (const [name, field] of fields) {
    const own = made.get(name)
    setField(
      result,
      name,
      own === undefined ? fieldColumn(name, field, places, collation) : madeColumn(name, own, places.size, collation)
    )
  }
  refuseUnused(collation, () =>
    Object.fromEntries(Array.from(fields, ([name, field]) => [name, cellOf(made.get(name) ?? field)]))
  )
  return result
}

interface ColumnCollation extends Collation {
  readonly arrays: ColumnArrays
}

/** Returns one cell of a field, which determines the kind of column. */
const cellOf = (field: Field): unknown =>
  field._tag === "Numbers" ? field.data[0] : field._tag === "Items" ? field.items[0] : undefined

/** Returns the rows at `places` of an array, `width` elements each; those that follow one another are copied in one go. */
const rowsAt = (from: TypedArray, width: number, places: Places, arrays: ColumnArrays): TypedArray => {
  const { first, size } = places
  if (first !== undefined && (first + size) * width <= from.length) {
    return arrays.copy(kindOf(from), from.subarray(first * width, (first + size) * width))
  }
  const { list } = places
  const to = arrays.array(kindOf(from), size * width)
  for (let row = 0; row < size; ) {
    const run = runFrom(list, row)
    const at = (list[row] as number) * width // below the size
    // Both are of one constructor, so numbers meet numbers and bigints meet bigints.
    ;(to as Float64Array).set(from.subarray(at, at + run * width) as Float64Array, row * width)
    row += run
  }
  return to
}

/** A loop, as `Array.from` with a function costs several times as much. */
const picked = (items: ArrayLike<unknown>, places: Float64Array): ReadonlyArray<unknown> => {
  const all = new Array<unknown>(places.length)
  for (let row = 0; row < all.length; row++) all[row] = items[places[row] as number] // below the length
  return all
}

/** Returns the column of a field that has the rows of the batch only. */
const madeColumn = (path: string, field: Field, size: number, collation: ColumnCollation): unknown => {
  if (field._tag === "Items") return column(path, field.items, collation)
  const { data } = field
  if (field._tag === "Tensors") return new Tensor(data, [size, ...field.shape])
  return fieldColumn(path, field, Places.run(0, data.length), collation)
}

const fieldColumn = (path: string, field: Field, places: Places, collation: ColumnCollation): unknown => {
  if (field._tag === "Items") return column(path, picked(field.items, places.list), collation)
  const { arrays } = collation
  const { data } = field
  if (field._tag === "Tensors") {
    const { shape, width } = field
    return new Tensor(rowsAt(data, width, places, arrays), [places.size, ...shape])
  }
  if (data instanceof BigUint64Array || (data instanceof BigInt64Array && places.size === 0)) {
    return column(path, picked(data, places.list), collation)
  }
  if (data instanceof BigInt64Array) return new Tensor(rowsAt(data, 1, places, arrays), [places.size])
  const { first, size } = places
  const dtype = dtypeAt(path, collation)
  const Numbers = numberArrays[dtype]
  const isRun = first !== undefined && first + size <= data.length
  if (isRun && holdsAll(Numbers, data))
    return new Tensor(arrays.copy(Numbers, data.subarray(first, first + size)), [size])
  // An array of `Numbers`, so of numbers.
  const held = arrays.array(Numbers, size) as NumberArrays[NumberDType]
  takeNumbers(path, data, places.list, held, dtype)
  return new Tensor(held, [size])
}

/** Whether each number of an array stands in one of a kind as it is. */
const holdsAll = (Numbers: unknown, data: TypedArray): boolean =>
  Numbers === Float64Array || Numbers === data.constructor

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
