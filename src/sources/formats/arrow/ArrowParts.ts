/**
 * Arrow arrays as parts of bytes that threads share: the buffers, behind a part that says which array each is of.
 *
 * @since 0.1.0
 */
import type { TypedArray } from "../../../core/Tensor.ts"
import { type ArrowArray, isNumeric } from "./ArrowArray.ts"
import type { ArrowType } from "./ArrowType.ts"
import { type CellOptions, InexactNumber, isConverted, numbersAs } from "./Numbers.ts"

/** An array; buffers are numbers of parts. JSON-able. */
interface Described extends Pick<ArrowArray, "field" | "type" | "length" | "offset" | "nulls"> {
  readonly validity: number | undefined
  readonly data: ReadonlyArray<number>
  readonly children: ReadonlyArray<Described>
  readonly dictionary: ReadonlyArray<Described> | undefined
}

/**
 * Returns the parts of sound arrays. Numbers are as rows have them, so that they are not converted in each thread; the values of
 * a dictionary are copies, since their memory is that of the shard.
 *
 * @since 0.1.0
 */
export const partsOf = (arrays: ReadonlyArray<ArrowArray>, options: CellOptions): ReadonlyArray<Uint8Array> => {
  const parts: Array<Uint8Array> = []
  const put = (bytes: Uint8Array): number => parts.push(bytes)
  const described = (array: ArrowArray, isOwn: boolean): Described => {
    const { children, data, dictionary, field, length, nulls, offset, type, validity } = array
    const own = (bytes: Uint8Array): number => put(isOwn ? bytes : new Uint8Array(bytes))
    const numbers = isNumeric(array) ? numbersOf(array, options) : undefined
    return {
      field,
      length,
      nulls,
      offset,
      type: numbers?.type ?? type,
      validity: validity === undefined ? undefined : own(validity),
      data: numbers === undefined ? data.map(own) : [own(numbers.bytes)],
      children: children.map((child) => described(child, isOwn)),
      dictionary: dictionary?.map((part) => described(part, false))
    }
  }
  const all = arrays.map((array) => described(array, true))
  return [encoder.encode(JSON.stringify(all)), ...parts]
}

/** The numbers of an array as rows have them, where those are others than the array holds. */
const numbersOf = (
  array: ArrowArray,
  options: CellOptions
): { readonly type: ArrowType; readonly bytes: Uint8Array } | undefined => {
  const { type } = array
  if (!isConverted(type, options)) return undefined
  const numbers = convertible(array, options)
  if (numbers === undefined) return undefined
  const width = numbers.BYTES_PER_ELEMENT
  // From where the array's memory begins, since its nulls are counted from there.
  const bytes = new Uint8Array((array.offset + array.length) * width)
  bytes.set(new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength), array.offset * width)
  return { type: { kind: "float", bits: type.kind === "float" ? 32 : 64 }, bytes }
}

/** The numbers of an array; `undefined` if some are not exact, which is then an error of their rows. */
const convertible = (array: ArrowArray, options: CellOptions): TypedArray | undefined => {
  try {
    return numbersAs(array, options)
  } catch (thrown) {
    if (thrown instanceof InexactNumber) return undefined
    throw thrown
  }
}

/** Returns the arrays that {@link partsOf} was given, whose buffers are the parts. @since 0.1.0 */
export const arraysIn = ([head = NONE, ...parts]: ReadonlyArray<Uint8Array>): ReadonlyArray<ArrowArray> => {
  // A part of its own: what `partsOf` wrote.
  const described = JSON.parse(decoder.decode(new Uint8Array(head))) as ReadonlyArray<Described>
  const part = (number: number): Uint8Array => parts[number - 1] ?? NONE
  const arrayOf = ({ children, data, dictionary, validity, ...own }: Described): ArrowArray => ({
    ...own,
    validity: validity === undefined ? undefined : part(validity),
    data: data.map(part),
    children: children.map(arrayOf),
    dictionary: dictionary?.map(arrayOf)
  })
  return described.map(arrayOf)
}

const NONE = new Uint8Array(0)
const encoder = new TextEncoder()
const decoder = new TextDecoder("utf-8", { ignoreBOM: true })
