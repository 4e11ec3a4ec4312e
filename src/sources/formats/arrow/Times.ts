/**
 * Dates, timestamps, times of day, durations and intervals of Arrow arrays.
 *
 * @since 0.1.0
 */

import { Malformed } from "../Malformed.ts"
import { type ArrowArray, dataOf, isNull } from "./ArrowArray.ts"
import type { IntervalUnit, TimeUnit } from "./ArrowType.ts"
import { type CellOptions, exactly, InexactNumber } from "./Numbers.ts"

type Cell = (place: number) => unknown

/** Milliseconds from 1970 that `Date` goes to, on both sides. */
const FURTHEST = 8.64e15

/** How many of a unit are a second. */
const PER_SECOND: Readonly<Record<TimeUnit, number>> = { s: 1, ms: 1e3, us: 1e6, ns: 1e9 }

/** The numbers of 64 bits from the first value of the array on. */
const longsOf = (array: ArrowArray): BigInt64Array => {
  const own = dataOf(array, 0).subarray(8 * array.offset, 8 * (array.offset + array.length))
  return new BigInt64Array(own.buffer, own.byteOffset, array.length)
}

const intsOf = (array: ArrowArray): Int32Array => {
  const own = dataOf(array, 0).subarray(4 * array.offset, 4 * (array.offset + array.length))
  return new Int32Array(own.buffer, own.byteOffset, array.length)
}

/** The numbers as float64: exact up to 2^53. */
const doublesOf = (longs: BigInt64Array): Float64Array => {
  const words = new Int32Array(longs.buffer, longs.byteOffset, 2 * longs.length)
  const result = new Float64Array(longs.length)
  for (let at = 0; at < result.length; at++) {
    // Two words for each number, the low one first.
    result[at] = (words[2 * at + 1] as number) * 2 ** 32 + ((words[2 * at] as number) >>> 0)
  }
  return result
}

const mustBeDates = (array: ArrowArray, counts: ArrayLike<number>, perMs: number): void => {
  const furthest = FURTHEST * perMs
  for (let at = 0; at < counts.length; at++) {
    if (Math.abs(counts[at] as number) <= furthest) continue
    if (array.validity !== undefined && isNull(array.validity, at + array.offset)) continue
    const reason = `field "${array.field.name}" holds a time beyond those of Date, which ends in the year 275760`
    throw new Malformed(`${reason}; read times as they are: { timestamps: "bigint" }`, { row: at })
  }
}

/** Dates as text, `2026-11-27`; with the time behind it where a date of 64 bits has one, which it should not. @since 0.1.0 */
export const datesOf = (array: ArrowArray): Cell => {
  const days = array.type.kind === "date" && array.type.unit === "day"
  const counts = days ? intsOf(array) : doublesOf(longsOf(array))
  const ms = days ? DAY : 1
  mustBeDates(array, counts, 1 / ms)
  return (place) => {
    const time = (counts[place] as number) * ms // one for each place
    const text = new Date(time).toISOString()
    return time % DAY === 0 ? text.slice(0, text.indexOf("T")) : text
  }
}

/** Milliseconds of a day. */
const DAY = 86_400_000

/**
 * Timestamps: seconds and milliseconds as `Date`; finer ones, whose digits it does not have, as text in ISO 8601 with 3, 6 or 9
 * digits behind the dot, as many as they need. Or all as `Date`, rounded down; or the numbers as they are.
 *
 * @since 0.1.0
 */
export const timestampsOf = (array: ArrowArray, unit: TimeUnit, { timestamps }: CellOptions): Cell => {
  const longs = longsOf(array)
  if (timestamps === "bigint") return (place) => longs[place]
  const counts = doublesOf(longs)
  const perMs = PER_SECOND[unit] / 1000
  mustBeDates(array, counts, perMs)
  if (perMs <= 1) return (place) => new Date((counts[place] as number) / perMs) // one for each place
  const parts = partsOf(longs, counts, perMs)
  if (timestamps === "date") return (place) => new Date(parts(place)[0])
  return (place) => {
    const [ms, rest] = parts(place)
    return shownTime(ms, rest, unit === "us" ? 3 : 6)
  }
}

/** A time as text: milliseconds, and the rest that has so many digits. */
const shownTime = (ms: number, rest: number, width: 3 | 6): string => {
  const text = new Date(ms).toISOString()
  if (rest === 0) return text
  const digits = String(rest).padStart(width, "0")
  return `${text.slice(0, -1)}${digits.endsWith("000") ? digits.slice(0, 3) : digits}Z`
}

/** The Julian day of 1970-01-01. */
const JULIAN = 2_440_588
const MS = 1_000_000

