/**
 * The samples of a batch on their way to a member that builds it: those of a stream, which is read on this side.
 *
 * @since 0.1.0
 */

import { isRecord } from "../../../core/Record.ts"
import { isProxy } from "../../../core/runtime.ts"
import { isTypedArray, Tensor, type TypedArray } from "../../../core/Tensor.ts"
import { copyOf, putTensors, TENSOR, takeTensors } from "./BatchCodec.ts"
import { decodeError, encodeError } from "./ErrorCodec.ts"
import { changedOnArrival } from "./NotSendable.ts"
import type { EncodedSamples } from "./Protocol.ts"

/**
 * Encodes so many samples. Those that cannot be read, or that would not arrive as they are, stand as errors of their rows.
 *
 * @since 0.1.0
 */
export const encodeSamples = (size: number, sampleAt: (row: number) => unknown): EncodedSamples => {
  const tensors: Array<Tensor> = []
  const values = new Array<unknown>(size)
  const failed: Array<EncodedSamples["failed"][number]> = []
  for (let row = 0; row < size; row++) {
    try {
      values[row] = encoded(sampleAt(row), tensors)
    } catch (thrown) {
      failed.push([row, encodeError(thrown)])
    }
  }
  return { values, tensors: tensors.map(({ data, shape }) => ({ data: owned(data), shape })), failed }
}

/** Returns what gives the sample of a row, or throws what it could not be read for. @since 0.1.0 */
export const decodeSamples = ({ failed, tensors, values }: EncodedSamples): ((row: number) => unknown) => {
  const errors = new Map(failed)
  const own =
    tensors.length === 0
      ? values
      : values.map((value) =>
          putTensors(value, (index) => {
            const sent = tensors[index]
            if (sent === undefined) throw new RangeError(`tensor ${index} was not sent`)
            return new Tensor(sent.data, sent.shape)
          })
        )
  return (row) => {
    const error = errors.get(row)
    if (error !== undefined) throw decodeError(error)
    return own[row]
  }
}

/** Most samples are records of numbers, texts and typed arrays, which need no copy of their own. */
const encoded = (sample: unknown, tensors: Array<Tensor>): unknown => {
  if (isPlain(sample)) return sample
  try {
    return withOwnArrays(takeTensors(sample, tensors, true))
  } catch (thrown) {
    const reason = changedOnArrival(sample, "to a thread") ?? String(thrown)
    const part = reason.startsWith("the batch") ? `a sample${reason.slice("the batch".length)}` : reason
    throw new TypeError(
      `${part}. Make samples of a stream of numbers, texts, typed arrays, tensors, or records and lists of these; or take Workers.fibers`
    )
  }
}

/** Whether a value arrives as it is, and nothing else with it. */
const isPlain = (value: unknown, depth = 0): boolean => {
  if (typeof value !== "object" || value === null) return typeof value !== "function" && typeof value !== "symbol"
  if (isTypedArray(value)) return isWhole(value)
  if (depth > 8 || isProxy(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype) {
    const keys = Reflect.ownKeys(value)
    if (Object.keys(value).length < keys.length) return false
    for (const key of keys) {
      if (typeof key === "symbol" || key === TENSOR || !isPlain(Reflect.get(value, key), depth + 1)) return false
    }
    return true
  }
  return prototype === Array.prototype && (value as ReadonlyArray<unknown>).every((own) => isPlain(own, depth + 1)) // it is one
}

/** An array that is a part of its memory would take all of that along. A Buffer would arrive without its class. */
const isWhole = (array: TypedArray): boolean =>
  array.byteLength === array.buffer.byteLength && Object.getPrototypeOf(Object.getPrototypeOf(array)) === TYPED

const TYPED: unknown = Object.getPrototypeOf(Uint8Array.prototype)

const owned = <D extends TypedArray>(data: D): D => (data.byteLength === data.buffer.byteLength ? data : copyOf(data))

/** The value with arrays of their own memory. */
const withOwnArrays = (value: unknown): unknown => {
  if (isTypedArray(value)) return owned(value)
  if (Array.isArray(value)) return value.map(withOwnArrays)
  if (!isRecord(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, own]) => [key, withOwnArrays(own)]))
}
