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
import * as Plan from "../plan/Plan.ts"
import type { RunPlan } from "../plan/RunPlan.ts"
import { Count, checksum, Fingerprints, Hex, sizeOf, upgrade, Version1 } from "./CursorVersion1.ts"

/**
 * A cursor as it is stored: plain data, under 1 KB as JSON whatever the size of the dataset, and under 1 KB more for each
 * source that can only be read in order. (Under order `"ready"` it also holds the batches that were taken out of turn: at most
 * `workers × prefetch`.)
 *
 * @since 0.1.0
 */
export const Cursor = Schema.Struct({
  version: Schema.Literal(2),
  /** The first batch, in the plan's order, that has not been taken: its epoch, and its first position in that. */
  epoch: Count,
  position: Count,
  /** Its number within the epoch. */
  batch: Count,
  /** From where on the epoch's batches have this size: its first batches had another one. */
  resized: Schema.optionalWith(Schema.Struct({ batch: Count, position: Count, ordinal: Count }), { exact: true }),
  /** The epoch behind the last one of the run; some cursors of version 1 lack it. */
  end: Schema.optionalWith(Count, { exact: true }),
  /** Batches that were taken ahead of it, with their hashes where the run keeps a digest. */
  ahead: Schema.Array(Schema.Tuple(Count, Count, Schema.NullOr(Hex))),
  /** How many batches, and samples in them, were taken from the run's start on. */
  batches: Count,
  samples: Count,
  /** How many samples were left out of them by the failure policy. */
  skipped: Count,
  /** The digest up to here; `null` where none is kept. */
  digest: Schema.NullOr(Hex),
  /** Where each source that can only be read in order stands, by its name. */
  sources: Schema.optionalWith(Schema.Record({ key: Schema.String, value: Schema.String }), { exact: true }),
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

/** How many bytes of a cursor's JSON the fields may take that can be of any length. All of it stays below 1 KB. */
const MOST = { pipeline: 220, dataset: 200, policy: 60, seed: 60 }

/** The fingerprints of run plans; a cursor may be read after every batch. */
const known = new WeakMap<RunPlan, Cursor["fingerprints"]>()

/** What a run plan is, field by field. */
const fingerprints = (runPlan: RunPlan): Cursor["fingerprints"] => {
  const own = known.get(runPlan)
  if (own !== undefined) return own
  const { pipeline, plan, policy, size } = runPlan
  const { batchSize, batches, count, lanes, rank, workers, world } = plan
  const number = batches === undefined ? "batches" : `${batches} batches`
  const made = {
    pipeline: pipelineText(linesOf(pipeline), MOST.pipeline),
    dataset: datasetText(pipeline.dataset, size, "full", MOST.dataset),
    policy: bounded(policyText(policy), MOST.policy),
    seed: bounded(policy?.seed ?? "none", MOST.seed),
    batch: `${batchSize} samples, ${number} of ${count}${lanes === undefined ? "" : `, ${lanes.sizes.length} lanes`}`,
    workers: String(workers),
    ranks: `${rank} of ${world}`
  }
  known.set(runPlan, made)
  return made
}

/** What a run tells its cursor. @since 0.1.0 */
export type State = Omit<Cursor, "version" | "position" | "resized" | "fingerprints" | "checksum">

/** The cursor of a run plan at a batch. @since 0.1.0 */
export const make = (runPlan: RunPlan, { batch, epoch, ...rest }: State): Cursor => {
  const { plan } = runPlan
  const origin = plan.cuts.origin(epoch)
  const open: Cursor = {
    version: 2,
    epoch,
    position: Plan.positionOf(plan, epoch, batch),
    batch,
    ...(origin.batch === 0 ? {} : { resized: origin }),
    ...rest,
    fingerprints: fingerprints(runPlan),
    checksum: ""
  }
  return { ...open, checksum: checksum(open) }
}

/**
 * A cursor from what was stored, such as `JSON.parse` of a file; those of version 1 are read as well. Fails with
 * `CursorError`, whatever it is given.
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
  const result = Schema.decodeUnknownEither(schema)(value)
  if (Either.isLeft(result)) {
    const [issue] = formatErrorSync(result.left)
    const where = issue === undefined || issue.path.length === 0 ? "it" : issue.path.join(".")
    return new CursorError({
      reason: `${where}: ${(issue?.message ?? result.left.message).replaceAll(/\s+/g, " ").slice(0, 300)}`
    })
  }
  if (result.right.checksum === checksum(result.right)) return Effect.succeed(result.right)
  return new CursorError({ reason: "its checksum does not fit, so a part of it was changed or lost" })
}

/** Returns `allow` if it is a list of fields. Throws `InvalidOption`. @since 0.1.0 */
export const allowed = (allow: unknown): ReadonlyArray<Field> => {
  const expected = `a list of ${FIELDS.map((field) => `"${field}"`).join(", ")}`
  if (!Array.isArray(allow)) throw new InvalidOption({ option: "allow", value: allow, expected })
  for (const field of allow) {
    if (!FIELDS.includes(field)) throw new InvalidOption({ option: "allow", value: field, expected })
  }
  return allow
}

/** A cursor that a run continues from. @since 0.1.0 */
export interface Checked {
  readonly cursor: Cursor
  /** The cursor's epoch, if its batches from there on have another size than those before. */
  readonly resumed: Plan.Resumed | undefined
}

/**
 * Compares a cursor with the run plan that is to be resumed from it. Fields in `allow` may differ; so may workers and ranks
 * where neither of them changes a draw. Fails with `CursorError`, `CursorMismatch`, or `InvalidOption` for fields that
 * do not exist.
 *
 * @since 0.1.0
 */
export const check = (
  value: unknown,
  runPlan: RunPlan,
  allow: ReadonlyArray<Field> | undefined
): Effect.Effect<Checked, CursorError | CursorMismatch | InvalidOption> =>
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
    const { ahead, batch, epoch, fingerprints: was, sources = {} } = cursor
    const gap = `it has taken ${ahead.length} batches ahead of batch ${batch} of epoch ${epoch}`
    if (ahead.length > 0 && was.ranks !== now.ranks) {
      const reason =
        `${gap}, which other ranks have not; go on as rank ${was.ranks} until its row has no gap, or run with order "plan" ` +
        "where ranks are to change"
      return yield* new CursorError({ reason })
    }
    if (ahead.length > 0 && was.batch !== now.batch) {
      const reason =
        `${gap}, and batches are now cut differently; go on with ${was.batch} until its row has no gap, or run with order ` +
        '"plan" where the batch size is to change'
      return yield* new CursorError({ reason })
    }
    const stray = ahead.findIndex(([own, number], at) => {
      const [before, last] = ahead[at - 1] ?? [epoch, batch]
      return own < before || (own === before && number <= last)
    })
    if (stray >= 0) {
      const reason = `ahead.${stray}: batch ${ahead[stray]?.[1]} of epoch ${ahead[stray]?.[0]} is not behind batch ${batch} of epoch ${epoch}, where it stands, and those before it`
      return yield* new CursorError({ reason })
    }
    const [source] = Object.keys(sources)
    if (source !== undefined) {
      const reason = `it holds where source ${JSON.stringify(source)} stands, and the pipeline has no source of that name`
      return yield* new CursorError({ reason })
    }
    const resumed = was.batch === now.batch ? unchanged(cursor, runPlan) : resized(cursor, runPlan)
    return { cursor, resumed: yield* resumed }
  })

