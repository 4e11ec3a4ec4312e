/**
 * The requests of a run's batches: which samples are in them, and the seeds that their stages start from.
 *
 * The order of an epoch is asked for on this side, and so are all seeds of a policy whose function cannot be sent, or that
 * an audit observes: policies, audits and test doubles work as they do on fibers, and members get data. Seeds of Furrow's
 * own policies are derived by the members: for small batches they are half of what a request costs.
 *
 * @since 0.1.0
 */
import type { StageId } from "../../../seeding/Coordinates.ts"
import type { Seeds } from "../../../seeding/Request.ts"
import { ask, derivationOf } from "../../../seeding/Service.ts"
import type { Observer } from "../../build/Observer.ts"
import type { RowRange } from "../../build/RowRange.ts"
import { checkSize, writeIndices } from "../../build/SampleIndices.ts"
import { ensuring, TypedFailure } from "../../build/Work.ts"
import type { RunPlan } from "../../plan/RunPlan.ts"
import { type Rows, requestAt } from "../../plan/SeedRequest.ts"
import type { BatchRequest } from "./Protocol.ts"

/** A stage that seeds are asked for. */
interface Drawing {
  readonly id: StageId
  readonly scope: "sample" | "batch"
}

/** @since 0.1.0 */
export class BatchRequests {
  readonly #runPlan: RunPlan
  readonly #observer: Observer | undefined
  /** Those of which the seeds are asked for here. */
  readonly #drawing: ReadonlyArray<Drawing>

  constructor(runPlan: RunPlan, observer: Observer | undefined) {
    this.#runPlan = runPlan
    this.#observer = observer
    const { policy } = runPlan
    this.#drawing = policy === undefined || derivationOf(policy) !== undefined ? [] : drawing(runPlan)
  }

  /** The request for a batch. Throws a `TypedFailure` with the error of the policy or the sampler. */
  make(worker: number, { batch, epoch, ordinal, position, size }: RowRange): BatchRequest {
    checkSize(this.#runPlan, { epoch, batch })
    const indices = new Float64Array(size)
    const rows: Rows = { epoch, worker, batch, position, ordinal, indices, rows: undefined }
    const observer = this.#observer?.batch(epoch, batch, worker)
    observer?.begin("sample")
    ensuring(
      () => writeIndices(this.#runPlan, rows),
      (failed) => observer?.end(failed)
    )
    const request = { epoch, batch, worker, position, ordinal, indices, seeds: this.#seeds(rows) }
    return rows.rows === undefined ? request : { ...request, rows: rows.rows }
  }

  #seeds(rows: Rows): ReadonlyArray<readonly [string, Seeds]> {
    const { policy } = this.#runPlan
    if (policy === undefined) return []
    return this.#drawing.map(({ id, scope }) => {
      const seeds = ask(policy, requestAt(this.#runPlan, id, scope, rows))
      if (seeds._tag === "Left") throw new TypedFailure(seeds.left)
      return [id.name, seeds.right]
    })
  }
}

const drawing = ({ pipeline: { ambient, stages } }: RunPlan): ReadonlyArray<Drawing> => {
  const batching = stages.findIndex(({ _tag }) => _tag === "Batch")
  return stages.flatMap((stage, place) =>
    stage._tag === "Sample" || !(stage.draws || ambient === "derive")
      ? []
      : [{ id: stage.id, scope: place < batching ? "sample" : "batch" }]
  )
}
