/**
 * The random streams that a worker continues from sample to sample, under a policy that seeds workers and not samples (as
 * PyTorch's loader does).
 *
 * @since 0.1.0
 */
import { FORK } from "../../patches/Ambient.ts"
import * as Rng from "../../random/Rng.ts"
import type { Seed } from "../../random/Seed.ts"
import type { Carries } from "../../seeding/Service.ts"
import * as Plan from "../plan/Plan.ts"
import type { RunPlan } from "../plan/RunPlan.ts"
import { type RowRange, rowsOf } from "./RowRange.ts"

/** @since 0.1.0 */
export class CarriedStreams {
  readonly #span: Carries
  readonly #rngs = new Map<string, Rng.Rng>()
  #epoch = 0

  constructor(span: Carries) {
    this.#span = span
  }

  /** Is called before each batch, with its epoch; streams that end with their epoch end here. */
  enter(epoch: number): void {
    if (this.#span === "epoch" && epoch !== this.#epoch) this.#rngs.clear()
    this.#epoch = epoch
  }

  /** The stream of a slot, started at `seed` where it is not under way. */
  at(slot: string, seed: Seed): Rng.Rng {
    return this.#known(slot, () => {
      const rng = Rng.make(seed)
      // By what it draws and not by where it started, else the forks of one name would be the same for all samples.
      rng.fork = (name) => seeded(rng).fork(name)
      return rng
    })
  }

  /** The stream beside a slot's for ambient randomness, which then moves none of the stage's own draws. */
  ambient(slot: string, seed: Seed): Rng.Rng {
    return this.#known(`${slot}, ambient`, () => Rng.make(seed).fork(FORK))
  }

  #known(slot: string, start: () => Rng.Rng): Rng.Rng {
    let rng = this.#rngs.get(slot)
    if (rng === undefined) {
      rng = start()
      this.#rngs.set(slot, rng)
    }
    return rng
  }
}

const seeded = (rng: Rng.Rng): Rng.Rng =>
  Rng.make({ algorithm: "philox4x32-10", words: [rng.word(), rng.word(), rng.word(), rng.word(), 0, 0] })

/** A batch of a run. @since 0.1.0 */
export interface BatchPlace {
  readonly epoch: number
  readonly batch: number
}

/**
 * The rows of the batches that a worker has to build before it builds `batch`, so that its streams stand where they stood:
 * those from `from` on, or all; none if the policy carries no streams. Throws what {@link rowsOf} throws.
 *
 * @since 0.1.0
 */
export const earlier = (
  runPlan: RunPlan,
  worker: number,
  { batch, epoch }: BatchPlace,
  from: BatchPlace = { epoch: 0, batch: 0 }
): ReadonlyArray<RowRange> => {
  const { plan, policy } = runPlan
  const all: Array<RowRange> = []
  if (policy?.carries === undefined) return all
  for (let at = policy.carries === "run" ? from.epoch : epoch; at <= epoch; at++) {
    for (
      let own = Plan.batchOf(plan, worker, at === from.epoch ? from.batch : 0);
      at < epoch || own < batch;
      own = Plan.batchOf(plan, worker, own + 1)
    ) {
      const range = rowsOf(runPlan, worker, at, own)
      if (range === undefined) break
      if (range.size > 0) all.push(range)
    }
  }
  return all
}
