/**
 * Shards that a command is given: which format they have, and the dataset that they are.
 */

import { existsSync } from "node:fs"
import { join } from "node:path"
import * as Args from "@effect/cli/Args"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { plural } from "../../src/core/Plural.ts"
import { Dataset, Format } from "../../src/index.ts"
import { columnsIn } from "../../src/sources/formats/csv/Columns.ts"
import { isDelimiter } from "../../src/sources/formats/csv/Options.ts"
import { hasEnding, isDescription } from "../../src/sources/formats/Endings.ts"
import { PROGRESS } from "../../src/sources/sinks/Manifest.ts"
import { type Chosen, found as resolved } from "../../src/sources/store/FindObjects.ts"
import { Usage } from "../cli/Main.ts"
import { tell } from "../cli/Print.ts"
import { listOf, oneOf, reading } from "../cli/Reading.ts"
import { choosing } from "./Chosen.ts"

/** The types of columns, by their names. */
type Types = Readonly<Record<string, (typeof TYPES)[number]>>

const TYPES = ["string", "number", "bigint", "boolean"] as const

/** What is said of cells: the types of columns, the character between cells, the names of columns in a file without a header. */
interface Cells {
  readonly types?: Types
  readonly delimiter?: string
  readonly header?: ReadonlyArray<string>
}

interface Known {
  readonly name: string
  /** Given the columns to choose, where it has some, and what is said of cells, where it has these. */
  readonly make: (columns?: ReadonlyArray<string>, cells?: Cells) => Format.Format<unknown>
  /** Whether it has cells, of which something can be said. */
  readonly hasCells?: true
}

const named = (columns: ReadonlyArray<string> | undefined) => (columns === undefined ? {} : { columns })

const known: ReadonlyArray<Known> = [
  { name: "jsonl", make: () => Format.jsonl() },
  { name: "csv", make: (_, cells) => Format.csv(cells), hasCells: true },
  { name: "tsv", make: (_, cells) => Format.tsv(cells), hasCells: true },
  { name: "text", make: () => Format.text() },
  { name: "parquet", make: (columns) => Format.parquet(named(columns)) },
  { name: "arrow", make: (columns) => Format.arrow(named(columns)) },
  { name: "tar", make: () => Format.tar() },
  { name: "npy", make: () => Format.npy() },
  { name: "npz", make: () => Format.npz() },
  { name: "safetensors", make: () => Format.safetensors() }
]

const names = known.map(({ name }) => name)

const nonEmpty = (text: string): Either.Either<string, string> =>
  text === "" ? Either.left("is the name of no column") : Either.right(text)

const typeIn = (text: string): Either.Either<readonly [string, (typeof TYPES)[number]], string> => {
  const at = text.lastIndexOf("=")
  const column = text.slice(0, Math.max(at, 0))
  if (column === "") return Either.left("is no column with its type, such as id=string")
  return Either.map(oneOf(TYPES)(text.slice(at + 1)), (type) => [column, type] as const)
}

const delimiterIn = (text: string): Either.Either<string, string> => {
  const own = text === "\\t" ? "\t" : text
  return isDelimiter(own) ? Either.right(own) : Either.left('is not one ASCII character, such as ";" or "\\t"')
}

export const inputs = Args.text({ name: "in" }).pipe(
  Args.withDescription("Files, globs, ranges such as shard-{000..099}.tar, or URLs; hf://datasets/… for the Hub"),
  Args.atLeast(1)
)

/** Names, each of which is given once. */
const distinct = (text: string): Either.Either<ReadonlyArray<string>, string> =>
  Either.filterOrLeft(
    listOf(nonEmpty)(text),
    (all) => new Set(all).size === all.length,
    () => "names a column twice"
  )

/** An option of this name that says how the shards are read. */
export const formatOption = (option: string) =>
  reading(
    option,
    "name",
    `How the shards are read: ${names.join(", ")} (default: by the ending of their names)`,
    oneOf(names)
  ).pipe(Options.optional)

export const options = {
  format: formatOption("format"),
  columns: reading("columns", "a,b", "The columns to read (default: all)", distinct).pipe(Options.optional),
  types: reading(
    "types",
    "a=string,b=number",
    `The types of columns of CSV and TSV: ${TYPES.join(", ")} (default: as their first rows look)`,
    listOf(typeIn)
  ).pipe(
    Options.map((all): Types => Object.fromEntries(all)),
    Options.optional
  ),
  delimiter: reading("delimiter", "character", "What is between cells of CSV (default: a comma)", delimiterIn).pipe(
    Options.optional
  ),
  header: reading(
    "header",
    "a,b",
    "The names of columns of CSV and TSV whose first row has none",
    listOf(nonEmpty)
  ).pipe(Options.optional)
}

/** What is said of cells. */
export const cellOptions = { types: options.types, delimiter: options.delimiter, header: options.header }

/** What of the flags says what is read. */
export interface Flags {
  readonly inputs: ReadonlyArray<string>
  readonly format: Option.Option<string>
  readonly columns: Option.Option<ReadonlyArray<string>>
  readonly types: Option.Option<Types>
  readonly delimiter: Option.Option<string>
  readonly header: Option.Option<ReadonlyArray<string>>
}

