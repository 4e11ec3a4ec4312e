/**
 * Checks whether a run can be resumed from a cursor, and from where its epoch is then counted.
 *
 * @since 0.1.0
 */

import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { checked, InvalidOption } from "../../core/InvalidOption.ts"
import { plural } from "../../core/Plural.ts"
import * as Checkpoint from "../../sources/stream/Checkpoint.ts"
import { START } from "../plan/Cuts.ts"
import { difference, linesOf, pipelineText, unseenOfRun } from "../plan/Fingerprint.ts"
import type * as Plan from "../plan/Plan.ts"
import type { RunPlan } from "../plan/RunPlan.ts"
import { type Cursor, CursorError, CursorMismatch, decode, type Field } from "./Cursor.ts"
import { fingerprints as fields, sizeOf } from "./CursorFields.ts"
import { fingerprints, lanesOf, MOST, placedText, sourceOf } from "./CursorWrite.ts"

/** All fields, for `allow`. They are the keys of that record. */
const FIELDS = Object.keys(fields) as ReadonlyArray<Field>

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
  /** The cursor's epoch, if its batches from there on have another size, other workers or ranks than those before. */
  readonly resized: Plan.Resized | undefined
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
    // The batch size stands in both, and is compared as part of the batch.
    const lines = linesOf(runPlan.pipeline, sizeOf(cursor.fingerprints))
    const now = { ...fingerprints(runPlan), pipeline: pipelineText(lines, MOST.pipeline) }
    const free: ReadonlyArray<Field> = runPlan.policy?.elastic === false ? [] : ["workers", "ranks"]
    const differences = FIELDS.filter(
      (field) =>
        cursor.fingerprints[field] !== now[field] &&
        !accepted.includes(field) &&
        !free.includes(field) &&
        !(field === "dataset" && cursor.fingerprints.dataset === placedText(runPlan))
    ).map((field) => ({
      field,
      ...(field === "pipeline"
        ? difference(cursor.fingerprints.pipeline, lines)
        : { from: cursor.fingerprints[field], to: now[field] })
    }))
    if (differences.length > 0) return yield* new CursorMismatch({ differences, unseen: unseenOfRun(runPlan) })
    const { ahead, batch, epoch, fingerprints: was, sources = {} } = cursor
    const gap = `it has taken ${plural(ahead.length, "batch", "batches")} ahead of batch ${batch} of epoch ${epoch}`
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
    const renumbers = free.length === 0 && (was.workers !== now.workers || worldOf(was.ranks) !== worldOf(now.ranks))
    if (ahead.length > 0 && renumbers) {
      const reason =
        `${gap}, which other workers would build; go on with workers ${was.workers} until its row has no gap, or run with ` +
        'order "plan" where workers are to change'
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
    const { stream } = runPlan
    if (stream !== undefined && stream.source.ranks.by !== "batches" && was.ranks !== now.ranks && batch > 0) {
      const reason =
        `it stands within an epoch as rank ${was.ranks}, and ranks read different rows of stream ${stream.source.name}; ` +
        "change them between two epochs"
      return yield* new CursorError({ reason })
    }
    for (const [source, text] of Object.entries(sources)) {
      if (stream !== undefined && source === sourceOf(stream)) {
        const checkpoint = Checkpoint.decode(text)
        if (checkpoint === undefined) {
          const reason = `sources.${source}: it does not say where a stream stands`
          return yield* new CursorError({ reason })
        }
        stream.checkpoints.add(epoch, Math.ceil(checkpoint.row / stream.window), checkpoint)
        continue
      }
      const reason = `it holds where source ${JSON.stringify(source)} stands, and the pipeline has no source of that name`
      return yield* new CursorError({ reason })
    }
    const counted = was.batch === now.batch ? unchanged(cursor, runPlan) : resized(cursor, runPlan, now.batch)
    const continued = renumbers ? Either.map(counted, (own) => renumbered(cursor, own)) : counted
    const isChanged = renumbers || was.batch !== now.batch
    return {
      cursor,
      resized: yield* isChanged ? Either.flatMap(continued, (own) => restarted(own, runPlan)) : continued
    }
  })

/** The number of ranks in a fingerprint. */
const worldOf = (ranks: string): string => ranks.slice(ranks.lastIndexOf(" ") + 1)

type Origin = Either.Either<Plan.Resized | undefined, CursorError>

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
const resized = (cursor: Cursor, { plan }: RunPlan, batchNow: string): Origin => {
  const { batch, epoch, position } = cursor
  const { batchSize, batches = 0 } = plan
  const isPlaced = batch < batches && position === batch * batchSize && sizeOf(cursor.fingerprints) === batchSize
  if (batch === 0 && position === 0) return Either.right(undefined)
  const [lanes, now] = [lanesOf(cursor.fingerprints.batch), lanesOf(batchNow)]
  if (lanes.number !== now.number || lanes.sizes !== now.sizes) {
    const sizes = lanes.number === now.number ? " of other sizes" : ""
    return refused(
      `it stands within an epoch of ${lanes.number} lanes, and this run has ${now.number} lanes${sizes}; change them between two epochs`
    )
  }
  if (isPlaced && cursor.resized === undefined) return Either.right(undefined)
  if (position > plan.total) return refused(`it stands at position ${position}, and an epoch has only ${plan.total}`)
  const numbered = cursor.resized?.numberedFrom === undefined ? {} : { numberedFrom: batch }
  return Either.right({ epoch, origin: { batch, position, ordinal: unusedOrdinal(cursor), ...numbered } })
}

/** An ordinal that no sample of the cursor's epoch has had before, nor any above it, on any worker and any rank. */
const unusedOrdinal = ({ batch, fingerprints, resized = START }: Cursor): number => {
  const { numberedFrom = resized.batch, ordinal } = resized
  // No worker has had more samples than all batches have.
  return ordinal + (batch - numberedFrom) * sizeOf(fingerprints)
}

/** Refuses to change an epoch within which workers carry their streams: they would draw again what was drawn. */
const restarted = (own: Plan.Resized | undefined, { pipeline: { ambient, stages }, policy }: RunPlan): Origin => {
  const isDrawn = ambient === "derive" || stages.some(({ _tag, draws }) => draws && _tag !== "Sample")
  if (own === undefined || policy?.carries === undefined || !isDrawn) return Either.right(own)
  return refused(
    `policy ${policy.name} seeds workers and not samples, so within an epoch a change of the batch size, workers or ranks ` +
      "would repeat draws; change them between two epochs"
  )
}

/** The cursor's epoch, whose batches from there on are shared by other workers or ranks: their ordinals are counted on. */
const renumbered = (cursor: Cursor, resized: Plan.Resized | undefined): Plan.Resized | undefined => {
  const { batch, epoch, position } = cursor
  if (batch === 0 && position === 0) return undefined
  const { origin = START } = resized ?? {}
  return { epoch, origin: { ...origin, ordinal: unusedOrdinal(cursor), numberedFrom: batch } }
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
    `at least ${least}, as in the run that the cursor is of: it has taken ${taken === undefined ? "batches" : plural(taken, "batch", "batches")} beyond the ` +
    `end of ${plural(epochs, "epoch")}, which would be lost; or start again without the cursor`
  throw new InvalidOption({ option: "epochs", value: epochs, expected })
}
