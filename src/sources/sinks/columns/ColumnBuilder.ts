/**
 * Collects the values of a column in Arrow's layout. Until a block has been written its type may still be unknown: the first
 * value that is not null says it.
 *
 * @since 0.1.0
 */
import { besideFields, besideItems, FIRST_ROWS, SHORT_LIST } from "../../../core/Beside.ts"
import { arrays, type DType, dtypeOf, isTypedArray, type TypedArray } from "../../../core/DType.ts"
import { isLost, LOST } from "../../../core/Lost.ts"
import { isRecord } from "../../../core/Record.ts"
import { show } from "../../../core/Show.ts"
import { Tensor } from "../../../core/Tensor.ts"
import { type ColumnType, DEEPEST, kindOf, shownType } from "./ColumnType.ts"
import { bitsOf, noBoolean, Values } from "./Values.ts"

/** A value that does not go into its column, and what those can do about it who write shards. @since 0.1.0 */
export class NotColumn extends Error {
  readonly reason: string

  constructor(reason: string, way?: string) {
    super(way === undefined ? reason : `${reason}; ${way}`)
    this.reason = reason
  }
}

/** A column in Arrow's layout; `buffers` begin with its validity. @since 0.1.0 */
export interface BuiltColumn {
  readonly name: string
  readonly type: ColumnType
  readonly length: number
  readonly nulls: number
  readonly buffers: ReadonlyArray<Uint8Array>
  readonly children: ReadonlyArray<BuiltColumn>
}

const encoder = new TextEncoder()

/** What is said of a name that UTF-8 cannot hold. @since 0.1.0 */
export const halved = (name: string): string =>
  `${JSON.stringify(name)} has half of a surrogate pair in its name, which UTF-8 cannot hold`

const isNumeric = (type: ColumnType): type is DType => typeof type === "string" && Object.hasOwn(arrays, type)

/** Where a column lies, and how it takes numbers. */
interface ColumnPlace {
  readonly called?: string
  readonly depth?: number
  readonly rounds?: boolean
}

/** One column. @since 0.1.0 */
export class ColumnBuilder {
  readonly name: string
  /** What errors call it: a list's items by their list, a field by its record. */
  readonly #called: string
  /** How many lists and records it lies in. */
  readonly #depth: number
  /** Whether numbers that a float32 cannot hold are rounded, as the type was declared; else they are refused. */
  readonly #rounds: boolean
  /** How many lists were added. */
  #lists = 0
  length = 0
  #nulls = 0
  #validity: Uint8Array = new Uint8Array(0)
  #type: ColumnType
  /** Whether values of another type than those so far are refused, and fields that are not known. */
  #isFixed: boolean
  #values: Values<TypedArray> | undefined
  #offsets: Values<Int32Array> | undefined
  #item: ColumnBuilder | undefined
  #fields = new Map<string, ColumnBuilder>()

  /** Throws {@link NotColumn}. */
  constructor(
    name: string,
    type: ColumnType | undefined,
    { called = name, depth = 0, rounds = type !== undefined }: ColumnPlace = {}
  ) {
    this.#rounds = rounds
    if (depth > DEEPEST) {
      const start = called.length > 80 ? `${called.slice(0, 80)}…` : called
      throw new NotColumn(`column "${start}" lies deeper than ${DEEPEST} levels, or holds itself`, "map it")
    }
    this.#depth = depth
    if (!name.isWellFormed()) throw new NotColumn(`column ${halved(called)}`, "map it")
    this.name = name
    this.#called = called
    this.#type = "null"
    this.#isFixed = type !== undefined
    if (type !== undefined) this.#become(type)
  }

