/**
 * Builds one batch: reads its samples, takes them through the stages, collates them. One body, one order of calls: plain
 * code up to the first step that has to wait, then the rest goes on from there.
 *
 * An attempt calls each function once for each sample that it attempts. Where the failure rules may grant another attempt,
 * the samples that fail are set aside and the rest goes on, so that the next attempt is at the failed samples only.
 *
 * @since 0.1.0
 */
import type { Batch } from "../../pipeline/Batch.ts"
import type { ColumnMemory } from "../../pipeline/ColumnMemory.ts"
import type { Stage } from "../../pipeline/Stage.ts"
import { settledValue } from "../../pipeline/StageResult.ts"
import type { BatchStage, FusedStep, PlainStep, Program, Step } from "../plan/Program.ts"
import type { RunPlan } from "../plan/RunPlan.ts"
import { BatchRows } from "./BatchRows.ts"
import type { CarriedStreams } from "./CarriedStreams.ts"
import { type Built, buildColumns, type ColumnPlan } from "./ColumnBuilder.ts"
import { CurrentStage } from "./CurrentStage.ts"
import { EffectStages } from "./EffectStages.ts"
import type { Limits } from "./FailureRules.ts"
import type { BatchObserver, Form, Observer } from "./Observer.ts"
import { PlainStages } from "./PlainStages.ts"
import { readSamples } from "./ReadSamples.ts"
import type { SkippedRows } from "./Retry.ts"
import type { RowRange } from "./RowRange.ts"
import { SampleBySample, timesSamples } from "./SampleBySample.ts"
import { checkSize, writeIndices } from "./SampleIndices.ts"
import { SeedBinding, type SeededStage } from "./SeedBinding.ts"
import { type AttemptError, TimedOut } from "./StageError.ts"
import { andThen, isLater, type Later, type Work, within } from "./Work.ts"

const NONE: SkippedRows = new Set()
const NO_MEMORY: ReadonlyArray<ArrayBuffer> = []

/** A value that may be left out. @since 0.1.0 */
export interface KeptSample {
  readonly value: unknown
}

/** What the builders of one worker share. @since 0.1.0 */
export interface BuilderContext {
  readonly runPlan: RunPlan
  readonly program: Program
  /** How batches are built as whole columns, if the pipeline allows it. */
  readonly columns: ColumnPlan | undefined
  /** Memory that is used again, for columns, if batches may lie there. */
  readonly memory: ColumnMemory | undefined
  /** The worker's number, from 0 to `workers − 1`. */
  readonly number: number
  readonly limits: Limits
  /** The streams of a policy that continues them from sample to sample. */
  readonly streams: CarriedStreams | undefined
  readonly observer: Observer | undefined
}

/** Builds one batch, attempt by attempt; once it is built, {@link reset} goes on to another one. @since 0.1.0 */
export class BatchBuilder {
  observer: BatchObserver | undefined
  readonly #context: BuilderContext
  readonly #rows: BatchRows
  readonly #binding: SeedBinding
  readonly #current: CurrentStage
  readonly #plain: PlainStages
  readonly #effects: EffectStages
  readonly #samples: SampleBySample
  readonly #batching: ReadonlyArray<Stage>
  /** The name of the step that reads the samples. */
  readonly #reading: string
  /** Whether the sampler has been asked for the indices. */
  #indexed = false

  constructor(context: BuilderContext, range: RowRange) {
    const { limits, memory, number, observer, program, runPlan, streams } = context
    streams?.enter(range.epoch)
    const rows = new BatchRows(runPlan, number, limits, range, memory)
    const binding = new SeedBinding(runPlan, rows.requested, streams)
    this.observer = observer?.batch(range.epoch, range.batch, number)
    const current = new CurrentStage(rows, binding, this.observer)
    this.#context = context
    this.#batching = [program.batching]
    this.#reading = `dataset ${runPlan.pipeline.dataset.name}`
    this.#rows = rows
    this.#binding = binding
    this.#current = current
    this.#plain = new PlainStages(rows, binding, current)
    this.#effects = new EffectStages(rows, binding, current)
    this.#samples = new SampleBySample(rows, binding, current, this.#plain, this.#effects)
  }

