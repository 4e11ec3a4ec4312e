/**
 * Errors as plain data, and back into errors of the same kind, with their fields.
 *
 * Anything can be thrown: errors that are their own cause, getters that throw, Proxies, values that cannot be cloned.
 * Encoding throws for none of them and ends for all of them.
 *
 * @since 0.1.0
 */
import { InvalidOption } from "../../../core/InvalidOption.ts"
import { shown } from "../../../core/Show.ts"
import { AmbientRandomness } from "../../../patches/Ambient.ts"
import { CoordinatesError } from "../../../seeding/Coordinates.ts"
import { DatasetChanged, StageError } from "../../build/StageError.ts"
import { DigestError } from "../../plan/Digest.ts"
import type { EncodedError } from "./Protocol.ts"

/** The most errors that are sent for one error: causes of causes, errors in fields. */
const MOST = 100

/** The longest text that is sent, in characters. */
const LONGEST = 2 ** 24

/**
 * An error as plain data. What cannot be sent stands as text; of a long chain of causes the first 100 errors are sent, of
 * a text the first 16 million characters.
 *
 * @since 0.1.0
 */
export const encodeError = (thrown: unknown): EncodedError => encodeInto(thrown, new Map())

const encodeInto = (thrown: unknown, seen: Map<unknown, number>): EncodedError => {
  const known = seen.get(thrown)
  if (known !== undefined) return { _tag: "Same", error: known }
  if (!isError(thrown)) return { _tag: "Value", value: sendable(thrown) }
  if (seen.size === MOST) return { _tag: "Value", value: textOf(() => shown(thrown)) }
  seen.set(thrown, seen.size)
  const name = textOf(() => thrown.name)
  const message = textOf(() => thrown.message)
  const stack = property(thrown, "stack")
  const errors = property(thrown, "errors")
  const cause = property(thrown, "cause")
  const fields: Array<readonly [string, EncodedError]> = []
  for (const key of keysOf(thrown)) {
    if (APART.has(key)) continue
    const value = property(thrown, key)
    // A text in the place of a method that every error has would be called as one.
    if (typeof value === "function" && key in Error.prototype) continue
    fields.push([key, encodeInto(value, seen)])
  }
  return {
    _tag: "Error",
    ours: isOwnError(thrown),
    name,
    message,
    stack: typeof stack === "string" ? cut(stack) : undefined,
    fields,
    cause: cause === undefined ? undefined : encodeInto(cause, seen),
    errors: isAggregate(thrown) ? listOf(errors, seen) : undefined
  }
}

const APART: ReadonlySet<string> = new Set(["name", "message", "stack", "cause"])

const listOf = (errors: unknown, seen: Map<unknown, number>): ReadonlyArray<EncodedError> => {
  const list: Array<EncodedError> = []
  try {
    for (const error of errors as Iterable<unknown>) {
      if (list.push(encodeInto(error, seen)) === MOST) break
    }
  } catch {
    // It holds no errors that can be had, as its constructor gave it some.
  }
  return list
}

const isError = (value: unknown): value is Error => {
  try {
    return value instanceof Error
  } catch {
    return false // a Proxy that was revoked, or whose trap throws
  }
}

const isAggregate = (error: Error): boolean => {
  try {
    return error instanceof AggregateError
  } catch {
    return false
  }
}

/** A property's value; what its getter throws in its stead. */
const property = (error: Error, key: string): unknown => {
  try {
    return Reflect.get(error, key)
  } catch (thrown) {
    return textOf(() => `(reading it threw ${shown(thrown)})`)
  }
}

const keysOf = (error: Error): ReadonlyArray<string> => {
  try {
    // JavaScriptCore gives errors a line and a column, numbers that are not enumerable, and a class's own fields of these
    // names take their place.
    const hidden = ["line", "column"].filter((key) => {
      const own = Object.getOwnPropertyDescriptor(error, key)
      return own !== undefined && !own.enumerable && typeof own.value !== "number"
    })
    return [...Object.keys(error), ...hidden]
  } catch {
    return []
  }
}

/** What `read` gives as text, whatever it is. */
const textOf = (read: () => unknown): string => {
  try {
    return cut(String(read()))
  } catch (thrown) {
    return shown(thrown)
  }
}

const cut = (text: string): string =>
  text.length > LONGEST ? `${text.slice(0, LONGEST)}… (${text.length} characters)` : text

