/**
 * Builds one batch: reads its samples, takes them through the stages, collates them. One body, one order of calls: plain
 * code up to the first step that has to wait, then the Effect that continues from there.
 *
 * An attempt calls each function once for each sample that it attempts. Where a failure policy may grant another attempt,
 * the samples that fail are set aside and the rest goes on, so that the next attempt is at the failed samples only.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Batch } from "../../pipeline/Batch.ts"
import { nameOf } from "../loader/Profile.ts"
import type { Place, Program } from "../plan/Program.ts"
import type { Step } from "../plan/Steps.ts"
import type { AttemptError, Left } from "./Attempt.ts"
import { BatchRows } from "./BatchRows.ts"
import { buildColumns, columnsFit } from "./ColumnBatch.ts"
import { CurrentStage } from "./CurrentStage.ts"
import { EffectStages } from "./EffectStages.ts"
import { errorOf } from "./ErrorLocation.ts"
import { TimedOut } from "./FailurePolicy.ts"
import { PlainStages } from "./PlainStages.ts"
import { readSamples } from "./ReadSamples.ts"
import { SampleBySample, timesSamples } from "./SampleBySample.ts"
import { choose } from "./SampleIndices.ts"
import { SeedBinding } from "./SeedBinding.ts"
import { DatasetChanged, type StageError } from "./StageError.ts"
import { settledValue } from "./StageResult.ts"
import { andThen, Failing, type Given, given, type Work } from "./Work.ts"

export type { Place, Program } from "../plan/Program.ts"
export type { AttemptError } from "./Attempt.ts"

const NOBODY: Left = new Set()

/** @since 0.1.0 */
export class BatchBuilder {
  readonly #program: Program
  readonly #rows: BatchRows
  readonly #binding: SeedBinding
  readonly #current: CurrentStage
  readonly #plain: PlainStages
  readonly #effects: EffectStages
  readonly #samples: SampleBySample
  /** Whether the sampler has been asked for the indices. */
  #chosen = false

  constructor(program: Program, place: Place) {
    program.streams?.enter(place.epoch)
    this.#program = program
    const rows = new BatchRows(program, place)
    const binding = new SeedBinding(program.runPlan, rows.requested, program.streams)
    const current = new CurrentStage(rows, binding)
    this.#rows = rows
    this.#binding = binding
    this.#current = current
    this.#plain = new PlainStages(rows, binding, current)
    this.#effects = new EffectStages(rows, binding, current)
    this.#samples = new SampleBySample(rows, binding, current, this.#plain, this.#effects)
  }

  /** How many samples were attempted again. */
  get retried(): number {
    return this.#rows.retried
  }

  /**
   * Makes one attempt at the batch, without the rows in `left`: gives the batch, or `undefined` if nothing of it is left.
   * Fails with `SamplesFailed` if samples failed on their own and the failure policy may grant them another attempt.
   */
  build(left: Left = NOBODY): Given<Batch<unknown> | undefined, AttemptError> {
    return given(
      () =>
        andThen(this.#attempt(left), () => {
          this.#rows.assemble(left)
          return andThen(this.#rows.values.length === 0 ? undefined : this.#collate(), () =>
            andThen(this.#run(this.#program.behind), () => this.#report())
          )
        }),
      // Behind `batch` there is one value, which is a batch.
      () => this.#rows.values[0] as Batch<unknown> | undefined
    )
  }

