/**
 * Where a run stands, as a few numbers: all that is needed to resume it elsewhere, later, or on other workers. A batch
 * is a function of its coordinates, so workers have no state that must be kept.
 *
 * @since 0.1.0
 */
import { formatErrorSync } from "@effect/schema/ArrayFormatter"
import * as Schema from "@effect/schema/Schema"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { checked, InvalidOption } from "../../core/InvalidOption.ts"
import { sha256 } from "../../core/runtime.ts"
import { shown } from "../../core/Show.ts"
import type { Pipeline } from "../../pipeline/Pipeline.ts"
import {
  bounded,
  datasetText,
  difference,
  linesOf,
  pipelineText,
  policyText,
  unseenOf,
  unseenOfJob
} from "../plan/Fingerprint.ts"
import type { RunPlan } from "../plan/RunPlan.ts"
import { hex } from "./Digest.ts"

const Count = Schema.Number.pipe(Schema.int(), Schema.between(0, Number.MAX_SAFE_INTEGER))
const Hex = Schema.String.pipe(Schema.pattern(/^[0-9a-f]{64}$/))

const Fingerprints = Schema.Struct({
  /** The stages, with their names and parameters, in a line each; hashed where they are long. */
  pipeline: Schema.String,
  /** The dataset's name, size, content and views. */
  dataset: Schema.String,
  policy: Schema.String,
  seed: Schema.String,
  batch: Schema.String,
  workers: Schema.String,
  ranks: Schema.String
})

/**
 * A cursor as it is stored: plain data, under 1 KB as JSON whatever the size of the dataset. (Under order `"ready"` it
 * also holds the places of batches that were taken out of turn: at most `workers × prefetch`.)
 *
 * @since 0.1.0
 */
export const Cursor = Schema.Struct({
  version: Schema.Literal(1),
  /** The first batch, in the plan's order, that has not been taken. */
  epoch: Count,
  batch: Count,
  /** The epoch behind the last one of the run; cursors of earlier versions lack it. */
  end: Schema.optionalWith(Count, { exact: true }),
  /** Places in the row of all batches that were taken ahead of it, with their hashes where the run keeps a digest. */
  ahead: Schema.Array(Schema.Tuple(Count, Schema.NullOr(Hex))),
  /** How many batches, and samples in them, were taken from the run's start on. */
  batches: Count,
  samples: Count,
  /** How many samples were left out of them by the failure policy. */
  skipped: Count,
  /** The digest up to here; `null` where none is kept. */
  digest: Schema.NullOr(Hex),
  fingerprints: Fingerprints,
  checksum: Schema.String
}).annotations({ identifier: "Cursor" })

/** @since 0.1.0 */
export type Cursor = typeof Cursor.Type

/** What two runs can differ in. @since 0.1.0 */
export type Field = keyof Cursor["fingerprints"]

/**
 * What was given is no cursor (of another version, cut, changed, or something else altogether), or one that this run
 * cannot be resumed from.
 *
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
  batch: "batches are cut differently, so samples can be lost or come twice",
  workers: "under this policy each worker has its own draws, so all from here on differ",
  ranks: "under this policy each rank has its own draws, so all from here on differ"
}

/** All fields, for `allow`. They are the keys of that record. */
const FIELDS = Object.keys(consequences) as ReadonlyArray<Field>

/**
 * The run is not the one that the cursor is of.
 *
 * @since 0.1.0
 */
