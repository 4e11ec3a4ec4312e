/**
 * Rows as columns, block by block.
 *
 * @since 0.1.0
 */
import { besideFields } from "../../../core/Beside.ts"
import { isRecord } from "../../../core/Record.ts"
import { Tensor } from "../../../core/Tensor.ts"
import { rowFault } from "../SinkError.ts"
import type { Rows } from "../SinkFormat.ts"
import { type BuiltColumn, ColumnBuilder, NotColumn } from "./ColumnBuilder.ts"
import type { ColumnType } from "./ColumnType.ts"

/** The types of the columns, in their order. @since 0.1.0 */
export type TableSchema = ReadonlyArray<readonly [name: string, type: ColumnType]>

/** The columns of a block while it is filled. @since 0.1.0 */
export class Table {
  /** How many bytes its rows take, about. */
  bytes = 0
  rows = 0
  readonly #columns = new Map<string, ColumnBuilder>()
  readonly #declared: Readonly<Record<string, ColumnType>>
  #isFixed: boolean

  /** `schema` is that of earlier blocks; without it, columns are those of the first block, with the types declared or seen. */
  constructor(declared: Readonly<Record<string, ColumnType>>, schema: TableSchema | undefined) {
    this.#declared = declared
    this.#isFixed = schema !== undefined
    for (const [name, type] of schema ?? Object.entries(declared)) {
      this.#columns.set(name, new ColumnBuilder(name, type, { rounds: Object.hasOwn(declared, name) }))
    }
  }

  get schema(): TableSchema {
    return Array.from(this.#columns, ([name, { type }]) => [name, type] as const)
  }

  /** Adds rows until it has `most` bytes. Returns the place after the last one. Throws {@link RowFault}. */
  add(rows: Rows, from: number, to: number, most: number): number {
    const { columns } = rows
    let place = from
    try {
      if (columns !== undefined && Object.values(columns).every((column) => column instanceof Tensor)) {
        return this.#bulk(columns, from, to, most)
      }
      for (; place < to; ) {
        if (columns === undefined) this.#row(rows.row(place))
        else this.#rowOf(columns, place)
        place++
        if (this.bytes >= most) break
      }
      return place
    } catch (thrown) {
      throw rowFault(place, thrown, thrown instanceof NotColumn)
    }
  }

  /** The block, and the final types of its columns. */
  take(): ReadonlyArray<BuiltColumn> {
    this.#isFixed = true
    for (const column of this.#columns.values()) column.fix()
    this.bytes = 0
    this.rows = 0
    return Array.from(this.#columns.values(), (column) => column.take())
  }

  #row(row: unknown): void {
    if (!isRecord(row))
      throw new NotColumn("a row must be a record of values by column; map it, or leave it out by a filter")
    const beside = besideFields(row)
    if (beside !== undefined) throw new NotColumn(`a row ${beside}`)
    for (const name of Object.keys(row)) if (!this.#columns.has(name) && row[name] !== undefined) this.#column(name)
    this.#some()
    for (const [name, column] of this.#columns) this.bytes += column.push(Object.hasOwn(row, name) ? row[name] : null)
    this.rows++
  }

  #rowOf(columns: NonNullable<Rows["columns"]>, place: number): void {
    for (const name of Object.keys(columns)) if (!this.#columns.has(name)) this.#column(name)
    this.#some()
    for (const [name, builder] of this.#columns) {
      const column = Object.hasOwn(columns, name) ? columns[name] : undefined
      this.bytes += column instanceof Tensor ? builder.append(column, place, 1) : builder.push(column?.[place])
    }
    this.rows++
  }

  /** Refuses rows of no columns: readers could not count them. */
  #some(): void {
    if (this.#columns.size > 0) return
    throw new NotColumn("a row has no fields, and none is known yet; leave it out, or declare the columns by types")
  }

  /** Rows of tensors, many at once. */
  #bulk(columns: NonNullable<Rows["columns"]>, from: number, to: number, most: number): number {
    // The first row says how many bytes each has: they are all of one size.
    this.#rowOf(columns, from)
    const width = this.#widthOf(columns)
    const more = Math.max(0, Math.min(to - from - 1, Math.ceil((most - this.bytes) / width)))
    if (more > 0) {
      for (const [name, builder] of this.#columns) {
        const column = Object.hasOwn(columns, name) ? columns[name] : undefined
        if (column instanceof Tensor) appendAll(builder, column, from + 1, more)
        else for (let at = 0; at < more; at++) builder.push(null)
      }
      this.bytes += more * width
      this.rows += more
    }
    return from + 1 + more
  }

  #widthOf(columns: NonNullable<Rows["columns"]>): number {
    let width = 0
    for (const name of this.#columns.keys()) {
      const column = Object.hasOwn(columns, name) ? columns[name] : undefined
      if (!(column instanceof Tensor)) {
        width += 1
        continue
      }
      const { data, shape } = column
      const [, ...inner] = shape
      let lists = 1
      for (const axis of inner) {
        width += 4 * lists
        lists *= axis
      }
      width += lists * data.BYTES_PER_ELEMENT
    }
    return width
  }

  #column(name: string): void {
    if (this.#isFixed) {
      throw new NotColumn(
        `column "${name}" was not there in the first rows; declare its type by types, or map the rows`
      )
    }
    const column = new ColumnBuilder(name, Object.hasOwn(this.#declared, name) ? this.#declared[name] : undefined)
    for (let at = 0; at < this.rows; at++) column.push(null)
    this.#columns.set(name, column)
  }
}

/** Appends rows of a tensor. Throws a {@link RowFault} of the row that is refused. */
const appendAll = (builder: ColumnBuilder, column: Tensor, from: number, count: number): void => {
  try {
    builder.append(column, from, count)
  } catch (thrown) {
    // Nothing of the column is written any more, so rows may be appended once more to see which one it is.
    for (let place = from; place < from + count; place++) {
      try {
        builder.append(column, place, 1)
      } catch (own) {
        throw rowFault(place, own, own instanceof NotColumn)
      }
    }
    throw thrown
  }
}
