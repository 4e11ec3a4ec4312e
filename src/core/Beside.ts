/**
 * Finds properties that neither JSON nor a column can hold: properties of a list besides its items, such as those of a match, and
 * symbol keys.
 *
 * Properties that are not enumerable are ignored, as wherever JavaScript copies a value.
 *
 * @since 0.1.0
 */

/**
 * Lists up to this length are checked in every row, longer ones only in the first rows of a shard: listing the keys of 512 numbers
 * takes three times as long as writing them, and JavaScript cannot list the other keys alone.
 *
 * @since 0.1.0
 */
export const SHORT_LIST = 64

/** In how many rows of a shard longer lists are checked. @since 0.1.0 */
export const FIRST_ROWS = 256

const WAY = "which would be lost; map it"

/** Returns what is wrong with a record that has symbol keys; `undefined` for other records. @since 0.1.0 */
export const besideFields = (record: object): string | undefined => {
  const symbols = Object.getOwnPropertySymbols(record)
  if (symbols.length === 0) return undefined
  const own = symbols.find((symbol) => Object.prototype.propertyIsEnumerable.call(record, symbol))
  return own === undefined ? undefined : `has a field named by ${String(own)}, ${WAY} to a text`
}

/** Returns what is wrong with a list that has properties besides its items; `undefined` for other lists. @since 0.1.0 */
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
