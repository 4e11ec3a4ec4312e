/**
 * Batches: samples laid side by side in columns.
 *
 * A column is a `Tensor` whose first axis is the sample. Numbers, flags, typed arrays, tensors, strings and records of
 * these find their columns by themselves ({@link columns}); anything else wants a collate function of its own.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import { InvalidOption } from "../core/InvalidOption.ts"
import { isOptions, setField } from "../core/Options.ts"
import { isTypedArray, Tensor, type TypedArray } from "../core/Tensor.ts"
import type { Field } from "../sources/Columnar.ts"

export type { Named, NumberPaths } from "./batch/Named.ts"
export { copy, hold, StaleBatch } from "./Lease.ts"

/**
 * One batch, as it is delivered.
 *
 * With several ranks its `size` is 0 where filters or the failure policy left this rank none of its rows: look at `size`
 * before reading columns. Such a batch has the columns of the rank's first batch that has rows, with the same names,
 * element types and inner shapes and no rows; `columns` is an empty record if the run has no rows for the rank, or none
 * in its first 1,024 batches.
 *
 * @since 0.1.0
 */
export interface Batch<out C> {
  readonly epoch: number
  /** The batch's number within its epoch. */
  readonly index: number
  readonly rank: number
  /** The worker that made it. */
  readonly worker: number
  /** How many rows it has: the length of every column's first axis. */
  readonly size: number
  /** The dataset index of each row. */
  readonly indices: Float64Array
  readonly columns: C
}

/**
 * Makes the columns of a batch from its samples, of which there is at least one. Plain code; it must not keep
 * `samples`. `adoptable` is a buffer that this batch alone owns: rows that lie in it one behind the other may be taken
 * as a column without a copy.
 *
 * @since 0.1.0
 */
export type Collate<in S, out C> = (samples: ReadonlyArray<S>, adoptable?: ArrayBufferLike) => C

/**
 * Samples that do not make a column.
 *
 * @since 0.1.0
 */
export class CollateError extends Data.TaggedError("CollateError")<{
  /** The column's path, such as `image` or `meta.size`; empty when the sample itself is the column. */
  readonly column: string
  /** The row within the batch. */
  readonly row: number
  readonly reason: string
}> {
  override get message(): string {
    const column = this.column === "" ? "the samples" : `column "${this.column}"`
    return `${column} cannot be batched: row ${this.row} ${this.reason}`
  }
}

interface Arrays {
  readonly int8: Int8Array
  readonly uint8: Uint8Array
  readonly int16: Int16Array
  readonly uint16: Uint16Array
  readonly int32: Int32Array
  readonly uint32: Uint32Array
  readonly float32: Float32Array
  readonly float64: Float64Array
}

/** The element types that a column of JavaScript numbers can be asked to have. @since 0.1.0 */
export type NumberDType = keyof Arrays

/**
 * Element types for columns of numbers, by the column's path: `{ label: "int32", "meta.size": "uint16" }`; the path of
 * samples that are numbers themselves is `""`.
 *
 * @since 0.1.0
 */
export type DTypes = Readonly<Record<string, NumberDType>>

/**
 * The columns that samples of type `S` make:
 *
 * | sample | column |
 * |---|---|
 * | `Tensor<D>` of shape `[…]`, typed array `D` | `Tensor<D>` of shape `[batch, …]` |
 * | number | `Tensor<Float64Array>` `[batch]`, or as `dtypes` says |
 * | boolean | `Tensor<Uint8Array>` `[batch]`, 0 and 1 |
 * | bigint | `Tensor<BigInt64Array>` `[batch]` |
 * | array of numbers | `Tensor<Float64Array>` `[batch, length]`, or as `dtypes` says |
 * | string | array of strings |
 * | record | record of its fields' columns |
 *
 * @since 0.1.0
 */
// biome-ignore lint/complexity/noBannedTypes: `{}` is the record without an entry, the default that names no column.
export type Columns<S, D extends DTypes = {}, Path extends string = ""> =
  S extends Tensor<infer T>
    ? Tensor<T>
    : S extends TypedArray
      ? Tensor<S>
      : S extends number | ReadonlyArray<number>
        ? Tensor<Path extends keyof D ? Arrays[D[Path]] : Float64Array>
        : S extends boolean
          ? Tensor<Uint8Array>
          : S extends bigint
            ? Tensor<BigInt64Array>
            : S extends string
              ? ReadonlyArray<string>
              : S extends ReadonlyArray<unknown>
                ? never
                : S extends object
                  ? { readonly [K in keyof S]: Columns<S[K], D, Join<Path, K>> }
                  : never

/** The path of a field. @since 0.1.0 */
export type Join<Path extends string, K> = K extends string | number
  ? Path extends ""
    ? `${K}`
    : `${Path}.${K}`
  : never

const constructors: { readonly [N in NumberDType]: new (length: number) => Arrays[N] } = {
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  float32: Float32Array,
  float64: Float64Array
}

