/**
 * Collation of a dataset's columns: makes the columns of a batch without making its samples.
 *
 * @since 0.1.0
 */
import { setField } from "../core/Options.ts"
import { Tensor } from "../core/Tensor.ts"
import type { Field } from "../sources/Columnar.ts"
import { type Collation, column, dtypeAt, mustFit, refuseUnused, viewLike } from "./Collate.ts"
import type { DTypes } from "./Columns.ts"
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
  for (const [name, field] of fields) {
    const own = made.get(name)
    setField(
      result,
      name,
      own === undefined ? fieldColumn(name, field, places, collation) : madeColumn(name, own, places.length, collation)
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
  return fieldColumn(path, field, Float64Array.from(data.keys()), collation)
}

const fieldColumn = (path: string, field: Field, places: Float64Array, collation: Collation): unknown => {
  if (field._tag === "Items") return column(path, picked(field.items, places), collation)
  const { data } = field
  if (field._tag === "Tensors") {
    const { shape, width } = field
    const all = viewLike(
      data,
      new ArrayBuffer(places.length * width * data.BYTES_PER_ELEMENT),
      0,
      places.length * width
    )
    for (let row = 0; row < places.length; row++) {
      const from = (places[row] as number) * width // below the length
      // Both are of one constructor, so numbers meet numbers and bigints meet bigints.
      ;(all as Float64Array).set(data.subarray(from, from + width) as Float64Array, row * width)
    }
    return new Tensor(all, [places.length, ...shape])
  }
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    return column(path, picked(data, places), collation)
  }
  const dtype = dtypeAt(path, collation)
  const held = new numberArrays[dtype](places.length)
  for (let row = 0; row < places.length; row++) {
    const value = data[places[row] as number] as number // a place of the data
    held[row] = value
    if (held[row] !== value) mustFit(path, row, value, held[row] as number, dtype)
  }
  return new Tensor(held, [places.length])
}
