/**
 * Batches as a run delivers them: lent for a step, or their consumer's own, from memory that is used again if the consumer
 * gives it back.
 *
 * @since 0.1.0
 */
import type { BufferPool } from "../core/BufferPool.ts"
import { setField } from "../core/Options.ts"
import { isRecord } from "../core/Record.ts"
import { Tensor, type TypedArray } from "../core/Tensor.ts"
import type { Batch, Delivered } from "./Batch.ts"
import { viewLike } from "./Collate.ts"
import { Borrower, Lease } from "./Lease.ts"

/**
 * A batch that a run has delivered. What gives its memory back is no field of it: neither equality nor a digest or a copy by
 * `{ ...batch }` sees anything but the batch. The tensors of `{ ...batch }` are the same ones and know when the loan is over;
 * those of `structuredClone(batch)`, or of a batch that is sent to a thread, do not: they can be views of the same memory.
 * `Batch.copy` comes first there.
 *
 * @since 0.1.0
 */
export class DeliveredBatch extends Borrower implements Delivered<unknown> {
  readonly epoch: number
  readonly index: number
  readonly rank: number
  readonly worker: number
  readonly size: number
  readonly indices: Float64Array
  declare readonly children?: Float64Array
  readonly columns: unknown

  constructor(batch: Batch<unknown>, columns: unknown, lease: Lease | undefined) {
    super(lease)
    this.epoch = batch.epoch
    this.index = batch.index
    this.rank = batch.rank
    this.worker = batch.worker
    this.size = batch.size
    this.indices = batch.indices
    this.columns = columns
    // `children`, and what stages behind `batch` have added, also under names that every object inherits.
    for (const name in batch) if (!Object.hasOwn(this, name)) this.#add(name, Reflect.get(batch, name))
    for (const name of Object.getOwnPropertySymbols(batch)) this.#add(name, Reflect.get(batch, name))
  }

  #add(name: PropertyKey, value: unknown): void {
    Object.defineProperty(this, name, { value, configurable: true, enumerable: true, writable: true })
  }
}

/**
 * A batch as its consumer's own: tensors in memory that is lent, in the columns or in what stages behind `batch` have added,
 * are copied to memory of `pool`, which gets it back when the batch is disposed. All else stays as it is.
 *
 * @since 0.1.0
 */
export const owned = (batch: Batch<unknown>, lent: Lease, pool: BufferPool): DeliveredBatch => {
  const buffers: Array<ArrayBuffer> = []
  const own = new Lease(batch.epoch, batch.index, () => {
    for (const buffer of buffers) pool.give(buffer)
  })
  // Every part keeps its type: tensors become tensors of the same kind, all else stays.
  const mine = mapTensors({ ...batch }, (tensor) => {
    if (Lease.ofTensor(tensor) !== lent) return tensor
    const { data, shape } = tensor
    const buffer = pool.take(data.byteLength)
    buffers.push(buffer)
    const copy = viewLike(data, buffer, 0, data.length)
    // Both are of one class, so numbers meet numbers and bigints meet bigints.
    ;(copy as Float64Array).set(data as Float64Array)
    return own.tensor(copy, shape)
  }) as Batch<unknown>
  return new DeliveredBatch(mine, mine.columns, own)
}

/**
 * Columns with others in the place of tensors, as `change` returns them. What is neither a tensor nor a record or list of
 * columns stays.
 *
 * @since 0.1.0
 */
export const mapTensors = (value: unknown, change: (tensor: Tensor<TypedArray>) => Tensor): unknown => {
  if (value instanceof Tensor) return change(value as Tensor<TypedArray>) // tensors hold typed arrays
  if (Array.isArray(value)) return value.some(hasParts) ? value.map((part) => mapTensors(part, change)) : value
  if (!isRecord(value)) return value
  const mapped: Record<string, unknown> = {}
  for (const name of Object.keys(value)) setField(mapped, name, mapTensors(value[name], change))
  return mapped
}

/** Only lists of what has parts are walked: one of a million strings is taken as it is. */
const hasParts = (value: unknown): boolean => typeof value === "object" && value !== null
