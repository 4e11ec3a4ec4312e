/**
 * How writing samples can fail.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import { shown } from "../../core/Show.ts"

/**
 * Why a sink failed.
 *
 * | kind | what happened |
 * |---|---|
 * | `row` | a row holds something that the format cannot, or is not like the rows before it |
 * | `taken` | another run writes to the same place |
 * | `other` | the place holds the shards of another run, or of another sink |
 * | `overlap` | the input is read from the same folder, from one around it, or from one in it |
 * | `damaged` | what is kept of an earlier start is not what was written |
 * | `library` | a library that the format needs is not installed |
 *
 * @category errors
 * @since 0.1.0
 */
export type SinkErrorKind = "row" | "taken" | "other" | "overlap" | "damaged" | "library"

/**
 * Samples could not be written.
 *
 * @category errors
 * @since 0.1.0
 */
export class SinkError extends Data.TaggedError("SinkError")<{
  /** The folder, or the shard, that is written. */
  readonly location: string
  readonly kind: SinkErrorKind
  /** The number of the row, from 0, counted over all shards. */
  readonly row?: number | undefined
  /** Which sample that row is, and where it came from, such as `sample 499, row 499 of data/a.jsonl`; if that is known. */
  readonly sample?: string | undefined
  /** What is wrong, and the way out. */
  readonly reason: string
  readonly cause?: unknown
}> {
  override get message(): string {
    const row = this.row === undefined ? "" : `, row ${this.row}`
    const sample = this.sample === undefined ? "" : ` (${this.sample})`
    return `${this.location}${row}${sample}: ${this.reason}`
  }
}

/** What is wrong with one row, before its number and shard are known. @since 0.1.0 */
export class RowFault extends Data.TaggedError("RowFault")<{
  /** The place of the row among those that the encoder was given. */
  readonly place: number
  readonly reason: string
  readonly cause?: unknown
}> {}

/**
 * Returns the fault of a row at which something was thrown: a refusal of the format, or an error of the row's own, such as a
 * getter's.
 *
 * @since 0.1.0
 */
export const rowFault = (place: number, thrown: unknown, isRefusal: boolean): RowFault => {
  if (thrown instanceof RowFault) return thrown
  if (isRefusal && thrown instanceof Error) return new RowFault({ place, reason: thrown.message })
  return new RowFault({ place, reason: `to read its values failed (${shown(thrown)}); map it`, cause: thrown })
}
