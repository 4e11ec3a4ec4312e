/**
 * The `config` of a pipeline's module on its way to a member: tensors would lose their class, and Deno looks through every
 * element of the typed arrays that a thread is started with. So both go as their buffers; those that are shared stay so.
 *
 * @since 0.1.0
 */
import { arrays, type DType } from "../../../core/DType.ts"
import { isRecord } from "../../../core/Record.ts"
import { dtypeOf, isTypedArray, Tensor, type TypedArray } from "../../../core/Tensor.ts"

/** A typed array, or a tensor if it has a shape, as its buffer. */
interface EncodedArray {
  readonly dtype: DType
  readonly clamped: boolean
  readonly buffer: ArrayBufferLike
  readonly offset: number
  readonly length: number
  readonly shape: ReadonlyArray<number> | undefined
}

/** @since 0.1.0 */
export interface EncodedConfig {
  /** The config, numbers in the places of arrays. */
  readonly value: unknown
  readonly arrays: ReadonlyArray<EncodedArray>
}

/** The key under which the number of an array stands in its place. */
const ARRAY = "furrow/array"

const encodeArray = (data: TypedArray, shape: ReadonlyArray<number> | undefined): EncodedArray => {
  const isShared = typeof SharedArrayBuffer !== "undefined" && data.buffer instanceof SharedArrayBuffer
  // What else lies in an own buffer is not sent.
  const { buffer, byteOffset: offset } = isShared ? data : data.slice()
  return {
    dtype: dtypeOf(data),
    clamped: data instanceof Uint8ClampedArray,
    buffer,
    offset,
    length: data.length,
    shape
  }
}

/** Encodes plain data with tensors. @since 0.1.0 */
export const encodeConfig = (config: unknown): EncodedConfig => {
  const all: Array<EncodedArray> = []
  const place = (own: EncodedArray): unknown => ({ [ARRAY]: all.push(own) - 1 })
  const walk = (value: unknown): unknown => {
    if (value instanceof Tensor) return place(encodeArray(value.data, value.shape))
    if (isTypedArray(value)) return place(encodeArray(value, undefined))
    if (Array.isArray(value)) return value.map(walk)
    if (!isRecord(value)) return value
    return Object.fromEntries(Object.entries(value).map(([key, own]) => [key, walk(own)]))
  }
  return { value: walk(config), arrays: all }
}

/** The config that {@link encodeConfig} encoded. @since 0.1.0 */
export const decodeConfig = ({ arrays: all, value: encoded }: EncodedConfig): unknown => {
  const walk = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(walk)
    if (!isRecord(value)) return value
    const own = all[value[ARRAY] as number] // a number where `encodeConfig` wrote one, and none of them elsewhere
    if (own === undefined) return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, walk(part)]))
    const { buffer, clamped, dtype, length, offset, shape } = own
    const Kind: new (memory: ArrayBufferLike, from: number, length: number) => TypedArray = clamped
      ? Uint8ClampedArray
      : arrays[dtype]
    const data = new Kind(buffer, offset, length)
    return shape === undefined ? data : new Tensor(data, shape)
  }
  return walk(encoded)
}
