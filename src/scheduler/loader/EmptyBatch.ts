/**
 * Batches of no rows: what a rank delivers for a batch of which filters or the failure policy left it nothing, so that
 * all ranks deliver the same number of batches.
 *
 * No function of the user's is called for one: neither collate nor a stage behind `batch`. Its columns are those of the
 * rank's first batch that has rows, with none in them. Empty batches that come before that one are held back until it is
 * made, which costs nothing but order: each batch is still built once. A rank that never has a row cannot know its
 * columns, and has an empty record. The columns of empty batches are no part of the digest.
 *
 * @since 0.1.0
 */

import { isRecord } from "../../core/Record.ts"
import { isTypedArray, Tensor, type TypedArray } from "../../core/Tensor.ts"
import type { Batch } from "../../pipeline/Batch.ts"
import * as Plan from "../plan/Plan.ts"
import type { Sequence } from "../plan/Sequence.ts"

/** Makes columns without rows. */
type Columns = () => unknown

const unknownColumns: Columns = () => ({})

/** Records nested this deep are taken for ones that contain themselves. */
const DEEPEST = 64

/**
 * Makes columns like these, without rows: a tensor `[n, …]` becomes `[0, …]`, a typed array or a list an empty one, a
 * record the record of its fields. Other objects have no empty form and become `undefined`; what is no object stays.
 */
const withoutRows = (value: unknown, depth = 0): Columns => {
  if (value instanceof Tensor) {
    const { data, shape } = value as Tensor
    const like = noElements(data)
    // A tensor without axes has one element, whatever the number of rows.
    return shape.length === 0 ? () => new Tensor(like(1), []) : () => new Tensor(like(0), [0, ...shape.slice(1)])
  }
  if (isTypedArray(value)) {
    const like = noElements(value)
    return () => like(0)
  }
  if (Array.isArray(value)) return () => []
  if (isRecord(value) && depth < DEEPEST) {
    const fields = Object.entries(value).map(([name, own]) => [name, withoutRows(own, depth + 1)] as const)
    return () => Object.fromEntries(fields.map(([name, make]) => [name, make()]))
  }
  return typeof value === "object" || typeof value === "function" ? () => undefined : () => value
}

const noElements = (like: TypedArray): ((length: number) => TypedArray) => {
  // The constructor of a typed array takes a length and makes its own kind.
  const Kind = like.constructor as new (length: number) => TypedArray
  return (length) => new Kind(length)
}

/**
 * The batches of a rank as they are delivered, the empty ones included.
 *
 * @since 0.1.0
 */
export class EmptyBatches {
  readonly #plan: Plan.Plan
  readonly #sequence: Sequence
  #columns: Columns | undefined

  constructor(plan: Plan.Plan, sequence: Sequence) {
    this.#plan = plan
    this.#sequence = sequence
  }

  /** Whether a batch with rows has been seen. */
  get isKnown(): boolean {
    return this.#columns !== undefined
  }

  /** Notes what columns a batch with rows has. */
  see({ columns, size }: Batch<unknown>): void {
    if (size > 0) this.#columns ??= withoutRows(columns)
  }

  /** The batch of no rows that has a sequence number. */
  at(sequence: number): Batch<unknown> {
    const index = this.#sequence.batchOf(sequence)
    return {
      epoch: this.#sequence.epochOf(sequence),
      index,
      rank: this.#plan.rank,
      worker: Plan.worker(this.#plan, index),
      size: 0,
      indices: new Float64Array(0),
      columns: (this.#columns ?? unknownColumns)()
    }
  }
}
