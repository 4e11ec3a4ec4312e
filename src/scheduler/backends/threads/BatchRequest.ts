/**
 * What a thread is told of a batch: which samples are in it, and the seeds that its stages start from.
 *
 * The order of an epoch and all seeds are asked for on this side, so that policies, audits and test doubles work as they
 * do on fibers; the thread gets them as data.
 *
 * @since 0.1.0
 */
import type { StageId } from "../../../seeding/Coordinates.ts"
import type { Seeds } from "../../../seeding/Request.ts"
import { ask } from "../../../seeding/Service.ts"
import type { Observer } from "../../build/Observer.ts"
import type { RowRange } from "../../build/RowRange.ts"
import { writeIndices } from "../../build/SampleIndices.ts"
import { DatasetChanged } from "../../build/StageError.ts"
import { ensuring, TypedFailure } from "../../build/Work.ts"
import type { RunPlan } from "../../plan/RunPlan.ts"
import { type Rows, requestAt } from "../../plan/SeedRequest.ts"
import type { Make } from "./Protocol.ts"

/** A stage whose rows start from seeds. */
interface Drawing {
  readonly id: StageId
  readonly scope: "sample" | "batch"
}

/**
 * Makes the requests for one worker's batches. They throw a `TypedFailure`.
 *
 * @since 0.1.0
 */
export class BatchRequests {
  readonly #runPlan: RunPlan
  readonly #worker: number
  readonly #observer: Observer | undefined
  /** The stages that seeds are asked for. */
  readonly #drawing: ReadonlyArray<Drawing>

  constructor(runPlan: RunPlan, worker: number, observer: Observer | undefined) {
    this.#runPlan = runPlan
    this.#worker = worker
    this.#observer = observer
    this.#drawing = drawing(runPlan)
  }

  /** Returns the request for a batch: the samples that stand in it, and the seeds that they start from. */
  make({ batch, epoch, ordinal, position, size }: RowRange): Make {
    const { pipeline, size: before } = this.#runPlan
    const { name, size: now } = pipeline.dataset
    const indices = new Float64Array(size)
    const rows: Rows = { epoch, worker: this.#worker, batch, position, ordinal, indices, rows: undefined }
    if (now !== before) {
      throw new TypedFailure(new DatasetChanged({ dataset: name, from: before, to: now, epoch, batch }))
    }
    const observed = this.#observer?.batch(epoch, batch, this.#worker)
    observed?.begin("sample")
    ensuring(
      () => writeIndices(this.#runPlan, rows),
      (failed) => observed?.end(failed)
    )
    return { _tag: "Make", epoch, batch, position, ordinal, indices, seeds: this.#seeds(rows), free: [] }
  }

  /** Asks the policy for the seeds of all stages that draw. */
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
