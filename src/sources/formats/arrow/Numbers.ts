/**
 * Numeric arrays as typed arrays; integers of 64 bits by choice as numbers.
 *
 * @since 0.1.0
 */
import type { TypedArray } from "../../../core/Tensor.ts"
import { type ArrowArray, isNull, numbersOf } from "./ArrowArray.ts"
import type { ArrowType } from "./ArrowType.ts"

/** How values with several forms in JavaScript are given. @since 0.1.0 */
export interface CellOptions {
  /** `"row by row"`: as numbers, each converted when its row is made, which throws if that one is not exact. */
  readonly int64: "bigint" | "number" | "row by row"
  readonly timestamps: "exact" | "date" | "bigint"
  /** Whether threads share the memory: nothing is then kept of a block, since each of them would. Default `false`. */
  readonly isShared?: boolean | undefined
}

/** Whether numbers are given as another type than they lie in memory: halves, and integers of 64 bits by choice. @since 0.1.0 */
export const isConverted = (type: ArrowType, { int64 }: CellOptions): boolean =>
  type.kind === "float" ? type.bits === 16 : type.kind === "int" && type.bits === 64 && int64 === "number"

/** An integer of 64 bits is to be a number, and goes beyond 2^53: an error of its row. @since 0.1.0 */
export class InexactNumber extends Error {
  constructor(what: string) {
    const way = `read the integers of 64 bits as bigint: { int64: "bigint" }`
    super(`${what}, which is no exact number in JavaScript; ${way}`)
  }
}

/** Returns an integer of a field as a number. Throws {@link InexactNumber}. @since 0.1.0 */
export const exactly = (what: string, value: unknown): number => {
  const own = Number(value)
  if (Number.isSafeInteger(own)) return own
  throw new InexactNumber(`${what} ${value}`)
}

/** What was made of an array: lists and columns ask for the same. */
const made = new WeakMap<ArrowArray, TypedArray>()

/**
 * Returns the numbers of an array of integers or floats. Throws {@link InexactNumber} if an integer of 64 bits is to be a
 * number and goes beyond 2^53.
 *
 * @since 0.1.0
 */
export const numbersAs = (array: ArrowArray, { int64 }: CellOptions): TypedArray => {
  const known = made.get(array)
  if (known !== undefined) return known
  const numbers = numbersOf(array)
  const wide = numbers instanceof BigInt64Array || numbers instanceof BigUint64Array
  const own = wide && int64 === "number" ? safe(array, numbers) : numbers
  made.set(array, own)
  return own
}

const safe = (array: ArrowArray, numbers: BigInt64Array | BigUint64Array): Float64Array => {
  const words = new Int32Array(numbers.buffer, numbers.byteOffset, 2 * numbers.length)
  const signed = numbers instanceof BigInt64Array
  const result = new Float64Array(numbers.length)
  for (let at = 0; at < result.length; at++) {
    // Two words for each number, the low one first.
    const high = words[2 * at + 1] as number
    const value = (signed ? high : high >>> 0) * 2 ** 32 + ((words[2 * at] as number) >>> 0)
    result[at] = value
    if (Number.isSafeInteger(value)) continue
    if (array.validity !== undefined && isNull(array.validity, at + array.offset)) continue
    throw new InexactNumber(`field "${array.field.name}" holds ${numbers[at]}`)
  }
  return result
}
