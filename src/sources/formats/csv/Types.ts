/**
 * From the text of a cell to its value.
 *
 * @since 0.1.0
 */
import type { CsvType, CsvValue } from "./Columns.ts"

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

/** Numbers as programs write them: identifiers and codes have leading zeros or a plus sign, which a number loses. */
const WRITTEN = /^-?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i

/** So many digits tell any double from the others; of more some are lost. */
const DIGITS = 17

const isTruth = (cell: string): boolean => /^(?:true|false)$/i.test(cell)
const isSafe = (cell: string): boolean => !WHOLE.test(cell) || Number.isSafeInteger(Number(cell))

/** Whether nothing of a cell is lost if it is taken for a number, or for a bigint if it is whole. */
const isExact = (cell: string): boolean => {
  if (!WRITTEN.test(cell)) return Object.hasOwn(NOT_FINITE, cell.toLowerCase()) && !cell.startsWith("+")
  if (WHOLE.test(cell)) return true
  const digits = cell
    .replace(/e.*$/i, "")
    .replace(/[-.]/g, "")
    .replace(/^0+|0+$/g, "")
  const value = Number(cell)
  return digits.length <= DIGITS && Number.isFinite(value) && (value !== 0 || digits === "")
}

/** As {@link isExact}, of a cell that is the number `value`: most are told at a glance. */
const isExactly = (cell: string, value: number): boolean => {
  const at = cell.charCodeAt(0) === 45 ? 1 : 0
  const first = cell.charCodeAt(at)
  // A point, and a zero before it, are no digits that count.
  const isShort = cell.length - at <= (first === 48 ? DIGITS + 2 : DIGITS + 1)
  const isLeading = first === 43 || (first === 48 && cell.charCodeAt(at + 1) !== 46)
  return (isShort && !isLeading && value !== 0) || cell === "0" || isExact(cell)
}

/** The type of a column by some of its cells; `undefined` if all are empty. @since 0.1.0 */
export const typeOf = (cells: Iterable<string>): CsvType | undefined => {
  const own = Array.from(cells).filter((cell) => cell !== "")
  if (own.length === 0) return undefined
  if (own.every(isTruth)) return "boolean"
  if (!own.every(isExact)) return "string"
  if (own.every(isSafe)) return "number"
  return own.every((cell) => WHOLE.test(cell)) ? "bigint" : "string"
}

/**
 * Returns what a cell of a type holds; `undefined` if it is not of that type, or if that was inferred and the cell's text would
 * lose something.
 *
 * @since 0.1.0
 */
export const valueFrom = (type: CsvType, cell: string, isDeclared: boolean): CsvValue | undefined => {
  if (type === "string") return cell
  if (cell === "") return null
  if (type === "number") {
    const value = numberOf(cell)
    return isDeclared || value === undefined || isExactly(cell, value) ? value : undefined
  }
  if (type === "bigint")
    return WHOLE.test(cell) && (isDeclared || isExact(cell))
      ? BigInt(cell.startsWith("+") ? cell.slice(1) : cell)
      : undefined
  return isTruth(cell) ? cell.length === 4 : undefined
}

/** Why a cell that {@link valueFrom} refuses is not of a type, and which type would take it. @since 0.1.0 */
export const mistyped = (type: CsvType, cell: string): { readonly reason: string; readonly fits: CsvType } => {
  const isWritten = type === "number" ? NUMBER.test(cell) : type === "bigint" && WHOLE.test(cell)
  if (!isWritten) return { reason: `is no ${type}`, fits: "string" }
  if (isExact(cell)) return { reason: `is equal to no ${type}`, fits: "bigint" }
  return { reason: `as a ${type} would lose something of how it is written`, fits: "string" }
}

const numberOf = (cell: string): number | undefined => {
  const value = Number(cell)
  // `Number` takes hexadecimal digits and white space, too, and loses digits of some whole numbers beyond 2^53.
  const isPlain = !(cell.charCodeAt(1) > 57) && cell.charCodeAt(0) > 32 && cell.charCodeAt(cell.length - 1) > 32
  if (isPlain && (Number.isSafeInteger(value) || (Number.isFinite(value) && !Number.isInteger(value)))) return value
  if (!NUMBER.test(cell)) return NOT_FINITE[cell.toLowerCase()]
  return Number.isFinite(value) && (isSafe(cell) || BigInt(cell.replace("+", "")) === BigInt(value)) ? value : undefined
}
