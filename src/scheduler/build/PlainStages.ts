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

/** The one context of plain stages; what differs from row to row is written anew for each. */
type Context = { -readonly [Key in keyof StageContext]: StageContext[Key] }

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

  /** Goes on to another batch. */
  reset(): void {
    const { batch, epoch } = this.#rows.range
    this.#context.epoch = epoch
    this.#context.batch = batch
  }

  /** Runs a stage over all values. */
  run(stage: PlainStage, at: SeededStage): void {
    const rows = this.#rows
    if (rows.careful && rows.scope === "sample") this.#eachAlone((place, row) => this.#runAt(stage, at, place, row))
    else if (stage._tag === "Filter") this.#filter(stage, at)
    else this.#map(stage, at)
    this.#checkContext()
  }

  /** Replaces each value by what a stage makes of it. */
  #map(stage: PlainStage, at: SeededStage): void {
    const { label, scope, valueRows, values } = this.#rows
    for (let place = 0; place < values.length; place++) {
      const row = valueRows === undefined ? place : (valueRows[place] as number) // as many rows as values
      const value = this.#call(stage, at, values[place], row)
      values[place] = scope === "batch" ? batchOf(value, label) : settledValue(value)
    }
  }

  /** Leaves out the values that a filter does not keep. */
  #filter(stage: PlainStage, at: SeededStage): void {
    const rows = this.#rows
    const { values } = rows
    let valueRows = rows.valueRows
    let count = 0
    for (let place = 0; place < values.length; place++) {
      const row = valueRows === undefined ? place : (valueRows[place] as number) // as many rows as values
      if (!kept(this.#call(stage, at, values[place], row))) {
        valueRows ??= upTo(values.length)
        continue
      }
      if (valueRows !== undefined) {
        values[count] = values[place]
        valueRows[count] = row
      }
      count++
    }
    if (valueRows !== undefined) valueRows.length = count
    values.length = count
    rows.valueRows = valueRows
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
    const { label, scope, values } = this.#rows
    const value = this.#call(stage, at, values[place], row)
    if (stage._tag === "Filter") return kept(value)
    values[place] = scope === "batch" ? batchOf(value, label) : settledValue(value)
    return true
  }

  /** What the function of a stage returns for the value of a row. */
  #call(stage: PlainStage, at: SeededStage, value: unknown, row: number): unknown {
    const rows = this.#rows
    const context = this.#context
    context.ordinal = rows.ordinal + row
    context.position = rows.range.position + row
    context.index = rows.indices[row] as number // a row of the batch
    if (stage._tag === "Augment") return stage.run(value, this.#current.moveTo(at, row), context)
    this.#current.enter(at, row)
    return stage.run(value, context)
  }

  #checkContext(): void {
    const { runPlan, label } = this.#rows
    untouched(this.#context, label, runPlan.plan.world, runPlan.plan.workers)
  }
}

/** 0 … `count − 1`. */
const upTo = (count: number): Array<number> => {
  const all = new Array<number>(count)
  for (let at = 0; at < count; at++) all[at] = at
  return all
}
