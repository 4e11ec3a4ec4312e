/**
 * Takes each sample through all stages on its own: one after the other where streams continue from sample to sample,
 * several at once where each has a time limit.
 *
 * @since 0.1.0
 */
import * as Ambient from "../../patches/Ambient.ts"
import { readOne } from "../../sources/EffectDataset.ts"
import { isPlain } from "../../sources/RandomAccess.ts"
import type { EffectStage, PlainStage, Program } from "../plan/Program.ts"
import type { BatchRows } from "./BatchRows.ts"
import type { CurrentStage } from "./CurrentStage.ts"
import type { EffectStages } from "./EffectStages.ts"
import type { PlainStages } from "./PlainStages.ts"
import { READ_AT_ONCE } from "./ReadSamples.ts"
import type { SeedBinding, SeededStage } from "./SeedBinding.ts"
import { type StageError, TimedOut } from "./StageError.ts"
import { all, andThen, around, catchAll, fromEffect, type Later, TypedFailure, type Work, within } from "./Work.ts"

/**
 * Whether samples are made each in its own time: they have a time limit, and there is something to interrupt, an
 * effectful dataset or stage.
 *
 * @since 0.1.0
 */
export const timesSamples = ({ limits, runPlan }: BatchRows, { inOrder, stages }: Program): boolean =>
  limits.sample !== undefined &&
  !inOrder &&
  (!isPlain(runPlan.pipeline.dataset) || stages.some((stage) => stage._tag === "Effect"))

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

  /** Takes each sample through all stages before the next one starts, in the order in which streams continue. */
  inOrder(stages: ReadonlyArray<SeededStage>): Work<void, StageError> {
    const rows = this.#rows
    const dropped = new Set<number>()
    const from = (place: number): Work<void, StageError> => {
      for (let at = place; at < rows.values.length; at++) {
        const kept = this.#through(stages, at, rows.rowOf(at))
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
   * Reads the samples of the rows `only`, or of all rows, and takes them through the stages before `batch`: each within
   * the time limit of a sample, several at once.
   */
  inTime(stages: ReadonlyArray<PlainStage | EffectStage>, only: Array<number> | undefined): Work<void, StageError> {
    const rows = this.#rows
    const own = only ?? Array.from(rows.indices.keys())
    const seeded = this.#binding.bind(stages, "sample")
    rows.values = new Array<unknown>(own.length)
    rows.valueRows = own
    const made = all<boolean, StageError>(
      own.length,
      atOnce(stages),
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

  /** Reads a sample and takes it through stages, within its time limit; gives whether it is kept. */
  #inTime(stages: ReadonlyArray<SeededStage>, place: number, row: number): Work<boolean, StageError> {
    const rows = this.#rows
    const { dataset } = rows.runPlan.pipeline
    const after = rows.limits.sample ?? Number.POSITIVE_INFINITY
    let stage = "dataset"
    const read = this.#located(
      stage,
      row,
      fromEffect(() => readOne(dataset, rows.indices[row] as number))
    ) // a row of the batch
    const made = andThen(read, (value) => {
      rows.values[place] = value
      return this.#through(stages, place, row, (name) => {
        stage = name
      })
    })
    return within(made, after, () => rows.error(stage, row, new TimedOut({ what: "sample", after })))
  }

  /** Takes one sample through stages; gives whether it is kept. `entered` is told each stage before it begins. */
  #through(
    stages: ReadonlyArray<SeededStage>,
    place: number,
    row: number,
    entered: (stage: string) => void = () => undefined
  ): Work<boolean, StageError> {
    const rows = this.#rows
    for (const [number, at] of stages.entries()) {
      const { stage } = at
      entered(stage.id.name)
      if (stage._tag === "Effect") {
        const made = this.#located(stage.id.name, row, this.#effects.runOne(stage, at, rows.values[place], row))
        return andThen(made, (value) => {
          rows.values[place] = value
          return this.#through(stages.slice(number + 1), place, row, entered)
        })
      }
      const plain = stage as PlainStage // before `batch` there are no others
      let keeps = true
      this.#current.plain(
        () => {
          keeps = this.#plain.runOne(plain, at, place, row)
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
const atOnce = (stages: ReadonlyArray<PlainStage | EffectStage>): number => {
  const limits = stages.filter((stage) => stage._tag === "Effect").map(({ concurrency }) => concurrency)
  return Math.min(...limits, READ_AT_ONCE)
}
