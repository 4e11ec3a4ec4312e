/**
 * Tells a dataset which samples the batch that is built and those behind it will ask for, so that it reads them ahead. It is a
 * hint: a batch is the same whatever becomes of it.
 *
 * @since 0.1.0
 */
import * as Ambient from "../../patches/Ambient.ts"
import type { ReadAhead } from "../../sources/RandomAccess.ts"
import * as Plan from "../plan/Plan.ts"
import type { RunPlan } from "../plan/RunPlan.ts"
import type { BatchPlace } from "./CarriedStreams.ts"

/** Samples of a block come in numbers, so a sample of them names all blocks: every so many-th, and more rarely in large blocks. */
const STRIDE = 8
const MOST_STRIDE = 64
const PER_LARGE_BLOCK = 64

/** So many samples are told with one batch, at most. */
const MOST = 1024

/** @since 0.1.0 */
export class Lookahead {
  readonly #runPlan: RunPlan
  readonly #expect: ReadAhead["expect"]
  readonly #turn: ReadAhead["turn"]
  readonly #stride: number
  #epoch = -1
  /** The sample that is told next: a batch, and a row of it. */
  #batch = 0
  #row = 0

  constructor(runPlan: RunPlan, { expect, narrow, turn }: ReadAhead) {
    const { blocks } = runPlan.pipeline.dataset
    if (blocks !== undefined) narrow?.(blocks, (index) => index)
    const rows = blocks === undefined ? 1 : runPlan.size / Math.max(1, blocks.length - 1)
    this.#runPlan = runPlan
    this.#expect = expect
    this.#turn = turn
    this.#stride = Math.max(
      1,
      Math.min(STRIDE, Math.floor(rows / 4)),
      Math.min(MOST_STRIDE, Math.floor(rows / PER_LARGE_BLOCK))
    )
  }

  /** A batch is about to be built. Each sample is told once, however many batches there are in between. */
  from({ batch, epoch }: BatchPlace): void {
    this.#turn?.()
    if (epoch < this.#epoch) return
    if (epoch > this.#epoch || batch > this.#batch) {
      this.#epoch = epoch
      this.#batch = batch
      this.#row = 0
    }
    try {
      this.#tell()
    } catch {
      // What a sampler or a cut of batches throws is told by the batch that comes to it: it is asked the same again.
      this.#batch = Number.POSITIVE_INFINITY
    }
  }

  #tell(): void {
    const { order, pipeline, plan } = this.#runPlan
    // Cuts of a stage are a list that grows from batch to batch.
    if (plan.batches === undefined || this.#batch >= plan.batches) return
    const found = order(this.#epoch)
    if (found._tag === "Left") return
    const indexAt = found.right
    const atWork = Ambient.sampling(pipeline.ambient)
    let share = Plan.share(plan, this.#epoch, this.#batch)
    for (let told = 0; told < MOST && share !== undefined; ) {
      if (this.#row >= share.size) {
        this.#row -= share.size
        this.#batch++
        share = Plan.share(plan, this.#epoch, this.#batch)
        continue
      }
      // Only the sampler is governed: the read of a block begins in `expect`, and a store may draw.
      const before = Ambient.enter(atWork)
      let index: number
      try {
        index = indexAt(share.position + this.#row)
      } finally {
        Ambient.leave(before)
      }
      if (!this.#expect(index)) return
      this.#row += this.#stride
      told++
    }
  }
}
