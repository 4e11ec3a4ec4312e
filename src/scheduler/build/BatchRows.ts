/**
 * The rows of one batch: the samples as they are now, the rows they came from, and the rows that failed.
 *
 * @since 0.1.0
 */
import { type Batch, CollateError } from "../../pipeline/Batch.ts"
import { BatchMemory, type ColumnMemory } from "../../pipeline/ColumnMemory.ts"
import type { Label } from "../../pipeline/StageResult.ts"
import { isPlain, type Lineage, lineageOf } from "../../sources/RandomAccess.ts"
import { sampleText } from "../../sources/SampleText.ts"
import type { RunPlan } from "../plan/RunPlan.ts"
import type { Rows } from "../plan/SeedRequest.ts"
import type { Limits } from "./FailureRules.ts"
import type { SkippedRows } from "./Retry.ts"
import type { RowRange } from "./RowRange.ts"
import { errorAt, isRecoverable, SamplesFailed, type StageError } from "./StageError.ts"
import { TypedFailure } from "./Work.ts"

/** Whether a stage threw this error. What else it threw may be a Proxy that throws when it is asked for its class. */
const isCollateError = (thrown: unknown): thrown is CollateError => {
  try {
    return thrown instanceof CollateError
  } catch {
    return false
  }
}

/**
 * What the attempts at one batch work on. It outlives an attempt: what one has made, the next one does not make again.
 *
 * @since 0.1.0
 */
export class BatchRows {
  readonly runPlan: RunPlan
  readonly worker: number
  readonly limits: Limits
  range: RowRange
  /** The label of the batch, which no stage may change. */
  readonly label: { -readonly [Key in keyof Label]: Label[Key] }
  /** The dataset index of each row, once the sampler is asked. A batch without some of the rows has a copy of its part. */
  indices: Float64Array
  /** The rows as seeds and indices are requested for them. */
  readonly requested: { -readonly [Key in keyof Rows]: Rows[Key] }
  /** The ordinal of the first row; see `Share`. */
  ordinal: number

  /** Where columns lie, if that is memory which is used again. */
  readonly memory: BatchMemory | undefined
  /** Written by the loop that touches the samples of a shuffled batch, so that it is not optimized away; never read. */
  touched = 0
  /** How many attempts have begun. */
  attempts = 0
  /** How many samples were attempted again. */
  retried = 0
  /** What `values` holds: samples, or the one batch. */
  scope: "sample" | "batch" = "sample"
  /** The samples as they are now; behind `batch` the one batch. */
  values: Array<unknown> = []
  /**
   * For each value the row it came from: filters leave values out, while seeds and errors go by rows. `undefined` while
   * no value is left out; then the place of a value is its row.
   */
  valueRows: Array<number> | undefined
  /** The memory that all samples lie in one behind the other, and nothing else does, if there is such; a collate can adopt it. */
  adoptable: ArrayBufferView | undefined
  /** What gathering the samples as columns has failed with in this attempt; of those that cannot be read `getEach` is told. */
  ungathered: unknown
  /** The samples of this attempt that failed on their own, by row. */
  readonly failed = new Map<number, StageError>()
  /** The samples made so far, by row; `undefined` as long as `values` holds all of them, in order. */
  #made: Map<number, unknown> | undefined
  /** Whether the samples have been laid out in columns. */
  #isCollated = false
  /** Whether somebody else may hold `indices`, so that the next batch has indices of its own. */
  #heldIndices: boolean

  constructor(runPlan: RunPlan, worker: number, limits: Limits, range: RowRange, memory?: ColumnMemory) {
    this.runPlan = runPlan
    this.worker = worker
    this.limits = limits
    this.range = range
    this.memory = memory && new BatchMemory(memory)
    this.ordinal = range.ordinal
    this.indices = new Float64Array(range.size)
    this.#heldIndices = showsIndices(runPlan)
    const { batch, epoch, ordinal, position } = range
    this.label = { epoch, index: batch, rank: runPlan.plan.rank, worker }
    this.requested = { epoch, worker, batch, position, ordinal, indices: this.indices, rows: undefined }
  }

  /** Goes on to another batch, and forgets all that belongs to the one before. */
  reset(range: RowRange): void {
    this.range = range
    this.memory?.forget()
    this.ordinal = range.ordinal
    if (this.#heldIndices || this.indices.length !== range.size) {
      this.indices = new Float64Array(range.size)
      this.#heldIndices = showsIndices(this.runPlan)
    }
    const { label, requested } = this
    label.epoch = range.epoch
    label.index = range.batch
    requested.epoch = range.epoch
    requested.batch = range.batch
    requested.position = range.position
    requested.ordinal = range.ordinal
    requested.indices = this.indices
    requested.rows = undefined
    this.attempts = 0
    this.retried = 0
    this.restart()
  }

  /** Whether another attempt may follow one that fails. */
  get careful(): boolean {
    return this.limits.careful
  }

  /** The row that the value at a place came from. */
  rowOf(place: number): number {
    return this.valueRows === undefined ? place : (this.valueRows[place] as number) // as many rows as values
  }

  /** Forgets everything that was made. */
  restart(): void {
    if (this.failed.size > 0) this.failed.clear()
    this.#made = undefined
    this.ungathered = undefined
    this.valueRows = undefined
    this.values = []
    this.adoptable = undefined
    this.#isCollated = false
    this.scope = "sample"
  }