const sendable = (value: unknown): unknown => {
  if (typeof value === "string") return cut(value)
  try {
    if (isModest(value)) return structuredClone(value)
  } catch {
    // It is sent as text.
  }
  // As an error shows it that was not sent: the two sides' messages are the same.
  return shown(value)
}

/** Whether a value's parts are so few that it can be cloned: an array of 2^32 holes takes minutes. */
const isModest = (value: unknown): boolean => {
  const seen = new Set<unknown>()
  const rest: Array<unknown> = [value]
  while (rest.length > 0) {
    const next = rest.pop()
    if (typeof next !== "object" || next === null || ArrayBuffer.isView(next) || seen.has(next)) continue
    seen.add(next)
    if (seen.size > PARTS || (Array.isArray(next) && next.length > PARTS)) return false
    const parts = next instanceof Map ? [...next].flat() : next instanceof Set ? [...next] : Object.values(next)
    if (rest.length + parts.length > PARTS) return false
    for (const part of parts) rest.push(part)
  }
  return true
}

/** The most parts that a value may have, however they are nested. */
const PARTS = 2 ** 20

/**
 * The error that was encoded: one of Furrow's own as what it was, any other as an `Error` with its name, message, stack
 * and fields, `_tag` among them.
 *
 * @since 0.1.0
 */
export const decodeError = (thrown: EncodedError): unknown => decodeWith(thrown, { count: 0, errors: [] })

/** The errors that are decoded, by the number that {@link encodeError} gave them; a hole where one is not done yet. */
interface Known {
  count: number
  readonly errors: Array<unknown>
}

const decodeWith = (thrown: EncodedError, known: Known): unknown => {
  if (thrown._tag === "Value") return thrown.value
  if (thrown._tag === "Same") return known.errors[thrown.error] ?? "(the error itself)"
  const { cause, errors, fields, message, name, stack } = thrown
  const number = known.count++
  if (thrown.ours) {
    const own = decodedFields(fields, known)
    const error = ofFurrow({ ...own, cause: cause === undefined ? undefined : decodeWith(cause, known) })
    known.errors[number] = error
    return error
  }
  const error = errors === undefined ? new Error(message) : new AggregateError([], message)
  known.errors[number] = error
  if (stack === undefined) define(error, "stack", `${name}: ${message}`)
  else define(error, "stack", stack)
  for (const [key, value] of Object.entries(decodedFields(fields, known))) define(error, key, value, true)
  define(error, "name", name, true)
  if (cause !== undefined) define(error, "cause", decodeWith(cause, known))
  if (errors !== undefined) {
    define(
      error,
      "errors",
      errors.map((own) => decodeWith(own, known))
    )
  }
  return error
}

/** Defines it, as assigning to `__proto__` would do something else. */
const define = (error: Error, key: string, value: unknown, enumerable = false): void => {
  Object.defineProperty(error, key, { value, enumerable, configurable: true, writable: true })
}

const decodedFields = (
  fields: ReadonlyArray<readonly [string, EncodedError]>,
  known: Known
): Readonly<Record<string, unknown>> => {
  const decoded: Record<string, unknown> = Object.create(null)
  for (const [key, value] of fields) decoded[key] = decodeWith(value, known)
  return decoded
}

/** The errors that a batch can fail with. */
const batchErrors = { CoordinatesError, DatasetChanged, DigestError, StageError }

/** Furrow's own errors, by tag. Their fields are those of the class: `encodeError` took them from one. */
const classes = { ...batchErrors, AmbientRandomness, InvalidOption }

type ErrorOf<Classes extends Record<string, abstract new (...options: never) => unknown>> = InstanceType<
  Classes[keyof Classes]
>

const isOneOf =
  <Classes extends Record<string, abstract new (...options: never) => unknown>>(of: Classes) =>
  (error: unknown): error is ErrorOf<Classes> => {
    try {
      return Object.values(of).some((own) => error instanceof own)
    } catch {
      return false // a Proxy whose trap throws
    }
  }

const isOwnError = isOneOf(classes)

/** Whether a value is an error that a batch can fail with. @since 0.1.0 */
export const isBatchError = isOneOf(batchErrors)

const ofFurrow = (fields: Readonly<Record<string, unknown>>): unknown => {
  const own = Object.entries(classes).find(([tag]) => tag === fields["_tag"])?.[1]
  // The constructor of the class that the fields are of.
  return own === undefined ? undefined : new (own as new (fields: unknown) => Error)(fields)
}
