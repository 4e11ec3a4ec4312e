/**
 * Headers that describe the member behind them: pax records (POSIX 2001) and GNU's long names.
 *
 * @since 0.1.0
 */
import { plural } from "../../../core/Plural.ts"
import type { Fault } from "../Fault.ts"
import { nameOf } from "./Header.ts"

/** The most bytes that such a header may have: names are at most 4096, and attributes 64 KB. @since 0.1.0 */
export const LONGEST = 2 ** 20

/** What is said of the next member, instead of what its own header says. @since 0.1.0 */
export interface Extended {
  name: string | undefined
  size: number | undefined
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/**
 * Reads the records of a pax header: `LENGTH KEY=VALUE\n`, each length counting itself.
 *
 * @param into what the records say of the next member; `undefined` for a global header, which may say nothing of it
 * @since 0.1.0
 */
export const readPax = (bytes: Uint8Array, at: number, into: Extended | undefined, fault: Fault): void => {
  const bad = (reason: string, place: number, cause?: unknown) =>
    fault(`a pax header ${reason}; the shard is damaged`, { byte: at + place, cause })
  for (let place = 0; place < bytes.length; ) {
    if (bytes[place] === 0) {
      if (bytes.subarray(place).some((byte) => byte !== 0)) throw bad("goes on behind its end", place)
      return
    }
    let length = 0
    let digits = 0
    for (; isDigit(bytes[place + digits]) && digits < 8; digits++) {
      length = length * 10 + ((bytes[place + digits] as number) - 0x30) // a digit
    }
    const end = place + length
    if (digits === 0 || bytes[place + digits] !== 0x20) throw bad("has a record without a length", place)
    if (end > bytes.length || length < digits + 4)
      throw bad(`has a record of ${plural(length, "byte")}, which it cannot`, place)
    if (bytes[end - 1] !== 0x0a) throw bad("has a record that ends elsewhere than its length says", place)
    const equals = bytes.indexOf(0x3d, place + digits + 1)
    if (equals < 0 || equals >= end || equals === place + digits + 1) throw bad("has a record without a key", place)
    const key = latin1(bytes, place + digits + 1, equals)
    if (key === "path" || key === "size" || key.startsWith("GNU.sparse.")) {
      if (key.startsWith("GNU.sparse.")) throw fault(sparse, { byte: at + place })
      if (into === undefined) throw bad(`gives all members one ${key}`, place)
      let value: string
      try {
        value = utf8.decode(bytes.subarray(equals + 1, end - 1))
      } catch (cause) {
        throw bad(`has a ${key} that is not UTF-8`, place, cause)
      }
      if (key === "path") {
        if (value.includes("\0")) throw bad("has a path with a zero byte", place)
        into.name = value === "" ? undefined : value
      } else {
        const size = Number(value)
        if (value !== "" && !(/^\d+$/.test(value) && Number.isSafeInteger(size))) throw bad("has no size", place)
        into.size = value === "" ? undefined : size
      }
    }
    place = end
  }
}

/** @since 0.1.0 */
export const sparse =
  "a member is a sparse file, whose payload is not its content; write the tar again without --sparse"

/** Reads a GNU long name. @since 0.1.0 */
export const readLongName = (bytes: Uint8Array, at: number, into: Extended, fault: Fault): void => {
  into.name = nameOf(bytes, 0, bytes.length, at, fault)
}

const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x30 && byte <= 0x39

const latin1 = (bytes: Uint8Array, from: number, to: number): string => {
  let text = ""
  for (let at = from; at < to; at++) text += String.fromCharCode(bytes[at] as number) // below `to`, which is in it
  return text
}
