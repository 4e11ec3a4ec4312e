/**
 * Collation: makes the columns of a batch from its samples.
 *
 * @since 0.1.0
 */

import * as Data from "effect/Data"
import { InvalidOption } from "../core/InvalidOption.ts"
import { isOptions, setField } from "../core/Options.ts"
import { isRecord } from "../core/Record.ts"
import { isTypedArray, Tensor, type TypedArray } from "../core/Tensor.ts"
import type { DTypes, NumberDType } from "./Columns.ts"
import { NumberColumn, numberArrays, standsFor } from "./NumberColumn.ts"

/**
 * Makes the columns of a batch from its samples, of which there is at least one. Plain code; it must not keep
 * `samples`. `adoptable` is memory that this batch alone owns, which may be a part of a buffer that others have parts of: rows
 * that lie in it one behind the other may be taken as a column without a copy.
 *
 * @category models
 * @since 0.1.0
 */
export type Collate<in S, out C> = (samples: ReadonlyArray<S>, adoptable?: ArrayBufferView) => C

/**
 * Samples that do not make a column.
 *
 * @category errors
 * @since 0.1.0
 */
export class CollateError extends Data.TaggedError("CollateError")<{
  /** The column's path, such as `image` or `meta.size`; empty when the sample itself is the column. */
  readonly column: string
  /** The row within the batch. */
  readonly row: number
  readonly reason: string
  /** The sample of that row, if it is known: its index in the dataset, and its shard and row there. */
  readonly sample?: string | undefined
}> {
  override get message(): string {
    const column = this.column === "" ? "the samples" : `column "${this.column}"`
    const sample = this.sample === undefined ? "" : ` (row ${this.row} is ${this.sample})`
    return `${column} cannot be batched: row ${this.row} ${this.reason}${sample}`
  }
}

/**
 * Collates samples as `Pipeline.batch` does: makes the columns of the table at {@link Columns}. Throws
 * {@link CollateError} when rows differ in kind, shape, element type or fields, or when a number does not fit the element
 * type it is to have (1.5 in `int32`, 300 in `uint8`, 1e39 in `float32`); `InvalidOption` when `dtypes` names something
 * else than a column of numbers.
 *
 * @since 0.1.0
 */
export const collate = (samples: ReadonlyArray<unknown>, dtypes: DTypes = {}, adoptable?: ArrayBufferView): unknown => {
  const collation: Collation = { dtypes, used: [], adoptable }
  const result = column("", samples, collation)
  refuseUnused(collation, () => samples[0])
  return result
}

/** Throws `InvalidOption` for a name in `dtypes` that is no column of numbers; `sample` gives a sample of the batch. */
export const refuseUnused = ({ dtypes, used }: Collation, sample: () => unknown): void => {
  for (const path in dtypes) {
    if (used.includes(path) || !Object.hasOwn(dtypes, path)) continue
    const columns = Array.from(numberPaths("", sample()), (own) => (own === "" ? '"" (the samples themselves)' : own))
    const expected =
      columns.length === 0
        ? "left out: the samples have no column of numbers"
        : `that of a column of numbers: ${columns.join(", ")}`
    throw new InvalidOption({ option: "a name in dtypes", value: path, expected })
  }
}

/** The paths of the columns of numbers that a sample makes. */
function* numberPaths(path: string, value: unknown): Generator<string> {
  if (typeof value === "number" || (Array.isArray(value) && value.every((own) => typeof own === "number"))) yield path
  else if (isRecord(value)) for (const [field, own] of Object.entries(value)) yield* numberPaths(join(path, field), own)
}

/** The options of one collation. @since 0.1.0 */
export interface Collation {
  readonly dtypes: DTypes
  /** The paths of the columns of numbers so far. */
  readonly used: Array<string>
  /** Cleared by the column that takes it: two columns over one stretch would be one to whoever writes to them. */
  adoptable: ArrayBufferView | undefined
}

