/**
 * NumPy's file of one array (NEP 1, format versions 1 to 3):
 *
 * ```text
 * \x93NUMPY · major · minor · length of the header, 2 bytes (version 1) or 4, little-endian
 * the header: {'descr': '<f4', 'fortran_order': False, 'shape': (20, 3)} as Python writes it · the elements
 * ```
 *
 * @since 0.1.0
 */
import { plural } from "../../../core/Plural.ts"
import { Tensor } from "../../../core/Tensor.ts"
import { countOf } from "../Arrays.ts"
import { type Element, elementsOf } from "../Elements.ts"
import type { Fault } from "../Fault.ts"
import { type Literal, parseLiteral } from "./Literal.ts"

/** What the header of an array says. @since 0.1.0 */
export interface ArrayHeader {
  readonly element: Element
  readonly shape: ReadonlyArray<number>
  /** Whether the first axis runs fastest. */
  readonly isFortran: boolean
  /** Where the elements begin, in the file, and how many bytes they have. */
  readonly start: number
  readonly length: number
}

/** So much of a file is enough for its header: NumPy itself reads none beyond 10,000 bytes. @since 0.1.0 */
export const HEADER = 2 ** 16

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]

/**
 * Returns what the header says.
 *
 * @param start the first bytes of the file: all, or {@link HEADER} of them
 * @param size the size of the file
 * @since 0.1.0
 */
export const arrayHeaderOf = (start: Uint8Array, size: number, fault: Fault): ArrayHeader => {
  if (size === 0) throw fault("it is empty", { byte: 0 })
  if (MAGIC.some((byte, place) => place < start.length && start[place] !== byte)) {
    throw fault("it does not begin as a NumPy file does (\\x93NUMPY); check the format", { byte: 0 })
  }
  const [major = 0, minor = 0] = start.subarray(6)
  const lengthBytes = major === 1 ? 2 : 4
  if (start.length < 8 + lengthBytes) throw cut(size, "its header", fault)
  if (major < 1 || major > 3 || minor !== 0) {
    throw fault(`it has version ${major}.${minor}; versions 1.0, 2.0 and 3.0 are known`, { byte: 6 })
  }
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength)
  const headerLength = lengthBytes === 2 ? view.getUint16(8, true) : view.getUint32(8, true)
  const from = 8 + lengthBytes
  const end = from + headerLength
  if (end > size) throw cut(size, `its header of ${plural(headerLength, "byte")}`, fault)
  if (end > start.length) {
    throw fault(`its header has ${plural(headerLength, "byte")}, and may have ${HEADER - from}; save plain arrays`, {
      byte: 8
    })
  }
  const written = new TextDecoder(major === 3 ? "utf-8" : "latin1").decode(start.subarray(from, end))
  const literal = parseLiteral(written)
  if (literal === undefined || !(literal instanceof Map)) {
    throw fault("its header is not a Python dictionary; the file is damaged", { byte: from })
  }
  const descr = literal.get("descr")
  const order = literal.get("fortran_order")
  const shape = shapeOf(literal.get("shape"))
  if (literal.size !== 3 || typeof order !== "boolean" || shape === undefined || descr === undefined) {
    const reason = "its header should have descr, fortran_order and shape, and nothing else; the file is damaged"
    throw fault(reason, { byte: from })
  }
  const element = elementOf(descr, fault, from)
  const length = countOf(shape) * element.size
  if (length > size - end) throw cut(size, `an array of shape [${shape.join(", ")}] (${plural(length, "byte")})`, fault)
  return { element, shape, isFortran: order, start: end, length }
}

const cut = (size: number, what: string, fault: Fault) =>
  fault(`it ends after ${plural(size, "byte")}, before the end of ${what}; it was cut short or is damaged`, {
    byte: size
  })

/** Fails if something follows the array. @since 0.1.0 */
export const checkEnd = ({ length, start }: ArrayHeader, size: number, fault: Fault): void => {
  if (start + length === size) return
  const reason = `its array ends here, with ${plural(size - start - length, "byte")} behind it; save one array a file, or use np.savez`
  throw fault(reason, { byte: start + length })
}

