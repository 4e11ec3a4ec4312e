/**
 * Takes each sample through all stages on its own: one after the other where streams continue from sample to sample,
 * several at once where each has a time limit.
 *
 * @since 0.1.0
 */
import * as Ambient from "../../patches/Ambient.ts"
import { readOne } from "../../sources/EffectDataset.ts"
import { isPlain } from "../../sources/RandomAccess.ts"
import { unsettledSample } from "../../sources/SettledSample.ts"
import type { EffectStep, PlainStep, Program } from "../plan/Program.ts"
import type { BatchRows } from "./BatchRows.ts"
import type { CurrentStage } from "./CurrentStage.ts"
import type { EffectStages } from "./EffectStages.ts"
import type { PlainStages } from "./PlainStages.ts"
import { READ_AT_ONCE, unsettledAt } from "./ReadSamples.ts"
import type { StreamedRows } from "./RowRange.ts"
import type { SeedBinding, SeededStage } from "./SeedBinding.ts"
import { type StageError, TimedOut } from "./StageError.ts"
import { all, andThen, around, catchAll, fromEffect, type Later, TypedFailure, type Work, within } from "./Work.ts"

/**
 * Whether samples are made each in its own time: they have a time limit, and there is something to interrupt, an
 * effectful dataset or stage.
 *
 * @since 0.1.0
 */
export const timesSamples = ({ limits, runPlan }: BatchRows, { alone, inOrder }: Program): boolean =>
  limits.sample !== undefined &&
  !inOrder &&
  ((!isPlain(runPlan.pipeline.dataset) && runPlan.stream === undefined) || alone.some(({ _tag }) => _tag === "Effect"))

/** A step with the seeds of its stages. */
interface SeededStep {
  readonly step: PlainStep | EffectStep
  readonly all: ReadonlyArray<SeededStage>
}

/** @since 0.1.0 */
export class SampleBySample {
  readonly #rows: BatchRows
  readonly #binding: SeedBinding
  readonly #current: CurrentStage
  readonly #plain: PlainStages
  readonly #effects: EffectStages

  constructor(rows: BatchRows, binding: SeedBinding, current: CurrentStage, plain: PlainStages, effects: EffectStages) {
    this.#rows = rows
    this.#binding = binding
    this.#current = current
    this.#plain = plain
    this.#effects = effects
  }

  /** Takes each sample through all steps before the next one starts, in the order in which streams continue. */
  inOrder(steps: ReadonlyArray<PlainStep | EffectStep>): Work<void, StageError> {
    const rows = this.#rows
    const seeded = this.#bind(steps)
    const dropped = new Set<number>()
    const from = (place: number): Work<void, StageError> => {
      for (let at = place; at < rows.values.length; at++) {
        const kept = this.#through(seeded, at, rows.rowOf(at))
        if (kept === false) dropped.add(at)
        else if (kept !== true) {
          return andThen(kept, (keeps) => {
            if (!keeps) dropped.add(at)
            return from(at + 1)
          })
        }
      }
      if (dropped.size > 0) rows.drop(dropped)
    }
    return from(0)
  }

  /**
   * Reads the samples of the rows `only`, or of all rows, and takes them through the steps before `batch`: each within
   * the time limit of a sample, several at once.
   */
  inTime(steps: ReadonlyArray<PlainStep | EffectStep>, only: Array<number> | undefined): Work<void, StageError> {
    const rows = this.#rows
    const own = only ?? Array.from(rows.indices.keys())
    const seeded = this.#bind(steps)
    rows.values = new Array<unknown>(own.length)
    rows.valueRows = own
    const made = all<boolean, StageError>(
      own.length,
      atOnce(steps),
      (place) => this.#inTime(seeded, place, own[place] as number), // below the length
      (place, { cause, failure }) => {
        if (failure === undefined) throw cause
        rows.failed.set(own[place] as number, failure) // as above
        return false
      }
    )
    return andThen(around(made, Ambient.services), (kept) => {
      rows.assembleByRow()
      rows.drop(new Set(kept.flatMap((keeps, place) => (keeps ? [] : [place]))))
    })
  }

  #bind(steps: ReadonlyArray<PlainStep | EffectStep>): ReadonlyArray<SeededStep> {
    return steps.map((step) => ({ step, all: this.#binding.bind(step.stages, "sample") }))
  }

  /** Reads a sample and takes it through steps, within its time limit; gives whether it is kept. */
  #inTime(steps: ReadonlyArray<SeededStep>, place: number, row: number): Work<boolean, StageError> {
    const rows = this.#rows
    const { dataset } = rows.runPlan.pipeline
    const after = rows.limits.sample ?? Number.POSITIVE_INFINITY
    let stage = "dataset"
    const { streamed } = rows.range
    const read: Work<unknown, StageError> =
      streamed === undefined
        ? this.#located(
            stage,
            row,
            fromEffect(() => readOne(dataset, rows.indices[row] as number)) // a row of the batch
          )
        : this.#streamed(streamed, row)
    const made = andThen(read, (value) => {
      const found = unsettledSample([value])
      if (found !== undefined) throw new TypedFailure(unsettledAt(rows, row, found.cause))
      rows.values[place] = value
      return this.#through(steps, place, row, (name) => {
        stage = name
      })
    })
    return within(made, after, () => rows.error(stage, row, new TimedOut({ what: "sample", after })))
  }

  /** The sample of a row that was read. */
  #streamed({ sampleAt }: StreamedRows, row: number): unknown {
    try {
      return sampleAt(this.#rows.range.position + row)
    } catch (thrown) {
      throw new TypedFailure(this.#rows.error("dataset", row, thrown, thrown))
    }
  }

  /** Takes one sample through steps; gives whether it is kept. `waits` is told each stage that may wait, before it begins. */
  #through(
    steps: ReadonlyArray<SeededStep>,
    place: number,
    row: number,
    waits: (stage: string) => void = () => undefined
  ): Work<boolean, StageError> {
    const rows = this.#rows
    for (const [number, { all, step }] of steps.entries()) {
      if (step._tag === "Effect") {
        const [stage] = step.stages
        const { name } = stage.id
        waits(name)
        const own = this.#effects.runOne(stage, all[0] as SeededStage, rows.values[place], row) // one for each stage
        return andThen(this.#located(name, row, own), (value) => {
          rows.values[place] = value
          return this.#through(steps.slice(number + 1), place, row, waits)
        })
      }
      let keeps = true
      this.#current.plain(
        () => {
          keeps = this.#plain.runOne(step, all, place, row)
        },
        undefined,
        undefined
      )
      if (!keeps) return false
    }
    return true
  }

  /** What a sample's effect fails with, as the error of a stage. */
  #located<A>(stage: string, row: number, work: Later<A, unknown>): Later<A, StageError> {
    return catchAll<A, unknown, A, StageError>(work, ({ cause, failure }) => {
      throw new TypedFailure(this.#rows.error(stage, row, cause, failure))
    })
  }
}

/** How many samples may be under way at once, so that no stage has more of them than it allows. */
const atOnce = (steps: ReadonlyArray<PlainStep | EffectStep>): number => {
  let least = READ_AT_ONCE
  for (const step of steps) if (step._tag === "Effect") least = Math.min(least, step.stages[0].concurrency)
  return least
}
