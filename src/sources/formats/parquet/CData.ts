/**
 * Reads Arrow arrays from the memory of a WebAssembly module, by Arrow's C data interface:
 * https://arrow.apache.org/docs/format/CDataInterface.html
 *
 * Buffers are copied, each once, into memory that can be given back: views of a module's memory are lost when it grows.
 *
 * @since 0.1.0
 */
import { take } from "../../../core/ReadBuffers.ts"
import type { ArrowArray } from "../arrow/ArrowArray.ts"
import { type ArrowField, type ArrowType, type TimeUnit, widthOf } from "../arrow/ArrowType.ts"
import { Malformed } from "../Malformed.ts"

// Offsets in the structs ArrowSchema and ArrowArray, where pointers have 32 bits.
const SCHEMA = { format: 0, name: 4, children: 32, dictionary: 36 }
const ARRAY = { length: 0, nulls: 8, offset: 16, buffers: 40, children: 44, dictionary: 48 }
/** Both say their number of children at one place. */
const CHILDREN = { schema: 24, array: 32 }
const BUFFERS = 24

/** Returns the columns of a struct array whose schema and array lie at two addresses. @since 0.1.0 */
export const columnsAt = (memory: ArrayBufferLike, schema: number, array: number): ReadonlyArray<ArrowArray> => {
  const reader = new CDataReader(memory)
  return reader.arrayAt(reader.fieldAt(schema), array).children
}

class CDataReader {
  readonly #view: DataView
  readonly #bytes: Uint8Array

  constructor(memory: ArrayBufferLike) {
    this.#view = new DataView(memory)
    this.#bytes = new Uint8Array(memory)
  }

  fieldAt(at: number): ArrowField {
    const children = this.#pointers(at + SCHEMA.children, this.#long(at + CHILDREN.schema)).map((own) =>
      this.fieldAt(own)
    )
    const name = this.#text(this.#pointer(at + SCHEMA.name))
    const type = typeOf(this.#text(this.#pointer(at + SCHEMA.format)))
    const dictionary = this.#pointer(at + SCHEMA.dictionary)
    if (dictionary === 0) return { name, type, children }
    const values = this.fieldAt(dictionary)
    return { name, type: values.type, children: values.children, dictionary: { id: 0, indices: type } }
  }

