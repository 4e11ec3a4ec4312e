/**
 * The directory of a ZIP file (APPNOTE 6.3, with ZIP64), which stands at its end:
 *
 * ```text
 * members · directory: an entry a member · [ZIP64 end and its locator] · end: where the directory is
 * ```
 *
 * Sizes are taken from the directory alone, so members whose sizes are written behind them (data descriptors) are no other
 * case. Libraries for ZIP unpack whole files; what is needed here is where a member's bytes lie.
 *
 * @since 0.1.0
 */

import * as Effect from "effect/Effect"
import { plural } from "../../../core/Plural.ts"
import type { StoreError } from "../../store/Store.ts"
import { attempt, type Fault } from "../Fault.ts"
import type { Shard, ShardError } from "../Format.ts"

/** A member, by its entry in the directory. @since 0.1.0 */
export interface ZipEntry {
  readonly name: string
  /** 0: stored, 8: deflated. */
  readonly method: number
  readonly crc: number
  /** Bytes in the file, and unpacked. */
  readonly packed: number
  readonly size: number
  /** Where its own header stands. */
  readonly offset: number
}

/** A directory, and where it begins: no member reaches beyond. @since 0.1.0 */
export interface ZipDirectory {
  readonly entries: ReadonlyArray<ZipEntry>
  readonly offset: number
}

const END = 22
const LOCATOR = 20
const END64 = 56
const ENTRY = 46
/** The header before a member's bytes, without its name and its extra fields. */
const LOCAL = 30

const SIGNATURE = { end: 0x06054b50, locator: 0x07064b50, end64: 0x06064b50, entry: 0x02014b50, local: 0x04034b50 }

/** A comment behind the end has at most so many bytes. */
const COMMENT = 0xffff

/** The most bytes of a directory: some 200,000 members. */
const LONGEST = 2 ** 24

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** Reads the directory. @since 0.1.0 */
export const readDirectory = (shard: Shard, fault: Fault): Effect.Effect<ZipDirectory, ShardError | StoreError> =>
  Effect.gen(function* () {
    const { size } = shard.info
    const from = Math.max(0, size - COMMENT - END - LOCATOR - END64)
    const tail = size === 0 ? new Uint8Array(0) : yield* shard.read(from, size - from)
    const { count, end, length, offset } = yield* attempt(() => endOf(tail, from, fault))
    if (length > LONGEST) {
      return yield* fault(`its directory has ${plural(length, "byte")}, and may have ${LONGEST}; the file is damaged`, {
        byte: end
      })
    }
    const bytes =
      offset >= from ? tail.subarray(offset - from, offset - from + length) : yield* shard.read(offset, length)
    return yield* attempt(() => ({ offset, entries: entriesOf(bytes, count, offset, fault) }))
  })

/** What the end says of the directory. */
interface End {
  readonly count: number
  readonly length: number
  readonly offset: number
  /** Where the directory ends. */
  readonly end: number
}

const endOf = (tail: Uint8Array, from: number, fault: Fault): End => {
  const view = viewOf(tail)
  const size = from + tail.length
  const place = endPlace(view)
  if (place === undefined) {
    throw fault("it does not end as a ZIP file does; it was cut short, or check the format", { byte: size })
  }
  const at = from + place
  let count = view.getUint16(place + 10, true)
  let length = view.getUint32(place + 12, true)
  let offset = view.getUint32(place + 16, true)
  let end = at
  let isOne = view.getUint16(place + 4, true) === 0 && view.getUint16(place + 8, true) === count
  if (place >= LOCATOR && view.getUint32(place - LOCATOR, true) === SIGNATURE.locator) {
    const own = wide(view, place - LOCATOR + 8) - from
    if (!(own >= 0 && own + END64 <= place - LOCATOR && view.getUint32(own, true) === SIGNATURE.end64)) {
      throw fault("its ZIP64 end is not where it should be; the file is damaged", { byte: at - LOCATOR })
    }
    count = wide(view, own + 32)
    length = wide(view, own + 40)
    offset = wide(view, own + 48)
    end = from + own
    isOne = view.getUint32(own + 16, true) === 0 && wide(view, own + 24) === count
  }
  if (!isOne) throw fault("it is one of several parts of a ZIP file; put them together", { byte: at })
  if (offset + length === end && count * ENTRY <= length) return { count, length, offset, end }
  throw fault("its directory is not where its end says; the file is damaged", { byte: at })
}

