/**
 * Arrays whose memory is gone. A typed array whose buffer was transferred to another thread, or made smaller, has no error of
 * its own: it reads as an empty one.
 *
 * @since 0.1.0
 */
import type { TypedArray } from "./DType.ts"
import { Tensor } from "./Tensor.ts"

/** What an error says of them, behind the name of a field. @since 0.1.0 */
export const LOST =
  "lies in memory that is gone: its buffer was transferred, or made smaller; copy it (slice) before it is transferred"

/**
 * Whether the memory of a typed array, or some of a tensor's, is gone. Arrays that have elements are not looked at further: to
 * ask for a small array's buffer makes engines move it.
 *
 * @since 0.1.0
 */
export const isLost = (value: TypedArray | Tensor): boolean => {
  if (!(value instanceof Tensor)) return value.length === 0 && isGone(value)
  const { data, shape } = value
  let length = 1
  for (const axis of shape) length *= axis
  return data.length < length || (data.length === 0 && isGone(data))
}

/** `at` throws if the buffer is gone, or ends before the array begins; `detached` would not tell the second. */
const isGone = (data: TypedArray): boolean => {
  try {
    data.at(0)
    return false
  } catch {
    return true
  }
}