  /** Goes on to another batch. Memory that the last one was built in is used again; nothing else of it is seen. */
  reset(range: RowRange): void {
    const { number, observer, streams } = this.#context
    streams?.enter(range.epoch)
    this.#rows.reset(range)
    this.#binding.reset()
    this.observer = observer?.batch(range.epoch, range.batch, number)
    this.#current.reset(this.observer)
    this.#plain.reset()
    this.#indexed = false
  }

  /** The memory that the batch has taken for its columns, since this was last asked. */
  taken(): ReadonlyArray<ArrayBuffer> {
    return this.#rows.memory?.taken() ?? NO_MEMORY
  }

  /** How many samples were attempted again. */
  get retried(): number {
    return this.#rows.retried
  }

  /**
   * Makes one attempt at the batch, without the rows that are skipped: gives the batch, or `undefined` if nothing of it is
   * left. Fails with `SamplesFailed` if samples failed on their own and the failure rules may grant them another attempt.
   */
  build(skipped: SkippedRows = NONE): Work<Batch<unknown> | undefined, AttemptError> {
    const attempt = this.#attempt(skipped)
    return isLater(attempt) ? this.#assembleAfter(attempt, skipped) : this.#assemble(skipped)
  }

  // Here and below, closures stand in functions of their own, so that work that does not wait allocates none, and nothing
  // for them to close over.
  #assembleAfter(
    attempt: Later<void, AttemptError>,
    skipped: SkippedRows
  ): Later<Batch<unknown> | undefined, AttemptError> {
    return andThen(attempt, () => this.#assemble(skipped))
  }

  /** Makes the batch of the samples that there are. */
  #assemble(skipped: SkippedRows): Work<Batch<unknown> | undefined, AttemptError> {
    const { batching, behind } = this.#context.program
    const rows = this.#rows
    rows.assemble(skipped)
    // A batch that was built as columns is there already.
    if (rows.values.length > 0 && rows.scope === "sample") {
      this.#current.run(batching.id.name, undefined, this.#collate, batching)
    }
    const rest = this.#run(behind, 0)
    return isLater(rest) ? andThen(rest, this.#built) : this.#built()
  }

  readonly #built = (): Batch<unknown> | undefined => {
    this.#binding.record()
    // Behind `batch` there is one value, which is a batch.
    return this.#rows.values[0] as Batch<unknown> | undefined
  }

  /** Makes the sample of the last row as it would enter the batch; gives `undefined` if a filter leaves it out. */
  sample(): Work<KeptSample | undefined, AttemptError> {
    return andThen(this.#attempt(NONE, false), () => {
      this.#rows.assemble(NONE)
      this.#binding.record()
      const { indices, values } = this.#rows
      const place = values.length - 1
      return place >= 0 && this.#rows.rowOf(place) === indices.length - 1 ? { value: values[place] } : undefined
    })
  }

  /** Fails if an attempt waits for more than so many milliseconds, with the name of the step that it was at. */
  buildWithin(milliseconds: number, skipped?: SkippedRows): Work<Batch<unknown> | undefined, AttemptError> {
    return within(this.build(skipped), milliseconds, () => {
      this.#restart()
      this.#rows.scope = "batch"
      const cause = new TimedOut({ what: "batch", after: milliseconds })
      return this.#rows.error(this.#current.step, undefined, cause)
    })
  }

  /**
   * Makes the samples: all of them, or in a later attempt those that failed. If `whole`, the batch may be built as columns
   * instead.
   */
  #attempt(skipped: SkippedRows, whole = true): Work<void, AttemptError> {
    const rows = this.#rows
    checkSize(rows.runPlan, rows.range)
    const again = rows.attempts++ > 0
    const only = this.#rowsToBuild(skipped)
    if (again) rows.retried += only?.length ?? rows.indices.length
    this.#index()
    const { columns } = this.#context
    const fits = whole && only === undefined && !timesSamples(rows, this.#context.program)
    if (!fits || columns === undefined) return this.#make(only)
    const built = buildColumns(rows, this.#binding, this.#current, columns)
    return isLater(built) ? andThen(built, this.#afterColumns) : this.#afterColumns(built)
  }

  readonly #afterColumns = (built: Built): Work<void, AttemptError> => {
    if (built === "nothing") return this.#make(undefined)
    return built === "samples" ? this.#run(this.#context.program.before, 0) : undefined
  }

  /** The rows of an attempt; `undefined` means all. */
  #rowsToBuild(skipped: SkippedRows): Array<number> | undefined {
    const rows = this.#rows
    if (rows.failed.size > 0) {
      this.#binding.forget(new Set(rows.failed.keys()))
      const failed = Array.from(rows.failed.keys()).filter((row) => !skipped.has(row))
      rows.failed.clear()
      return failed.toSorted((a, b) => a - b)
    }
    // It is the first attempt, or the whole batch failed.
    this.#restart()
    if (skipped.size === 0) return undefined
    rows.assembleByRow()
    return Array.from(rows.indices.keys()).filter((row) => !skipped.has(row))
  }

  #restart(): void {
    this.#binding.forget()
    this.#rows.restart()
  }

  /** Asks the sampler which samples the rows have, once. */
  #index(): void {
    if (this.#indexed) return
    this.#current.run("sample", undefined, writeRows, this.#rows)
    this.#indexed = true
  }

  /** Makes the samples of the rows `only`, or of all rows. */
  #make(only: Array<number> | undefined): Work<void, AttemptError> {
    const rows = this.#rows
    const { program } = this.#context
    // Samples go through all stages side by side then, so no stage has a time of its own.
    if (timesSamples(rows, program)) {
      return this.#current.run(`${this.#reading} and stages`, undefined, this.#inTime, only)
    }
    rows.valueRows = only
    const read = this.#current.run(this.#reading, undefined, this.#read, only)
    return isLater(read) ? this.#goOn(read, program.before, 0) : this.#run(program.before, 0)
  }

  readonly #read = (only: Array<number> | undefined): Work<void, AttemptError> => readSamples(this.#rows, only)

  readonly #inTime = (only: Array<number> | undefined): Work<void, AttemptError> =>
    this.#samples.inTime(this.#context.program.alone, only)

  /** Takes all values through steps, from one of them on. */
  #run(steps: ReadonlyArray<Step>, from: number): Work<void, AttemptError> {
    for (let at = from; at < steps.length; at++) {
      if (this.#rows.values.length === 0) return undefined
      const step = steps[at] as Step // below the length
      const names = step._tag === "Plain" ? step.names : undefined
      const rest = this.#current.run(step.name, formOf(step), this.#step, step, names)
      if (rest !== undefined) return this.#goOn(rest, steps, at + 1)
    }
    return undefined
  }

  #goOn(rest: Later<void, AttemptError>, steps: ReadonlyArray<Step>, from: number): Later<void, AttemptError> {
    return andThen(rest, () => this.#run(steps, from))
  }

  readonly #step = (step: Step): Work<void, AttemptError> => {
    if (step._tag === "InOrder") return this.#samples.inOrder(this.#context.program.alone)
    const seeded = this.#binding.bind(step.stages, this.#rows.scope)
    if (step._tag === "Effect") return this.#effects.run(step.stages[0], seeded[0] as SeededStage) // one for each stage
    this.#current.plain(this.#runPlain, step, seeded)
    return undefined
  }

  readonly #runPlain = (step: FusedStep | PlainStep, seeded: ReadonlyArray<SeededStage>): void => {
    if (step._tag === "Fused") this.#plain.runFused(step, seeded)
    else this.#plain.run(step, seeded)
  }

  /** Lays the samples out in columns. A collate is the user's code like a stage: ambient randomness is governed in it. */
  readonly #collate = (batching: BatchStage): void => {
    this.#rows.scope = "batch"
    const [seeded] = this.#binding.bind(this.#batching, "batch")
    this.#current.plain(this.#runCollate, batching, seeded)
  }

  readonly #runCollate = ({ collate }: BatchStage, seeded: SeededStage | undefined): void => {
    const rows = this.#rows
    if (seeded !== undefined) this.#current.enter(seeded, 0)
    const columns = settledValue(collate(rows.values, rows.adoptable))
    rows.collated(columns, rows.values.length)
  }
}

const writeRows = ({ range, requested, runPlan }: BatchRows): void => writeIndices(runPlan, requested, range.streamed)

const formOf = ({ _tag }: Step): Form => (_tag === "Fused" ? "fused" : "samples")
