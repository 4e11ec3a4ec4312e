/**
 * Reads and writes Thrift's compact protocol, the encoding of Parquet's footers, as far as footers need it: a struct is its
 * fields by number, each a range of bytes that is read only where it is asked for, and can be copied as it is.
 *
 * https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
 *
 * @since 0.1.0
 */
import { AGAIN, Malformed } from "../Malformed.ts"

/** The types of the protocol. @since 0.1.0 */
export const Type = {
  true: 1,
  false: 2,
  byte: 3,
  i16: 4,
  i32: 5,
  i64: 6,
  double: 7,
  binary: 8,
  list: 9,
  set: 10,
  map: 11,
  struct: 12
} as const

/** A value: where it lies, and its type. @since 0.1.0 */
export interface Value {
  readonly type: number
  readonly start: number
  readonly end: number
}

/** @since 0.1.0 */
export type Struct = ReadonlyMap<number, Value>

/** So many bytes has a number of 64 bits at most. */
const LONGEST = 10

/** Structs, lists and maps deeper than this are refused. */
const DEEPEST = 32

/** Reads values from bytes. Reads beyond the end throw `RangeError`. @since 0.1.0 */
export class ThriftReader {
  readonly bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  /** The fields of the struct at a place. */
  struct(start: number): Struct {
    this.#at = start
    return this.#fields(0)
  }

  /** Where what was read last ends. */
  get end(): number {
    return this.#at
  }

  /** The structs of a list. */
  structs(list: Value): ReadonlyArray<Struct> {
    return this.items(list, Type.struct).map((item) => this.struct(item.start))
  }

  /** The items of a list, all of one type. */
  items({ start, type }: Value, wanted: number): ReadonlyArray<Value> {
    this.#at = start
    const { count, item } = this.#listHeader()
    if (type !== Type.list || (count > 0 && item !== wanted)) throw wrong("a list")
    const items: Array<Value> = []
    for (let at = 0; at < count; at++) {
      const from = this.#at
      this.#skip(item, 0)
      items.push({ type: item, start: from, end: this.#at })
    }
    return items
  }

  /** A whole number of up to 64 bits that is exact. */
  int({ start, type }: Value): number {
    if (type < Type.byte || type > Type.i64) throw wrong("a number")
    this.#at = start
    if (type === Type.byte) return (this.#byte() << 24) >> 24
    const short = this.#short()
    if (short !== undefined) return (short >>> 1) ^ -(short & 1)
    const encoded = this.#varint()
    const value = Number(encoded & 1n ? -(encoded >> 1n) - 1n : encoded >> 1n)
    if (!Number.isSafeInteger(value))
      throw new Malformed(`its footer, or the header of a page, has a number of ${value}; ${AGAIN}`)
    return value
  }

  /** The numbers of a list of numbers of 32 bits. */
  ints(list: Value): ReadonlyArray<number> {
    return this.items(list, Type.i32).map((item) => this.int(item))
  }

  text({ start, type }: Value): string {
    if (type !== Type.binary) throw wrong("a text")
    this.#at = start
    const length = this.#length()
    return decoder.decode(this.bytes.subarray(this.#at, this.#at + length))
  }

  #fields(depth: number): Struct {
    if (depth > DEEPEST) throw wrong(`structs at most ${DEEPEST} deep`)
    const fields = new Map<number, Value>()
    let id = 0
    for (;;) {
      const header = this.#byte()
      if (header === 0) return fields
      const type = header & 15
      id = header >> 4 === 0 ? Number(this.#zigzag()) : id + (header >> 4)
      const start = this.#at
      if (type > Type.false) this.#skip(type, depth + 1)
      fields.set(id, { type, start, end: this.#at })
    }
  }

  #skip(type: number, depth: number): void {
    if (depth > DEEPEST) throw wrong(`values at most ${DEEPEST} deep`)
    switch (type) {
      case Type.true:
      case Type.false:
      case Type.byte:
        this.#byte()
        return
      case Type.i16:
      case Type.i32:
      case Type.i64:
        this.#pass()
        return
      case Type.double:
        this.#over(8)
        return
      case Type.binary:
        this.#over(this.#length())
        return
      case Type.list:
      case Type.set: {
        const { count, item } = this.#listHeader()
        for (let at = 0; at < count; at++) this.#skip(item, depth + 1)
        return
      }
      case Type.map: {
        const count = this.#length()
        if (count === 0) return
        const types = this.#byte()
        for (let at = 0; at < count; at++) {
          this.#skip(types >> 4, depth + 1)
          this.#skip(types & 15, depth + 1)
        }
        return
      }
      case Type.struct:
        for (;;) {
          const header = this.#byte()
          if (header === 0) return
          if (header >> 4 === 0) this.#pass()
          if ((header & 15) > Type.false) this.#skip(header & 15, depth + 1)
        }
      default:
        throw wrong("known types")
    }
  }

  #listHeader(): { readonly count: number; readonly item: number } {
    const header = this.#byte()
    const count = header >> 4 === 15 ? this.#length() : header >> 4
    // Each item takes a byte at least.
    if (this.#at + count > this.bytes.length) throw new RangeError("a list goes on beyond the end")
    return { count, item: header & 15 }
  }

  #length(): number {
    const length = this.#short() ?? this.#varint()
    if (length > this.bytes.length - this.#at) throw new RangeError("a length goes on beyond the end")
    return Number(length)
  }

  #over(length: number): void {
    this.#at += length
    if (this.#at > this.bytes.length) throw new RangeError("a value goes on beyond the end")
  }

  #byte(): number {
    const byte = this.bytes[this.#at++]
    if (byte === undefined) throw new RangeError("it ends too early")
    return byte
  }

  #zigzag(): bigint {
    const encoded = this.#varint()
    return encoded & 1n ? -(encoded >> 1n) - 1n : encoded >> 1n
  }

  /** A number of up to 28 bits, as most are; `undefined`, and nothing is read, if it is longer. */
  #short(): number | undefined {
    const from = this.#at
    let low = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#byte()
      low |= (byte & 127) << shift
      if (byte < 128) return low
    }
    this.#at = from
    return undefined
  }

  /** Goes behind a number. */
  #pass(): void {
    for (let count = 0; count < LONGEST; count++) if (this.#byte() < 128) return
    throw wrong("numbers of up to 64 bits")
  }

  #varint(): bigint {
    let value = 0n
    for (let shift = 0n; shift < 7n * BigInt(LONGEST); shift += 7n) {
      const byte = this.#byte()
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return value
    }
    throw wrong("numbers of up to 64 bits")
  }
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true })

const wrong = (what: string): Malformed =>
  new Malformed(`its footer, or the header of a page, does not have ${what} where it should; ${AGAIN}`)

/** Writes the fields of structs, in the order of their numbers. @since 0.1.0 */
export class ThriftWriter {
  #bytes = new Uint8Array(1024)
  #length = 0
  #last = 0
  readonly #outer: Array<number> = []

