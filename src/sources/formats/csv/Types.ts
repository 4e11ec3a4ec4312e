/**
 * From the text of a cell to its value.
 *
 * @since 0.1.0
 */
import type { CsvType } from "./Columns.ts"
import type { CsvValue } from "./Csv.ts"

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i
const WHOLE = /^[+-]?\d+$/
const NOT_FINITE: Readonly<Record<string, number>> = {
  nan: Number.NaN,
  inf: Number.POSITIVE_INFINITY,
  "+inf": Number.POSITIVE_INFINITY,
  "-inf": Number.NEGATIVE_INFINITY,
  infinity: Number.POSITIVE_INFINITY,
  "+infinity": Number.POSITIVE_INFINITY,
  "-infinity": Number.NEGATIVE_INFINITY
}

const isTruth = (cell: string): boolean => /^(?:true|false)$/i.test(cell)
const isNumber = (cell: string): boolean => NUMBER.test(cell) || Object.hasOwn(NOT_FINITE, cell.toLowerCase())
const isSafe = (cell: string): boolean => !WHOLE.test(cell) || Number.isSafeInteger(Number(cell))

/** The type of a column by some of its cells; `undefined` if all are empty. @since 0.1.0 */
export const typeOf = (cells: Iterable<string>): CsvType | undefined => {
  const own = Array.from(cells).filter((cell) => cell !== "")
  if (own.length === 0) return undefined
  if (own.every(isTruth)) return "boolean"
  if (!own.every(isNumber)) return "string"
  if (own.every(isSafe)) return "number"
  return own.every((cell) => WHOLE.test(cell)) ? "bigint" : "string"
}

/** Returns what a cell of a type holds; `undefined` if it is not of that type. @since 0.1.0 */
export const valueFrom = (type: CsvType, cell: string): CsvValue | undefined => {
  if (type === "string") return cell
  if (cell === "") return null
  if (type === "number") return numberOf(cell)
  if (type === "bigint") return WHOLE.test(cell) ? BigInt(cell.startsWith("+") ? cell.slice(1) : cell) : undefined
  return isTruth(cell) ? cell.length === 4 : undefined
}

const numberOf = (cell: string): number | undefined => {
  const value = Number(cell)
  // `Number` takes hexadecimal digits and white space, too, and loses digits beyond 2^53.
  const isPlain = !(cell.charCodeAt(1) > 57) && cell.charCodeAt(0) > 32 && cell.charCodeAt(cell.length - 1) > 32
  if (isPlain && (Number.isSafeInteger(value) || (Number.isFinite(value) && !Number.isInteger(value)))) return value
  if (!NUMBER.test(cell)) return NOT_FINITE[cell.toLowerCase()]
  return isSafe(cell) ? value : undefined
}
