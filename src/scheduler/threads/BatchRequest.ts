/**
 * What a thread is told of a batch: which samples are in it, and the seeds that its stages start from.
 *
 * The order of an epoch and all seeds are asked for on this side, so that policies, audits and test doubles work as they
 * do on fibers; the thread gets them as data.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Ambient from "../../seeding/Ambient.ts"
import type { StageId } from "../../seeding/Coordinates.ts"
import { type Seeds, seedsNow } from "../../seeding/SeedPolicy.ts"
import { sampling } from "../Idle.ts"
import type { Job } from "../Job.ts"
import type { Failure } from "../Maker.ts"
import { Making } from "../Making.ts"
import * as Plan from "../Plan.ts"
import { requestAt } from "../Request.ts"
import { DatasetChanged } from "../StageError.ts"
import type { Make } from "./Protocol.ts"

/** A stage whose rows start from seeds. */
interface Drawing {
  readonly id: StageId
  readonly scope: "sample" | "batch"
}

/**
 * Makes the requests for one worker's batches.
 *
 * @since 0.1.0
 */
export class BatchRequests {
  readonly #job: Job
  readonly #worker: number
  /** The stages that seeds are asked for. */
  readonly #drawing: ReadonlyArray<Drawing>
  readonly #choosing: Ambient.AtWork

  constructor(job: Job, worker: number) {
    this.#job = job
    this.#worker = worker
    this.#drawing = drawing(job)
    this.#choosing = sampling(job.pipeline.ambient)
  }

  /** The request for a batch of `size` samples from `position` on. */
  make(epoch: number, batch: number, position: number, size: number): Effect.Effect<Make, Failure> {
    return Effect.gen(this, function* () {
      const { pipeline, policy, size: before } = this.#job
      const { name, size: now } = pipeline.dataset
      if (now !== before) return yield* new DatasetChanged({ dataset: name, from: before, to: now, epoch, batch })
      const making = new Making(this.#job, this.#worker, epoch, batch, position, size, undefined)
      yield* making.choose()
      const { indices } = making
      const seeds: Array<readonly [string, Seeds]> = []
      const rows = { epoch, worker: this.#worker, batch, position, indices }
      for (const { id, scope } of this.#drawing) {
        if (policy === undefined) break
        seeds.push([id.name, yield* policy.seeds(requestAt(this.#job, id, scope, rows))])
      }
      return { _tag: "Make", epoch, batch, indices, seeds, free: [] }
    })
  }

  /** The same without an effect. Returns `undefined`, without side effects that last, if it takes one. */
  makeNow(epoch: number, batch: number): Make | undefined {
    const { known, pipeline, plan, policy, size: before, watch } = this.#job
    const { position, size } = Plan.rows(plan, batch)
    const order = policy?.record === undefined ? known(epoch) : undefined
    if (order === undefined || size === 0) return undefined
    try {
      if (pipeline.dataset.size !== before) return undefined
      const started = watch.times === undefined ? 0 : performance.now()
      const indices = new Float64Array(size)
      Ambient.plain(this.#choosing, () => {
        for (let row = 0; row < size; row++) indices[row] = order(position + row)
      })
      watch.times?.add("sample", performance.now() - started)
      const seeds: Array<readonly [string, Seeds]> = []
      const rows = { epoch, worker: this.#worker, batch, position, indices }
      for (const { id, scope } of this.#drawing) {
        if (policy === undefined) break
        const own = seedsNow(policy, requestAt(this.#job, id, scope, rows))
        if (own === undefined) return undefined
        seeds.push([id.name, own])
      }
      return { _tag: "Make", epoch, batch, indices, seeds, free: [] }
    } catch {
      return undefined
    }
  }
}

const drawing = ({ pipeline: { ambient, stages } }: Job): ReadonlyArray<Drawing> => {
  const batching = stages.findIndex(({ _tag }) => _tag === "Batch")
  return stages.flatMap((stage, place) =>
    stage._tag === "Sample" || !(stage.draws || ambient === "derive")
      ? []
      : [{ id: stage.id, scope: place < batching ? "sample" : "batch" }]
  )
}
