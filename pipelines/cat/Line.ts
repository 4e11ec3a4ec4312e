/**
 * A sample as a line of JSON. What JSON has no form for: bytes are `{"$bytes": base64}`, integers beyond 2^53
 * `{"$bigint": digits}`, times ISO 8601, typed arrays and tensors lists, and NaN and ±Infinity strings.
 */
import { inspect } from "node:util"
import { Predicate } from "effect"
import { Tensor } from "../../src/index.ts"

/** Returns a sample with the columns that were chosen, as far as it has them. */
export const chosen = (columns: ReadonlyArray<string> | undefined, sample: unknown): unknown => {
  if (columns === undefined || !Predicate.isRecord(sample)) return sample
  return Object.fromEntries(columns.filter((name) => Object.hasOwn(sample, name)).map((name) => [name, sample[name]]))
}

/** Returns a sample for people, on one line: what is long is cut short. */
export const preview = (sample: unknown): string =>
  inspect(sample, {
    breakLength: Number.POSITIVE_INFINITY,
    compact: true,
    depth: 6,
    maxArrayLength: 8,
    maxStringLength: 80
  })

/** Returns a sample as JSON without line breaks. */
export const line = (sample: unknown): string => written(sample)

const written = (value: unknown): string => {
  switch (typeof value) {
    case "number":
      return numeral(value)
    case "bigint":
      return Number.isSafeInteger(Number(value)) ? String(value) : `{"$bigint":"${value}"}`
    case "string":
      return JSON.stringify(value)
    case "boolean":
      return String(value)
    case "object":
      return value === null ? "null" : composed(value)
    default:
      return "null"
  }
}

const numeral = (value: number): string => {
  if (!Number.isFinite(value)) return `"${value}"`
  return Object.is(value, -0) ? "-0" : String(value)
}

const composed = (value: object): string => {
  if (value instanceof Uint8Array) return `{"$bytes":"${base64(value)}"}`
  if (value instanceof Tensor.Tensor) return nested(value.data, value.shape, 0, 0)
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "null" : `"${value.toISOString()}"`
  if (Array.isArray(value)) return `[${value.map(written).join(",")}]`
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    // Every view but a DataView is a typed array.
    return `[${Array.from(value as unknown as ArrayLike<number | bigint>, written).join(",")}]`
  }
  if (value instanceof Map) return `[${Array.from(value, written).join(",")}]`
  return `{${Object.entries(value)
    .map(([key, own]) => `${JSON.stringify(key)}:${written(own)}`)
    .join(",")}}`
}

const base64 = ({ buffer, byteLength, byteOffset }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString("base64")

/** The part of a tensor below an axis, from an offset on, as lists in lists. */
const nested = (
  data: ArrayLike<number | bigint>,
  shape: ReadonlyArray<number>,
  axis: number,
  offset: number
): string => {
  if (axis === shape.length) return written(data[offset])
  let stride = 1
  for (const length of shape.slice(axis + 1)) stride *= length
  const parts = Array.from({ length: shape[axis] ?? 0 }, (_, at) => nested(data, shape, axis + 1, offset + at * stride))
  return `[${parts.join(",")}]`
}
