/**
 * Encodes shards of columns of numbers, as npy and safetensors are.
 *
 * @since 0.1.0
 */
import { besideFields } from "../../../core/Beside.ts"
import { isRecord } from "../../../core/Record.ts"
import { Tensor } from "../../../core/Tensor.ts"
import { rowFault } from "../SinkError.ts"
import type { Encoder, Piece, Rows } from "../SinkFormat.ts"
import { NotColumn } from "./ColumnBuilder.ts"
import { NumberColumn, type NumberType } from "./Numbers.ts"

/** The types of the columns, in their order. @since 0.1.0 */
export type ArraysSchema = ReadonlyArray<readonly [name: string, type: NumberType]>

/** Names as an error shows them. @since 0.1.0 */
export const shown = (names: ReadonlyArray<string>): string => names.map((name) => JSON.stringify(name)).join(", ")

const EMPTY = new Uint8Array(0)

/** @since 0.1.0 */
export class ArraysEncoder implements Encoder {
  size = 0
  readonly isFull = false
  readonly #columns = new Map<string, NumberColumn>()
  readonly #write: (columns: ReadonlyArray<NumberColumn>) => Uint8Array
  #isFixed: boolean

  readonly #check: (names: ReadonlyArray<string>) => void

  /** `write` gives the shard of all columns; `check` throws {@link NotColumn} for names that they cannot have. */
  constructor(
    schema: ArraysSchema | undefined,
    write: (columns: ReadonlyArray<NumberColumn>) => Uint8Array,
    check: (names: ReadonlyArray<string>) => void
  ) {
    this.#write = write
    this.#check = check
    this.#isFixed = schema !== undefined
    for (const [name, type] of schema ?? []) this.#columns.set(name, new NumberColumn(name, type))
  }

  get schema(): ArraysSchema {
    return Array.from(this.#columns.values()).flatMap(({ name, type }) =>
      type === undefined ? [] : [[name, type] as const]
    )
  }

  add(rows: Rows, from: number, to: number, most: number): number {
    const { columns } = rows
    const isAll = columns !== undefined && Object.values(columns).every((column) => column instanceof Tensor)
    let place = from
    try {
      while (place < to) {
        this.size += isAll ? this.#part(columns, place) : this.#row(rows.row(place))
        place++
        if (this.size >= most) break
      }
      return place
    } catch (thrown) {
      throw rowFault(place, thrown, thrown instanceof NotColumn)
    }
  }

  #row(row: unknown): number {
    if (!isRecord(row)) throw new NotColumn("a row must be a record of numbers, typed arrays or tensors by field")
    const beside = besideFields(row)
    if (beside !== undefined) throw new NotColumn(`a row ${beside}`)
    const names = Object.keys(row)
    this.#fits(names)
    return names.reduce((bytes, name) => bytes + (this.#columns.get(name)?.push(row[name]) ?? 0), 0)
  }

  #part(columns: NonNullable<Rows["columns"]>, place: number): number {
    const names = Object.keys(columns)
    this.#fits(names)
    let bytes = 0
    for (const name of names) {
      const column = columns[name]
      if (column instanceof Tensor) bytes += this.#columns.get(name)?.append(column, place, 1) ?? 0
    }
    return bytes
  }

  /** Each row has the fields of the first one. */
  #fits(names: ReadonlyArray<string>): void {
    if (names.length === 0) throw new NotColumn("a row has no fields; leave it out, or map it")
    if (!this.#isFixed) {
      this.#check(names)
      for (const name of names) this.#columns.set(name, new NumberColumn(name, undefined))
    }
    this.#isFixed = true
    if (names.length === this.#columns.size && names.every((name) => this.#columns.has(name))) return
    const known = shown(Array.from(this.#columns.keys()))
    throw new NotColumn(
      `a row has the fields ${shown(names)}, and the rows before it have ${known}; all rows must have the same fields`
    )
  }

  block(): Piece {
    return { plain: EMPTY, bytes: EMPTY }
  }

  end(): Piece {
    const plain = this.#write(Array.from(this.#columns.values()))
    return { plain, bytes: plain }
  }
}
