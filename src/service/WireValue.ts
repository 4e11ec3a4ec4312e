/**
 * Values of batches as JSON, with their tensors and typed arrays apart as raw bytes, and with long lists and texts apart as
 * JSON of their own.
 *
 * What JSON has no form for is a record with one key that begins with `$`: `{"$tensor": n}` and `{"$array": n}` stand for
 * part n, `{"$text": n}` for the text whose JSON is part n, `{"$list": [n, …]}` for the elements of the lists whose JSON these
 * parts are, `{"$number": "NaN"}`, `{"$bigint": "12"}`, `{"$date": ms}`, `{"$undefined": true}`, `{"$hole": true}`, and
 * `{"$record": [[key, value]]}` for a record whose own keys begin so.
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

/** The keys whose values are numbers of parts. @since 0.1.0 */
export const PART_KEYS: ReadonlySet<string> = new Set(["$tensor", "$array", "$text", "$list"])

/** What takes longer to read than a batch may take: the sign is one of them. */
const MOST_DIGITS = 4096

/** Nesting limit; no batch comes near it. */
const DEEPEST = 64

/** A text or a list whose JSON has about so many characters stands in the body: heads are bounded, and never compressed. */
const LONG = 2 ** 12

/** JSON of a longer list is divided into parts of about so many characters: engines have a longest text. */
const LONGEST_TEXT = 2 ** 24

/** What values are packed into. @since 0.1.0 */
export class Packing {
  readonly parts: Array<Part> = []
  /** About how many characters of JSON were packed that stand in no part. */
  weight = 0
}

/** Returns the part of a value that goes into the head, and adds the rest to `into`. Throws {@link NotSendable}. @since 0.1.0 */
export const pack = (value: unknown, into: Packing, path = "", depth = 0): unknown => {
  into.weight += LEAST_WEIGHT
  switch (typeof value) {
    case "string":
      if (value.length >= LONG) return { $text: textPart(value, into, path) }
      into.weight += value.length
      return value
    case "boolean":
      return value
    case "number":
      return Number.isFinite(value) && !Object.is(value, -0)
        ? value
        : { $number: Object.is(value, -0) ? "-0" : String(value) }
    case "bigint": {
      const digits = String(value)
      if (digits.length > MOST_DIGITS) throw new NotSendable({ path, found: `a bigint of ${digits.length} digits` })
      into.weight += digits.length
      return { $bigint: digits }
    }
    case "undefined":
      return { $undefined: true }
    case "object":
      return value === null ? null : packed(value, into, path, depth)
    default:
      throw new NotSendable({ path, found: `a ${typeof value}` })
  }
}

/** What any value takes in JSON, roughly: a number, or quotes and a comma. */
const LEAST_WEIGHT = 8

const encoder = new TextEncoder()

/** Adds the JSON of a packed value as a part, and returns the part's number. */
const textPart = (value: unknown, { parts }: Packing, path: string): number => {
  let data: Uint8Array
  try {
    data = encoder.encode(JSON.stringify(value))
  } catch {
    throw new NotSendable({ path, found: "a text that is longer than its JSON can be" })
  }
  return parts.push({ data, shape: [data.length] }) - 1
}

const packed = (value: object, into: Packing, path: string, depth: number): unknown => {
  if (depth > DEEPEST) throw new NotSendable({ path: path.slice(0, 80), found: "records within records without end" })
  const { parts } = into
  const inner = (own: unknown, key: string) => pack(own, into, path === "" ? key : `${path}.${key}`, depth + 1)
  if (value instanceof Tensor) return { $tensor: parts.push({ data: value.data, shape: value.shape }) - 1 }
  if (isTypedArray(value)) return { $array: parts.push({ data: value, shape: [value.length] }) - 1 }
  if (value instanceof Date) return { $date: value.getTime() }
  if (Array.isArray(value)) return packedList(value, into, path, depth)
  if (isRecord(value)) {
    // Those of the batch itself are ours.
    if (depth > 0 && Object.getOwnPropertySymbols(value).length > 0) {
      throw new NotSendable({ path, found: "a key that is a symbol" })
    }
    // Not by entries: that takes twice as long, which small batches feel.
    const own: Record<string, unknown> = {}
    for (const key of Object.keys(value)) {
      if (key.startsWith("$") || key === "__proto__") return packedEntries(value, into, inner)
    }
    for (const key of Object.keys(value)) {
      into.weight += key.length
      own[key] = inner(value[key], key)
    }
    return own
  }
  throw new NotSendable({ path, found: `a ${value.constructor?.name || "thing of no named class"}` })
}

