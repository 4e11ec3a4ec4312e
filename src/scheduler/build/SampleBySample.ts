/**
 * Takes each sample through all stages on its own: one after the other where streams continue from sample to sample,
 * several at once where each has a time limit.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { concurrent } from "../../core/Concurrent.ts"
import * as Ambient from "../../patches/Ambient.ts"
import { Plain } from "../../sources/RandomAccess.ts"
import type { Program } from "../plan/Program.ts"
import type { PlainStage } from "../plan/Steps.ts"
import type { AttemptError } from "./Attempt.ts"
import type { BatchRows } from "./BatchRows.ts"
import type { CurrentStage } from "./CurrentStage.ts"
import type { EffectStages } from "./EffectStages.ts"
import { errorOf, located } from "./ErrorLocation.ts"
import { TimedOut } from "./FailurePolicy.ts"
import type { PlainStages } from "./PlainStages.ts"
import { READ_AT_ONCE } from "./ReadSamples.ts"
import type { SeedBinding, SeededStage } from "./SeedBinding.ts"
import { suspended, type Work } from "./Work.ts"

/**
 * Whether samples are made each in its own time: they have a time limit, and there is something to interrupt, an
 * effectful dataset or stage.
 *
 * @since 0.1.0
 */
export const timesSamples = ({ runPlan, limits, stages, streams }: Program): boolean =>
  limits.sample !== undefined &&
  streams === undefined &&
  (!(runPlan.pipeline.dataset instanceof Plain) || stages.some((stage) => stage._tag === "Effect"))

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
  inOrder(stages: ReadonlyArray<SeededStage>): Work<AttemptError> {
    const rows = this.#rows
    return Effect.gen(this, function* () {
      const dropped = new Set<number>()
      for (let place = 0; place < rows.values.length; place++) {
        if (!(yield* this.#through(stages, place, rows.rowOf(place)))) dropped.add(place)
      }
      if (dropped.size > 0) rows.drop(dropped)
    })
  }

  /**
   * Reads the samples of the rows `numbers`, or of all rows, and takes them through the stages before `batch`: each within
   * the time limit of a sample, several at once.
   */
  inTime(numbers: Array<number> | undefined): Work<AttemptError> {
    const rows = this.#rows
    const { limits, stages } = rows.program
    const { dataset } = rows.runPlan.pipeline
    const all = numbers ?? Array.from(rows.indices.keys())
    this.#binding.bind(stages, "sample")
    const seeded = stages.map((stage) => this.#binding.of(stage))
    rows.values = new Array<unknown>(all.length)
    rows.numbers = all
    const dropped = new Set<number>()
    const one = (place: number): Effect.Effect<void, AttemptError, unknown> => {
      const row = all[place] as number // below the length
      let stage = "dataset"
      const making = Effect.gen(this, function* () {
        const read = dataset.get(rows.indices[row] as number) // a row of the batch
        rows.values[place] = yield* located(rows, stage, row)(read)
        const keeps = yield* this.#through(seeded, place, row, (name) => {
          stage = name
        })
        if (!keeps) dropped.add(place)
      })
      const after = Duration.toMillis(limits.sample ?? 0)
      const timed =
        limits.sample === undefined
          ? making
          : Effect.timeoutFail(making, {
              duration: limits.sample,
              onTimeout: () => errorOf(rows, stage, row, new TimedOut({ what: "sample", after }))
            })
      return Effect.catchTag(timed, "StageError", (error) =>
        Effect.sync(() => {
          rows.failed.set(row, error)
          dropped.add(place)
        })
      )
    }
    const made = concurrent(all.length, this.#atOnce(), one, (_, cause) => cause)
    return Effect.map(Ambient.services(made), () => {
      rows.assembleByRow()
      rows.drop(dropped)
    })
  }

  /** Takes one sample through stages; gives whether it is kept. `entered` is told each stage before it begins. */
  #through(
    stages: ReadonlyArray<SeededStage>,
    place: number,
    row: number,
    entered: (stage: string) => void = () => undefined
  ): Effect.Effect<boolean, AttemptError, unknown> {
    const rows = this.#rows
    return Effect.gen(this, function* () {
      for (const at of stages) {
        const { stage } = at
        entered(stage.id.name)
        if (stage._tag === "Effect") {
          rows.values[place] = yield* this.#effects.runOne(stage, at, rows.values[place], row)
          continue
        }
        const plain = stage as PlainStage // before `batch` there are no others
        let keeps = true
        yield* suspended<AttemptError>(() => {
          this.#current.plain(() => {
            keeps = this.#plain.runOne(plain, at, place, row)
          })
          return undefined
        })
        if (!keeps) return false
      }
      return true
    })
  }

  /** How many samples may be under way at once, so that no stage has more of them than it allows. */
  #atOnce(): number {
    const { stages } = this.#rows.program
    const limits = stages.filter((stage) => stage._tag === "Effect").map(({ concurrency }) => concurrency)
    return Math.min(...limits, READ_AT_ONCE)
  }
}
