/**
 * The columns of a shard of cells, as its index has them.
 *
 * @since 0.1.0
 */
import type { ShardIndex } from "../Format.ts"

/** What the cells of a column are. @category models @since 0.1.0 */
export type CsvType = "string" | "number" | "bigint" | "boolean"

/** A cell's value; an empty cell is `""` in a column of strings, and `null` in any other. @category models @since 0.1.0 */
export type CsvValue = string | number | bigint | boolean | null

/** @category models @since 0.1.0 */
export type CsvRow = Readonly<Record<string, CsvValue>>

/** @since 0.1.0 */
export interface Column {
  readonly name: string
  readonly type: CsvType
  /** Whether its type was inferred from no cell, so that those of other shards say what it is. */
  readonly isOpen?: true
}

const isColumns = (header: unknown): header is { readonly columns: ReadonlyArray<Column> } =>
  typeof header === "object" && header !== null && "columns" in header && Array.isArray(header.columns)

/** The columns in the header of an index; `undefined` if it has none. @since 0.1.0 */
export const columnsIn = (header: unknown): ReadonlyArray<Column> | undefined =>
  isColumns(header) ? header.columns : undefined

/** Columns and their types as text. @since 0.1.0 */
export const schemaOf = (columns: ReadonlyArray<Column>): string =>
  columns.map(({ name, type }) => `${JSON.stringify(name)} ${type}`).join(", ")

/** Gives the columns that a shard leaves open the types that other shards have. @since 0.1.0 */
export const agree = (indexes: ReadonlyArray<ShardIndex>): ReadonlyArray<ShardIndex> => {
  const all = indexes.map(({ header }) => columnsIn(header) ?? [])
  const types = new Map<string, CsvType>()
  for (const { isOpen, name, type } of all.flat()) if (isOpen !== true && !types.has(name)) types.set(name, type)
  return indexes.map((index, place) => {
    const own = all[place] ?? []
    if (!own.some(({ isOpen }) => isOpen)) return index
    const columns = own.map((column) => {
      const type = column.isOpen ? types.get(column.name) : undefined
      return type === undefined ? column : { name: column.name, type }
    })
    // Columns are in the header, which is thus an object.
    return { ...index, header: { ...(index.header as object), columns }, schema: schemaOf(columns) }
  })
}