/** Parquet's timestamps of 96 bits: as {@link timestampsOf} has those in nanoseconds, of any year. @since 0.1.0 */
export const int96sOf = (array: ArrowArray, { timestamps }: CellOptions): Cell => {
  const bytes = dataOf(array, 0)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const at = (place: number): number => 12 * (place + array.offset)
  const days = (place: number): number => view.getInt32(at(place) + 8, true) - JULIAN
  const ofDay = (place: number): bigint => view.getBigInt64(at(place), true)
  const nanoseconds = (place: number): bigint => {
    const own = ofDay(place)
    const rest = modulo(own, 1000n)
    return BigInt.asIntN(64, BigInt(days(place)) * BigInt(DAY * 1000) + (own - rest) / 1000n) * 1000n + rest
  }
  if (timestamps === "bigint") return nanoseconds
  const counts = Float64Array.from({ length: array.length }, (_, place) => {
    const count = days(place) * DAY + Number(ofDay(place)) / MS
    return Math.abs(count) < WRAPS ? count : Number(nanoseconds(place)) / MS
  })
  mustBeDates(array, counts, 1)
  return (place) => {
    const own = nanoseconds(place)
    const rest = modulo(own, BigInt(MS))
    const ms = Number((own - rest) / BigInt(MS))
    return timestamps === "date" ? new Date(ms) : shownTime(ms, Number(rest), 6)
  }
}

/** Spark counts microseconds in 64 bits, and wraps days around that are beyond these; so many milliseconds are just below. */
const WRAPS = 9e15

const modulo = (value: bigint, by: bigint): bigint => ((value % by) + by) % by

/** Milliseconds, rounded down, and how many of the unit are left. */
const partsOf = (
  longs: BigInt64Array,
  counts: Float64Array,
  perMs: number
): ((place: number) => readonly [ms: number, rest: number]) => {
  const whole = BigInt(perMs)
  return (place) => {
    const count = counts[place] as number // one for each place
    if (Number.isSafeInteger(count)) {
      const ms = Math.floor(count / perMs)
      return [ms, count - ms * perMs]
    }
    const long = longs[place] as bigint // the same
    const rest = ((long % whole) + whole) % whole
    return [Number((long - rest) / whole), Number(rest)]
  }
}

/** Times of day as text, `12:34:56` or with as many digits behind a dot as their unit has. @since 0.1.0 */
export const timesOf = (array: ArrowArray, unit: TimeUnit): Cell => {
  const counts = unit === "s" || unit === "ms" ? intsOf(array) : doublesOf(longsOf(array))
  const per = PER_SECOND[unit]
  const digits = { s: 0, ms: 3, us: 6, ns: 9 }[unit]
  const two = (value: number): string => String(value).padStart(2, "0")
  for (let at = 0; at < counts.length; at++) {
    const count = counts[at] as number // below the length
    if (count >= 0 && count <= 86_400 * per) continue
    if (array.validity !== undefined && isNull(array.validity, at + array.offset)) continue
    throw new Malformed(`field "${array.field.name}" holds a time of day beyond 24 hours; write it again`, { row: at })
  }
  return (place) => {
    const count = counts[place] as number // one for each place
    const seconds = Math.floor(count / per)
    const time = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`
    return digits === 0 ? time : `${time}.${String(count - seconds * per).padStart(digits, "0")}`
  }
}

/** Durations as whole numbers of their unit. @since 0.1.0 */
export const durationsOf = (array: ArrowArray, { int64 }: CellOptions): Cell => {
  const longs = longsOf(array)
  if (int64 === "bigint") return (place) => longs[place]
  const held = `field "${array.field.name}" holds a duration of`
  if (int64 === "row by row") return (place) => exactly(held, longs[place])
  const counts = doublesOf(longs)
  for (let at = 0; at < counts.length; at++) {
    if (Number.isSafeInteger(counts[at])) continue
    if (array.validity !== undefined && isNull(array.validity, at + array.offset)) continue
    throw new InexactNumber(`${held} ${longs[at]}`)
  }
  return (place) => counts[place]
}

/** Intervals as records of their parts. @since 0.1.0 */
export const intervalsOf = (array: ArrowArray, unit: IntervalUnit): Cell => {
  const bytes = dataOf(array, 0)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const int = (at: number): number => view.getInt32(at, true)
  const from = array.offset
  if (unit === "months") return (place) => ({ months: int(4 * (place + from)) })
  if (unit === "dayTime") {
    return (place) => ({ days: int(8 * (place + from)), milliseconds: int(8 * (place + from) + 4) })
  }
  if (unit === "monthDayMs") {
    const whole = (at: number): number => view.getUint32(at, true)
    return (place) => {
      const at = 12 * (place + from)
      return { months: whole(at), days: whole(at + 4), milliseconds: whole(at + 8) }
    }
  }
  return (place) => {
    const at = 16 * (place + from)
    return { months: int(at), days: int(at + 4), nanoseconds: view.getBigInt64(at + 8, true) }
  }
}
