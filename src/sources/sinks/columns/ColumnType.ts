/**
 * The types of columns, declared or seen in the first rows.
 *
 * @since 0.1.0
 */

import { type DType, dtypeOf, isTypedArray } from "../../../core/DType.ts"
import { InvalidOption } from "../../../core/InvalidOption.ts"
import { isRecord } from "../../../core/Record.ts"
import { Tensor } from "../../../core/Tensor.ts"

/** The types of one value. */
const PLAIN = [
  "null",
  "bool",
  "int8",
  "int16",
  "int32",
  "int64",
  "uint8",
  "uint16",
  "uint32",
  "uint64",
  "float32",
  "float64",
  "string",
  "binary",
  "timestamp"
] as const

/**
 * The type of a column: that of its values, of its lists' items, or of its records' fields. Any value may be `null`.
 * `timestamp` is a `Date`, in milliseconds of UTC.
 *
 * @category models
 * @since 0.1.0
 */
export type ColumnType =
  | (typeof PLAIN)[number]
  | { readonly list: ColumnType }
  | { readonly struct: { readonly [field: string]: ColumnType } }

/** Lists and records in one another deeper than this are refused, declared or found in a row. @since 0.1.0 */
export const DEEPEST = 32

/** Whether a value is a {@link ColumnType}. @since 0.1.0 */
export const isColumnType = (value: unknown, depth = 0): value is ColumnType => {
  if (typeof value === "string") return PLAIN.some((name) => name === value)
  if (!isRecord(value) || depth > DEEPEST || Object.keys(value).length !== 1) return false
  const { list, struct } = value
  if (list !== undefined) return isColumnType(list, depth + 1)
  return (
    isRecord(struct) &&
    Object.entries(struct).every(([name, own]) => name.isWellFormed() && isColumnType(own, depth + 1))
  )
}

/** Checks the types that columns are declared to have. Throws `InvalidOption`. @since 0.1.0 */
export const typesOf = (types: unknown): Readonly<Record<string, ColumnType>> => {
  const wrong = isRecord(types)
    ? Object.entries(types).find(([name, type]) => !name.isWellFormed() || !isColumnType(type))
    : ["types", types]
  // Each value was found to be a type.
  if (wrong === undefined) return types as Readonly<Record<string, ColumnType>>
  const expected = `a record of types by column, each one of ${PLAIN.join(", ")}, { list: type } or { struct: { field: type } }`
  throw new InvalidOption({
    option: "types",
    value: wrong[1],
    expected: `${expected}; got something else for ${wrong[0]}`
  })
}

/** A column type as it is shown. @since 0.1.0 */
export const shownType = (type: ColumnType): string => {
  if (typeof type === "string") return type
  if ("list" in type) return `list of ${shownType(type.list)}`
  return `record of ${Object.keys(type.struct).join(", ")}`
}

/** The kind of column that a value belongs in; `undefined` if there is none. Numbers are float64, so that any fits. @since 0.1.0 */
export const kindOf = (
  value: unknown
): "list" | "struct" | "string" | "binary" | "timestamp" | "bool" | DType | undefined => {
  switch (typeof value) {
    case "number":
      return "float64"
    case "bigint":
      return "int64"
    case "boolean":
      return "bool"
    case "string":
      return "string"
    case "object":
      if (value instanceof Uint8Array) return "binary"
      if (Array.isArray(value) || isTypedArray(value)) return "list"
      if (value instanceof Tensor) return value.shape.length === 0 ? dtypeOf(value.data) : "list"
      if (value instanceof Date) return "timestamp"
      return isRecord(value) ? "struct" : undefined
    default:
      return undefined
  }
}
