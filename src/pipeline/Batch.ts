/**
 * Batches: samples laid side by side in columns.
 *
 * A column is a `Tensor` whose first axis is the sample. Numbers, flags, typed arrays, tensors, strings and records of
 * these are collated by themselves (see {@link Columns}); anything else needs a collate function of its own.
 *
 * @since 0.1.0
 */
/// <reference lib="esnext.disposable" preserve="true" />
import { isRecord } from "../core/Record.ts"
import { Tensor, type TypedArray } from "../core/Tensor.ts"
import { Borrower, Lease } from "./Lease.ts"

export { type Collate, CollateError } from "./Collate.ts"
export type { Columns, DTypes, NumberDType } from "./Columns.ts"
export { StaleBatch } from "./Lease.ts"

/**
 * One batch, as it is delivered.
 *
 * With several ranks its `size` is 0 where filters or the failure policy left this rank none of its rows: look at `size`
 * before reading columns. Such a batch has the columns of the rank's first batch that has rows, with the same names,
 * element types and inner shapes and no rows; `columns` is an empty record if the run has no rows for the rank, or none
 * in its first 1,024 batches.
 *
 * @category models
 * @since 0.1.0
 */
export interface Batch<out C> {
  readonly epoch: number
  /** The batch's number within its epoch. */
  readonly index: number
  readonly rank: number
  /** The worker that made it. */
  readonly worker: number
  /** How many rows it has: the length of every column's first axis. */
  readonly size: number
  /** The dataset index of each row. */
  readonly indices: Float64Array
  /** For each row its number among those that a stage made of one sample; only where a stage makes several of one. */
  readonly children?: Float64Array
  readonly columns: C
}

/**
 * A batch as a run delivers it. Those of `forEach` are lent for the step; those of `take`, `stream` and `for await` are their
 * consumer's to keep. One that is no longer needed can give its memory back, so that a later batch is laid out in it,
 * which takes a third of what fresh memory takes: `for await (using batch of run)`, or `batch[Symbol.dispose]()`. Tensors
 * that lay in that memory throw {@link StaleBatch} from then on; those in ordinary memory do not. A batch that is never given
 * back is garbage like any other.
 *
 * A lent batch that is cloned (`structuredClone`, `postMessage`) loses that guard: the clone can be a view of memory that a
 * later batch overwrites. Clone or send `Batch.copy(batch)` instead.
 *
 * @category memory
 * @since 0.1.0
 */
export interface Delivered<out C> extends Batch<C>, Disposable {}

/**
 * Keeps a batch's memory until the function that it returns is called, beyond the step of `forEach` that it is lent for, or
 * beyond its own disposal. Of a batch that was put together from others, such as `{ ...batch, tag }`, it keeps the memory of
 * each tensor in it. A batch that lies in memory of its own needs none of it. Throws {@link StaleBatch} if the memory has been
 * given back.
 *
 * @category memory
 * @since 0.1.0
 */
export const hold = (batch: Batch<unknown>): (() => void) => {
  const leases = leasesOf(batch)
  for (const lease of leases) lease.check() // all or none
  const holds = leases.map((lease) => lease.hold())
  return () => {
    for (const letGo of holds) letGo()
  }
}

/** The leases of a batch; where a user has put it together, those of its tensors. */
const leasesOf = (batch: Batch<unknown>): ReadonlyArray<Lease> => {
  const own = Borrower.leaseOf(batch)
  if (own !== undefined) return [own]
  const leases = new Set<Lease>()
  const seen = new Set<unknown>()
  const unseen: Array<unknown> = [batch]
  while (unseen.length > 0) {
    const value = unseen.pop()
    if (typeof value !== "object" || value === null || seen.has(value)) continue
    seen.add(value)
    if (value instanceof Tensor) {
      const lease = Lease.ofTensor(value)
      if (lease !== undefined) leases.add(lease)
    } else if (value instanceof Map) for (const [key, part] of value) unseen.push(key, part)
    else if (Array.isArray(value) || value instanceof Set) for (const part of value) unseen.push(part)
    else if (isRecord(value)) for (const part of Object.values(value)) unseen.push(part)
  }
  return [...leases]
}

/**
 * The same batch in memory of its own, with all that stages behind `batch` have added to it. Throws {@link StaleBatch} if
 * its memory has been given back.
 *
 * @category conversions
 * @since 0.1.0
 */
export const copy = <C>(batch: Batch<C>): Batch<C> => {
  Borrower.leaseOf(batch)?.check()
  // Every part keeps its type: tensors become tensors of the same kind, all else stays.
  const fields = { ...batch }
  return { ...fields, ...(copied(fields) as Batch<C>) }
}

/**
 * A copy of a batch, level by level: a collate function of the user's may nest them deeply, or have a value refer to one that
 * holds it. What occurs several times is one copy.
 */
const copied = (batch: unknown): unknown => {
  const copies = new Map<unknown, unknown>()
  const unfilled: Array<() => void> = []
  const copyOf = (value: unknown): unknown => {
    if (copies.has(value)) return copies.get(value)
    const own = emptied(value)
    if (own === value) return value
    copies.set(value, own)
    if (Array.isArray(value) && Array.isArray(own)) {
      unfilled.push(() => {
        value.forEach((item, index) => {
          own[index] = copyOf(item)
        })
      })
    } else if (isRecord(value)) {
      unfilled.push(() => {
        for (const [key, part] of Object.entries(value)) {
          Object.defineProperty(own, key, { value: copyOf(part), writable: true, enumerable: true, configurable: true })
        }
      })
    }
    return own
  }
  const all = copyOf(batch)
  for (let fill = unfilled.pop(); fill !== undefined; fill = unfilled.pop()) fill()
  return all
}

/** A copy of numbers; of an array or a record an empty one; anything else as it is. */
const emptied = (value: unknown): unknown => {
  if (value instanceof Tensor) return new Tensor(value.data.slice(), value.shape)
  if (Array.isArray(value)) return new Array<unknown>(value.length)
  if (isRecord(value)) return {}
  return ArrayBuffer.isView(value) && "slice" in value ? (value as TypedArray).slice() : value // a view with `slice` is one
}
