/**
 * Where a run stands, as a few numbers: all that is needed to resume it elsewhere, later, or on other workers. A batch
 * is a function of its coordinates, so workers have no state that must be kept.
 *
 * @since 0.1.0
 */
import type * as Schema from "@effect/schema/Schema"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import {
  array,
  decode as bySchema,
  literal,
  nullOr,
  optional,
  string,
  stringRecord,
  struct,
  tuple
} from "../../core/SchemaValue.ts"
import { shown } from "../../core/Show.ts"
import type { Pipeline } from "../../pipeline/Pipeline.ts"
import { unseenOf } from "../plan/Fingerprint.ts"
import { Count, checksum, fingerprints, Hex, SourceName } from "./CursorFields.ts"
import { upgrade, Version1 } from "./CursorVersion1.ts"

/**
 * A cursor as it is stored: plain data, under 1 KB as JSON whatever the size of the dataset, and under 1 KB more for each
 * source that can only be read in order. (Under order `"ready"` it also holds the batches that were taken out of turn: at most
 * `workers × prefetch`.)
 *
 * @category models
 * @since 0.1.0
 */
export const Cursor = struct(
  {
    version: literal(2),
    /** The first batch, in the plan's order, that has not been taken: its epoch, and its first position in that. */
    epoch: Count,
    position: Count,
    /** Its number within the epoch. */
    batch: Count,
    /** Where the epoch is counted from: its first batches had another size, other workers or ranks. */
    resized: optional(
      struct({
        batch: Count,
        position: Count,
        ordinal: Count,
        numberedFrom: optional(Count)
      })
    ),
    /** The epoch behind the last one of the run; some cursors of version 1 lack it. */
    end: optional(Count),
    /** The first epoch that the counts below are of, if it is not 0: that of the first of the runs that led here. */
    start: optional(Count),
    /** Batches that were taken ahead of it, with their hashes where the run keeps a digest. */
    ahead: array(tuple(Count, Count, nullOr(Hex))),
    /** How many batches, and samples in them, were taken from the run's start on. */
    batches: Count,
    samples: Count,
    /** How many samples were left out of them by the failure policy. */
    skipped: Count,
    /** The digest up to here; `null` where none is kept. */
    digest: nullOr(Hex),
    /** Where each source that can only be read in order stands, by its name. */
    sources: optional(stringRecord(SourceName)),
    fingerprints: struct(fingerprints),
    checksum: string
  },
  "Cursor"
)

/** @since 0.1.0 */
export type Cursor = typeof Cursor.Type

/** What two runs can differ in. @category models @since 0.1.0 */
export type Field = keyof Cursor["fingerprints"]

/**
 * What was given is no cursor (of another version, cut, changed, or something else altogether), or one that this run
 * cannot be resumed from.
 *
 * @category errors
 * @since 0.1.0
 */
export class CursorError extends Data.TaggedError("CursorError")<{ readonly reason: string }> {
  override get message(): string {
    return `this cursor cannot be resumed from: ${this.reason}`
  }
}

/**
 * One difference between the run that a cursor is of and the one that is to be resumed. Of a pipeline it names the
 * stages that differ only.
 *
 * @category models
 * @since 0.1.0
 */
export interface Difference {
  readonly field: Field
  readonly from: string
  readonly to: string
}

const consequences: Readonly<Record<Field, string>> = {
  pipeline: "batches from here on are those of the new stages",
  dataset: "batches from here on are of other samples, and an order drawn over another size is another order",
  policy: "all draws from here on differ",
  seed: "all draws from here on differ",
  batch: "batches from here on are cut differently; the epoch goes on from the same position",
  workers: "under this policy each worker has its own draws, so all from here on differ",
  ranks: "under this policy each rank has its own draws, so all from here on differ"
}

/**
 * The run is not the one that the cursor is of.
 *
 * @category errors
 * @since 0.1.0
 */
