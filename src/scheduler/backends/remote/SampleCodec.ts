/**
 * The samples of a batch on their way to a member that builds it: those of a stream, which is read on this side.
 *
 * @since 0.1.0
 */

import { isProxy } from "../../../core/runtime.ts"
import { shown } from "../../../core/Show.ts"
import { isTypedArray, Tensor, type TypedArray } from "../../../core/Tensor.ts"
import { checkFields, copyOf, DEEPEST, isPart, putTensors, takeTensors } from "./BatchCodec.ts"
import { decodeError, encodeError } from "./ErrorCodec.ts"
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

/**
 * Returns the samples without those that structured clone refuses, which stand as errors of their rows: what
 * {@link encodeSamples} does not look at, such as a function that is a property of a list, since looking for it would cost as
 * much as sending the list.
 *
 * @since 0.1.0
 */
export const clonedAlone = ({ failed, tensors, values }: EncodedSamples): EncodedSamples => {
  const more: Array<EncodedSamples["failed"][number]> = []
  const sent = values.map((value, row) => {
    try {
      structuredClone(value)
      return value
    } catch (thrown) {
      more.push([row, encodeError(refusal("", thrown))])
      return undefined
    }
  })
  return { values: sent, tensors, failed: [...failed, ...more] }
}

const refusal = (path: string, thrown: unknown): TypeError =>
  new TypeError(
    `${path === "" ? "a sample" : path} cannot be sent to a thread as it is (${shown(thrown)}). Make samples of a stream of ` +
      "numbers, texts, typed arrays, tensors, or records and lists of these; or take Workers.fibers"
  )

const encoded = (sample: unknown, tensors: Array<Tensor>): unknown => {
  try {
    return taken(sample, tensors, 0)
  } catch (thrown) {
    throw thrown instanceof PartRefused ? refusal(thrown.path, thrown.thrown) : refusal("", thrown)
  }
}

/** What was thrown at a part of a sample, on its way out. */
class PartRefused extends Error {
  readonly path: string
  readonly thrown: unknown

  constructor(path: string, thrown: unknown) {
    super(path)
    this.path = path
    this.thrown = thrown
  }

  static at(key: string, thrown: unknown): PartRefused {
    if (!(thrown instanceof PartRefused)) return new PartRefused(key, thrown)
    const { path } = thrown
    return new PartRefused(path.startsWith("[") ? `${key}${path}` : `${key}.${path}`, thrown.thrown)
  }
}

/**
 * A value as it is sent: most samples are records of numbers, texts and typed arrays. Records are copied, so that each of
 * their fields is read once; it may be a getter of the user's.
 */
const taken = (value: unknown, tensors: Array<Tensor>, depth: number): unknown => {
  if (!isPart(value)) return value
  if (typeof value === "object" && value !== null && !isProxy(value)) {
    if (isTypedArray(value)) return owned(takeTensors(value, tensors, true) as TypedArray) // a typed array is given back
    const prototype: unknown = Object.getPrototypeOf(value)
    if (depth < DEEPEST) {
      if (prototype === Object.prototype) return recordOf(value, tensors, depth)
      if (prototype === Array.prototype && Array.isArray(value) && value.some(isPart)) {
        return listOf(value, tensors, depth)
      }
    }
  }
  return takeTensors(value, tensors, true, depth)
}

const recordOf = (record: object, tensors: Array<Tensor>, depth: number): unknown => {
  checkFields(record, true)
  const own: Record<string, unknown> = {}
  for (const key of Object.keys(record)) {
    try {
      const value = taken(Reflect.get(record, key), tensors, depth + 1)
      if (key === "__proto__") Object.defineProperty(own, key, { value, enumerable: true })
      else own[key] = value
    } catch (thrown) {
      throw PartRefused.at(key, thrown)
    }
  }
  return own
}

const listOf = (list: ReadonlyArray<unknown>, tensors: Array<Tensor>, depth: number): unknown => {
  checkFields(list, true)
  return list.map((value, place) => {
    try {
      return taken(value, tensors, depth + 1)
    } catch (thrown) {
      throw PartRefused.at(`[${place}]`, thrown)
    }
  })
}

/** An array that is a part of its memory would take all of that along. */
const owned = <D extends TypedArray>(data: D): D => (data.byteLength === data.buffer.byteLength ? data : copyOf(data))
