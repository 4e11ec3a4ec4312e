/**
 * Runs plain stages over the values of a batch: samples, or behind `batch` the one batch. Each value goes through all
 * stages of a step before the next one starts, so that what a stage makes of a sample is used, and garbage, while it is in
 * the processor's caches.
 *
 * @since 0.1.0
 */

import type { Augment, Mapping, StageContext } from "../../pipeline/Stage.ts"
import { batchOf, kept, settledValue, untouched } from "../../pipeline/StageResult.ts"
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

/**
 * A stage as it is called for each value: what its kind says is settled once for a step, and all kinds are objects of one shape.
 */
class StageCall {
  /** The function of a stage that draws. */
  readonly augment: Augment<unknown, unknown> | undefined
  /** The function of one that does not. */
  readonly map: Mapping<unknown, unknown>
  readonly isFilter: boolean
  readonly context: StageContext
  /** The stage with the seeds of this batch. */
  at: SeededStage

  constructor(stage: PlainStage, at: SeededStage, context: StageContext, around: Around | undefined) {
    this.augment = stage._tag === "Augment" ? augmentOf(stage.run, around) : undefined
    this.map = stage._tag === "Augment" ? itself : mapOf(stage.run, around)
    this.isFilter = stage._tag === "Filter"
    this.context = context
    this.at = at
  }
}

/** What is done before and after each call of a stage, in the runs that need it. */
interface Around {
  readonly enter: () => void
  readonly leave: (value: unknown) => unknown
}

const augmentOf = (run: Augment<unknown, unknown>, around: Around | undefined): Augment<unknown, unknown> => {
  if (around === undefined) return run
  const { enter, leave } = around
  return (value, rng, context) => {
    enter()
    return leave(run(value, rng, context))
  }
}

const mapOf = (run: Mapping<unknown, unknown>, around: Around | undefined): Mapping<unknown, unknown> => {
  if (around === undefined) return run
  const { enter, leave } = around
  return (value, context) => {
    enter()
    return leave(run(value, context))
  }
}

const itself = (value: unknown): unknown => value
const nothing = (): void => undefined

/** Up to three stages of a step that follow one another, and those behind them. */
class StageCalls {
  /** The place of the first one in the step. */
  readonly place: number
  readonly first: StageCall
  readonly second: StageCall | undefined
  readonly third: StageCall | undefined
  readonly behind: StageCalls | undefined
  /** All stages of the step. */
  readonly all: ReadonlyArray<StageCall>

  /** From the stage at `place` on. */
  constructor(all: ReadonlyArray<StageCall>, place = 0) {
    this.all = all
    this.place = place
    this.first = all[place] as StageCall // below the length
    this.second = all[place + 1]
    this.third = all[place + 2]
    this.behind = place + 3 < all.length ? new StageCalls(all, place + 3) : undefined
  }
}

/**
 * Returns what stages make of a value one after another, or {@link LEFT_OUT}.
 *
 * Each of three stages is called at a place of its own in the code. There the compiler sees one function and one kind, so that
 * it can inline the functions and need not allocate what one hands to the next. It stops inlining in a function that has grown
 * too large, so what few runs need, an observer or the label of a batch, is not asked for here but added to the stages'
 * functions.
 */
const through = (
  { behind, first, place, second, third }: StageCalls,
  value: unknown,
  current: CurrentStage
): unknown => {
  let own = value
  current.place = place
  if (first.isFilter) {
    if (!kept(first.map(own, first.context))) return LEFT_OUT
  } else if (first.augment === undefined) own = settledValue(first.map(own, first.context))
  else own = settledValue(first.augment(own, current.rngOf(first.at), first.context))
  if (second === undefined) return own
  current.place = place + 1
  if (second.isFilter) {
    if (!kept(second.map(own, second.context))) return LEFT_OUT
  } else if (second.augment === undefined) own = settledValue(second.map(own, second.context))
  else own = settledValue(second.augment(own, current.rngOf(second.at), second.context))
  if (third === undefined) return own
  current.place = place + 2
  if (third.isFilter) {
    if (!kept(third.map(own, third.context))) return LEFT_OUT
  } else if (third.augment === undefined) own = settledValue(third.map(own, third.context))
  else own = settledValue(third.augment(own, current.rngOf(third.at), third.context))
  return behind === undefined ? own : through(behind, own, current)
}

