/**
 * Batches as plain data: their tensors apart, numbered, so that they can lie in shared memory or be sent as bytes.
 *
 * @since 0.1.0
 */

import { isRecord } from "../../../core/Record.ts"
import { Tensor, type TypedArray } from "../../../core/Tensor.ts"
import type { Batch } from "../../../pipeline/Batch.ts"
import type { Place } from "../../../wasm/Place.ts"
import type { EncodedBatch, EncodedTensor } from "./Protocol.ts"

/** The key under which the number of a tensor stands in its place. @since 0.1.0 */
export const TENSOR = "furrow/tensor"

/** How deep records and lists may be nested. */
const DEEPEST = 500

/**
 * A copy of a value with a number in the place of each tensor, which is added to `tensors`. Throws a `RangeError` if it
 * refers to itself.
 *
 * @since 0.1.0
 */
export const takeTensors = (value: unknown, tensors: Array<Tensor>, depth = 0): unknown => {
  if (depth > DEEPEST) throw new RangeError(`it refers to itself, or is nested deeper than ${DEEPEST}`)
  if (value instanceof Tensor) return { [TENSOR]: tensors.push(value) - 1 }
  if (Array.isArray(value)) {
    return value.some(hasParts) ? value.map((own) => takeTensors(own, tensors, depth + 1)) : value
  }
  if (!isRecord(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, own]) => [key, takeTensors(own, tensors, depth + 1)]))
}

/** Only arrays that hold something with parts are walked: one of a million strings is sent as it is. */
const hasParts = (value: unknown): boolean => typeof value === "object" && value !== null

/** Puts tensors in the places of their numbers. @since 0.1.0 */
export const putTensors = (value: unknown, tensor: (index: number) => Tensor): unknown => {
  if (Array.isArray(value)) return value.some(hasParts) ? value.map((own) => putTensors(own, tensor)) : value
  if (!isRecord(value)) return value
  const index = value[TENSOR]
  if (typeof index === "number") return tensor(index)
  return Object.fromEntries(Object.entries(value).map(([key, own]) => [key, putTensors(own, tensor)]))
}

/**
 * A batch with copies of the data of its tensors, for a member without memory that the pool can read. Gives back the
 * `places` that it lies in.
 *
 * @since 0.1.0
 */
export const encodeBatch = (batch: Batch<unknown> | undefined, places: ReadonlyArray<Place>): EncodedBatch => {
  const tensors: Array<Tensor> = []
  const value = takeTensors(batch, tensors)
  const sent = tensors.map(({ data, shape }): EncodedTensor => ({ _tag: "Sent", data: copyOf(data), shape }))
  for (const place of places) place.give()
  return { batch: value, tensors: sent, slots: [] }
}

/** A copy that is not shared. Not `slice`, which makes shared memory of shared memory. @since 0.1.0 */
export const copyOf = <D extends TypedArray>(data: D): D => {
  const own = new (data.constructor as new (length: number) => D)(data.length) // of the same class
  own.set(data as never) // as above
  return own
}

/** The batch that {@link encodeBatch} encoded. @since 0.1.0 */
export const decodeBatch = ({ batch, tensors }: EncodedBatch): Batch<unknown> | undefined =>
  putTensors(batch, (index) => {
    const own = tensors[index]
    if (own?._tag !== "Sent") throw new RangeError(`tensor ${index} was not sent`)
    return new Tensor(own.data, own.shape)
  }) as Batch<unknown> | undefined // what `encodeBatch` was given
