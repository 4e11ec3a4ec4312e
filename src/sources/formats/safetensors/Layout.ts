/**
 * The layout of safetensors files:
 *
 * ```text
 * 8 bytes   length of the header, little-endian
 * header    JSON: { "name": { "dtype": "F32", "shape": [3, 4], "data_offsets": [0, 48] }, …, "__metadata__": { … } }
 * then      the tensors, little-endian, C order, one behind the other without gaps
 * ```
 *
 * @since 0.1.0
 */

import { parseJson } from "../../../core/EscapedNames.ts"
import { isOptions } from "../../../core/Options.ts"
import { plural } from "../../../core/Plural.ts"
import { shown } from "../../../core/Show.ts"
import { countOf, type PlacedArray } from "../Arrays.ts"
import type { Element } from "../Elements.ts"
import type { Fault } from "../Fault.ts"

/** The longest header. The largest of Hugging Face's models has one of 200 KB; the reference allows 100 MB. @since 0.1.0 */
export const LONGEST = 2 ** 25

const elements: ReadonlyMap<unknown, Omit<Element, "isBig">> = new Map<unknown, Omit<Element, "isBig">>([
  ["BOOL", { dtype: "uint8", size: 1, isBoolean: true }],
  ["U8", { dtype: "uint8", size: 1 }],
  ["I8", { dtype: "int8", size: 1 }],
  ["F8_E5M2", { dtype: "float32", size: 1, bits: "float8E5M2" }],
  ["F8_E4M3", { dtype: "float32", size: 1, bits: "float8E4M3" }],
  ["F8_E8M0", { dtype: "float32", size: 1, bits: "float8E8M0" }],
  ["U16", { dtype: "uint16", size: 2 }],
  ["I16", { dtype: "int16", size: 2 }],
  ["F16", { dtype: "float32", size: 2, bits: "float16" }],
  ["BF16", { dtype: "float32", size: 2, bits: "bfloat16" }],
  ["U32", { dtype: "uint32", size: 4 }],
  ["I32", { dtype: "int32", size: 4 }],
  ["F32", { dtype: "float32", size: 4 }],
  ["U64", { dtype: "uint64", size: 8 }],
  ["I64", { dtype: "int64", size: 8 }],
  ["F64", { dtype: "float64", size: 8 }]
])

/** Returns the length of the header, which stands in the first 8 bytes. @since 0.1.0 */
export const headerLengthOf = (bytes: Uint8Array, size: number, fault: Fault): number => {
  if (bytes.length < 8)
    throw fault(`it has ${plural(size, "byte")}, and even one without tensors has 10`, { byte: size })
  const length = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true)
  if (length > LONGEST)
    throw fault(`its header has ${plural(length, "byte")}, and may have ${LONGEST}; check the format`, { byte: 0 })
  if (8 + Number(length) > size) {
    throw fault(`it ends after ${plural(size, "byte")}, within its header of ${length}; it was cut short`, {
      byte: size
    })
  }
  return Number(length)
}

/** Returns the tensors, in the order in which they lie. @since 0.1.0 */
export const tensorsOf = (header: Uint8Array, size: number, fault: Fault): ReadonlyArray<PlacedArray> => {
  const entries = Object.entries(parsed(header, fault)).filter(([name]) => name !== "__metadata__")
  const start = 8 + header.length
  const tensors = entries
    .map(([field, value]) => tensorOf(field, value, start, fault))
    .toSorted((one, other) => one.offset - other.offset || one.length - other.length)
  let end = start
  for (const { field, length, offset } of tensors) {
    if (offset !== end) {
      const what = offset < end ? "overlaps the one before it" : `has ${offset - end} unused bytes before it`
      throw fault(`tensor ${JSON.stringify(field)} ${what}; the file is damaged`, { byte: offset })
    }
    end = offset + length
  }
  if (end === size) return tensors
  const what = end > size ? "it was cut short" : "they belong to no tensor"
  throw fault(`its tensors end after ${end} bytes, and it has ${size}; ${what}`, { byte: Math.min(end, size) })
}

const parsed = (header: Uint8Array, fault: Fault): object => {
  let value: unknown
  try {
    value = parseJson(new TextDecoder("utf-8", { fatal: true }).decode(header))
  } catch (cause) {
    throw fault(`its header is not JSON (${shown(cause)}); check the format`, { byte: 8, cause })
  }
  if (isOptions(value)) return value
  throw fault("its header is not a JSON object; check the format", { byte: 8 })
}

const tensorOf = (field: string, value: unknown, start: number, fault: Fault): PlacedArray => {
  const bad = (reason: string) => fault(`tensor ${JSON.stringify(field)} ${reason}`, { byte: 8 })
  if (!isOptions(value)) throw bad("is not described; the file is damaged")
  const { data_offsets: offsets, dtype, shape }: { data_offsets?: unknown; dtype?: unknown; shape?: unknown } = value
  const element = elements.get(dtype)
  if (element === undefined) {
    throw bad(`has dtype ${JSON.stringify(dtype)}; known are ${Array.from(elements.keys()).join(", ")}`)
  }
  if (!isWholes(shape)) throw bad("has no shape; the file is damaged")
  if (!isWholes(offsets) || offsets.length !== 2) throw bad("has no data_offsets; the file is damaged")
  const [from = 0, to = 0] = offsets
  const length = countOf(shape) * element.size
  if (to - from !== length) {
    const what = `should have ${plural(length, "byte")} by its shape [${shape.join(", ")}], and has ${to - from}`
    throw bad(`${what}; the file is damaged`)
  }
  return { field, element: { ...element, isBig: false }, shape, offset: start + from, length }
}

const isWholes = (value: unknown): value is ReadonlyArray<number> =>
  Array.isArray(value) && value.every((own) => Number.isSafeInteger(own) && own >= 0)