/** Throws `InvalidOption` unless all are element types. @since 0.1.0 */
export const checkDTypes = (dtypes: DTypes): void => {
  if (!isOptions(dtypes)) {
    throw new InvalidOption({
      option: "dtypes",
      value: dtypes,
      expected: 'element types by column, such as { label: "int32" }'
    })
  }
  for (const [name, dtype] of Object.entries(dtypes)) {
    if (!Object.hasOwn(numberArrays, dtype)) {
      const expected = `one of ${Object.keys(numberArrays).join(", ")}`
      throw new InvalidOption({ option: `dtypes.${name}`, value: dtype, expected })
    }
  }
}

/** Makes the column of the values at a path. @since 0.1.0 */
export const column = (path: string, values: ReadonlyArray<unknown>, collation: Collation): unknown => {
  const first = values[0]
  if (first instanceof Tensor) return stack(path, values, first.shape, collation)
  if (isTypedArray(first)) return stack(path, values, [first.length], collation)
  switch (typeof first) {
    case "number":
      return numbers(path, values, dtypeAt(path, collation))
    case "boolean": {
      const data = new Uint8Array(values.length)
      for (let row = 0; row < values.length; row++) data[row] = Number(ofType(path, row, values[row], "boolean"))
      return new Tensor(data, [values.length])
    }
    case "bigint": {
      const data = new BigInt64Array(values.length)
      for (let row = 0; row < values.length; row++) {
        const value = values[row]
        if (typeof value !== "bigint") throw differs(path, row, value, "a bigint")
        if (BigInt.asIntN(64, value) !== value) {
          const out = "map it, to BigInt.asIntN(64, value) with the same 64 bits, to a number, or to a string"
          throw new CollateError({ column: path, row, reason: `holds ${value}n, which does not fit int64; ${out}` })
        }
        data[row] = value
      }
      return new Tensor(data, [values.length])
    }
    case "string":
      for (let row = 1; row < values.length; row++) ofType(path, row, values[row], "string")
      return Array.from(values)
    default:
      if (Array.isArray(first)) return arrays(path, values, first.length, dtypeAt(path, collation))
      if (isRecord(first)) return record(path, values, first, collation)
      throw new CollateError({ column: path, row: 0, reason: `is ${kind(first)}; ${WAY_OUT}` })
  }
}

const WAY_OUT = "map it to numbers, strings, tensors or a record of these, or use batchWith and a collate of your own"

/** Returns the element type of a column of numbers. @since 0.1.0 */
export const dtypeAt = (path: string, { dtypes, used }: Collation): NumberDType => {
  used.push(path)
  return (Object.hasOwn(dtypes, path) ? dtypes[path] : undefined) ?? "float64"
}

const numbers = (path: string, values: ReadonlyArray<unknown>, dtype: NumberDType): Tensor => {
  const own = new NumberColumn(dtype, values.length)
  for (let row = 0; row < values.length; row++) own.set(row, values[row])
  return tensorOf(path, own)
}

/** The tensor of a column that is filled. Throws {@link CollateError} if a row does not fit. */
const tensorOf = (path: string, { dtype, given, tensor, wrong }: NumberColumn): Tensor => {
  if (wrong === -1) return tensor
  throw typeof given === "number" ? unfit(path, wrong, given, dtype) : differs(path, wrong, given, "a number")
}

/** Throws {@link CollateError} if `held` does not stand for `value`. @since 0.1.0 */
export const mustFit = (path: string, row: number, value: number, held: number, dtype: NumberDType): void => {
  if (!standsFor(held, value, dtype)) throw unfit(path, row, value, dtype)
}

const unfit = (column: string, row: number, value: number, dtype: NumberDType): CollateError =>
  new CollateError({ column, row, reason: `holds ${value}, which does not fit ${dtype}` })

