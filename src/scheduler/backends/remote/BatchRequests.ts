/**
 * The requests of a run's batches: which samples are in them, and the seeds that their stages start from. Samples of a stream,
 * which is read on this side, go along.
 *
 * The order of an epoch is asked for on this side, and so are all seeds of a policy whose function cannot be sent: policies
 * and test doubles work as they do on fibers, and members get data. Seeds of Furrow's own policies are derived by the
 * members: for small batches they are half of what a request costs. Where an audit observes them, members send them back
 * with the batch that was built with them.
 *
 * @since 0.1.0
 */
import type { CoordinatesError, StageId } from "../../../seeding/Coordinates.ts"
import { ask, derivationOf, observed } from "../../../seeding/Service.ts"
import type { Observer } from "../../build/Observer.ts"
import type { RowRange } from "../../build/RowRange.ts"
import { checkSize, writeIndices } from "../../build/SampleIndices.ts"
import { ensuring, TypedFailure } from "../../build/Work.ts"
import type { RunPlan } from "../../plan/RunPlan.ts"
import { type Rows, requestAt } from "../../plan/SeedRequest.ts"
import type { BatchRequest, StageSeeds } from "./Protocol.ts"
import { encodeSamples } from "./SampleCodec.ts"

/** A stage that seeds are asked for. */
interface Drawing {
  readonly id: StageId
  readonly scope: "sample" | "batch"
}

/** @since 0.1.0 */
export class BatchRequests {
  readonly #runPlan: RunPlan
  readonly #observer: Observer | undefined
  readonly #drawing: ReadonlyArray<Drawing>
  /** Whether members derive their seeds. */
  readonly #areDerived: boolean

  constructor(runPlan: RunPlan, observer: Observer | undefined) {
    this.#runPlan = runPlan
    this.#observer = observer
    const { policy } = runPlan
    this.#drawing = policy === undefined ? [] : drawing(runPlan)
    this.#areDerived = policy !== undefined && derivationOf(policy) !== undefined
  }

  /** The request for a batch. Throws a `TypedFailure` with the error of the policy or the sampler. */
  make(worker: number, { batch, epoch, ordinal, position, size, streamed }: RowRange): BatchRequest {
    checkSize(this.#runPlan, { epoch, batch })
    const indices = new Float64Array(size)
    const rows: Rows = { epoch, worker, batch, position, ordinal, indices, rows: undefined }
    const observer = this.#observer?.batch(epoch, batch, worker)
    observer?.begin("sample")
    ensuring(
      () => writeIndices(this.#runPlan, rows, streamed),
      (failed) => observer?.end(failed)
    )
    const request = { epoch, batch, worker, position, ordinal, indices, seeds: this.#seeds(rows) }
    if (streamed !== undefined) {
      return { ...request, samples: encodeSamples(size, (row) => streamed.sampleAt(position + row)) }
    }
    return rows.rows === undefined ? request : { ...request, rows: rows.rows }
  }

  /** Tells the policy of the seeds that a member has derived for a request; returns the error of what it throws. */
  observe({ rows, ...request }: BatchRequest, seeds: StageSeeds): CoordinatesError | undefined {
    const { policy } = this.#runPlan
    if (policy === undefined) return undefined
    for (const [stage, own] of seeds) {
      const asking = this.#drawing.find(({ id }) => id.name === stage)
      if (asking === undefined) continue
      const told = observed(policy, requestAt(this.#runPlan, asking.id, asking.scope, { ...request, rows }), own)
      if (told._tag === "Left") return told.left
    }
    return undefined
  }

  #seeds(rows: Rows): StageSeeds {
    const { policy } = this.#runPlan
    if (policy === undefined || this.#areDerived) return []
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