/**
 * The collate that `Pipeline.batch` uses when it is given none: columns by the table at {@link Columns}. Throws
 * {@link CollateError} when rows differ in kind, shape, element type or fields, or when a number does not fit the element
 * type it is to have (1.5 in `int32`, 300 in `uint8`, 1e39 in `float32`); `InvalidOption` when `dtypes` names a column
 * that is not one of numbers.
 *
 * @since 0.1.0
 */
export const columns = (samples: ReadonlyArray<unknown>, dtypes: DTypes = {}, adoptable?: ArrayBufferLike): unknown => {
  const order: Order = { dtypes, unused: new Set(Object.keys(dtypes)), adoptable }
  const result = column("", samples, order)
  refuseUnused(order, () => samples[0])
  return result
}

/** Throws `InvalidOption` for a name in `dtypes` that is no column of numbers; `sample` gives a sample of the batch. */
const refuseUnused = ({ unused }: Order, sample: () => unknown): void => {
  for (const path of unused) {
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

/**
 * The columns that {@link columns} makes of the samples at `places`, from the fields that they are rows of. A field in
 * `made` takes the place of the one of its name, and has the samples' rows alone. Throws what `columns` throws.
 *
 * @since 0.1.0
 */
export const ofFields = (
  fields: ReadonlyMap<string, Field>,
  places: Float64Array,
  made: ReadonlyMap<string, Field>,
  dtypes: DTypes
): unknown => {
  const order: Order = { dtypes, unused: new Set(Object.keys(dtypes)), adoptable: undefined }
  const result: Record<string, unknown> = {}
  for (const [name, field] of fields) {
    const own = made.get(name)
    setField(
      result,
      name,
      own === undefined ? fieldColumn(name, field, places, order) : madeColumn(name, own, places.length, order)
    )
  }
  refuseUnused(order, () =>
    Object.fromEntries(Array.from(fields, ([name, field]) => [name, cellOf(made.get(name) ?? field)]))
  )
  return result
}

/** One cell of a field, by which its kind of column is told. */
const cellOf = (field: Field): unknown =>
  field._tag === "Numbers" ? field.data[0] : field._tag === "Items" ? field.items[0] : undefined

/** A loop, as `Array.from` with a function costs several times as much. */
const picked = (items: ArrayLike<unknown>, places: Float64Array): ReadonlyArray<unknown> => {
  const all = new Array<unknown>(places.length)
  for (let row = 0; row < all.length; row++) all[row] = items[places[row] as number] // below the length
  return all
}

/** The column of a field that has the samples' rows alone. */
const madeColumn = (path: string, field: Field, size: number, order: Order): unknown => {
  if (field._tag === "Items") return column(path, field.items, order)
  const { data } = field
  if (field._tag === "Tensors") return new Tensor(data, [size, ...field.shape])
  return fieldColumn(path, field, Float64Array.from(data.keys()), order)
}

const fieldColumn = (path: string, field: Field, places: Float64Array, order: Order): unknown => {
  if (field._tag === "Items") return column(path, picked(field.items, places), order)
  const { data } = field
  if (field._tag === "Tensors") {
    const { shape, width } = field
    const all = view(data, new ArrayBuffer(places.length * width * data.BYTES_PER_ELEMENT), 0, places.length * width)
    for (let row = 0; row < places.length; row++) {
      const from = (places[row] as number) * width // below the length
      // Both are of one constructor, so numbers meet numbers and bigints meet bigints.
      ;(all as Float64Array).set(data.subarray(from, from + width) as Float64Array, row * width)
    }
    return new Tensor(all, [places.length, ...shape])
  }
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    return column(path, picked(data, places), order)
  }
  const dtype = dtypeAt(path, order)
  const held = new constructors[dtype](places.length)
  for (let row = 0; row < places.length; row++) {
    const value = data[places[row] as number] as number // a place of the data
    held[row] = value
    if (held[row] !== value) mustFit(path, row, value, held[row] as number, dtype)
  }
  return new Tensor(held, [places.length])
}

/** What the columns of one batch are to be. */
interface Order {
  readonly dtypes: DTypes
  /** The names in `dtypes` that no column has answered to yet. */
  readonly unused: Set<string>
  /** Cleared by the column that takes it: two columns over one stretch would be one to whoever writes to them. */
  adoptable: ArrayBufferLike | undefined
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
    if (!Object.hasOwn(constructors, dtype)) {
      const expected = `one of ${Object.keys(constructors).join(", ")}`
      throw new InvalidOption({ option: `dtypes.${name}`, value: dtype, expected })
    }
  }
}

const column = (path: string, values: ReadonlyArray<unknown>, order: Order): unknown => {
  const first = values[0]
  if (first instanceof Tensor) return stack(path, values, first.shape, order)
  if (isTypedArray(first)) return stack(path, values, [first.length], order)
  switch (typeof first) {
    case "number":
      return numbers(path, values, dtypeAt(path, order))
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
          throw new CollateError({ column: path, row, reason: `holds ${value}n, which does not fit int64` })
        }
        data[row] = value
      }
      return new Tensor(data, [values.length])
    }
    case "string":
      for (let row = 1; row < values.length; row++) ofType(path, row, values[row], "string")
      return Array.from(values)
    default:
      if (Array.isArray(first)) return lists(path, values, first.length, dtypeAt(path, order))
      if (isRecord(first)) return record(path, values, Object.keys(first), order)
      throw new CollateError({ column: path, row: 0, reason: `is ${kind(first)}; ${WAY_OUT}` })
  }
}

