/**
 * Where a run stands, as a few numbers: all that is needed to go on with it elsewhere, later, or on other workers. A
 * batch is a function of its coordinates, so there is no state of workers to be kept.
 *
 * @since 0.1.0
 */
import { formatErrorSync } from "@effect/schema/ArrayFormatter"
import * as Schema from "@effect/schema/Schema"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { sha256 } from "../runtime.ts"
import { hex } from "./Digest.ts"
import { contentOf, stagesOf } from "./Fingerprint.ts"
import type { Job } from "./Job.ts"

const Count = Schema.Number.pipe(Schema.int(), Schema.between(0, Number.MAX_SAFE_INTEGER))
const Hex = Schema.String.pipe(Schema.pattern(/^[0-9a-f]{64}$/))

const Fingerprints = Schema.Struct({
  /** The stages, with their names and settings. */
  pipeline: Schema.String,
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
 * What was given is no cursor: of another version, cut, changed, or something else altogether.
 *
 * @since 0.1.0
 */
export class CursorError extends Data.TaggedError("CursorError")<{ readonly reason: string }> {
  override get message(): string {
    return `this cursor cannot be resumed from: ${this.reason}`
  }
}

/** One difference between the run that a cursor is of and the one that is to go on. @since 0.1.0 */
export interface Difference {
  readonly field: Field
  readonly from: string
  readonly to: string
}

const consequences: Readonly<Record<Field, string>> = {
  pipeline: "batches from here on are those of the new stages",
  dataset: "batches from here on are of other samples, and an order drawn over another size is another order",
  policy: "all draws from here on are others",
  seed: "all draws from here on are others",
  batch: "batches are cut otherwise, so samples can be lost or come twice",
  workers: "under this policy each worker has its own draws, so that all from here on are others",
  ranks: "under this policy each rank has its own draws, so that all from here on are others"
}

/**
 * The run is not the one that the cursor is of.
 *
 * @since 0.1.0
 */
export class CursorMismatch extends Data.TaggedError("CursorMismatch")<{
  readonly differences: ReadonlyArray<Difference>
}> {
  override get message(): string {
    const lines = this.differences.map(
      ({ field, from, to }) => `  ${field}: was ${from}, is ${to} (if allowed: ${consequences[field]})`
    )
    const names = this.differences.map(({ field }) => JSON.stringify(field)).join(", ")
    return (
      `the cursor is of another run:\n${lines.join("\n")}\n` +
      `  resume with what it was, or accept the differences by name: allow: [${names}]`
    )
  }
}

const checksum = ({ checksum: _, ...rest }: Cursor): string => hex(sha256(JSON.stringify(rest))).slice(0, 16)

/** What a job is, field by field. */
const fingerprints = (job: Job): Cursor["fingerprints"] => {
  const { pipeline, plan, policy, size } = job
  const content = contentOf(job)
  const { batchSize, batches, count, rank, workers, world } = plan
  return {
    pipeline: hex(sha256(JSON.stringify(stagesOf(pipeline)))).slice(0, 16),
    dataset: `${pipeline.dataset.name}, ${size} samples${content === "" ? "" : `, content ${content}`}`,
    policy: policy?.name ?? "none",
    seed: policy?.seed ?? "none",
    batch: `${batchSize} samples, ${batches} batches of ${count}`,
    workers: String(workers),
    ranks: `${rank} of ${world}`
  }
}

/** The cursor of a job at a place. @since 0.1.0 */
export const make = (job: Job, at: Omit<Cursor, "version" | "fingerprints" | "checksum">): Cursor => {
  const open: Cursor = { version: 1, ...at, fingerprints: fingerprints(job), checksum: "" }
  return { ...open, checksum: checksum(open) }
}

/**
 * A cursor from what was stored, such as `JSON.parse` of a file. Fails with `CursorError`.
 *
 * @since 0.1.0
 */
export const decode = (value: unknown): Effect.Effect<Cursor, CursorError> =>
  Effect.gen(function* () {
    const { version } = typeof value === "object" && value !== null && "version" in value ? value : { version: 1 }
    if (version !== 1) {
      const reason = `it is of version ${JSON.stringify(version)}, and this library reads version 1; resume with the library that wrote it`
      return yield* new CursorError({ reason })
    }
    const cursor = yield* Effect.mapError(Schema.decodeUnknown(Cursor)(value), (error) => {
      const [issue] = formatErrorSync(error)
      const where = issue === undefined || issue.path.length === 0 ? "it" : issue.path.join(".")
      return new CursorError({ reason: `${where}: ${(issue?.message ?? error.message).replaceAll(/\s+/g, " ")}` })
    })
    if (cursor.checksum === checksum(cursor)) return cursor
    return yield* new CursorError({ reason: "its checksum does not fit, so a part of it was changed or lost" })
  })

/**
 * Holds a cursor against the job that is to go on from it. Fields in `allow` may differ; so may workers and ranks where
 * neither of them changes a draw. Fails with `CursorError` or `CursorMismatch`.
 *
 * @since 0.1.0
 */
export const check = (
  value: unknown,
  job: Job,
  allow: ReadonlyArray<Field>
): Effect.Effect<Cursor, CursorError | CursorMismatch> =>
  Effect.gen(function* () {
    const cursor = yield* decode(value)
    const now = fingerprints(job)
    const free: ReadonlyArray<Field> = job.policy?.elastic === false ? [] : ["workers", "ranks"]
    const fields = Object.keys(now) as ReadonlyArray<Field> // they are its keys
    const differences = fields
      .filter((field) => cursor.fingerprints[field] !== now[field] && !allow.includes(field) && !free.includes(field))
      .map((field) => ({ field, from: cursor.fingerprints[field], to: now[field] }))
    if (differences.length > 0) return yield* new CursorMismatch({ differences })
    if (cursor.ahead.length > 0 && cursor.fingerprints.ranks !== now.ranks) {
      const reason =
        `it has taken ${cursor.ahead.length} batches ahead of batch ${cursor.batch} of epoch ${cursor.epoch}, which other ranks ` +
        `have not; go on as rank ${cursor.fingerprints.ranks} until its row has no gap, or run with order "plan" where ranks are to change`
      return yield* new CursorError({ reason })
    }
    const { batches } = job.plan
    if (cursor.batch < batches || (cursor.batch === 0 && batches === 0)) return cursor
    return yield* new CursorError({ reason: `it stands at batch ${cursor.batch}, and an epoch has only ${batches}` })
  })
