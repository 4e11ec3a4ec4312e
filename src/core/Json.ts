/**
 * Values as JSON: as what is read back the same, or refused ({@link jsonOf}); or as something to look at ({@link shownJson}). What
 * JSON has no form for is written in one way by both: typed arrays and tensors are lists, bytes `{"$bytes": base64}`, times ISO
 * 8601. Bigints beyond 2^53 are digits if they are read back, and `{"$bigint": digits}` to look at, for readers that would round
 * them.
 *
 * @since 0.1.0
 */
import { Buffer } from "node:buffer"
import { besideFields, besideItems } from "./Beside.ts"
import { isTypedArray } from "./DType.ts"
import { isLost, LOST } from "./Lost.ts"
import { isRecord } from "./Record.ts"
import { Tensor } from "./Tensor.ts"

/** A value that JSON cannot hold, and where it is in the row. @since 0.1.0 */
export class NotJson extends Error {}

/** Deeper values are taken for ones that hold themselves. */
const DEEPEST = 256

/**
 * Whether `JSON.stringify` writes a value so that `JSON.parse` gives it back. It is called for each value that is written.
 * Lists longer than `longest` are taken to have items alone.
 */
const isPlain = (value: unknown, depth: number, longest: number): boolean => {
  if (typeof value === "string") return true
  // Neither NaN nor −0, nor beyond 2^53, where digits alone stand for a bigint.
  if (typeof value === "number") {
    return value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER && (value !== 0 || 1 / value > 0)
  }
  if (value === null || typeof value === "boolean") return true
  if (typeof value !== "object" || depth === DEEPEST) return false
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at++) if (!isPlain(value[at], depth + 1, longest)) return false
    return !("toJSON" in value) && (value.length > longest || besideItems(value) === undefined)
  }
  if (Object.getPrototypeOf(value) !== Object.prototype || "toJSON" in value) return false
  if (besideFields(value) !== undefined) return false
  // It has Object's prototype, so it is a record of values by name.
  const record = value as Readonly<Record<string, unknown>>
  for (const name in record) if (!isPlain(record[name], depth + 1, longest)) return false
  return true
}

/** What becomes of what JSON cannot hold. */
interface Rules {
  /** The text of a value at a place, of which `why` says what it is; or throws. */
  readonly otherwise: (value: unknown, at: string, depth: number, why: string) => string
  /** Whether it is to be read back: fields that are `undefined` are left out, and what has no place in JSON is no value. */
  readonly isStrict: boolean
}

const strict: Rules = {
  otherwise: (_, at, __, why) => {
    throw new NotJson(`${at} ${why}`)
  },
  isStrict: true
}

/** Numbers as strings, maps as lists of entries, objects as records of their fields; all else null. */
const shown: Rules = {
  otherwise: (value, at, depth) => {
    if (typeof value === "number") return `"${value}"`
    if (
      typeof value !== "object" ||
      value === null ||
      value instanceof Date ||
      ArrayBuffer.isView(value) ||
      depth > DEEPEST
    )
      return "null"
    return value instanceof Map ? list([...value], at, depth, shown) : fieldsOf(value, at, depth, shown)
  },
  isStrict: false
}

/**
 * Returns a row as a line of JSON; fields that are `undefined` are left out. Throws {@link NotJson} for anything that would be
 * read back as something else: NaN, infinities, functions, objects of classes, and for lists and records with more than items
 * and fields; of lists longer than `longest` that is not looked at. Errors call the value `at`.
 *
 * @since 0.1.0
 */
export const jsonOf = (row: unknown, longest = Number.POSITIVE_INFINITY, at = ROW): string =>
  isPlain(row, 0, longest) ? JSON.stringify(row) : written(row, at, 0, strict)

/** What errors call a row; within it they name fields alone. */
const ROW = "the row"

/**
 * Returns any value as a line of JSON to look at: NaN and infinities are strings, maps lists of their entries, objects records
 * of their fields; all else that JSON cannot hold is null.
 *
 * @since 0.1.0
 */