const arrays = (path: string, values: ReadonlyArray<unknown>, length: number, dtype: NumberDType): Tensor => {
  const data = new numberArrays[dtype](values.length * length)
  for (let row = 0; row < values.length; row++) {
    const list: unknown = values[row]
    if (!Array.isArray(list)) throw differs(path, row, list, "an array")
    if (list.length !== length) throw ragged(path, row, [list.length], [length])
    for (let place = 0; place < length; place++) {
      const value: unknown = list[place]
      const at = row * length + place
      if (typeof value !== "number") {
        const reason = `holds ${kind(value)} at place ${place}, where only arrays of numbers make a column; ${WAY_OUT}`
        throw new CollateError({ column: path, row, reason })
      }
      data[at] = value
      if (data[at] !== value) mustFit(path, row, value, data[at] as number, dtype)
    }
  }
  return new Tensor(data, [values.length, length])
}

const stack = (
  path: string,
  values: ReadonlyArray<unknown>,
  shape: ReadonlyArray<number>,
  collation: Collation
): Tensor => {
  const rows: Array<TypedArray> = []
  for (let row = 0; row < values.length; row++) {
    const value = values[row]
    const data = value instanceof Tensor ? value.data : value
    if (!isTypedArray(data)) throw differs(path, row, value, "a tensor")
    const first = rows[0] ?? data
    const own = value instanceof Tensor ? value.shape : [data.length]
    if (data.constructor !== first.constructor) {
      throw differs(path, row, value, `a ${first.constructor.name}`)
    }
    if (!sameShape(own, shape)) throw ragged(path, row, own, shape)
    rows.push(data)
  }
  const first = rows[0] as TypedArray // values has at least one row
  const { adoptable } = collation
  const taken = adoptable === undefined ? undefined : adopted(rows, first, adoptable)
  if (taken !== undefined) collation.adoptable = undefined
  return new Tensor(taken ?? copied(rows, first), [values.length, ...shape])
}

/** The rows as one array over the memory they lie in, when they fill a stretch of it one behind the other. */
const adopted = (
  rows: ReadonlyArray<TypedArray>,
  first: TypedArray,
  { buffer, byteLength, byteOffset }: ArrayBufferView
): TypedArray | undefined => {
  let at = first.byteOffset
  if (at < byteOffset) return undefined
  for (const row of rows) {
    if (row.buffer !== buffer || row.byteOffset !== at) return undefined
    at += row.byteLength
  }
  // The arena is one buffer, in which a dataset's rows lie, too.
  if (at > byteOffset + byteLength) return undefined
  return viewLike(first, buffer, first.byteOffset, rows.length * first.length)
}

const copied = (rows: ReadonlyArray<TypedArray>, first: TypedArray): TypedArray => {
  const bytes = new ArrayBuffer(rows.length * first.byteLength)
  const all = viewLike(first, bytes, 0, rows.length * first.length)
  for (let row = 0; row < rows.length; row++) {
    // All rows are of the first one's constructor, so numbers meet numbers and bigints meet bigints.
    ;(all as Float64Array).set(rows[row] as Float64Array, row * first.length)
  }
  return all
}

/** Returns a typed array of the kind of another one. @since 0.1.0 */
export const viewLike = (like: TypedArray, buffer: ArrayBufferLike, byteOffset: number, length: number): TypedArray => {
  // Every typed array's constructor takes (buffer, byteOffset, length) and makes its own kind.
  const Kind = like.constructor as new (buffer: ArrayBufferLike, byteOffset: number, length: number) => TypedArray
  return new Kind(buffer, byteOffset, length)
}

const record = (
  path: string,
  values: ReadonlyArray<unknown>,
  first: Readonly<Record<string, unknown>>,
  collation: Collation
): unknown => {
  const fields = Object.keys(first)
  if (path.length > DEEPEST && path.split(".").length > DEEPEST) {
    throw new CollateError({
      column: `${path.slice(0, 40)}…`,
      row: 0,
      reason: `is nested too deep, or holds itself; ${WAY_OUT}`
    })
  }
  const records = alike(path, values, fields)
  const result: Record<string, unknown> = {}
  for (const field of fields) {
    const own = join(path, field)
    const cell = first[field]
    if (typeof cell === "number") {
      const numbers = new NumberColumn(dtypeAt(own, collation), values.length)
      numbers.set(0, cell)
      numbers.fill(records, field)
      setField(result, field, tensorOf(own, numbers))
    } else {
      const cells = new Array<unknown>(values.length)
      cells[0] = cell
      for (let row = 1; row < records.length; row++) cells[row] = (records[row] as Fields)[field] // below the length
      setField(result, field, column(own, cells, collation))
    }
  }
  return result
}