  /** A field whose value is copied as it was read. */
  copy(id: number, from: Uint8Array, { end, start, type }: Value): void {
    this.#field(id, type)
    this.#append(from.subarray(start, end))
  }

  /** An item of a list, copied as it was read. */
  copyItem(from: Uint8Array, { end, start }: Value): void {
    this.#append(from.subarray(start, end))
  }

  int(id: number, type: typeof Type.i32 | typeof Type.i64, value: number): void {
    this.#field(id, type)
    this.#varint(BigInt(value) << 1n)
  }

  /** A field that is false; one that is true has another type. */
  false(id: number): void {
    this.#field(id, Type.false)
  }

  list(id: number, count: number): void {
    this.#field(id, Type.list)
    if (count < 15) this.#byte((count << 4) | Type.struct)
    else {
      this.#byte(0xf0 | Type.struct)
      this.#varint(BigInt(count))
    }
  }

  struct(id: number): void {
    this.#field(id, Type.struct)
    this.item()
  }

  /** Begins a struct in a list. */
  item(): void {
    this.#outer.push(this.#last)
    this.#last = 0
  }

  /** Ends the struct. */
  end(): void {
    this.#byte(0)
    this.#last = this.#outer.pop() ?? 0
  }

  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  #field(id: number, type: number): void {
    const delta = id - this.#last
    this.#last = id
    if (delta > 0 && delta < 16) this.#byte((delta << 4) | type)
    else {
      this.#byte(type)
      this.#varint(BigInt(id) << 1n)
    }
  }

  #varint(value: bigint): void {
    let rest = value
    while (rest > 127n) {
      this.#byte(Number(rest & 127n) | 128)
      rest >>= 7n
    }
    this.#byte(Number(rest))
  }

  #byte(value: number): void {
    this.#room(1)
    this.#bytes[this.#length++] = value
  }

  #append(bytes: Uint8Array): void {
    this.#room(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
  }

  #room(more: number): void {
    if (this.#length + more <= this.#bytes.length) return
    const larger = new Uint8Array(2 * (this.#length + more))
    larger.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = larger
  }
}
