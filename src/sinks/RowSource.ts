/**
 * Where the rows of a sink come from, and the mark that says how far they have been read.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { setField } from "../core/Options.ts"
import { isRecord } from "../core/Record.ts"
import { Tensor } from "../core/Tensor.ts"
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

/** The rows of a batch: of a list of rows, or of columns. @since 0.1.0 */
export const ofBatch = (size: number, columns: unknown): Rows => {
  if (Array.isArray(columns)) return listed(columns)
  const row = (place: number): unknown => cell(columns, place)
  if (!isRecord(columns)) return { size, row }
  const own = Object.fromEntries(Object.entries(columns).filter(([, column]) => isColumn(column)))
  const isAll = Object.keys(own).length === Object.keys(columns).length
  // Each was found to be a column.
  return isAll ? { size, row, columns: own as Record<string, Tensor | ReadonlyArray<unknown>> } : { size, row }
}
