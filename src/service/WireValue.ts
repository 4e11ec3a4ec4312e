/**
 * Values of batches as JSON, with their tensors and typed arrays apart as raw bytes.
 *
 * What JSON has no form for is a record with one key that begins with `$`: `{"$tensor": n}` and `{"$array": n}` stand for
 * part n, `{"$number": "NaN"}`, `{"$bigint": "12"}`, `{"$date": ms}`, `{"$undefined": true}`, `{"$hole": true}`, and `{"$record": [[key, value]]}`
 * for a record whose own keys begin so.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import { arrays, type DType, dtypeOf, isTypedArray, type TypedArray } from "../core/DType.ts"
import { isRecord } from "../core/Record.ts"
import { Tensor } from "../core/Tensor.ts"

/**
 * A batch holds something that cannot be sent to another process.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotSendable extends Data.TaggedError("NotSendable")<{
  /** Where it stands in the batch, such as `columns.image`. */
  readonly path: string
  readonly found: string
}> {
  override get message(): string {
    return (
      `${this.path || "the batch"} holds ${this.found}, which a service cannot send; ` +
      "collate to tensors, numbers, strings, or lists and records of these"
    )
  }
}

/** Some bytes of a batch: an array, and its shape where it is a tensor's. @since 0.1.0 */
export interface Part {
  readonly data: TypedArray
  readonly shape: ReadonlyArray<number>
}

/** What stands in a frame's head of a part: element type, shape, and where in the body it begins. @since 0.1.0 */
export type PartHead = readonly [dtype: DType, shape: ReadonlyArray<number>, offset: number]

/** What takes longer to read than a batch may take: the sign is one of them. */
const MOST_DIGITS = 4096

/** Nesting limit; no batch comes near it. */
const DEEPEST = 64

/** Returns the part of a value that goes into the head, and adds the rest to `parts`. Throws {@link NotSendable}. @since 0.1.0 */
export const pack = (value: unknown, parts: Array<Part>, path = "", depth = 0): unknown => {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value
    case "number":
      return Number.isFinite(value) && !Object.is(value, -0)
        ? value
        : { $number: Object.is(value, -0) ? "-0" : String(value) }
    case "bigint": {
      const digits = String(value)
      if (digits.length > MOST_DIGITS) throw new NotSendable({ path, found: `a bigint of ${digits.length} digits` })
      return { $bigint: digits }
    }
    case "undefined":
      return { $undefined: true }
    case "object":
      return value === null ? null : packed(value, parts, path, depth)
    default:
      throw new NotSendable({ path, found: `a ${typeof value}` })
  }
}

const packed = (value: object, parts: Array<Part>, path: string, depth: number): unknown => {
  if (depth > DEEPEST) throw new NotSendable({ path: path.slice(0, 80), found: "records within records without end" })
  const inner = (own: unknown, key: string | number) =>
    pack(own, parts, typeof key === "number" ? `${path}[${key}]` : path === "" ? key : `${path}.${key}`, depth + 1)
  if (value instanceof Tensor) return { $tensor: parts.push({ data: value.data, shape: value.shape }) - 1 }
  if (isTypedArray(value)) return { $array: parts.push({ data: value, shape: [value.length] }) - 1 }
  if (value instanceof Date) return { $date: value.getTime() }
  if (Array.isArray(value)) {
    return Array.from<unknown, unknown>(value, (own, at) => (at in value ? inner(own, at) : { $hole: true }))
  }
  if (isRecord(value)) {
    // Those of the batch itself are ours.
    if (depth > 0 && Object.getOwnPropertySymbols(value).length > 0) {
      throw new NotSendable({ path, found: "a key that is a symbol" })
    }
    const entries = Object.entries(value).map(([key, own]) => [key, inner(own, key)] as const)
    return entries.some(([key]) => key.startsWith("$")) ? { $record: entries } : Object.fromEntries(entries)
  }
  throw new NotSendable({ path, found: `a ${value.constructor?.name || "thing of no named class"}` })
}

/** Why bytes are not a batch. */
const malformed = (what: string): RangeError => new RangeError(what)

/** Gives the parts of a value by their numbers: as tensors, or as typed arrays. @since 0.1.0 */
export interface Parts {
  readonly tensor: (index: number) => Tensor
  readonly array: (index: number) => TypedArray
}

