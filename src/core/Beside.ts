/**
 * What lists and records hold beside their items and fields, where neither JSON nor a column has a place for it: fields of a
 * list's own, as the result of a match has, and fields that a symbol names.
 *
 * Properties that are not enumerable are no fields: they are left out wherever JavaScript copies a value.
 *
 * @since 0.1.0
 */

/**
 * Lists of so many items at most are looked at in every row, longer ones in the first rows of a shard: there is no way to see
 * the names alone, and to list all indices of 512 numbers takes three times as long as to write them.
 *
 * @since 0.1.0
 */
export const SHORT_LIST = 64

/** The rows of a shard whose longer lists are looked at, too. @since 0.1.0 */
export const FIRST_ROWS = 256

const WAY = "which would be lost; map it"

/** Says what a record has beside fields of text names; `undefined` if nothing. @since 0.1.0 */
export const besideFields = (record: object): string | undefined => {
  const symbols = Object.getOwnPropertySymbols(record)
  if (symbols.length === 0) return undefined
  const own = symbols.find((symbol) => Object.prototype.propertyIsEnumerable.call(record, symbol))
  return own === undefined ? undefined : `has a field named by ${String(own)}, ${WAY} to a text`
}

/** Says what a list has beside its items; `undefined` if nothing. @since 0.1.0 */
export const besideItems = (list: ReadonlyArray<unknown>): string | undefined => {
  const names = Object.keys(list)
  const last = names.at(-1)
  // Indices come before all other names.
  if (last === undefined || isIndex(last, list.length)) return besideFields(list)
  const first = names.find((name) => !isIndex(name, list.length))
  return `is a list with a field ${JSON.stringify(first)} of its own, ${WAY} to a record`
}

const isIndex = (name: string, length: number): boolean => {
  const index = Number(name)
  return index < length && Number.isInteger(index) && String(index) === name
}
