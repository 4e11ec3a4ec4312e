/**
 * Where the rows of a sink come from, and the mark that says how far they have been read.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { besideItems } from "../core/Beside.ts"
import { isTypedArray } from "../core/DType.ts"
import { setField } from "../core/Options.ts"
import { plural } from "../core/Plural.ts"
import { isRecord } from "../core/Record.ts"
import { show } from "../core/Show.ts"
import { Tensor } from "../core/Tensor.ts"
import { RowFault } from "../sources/sinks/SinkError.ts"
import type { Rows } from "../sources/sinks/SinkFormat.ts"

/** Rows in an order that is always the same. @since 0.1.0 */
export interface RowSource<out E, out R> {
  /** The next rows; none at the end. The previous ones may then be overwritten. */
  readonly next: Effect.Effect<Option.Option<Rows>, E, R>
  /** The position before the rows that `next` returns next. JSON-able. */
  readonly mark: Effect.Effect<unknown>
}

/** Opens a source at a mark, or at its start. @since 0.1.0 */
export interface Rewindable<out E, out R> {
  readonly open: (mark: unknown) => Effect.Effect<RowSource<E, R>, E, R | Scope.Scope>
  /** The number of rows, if it is known in advance. */
  readonly size: number | undefined
}

/** Rows that are in memory. @since 0.1.0 */
export const listed = (rows: ReadonlyArray<unknown>): Rows => ({ size: rows.length, row: (place) => rows[place] })

/** The row at a place of a column: a number, or the part of a tensor below its first axis. */
const cell = (column: unknown, place: number): unknown => {
  if (column instanceof Tensor) {
    const { data, shape } = column
    const [, ...inner] = shape
    if (inner.length === 0) return data[place]
    const length = inner.reduce((product, axis) => product * axis, 1)
    const part = data.subarray(place * length, (place + 1) * length)
    // A list of bytes is a tensor: a `Uint8Array` in a row is what bytes are.
    return inner.length === 1 && !(part instanceof Uint8Array) ? part : new Tensor(part, inner)
  }
  if (Array.isArray(column)) return column[place]
  const row: Record<string, unknown> = {}
  if (isRecord(column)) for (const name of Object.keys(column)) setField(row, name, cell(column[name], place))
  return row
}

const isColumn = (column: unknown): column is Tensor | ReadonlyArray<unknown> =>
  column instanceof Tensor || Array.isArray(column)

/** Returns what is wrong with a list that has a hole or properties besides its items; `undefined` for other lists. */
const besideRows = (list: ReadonlyArray<unknown>): string | undefined => {
  for (let row = 0; row < list.length; row++) {
    if (!(row in list)) return `is a list with a hole at ${row}; map it to null, or to a value`
  }
  return besideItems(list)
}

/** A value of a batch as a column of `size` rows, a tensor, a list or a record of such; or why it is none. */
const columnOf = (value: unknown, size: number, name: string, depth: number): Either.Either<unknown, string> => {
  const column = isTypedArray(value) ? new Tensor(value, [value.length]) : value
  if (isColumn(column)) {
    const rows = column instanceof Tensor ? column.shape[0] : column.length
    if (rows === size) {
      const beside = Array.isArray(column) ? besideRows(column) : undefined
      return beside === undefined ? Either.right(column) : Either.left(`${name} ${beside}`)
    }
    const has = rows === undefined ? "a single number" : plural(rows, "row")
    return Either.left(`${name} has ${has}, and the batch ${size}; give it a row for each`)
  }
  if (!isRecord(column) || depth > DEEPEST) {
    return Either.left(`${name} is ${show(value)}, and must be a tensor, a typed array, a list, or a record of such`)
  }
  const fields: Record<string, unknown> = {}
  for (const field of Object.keys(column)) {
    const called = depth === 0 ? `column ${JSON.stringify(field)}` : `${name}, field ${JSON.stringify(field)}`
    const own = columnOf(column[field], size, called, depth + 1)
    if (Either.isLeft(own)) return own
    setField(fields, field, own.right)
  }
  return Either.right(fields)
}

/** Records nested deeper than this are taken for circular ones. */
const DEEPEST = 32

/** The rows of a batch: of a list of rows, or of columns. @since 0.1.0 */
export const ofBatch = (size: number, given: unknown): Rows => {
  if (Array.isArray(given)) return listed(given)
  const own = columnOf(given, size, "the batch", 0)
  if (Either.isLeft(own)) {
    return {
      size,
      row: (place) => {
        throw new RowFault({ place, reason: own.left })
      }
    }
  }
  const columns = own.right
  const row = (place: number): unknown => cell(columns, place)
  if (!isRecord(columns) || !Object.values(columns).every(isColumn)) return { size, row }
  // Each was found to be a column.
  return { size, row, columns: columns as Record<string, Tensor | ReadonlyArray<unknown>> }
}