  /** Has {@link assemble} put the samples together by row. */
  assembleByRow(): void {
    this.#made ??= new Map()
  }

  /**
   * The error of a stage at a row; without a row, or behind `batch`, it is the whole batch's. `failure` is what an effect
   * failed with.
   */
  error(stage: string, row: number | undefined, cause: unknown, failure?: unknown): StageError {
    const { batch, epoch, position } = this.range
    const sample = this.scope === "sample" ? row : undefined
    // Behind `batch`, rows are those of the batch, of which some samples may have been left out.
    const why = !this.#isCollated && isCollateError(cause) ? this.#ofSample(cause) : cause
    return errorAt(this.runPlan, { epoch, batch, worker: this.worker }, stage, why, {
      failure,
      sample: sample === undefined ? undefined : this.indices[sample],
      position: sample === undefined ? undefined : position + sample,
      ordinal: sample === undefined ? undefined : this.ordinal + sample,
      lineage: sample === undefined ? undefined : this.#lineage(sample)
    })
  }

  /** Where the sample of a row came from, if that is known. */
  #lineage(row: number): Lineage | undefined {
    const { dataset } = this.runPlan.pipeline
    const { position, streamed } = this.range
    if (streamed === undefined) return lineageOf(dataset, this.indices[row])
    const origin = streamed.originAt?.(position + row)
    return origin && { dataset: dataset.name, ...origin }
  }

  /** The error with the sample that its row is. */
  #ofSample(error: CollateError): CollateError {
    const { column, reason, row } = error
    const own = this.rowOf(row)
    const sample = this.indices[own]
    if (sample === undefined) return error
    return new CollateError({ column, row, reason, sample: sampleText(sample, this.#lineage(own)) })
  }

  /** Marks a sample as failed on its own. Throws the error if no other attempt can follow, or if it is the whole batch's. */
  fail(row: number, error: StageError): void {
    if (!this.careful || this.scope === "batch" || !isRecoverable(error)) throw new TypedFailure(error)
    this.failed.set(row, error)
  }

  /** Leaves out the values whose rows failed. */
  dropFailed(): void {
    if (this.failed.size === 0) return
    const places = new Set<number>()
    for (let place = 0; place < this.values.length; place++) if (this.failed.has(this.rowOf(place))) places.add(place)
    this.drop(places)
  }

  /** Leaves out the values at some places. */
  drop(places: ReadonlySet<number>): void {
    const valueRows: Array<number> = []
    const values: Array<unknown> = []
    for (let place = 0; place < this.values.length; place++) {
      if (places.has(place)) continue
      valueRows.push(this.rowOf(place))
      values.push(this.values[place])
    }
    this.valueRows = valueRows
    this.values = values
  }

  /**
   * Puts together what this attempt and earlier ones have made, without the rows that are skipped, or with their
   * neighbors in their place. Throws `SamplesFailed` if samples failed in this attempt.
   */
  assemble(skipped: SkippedRows): void {
    if (this.failed.size > 0) {
      // What is made stays made.
      this.#keepMade()
      const [first, ...more] = Array.from(this.failed)
        .toSorted(([a], [b]) => a - b)
        .map(([, error]) => error)
      if (first !== undefined) throw new TypedFailure(new SamplesFailed({ errors: [first, ...more] }))
    }
    if (this.#made === undefined || this.scope === "batch") return
    const made = this.#keepMade()
    const rows = Array.from(made.keys()).toSorted((a, b) => a - b)
    const filled = this.limits.fill === "neighbor" ? withNeighbors(rows, skipped) : rows
    this.valueRows = filled
    this.values = filled.map((row) => made.get(row))
    this.adoptable = undefined
  }

  /** Moves the values to the samples made so far. */
  #keepMade(): Map<number, unknown> {
    this.#made ??= new Map()
    for (let place = 0; place < this.values.length; place++) this.#made.set(this.rowOf(place), this.values[place])
    this.values = []
    this.valueRows = undefined
    return this.#made
  }

  /** Replaces the samples by the batch of `size` samples that has these columns. */
  collated(columns: unknown, size: number): void {
    this.#isCollated = true
    const { epoch, index, rank, worker } = this.label
    const batch: Batch<unknown> = { epoch, index, rank, worker, size, indices: this.#keptIndices(), columns }
    this.values = [batch]
    this.valueRows = undefined
    this.scope = "batch"
  }

  #keptIndices(): Float64Array {
    const { indices, valueRows } = this
    if (valueRows === undefined) {
      this.#heldIndices = true
      return indices
    }
    const kept = new Float64Array(valueRows.length)
    for (let place = 0; place < kept.length; place++) {
      kept[place] = indices[valueRows[place] as number] as number // rows of the batch
    }
    return kept
  }
}

/** Whether anybody is handed the indices of a batch themselves: a dataset that reads them all at once, or a policy that records. */
const showsIndices = ({ pipeline, policy }: RunPlan): boolean =>
  !isPlain(pipeline.dataset) || policy?.record !== undefined

/** Fills each row that is skipped by the row before it, or by the first one if there is none before it. */
const withNeighbors = (made: Array<number>, skipped: SkippedRows): Array<number> => {
  const [first] = made
  if (first === undefined) return made
  let before = first
  return [...made, ...skipped]
    .toSorted((one, other) => one - other)
    .map((row) => {
      if (!skipped.has(row)) before = row
      return before
    })
}