/** Finds the end, whose comment reaches to the end of the file. */
const endPlace = (view: DataView): number | undefined => {
  for (let place = view.byteLength - END; place >= 0; place--) {
    if (view.getUint32(place, true) !== SIGNATURE.end) continue
    if (place + END + view.getUint16(place + 20, true) === view.byteLength) return place
  }
  return undefined
}

/** A number of 64 bits; one beyond 2^53 stays beyond all sizes. */
const wide = (view: DataView, at: number): number => Number(view.getBigUint64(at, true))

const utf8 = new TextDecoder("utf-8", { fatal: true })

const entriesOf = (bytes: Uint8Array, count: number, from: number, fault: Fault): ReadonlyArray<ZipEntry> => {
  const view = viewOf(bytes)
  const entries: Array<ZipEntry> = []
  const names = new Set<string>()
  let at = 0
  const damaged = (what: string) => fault(`its directory ${what}; the file is damaged`, { byte: from + at })
  for (let entry = 0; entry < count; entry++) {
    if (at + ENTRY > bytes.length || view.getUint32(at, true) !== SIGNATURE.entry) throw damaged("has no entry here")
    const nameLength = view.getUint16(at + 28, true)
    const extraLength = view.getUint16(at + 30, true)
    const next = at + ENTRY + nameLength + extraLength + view.getUint16(at + 32, true)
    if (next > bytes.length) throw damaged("has an entry that is too long")
    const name = nameOf(bytes.subarray(at + ENTRY, at + ENTRY + nameLength))
    if (name === undefined) throw damaged("has a name that is not UTF-8")
    if (names.has(name)) throw fault(`it has two members ${JSON.stringify(name)}; save it again`, { byte: from + at })
    names.add(name)
    if (view.getUint16(at + 8, true) & 1) {
      throw fault(`member ${JSON.stringify(name)} is encrypted; save it without a password`, { byte: from + at })
    }
    const long = extraOf(view, at + ENTRY + nameLength, extraLength, [
      view.getUint32(at + 24, true),
      view.getUint32(at + 20, true),
      view.getUint32(at + 42, true)
    ])
    if (long === undefined) throw damaged("has an entry without its long sizes")
    const [size = 0, packed = 0, offset = 0] = long
    if (offset + LOCAL + packed > from) {
      throw damaged(
        `says that ${JSON.stringify(name)} has ${plural(packed, "byte")} at ${offset}, which is beyond the members`
      )
    }
    entries.push({
      name,
      method: view.getUint16(at + 10, true),
      crc: view.getUint32(at + 16, true),
      packed,
      size,
      offset
    })
    at = next
  }
  if (at === bytes.length) return entries
  throw damaged("has more than its entries")
}

const nameOf = (bytes: Uint8Array): string | undefined => {
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}

/** Sizes and offset, each from the ZIP64 field where the entry has none; `undefined` if that lacks one. */
const extraOf = (
  view: DataView,
  start: number,
  length: number,
  short: ReadonlyArray<number>
): ReadonlyArray<number> | undefined => {
  const missing = short.filter((value) => value === 0xffffffff).length
  if (missing === 0) return short
  for (let at = start; at + 4 <= start + length; at += 4 + view.getUint16(at + 2, true)) {
    if (view.getUint16(at, true) !== 1) continue
    if (view.getUint16(at + 2, true) < 8 * missing || at + 4 + 8 * missing > start + length) return undefined
    let next = at + 4
    return short.map((value) => {
      if (value !== 0xffffffff) return value
      next += 8
      return wide(view, next - 8)
    })
  }
  return undefined
}

/** Returns where a member's bytes begin, which its own header says: its name and extra fields stand before. @since 0.1.0 */
export const dataOffsetOf = (
  header: Uint8Array,
  { name, offset, packed }: ZipEntry,
  directory: number,
  fault: Fault
): number => {
  const view = viewOf(header)
  const damaged = (what: string) =>
    fault(`member ${JSON.stringify(name)} ${what}; the file is damaged`, { byte: offset })
  if (header.length < LOCAL || view.getUint32(0, true) !== SIGNATURE.local) throw damaged("has no header of its own")
  const nameLength = view.getUint16(26, true)
  if (nameOf(header.subarray(LOCAL, LOCAL + nameLength)) !== name) throw damaged("has another name in its own header")
  const start = offset + LOCAL + nameLength + view.getUint16(28, true)
  if (start + packed <= directory) return start
  throw damaged("reaches into the directory")
}
