/**
 * Batches as plain data: their tensors apart, numbered, so that they can lie in shared memory or be sent as bytes.
 *
 * @since 0.1.0
 */

import { arrays } from "../../../core/DType.ts"
import { isRecord } from "../../../core/Record.ts"
import { isProxy } from "../../../core/runtime.ts"
import { Tensor, type TypedArray } from "../../../core/Tensor.ts"
import type { Batch } from "../../../pipeline/Batch.ts"
import type { Place } from "../../../wasm/Place.ts"
import type { EncodedBatch, EncodedTensor } from "./Protocol.ts"

/** The key under which the number of a tensor stands in its place. @since 0.1.0 */
export const TENSOR = "furrow/tensor"

/** How deep records and lists may be nested. @since 0.1.0 */
export const DEEPEST = 500

/**
 * A copy of a value with a number in the place of each tensor, which is added to `tensors`. Throws a `RangeError` if it
 * refers to itself, and a `TypeError` if something in it would arrive without its class or without some of its fields; if
 * `strict`, for anything too that would arrive as another kind of record or typed array, or not at all: a Proxy, a function, a
 * buffer that was transferred.
 *
 * @since 0.1.0
 */
export const takeTensors = (value: unknown, tensors: Array<Tensor>, strict = false, depth = 0): unknown => {
  if (typeof value !== "object" || value === null) return strict ? cloned(value) : value
  if (depth > DEEPEST) throw new RangeError(`it refers to itself, or is nested deeper than ${DEEPEST}`)
  if (strict && isProxy(value)) throw new TypeError("a Proxy cannot be cloned")
  const take = (own: unknown): unknown => takeTensors(own, tensors, strict, depth + 1)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Tensor.prototype) {
    const tensor = value as Tensor // by its prototype
    if (strict) take(tensor.data)
    return { [TENSOR]: tensors.push(tensor) - 1 }
  }
  if (prototype === Array.prototype && Array.isArray(value)) {
    if (!value.some(strict ? isPart : hasParts)) return value
    const taken = value.map(take)
    checkFields(value, strict)
    return taken
  }
  if (isRecord(value)) {
    const taken = Object.fromEntries(Object.entries(value).map(([key, own]) => [key, take(own)]))
    // Behind the parts, so that the reason fits the path, which goes to the first part that cannot be sent.
    checkFields(value, strict)
    if (strict && prototype === null) throw new TypeError("a record without a prototype would arrive with one")
    return taken
  }
  if (prototype === Map.prototype) withoutTensors([...(value as Map<unknown, unknown>)].flat(), take, tensors)
  else if (prototype === Set.prototype) withoutTensors(value as Set<unknown>, take, tensors)
  else if (!KEPT.has(prototype)) keepsClass(value, prototype, strict)
  else if (strict && (value as ArrayBufferView).byteLength === 0) structuredClone(value) // only these may be transferred
  return value
}

/** Throws for fields of a record or list that get lost on the way, or stand for something else there. @since 0.1.0 */
export const checkFields = (value: object, strict: boolean): void => {
  const keys = Reflect.ownKeys(value)
  if (Array.isArray(value)) {
    if (keys.at(-1) !== "length") throw new TypeError("fields of a list beside its elements would be lost")
    return
  }
  if (typeof keys.at(-1) === "symbol") throw new TypeError("keys that are symbols would be lost")
  if (strict && Object.keys(value).length < keys.length) {
    throw new TypeError("fields that are not enumerable would be lost")
  }
  if (Object.hasOwn(value, TENSOR)) throw new TypeError(`a field "${TENSOR}" would arrive as a tensor`)
}

/** Only arrays that hold something with parts are walked: one of a million strings is sent as it is. */
const hasParts = (value: unknown): boolean => typeof value === "object" && value !== null

/** Whether something may not arrive as it is. @since 0.1.0 */
export const isPart = (value: unknown): boolean =>
  hasParts(value) || typeof value === "function" || typeof value === "symbol"

/** What cannot be cloned throws. */
const cloned = (value: unknown): unknown => (isPart(value) ? structuredClone(value) : value)

/** What structured clone gives back as it was. */
const KEPT: ReadonlySet<unknown> = new Set([
  ...Object.values(arrays).map((kind) => kind.prototype),
  Uint8ClampedArray.prototype,
  ArrayBuffer.prototype,
  DataView.prototype,
  Date.prototype,
  ...(typeof SharedArrayBuffer === "undefined" ? [] : [SharedArrayBuffer.prototype])
])

/** What is in a map or a set is cloned as it is; a tensor in it would arrive as a plain record. */
const withoutTensors = (
  parts: Iterable<unknown>,
  take: (part: unknown) => unknown,
  tensors: ReadonlyArray<Tensor>
): void => {
  const before = tensors.length
  for (const part of parts) take(part)
  if (tensors.length > before) throw new TypeError("a tensor in a Map or a Set would arrive as a plain record")
}

/** Of anything else, what structured clone makes of it says whether its class is kept. */
const keepsClass = (value: object, prototype: unknown, strict: boolean): void => {
  if (!strict && ArrayBuffer.isView(value)) return // a Buffer arrives as a Uint8Array
  const copy: unknown = Object.getPrototypeOf(structuredClone(value))
  if (copy !== prototype) throw new TypeError(`an instance of ${className(prototype)} would arrive without its class`)
}

const className = (prototype: unknown): string => {
  const own: unknown = (prototype as { readonly constructor?: unknown } | null)?.constructor
  return typeof own === "function" && own.name !== "" ? own.name : "a class"
}

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
