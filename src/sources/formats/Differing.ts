/**
 * Describes how the columns of two shards differ, in bounded length: a table may have thousands of columns.
 *
 * @since 0.1.0
 */
import { plural } from "../../core/Plural.ts"

/** A column: its name, and its type if it is known. */
type Column = readonly [name: string, type: string | undefined]

/** How many differing columns are named. */
const TOLD = 3

/** How many characters of a name or a schema are shown. */
const SHOWN = 120

/**
 * Returns how `own` differs from `known`, the columns of `shard`, as the reason of an error. `schemas` are shown if no column
 * differs.
 *
 * @since 0.1.0
 */
export const differing = (
  own: ReadonlyArray<Column>,
  known: ReadonlyArray<Column>,
  shard: string,
  schemas?: readonly [own: string | undefined, known: string | undefined]
): string => {
  const places = Array.from({ length: Math.max(own.length, known.length) }, (_, place) => place).filter(
    (place) => !areSame(own[place], known[place])
  )
  if (places.length === 0) return `its rows are ${cut(schemas?.[0])}, and those of ${shard} are ${cut(schemas?.[1])}`
  const told = (columns: ReadonlyArray<Column>): string =>
    places
      .slice(0, TOLD)
      .map((place) => shown(columns[place]))
      .join(", ")
  const left = places.length - TOLD
  const more = left > 0 ? `; ${plural(left, "more column differs", "more columns differ")}` : ""
  return `its rows have ${told(own)} where those of ${shard} have ${told(known)}${more}`
}

const areSame = (one: Column | undefined, other: Column | undefined): boolean =>
  one !== undefined &&
  other !== undefined &&
  one[0] === other[0] &&
  (one[1] === undefined || other[1] === undefined || one[1] === other[1])

const shown = (column: Column | undefined): string => {
  if (column === undefined) return "no column"
  const [name, type] = column
  return `${JSON.stringify(cut(name))}${type === undefined ? "" : ` ${cut(type)}`}`
}

const cut = (text = "not known"): string => (text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text)