export class CursorMismatch extends Data.TaggedError("CursorMismatch")<{
  readonly differences: ReadonlyArray<Difference>
  /** What was not compared, since it can neither be seen nor was declared; see {@link unseen}. */
  readonly unseen: ReadonlyArray<string>
}> {
  override get message(): string {
    const lines = this.differences.map(
      ({ field, from, to }) => `  ${field}: was ${from}, is ${to} (if allowed: ${consequences[field]})`
    )
    const names = this.differences.map(({ field }) => JSON.stringify(field)).join(", ")
    const blind = this.unseen.length === 0 ? "" : `\n  not compared, as it cannot be seen: ${some(this.unseen)}`
    return (
      `the cursor is of another run:\n${lines.join("\n")}\n` +
      `  resume with what it was, or accept the differences by name: allow: [${names}]${blind}`
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
 * @since 0.1.0
 */
export const unseen = <A, E, R>(pipeline: Pipeline<A, E, R>): ReadonlyArray<string> => unseenOf(pipeline)

const checksum = ({ checksum: _, ...rest }: Cursor): string => hex(sha256(JSON.stringify(rest))).slice(0, 16)

/** How many bytes of a cursor's JSON the fields may take that can be of any length. All of it stays below 1 KB. */
const MOST = { pipeline: 220, dataset: 200, policy: 60, seed: 60 }

/** What jobs are; a cursor may be read after every batch. */
const known = new WeakMap<RunPlan, Cursor["fingerprints"]>()

/** What a runPlan is, field by field. */
const fingerprints = (runPlan: RunPlan): Cursor["fingerprints"] => {
  const own = known.get(runPlan)
  if (own !== undefined) return own
  const { pipeline, plan, policy, size } = runPlan
  const { batchSize, batches, count, rank, workers, world } = plan
  const made = {
    pipeline: pipelineText(linesOf(pipeline), MOST.pipeline),
    dataset: datasetText(pipeline.dataset, size, "full", MOST.dataset),
    policy: bounded(policyText(policy), MOST.policy),
    seed: bounded(policy?.seed ?? "none", MOST.seed),
    batch: `${batchSize} samples, ${batches} batches of ${count}`,
    workers: String(workers),
    ranks: `${rank} of ${world}`
  }
  known.set(runPlan, made)
  return made
}

/** The cursor of a runPlan at a place. @since 0.1.0 */
export const make = (runPlan: RunPlan, at: Omit<Cursor, "version" | "fingerprints" | "checksum">): Cursor => {
  const open: Cursor = { version: 1, ...at, fingerprints: fingerprints(runPlan), checksum: "" }
  return { ...open, checksum: checksum(open) }
}

/**
 * A cursor from what was stored, such as `JSON.parse` of a file. Fails with `CursorError`, whatever it is given.
 *
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
  const { version } = "version" in value ? value : { version: 1 }
  if (version !== 1) {
    const reason = `it is of version ${shown(version)}, and this library reads version 1; resume with the library that wrote it`
    return new CursorError({ reason })
  }
  const result = Schema.decodeUnknownEither(Cursor)(value)
  if (Either.isLeft(result)) {
    const [issue] = formatErrorSync(result.left)
    const where = issue === undefined || issue.path.length === 0 ? "it" : issue.path.join(".")
    return new CursorError({
      reason: `${where}: ${(issue?.message ?? result.left.message).replaceAll(/\s+/g, " ").slice(0, 300)}`
    })
  }
  const cursor = result.right
  if (cursor.checksum === checksum(cursor)) return Effect.succeed(cursor)
  return new CursorError({ reason: "its checksum does not fit, so a part of it was changed or lost" })
}

/** Throws `InvalidOption` unless all are names of fields. */
/** Returns `allow` if it is a list of fields. Throws `InvalidOption`. @since 0.1.0 */
export const allowed = (allow: unknown): ReadonlyArray<Field> => {
  const expected = `a list of ${FIELDS.map((field) => `"${field}"`).join(", ")}`
  if (!Array.isArray(allow)) throw new InvalidOption({ option: "allow", value: allow, expected })
  for (const field of allow) {
    if (!FIELDS.includes(field)) throw new InvalidOption({ option: "allow", value: field, expected })
  }
  return allow
}

/**
 * Compares a cursor with the runPlan that is to be resumed from it. Fields in `allow` may differ; so may workers and ranks
 * where neither of them changes a draw. Fails with `CursorError`, `CursorMismatch`, or `InvalidOption` for fields that
 * do not exist.
 *
 * @since 0.1.0
 */
export const check = (
  value: unknown,
  runPlan: RunPlan,
  allow: ReadonlyArray<Field> | undefined
): Effect.Effect<Cursor, CursorError | CursorMismatch | InvalidOption> =>
  Effect.gen(function* () {
    const accepted = yield* checked(() => allowed(allow === undefined ? [] : allow))
    const cursor = yield* decode(value)
    const now = fingerprints(runPlan)
    const free: ReadonlyArray<Field> = runPlan.policy?.elastic === false ? [] : ["workers", "ranks"]
    const differences = FIELDS.filter(
      (field) => cursor.fingerprints[field] !== now[field] && !accepted.includes(field) && !free.includes(field)
    ).map((field) => ({
      field,
      ...(field === "pipeline"
        ? difference(cursor.fingerprints.pipeline, linesOf(runPlan.pipeline))
        : { from: cursor.fingerprints[field], to: now[field] })
    }))
    if (differences.length > 0) return yield* new CursorMismatch({ differences, unseen: unseenOfJob(runPlan) })
    if (cursor.ahead.length > 0 && cursor.fingerprints.ranks !== now.ranks) {
      const reason =
        `it has taken ${cursor.ahead.length} batches ahead of batch ${cursor.batch} of epoch ${cursor.epoch}, which other ranks ` +
        `have not; go on as rank ${cursor.fingerprints.ranks} until its row has no gap, or run with order "plan" where ranks are to change`
      return yield* new CursorError({ reason })
    }
    const { batches } = runPlan.plan
    if (!(cursor.batch < batches || (cursor.batch === 0 && batches === 0))) {
      return yield* new CursorError({ reason: `it stands at batch ${cursor.batch}, and an epoch has only ${batches}` })
    }
    const place = cursor.epoch * batches + cursor.batch
    const stray = cursor.ahead.findIndex(([own], at) => own <= (cursor.ahead[at - 1]?.[0] ?? place))
    if (stray < 0) return cursor
    const reason = `ahead.${stray}: place ${cursor.ahead[stray]?.[0]} is not behind batch ${place}, where it stands, and those before it`
    return yield* new CursorError({ reason })
  })

/**
 * Throws `InvalidOption` where a run of so many epochs ends before batches that the cursor counts as taken: they would be
 * lost to its counts and its digest, which are those of the longer run.
 *
 * @since 0.1.0
 */
export const within = ({ ahead, batch, epoch }: Cursor, { plan: { batches } }: RunPlan, epochs: number): void => {
  const total = epochs * batches
  const place = epoch * batches + batch
  const beyond = ahead.filter(([own]) => own >= total).length
  if (place <= total && beyond === 0) return
  const taken = Math.max(0, place - total) + beyond
  const least = Math.floor((ahead.at(-1)?.[0] ?? place - 1) / batches) + 1
  const expected =
    `at least ${least}, as in the run that the cursor is of: it has taken ${count(taken, "batch", "batches")} beyond the ` +
    `end of ${count(epochs, "epoch", "epochs")}, which would be lost; or begin anew, without the cursor`
  throw new InvalidOption({ option: "epochs", value: epochs, expected })
}

const count = (number: number, one: string, many: string): string => `${number} ${number === 1 ? one : many}`