  arrayAt(field: ArrowField, at: number): ArrowArray {
    const type = field.dictionary?.indices ?? field.type
    const length = this.#long(at + ARRAY.length)
    const offset = this.#long(at + ARRAY.offset)
    const pointers = this.#pointers(at + ARRAY.buffers, this.#long(at + BUFFERS))
    const hasValidity = type.kind !== "null" && type.kind !== "union" && type.kind !== "runEnds"
    const counted = this.#long(at + ARRAY.nulls)
    const bits = hasValidity ? (pointers[0] ?? 0) : 0
    const nulls = bits === 0 ? 0 : counted
    // −1: not counted.
    const validity = nulls === 0 ? undefined : this.#copy(bits, Math.ceil((offset + length) / 8))
    const data = this.#data(type, hasValidity ? pointers.slice(1) : pointers, offset + length)
    const own = field.dictionary === undefined ? field.children : []
    const places = this.#pointers(at + ARRAY.children, this.#long(at + CHILDREN.array))
    const children = own.map((child, place) => this.arrayAt(child, places[place] as number)) // as many as in the schema
    const dictionary =
      field.dictionary === undefined
        ? undefined
        : [this.arrayAt({ ...field, dictionary: undefined }, this.#pointer(at + ARRAY.dictionary))]
    return { field, type, length, offset, nulls: nulls < 0 ? length : nulls, validity, data, children, dictionary }
  }

  /** The buffers of an array of so many values, from the first one of its memory on. */
  #data(type: ArrowType, pointers: ReadonlyArray<number>, values: number): ReadonlyArray<Uint8Array> {
    const at = (place: number): number => pointers[place] ?? 0
    switch (type.kind) {
      case "null":
      case "struct":
      case "fixedList":
      case "runEnds":
        return []
      case "bool":
        return [this.#copy(at(0), Math.ceil(values / 8))]
      case "binary":
      case "utf8": {
        const offsets = this.#offsets(at(0), type.wide, values)
        return [offsets, this.#copy(at(1), lastOf(offsets, type.wide))]
      }
      case "list":
        return [this.#offsets(at(0), type.wide, values)]
      case "map":
        return [this.#offsets(at(0), false, values)]
      case "listView": {
        const width = type.wide ? 8 : 4
        return [this.#copy(at(0), values * width), this.#copy(at(1), values * width)]
      }
      case "union":
        return type.dense ? [this.#copy(at(0), values), this.#copy(at(1), 4 * values)] : [this.#copy(at(0), values)]
      case "binaryView":
      case "utf8View": {
        const lengths = pointers.at(-1) ?? 0
        const parts = pointers.slice(1, -1).map((own, place) => this.#copy(own, this.#long(lengths + 8 * place)))
        return [this.#copy(at(0), 16 * values), ...parts]
      }
      default:
        return [this.#copy(at(0), values * widthOf(type))]
    }
  }

  #offsets(pointer: number, wide: boolean, values: number): Uint8Array {
    return this.#copy(pointer, values === 0 ? 0 : (values + 1) * (wide ? 8 : 4))
  }

  #copy(pointer: number, length: number): Uint8Array {
    if (pointer === 0) return new Uint8Array(0)
    const own = take(length)
    own.set(this.#bytes.subarray(pointer, pointer + length))
    return own
  }

  #pointer(at: number): number {
    return this.#view.getUint32(at, true)
  }

  #pointers(at: number, length: number): ReadonlyArray<number> {
    const start = this.#pointer(at)
    return Array.from({ length }, (_, place) => this.#pointer(start + 4 * place))
  }

  #long(at: number): number {
    return Number(this.#view.getBigInt64(at, true))
  }

  #text(pointer: number): string {
    if (pointer === 0) return ""
    return decoder.decode(this.#bytes.subarray(pointer, this.#bytes.indexOf(0, pointer)))
  }
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true })

const lastOf = (offsets: Uint8Array, wide: boolean): number => {
  if (offsets.length === 0) return 0
  const view = new DataView(offsets.buffer, offsets.byteOffset, offsets.byteLength)
  return wide ? Number(view.getBigInt64(offsets.length - 8, true)) : view.getInt32(offsets.length - 4, true)
}

const int = (bits: 8 | 16 | 32 | 64, signed: boolean): ArrowType => ({ kind: "int", bits, signed })
const float = (bits: 16 | 32 | 64): ArrowType => ({ kind: "float", bits })

const PLAIN: Readonly<Record<string, ArrowType>> = {
  n: { kind: "null" },
  b: { kind: "bool" },
  c: int(8, true),
  C: int(8, false),
  s: int(16, true),
  S: int(16, false),
  i: int(32, true),
  I: int(32, false),
  l: int(64, true),
  L: int(64, false),
  e: float(16),
  f: float(32),
  g: float(64),
  z: { kind: "binary", wide: false },
  Z: { kind: "binary", wide: true },
  vz: { kind: "binaryView" },
  u: { kind: "utf8", wide: false },
  U: { kind: "utf8", wide: true },
  vu: { kind: "utf8View" },
  tdD: { kind: "date", unit: "day" },
  tdm: { kind: "date", unit: "ms" },
  tiM: { kind: "interval", unit: "months" },
  tiD: { kind: "interval", unit: "dayTime" },
  tin: { kind: "interval", unit: "monthDayNano" },
  "+l": { kind: "list", wide: false },
  "+L": { kind: "list", wide: true },
  "+vl": { kind: "listView", wide: false },
  "+vL": { kind: "listView", wide: true },
  "+s": { kind: "struct" },
  "+m": { kind: "map" },
  "+r": { kind: "runEnds" }
}

const UNITS: Readonly<Record<string, TimeUnit>> = { s: "s", m: "ms", u: "us", n: "ns" }
const TIMES: Readonly<Record<string, "time" | "timestamp" | "duration">> = {
  tt: "time",
  ts: "timestamp",
  tD: "duration"
}

/** The type that a format text of the C data interface stands for. */
const typeOf = (format: string): ArrowType => {
  const plain = PLAIN[format]
  if (plain !== undefined) return plain
  const [head = "", rest = ""] = format.split(":", 2)
  const numbers = rest.split(",").map(Number)
  const [first = 0, second = 0, third = 128] = numbers
  const kind = TIMES[head.slice(0, 2)]
  const unit = UNITS[head.slice(2, 3)]
  if (kind !== undefined && unit !== undefined) return { kind, unit }
  if (head === "w") return { kind: "fixedBinary", width: first }
  if (head === "+w") return { kind: "fixedList", size: first }
  if (head === "+ud" || head === "+us") return { kind: "union", dense: head === "+ud", ids: rest === "" ? [] : numbers }
  if (head === "d" && (third === 32 || third === 64 || third === 128 || third === 256)) {
    return { kind: "decimal", bits: third, scale: second }
  }
  throw new Malformed(`a column has a type that is not supported, ${format} of the C data interface`)
}