  get type(): ColumnType {
    if (typeof this.#type === "string") return this.#type
    if ("list" in this.#type) return { list: this.#item?.type ?? "null" }
    return { struct: Object.fromEntries(Array.from(this.#fields, ([name, field]) => [name, field.type])) }
  }

  /** Takes the type that it has now for the one that all further values have. */
  fix(): void {
    this.#isFixed = true
    this.#item?.fix()
    for (const field of this.#fields.values()) field.fix()
  }

  /** Adds a value. Returns how many bytes it takes, about. Throws {@link NotColumn}. */
  push(value: unknown): number {
    if (value === null || value === undefined) return this.#null()
    if ((isTypedArray(value) || value instanceof Tensor) && isLost(value)) throw this.#lost()
    if (this.#type === "null" && !this.#isFixed) this.#become(this.#seen(value))
    const type = this.#type
    if (typeof type === "string") return isNumeric(type) ? this.#number(type, value) : this.#plain(type, value)
    return "list" in type ? this.#list(value) : this.#struct(value)
  }

  /** Adds rows of a tensor, `count` from `from` on. Returns how many bytes they take. Throws {@link NotColumn}. */
  append(tensor: Tensor, from: number, count: number): number {
    if (isLost(tensor)) throw this.#lost()
    const { data, shape } = tensor
    const [, ...inner] = shape
    const width = inner.reduce((product, axis) => product * axis, 1)
    if (this.#type === "null" && !this.#isFixed) this.#become(inner.length === 0 ? dtypeOf(data) : { list: "null" })
    if (inner.length === 0) {
      const values = this.#values
      if (values === undefined || dtypeOf(values.data) !== dtypeOf(data)) {
        let bytes = 0
        for (let at = from; at < from + count; at++) bytes += this.push(data[at])
        return bytes
      }
      const odd = this.#type === "bool" ? noBoolean(data, from, from + count) : undefined
      if (odd !== undefined)
        throw new NotColumn(`column "${this.#called}" holds ${odd}, and a boolean of a batch is 0 or 1`)
      values.room(count)
      // Both are of one class.
      ;(values.data as Float64Array).set(data.subarray(from, from + count) as Float64Array, values.length)
      values.length += count
      this.#valid(count)
      return count * data.BYTES_PER_ELEMENT
    }
    const [rows = 0] = inner
    const item = this.#item
    const offsets = this.#offsets
    if (item === undefined || offsets === undefined) throw this.#wrong(tensor)
    offsets.room(count)
    for (let at = 1; at <= count; at++) offsets.data[offsets.length++] = item.length + at * rows
    this.#valid(count)
    const part = new Tensor(data.subarray(from * width, (from + count) * width), [count * rows, ...inner.slice(1)])
    return 4 * count + item.append(part, 0, count * rows)
  }

  /** Returns the column so far, and starts an empty one. */
  take(): BuiltColumn {
    const { length, name } = this
    const nulls = this.#nulls
    const validity = nulls === 0 ? new Uint8Array(0) : this.#validity.slice(0, (length + 7) >> 3)
    const type = this.type
    const children = [...(this.#item === undefined ? [] : [this.#item]), ...this.#fields.values()].map((own) =>
      own.take()
    )
    const buffers: Array<Uint8Array> = type === "null" ? [] : [validity]
    if (this.#offsets !== undefined) buffers.push(this.#offsets.bytes)
    if (this.#values !== undefined)
      buffers.push(type === "bool" ? bitsOf(this.#values.data, length) : this.#values.bytes)
    this.#reset()
    return { name, type, length, nulls, buffers, children }
  }

  #reset(): void {
    this.length = 0
    this.#nulls = 0
    if (this.#values !== undefined) this.#values.length = 0
    if (this.#offsets !== undefined) this.#offsets.length = 1
  }

  #seen(value: unknown): ColumnType {
    const kind = kindOf(value)
    if (kind === undefined) throw this.#wrong(value)
    return kind === "list" ? { list: "null" } : kind === "struct" ? { struct: {} } : kind
  }

  /** Takes a type, for rows that were all null so far. */
  #become(type: ColumnType): void {
    this.#type = type
    const before = this.length
    if (typeof type !== "string") {
      if ("list" in type) {
        this.#item = new ColumnBuilder("item", this.#isFixed ? type.list : undefined, this.#inner(this.#called))
        this.#withOffsets(before)
      } else {
        for (const [name, own] of Object.entries(type.struct)) this.#field(name, own)
      }
      return
    }
    if (type === "string" || type === "binary") {
      this.#values = new Values((length) => new Uint8Array(length))
      this.#withOffsets(before)
      return
    }
    if (type === "null") return
    const Data = type === "bool" ? Uint8Array : type === "timestamp" ? BigInt64Array : arrays[type]
    const values = new Values<TypedArray>((length) => new Data(length))
    values.room(before)
    values.length = before
    this.#values = values
  }

  #withOffsets(before: number): void {
    this.#offsets = new Values((length) => new Int32Array(length))
    this.#offsets.room(before + 1)
    this.#offsets.length = before + 1
  }

  #inner(called: string): ColumnPlace {
    return { called, depth: this.#depth + 1, rounds: this.#rounds }
  }

  #field(name: string, type: ColumnType | undefined): ColumnBuilder {
    const field = new ColumnBuilder(name, type, this.#inner(`${this.#called}.${name}`))
    for (let at = 0; at < this.length; at++) field.push(null)
    this.#fields.set(name, field)
    return field
  }

  #mark(isValid: boolean): void {
    // Bits are kept from the first null on: most columns have none.
    if (isValid && this.#nulls === 0) {
      this.length++
      return
    }
    if (this.#nulls === 0) this.#allValid()
    if (this.length >> 3 >= this.#validity.length) {
      const larger = new Uint8Array(2 * this.#validity.length)
      larger.set(this.#validity)
      this.#validity = larger
    }
    if (isValid) this.#validity[this.length >> 3] = (this.#validity[this.length >> 3] ?? 0) | (1 << (this.length & 7))
    else this.#nulls++
    this.length++
  }

  /** Begins the bits, for rows of which none was null. */
  #allValid(): void {
    const whole = this.length >> 3
    this.#validity = new Uint8Array(2 * whole + 64)
    this.#validity.fill(255, 0, whole)
    this.#validity[whole] = (1 << (this.length & 7)) - 1
  }

  #valid(count: number): void {
    if (this.#nulls === 0) this.length += count
    else for (let at = 0; at < count; at++) this.#mark(true)
  }

  #null(): number {
    const type = this.#type
    if (this.#offsets !== undefined) {
      this.#offsets.room(1)
      this.#offsets.data[this.#offsets.length] = this.#offsets.data[this.#offsets.length - 1] ?? 0
      this.#offsets.length++
    } else if (this.#values !== undefined) {
      this.#values.room(1)
      const { data } = this.#values
      // A value of any kind may stand where none is; it is one of the memory's kind.
      const at = this.#values.length++
      if (data instanceof BigInt64Array || data instanceof BigUint64Array) data[at] = 0n
      else data[at] = 0
    } else if (typeof type !== "string") for (const field of this.#fields.values()) field.push(null)
    this.#mark(false)
    return 1
  }

  #number(type: DType, value: unknown): number {
    const own = value instanceof Tensor && value.shape.length === 0 ? value.data[0] : value
    const values = this.#values
    if (values === undefined || (typeof own !== "number" && typeof own !== "bigint")) throw this.#wrong(value)
    values.room(1)
    const { data } = values
    if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
      const big = typeof own === "bigint" ? own : Number.isSafeInteger(own) ? BigInt(own) : undefined
      if (big === undefined || Object.is(own, -0)) throw this.#wrong(value)
      data[values.length] = big
      if (data[values.length] !== big) throw this.#wrong(value)
    } else {
      if (typeof own === "bigint") throw this.#wrong(value)
      data[values.length] = own
      // A float32 that is declared takes the nearest number.
      if (!(type === "float32" && this.#rounds) && !Object.is(data[values.length], own)) throw this.#wrong(value)
    }
    values.length++
    this.#mark(true)
    return data.BYTES_PER_ELEMENT
  }

  #plain(type: "null" | "bool" | "string" | "binary" | "timestamp", value: unknown): number {
    const values = this.#values
    if (values === undefined || type === "null" || kindOf(value) !== type) throw this.#wrong(value)
    if (type === "string" || type === "binary") {
      if (typeof value === "string" && !value.isWellFormed()) {
        throw new NotColumn(`column "${this.#called}": a text has half of a surrogate pair, which UTF-8 cannot hold`)
      }
      const bytes = typeof value === "string" ? encoder.encode(value) : (value as Uint8Array) // by its kind
      const end = values.length + bytes.length
      if (end > 2 ** 31 - 1)
        throw new NotColumn(`column "${this.#called}": a block holds more than 2 GiB`, "set blockBytes")
      values.room(bytes.length)
      ;(values.data as Uint8Array).set(bytes, values.length) // texts and bytes are collected as bytes
      values.length = end
      this.#offset(end)
      this.#mark(true)
      return 4 + bytes.length
    }
    values.room(1)
    if (type === "bool")
      (values.data as Uint8Array)[values.length] = value === true ? 1 : 0 // by its type
    else {
      const time = (value as Date).getTime() // by its kind
      if (Number.isNaN(time))
        throw new NotColumn(`column "${this.#called}" is an invalid Date`, "map it to null or a time")
      ;(values.data as BigInt64Array)[values.length] = BigInt(time) // by its type
    }
    values.length++
    this.#mark(true)
    return type === "bool" ? 1 : 8
  }

  #offset(end: number): void {
    const offsets = this.#offsets
    if (offsets === undefined) return
    offsets.room(1)
    offsets.data[offsets.length++] = end
  }

  #list(value: unknown): number {
    const item = this.#item
    if (item === undefined) throw this.#wrong(value)
    let bytes = 4
    if (Array.isArray(value)) {
      if (this.#lists++ < FIRST_ROWS || value.length <= SHORT_LIST) this.#refuse(besideItems(value))
      for (let at = 0; at < value.length; at++) {
        const own: unknown = value[at]
        if (own === undefined && !(at in value))
          this.#refuse(`is a list with a hole at ${at}; map it to null, or to a value`)
        bytes += item.push(own)
      }
    } else if (isTypedArray(value)) bytes += item.append(new Tensor(value, [value.length]), 0, value.length)
    else if (value instanceof Tensor && value.shape.length > 0) bytes += item.append(value, 0, value.shape[0] ?? 0)
    else throw this.#wrong(value)
    this.#offset(item.length)
    this.#mark(true)
    return bytes
  }

  #struct(value: unknown): number {
    if (kindOf(value) !== "struct" || !isRecord(value)) throw this.#wrong(value)
    this.#refuse(besideFields(value))
    let bytes = 1
    for (const name of Object.keys(value)) {
      if (this.#fields.has(name) || value[name] === undefined) continue
      if (this.#isFixed)
        throw new NotColumn(
          `column "${this.#called}": field "${name}" was not there in the first rows`,
          "declare its type by types"
        )
      this.#field(name, undefined)
    }
    for (const [name, field] of this.#fields) bytes += field.push(Object.hasOwn(value, name) ? value[name] : null)
    this.#mark(true)
    return bytes
  }

  #refuse(beside: string | undefined): void {
    if (beside !== undefined) throw new NotColumn(`column "${this.#called}" ${beside}`)
  }

  #lost(): NotColumn {
    return new NotColumn(`column "${this.#called}" ${LOST}`)
  }

  #wrong(value: unknown): NotColumn {
    const kind = kindOf(value)
    if (kind === undefined && value !== null && value !== undefined) {
      return new NotColumn(
        `column "${this.#called}": ${show(value)} is of no kind that a column holds`,
        "map it to a number, a text, a date, a typed array, or a list or record of these"
      )
    }
    const is = Object.is(value, -0) ? "-0" : typeof value === "object" && value !== null ? `${kind}` : String(value)
    const way =
      this.#type === "null" ? "all rows of the first block had none" : `values so far are ${shownType(this.type)}`
    return new NotColumn(
      `column "${this.#called}": ${is.slice(0, 80)} does not fit, as ${way}`,
      "declare its type by types, or map it"
    )
  }
}
