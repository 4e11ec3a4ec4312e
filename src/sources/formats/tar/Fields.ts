/**
 * What becomes of the files of a sample, by their extensions.
 *
 * @since 0.1.0
 */
import { exactJson } from "../../../core/ExactJson.ts"
import { setField } from "../../../core/Options.ts"
import { shown } from "../../../core/Show.ts"
import type { Fault } from "../Fault.ts"
import { decodeArray } from "../npy/Layout.ts"
import { type Chosen, KEY } from "./Decoder.ts"
import type { Sample } from "./Samples.ts"

/** A decoder's code, which keeps nothing of `bytes`. `fault` makes the error of its file, which its reason calls "it". */
type Decode = (bytes: Uint8Array, fault: Fault) => unknown

const utf8 = new TextDecoder("utf-8", { fatal: true })

const text = (bytes: Uint8Array, fault: Fault): string => {
  try {
    return utf8.decode(bytes)
  } catch (cause) {
    throw fault("it is not UTF-8; write it again as UTF-8, or take its bytes", { cause })
  }
}

/** As long as a whole number is written, with the spaces around it. */
const WRITTEN = 64

/** So many digits make a whole number that is exact. */
const EXACT = 15

const integer = (bytes: Uint8Array, fault: Fault): number => {
  const digits = digitsOf(bytes)
  if (digits !== undefined) return digits
  const written = text(bytes.subarray(0, WRITTEN), fault)
  const value = Number(written)
  if (bytes.length <= WRITTEN && /^\s*[+-]?\d+\s*$/.test(written) && Number.isSafeInteger(value)) return value
  throw fault(`it is not a whole number below 2^53: ${JSON.stringify(written)}`)
}

/** The number that bytes are if all are digits, as in most files of classes. */
const digitsOf = (bytes: Uint8Array): number | undefined => {
  const { length } = bytes
  if (length === 0 || length > EXACT) return undefined
  let value = 0
  for (let at = 0; at < length; at++) {
    const digit = (bytes[at] as number) - 0x30 // below the length
    if (digit < 0 || digit > 9) return undefined
    value = 10 * value + digit
  }
  return value
}

const json = (bytes: Uint8Array, fault: Fault): unknown => {
  const written = text(bytes, fault)
  try {
    return exactJson(written)
  } catch (cause) {
    throw fault(`it is not JSON (${shown(cause)})`, { cause })
  }
}

/** Rows own what they hold: the memory of a block is used again. */
const bytesOf: Decode = (bytes) => new Uint8Array(bytes)

const array: Decode = (bytes, fault) => decodeArray(new Uint8Array(bytes), fault)

const named: ReadonlyMap<unknown, Decode> = new Map<unknown, Decode>([
  ["bytes", bytesOf],
  ["text", text],
  ["integer", integer],
  ["json", json],
  ["npy", array]
])

/** WebDataset's own decoders, by the last part of an extension. */
const usual: ReadonlyMap<string, Decode> = new Map<string, Decode>([
  ...["txt", "text", "transcript"].map((extension) => [extension, text] as const),
  ...["json", "jsn"].map((extension) => [extension, json] as const),
  ...["cls", "cls2", "class", "count", "index", "inx", "id"].map((extension) => [extension, integer] as const),
  ["npy", array]
])

/** Makes a row of a sample, whose shard's bytes begin at `from`. @since 0.1.0 */
export type ReadRow = (sample: Sample, bytes: Uint8Array, from: number, fault: Fault) => Record<string, unknown>

/** Every file of a sample, each decoded as its extension says. @since 0.1.0 */
export const readAll: ReadRow = (sample, bytes, from, fault) => {
  const row: Record<string, unknown> = { [KEY]: sample.key }
  for (let file = 0; file < sample.extensions.length; file++) {
    const extension = sample.extensions[file] as string // one a file
    const decode = usual.get(extension.slice(extension.lastIndexOf(".") + 1)) ?? bytesOf
    setField(row, extension, decodeFile(decode, sample, file, bytes, from, fault))
  }
  return row
}

const decodeFile = (
  decode: Decode,
  sample: Sample,
  file: number,
  bytes: Uint8Array,
  from: number,
  fault: Fault
): unknown => {
  const offset = sample.offsets[file] as number // one a file
  const start = offset - from
  return decode(bytes.subarray(start, start + (sample.sizes[file] as number)), (reason, { byte = 0, cause } = {}) =>
    fault(`file ${JSON.stringify(`${sample.key}.${sample.extensions[file]}`)}: ${reason}`, {
      byte: offset + byte,
      cause
    })
  )
}

/** Only the chosen fields, in their order. @since 0.1.0 */
export const readChosen = ({ fields, optional }: Chosen): ReadRow => {
  const all = fields.map(([extension, decoder]) => ({
    extension,
    isOptional: optional.includes(extension),
    decode: typeof decoder === "function" ? guarded(decoder) : (named.get(decoder) ?? bytesOf)
  }))
  return (sample, bytes, from, fault) => {
    const row: Record<string, unknown> = { [KEY]: sample.key }
    for (const { decode, extension, isOptional } of all) {
      const file = sample.extensions.indexOf(extension)
      if (file >= 0) setField(row, extension, decodeFile(decode, sample, file, bytes, from, fault))
      else if (!isOptional) {
        const reason = `sample ${JSON.stringify(sample.key)} has no file ${JSON.stringify(extension)}`
        const found = `it has ${sample.extensions.map((own) => JSON.stringify(own)).join(", ")}`
        throw fault(`${reason}; ${found}: leave the field out, or name it in optional`, { byte: sample.start })
      }
    }
    return row
  }
}

const guarded =
  (decoder: (bytes: Uint8Array) => unknown): Decode =>
  (bytes, fault) => {
    try {
      return decoder(new Uint8Array(bytes))
    } catch (cause) {
      throw fault(`its decoder threw (${shown(cause)})`, { cause })
    }
  }