/** A record with keys that mean something else in what is sent. */
const packedEntries = (
  value: Readonly<Record<string, unknown>>,
  into: Packing,
  inner: (own: unknown, key: string) => unknown
): unknown => {
  const entries = Object.entries(value).map(([key, own]) => {
    into.weight += key.length
    return [key, inner(own, key)] as const
  })
  return entries.some(([key]) => key.startsWith("$")) ? { $record: entries } : Object.fromEntries(entries)
}

/** A list as it is, or if it is long the numbers of the parts that its elements stand in. */
const packedList = (list: ReadonlyArray<unknown>, into: Packing, path: string, depth: number): unknown => {
  const before = into.weight
  const numbers: Array<number> = []
  let own: Array<unknown> = []
  const toPart = (): void => {
    numbers.push(textPart(own, into, path))
    own = []
    into.weight = before + LEAST_WEIGHT * numbers.length
  }
  for (let at = 0; at < list.length; at++) {
    own.push(at in list ? pack(list[at], into, `${path}[${at}]`, depth + 1) : { $hole: true })
    if (into.weight - before >= LONGEST_TEXT) toPart()
  }
  if (numbers.length === 0 && into.weight - before < LONG) return own
  if (own.length > 0) toPart()
  return { $list: numbers }
}

/** Why bytes are not a batch. */
const malformed = (what: string): RangeError => new RangeError(what)

/** Where parts are found by their numbers, and what is made of them: tensors, and typed arrays. @since 0.1.0 */
export interface Parts {
  readonly part: (index: number) => Part
  readonly tensor: (part: Part) => Tensor
  readonly array: (part: Part) => TypedArray
}

/** Makes the value that {@link pack} packed. Throws a `RangeError` for what it did not make. @since 0.1.0 */
export const unpack = (value: unknown, parts: Parts): unknown => unpacked(value, { ...parts, read: new Set() }, 0)

/** Parts, and the numbers of those whose JSON was read: what is read again could come to any size. */
interface Reading extends Parts {
  readonly read: Set<number>
}

const unpacked = (value: unknown, reading: Reading, depth: number): unknown => {
  if (typeof value !== "object" || value === null) return value
  if (depth > DEEPEST + 1) throw malformed("it is nested too deep")
  const inner = (own: unknown): unknown => unpacked(own, reading, depth + 1)
  if (Array.isArray(value)) return unpackedList([value], inner)
  // It is of `JSON.parse`, whose records have keys that are texts.
  const record = value as Readonly<Record<string, unknown>>
  const keys = Object.keys(record)
  const [key] = keys
  if (key === undefined || !key.startsWith("$")) {
    if (keys.includes("__proto__")) return Object.fromEntries(keys.map((name) => [name, inner(record[name])]))
    const all: Record<string, unknown> = {}
    for (const name of keys) all[name] = inner(record[name])
    return all
  }
  const own = record[key]
  if (keys.length === 1) {
    if (key === "$tensor" && typeof own === "number") return reading.tensor(reading.part(own))
    if (key === "$array" && typeof own === "number") return reading.array(reading.part(own))
    if (key === "$text" && typeof own === "number") return jsonIn(own, reading, isText)
    if (key === "$list" && Array.isArray(own)) {
      return unpackedList(
        own.map((index: unknown) => jsonIn(index, reading, Array.isArray)),
        inner
      )
    }
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

/** The elements of several lists in one. */
const unpackedList = (lists: ReadonlyArray<ReadonlyArray<unknown>>, inner: (own: unknown) => unknown): unknown => {
  const all = new Array<unknown>(lists.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const list of lists) {
    for (const own of list) {
      if (!isHole(own)) all[at] = inner(own)
      at++
    }
  }
  return all
}

const decoder = new TextDecoder("utf-8", { fatal: true })

const isText = (value: unknown): value is string => typeof value === "string"

/** What the JSON of a part is. */
const jsonIn = <A>(index: unknown, { part, read }: Reading, is: (value: unknown) => value is A): A => {
  if (!isWhole(index) || read.has(index)) throw malformed("a part with JSON is named twice, or has no number")
  read.add(index)
  const { data } = part(index)
  if (!(data instanceof Uint8Array)) throw malformed("a part with JSON has no bytes")
  const own: unknown = JSON.parse(decoder.decode(data))
  if (!is(own)) throw malformed("the JSON of a part is no list or no text, as its head says")
  return own
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

/** The heads of parts that follow one another, and how many bytes they take. @since 0.1.0 */
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
  if (offset + length * kind.BYTES_PER_ELEMENT > body.length) throw malformed("a part ends after the body")
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