  /** Makes the sample of the last row as it would enter the batch; gives none if a filter leaves it out. */
  sample(): Given<Option.Option<unknown>, AttemptError> {
    return given(
      () =>
        andThen(this.#attempt(NOBODY, false), () => {
          this.#rows.assemble(NOBODY)
          return this.#report()
        }),
      () => {
        const { indices, values } = this.#rows
        const place = values.length - 1
        return place >= 0 && this.#rows.rowOf(place) === indices.length - 1 ? Option.some(values[place]) : Option.none()
      }
    )
  }

  /** Fails if the rest of an attempt takes longer than `limit`, with the name of the step that it was at. */
  inTime<A, E, R>(rest: Effect.Effect<A, E, R>, limit: Duration.Duration): Effect.Effect<A, E | StageError, R> {
    return Effect.timeoutFail(rest, {
      duration: limit,
      onTimeout: () => {
        this.#restart()
        this.#rows.scope = "batch"
        const cause = new TimedOut({ what: "batch", after: Duration.toMillis(limit) })
        return errorOf(this.#rows, this.#current.step, undefined, cause)
      }
    })
  }

  /**
   * Makes the samples: all of them, or in a later attempt those that failed. If `whole`, the batch may be built as columns
   * instead.
   */
  #attempt(left: Left, whole = true): Work<AttemptError> {
    const rows = this.#rows
    const { name, size } = rows.runPlan.pipeline.dataset
    if (size !== rows.runPlan.size) {
      const { batch, epoch } = rows.place
      throw new Failing(new DatasetChanged({ dataset: name, from: rows.runPlan.size, to: size, epoch, batch }))
    }
    const again = rows.attempts++ > 0
    const numbers = this.#rowsToMake(left)
    if (again) rows.retried += numbers?.length ?? rows.indices.length
    return andThen(this.#choose(), () => {
      const { table } = this.#program
      if (table === undefined || !whole || numbers !== undefined || !columnsFit(rows, table)) return this.#make(numbers)
      return buildColumns(rows, this.#binding, this.#current, table, () => {
        this.#restart()
        return this.#make(undefined)
      })
    })
  }

  /** The rows of an attempt; `undefined` means all. */
  #rowsToMake(left: Left): Array<number> | undefined {
    const rows = this.#rows
    if (rows.failed.size > 0) {
      this.#binding.forget(new Set(rows.failed.keys()))
      const failed = Array.from(rows.failed.keys()).filter((row) => !left.has(row))
      rows.failed.clear()
      return failed.toSorted((a, b) => a - b)
    }
    // It is the first attempt, or the whole batch failed.
    this.#restart()
    if (left.size === 0) return undefined
    rows.assembleByRow()
    return Array.from(rows.indices.keys()).filter((row) => !left.has(row))
  }

  #restart(): void {
    this.#binding.forget()
    this.#rows.restart()
  }

  /** Asks the sampler which samples the rows have, once. */
  #choose(): Work<AttemptError> {
    if (this.#chosen) return undefined
    this.#current.begin("sample")
    return andThen<AttemptError>(choose(this.#rows.runPlan, this.#rows.requested), () => {
      this.#chosen = true
      return undefined
    })
  }

  /** Makes the samples of the rows `numbers`, or of all rows. */
  #make(numbers: Array<number> | undefined): Work<AttemptError> {
    if (timesSamples(this.#program)) return this.#samples.inTime(numbers)
    this.#rows.numbers = numbers
    return andThen(readSamples(this.#rows, this.#current, numbers), () => this.#run(this.#program.before))
  }

  /** Takes all values through steps, from one of them on. */
  #run(steps: ReadonlyArray<Step>, from = 0): Work<AttemptError> {
    for (let at = from; at < steps.length; at++) {
      if (this.#rows.values.length === 0) return undefined
      const step = steps[at] as Step // below the length
      const rest = this.#current.watched(nameOf(step), () => this.#step(step))
      if (rest !== undefined) return andThen(rest, () => this.#run(steps, at + 1))
    }
    return undefined
  }

  #step(step: Step): Work<AttemptError> {
    const { scope } = this.#rows
    if (step._tag === "Effect" || step._tag === "Plain") {
      this.#binding.bind([step.stage], scope)
      const at = this.#binding.of(step.stage)
      if (step._tag === "Effect") return this.#effects.run(step.stage, at)
      this.#current.plain(() => this.#plain.run(step.stage, at))
      return undefined
    }
    this.#binding.bind(step.stages, scope)
    const all = step.stages.map((stage) => this.#binding.of(stage))
    if (step._tag === "Rows") return this.#samples.inOrder(all)
    this.#current.plain(() => this.#plain.runFused(step, all))
    return undefined
  }

  /** Lays the samples out in columns. A collate is the user's code like a stage: ambient randomness is governed in it. */
  #collate(): Work<AttemptError> {
    const rows = this.#rows
    if (rows.scope === "batch") return undefined // built as columns
    const { batching } = this.#program
    return this.#current.watched<AttemptError>(batching.id.name, () => {
      rows.scope = "batch"
      this.#binding.bind([batching], "batch")
      this.#current.plain(() => {
        this.#current.moveTo(this.#binding.of(batching), 0)
        const columns = settledValue(batching.collate(rows.values, rows.adoptable))
        rows.collated(columns, rows.values.length)
      })
      return undefined
    })
  }

  /** Hands the draws of this batch to a policy that records them. */
  #report(): undefined {
    this.#rows.runPlan.policy?.record?.(this.#binding.draws)
  }
}
