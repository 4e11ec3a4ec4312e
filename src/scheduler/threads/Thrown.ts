/**
 * Errors on their way from a thread: their fields as plain data, and back into errors of the same kind.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import { InvalidOption } from "../../InvalidOption.ts"
import { CoordinatesError } from "../../seeding/Coordinates.ts"
import { DigestError } from "../Digest.ts"
import { DatasetChanged, StageError } from "../StageError.ts"
import type { Thrown } from "./Protocol.ts"

/** An error as plain data. What cannot be sent stands as text. @since 0.1.0 */
export const encode = (error: unknown): Thrown => {
  if (!(error instanceof Error)) return { _tag: "Value", value: sendable(error) }
  const fields: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(error)) {
    if (key !== "stack" && key !== "cause" && key !== "message") {
      fields[key] = value instanceof Error ? { [NESTED]: encode(value) } : sendable(value)
    }
  }
  const cause = error.cause === undefined ? undefined : encode(error.cause)
  return { _tag: "Error", name: error.name, message: error.message, stack: error.stack, fields, cause }
}

const NESTED = "furrow/thrown"

const sendable = (value: unknown): unknown => {
  try {
    return structuredClone(value)
  } catch {
    return String(value)
  }
}

/**
 * The error that was encoded: one of Furrow's own as what it was, any other as an `Error` with its name, message, stack
 * and fields, `_tag` among them.
 *
 * @since 0.1.0
 */
export const decode = (thrown: Thrown): unknown => {
  if (thrown._tag === "Value") return thrown.value
  const fields: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(thrown.fields)) {
    // `encode` put it there.
    fields[key] = Predicate.hasProperty(value, NESTED) ? decode(value[NESTED] as Thrown) : value
  }
  const cause = thrown.cause === undefined ? undefined : decode(thrown.cause)
  const own = ofFurrow(fields["_tag"], { ...fields, cause })
  if (own !== undefined) return own
  const error = new Error(thrown.message, cause === undefined ? undefined : { cause })
  if (thrown.stack !== undefined) error.stack = thrown.stack
  return Object.assign(error, fields, { name: thrown.name })
}

/** The fields are those of the class with that tag: `encode` took them from one, on the other side of the same code. */
const ofFurrow = (tag: unknown, fields: Readonly<Record<string, unknown>>): unknown => {
  switch (tag) {
    case "StageError":
      return new StageError(fields as ConstructorParameters<typeof StageError>[0])
    case "CoordinatesError":
      return new CoordinatesError(fields as ConstructorParameters<typeof CoordinatesError>[0])
    case "DatasetChanged":
      return new DatasetChanged(fields as ConstructorParameters<typeof DatasetChanged>[0])
    case "DigestError":
      return new DigestError(fields as ConstructorParameters<typeof DigestError>[0])
    case "InvalidOption":
      return new InvalidOption(fields as ConstructorParameters<typeof InvalidOption>[0])
    default:
      return undefined
  }
}