/** So many records in one another are taken for one that holds itself. */
const DEEPEST = 500

type Fields = Readonly<Record<string, unknown>>

/** Returns the values as records that have these fields, and no others, whatever their order. Throws {@link CollateError}. */
const alike = (path: string, values: ReadonlyArray<unknown>, fields: ReadonlyArray<string>): ReadonlyArray<Fields> => {
  const inherits = inheritsFields()
  for (let row = 1; row < values.length; row++) {
    const value = values[row]
    if (!isRecord(value)) throw differs(path, row, value, "a record")
    if (inherits || !lists(value, fields)) mustHave(path, fields, row, value)
  }
  // All of them are, the first one too.
  return values as ReadonlyArray<Fields>
}

/** Whether a record lists its fields as the first one does. Nearly all do: `Object.hasOwn` takes three times as long. */
const lists = (value: Fields, fields: ReadonlyArray<string>): boolean => {
  let at = 0
  for (const field in value) {
    if (field !== fields[at]) return false
    at++
  }
  return at === fields.length
}

/** Throws {@link CollateError} unless a row has these fields and no others. */
const mustHave = (path: string, fields: ReadonlyArray<string>, row: number, value: Fields): void => {
  for (const field of fields) {
    if (!Object.hasOwn(value, field)) {
      throw new CollateError({ column: path, row, reason: `has no field "${field}", row 0 has; ${ONE_FORM}` })
    }
  }
  for (const field in value) {
    if (!fields.includes(field)) {
      throw new CollateError({ column: path, row, reason: `has a field "${field}", row 0 has not; ${ONE_FORM}` })
    }
  }
}

/** Whether somebody has given all objects an enumerable field, which `for in` lists as if it were their own. */
const inheritsFields = (): boolean => {
  for (const _ in {}) return true
  return false
}

const ONE_FORM = "bring all samples to one form in a stage before batch"

const join = (path: string, field: string): string => (path === "" ? field : `${path}.${field}`)

const sameShape = (a: ReadonlyArray<number>, b: ReadonlyArray<number>): boolean => {
  if (a === b) return true
  if (a.length !== b.length) return false
  for (let axis = 0; axis < a.length; axis++) if (a[axis] !== b[axis]) return false
  return true
}

const ofType = (path: string, row: number, value: unknown, type: "boolean" | "string"): unknown => {
  if (typeof value !== type) throw differs(path, row, value, `a ${type}`)
  return value
}

const differs = (path: string, row: number, value: unknown, first: string): CollateError => {
  const kinds = [kind(value), first]
  // Such as whole numbers of JSON, of which those beyond 2^53 are bigints.
  const way = kinds.includes("a number") && kinds.includes("a bigint") ? ", by BigInt(…) or Number(…)" : ""
  return new CollateError({ column: path, row, reason: `is ${kinds[0]}, row 0 is ${first}; ${ONE_FORM}${way}` })
}

const ragged = (path: string, row: number, own: ReadonlyArray<number>, first: ReadonlyArray<number>): CollateError =>
  new CollateError({
    column: path,
    row,
    reason:
      `has shape [${own.join(", ")}], row 0 has [${first.join(", ")}]; ` +
      "bring them to one shape in a stage before batch, or use batchWith and a collate that pads"
  })

const kind = (value: unknown): string => {
  if (value === null) return "null"
  if (value instanceof Tensor) return String(value)
  if (Array.isArray(value)) return "an array"
  if (typeof value === "object") {
    const name = value.constructor?.name ?? "object"
    return `${/^[AEIO]/i.test(name) ? "an" : "a"} ${name}`
  }
  return value === undefined ? "undefined" : `a ${typeof value}`
}