/** Its methods run within {@link CurrentStage.plain}. @since 0.1.0 */
export class PlainStages {
  readonly #rows: BatchRows
  readonly #binding: SeedBinding
  readonly #current: CurrentStage
  /** By the place of a stage in its step: one that is written to misleads no other stage, and tells which one wrote. */
  readonly #contexts: Array<Context> = []
  /** The stages of each step, by the program's array that they are in. */
  readonly #calls = new Map<ReadonlyArray<PlainStage>, StageCalls>()
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
    const current = this.#current
    const calls = this.#begin(stages, all)
    const alone = rows.careful && rows.scope === "sample"
    const from = rows.valueRows
    let valueRows = from
    let count = 0
    for (let place = 0; place < values.length; place++) {
      const row = from === undefined ? place : (from[place] as number) // as many rows as values
      current.row = row
      const value = alone ? this.#alone(calls, values[place], row) : through(calls, values[place], current)
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
    const calls = this.#begin(stages, all)
    this.#current.row = row
    const value = through(calls, values[place], this.#current)
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

  /** As {@link through}, for a value that fails alone. */
  #alone(calls: StageCalls, value: unknown, row: number): unknown {
    try {
      return through(calls, value, this.#current)
    } catch (thrown) {
      this.#failed(row, thrown)
      return LEFT_OUT
    }
  }

  #failed(row: number, thrown: unknown): void {
    const rows = this.#rows
    rows.fail(row, rows.error(this.#current.stage(), row, unwrapped(thrown)))
  }

  /** 0 … `count − 1`, in memory that the next batch uses again. */
  #upTo(count: number): Array<number> {
    const rows = this.#kept
    for (let row = 0; row < count; row++) rows[row] = row
    return rows
  }

  /** Begins a step: its stages as they are called, each with the seeds of this batch. */
  #begin(stages: ReadonlyArray<PlainStage>, all: ReadonlyArray<SeededStage>): StageCalls {
    this.#current.walk(all)
    const known = this.#calls.get(stages)
    if (known === undefined) {
      const own = stages.map(
        (stage, place) =>
          new StageCall(stage, all[place] as SeededStage, this.#contextAt(place), this.#around(stages, place)) // one for each stage
      )
      const calls = new StageCalls(own)
      this.#calls.set(stages, calls)
      return calls
    }
    for (let place = 0; place < known.all.length; place++) {
      ;(known.all[place] as StageCall).at = all[place] as SeededStage // as above
    }
    return known
  }

  /** Steps are either before `batch` or behind it, and all batches of a builder are observed, or none is. */
  #around(stages: ReadonlyArray<PlainStage>, place: number): Around | undefined {
    const { label, scope } = this.#rows
    const current = this.#current
    const isNamed = scope === "batch" && stages[place]?._tag !== "Filter"
    const isEntered = current.isObserved && stages.length > 1
    if (!(isNamed || isEntered)) return undefined
    return {
      enter: isEntered ? () => current.entered?.(place) : nothing,
      leave: isNamed ? (value) => batchOf(value, label) : itself
    }
  }

  #contextAt(place: number): StageContext {
    this.#contexts[place] ??= contextOf(this.#rows, this.#current)
    return this.#contexts[place]
  }

  /** Throws where a stage of the step has written to its context. */
  #checkContexts(all: ReadonlyArray<SeededStage>): void {
    const { label, runPlan } = this.#rows
    const { workers, world } = runPlan.plan
    for (let place = 0; place < all.length; place++) {
      this.#current.place = place
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
