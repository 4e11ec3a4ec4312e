/**
 * Checks of what untyped callers pass: `null` instead of options, a misspelt option, a string for a flag. Each throws
 * `InvalidOption`.
 *
 * @since 0.1.0
 */
import { InvalidOption } from "./InvalidOption.ts"

/**
 * The names of all options of a function: the compiler refuses a record that lacks one. `"own"` if the function itself
 * checks for `null`.
 *
 * @since 0.1.0
 */
export type Names<O> = Readonly<Record<keyof O, true | "own">>

/**
 * Returns `given` if it is an object whose options are all in `names`. `of` is the name of the function. An option that is
 * `undefined` counts as left out; `null` is refused.
 *
 * @since 0.1.0
 */
export const optionsOf = <O extends object>(of: string, given: O, names: Names<O>): O => {
  const known = Object.keys(names)
  if (!isOptions(given)) {
    const expected = known.length === 0 ? "left out" : `an object with ${listed(known)}`
    throw new InvalidOption({ option: `the options of ${of}`, value: given, expected })
  }
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(names, name)) {
      throw new InvalidOption({ option: `an option of ${of}`, value: name, expected: oneOf(known) })
    }
    // `names` has the name.
    if (value === null && names[name as keyof O] !== "own") {
      throw new InvalidOption({ option: name, value, expected: `left out of the options of ${of}, or given a value` })
    }
  }
  return given
}

const listed = (names: ReadonlyArray<string>): string => `some of ${names.join(", ")}`

const oneOf = (names: ReadonlyArray<string>): string =>
  names.length === 1 ? `${names[0]}` : `one of ${names.join(", ")}`

/**
 * Whether a value can be an object of options. Effects, streams and collections are iterable, and promises have a `then`:
 * they are an argument in the wrong place.
 *
 * @since 0.1.0
 */
export const isOptions = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !(Symbol.iterator in value) && !("then" in value)

/** Throws unless `value` can be an object of options, whatever their names. @since 0.1.0 */
export const given = (option: string, value: unknown, expected = "an object of options"): void => {
  if (!isOptions(value)) throw new InvalidOption({ option, value, expected })
}

/** Returns `value` if it is a boolean. @since 0.1.0 */
export const truth = (option: string, value: boolean): boolean => {
  if (value === true || value === false) return value
  throw new InvalidOption({ option, value, expected: "true or false" })
}

/** Returns `value` if it is a string of at least one character. @since 0.1.0 */
export const textOf = (option: string, value: string, expected = "a text that is not empty"): string => {
  if (typeof value === "string" && value !== "") return value
  throw new InvalidOption({ option, value, expected })
}

/** Returns `value` if it is a function. @since 0.1.0 */
export const functionOf = <F>(option: string, value: F): F => {
  if (typeof value === "function") return value
  throw new InvalidOption({ option, value, expected: "a function" })
}

/** Returns `value` if it is a list of numbers: an array, a typed array, or an array-like object. @since 0.1.0 */
export const listOf = (option: string, value: ArrayLike<number>): ArrayLike<number> => {
  if (typeof value === "object" && value !== null && Number.isSafeInteger(value.length) && value.length >= 0)
    return value
  throw new InvalidOption({ option, value, expected: "an array of numbers, or a typed array" })
}

/** Sets a field of a record, even one named `__proto__`, which by assignment would change the record's prototype. @since 0.1.0 */
export const setField = (record: Record<string, unknown>, field: string, value: unknown): void => {
  if (field === "__proto__") {
    Object.defineProperty(record, field, { value, configurable: true, enumerable: true, writable: true })
  } else record[field] = value
}
