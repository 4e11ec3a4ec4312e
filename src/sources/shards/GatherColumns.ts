/**
 * Gathers the samples of a batch as rows of the columns of blocks, without an object for each.
 *
 * @since 0.1.0
 */
import { type ColumnArrays, fresh, kindOf } from "../../core/ColumnArrays.ts"
import { type ColumnRows, type Field, Places } from "../Columnar.ts"
import type { BlockColumn } from "../formats/Format.ts"

type Columns = ReadonlyMap<string, BlockColumn>

/** Rows that follow one another, at least this many, are copied in one go. */
const RUN = 8

/** Returns rows of one block: its own memory, but for values that do not lie there. @since 0.1.0 */
export const rowsOfBlock = (columns: Columns, places: Places): ColumnRows => {
  const fields = new Map<string, Field>()
  const made = new Map<string, Field>()
  for (const [name, column] of inOrder(columns)) {
    if (column._tag !== "Cells") {
      fields.set(name, column)
      continue
    }
    const items = new Array<unknown>(places.size)
    const { list } = places
    for (let row = 0; row < items.length; row++) items[row] = column.cell(list[row] as number) // as many as items
    const own: Field = { _tag: "Items", items }
    fields.set(name, own)
    made.set(name, own)
  }
  return { fields, places, made }
}

/** A record lists names that are whole numbers first, and the columns of a batch are in the order of its samples' fields. */
const inOrder = (columns: Columns): Iterable<readonly [name: string, column: BlockColumn]> =>
  Array.from(columns.keys()).some((name) => /^\d+$/.test(name))
    ? Object.entries(Object.fromEntries(columns))
    : columns.entries()

/** A column of the batch that is being filled. */
type Target = Exclude<Field, { readonly _tag: "Items" }> | { readonly _tag: "Items"; readonly items: Array<unknown> }

/** Rows of several blocks, which are copied block by block. @since 0.1.0 */
export class GatheredRows {
  readonly #size: number
  readonly #arrays: ColumnArrays
  #targets: ReadonlyMap<string, Target> | undefined

  /** So many rows, in memory of `arrays`. */
  constructor(size: number, arrays: ColumnArrays = fresh) {
    this.#size = size
    this.#arrays = arrays
  }

  /**
   * Copies rows of a block to their places in the batch. Returns `false` if a column is not of the kind that it is in the
   * blocks before; the rows are then to be had as samples.
   */
  take(columns: Columns, rows: Float64Array, places: ArrayLike<number>): boolean {
    this.#targets ??= new Map(
      Array.from(inOrder(columns), ([name, column]) => [name, targetFor(column, this.#size, this.#arrays)])
    )
    const targets = this.#targets
    if (columns.size !== targets.size) return false
    for (const [name, column] of columns) {
      const target = targets.get(name)
      if (target === undefined || !copied(target, column, rows, places)) return false
    }
    return true
  }

  /** The columns, once all rows are there. */
  rows(): ColumnRows {
    const made = this.#targets ?? new Map<string, Target>()
    return { fields: made, places: Places.run(0, this.#size), made }
  }
}

const targetFor = (column: BlockColumn, size: number, arrays: ColumnArrays): Target => {
  if (column._tag === "Cells") return { _tag: "Items", items: new Array<unknown>(size) }
  const { data } = column
  if (column._tag === "Numbers") return { _tag: "Numbers", data: arrays.array(kindOf(data), size) }
  return { ...column, data: arrays.array(kindOf(data), size * column.width) }
}

/** Copies rows; returns `false` if they are of another kind than the target. */
const copied = (target: Target, column: BlockColumn, rows: Float64Array, places: ArrayLike<number>): boolean => {
  if (column._tag === "Cells") {
    if (target._tag !== "Items") return false
    const { items } = target
    // Here and below: there is a place for each row.
    for (let at = 0; at < rows.length; at++) items[places[at] as number] = column.cell(rows[at] as number)
    return true
  }
  if (target._tag === "Items" || target._tag !== column._tag) return false
  if (target.data.constructor !== column.data.constructor) return false
  let width = 1
  if (target._tag === "Tensors" && column._tag === "Tensors") {
    if (target.shape.length !== column.shape.length) return false
    if (target.shape.some((axis, place) => axis !== column.shape[place])) return false
    width = column.width
  }
  // Both are of one constructor, so numbers meet numbers and bigints meet bigints.
  copyRows(column.data as Float64Array, target.data as Float64Array, width, rows, places)
  return true
}

const copyRows = (
  from: Float64Array,
  to: Float64Array,
  width: number,
  rows: Float64Array,
  places: ArrayLike<number>
): void => {
  for (let at = 0; at < rows.length; ) {
    const row = rows[at] as number // below the length
    const place = places[at] as number
    let length = 1
    while (rows[at + length] === row + length && places[at + length] === place + length) length++
    if (length * width >= RUN) to.set(from.subarray(row * width, (row + length) * width), place * width)
    else for (let own = 0; own < length * width; own++) to[place * width + own] = from[row * width + own] as number // as above
    at += length
  }
}
