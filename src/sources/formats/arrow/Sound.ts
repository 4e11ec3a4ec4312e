/**
 * Checks what Arrow arrays hold, so that no value of theirs can be out of reach later: offsets that go back, indices of a
 * dictionary, texts that are not UTF-8. Linear, and at most one pass over each buffer.
 *
 * @since 0.1.0
 */
import { plural } from "../../../core/Plural.ts"
import { isUtf8 } from "../../../core/Utf8.ts"
import { AGAIN, Malformed } from "../Malformed.ts"
import { type ArrowArray, childOf, dataOf, isNull, numbersFrom, numbersOf, offsetsOf } from "./ArrowArray.ts"

const wrong = (array: ArrowArray, what: string, row?: number): Malformed =>
  new Malformed(`field "${array.field.name}" ${what}; ${AGAIN}`, row === undefined ? {} : { row })

/** Dictionaries are checked once, however many batches refer to them. */
const checked = new WeakSet<ArrowArray>()

/** Throws {@link Malformed} if a value of `array` is out of reach. @since 0.1.0 */
export const sound = (array: ArrowArray): void => {
  const { dictionary, type } = array
  if (dictionary !== undefined) {
    checkIndices(
      array,
      dictionary.reduce((sum, part) => sum + part.length, 0)
    )
    for (const part of dictionary) {
      if (checked.has(part)) continue
      sound(part)
      checked.add(part)
    }
    return
  }
  switch (type.kind) {
    case "utf8":
      checkTexts(array, checkOffsets(array, dataOf(array, 1).length))
      break
    case "binary":
      checkOffsets(array, dataOf(array, 1).length)
      break
    case "list":
    case "map":
      checkOffsets(array, childOf(array, 0).length)
      break
    case "listView":
      checkListViews(array)
      break
    case "binaryView":
    case "utf8View":
      checkViews(array, type.kind === "utf8View")
      break
    case "fixedList":
      if (childOf(array, 0).length < array.length * type.size) throw wrong(array, "has lists that go on beyond the end")
      break
    case "struct":
      for (const child of array.children) {
        if (child.length < array.length) throw wrong(array, `lacks values of "${child.field.name}"`)
      }
      break
    case "union":
      checkUnion(array, type.dense, type.ids)
      break
    case "runEnds":
      checkRuns(array)
      break
  }
  for (const child of array.children) sound(child)
}

const checkIndices = (array: ArrowArray, size: number): void => {
  const indices = numbersOf(array)
  const { validity } = array
  for (let at = 0; at < indices.length; at++) {
    const index = Number(indices[at])
    if (index >= 0 && index < size) continue
    // What stands in the place of a null is anything.
    if (validity !== undefined && isNull(validity, at + array.offset)) continue
    throw wrong(array, `has index ${index} in a dictionary of ${plural(size, "value")}`, at)
  }
}

/** Returns the offsets if they go up and end within `end`. */
const checkOffsets = (array: ArrowArray, end: number): Int32Array | Float64Array => {
  const offsets = offsetsOf(array)
  let last = offsets[0] ?? 0
  if (last < 0) throw wrong(array, `has an offset of ${last}`, 0)
  for (let at = 1; at < offsets.length; at++) {
    const next = offsets[at] as number // below the length
    if (next < last) throw wrong(array, "has offsets that go back", at - 1)
    last = next
  }
  if (last <= end) return offsets
  throw wrong(array, `has offsets up to ${last}, where there are ${end} values`, Math.max(0, array.length - 1))
}

const checkTexts = (array: ArrowArray, offsets: Int32Array | Float64Array): void => {
  if (offsets.length === 0) return
  const data = dataOf(array, 1)
  const first = offsets[0] as number // there is one
  if (!isUtf8(data.subarray(first, offsets[offsets.length - 1]))) throw notText(array, offsets, data)
  // The whole is sound; so is each part that begins with no byte in the middle of a character.
  for (let at = 0; at < offsets.length; at++) {
    const start = offsets[at] as number // below the length
    if (((data[start] ?? 0) & 0xc0) === 0x80 && at < offsets.length - 1) throw notText(array, offsets, data)
  }
}

const notText = (array: ArrowArray, offsets: Int32Array | Float64Array, data: Uint8Array): Malformed => {
  for (let at = 0; at + 1 < offsets.length; at++) {
    if (!isUtf8(data.subarray(offsets[at], offsets[at + 1]))) return wrong(array, "has a text that is not UTF-8", at)
  }
  return wrong(array, "has texts that are not UTF-8")
}

const checkListViews = (array: ArrowArray): void => {
  const wide = "wide" in array.type && array.type.wide
  const offsets = numbersFrom(dataOf(array, 0), wide, array.offset, array.length)
  const sizes = numbersFrom(dataOf(array, 1), wide, array.offset, array.length)
  const end = childOf(array, 0).length
  for (let at = 0; at < array.length; at++) {
    const start = offsets[at] ?? -1
    const size = sizes[at] ?? -1
    if (start < 0 || size < 0 || start + size > end) throw wrong(array, "has a list that goes on beyond the end", at)
  }
}

const checkViews = (array: ArrowArray, texts: boolean): void => {
  const views = dataOf(array, 0)
  const table = new DataView(views.buffer, views.byteOffset, views.byteLength)
  for (let at = 0; at < array.length; at++) {
    const place = 16 * (at + array.offset)
    if (array.validity !== undefined && isNull(array.validity, at + array.offset)) continue
    const length = table.getInt32(place, true)
    const start = length <= 12 ? place + 4 : table.getInt32(place + 12, true)
    const buffer = length <= 12 ? views : array.data[1 + table.getInt32(place + 8, true)]
    if (length < 0 || start < 0 || buffer === undefined || start + length > buffer.length) {
      throw wrong(array, "has a value that goes on beyond the end", at)
    }
    if (texts && !isUtf8(buffer.subarray(start, start + length))) throw wrong(array, "has a text that is not UTF-8", at)
  }
}

const checkUnion = (array: ArrowArray, dense: boolean, ids: ReadonlyArray<number>): void => {
  const types = dataOf(array, 0)
  const places = dense ? numbersFrom(dataOf(array, 1), false, array.offset, array.length) : undefined
  for (let at = 0; at < array.length; at++) {
    const id = types[at + array.offset] ?? -1
    const child = array.children[ids.length === 0 ? id : ids.indexOf(id)]
    const place = places === undefined ? at + array.offset : (places[at] ?? -1)
    if (child === undefined || place < 0 || place >= child.length) {
      throw wrong(array, `has a value of type ${id} that it does not have`, at)
    }
  }
}

const checkRuns = (array: ArrowArray): void => {
  const runs = childOf(array, 0)
  const ends = numbersOf(runs)
  if (runs.type.kind !== "int" || runs.nulls > 0) throw wrong(array, "has ends of runs that are no whole numbers")
  let last = 0
  for (let at = 0; at < ends.length; at++) {
    const end = Number(ends[at])
    if (end <= last) throw wrong(array, "has runs that go back")
    last = end
  }
  const enough = last >= array.offset + array.length && childOf(array, 1).length >= ends.length
  if (!enough) throw wrong(array, "has runs that end too early")
}
