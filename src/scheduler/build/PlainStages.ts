/**
 * Runs plain stages over the values of a batch: samples, or behind `batch` the one batch. Each value goes through all
 * stages of a step before the next one starts, so that what a stage makes of a sample is used, and garbage, while it is in
 * the processor's caches.
 *
 * @since 0.1.0
 */

import type { StageContext } from "../../pipeline/Stage.ts"
import { batchOf, kept, type Label, settledValue, untouched } from "../../pipeline/StageResult.ts"
import type * as Rng from "../../random/Rng.ts"
import type { FusedStep, PlainStage, PlainStep } from "../plan/Program.ts"
import type { BatchRows } from "./BatchRows.ts"
import type { CurrentStage } from "./CurrentStage.ts"
import type { SeedBinding, SeededStage } from "./SeedBinding.ts"
import { unwrapped } from "./Work.ts"

/** The context of a stage, one object for all batches: what differs from batch to batch is overwritten. */
type Context = { -readonly [Key in keyof StageContext]: StageContext[Key] }

/** In the place of a value that a filter leaves out, or that failed alone. */
const LEFT_OUT: unique symbol = Symbol("left out")

/** Its methods run within {@link CurrentStage.plain}. @since 0.1.0 */
export class PlainStages {
  readonly #rows: BatchRows
  readonly #binding: SeedBinding
  readonly #current: CurrentStage
  /** By the place of a stage in its step: one that is written to misleads no other stage, and tells which one wrote. */
  readonly #contexts: Array<Context> = []
  /** Memory for the rows of a batch of which values are left out. */
  readonly #kept: Array<number> = []

  constructor(rows: BatchRows, binding: SeedBinding, current: CurrentStage) {
    this.#rows = rows
    this.#binding = binding
    this.#current = current
  }

  /** Goes on to another batch. */
  reset(): void {
    const { batch, epoch } = this.#rows.range
    for (const context of this.#contexts) {
      context.epoch = epoch
      context.batch = batch
    }
  }

  /** Takes each value through the stages of a step, `all` of which have their seeds. */
  run({ stages }: PlainStep, all: ReadonlyArray<SeededStage>): void {
    const rows = this.#rows
    const { values } = rows
    this.#haveContexts(stages.length)
    const alone = rows.careful && rows.scope === "sample"
    const entered = stages.length > 1 ? this.#current.entered : undefined
    const from = rows.valueRows
    let valueRows = from
    let count = 0
    for (let place = 0; place < values.length; place++) {
      const row = from === undefined ? place : (from[place] as number) // as many rows as values
      const value = alone
        ? this.#alone(stages, all, values[place], row, entered)
        : this.#through(stages, all, values[place], row, entered)
      if (value === LEFT_OUT) {
        valueRows ??= this.#upTo(place)
        continue
      }
      values[count] = value
      if (valueRows !== undefined) valueRows[count] = row
      count++
    }
    if (valueRows !== undefined) valueRows.length = count
    values.length = count
    rows.valueRows = valueRows
    this.#checkContexts(all)
  }

  /** Takes the value at a place through the stages of a step; returns whether it is kept. */
  runOne({ stages }: PlainStep, all: ReadonlyArray<SeededStage>, place: number, row: number): boolean {
    const { values } = this.#rows
    this.#haveContexts(stages.length)
    const value = this.#through(stages, all, values[place], row, undefined)
    this.#checkContexts(all)
    if (value === LEFT_OUT) return false
    values[place] = value
    return true
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
    const dropped = new Set<number>()
    for (let place = 0; place < rows.values.length; place++) {
      const row = rows.rowOf(place)
      const one = [rows.values[place]]
      try {
        fused.run(one, (stage) => current.moveTo(all[stage] as SeededStage, row)) // as above
        rows.values[place] = one[0]
      } catch (thrown) {
        this.#failed(row, thrown)
        dropped.add(place)
      }
    }
    if (dropped.size > 0) rows.drop(dropped)
  }

  /** As {@link #through}, for a value that fails alone. */
  #alone(
    stages: ReadonlyArray<PlainStage>,
    all: ReadonlyArray<SeededStage>,
    value: unknown,
    row: number,
    entered: ((place: number) => void) | undefined
  ): unknown {
    try {
      return this.#through(stages, all, value, row, entered)
    } catch (thrown) {
      this.#failed(row, thrown)
      return LEFT_OUT
    }
  }

  #failed(row: number, thrown: unknown): void {
    const rows = this.#rows
    rows.fail(row, rows.error(this.#current.stage(), row, unwrapped(thrown)))
  }

  /** Returns what stages make of the value of a row one after another, or {@link LEFT_OUT}. */
  #through(
    stages: ReadonlyArray<PlainStage>,
    all: ReadonlyArray<SeededStage>,
    value: unknown,
    row: number,
    entered: ((place: number) => void) | undefined
  ): unknown {
    const label = this.#rows.scope === "batch" ? this.#rows.label : undefined
    const current = this.#current
    const contexts = this.#contexts
    let own = value
    current.row = row
    for (let place = 0; place < stages.length; place++) {
      const stage = stages[place] as PlainStage // below the length
      const at = all[place] as SeededStage // one for each stage
      const context = contexts[place] as StageContext // one for each stage
      entered?.(place)
      current.blame(at)
      const made = stage._tag === "Augment" ? stage.run(own, current.rngOf(at), context) : stage.run(own, context)
      own = resultOf(stage, own, made, label)
      if (own === LEFT_OUT) return own
    }
    return own
  }

  /** 0 … `count − 1`, in memory that the next batch uses again. */
  #upTo(count: number): Array<number> {
    const rows = this.#kept
    for (let row = 0; row < count; row++) rows[row] = row
    return rows
  }

  /** Has a context for each stage of a step. */
  #haveContexts(count: number): void {
    while (this.#contexts.length < count) this.#contexts.push(contextOf(this.#rows, this.#current))
  }

  /** Throws where a stage of the step has written to its context. */
  #checkContexts(all: ReadonlyArray<SeededStage>): void {
    const { label, runPlan } = this.#rows
    const { workers, world } = runPlan.plan
    for (let place = 0; place < all.length; place++) {
      this.#current.blame(all[place] as SeededStage) // below the length
      untouched(this.#contexts[place] as StageContext, label, world, workers) // one for each stage
    }
  }
}

/**
 * The context of a stage. What differs from row to row is had when it is read, as most stages read nothing of it; written to
 * it changes nothing.
 */
const contextOf = (rows: BatchRows, current: CurrentStage): Context => {
  const { range, runPlan, worker } = rows
  const { rank, workers, world } = runPlan.plan
  return {
    epoch: range.epoch,
    rank,
    world,
    worker,
    workers,
    batch: range.batch,
    get ordinal() {
      return rows.ordinal + current.row
    },
    set ordinal(_: number) {},
    get position() {
      return rows.range.position + current.row
    },
    set position(_: number) {},
    get index() {
      return rows.indices[current.row] as number // a row of the batch
    },
    set index(_: number) {}
  }
}

/** What a stage makes of a value. */
const resultOf = ({ _tag }: PlainStage, value: unknown, made: unknown, label: Label | undefined): unknown => {
  if (_tag === "Filter") return kept(made) ? value : LEFT_OUT
  return label === undefined ? settledValue(made) : batchOf(made, label)
}
