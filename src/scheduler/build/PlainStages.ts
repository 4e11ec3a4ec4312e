/**
 * Runs plain stages over the values of a batch: samples, or behind `batch` the one batch.
 *
 * @since 0.1.0
 */

import type { StageContext } from "../../pipeline/Stage.ts"
import { batchOf, kept, settledValue, untouched } from "../../pipeline/StageResult.ts"
import type * as Rng from "../../random/Rng.ts"
import type { FusedStep, PlainStage } from "../plan/Program.ts"
import type { BatchRows } from "./BatchRows.ts"
import type { CurrentStage } from "./CurrentStage.ts"
import type { SeedBinding, SeededStage } from "./SeedBinding.ts"
import { unwrapped } from "./Work.ts"

/** The one context of a batch's plain stages; what differs from row to row is written anew for each. */
interface Context extends StageContext {
  ordinal: number
  position: number
  index: number
}

/** Its methods run within {@link CurrentStage.plain}. @since 0.1.0 */
export class PlainStages {
  readonly #rows: BatchRows
  readonly #binding: SeedBinding
  readonly #current: CurrentStage
  readonly #context: Context

  constructor(rows: BatchRows, binding: SeedBinding, current: CurrentStage) {
    this.#rows = rows
    this.#binding = binding
    this.#current = current
    const { runPlan, ordinal, range, worker } = rows
    const { batch, epoch, position } = range
    const { rank, workers, world } = runPlan.plan
    this.#context = { epoch, rank, world, worker, workers, batch, ordinal, position, index: 0 }
  }

  /** Runs a stage over all values. */
  run(stage: PlainStage, at: SeededStage): void {
    const rows = this.#rows
    if (rows.careful && rows.scope === "sample") {
      this.#eachAlone((place, row) => this.#runAt(stage, at, place, row))
    } else {
      const { values } = rows
      let count = 0
      for (let place = 0; place < values.length; place++) {
        const row = rows.rowOf(place)
        if (!this.#runAt(stage, at, place, row)) {
          rows.valueRows ??= Array.from(values.keys())
          continue
        }
        if (count < place && rows.valueRows !== undefined) {
          values[count] = values[place]
          rows.valueRows[count] = row
        }
        count++
      }
      if (count < values.length) {
        values.length = count
        if (rows.valueRows !== undefined) rows.valueRows.length = count
      }
    }
    this.#checkContext()
  }

  /** Runs a stage over the value at a place; returns whether it is kept. */
  runOne(stage: PlainStage, at: SeededStage, place: number, row: number): boolean {
    const keeps = this.#runAt(stage, at, place, row)
    this.#checkContext()
    return keeps
  }

  /** Runs stages that are fused into one step over all values; `all` are the stages of the step, with their seeds. */
  runFused({ fused }: FusedStep, all: ReadonlyArray<SeededStage>): void {
    const rows = this.#rows
    const current = this.#current
    const rngAt = (stage: number, place: number): Rng.Rng =>
      current.moveTo(all[stage] as SeededStage, rows.rowOf(place)) // as many as the step has stages
    if (!rows.careful || rows.scope === "batch") {
      rows.adoptable = fused.run(rows.values, rngAt)
      return
    }
    if (!fused.userCode) {
      const mark = this.#binding.mark
      try {
        rows.adoptable = fused.run(rows.values, rngAt)
        return
      } catch {
        // No function of the user's has been called, so each sample can be run alone to see which ones fail.
        this.#binding.rewind(mark)
      }
    }
    this.#eachAlone((place, row) => {
      const one = [rows.values[place]]
      fused.run(one, (stage) => current.moveTo(all[stage] as SeededStage, row)) // as above
      rows.values[place] = one[0]
      return true
    })
  }

  /** Takes each value through `run`, which returns whether it is kept; one that fails does so alone. */
  #eachAlone(run: (place: number, row: number) => boolean): void {
    const rows = this.#rows
    const count = rows.values.length
    const dropped = new Set<number>()
    for (let place = 0; place < count; place++) {
      const row = rows.rowOf(place)
      try {
        if (run(place, row)) continue
      } catch (thrown) {
        rows.fail(row, rows.error(this.#current.stage(), row, unwrapped(thrown)))
      }
      dropped.add(place)
    }
    if (dropped.size > 0) rows.drop(dropped)
  }

  #runAt(stage: PlainStage, at: SeededStage, place: number, row: number): boolean {
    const rows = this.#rows
    const { values } = rows
    const context = this.#context
    const rng = this.#current.moveTo(at, row)
    context.ordinal = rows.ordinal + row
    context.position = rows.range.position + row
    context.index = rows.indices[row] as number // a row of the batch
    if (stage._tag === "Filter") return kept(stage.run(values[place], context))
    const value = stage._tag === "Augment" ? stage.run(values[place], rng, context) : stage.run(values[place], context)
    values[place] = rows.scope === "batch" ? batchOf(value, rows.label) : settledValue(value)
    return true
  }

  #checkContext(): void {
    const { runPlan, label } = this.#rows
    untouched(this.#context, label, runPlan.plan.world, runPlan.plan.workers)
  }
}
