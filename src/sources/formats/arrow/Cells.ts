/**
 * The JavaScript values of Arrow arrays, as the table in `docs/formats.md` has them. Plain functions of a place, made once for
 * each array; the array is sound (see `Sound.ts`), so they do not fail but for structs with two fields of one name, and for integers that are converted row by row. Values own what they hold: the memory of an array is
 * used again.
 *
 * @since 0.1.0
 */
import { firstTwice } from "../../../core/FirstTwice.ts"
import { setField } from "../../../core/Options.ts"
import { Tensor, type TypedArray } from "../../../core/Tensor.ts"
import { asciiOf, asciiTextsOf, isAscii, textsOf } from "../../../core/Utf8.ts"
import { Malformed } from "../Malformed.ts"
import { type ArrowArray, childOf, dataOf, isNull, isNumeric, numbersFrom, numbersOf, offsetsOf } from "./ArrowArray.ts"
import { shownDecimal, widened } from "./Decimal.ts"
import { type CellOptions, exactly, numbersAs } from "./Numbers.ts"
import { datesOf, durationsOf, int96sOf, intervalsOf, timesOf, timestampsOf } from "./Times.ts"

/** Returns the value at a place. @since 0.1.0 */
export type Cell = (place: number) => unknown

/** Returns the values of `array` by their places, from 0. @since 0.1.0 */
export const cellsOf = (array: ArrowArray, options: CellOptions): Cell => {
  const { offset, validity } = array
  const own =
    array.dictionary === undefined ? valuesOf(array, options) : fromDictionary(array, array.dictionary, options)
  if (validity === undefined || array.nulls === 0) return own
  return (place) => (isNull(validity, place + offset) ? null : own(place))
}

const fromDictionary = (array: ArrowArray, parts: ReadonlyArray<ArrowArray>, options: CellOptions): Cell => {
  const indices = numbersOf(array)
  const cells = parts.map((part) => cellsOf(part, options))
  const known: Array<unknown> = []
  const value = (index: number): unknown => {
    let at = index
    for (const [place, part] of parts.entries()) {
      if (at < part.length) return (cells[place] as Cell)(at) // as many as parts
      at -= part.length
    }
    return null
  }
  if (options.isShared === true) return (place) => value(Number(indices[place]))
  return (place) => {
    const index = Number(indices[place])
    if (known[index] === undefined) known[index] = value(index)
    return known[index]
  }
}

const valuesOf = (array: ArrowArray, options: CellOptions): Cell => {
  const { offset, type } = array
  switch (type.kind) {
    case "null":
      return () => null
    case "bool": {
      const bits = dataOf(array, 0)
      return (place) => !isNull(bits, place + offset)
    }
    case "int":
    case "float": {
      const numbers = numbersAs(array, options)
      if (!isByRow(numbers, options)) return (place) => numbers[place]
      const held = `field "${array.field.name}" holds`
      return (place) => exactly(held, numbers[place])
    }
    case "utf8":
      return texts(array, options)
    case "binary": {
      const data = plain(dataOf(array, 1))
      const offsets = offsetsOf(array)
      return (place) => data.slice(offsets[place], offsets[place + 1])
    }
    case "binaryView":
      return views(array, (bytes, start, end) => plain(bytes).slice(start, end))
    case "utf8View":
      return views(array, (bytes, start, end) => textsOf(bytes)(start, end))
    case "fixedBinary": {
      const data = plain(dataOf(array, 0))
      const { width } = type
      return (place) => data.slice((place + offset) * width, (place + offset + 1) * width)
    }
    case "decimal": {
      const integers = widened(dataOf(array, 0), type.bits / 8)
      return (place) => shownDecimal(integers(place + offset), type.scale)
    }
    case "date":
      return datesOf(array)
    case "time":
      return timesOf(array, type.unit)
    case "timestamp":
      return timestampsOf(array, type.unit, options)
    case "int96":
      return int96sOf(array, options)
    case "duration":
      return durationsOf(array, options)
    case "interval":
      return intervalsOf(array, type.unit)
    case "list": {
      const items = itemsOf(childOf(array, 0), options)
      const offsets = offsetsOf(array)
      // There is an offset behind each place.
      return (place) => items(offsets[place] as number, offsets[place + 1] as number)
    }
    case "listView": {
      const items = itemsOf(childOf(array, 0), options)
      const starts = numbersFrom(dataOf(array, 0), type.wide, offset, array.length)
      const sizes = numbersFrom(dataOf(array, 1), type.wide, offset, array.length)
      return (place) => {
        const start = starts[place] as number // one for each place
        return items(start, start + (sizes[place] as number))
      }
    }
    case "fixedList": {
      const items = itemsOf(childOf(array, 0), options)
      const { size } = type
      return (place) => items((place + offset) * size, (place + offset + 1) * size)
    }
    case "struct": {
      const record = recordsOf(array, options)
      return (place) => record(place + offset)
    }
    case "map":
      return entries(array, options)
    case "union":
      return union(array, type.dense, type.ids, options)
    case "runEnds":
      return runs(array, options)
  }
}

/** Bytes of which `slice` is a copy, and not a view as that of a `Buffer`. */
const plain = ({ buffer, byteLength, byteOffset }: Uint8Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength)

/** Texts this long on average are decoded one by one: a call costs as much as about so many bytes. */
const LONG = 64

/** How many bytes of texts, if they are ASCII, are decoded as a whole, of which each text is a part. @since 0.1.0 */
export const decodedAsWhole = (array: ArrowArray, { isShared }: CellOptions): number => {
  const { length } = array
  const offsets = offsetsOf(array)
  const bytes = (offsets[length] ?? 0) - (offsets[0] ?? 0)
  return isShared === true || bytes > LONG * length ? 0 : bytes
}