export class CursorMismatch extends Data.TaggedError("CursorMismatch")<{
  readonly differences: ReadonlyArray<Difference>
  /** What was not compared, since it can neither be seen nor was declared; see {@link unseen}. */
  readonly unseen: ReadonlyArray<string>
  /** The way out, where it is not the option `allow`. */
  readonly way?: string | undefined
}> {
  override get message(): string {
    const lines = this.differences.map(({ field, from, to }) => {
      const allowed = this.way === undefined ? ` (if allowed: ${consequences[field]})` : ""
      return `  ${field}: was ${from}, is ${to}${allowed}`
    })
    const names = this.differences.map(({ field }) => JSON.stringify(field)).join(", ")
    const blind = this.unseen.length === 0 ? "" : `\n  not compared, as it cannot be seen: ${some(this.unseen)}`
    return (
      `the cursor is of another run:\n${lines.join("\n")}\n` +
      `  ${this.way ?? `resume with what it was, or accept the differences by name: allow: [${names}]`}${blind}`
    )
  }
}

const NAMED = 4

/** The first few, and how many more there are. */
const some = (all: ReadonlyArray<string>): string =>
  `${all.slice(0, NAMED).join(", ")}${all.length > NAMED ? ` and ${all.length - NAMED} more` : ""}`

/**
 * What of a pipeline cursors do not compare, since it can neither be seen nor was declared, in words: what functions of
 * a user's own do, and what datasets hold that are read by such functions. Declare them by `parameters` of the stage,
 * view or sampler, and by `Dataset.withContent`. It may hash the dataset's content, once.
 *
 * @example
 * import { Cursor, Dataset, Pipeline } from "furrow"
 *
 * const scaled = (factor: number, parameters?: Pipeline.Parameters) =>
 *   Pipeline.from(Dataset.range(9)).pipe(
 *     Pipeline.map("scale", (x) => factor * x, parameters === undefined ? {} : { parameters }),
 *     Pipeline.batch(3)
 *   )
 * console.assert(Cursor.unseen(scaled(2)).join() === 'the function of stage "scale"')
 * console.assert(Cursor.unseen(scaled(2, { factor: 2 })).length === 0)
 *
 * @category getters
 * @since 0.1.0
 */
export const unseen = <A, E, R>(pipeline: Pipeline<A, E, R>): ReadonlyArray<string> => unseenOf(pipeline)

/**
 * A cursor from what was stored, such as `JSON.parse` of a file; those of version 1 are read as well. Fails with
 * `CursorError`, whatever it is given.
 *
 * @category conversions
 * @since 0.1.0
 */
export const decode = (value: unknown): Effect.Effect<Cursor, CursorError> =>
  Effect.suspend(() => {
    try {
      return decoded(value)
    } catch (thrown) {
      // A getter or a Proxy.
      return new CursorError({ reason: `reading it threw ${shown(thrown)}` })
    }
  })

const decoded = (value: unknown): Effect.Effect<Cursor, CursorError> => {
  if (Effect.isEffect(value)) {
    return new CursorError({ reason: "it is an Effect that was not run; write `yield* loader.cursor`" })
  }
  if (typeof value === "string") {
    return new CursorError({
      reason: `it is a string, ${shown(JSON.stringify(value.slice(0, 40)))}; give JSON.parse of it`
    })
  }
  if (typeof value !== "object" || value === null) {
    return new CursorError({ reason: `it is ${shown(value)}, where a cursor is a record` })
  }
  const { version } = "version" in value ? value : { version: 2 }
  if (version === 1) return Effect.map(read(Version1, value), upgrade)
  if (version === 2) return read(Cursor, value)
  const reason = `it is of version ${shown(version)}, and this library reads versions 1 and 2; resume with the library that wrote it`
  return new CursorError({ reason })
}

/** A value as a schema has it, if its checksum is right. */
const read = <A extends { readonly checksum: string }, I>(
  schema: Schema.Schema<A, I>,
  value: unknown
): Effect.Effect<A, CursorError> => {
  const result = bySchema(schema, value)
  if (Either.isLeft(result)) {
    const { message, path } = result.left
    const where = path.length === 0 ? "it" : path.join(".")
    return new CursorError({ reason: `${where}: ${message.slice(0, 300)}` })
  }
  if (result.right.checksum === checksum(result.right)) return Effect.succeed(result.right)
  return new CursorError({ reason: "its checksum does not fit, so a part of it was changed or lost" })
}
