/**
 * Frames as lines of JSON, for people: tensors are lists in lists. What JSON has no form for is a string (`"NaN"`, integers
 * beyond 2^53) or null.
 *
 * @since 0.1.0
 */
import { isTypedArray } from "../core/DType.ts"
import { Tensor } from "../core/Tensor.ts"
import type { Frame } from "./Frame.ts"

const encoder = new TextEncoder()

/** A frame as a line. @since 0.1.0 */
export const line = (frame: Frame): Uint8Array => {
  if (frame.kind === "alive") return encoder.encode("\n")
  const shown =
    frame.kind === "batch"
      ? { ...frame.batch, cursor: frame.cursor }
      : frame.kind === "begin"
        ? { begin: frame.cursor, batches: frame.batches }
        : frame.kind === "end"
          ? { end: frame.cursor }
          : { error: frame.tag, message: frame.message }
  return encoder.encode(`${JSON.stringify(shown, replaced)}\n`)
}

const replaced = (_: string, value: unknown): unknown => {
  if (value instanceof Tensor) return nested(value.data, value.shape, 0, 0)
  if (isTypedArray(value)) return Array.from<number | bigint, unknown>(value, plain)
  return plain(value)
}

const plain = (value: unknown): unknown => {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value
}

/** The part of a tensor below an axis, from an offset on. */
const nested = (
  data: ArrayLike<number | bigint>,
  shape: ReadonlyArray<number>,
  axis: number,
  offset: number
): unknown => {
  if (axis === shape.length) return plain(data[offset])
  const stride = shape.slice(axis + 1).reduce((product, length) => product * length, 1)
  return Array.from({ length: shape[axis] ?? 0 }, (_, at) => nested(data, shape, axis + 1, offset + at * stride))
}
