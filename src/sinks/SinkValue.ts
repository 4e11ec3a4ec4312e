/**
 * A sink as a value: where shards are written, in which format, and how many rows each has.
 *
 * @since 0.1.0
 */
import { whole } from "../core/Check.ts"
import { InvalidOption } from "../core/InvalidOption.ts"
import { textOf } from "../core/Options.ts"
import { Made, text } from "../core/Parameters.ts"
import type { SinkFormat } from "../sources/sinks/SinkFormat.ts"
import { hasPassword } from "../sources/store/Location.ts"

/** Marks a {@link Sink}. @since 0.1.0 */
export const SinkTypeId: unique symbol = Symbol.for("furrow/Sink")

/** How rows are dealt into shards, and what these are called. @category options @since 0.1.0 */
export interface SinkOptions {
  /** The number of rows of a shard; the last one may have fewer. Default: as many as fit into `bytes`. */
  readonly rows?: number
  /** A shard ends with the row at which it reaches this many bytes, before compression. Default 2^28. */
  readonly bytes?: number
  /**
   * The number of shards, whose sizes differ by one row at most. The number of rows must be known, so no stage may change it.
   * The names then include the total, `-of-00016`.
   */
  readonly shards?: number
  /** The prefix of the shards' names. Default `"shard"`. */
  readonly name?: string
}

/** When a shard ends. @since 0.1.0 */
export type Cut = { readonly rows: number } | { readonly bytes: number } | { readonly shards: number }

/** Where rows are written, and how. Rows go there by {@link run} or {@link write}. @category models @since 0.1.0 */
export interface Sink {
  readonly [SinkTypeId]: {
    readonly cut: Cut
    readonly format: SinkFormat
    readonly name: string
  }
  /** The folder. */
  readonly location: string
  /** The format and its options, and how rows are dealt into shards: what a later start is compared with. */
  readonly made: string
}

/** What an option of {@link SinkOptions} is called. @since 0.1.0 */
export const NAMES = { rows: true, bytes: true, shards: true, name: true } as const

const BYTES = 2 ** 28

/** The most shards: names have five digits. */
const MOST_SHARDS = 100_000

const cutOf = ({ bytes, rows, shards }: SinkOptions): Cut => {
  const given = Object.entries({ bytes, rows, shards }).filter(([, value]) => value !== undefined)
  if (given.length > 1) {
    const [[, value] = [], [name = ""] = []] = [given[0], given[1]]
    const expected = `left out beside ${given[0]?.[0]}: one of rows, bytes and shards says when a shard ends`
    throw new InvalidOption({ option: name, value: given[1]?.[1] ?? value, expected })
  }
  if (rows !== undefined) return { rows: whole("rows", rows, 1) }
  if (shards !== undefined) return { shards: whole("shards", shards, 1, MOST_SHARDS) }
  return { bytes: whole("bytes", bytes ?? BYTES, 1) }
}

/** Returns the sink of a folder. Throws `InvalidOption`. @since 0.1.0 */
export const make = (of: string, location: string, format: SinkFormat, options: SinkOptions): Sink => {
  const folder = textOf(`the location of ${of}`, location, "the path or address of a folder")
  if (hasPassword(folder)) {
    const expected = "without a user and a password: give them by Store.s3({ credentials })"
    throw new InvalidOption({ option: `the location of ${of}`, value: "…", expected })
  }
  const name = textOf("name", options.name ?? "shard")
  if (!/^[\p{L}\p{N}][\p{L}\p{N}._-]*$/u.test(name)) {
    const expected = "a name that begins with a letter or a digit, of letters, digits, ., - and _"
    throw new InvalidOption({ option: "name", value: name, expected })
  }
  const cut = cutOf(options)
  return {
    [SinkTypeId]: { cut, format, name },
    location: folder,
    made: text(new Made("sink", { name, format: format.made, ...cut }))
  }
}

/** Whether a value is a sink. @since 0.1.0 */
export const isSink = (value: unknown): value is Sink =>
  typeof value === "object" && value !== null && SinkTypeId in value

const padded = (number: number): string => String(number).padStart(5, "0")

/** The parts of a shard's name before and after its number. */
const around = (sink: Sink): readonly [before: string, after: string] => {
  const { cut, format, name } = sink[SinkTypeId]
  return [`${name}-`, `${"shards" in cut ? `-of-${padded(cut.shards)}` : ""}${format.ending}`]
}

/** The name of a shard. @since 0.1.0 */
export const shardName = (sink: Sink, number: number): string => around(sink).join(padded(number))

/** Whether a shard of the sink may have this name. @since 0.1.0 */
export const isShardName = (sink: Sink, name: string): boolean => {
  const [before, after] = around(sink)
  const isAround = name.startsWith(before) && name.endsWith(after)
  return isAround && /^\d{5,}$/.test(name.slice(before.length, name.length - after.length))
}

/** Whether a shard of any sink may have this name. @since 0.1.0 */
export const isAnyShardName = (name: string): boolean => /^[^/]*-\d{5,}(-of-\d{5,})?\.[^/]*$/.test(name)