const WAY_OUT = "map it to numbers, strings, tensors or a record of these, or use batchWith and a collate of your own"

const dtypeAt = (path: string, { dtypes, unused }: Order): NumberDType => {
  unused.delete(path)
  return (Object.hasOwn(dtypes, path) ? dtypes[path] : undefined) ?? "float64"
}

const numbers = (path: string, values: ReadonlyArray<unknown>, dtype: NumberDType): Tensor => {
  const data = new constructors[dtype](values.length)
  for (let row = 0; row < values.length; row++) {
    const value = values[row]
    if (typeof value !== "number") throw differs(path, row, value, "a number")
    data[row] = value
    if (data[row] !== value) mustFit(path, row, value, data[row] as number, dtype)
  }
  return new Tensor(data, [values.length])
}

/** Floats may round and may be NaN; all else must be held as the very number that was given. */
const mustFit = (path: string, row: number, value: number, held: number, dtype: NumberDType): void => {
  const float = dtype === "float32" || dtype === "float64"
  if (float && (Number.isFinite(held) || !Number.isFinite(value))) return
  throw new CollateError({ column: path, row, reason: `holds ${value}, which does not fit ${dtype}` })
}

const lists = (path: string, values: ReadonlyArray<unknown>, length: number, dtype: NumberDType): Tensor => {
  const data = new constructors[dtype](values.length * length)
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

const stack = (path: string, values: ReadonlyArray<unknown>, shape: ReadonlyArray<number>, order: Order): Tensor => {
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
  const { adoptable } = order
  const taken = adoptable === undefined ? undefined : adopted(rows, first, adoptable)
  if (taken !== undefined) order.adoptable = undefined
  return new Tensor(taken ?? copied(rows, first), [values.length, ...shape])
}

/** The rows as one array over the buffer they lie in, when they fill a stretch of it one behind the other. */
const adopted = (
  rows: ReadonlyArray<TypedArray>,
  first: TypedArray,
  adoptable: ArrayBufferLike
): TypedArray | undefined => {
  let at = first.byteOffset
  for (const row of rows) {
    if (row.buffer !== adoptable || row.byteOffset !== at) return undefined
    at += row.byteLength
  }
  return view(first, adoptable, first.byteOffset, rows.length * first.length)
}

const copied = (rows: ReadonlyArray<TypedArray>, first: TypedArray): TypedArray => {
  const bytes = new ArrayBuffer(rows.length * first.byteLength)
  const all = view(first, bytes, 0, rows.length * first.length)
  for (let row = 0; row < rows.length; row++) {
    // All rows are of the first one's constructor, so numbers meet numbers and bigints meet bigints.
    ;(all as Float64Array).set(rows[row] as Float64Array, row * first.length)
  }
  return all
}

const view = (like: TypedArray, buffer: ArrayBufferLike, byteOffset: number, length: number): TypedArray => {
  // Every typed array's constructor takes (buffer, byteOffset, length) and makes its own kind.
  const Kind = like.constructor as new (buffer: ArrayBufferLike, byteOffset: number, length: number) => TypedArray
  return new Kind(buffer, byteOffset, length)
}

const record = (path: string, values: ReadonlyArray<unknown>, fields: ReadonlyArray<string>, order: Order): unknown => {
  const result: Record<string, unknown> = {}
  for (const field of fields) setField(result, field, new Array<unknown>(values.length))
  for (let row = 0; row < values.length; row++) {
    const value = values[row]
    if (!isRecord(value)) throw differs(path, row, value, "a record")
    for (const field of fields) {
      if (!Object.hasOwn(value, field)) {
        throw new CollateError({ column: path, row, reason: `has no field "${field}", row 0 has; ${ONE_FORM}` })
      }
      // result[field] is the array put there above.
      ;(result[field] as Array<unknown>)[row] = value[field]
    }
    for (const field in value) {
      if (!Object.hasOwn(result, field)) {
        throw new CollateError({ column: path, row, reason: `has a field "${field}", row 0 has not; ${ONE_FORM}` })
      }
    }
  }
  for (const field of fields) {
    // As above: still the array of this field's values.
    setField(result, field, column(join(path, field), result[field] as Array<unknown>, order))
  }
  return result
}

const ONE_FORM = "bring all samples to one form in a stage before batch"

const join = (path: string, field: string): string => (path === "" ? field : `${path}.${field}`)

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => {
  if (typeof value !== "object" || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

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

const differs = (path: string, row: number, value: unknown, first: string): CollateError =>
  new CollateError({ column: path, row, reason: `is ${kind(value)}, row 0 is ${first}; ${ONE_FORM}` })

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
