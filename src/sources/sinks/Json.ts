/**
 * Rows as JSON that is read back as what was written, or refused.
 *
 * @since 0.1.0
 */
import { Buffer } from "node:buffer"
import { isTypedArray } from "../../core/DType.ts"
import { isRecord } from "../../core/Record.ts"
import { Tensor } from "../../core/Tensor.ts"

/** A value that JSON cannot hold, and where it is in the row. @since 0.1.0 */
export class NotJson extends Error {}

/** Deeper values are taken for ones that hold themselves. */
const DEEPEST = 256

/** Whether `JSON.stringify` writes a value so that `JSON.parse` gives it back. It is called for each value that is written. */
const isPlain = (value: unknown, depth: number): boolean => {
  if (typeof value === "string") return true
  // Neither NaN, infinities nor −0.
  if (typeof value === "number") return value - value === 0 && (value !== 0 || 1 / value > 0)
  if (value === null || typeof value === "boolean") return true
  if (typeof value !== "object" || depth === DEEPEST) return false
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at++) if (!isPlain(value[at], depth + 1)) return false
    return true
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) return false
  // It has Object's prototype, so it is a record of values by name.
  const record = value as Readonly<Record<string, unknown>>
  for (const name in record) if (name === "toJSON" || !isPlain(record[name], depth + 1)) return false
  return true
}

/**
 * Returns a row as a line of JSON. Typed arrays and tensors are lists, bytes `{"$bytes": base64}`, integers beyond 2^53
 * `{"$bigint": digits}`, times ISO 8601; fields that are `undefined` are left out. Throws {@link NotJson} for anything that
 * would be read back as something else: NaN, infinities, functions, objects of classes.
 *
 * @since 0.1.0
 */
export const jsonOf = (row: unknown): string => (isPlain(row, 0) ? JSON.stringify(row) : written(row, "the row", 0))

const written = (value: unknown, at: string, depth: number): string => {
  if (depth > DEEPEST) throw new NotJson(`${at.slice(0, 80)} lies deeper than ${DEEPEST} levels, or holds itself`)
  switch (typeof value) {
    case "number":
      return numeral(value, at)
    case "bigint":
      return Number.isSafeInteger(Number(value)) ? String(value) : `{"$bigint":"${value}"}`
    case "string":
    case "boolean":
      return JSON.stringify(value)
    case "object":
      return value === null ? "null" : composed(value, at, depth)
    default:
      throw new NotJson(`${at} is ${value === undefined ? "undefined" : `a ${typeof value}`}, which JSON cannot hold`)
  }
}

const numeral = (value: number, at: string): string => {
  if (!Number.isFinite(value)) {
    throw new NotJson(`${at} is ${value}, which JSON cannot hold; write null for it, or another format`)
  }
  return Object.is(value, -0) ? "-0" : String(value)
}

const composed = (value: object, at: string, depth: number): string => {
  if (value instanceof Uint8Array) {
    return `{"$bytes":"${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64")}"}`
  }
  if (value instanceof Tensor) return nested(value.data, value.shape, 0, 0, at)
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw new NotJson(`${at} is an invalid date`)
    return `"${value.toISOString()}"`
  }
  if (Array.isArray(value)) {
    return `[${Array.from(value, (own, place) => written(own, `${at}[${place}]`, depth + 1)).join(",")}]`
  }
  if (isTypedArray(value)) return nested(value, [value.length], 0, 0, at)
  if (!isRecord(value)) {
    throw new NotJson(`${at} is an object of a class, which JSON cannot hold; map it to a record`)
  }
  const fields = Object.entries(value).filter(([, own]) => own !== undefined)
  return `{${fields.map(([name, own]) => `${JSON.stringify(name)}:${written(own, `field ${JSON.stringify(name)}`, depth + 1)}`).join(",")}}`
}

/** The part of a tensor below an axis, from an offset on, as lists in lists. */
const nested = (
  data: ArrayLike<number | bigint>,
  shape: ReadonlyArray<number>,
  axis: number,
  offset: number,
  at: string
): string => {
  if (axis === shape.length) return written(data[offset], at, 0)
  let stride = 1
  for (const length of shape.slice(axis + 1)) stride *= length
  const parts = Array.from({ length: shape[axis] ?? 0 }, (_, own) =>
    nested(data, shape, axis + 1, offset + own * stride, at)
  )
  return `[${parts.join(",")}]`
}