const shapeOf = (literal: Literal | undefined): ReadonlyArray<number> | undefined => {
  if (!Array.isArray(literal)) return undefined
  const shape = literal.filter((axis): axis is number => Number.isSafeInteger(axis) && Number(axis) >= 0)
  return shape.length === literal.length && shape.length <= 64 ? shape : undefined
}

/** By what a type's code says behind the byte order. */
const elements: Readonly<Record<string, Omit<Element, "isBig">>> = {
  b1: { dtype: "uint8", size: 1, isBoolean: true },
  u1: { dtype: "uint8", size: 1 },
  i1: { dtype: "int8", size: 1 },
  u2: { dtype: "uint16", size: 2 },
  i2: { dtype: "int16", size: 2 },
  u4: { dtype: "uint32", size: 4 },
  i4: { dtype: "int32", size: 4 },
  u8: { dtype: "uint64", size: 8 },
  i8: { dtype: "int64", size: 8 },
  f2: { dtype: "float32", size: 2, bits: "float16" },
  f4: { dtype: "float32", size: 4 },
  f8: { dtype: "float64", size: 8 }
}

const elementOf = (descr: Literal, fault: Fault, byte: number): Element => {
  if (typeof descr !== "string") {
    throw fault("it holds records of several fields (a structured dtype); save each field as an array", { byte })
  }
  const known = Object.hasOwn(elements, descr.slice(1)) ? elements[descr.slice(1)] : undefined
  if (known !== undefined && "<>|=".includes(descr.charAt(0))) return { ...known, isBig: descr.startsWith(">") }
  const what = UNKNOWN.find(([pattern]) => pattern.test(descr))?.[1] ?? "that is not supported"
  throw fault(`its element type is ${JSON.stringify(descr)}, ${what}`, { byte })
}

const UNKNOWN: ReadonlyArray<readonly [RegExp, string]> = [
  [/^\|?O/, "Python objects, which only Python can load; save numbers, or text as UTF-8"],
  [/^[<>|=]?[US]\d/, "text; save it as UTF-8 bytes, or as JSON lines"],
  [/^[<>=]?[cg]\d|f16$|f12$/, "numbers that have no typed array; convert them to float64"],
  [/^[<>=]?[mM]8/, 'times; save .astype("int64")'],
  [/^\|?V/, 'raw bytes, such as bfloat16; save .view("uint16") or .astype("float32")']
]

/** Whether the rows of an array are spread over all of it. @since 0.1.0 */
export const needsAll = ({ isFortran, shape }: Pick<ArrayHeader, "isFortran" | "shape">): boolean =>
  isFortran && shape.length > 1

/** The array in the bytes of a file, all of it. @since 0.1.0 */
export const decodeArray = (bytes: Uint8Array, fault: Fault): Tensor => {
  const header = arrayHeaderOf(bytes.subarray(0, HEADER), bytes.length, fault)
  checkEnd(header, bytes.length, fault)
  return arrayOf(bytes.subarray(header.start), header)
}

/** The array whose elements are `bytes`, in C order. @since 0.1.0 */
export const arrayOf = (bytes: Uint8Array, header: Pick<ArrayHeader, "element" | "isFortran" | "shape">): Tensor => {
  const { element, shape } = header
  const data = elementsOf(bytes, element)
  return new Tensor(needsAll(header) ? turned(data, shape) : data, shape)
}

/** The same elements with the last axis running fastest, not the first. */
const turned = <D extends Tensor["data"]>(data: D, shape: ReadonlyArray<number>): D => {
  const result = data.slice() as D // a slice is of the same class
  const place = new Array<number>(shape.length).fill(0)
  const strides: Array<number> = []
  let stride = 1
  for (const axis of shape) {
    strides.push(stride)
    stride *= axis
  }
  let from = 0
  for (let to = 0; to < data.length; to++) {
    result[to] = data[from] as (typeof result)[number] // `from` is the place of an element
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const own = (place[axis] as number) + 1 // one an axis, as are the strides
      from += strides[axis] as number
      if (own < (shape[axis] as number)) {
        place[axis] = own
        break
      }
      from -= own * (strides[axis] as number)
      place[axis] = 0
    }
  }
  return result
}