/** Makes the value that {@link pack} packed. Throws a `RangeError` for what it did not make. @since 0.1.0 */
export const unpack = (value: unknown, parts: Parts, depth = 0): unknown => {
  if (typeof value !== "object" || value === null) return value
  if (depth > DEEPEST + 1) throw malformed("it is nested too deep")
  const inner = (own: unknown): unknown => unpack(own, parts, depth + 1)
  if (Array.isArray(value)) {
    const list = new Array<unknown>(value.length)
    value.forEach((own: unknown, at) => {
      if (!isHole(own)) list[at] = inner(own)
    })
    return list
  }
  const entries = Object.entries(value)
  const [first] = entries
  if (first === undefined || !first[0].startsWith("$")) {
    return Object.fromEntries(entries.map(([key, own]) => [key, inner(own)]))
  }
  const [key, own] = first
  if (entries.length === 1) {
    if (key === "$tensor" && typeof own === "number") return parts.tensor(own)
    if (key === "$array" && typeof own === "number") return parts.array(own)
    if (key === "$number" && typeof own === "string" && NUMBERS.has(own)) return Number(own)
    if (key === "$bigint" && typeof own === "string" && isWholeText(own)) return BigInt(own)
    if (key === "$date" && (typeof own === "number" || own === null)) return new Date(own ?? Number.NaN)
    if (key === "$undefined") return undefined
    if (key === "$record" && Array.isArray(own)) {
      return Object.fromEntries(own.map((entry: unknown) => recordEntry(entry, inner)))
    }
  }
  throw malformed(`it has a record with the key ${JSON.stringify(key.slice(0, 20))}`)
}

const isHole = (value: unknown): boolean => isRecord(value) && value["$hole"] === true

const isWholeText = (text: string): boolean => text.length <= MOST_DIGITS && /^-?\d+$/.test(text)

const NUMBERS: ReadonlySet<string> = new Set(["NaN", "Infinity", "-Infinity", "-0"])

const recordEntry = (entry: unknown, inner: (own: unknown) => unknown): readonly [string, unknown] => {
  if (!Array.isArray(entry) || entry.length !== 2 || typeof entry[0] !== "string") throw malformed("a record is broken")
  return [entry[0], inner(entry[1])]
}

/** Parts begin at multiples of so many bytes, so that arrays of all kinds can lie there. @since 0.1.0 */
export const ALIGNMENT = 8

/** The next multiple of {@link ALIGNMENT}. @since 0.1.0 */
export const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT

/** The heads of parts that lie one behind the other, and how many bytes they take. @since 0.1.0 */
export const laidOut = (
  parts: ReadonlyArray<Part>
): { readonly heads: ReadonlyArray<PartHead>; readonly length: number } => {
  let length = 0
  const heads = parts.map(({ data, shape }): PartHead => {
    const offset = length
    length += aligned(data.byteLength)
    return [dtypeOf(data), shape, offset]
  })
  return { heads, length }
}

/** The part that lies in a body as its head says. Throws a `RangeError` where it does not. @since 0.1.0 */
export const partIn = (body: Uint8Array<ArrayBuffer>, head: unknown): Part => {
  if (!Array.isArray(head) || head.length !== 3) throw malformed("the head of a part is broken")
  const [dtype, shape, offset]: ReadonlyArray<unknown> = head
  if (typeof dtype !== "string" || !Object.hasOwn(arrays, dtype)) throw malformed("a part has an unknown element type")
  const kind = arrays[dtype as DType] // one of its keys
  if (!Array.isArray(shape)) throw malformed("a part has no shape")
  let length = 1
  for (const axis of shape as ReadonlyArray<unknown>) {
    if (!isWhole(axis)) throw malformed("an axis is no whole number")
    length *= axis
    if (!Number.isSafeInteger(length)) throw malformed("a part is longer than numbers count")
  }
  if (!isWhole(offset) || offset % ALIGNMENT !== 0) throw malformed("a part begins at no multiple of 8")
  if (offset + length * kind.BYTES_PER_ELEMENT > body.length) throw malformed("a part ends behind the body")
  // Every axis was looked at.
  return { data: new kind(body.buffer, body.byteOffset + offset, length), shape: shape as ReadonlyArray<number> }
}

const isWhole = (value: unknown): value is number =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0

/**
 * The parts of a body by the heads that a frame has of them, as views of the body. Throws a `RangeError` where a head is
 * broken, and for a part that is not there.
 *
 * @since 0.1.0
 */
export const partsIn = (body: Uint8Array<ArrayBuffer>, heads: unknown): ((index: number) => Part) => {
  if (!Array.isArray(heads)) throw malformed("it has no parts")
  const laid = heads.map((one: unknown) => partIn(body, one))
  return (index) => {
    const part = laid[index]
    if (part === undefined) throw malformed("a part is missing")
    return part
  }
}
