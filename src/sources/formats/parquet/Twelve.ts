/**
 * Parquet's values of 12 bytes that its decoder would not give whole, and that are therefore decoded as bytes:
 *
 * - `int96`: timestamps, as Spark, Hive and Impala wrote them. The decoder counts nanoseconds in 64 bits, which wraps around
 *   beyond the years 1677 to 2262.
 * - `interval`: months, days and milliseconds, of which the decoder drops the months.
 *
 * @since 0.1.0
 */
import type { ArrowArray } from "../arrow/ArrowArray.ts"

/** @since 0.1.0 */
export type Twelve = "int96" | "interval"

/** `Type` of `parquet.thrift`. @since 0.1.0 */
export const FIXED = 7
const INT96 = 3
/** `ConvertedType` of `parquet.thrift`. */
const INTERVAL = 21

/** @since 0.1.0 */
export const BYTES = 12

/** Returns which of them the leaf of a schema is, by its physical type, length and converted type. @since 0.1.0 */
export const twelveOf = (
  type: number | undefined,
  length: number | undefined,
  converted: number | undefined
): Twelve | undefined => {
  if (type === INT96) return "int96"
  return type === FIXED && length === BYTES && converted === INTERVAL ? "interval" : undefined
}

/** Returns an array whose leaves, in their order, are what `twelves` says. @since 0.1.0 */
export const withTwelves = (array: ArrowArray, twelves: ReadonlyArray<Twelve | undefined>): ArrowArray => {
  if (twelves.every((own) => own === undefined)) return array
  let leaf = 0
  const walk = (own: ArrowArray): ArrowArray => {
    if (own.children.length > 0) return { ...own, children: own.children.map(walk) }
    const kind = twelves[leaf++]
    if (kind === undefined) return own
    return { ...own, type: kind === "int96" ? { kind } : { kind, unit: "monthDayMs" } }
  }
  return walk(array)
}