type Origin = Either.Either<Plan.Resumed | undefined, CursorError>

const refused = (reason: string): Origin => Either.left(new CursorError({ reason }))

/** Where the cursor's epoch is counted from, in a run whose batches are cut as before. */
const unchanged = ({ batch, epoch, position, resized: origin }: Cursor, { plan }: RunPlan): Origin => {
  if (origin !== undefined) return Either.right({ epoch, origin })
  const { batchSize, batches } = plan
  if (batches === undefined || (batch === 0 && position === 0)) return Either.right(undefined)
  if (batch >= batches) return refused(`it stands at batch ${batch}, and an epoch has only ${batches}`)
  if (position === batch * batchSize) return Either.right(undefined)
  return refused(`it stands at position ${position}, and batch ${batch} begins at position ${batch * batchSize}`)
}

/** Where the cursor's epoch is counted from, in a run whose batches are cut in another way. */
const resized = (cursor: Cursor, { plan }: RunPlan): Origin => {
  const { batch, epoch, position, resized: before = { batch: 0, position: 0, ordinal: 0 } } = cursor
  if (batch === 0 && position === 0) return Either.right(undefined)
  const lanes = / (\d+) lanes$/.exec(cursor.fingerprints.batch)?.[1] ?? "no"
  const now = String(plan.lanes?.sizes.length ?? "no")
  if (lanes !== now) {
    return refused(
      `it stands within an epoch of ${lanes} lanes, and this run has ${now} lanes; change them between two epochs`
    )
  }
  if (position > plan.drawn) return refused(`it stands at position ${position}, and an epoch has only ${plan.drawn}`)
  // No batch before has had more samples than that, on any worker.
  const ordinal = before.ordinal + (batch - before.batch) * sizeOf(cursor.fingerprints)
  return Either.right({ epoch, origin: { batch, position, ordinal } })
}

/**
 * Throws `InvalidOption` where a run of so many epochs ends before batches that the cursor counts as taken: they would be
 * lost to its counts and its digest, which are those of the longer run.
 *
 * @since 0.1.0
 */
export const within = ({ ahead, batch, epoch }: Cursor, { plan: { batches } }: RunPlan, epochs: number): void => {
  const beyond = ahead.filter(([own]) => own >= epochs).length
  const isBeyond = epoch > epochs || (epoch === epochs && batch > 0)
  if (!isBeyond && beyond === 0) return
  const least = ahead.length > 0 ? (ahead.at(-1)?.[0] ?? epoch) + 1 : batch > 0 ? epoch + 1 : epoch
  const taken = isBeyond ? (batches === undefined ? undefined : (epoch - epochs) * batches + batch + beyond) : beyond
  const expected =
    `at least ${least}, as in the run that the cursor is of: it has taken ${taken === undefined ? "batches" : count(taken, "batch", "batches")} beyond the ` +
    `end of ${count(epochs, "epoch", "epochs")}, which would be lost; or begin anew, without the cursor`
  throw new InvalidOption({ option: "epochs", value: epochs, expected })
}

const count = (number: number, one: string, many: string): string => `${number} ${number === 1 ? one : many}`