export const shownJson = (value: unknown): string => written(value, "", 0, shown)

const written = (value: unknown, at: string, depth: number, rules: Rules): string => {
  if (depth > DEEPEST) {
    return rules.otherwise(value, at.slice(0, 80), depth, `lies deeper than ${DEEPEST} levels, or holds itself`)
  }
  switch (typeof value) {
    case "number":
      if (!Number.isFinite(value)) {
        const why = `is ${value}, which JSON cannot hold; write null for it, or another format`
        return rules.otherwise(value, at, depth, why)
      }
      return Object.is(value, -0) ? "-0" : exponential(value)
    case "bigint":
      return rules.isStrict || Number.isSafeInteger(Number(value)) ? String(value) : `{"$bigint":"${value}"}`
    case "string":
    case "boolean":
      return JSON.stringify(value)
    case "object":
      return value === null ? "null" : composed(value, at, depth, rules)
    default: {
      const why = `is ${value === undefined ? "undefined" : `a ${typeof value}`}, which JSON cannot hold`
      return rules.otherwise(value, at, depth, why)
    }
  }
}

/** A number, with an exponent where its digits alone would stand for a bigint. */
const exponential = (value: number): string =>
  Number.isInteger(value) && !Number.isSafeInteger(value) ? value.toExponential() : String(value)

const composed = (value: object, at: string, depth: number, rules: Rules): string => {
  if ((value instanceof Tensor || isTypedArray(value)) && isLost(value)) return rules.otherwise(value, at, depth, LOST)
  if (value instanceof Uint8Array) {
    return `{"$bytes":"${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64")}"}`
  }
  if (value instanceof Tensor) return nested(value.data, value.shape, 0, 0, at, rules)
  if (value instanceof Date) {
    return Number.isNaN(value.getTime())
      ? rules.otherwise(value, at, depth, "is an invalid date")
      : `"${value.toISOString()}"`
  }
  if (Array.isArray(value)) {
    const beside = rules.isStrict ? besideItems(value) : undefined
    return beside === undefined ? list(value, at, depth, rules) : rules.otherwise(value, at, depth, beside)
  }
  if (isTypedArray(value)) return nested(value, [value.length], 0, 0, at, rules)
  const other = isRecord(value) ? undefined : "is an object of a class, which JSON cannot hold; map it to a record"
  const why = other ?? (rules.isStrict ? besideFields(value) : undefined)
  return why === undefined ? fieldsOf(value, at, depth, rules) : rules.otherwise(value, at, depth, why)
}

const list = (values: ReadonlyArray<unknown>, at: string, depth: number, rules: Rules): string =>
  `[${Array.from({ length: values.length }, (_, place) => written(values[place], `${at}[${place}]`, depth + 1, rules)).join(",")}]`

const fieldsOf = (value: object, at: string, depth: number, rules: Rules): string => {
  const within = at === ROW ? "" : `${at}, `
  const fields = Object.entries(value).filter(([, own]) => own !== undefined || !rules.isStrict)
  return `{${fields.map(([name, own]) => `${JSON.stringify(name)}:${written(own, `${within}field ${JSON.stringify(name)}`, depth + 1, rules)}`).join(",")}}`
}

/** The part of a tensor below an axis, from an offset on, as lists in lists. */
const nested = (
  data: ArrayLike<number | bigint>,
  shape: ReadonlyArray<number>,
  axis: number,
  offset: number,
  at: string,
  rules: Rules
): string => {
  if (axis === shape.length) return written(data[offset], at, 0, rules)
  let stride = 1
  for (const length of shape.slice(axis + 1)) stride *= length
  const parts = Array.from({ length: shape[axis] ?? 0 }, (_, own) =>
    nested(data, shape, axis + 1, offset + own * stride, at, rules)
  )
  return `[${parts.join(",")}]`
}