const texts = (array: ArrowArray, options: CellOptions): Cell => {
  const data = dataOf(array, 1)
  const offsets = offsetsOf(array)
  const first = offsets[0] ?? 0
  const own = data.subarray(first, offsets[array.length] ?? 0)
  const isAllAscii = isAscii(own)
  if (!isAllAscii || decodedAsWhole(array, options) === 0) {
    const text = isAllAscii ? asciiTextsOf(data) : textsOf(data)
    // There is an offset behind each place.
    return (place) => text(offsets[place] as number, offsets[place + 1] as number)
  }
  let whole: string | undefined
  return (place) => {
    whole ??= asciiOf(own)
    return whole.slice((offsets[place] as number) - first, (offsets[place + 1] as number) - first)
  }
}

const views = (array: ArrowArray, value: (bytes: Uint8Array, start: number, end: number) => unknown): Cell => {
  const structs = dataOf(array, 0)
  const table = new DataView(structs.buffer, structs.byteOffset, structs.byteLength)
  return (place) => {
    const at = 16 * (place + array.offset)
    const length = table.getInt32(at, true)
    if (length <= 12) return value(structs, at + 4, at + 4 + length)
    const start = table.getInt32(at + 12, true)
    return value(dataOf(array, 1 + table.getInt32(at + 8, true)), start, start + length)
  }
}

/** Whether integers of 64 bits are converted when their row is made. */
const isByRow = (numbers: TypedArray, { int64 }: CellOptions): boolean =>
  int64 === "row by row" && (numbers instanceof BigInt64Array || numbers instanceof BigUint64Array)

/**
 * The items from one place to another: a typed array where they are numbers, none of which is null. Of bytes it is a tensor,
 * since a `Uint8Array` is a value of the type binary.
 */
const itemsOf = (child: ArrowArray, options: CellOptions): ((start: number, end: number) => unknown) => {
  const cell = cellsOf(child, options)
  const list = (start: number, end: number): Array<unknown> => {
    const items: Array<unknown> = []
    for (let place = start; place < end; place++) items.push(cell(place))
    return items
  }
  if (!isNumeric(child)) return list
  const numbers: TypedArray = numbersAs(child, options)
  const copy =
    numbers instanceof Uint8Array
      ? (start: number, end: number) => new Tensor(numbers.slice(start, end), [end - start])
      : isByRow(numbers, options)
        ? (start: number, end: number) => Float64Array.from(list(start, end) as Array<number>) // none is null
        : (start: number, end: number) => numbers.slice(start, end)
  const { nulls, offset, validity } = child
  if (validity === undefined || nulls === 0) return copy
  return (start, end) => {
    for (let place = start; place < end; place++) if (isNull(validity, place + offset)) return list(start, end)
    return copy(start, end)
  }
}

/** Records of the children, at places of the children. Throws {@link Malformed} if two have one name. */
const recordsOf = ({ children, field }: ArrowArray, options: CellOptions): ((place: number) => unknown) => {
  const names = children.map((child) => child.field.name)
  const twice = firstTwice(names)
  if (twice !== undefined) {
    const way = "choose other columns, or write them under names of their own"
    throw new Malformed(`struct "${field.name}" has two fields of the name "${twice}"; ${way}`)
  }
  return recordOf(
    names,
    children.map((child) => cellsOf(child, options))
  )
}

/** Returns what makes a record of the cells at a place. @since 0.1.0 */
export const recordOf = (
  names: ReadonlyArray<string>,
  cells: ReadonlyArray<Cell>
): ((place: number) => Record<string, unknown>) => {
  // Assignment is twice as fast.
  const assigned = !names.includes("__proto__")
  return (place) => {
    const record: Record<string, unknown> = {}
    for (let at = 0; at < names.length; at++) {
      const name = names[at] as string // below the length
      const value = (cells[at] as Cell)(place) // as many as names
      if (assigned) record[name] = value
      else setField(record, name, value)
    }
    return record
  }
}

const entries = (array: ArrowArray, options: CellOptions): Cell => {
  const pairs = childOf(array, 0)
  const key = cellsOf(childOf(pairs, 0), options)
  const value = cellsOf(childOf(pairs, 1), options)
  const offsets = offsetsOf(array)
  return (place) => {
    const list: Array<readonly [unknown, unknown]> = []
    // There is an offset behind each place.
    const end = (offsets[place + 1] as number) + pairs.offset
    for (let at = (offsets[place] as number) + pairs.offset; at < end; at++) list.push([key(at), value(at)])
    return list
  }
}

const union = (array: ArrowArray, dense: boolean, ids: ReadonlyArray<number>, options: CellOptions): Cell => {
  const cells = array.children.map((child) => cellsOf(child, options))
  const types = dataOf(array, 0)
  const places = dense ? numbersFrom(dataOf(array, 1), false, array.offset, array.length) : undefined
  return (place) => {
    const id = types[place + array.offset] as number // one for each place
    // The array is sound: there is such a child, and an offset.
    const cell = cells[ids.length === 0 ? id : ids.indexOf(id)] as Cell
    return cell(places === undefined ? place + array.offset : (places[place] as number))
  }
}

const runs = (array: ArrowArray, options: CellOptions): Cell => {
  const ends = numbersOf(childOf(array, 0))
  const cell = cellsOf(childOf(array, 1), options)
  return (place) => {
    const at = place + array.offset
    let low = 0
    let high = ends.length - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if (Number(ends[middle]) > at) high = middle
      else low = middle + 1
    }
    return cell(low)
  }
}
