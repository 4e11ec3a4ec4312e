/**
 * Writes the cursor of a run at a batch.
 *
 * @since 0.1.0
 */
import { short } from "../../core/Parameters.ts"
import { encode } from "../../sources/stream/Checkpoint.ts"
import { bounded, datasetText, linesOf, pipelineText, policyText } from "../plan/Fingerprint.ts"
import * as Lanes from "../plan/Lanes.ts"
import * as Plan from "../plan/Plan.ts"
import { type RunPlan, rowOf, type StreamPlan } from "../plan/RunPlan.ts"
import type { Cursor } from "./Cursor.ts"
import { checksum, LOST_KEY } from "./CursorFields.ts"

/** How many bytes of a cursor's JSON the fields may take that can be of any length. All of it stays below 1 KB. @since 0.1.0 */
export const MOST = { pipeline: 220, dataset: 200, policy: 60, seed: 60 }

/** The fingerprints of run plans; a cursor may be read after every batch. */
const known = new WeakMap<RunPlan, Cursor["fingerprints"]>()

const hashOf = (sizes: ReadonlyArray<number>): string => short(sizes.join()).slice(0, 8)

/** How many lanes there are, with a hash of their sizes where they are not equal parts of an epoch's samples. */
const lanesText = (sizes: ReadonlyArray<number>, count: number): string => {
  const [own, equal] = [hashOf(sizes), hashOf(Lanes.equal(sizes.length, count))]
  return `${sizes.length} lanes${own === equal ? "" : ` #${own}`}`
}

/** The lanes in a fingerprint of a batch: how many, and a hash of their sizes. @since 0.1.0 */
export const lanesOf = (batch: string): { readonly number: string; readonly sizes: string } => {
  const [, count = "0", number = "no", hash] = / of (\d+)(?:, (\d+) lanes(?: #(\w+))?)?$/.exec(batch) ?? []
  return { number, sizes: hash ?? (number === "no" ? "" : hashOf(Lanes.equal(Number(number), Number(count)))) }
}

/** What a run plan is, field by field. @since 0.1.0 */
export const fingerprints = (runPlan: RunPlan): Cursor["fingerprints"] => {
  const own = known.get(runPlan)
  if (own !== undefined) return own
  const { pipeline, plan, policy, size } = runPlan
  const { batchSize, batches, count, lanes, rank, workers, world } = plan
  const parts = lanes === undefined ? "" : `, ${lanesText(lanes.sizes, count)}`
  const number = batches === undefined ? "batches" : `${batches} batches`
  const whole = runPlan.stream === undefined ? String(count) : "a stream"
  const made = {
    pipeline: pipelineText(linesOf(pipeline), MOST.pipeline),
    dataset: datasetText(pipeline.dataset, size, "full", MOST.dataset),
    policy: bounded(policyText(policy), MOST.policy),
    seed: bounded(policy?.seed ?? "none", MOST.seed),
    batch: `${batchSize} samples, ${number} of ${whole}${parts}`,
    workers: String(workers),
    ranks: `${rank} of ${world}`
  }
  known.set(runPlan, made)
  return made
}

/** What cursors once said of a dataset, with the place of its shards. @since 0.1.0 */
export const placedText = ({ pipeline, size }: RunPlan): string =>
  datasetText(pipeline.dataset, size, "full", MOST.dataset, "placed")

/** What a run tells its cursor. @since 0.1.0 */
export type State = Omit<Cursor, "version" | "position" | "resized" | "sources" | "fingerprints" | "checksum">

/** How many bytes of JSON the name of a source takes at most. */
const SOURCE = 100

/** The name of a source in a cursor. @since 0.1.0 */
export const sourceOf = ({ source }: StreamPlan): string => {
  const name = bounded(source.name, SOURCE)
  // The one key that records lose when they are read.
  return name === LOST_KEY ? JSON.stringify(name) : name
}

/** Where the source of a run stands, if it has one and has to be read from another place than its start. */
const sources = (runPlan: RunPlan, epoch: number, position: number): Pick<Cursor, "sources"> => {
  const { stream } = runPlan
  if (stream === undefined || position === 0) return {}
  const { checkpoints, window } = stream
  const own = checkpoints.best(epoch, Math.floor(rowOf(runPlan, position) / window), window)
  return own === undefined ? {} : { sources: { [sourceOf(stream)]: encode(own) } }
}

/** The cursor of a run plan at a batch. @since 0.1.0 */
export const make = (runPlan: RunPlan, { batch, epoch, ...rest }: State): Cursor => {
  const { plan } = runPlan
  const position = Plan.positionOf(plan, epoch, batch)
  const open: Cursor = {
    version: 2,
    epoch,
    position,
    batch,
    ...(plan.resized?.epoch === epoch ? { resized: plan.resized.origin } : {}),
    ...rest,
    ...sources(runPlan, epoch, position),
    fingerprints: fingerprints(runPlan),
    checksum: ""
  }
  return { ...open, checksum: checksum(open) }
}
