/**
 * What batches have in common that differ in nothing but their coordinates and the numbers in their tensors, as all but
 * the last of an epoch do: sent once, by a message; from then on such a batch is its layout's number and some addresses.
 *
 * @since 0.1.0
 */

import { isRecord } from "../../../core/Record.ts"
import type { Tensor } from "../../../core/Tensor.ts"
import type { Batch } from "../../../pipeline/Batch.ts"
import { putTensors, TENSOR } from "../remote/BatchCodec.ts"
import type { BatchRequest, BuiltReply, EncodedTensor, MemorySlot } from "../remote/Protocol.ts"
import { SharedQueue } from "./SharedQueue.ts"

/** A batch as a worker builds it, numbers in the places of its tensors. */
interface Whole {
  readonly epoch: number
  readonly index: number
  readonly rank: number
  readonly worker: number
  readonly size: number
  readonly indices: Float64Array
  readonly columns: unknown
}

const FIELDS: ReadonlySet<string> = new Set(["columns", "epoch", "index", "indices", "rank", "size", "worker"])

/** A tensor that lies in memory. */
type InMemory = Extract<EncodedTensor, { readonly _tag: "InMemory" }>

/** Which slot a tensor lies in, and how far from its start. */
interface Part {
  readonly slot: number
  readonly offset: number
  readonly tensor: InMemory
}

/** A layout that was sent. */
interface Known {
  readonly layout: number
  readonly size: number
  readonly rank: number
  readonly columns: unknown
  readonly parts: ReadonlyArray<Part>
  /** How long its slots are. */
  readonly lengths: ReadonlyArray<number>
}

/**
 * The layouts that a thread has sent.
 *
 * @since 0.1.0
 */
export class SentLayouts {
  readonly #known: Array<Known> = []

  /**
   * The number of a batch's layout, and whether it is a new one; none if there is more to the batch than a layout and
   * addresses. `asked` are the rows that it was requested for.
   */
  of(
    { batch, draws, retried, slots, tensors, times }: BuiltReply,
    asked: Float64Array
  ): { readonly layout: number; readonly isNew: boolean } | undefined {
    if (
      !isWhole(batch) ||
      draws.length > 0 ||
      times !== undefined ||
      retried !== undefined ||
      !SharedQueue.fits(slots.length) ||
      !same(batch.indices, asked)
    )
      return undefined
    for (const known of this.#known) {
      if (isLike(known, batch, tensors, slots)) return { layout: known.layout, isNew: false }
    }
    if (this.#known.length === MOST || !isFrame(batch.columns)) return undefined
    const parts = tensors.map((own) => partOf(own, slots))
    if (!parts.every((part) => part !== undefined)) return undefined
    const { columns, rank, size } = batch
    const layout = this.#known.length
    this.#known.push({ layout, size, rank, columns, parts, lengths: slots.map(({ length }) => length) })
    return { layout, isNew: true }
  }
}

/** The most layouts that are kept: if every batch has another one, none is worth sending. */
const MOST = 64

/**
 * A layout, as its receiver knows it.
 *
 * @since 0.1.0
 */
export class BatchLayout {
  readonly #whole: Whole
  readonly #lengths: ReadonlyArray<number>
  readonly #parts: ReadonlyArray<Part>

  constructor({ batch, slots, tensors }: BuiltReply) {
    this.#whole = batch as Whole // `SentLayouts` numbers no other
    this.#lengths = slots.map(({ length }) => length)
    // `SentLayouts` numbers none with other parts.
    this.#parts = tensors.flatMap((own) => partOf(own, slots) ?? [])
  }

  /** The slots of a batch of this layout, by their addresses. */
  slots(addresses: ReadonlyArray<number>): ReadonlyArray<MemorySlot> {
    // As many addresses as the first of its layout had slots.
    return this.#lengths.map((length, at) => ({ address: addresses[at] as number, length }))
  }

  /** A batch of this layout, with the tensors that `tensor` makes. */
  batch(
    { batch, epoch, indices, worker }: BatchRequest,
    addresses: ReadonlyArray<number>,
    tensor: (own: InMemory) => Tensor
  ): Batch<unknown> {
    const whole = this.#whole
    const columns = putTensors(whole.columns, (index) => {
      const { offset, slot, tensor: own } = this.#parts[index] as Part // as many as numbers
      return tensor({ ...own, address: (addresses[slot] as number) + offset }) // as above
    })
    return { ...whole, epoch, index: batch, worker, indices, columns }
  }
}

const isWhole = (value: unknown): value is Whole => {
  if (!isRecord(value)) return false
  let count = 0
  for (const field in value) {
    if (!FIELDS.has(field)) return false
    count++
  }
  return count === FIELDS.size && value["indices"] instanceof Float64Array
}

/** Whether there is nothing in a value but records, lists, and numbers of tensors. */
const isFrame = (value: unknown): boolean => {
  if (Array.isArray(value)) return value.every(isFrame)
  if (!isRecord(value)) return false
  return typeof value[TENSOR] === "number" || Object.values(value).every(isFrame)
}

const same = (one: Float64Array, other: Float64Array): boolean => {
  if (one.length !== other.length) return false
  for (let row = 0; row < one.length; row++) {
    if (one[row] !== other[row]) return false
  }
  return true
}

const slotOf = (own: { readonly address: number }, slots: ReadonlyArray<MemorySlot>): number =>
  slots.findIndex(({ address, length }) => own.address >= address && own.address <= address + length)

/** A tensor's place within its slot, and its look; none for one that lies in no slot. */
const partOf = (own: EncodedTensor, slots: ReadonlyArray<MemorySlot>): Part | undefined => {
  if (own._tag === "Sent") return undefined
  const at = slotOf(own, slots)
  const slot = slots[at]
  return slot === undefined ? undefined : { slot: at, offset: own.address - slot.address, tensor: own }
}

/** Whether a batch has a layout: all but its coordinates and addresses are as those of the first that had it. */
const isLike = (
  known: Known,
  { columns, rank, size }: Whole,
  tensors: ReadonlyArray<EncodedTensor>,
  slots: ReadonlyArray<MemorySlot>
): boolean => {
  if (known.size !== size || known.rank !== rank) return false
  if (known.parts.length !== tensors.length || known.lengths.length !== slots.length) return false
  for (let at = 0; at < slots.length; at++) {
    if (slots[at]?.length !== known.lengths[at]) return false
  }
  for (let at = 0; at < tensors.length; at++) {
    const own = tensors[at] as EncodedTensor // as many as there are parts
    if (own._tag === "Sent" || !isAt(known.parts[at] as Part, own, slots)) return false
  }
  return equal(known.columns, columns)
}

const isAt = ({ offset, slot, tensor }: Part, own: InMemory, slots: ReadonlyArray<MemorySlot>): boolean =>
  own.address - (slots[slot]?.address ?? 0) === offset &&
  own.length === tensor.length &&
  own.dtype === tensor.dtype &&
  own.clamped === tensor.clamped &&
  own.shape.length === tensor.shape.length &&
  own.shape.every((length, axis) => length === tensor.shape[axis])

/** Whether two frames are equal; anything else is equal to nothing. */
const equal = (one: unknown, other: unknown): boolean => {
  if (typeof one === "number") return one === other
  if (Array.isArray(one)) {
    return (
      Array.isArray(other) && one.length === other.length && one.every((part: unknown, at) => equal(part, other[at]))
    )
  }
  if (!(isRecord(one) && isRecord(other))) return false
  let count = 0
  for (const key in one) {
    if (!equal(one[key], other[key])) return false
    count++
  }
  for (const _ in other) count--
  return count === 0
}