/** The format of a location, by its ending. */
const formatOf = (location: string): Known | undefined => {
  const path = location.replace(/[?#].*$/, "")
  return known.find(({ make }) => hasEnding(path, make().endings ?? []))
}

const MANIFEST = /(^|\/)manifest\.json$/

/** Of a folder: the objects whose ending is that of a format, or all if none has one. */
const ofFormats: Chosen = (objects, hidden) => {
  // Opening the folder says that a sink has not written a shard yet.
  if (objects.length === 0) return hidden.filter(({ location }) => location.endsWith(`/${PROGRESS}`))
  const own = objects.filter(
    ({ location }) => !MANIFEST.test(location) && !isDescription(location) && formatOf(location) !== undefined
  )
  return own.length > 0 ? own : objects
}

/** The format of all shards, with the types of columns that are declared. */
export const formatFrom = (flags: Flags) =>
  Effect.gen(function* () {
    // @effect/cli takes a mistyped option behind the first location for another location.
    const option = flags.inputs.find((input) => input.startsWith("--"))
    if (option !== undefined) {
      return yield* new Usage({ message: `${option} is no option here; a file of this name is ./${option}` })
    }
    const { hasCells, make, name } = yield* knownFrom(flags)
    const { delimiter, header, types } = flags
    const given = [
      ["types", Option.isSome(types)],
      ["delimiter", Option.isSome(delimiter)],
      ["header", Option.isSome(header)]
    ] as const
    for (const [option, isGiven] of given) {
      if (!isGiven || hasCells === true) continue
      return yield* new Usage({ message: `--${option} is for csv and tsv: ${name} has names and types of its own` })
    }
    const cells: Cells = {
      ...Option.getOrElse(
        Option.map(types, (own) => ({ types: own })),
        () => ({})
      ),
      ...Option.getOrElse(
        Option.map(delimiter, (own) => ({ delimiter: own })),
        () => ({})
      ),
      ...Option.getOrElse(
        Option.map(header, (own) => ({ header: own })),
        () => ({})
      )
    }
    return { name, make: (columns?: ReadonlyArray<string>) => make(columns, cells) }
  })

/** The one that is named, else the one that all names end with. */
const knownFrom = ({ format, inputs }: Flags) =>
  Effect.gen(function* () {
    const named = Option.flatMap(format, (name) => Option.fromNullable(known.find((own) => own.name === name)))
    if (Option.isSome(named)) return named.value
    // What a manifest names lies beside it.
    const locations = inputs.map((input) => input.replace(MANIFEST, "$1"))
    const [first, ...others] = (yield* resolved(locations, ofFormats)).filter(
      ({ location }) => !MANIFEST.test(location)
    )
    const found = first === undefined ? undefined : formatOf(first.location)
    // A sink writes no shard without a row.
    const empty = first === undefined && inputs.find((input) => existsSync(join(input, "manifest.json")))
    if (empty) return yield* new Usage({ message: `${empty} has no rows, by its manifest` })
    if (first === undefined || found === undefined) {
      const message = `the name of ${first?.location ?? inputs[0]} does not say its format: give --format, one of ${names.join(", ")}`
      return yield* new Usage({ message })
    }
    const other = others.find(({ location }) => formatOf(location) !== found)
    if (other === undefined) return found
    const message = `${first.location} is ${found.name}, and ${other.location} ${formatOf(other.location)?.name ?? "has no ending that is known"}: give shards of one format, or --format`
    return yield* new Usage({ message })
  })

/** Opens the shards that a command is given; says on stderr what is scanned. */
export const opened = (flags: Flags) =>
  Effect.gen(function* () {
    const pipe = flags.inputs.find((input) => input === "-" || input === "/dev/stdin")
    if (pipe !== undefined) {
      const message = `${pipe}: shards are read by an index, which standard input has none of; write it to a file first, or read it in order in a program of yours, by Dataset.fromStream`
      return yield* new Usage({ message })
    }
    const { make } = yield* formatFrom(flags)
    const columns = Option.getOrUndefined(flags.columns)
    const dataset = yield* Dataset.open(flags.inputs, { format: make(columns), onProgress })
    if (columns === undefined) return { dataset, rows: dataset, unseen: Effect.void }
    const named = namesIn(dataset)
    const other = named && columns.find((name) => !named.includes(name))
    if (other !== undefined) {
      const message = `--columns ${other}: the shards have no such column; they have ${named?.join(", ")}`
      return yield* new Usage({ message })
    }
    // Of formats that do not choose columns themselves.
    const { pick, unseen } = choosing(columns)
    return { dataset, rows: Dataset.map(dataset, pick, { name: dataset.name, parameters: { columns } }), unseen }
  })

/** The names of columns, if the first shard has them: those of CSV and TSV. */
const namesIn = ({ sharded }: Dataset.ShardedDataset<unknown>): ReadonlyArray<string> | undefined =>
  columnsIn(sharded.shards[0]?.index.header)?.map(({ name }) => name)

/** A scan below so many bytes takes no time to speak of. */
const QUICK = 2 ** 28

const onProgress = ({ bytes, bytesDone, shards, shardsDone }: Dataset.ScanProgress): void => {
  if (bytes < QUICK) return
  const percent = ((100 * bytesDone) / bytes).toFixed(0)
  tell(
    `\rscanning ${plural(shards, "shard")}: ${percent} % of ${plural(bytes, "byte")}${shardsDone === shards ? "\n" : ""}`
  )
}
