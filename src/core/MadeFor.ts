/**
 * What the description of a value was made for. Samplers, datasets and policies of this library describe themselves, by
 * `parameters` or `made`, and cursors compare the description. Whoever copies one by spread and gives it other functions
 * copies the description, too, which does not hold for these: so each value holds the functions that it describes.
 *
 * @since 0.1.0
 */

const MADE_FOR: unique symbol = Symbol.for("furrow/MadeFor")

/** Fields of a value, as they were when it was made. */
interface MadeFor {
  readonly functions: Readonly<Record<string, unknown>>
  readonly descriptions: Readonly<Record<string, unknown>>
}

/**
 * Returns the value, which from now on holds that its fields `descriptions` describe its fields `functions`, as they are.
 *
 * @since 0.1.0
 */
export const madeFor = <A extends object>(
  value: A,
  functions: ReadonlyArray<keyof A & string>,
  descriptions: ReadonlyArray<keyof A & string>
): A => {
  const fields = (names: ReadonlyArray<keyof A & string>) =>
    Object.fromEntries(names.map((name) => [name, value[name]]))
  const own: MadeFor = { functions: fields(functions), descriptions: fields(descriptions) }
  // Enumerable, so that a spread copies it.
  return Object.defineProperty(value, MADE_FOR, { value: own, enumerable: true, configurable: true })
}

/**
 * Returns a description of a value; `undefined` if it was copied from a value that had other functions. One that a user
 * has given is theirs.
 *
 * @since 0.1.0
 */
export const descriptionOf = <A extends object, Name extends keyof A & string>(
  value: A,
  name: Name
): A[Name] | undefined => (isCopied(value, name) ? undefined : value[name])

/** Whether a description was copied from a value that had other functions. @since 0.1.0 */
export const isCopied = <A extends object>(value: A, name: keyof A & string): boolean => {
  if (!(MADE_FOR in value)) return false
  const { descriptions, functions } = value[MADE_FOR] as MadeFor // only `madeFor` sets it
  const isChanged = Object.entries(functions).some(([own, was]) => value[own as keyof A] !== was) // a field of `value`
  return isChanged && value[name] === descriptions[name]
}
