/**
 * What batches have in common that differ in nothing but their place and the numbers in their tensors, as all but the
 * last of an epoch do: said once, by a message; from then on such a batch is its form's number and some addresses.
 *
 * @since 0.1.0
 */

import { isRecord } from "../../../core/Record.ts"
import type { Tensor } from "../../../core/Tensor.ts"
import type { Batch } from "../../../pipeline/Batch.ts"
import type { Alike } from "./Mailbox.ts"
import { Mailbox } from "./Mailbox.ts"
import type { Laid, Said, Slot } from "./Protocol.ts"
import { LAID, restore } from "./Ring.ts"

/** A batch on its way. @since 0.1.0 */
export type Made = Extract<Said, { readonly _tag: "Made" }>

/** A batch as a worker makes it, its tensors replaced by their stand-ins. */
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

/** A form that was sent. */
interface Known {
  readonly form: number
  readonly size: number
  readonly rank: number
  readonly worker: number
  readonly columns: unknown
  readonly parts: ReadonlyArray<Part>
  /** How long its slots are. */
  readonly lengths: ReadonlyArray<number>
}

/**
 * The forms that a thread has sent.
 *
 * @since 0.1.0
 */
export class Sent {
  readonly #known: Array<Known> = []

  /**
   * The number of a batch's form, and whether it is a new one; none when there is more to the batch than a form and
   * addresses. `asked` are the rows that it was asked for.
   */
  of(
    { batch, draws, laid, slots, times }: Made,
    asked: Float64Array
  ): { readonly form: number; readonly first: boolean } | undefined {
    if (
      !isWhole(batch) ||
      draws.length > 0 ||
      times !== undefined ||
      !Mailbox.fits(slots.length) ||
      !same(batch.indices, asked)
    )
      return undefined
    for (const known of this.#known) {
      if (isLike(known, batch, laid, slots)) return { form: known.form, first: false }
    }
    if (this.#known.length === MOST || !isFrame(batch.columns)) return undefined
    const parts = laid.map((own) => partOf(own, slots))
    if (!parts.every((part) => part !== undefined)) return undefined
    const { columns, rank, size, worker } = batch
    const form = this.#known.length
    this.#known.push({ form, size, rank, worker, columns, parts, lengths: slots.map(({ length }) => length) })
    return { form, first: true }
  }
}

/** How many forms are looked through: where each batch has another one, none is worth it. */
const MOST = 64

/** A batch that came as its form and addresses. @since 0.1.0 */
export interface Like {
  readonly _tag: "Like"
  readonly form: Form
  readonly alike: Alike
  /** The rows that it was asked for. */
  readonly indices: Float64Array
  readonly slots: ReadonlyArray<Slot>
}

/** What lies in memory. */
type InMemory = Extract<Laid, { readonly _tag: "Laid" }>

interface Part {
  readonly slot: number
  readonly offset: number
  readonly laid: InMemory
}

/**
 * A form, as its receiver knows it.
 *
 * @since 0.1.0
 */
export class Form {
  readonly #whole: Whole
  /** How long its slots are, and which of them each tensor lies in, how far from its start. */
  readonly #lengths: ReadonlyArray<number>
  readonly #parts: ReadonlyArray<Part>

  constructor({ batch, laid, slots }: Made) {
    this.#whole = batch as Whole // `Sent` numbers no other
    this.#lengths = slots.map(({ length }) => length)
    // `Sent` numbers none with other parts.
    this.#parts = laid.flatMap((own) => partOf(own, slots) ?? [])
  }

  like(alike: Alike, indices: Float64Array): Like {
    const { addresses } = alike
    // As many addresses as the first of its form had slots.
    const slots = this.#lengths.map((length, at) => ({ address: addresses[at] as number, length }))
    return { _tag: "Like", form: this, alike, indices, slots }
  }

  /** A batch of this form, with the tensors that `tensor` makes. */
  batch({ addresses, batch, epoch }: Alike, indices: Float64Array, tensor: (laid: InMemory) => Tensor): Batch<unknown> {
    const whole = this.#whole
    const columns = restore(whole.columns, (index) => {
      const { laid, offset, slot } = this.#parts[index] as Part // as many as stand-ins
      return tensor({ ...laid, address: (addresses[slot] as number) + offset }) // as above
    })
    return { ...whole, epoch, index: batch, indices, columns }
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

/** Whether there is nothing in a value but records, lists, and stand-ins for tensors. */
const isFrame = (value: unknown): boolean => {
  if (Array.isArray(value)) return value.every(isFrame)
  if (!isRecord(value)) return false
  return typeof value[LAID] === "number" || Object.values(value).every(isFrame)
}

const same = (one: Float64Array, other: Float64Array): boolean => {
  if (one.length !== other.length) return false
  for (let row = 0; row < one.length; row++) {
    if (one[row] !== other[row]) return false
  }
  return true
}

const slotOf = (own: { readonly address: number }, slots: ReadonlyArray<Slot>): number =>
  slots.findIndex(({ address, length }) => own.address >= address && own.address <= address + length)

/** A tensor's place within its slot, and its look; none for one that lies in no slot. */
const partOf = (own: Laid, slots: ReadonlyArray<Slot>): Part | undefined => {
  if (own._tag === "Sent") return undefined
  const at = slotOf(own, slots)
  const slot = slots[at]
  return slot === undefined ? undefined : { slot: at, offset: own.address - slot.address, laid: own }
}

/** Whether a batch has a form: all but its place and addresses are as those of the first that had it. */
const isLike = (
  known: Known,
  { columns, rank, size, worker }: Whole,
  laid: ReadonlyArray<Laid>,
  slots: ReadonlyArray<Slot>
): boolean => {
  if (known.size !== size || known.rank !== rank || known.worker !== worker) return false
  if (known.parts.length !== laid.length || known.lengths.length !== slots.length) return false
  for (let at = 0; at < slots.length; at++) {
    if (slots[at]?.length !== known.lengths[at]) return false
  }
  for (let at = 0; at < laid.length; at++) {
    const own = laid[at] as Laid // as many as there are parts
    if (own._tag === "Sent" || !isAt(known.parts[at] as Part, own, slots)) return false
  }
  return equal(known.columns, columns)
}

const isAt = ({ laid, offset, slot }: Part, own: InMemory, slots: ReadonlyArray<Slot>): boolean =>
  own.address - (slots[slot]?.address ?? 0) === offset &&
  own.length === laid.length &&
  own.dtype === laid.dtype &&
  own.clamped === laid.clamped &&
  own.shape.length === laid.shape.length &&
  own.shape.every((length, axis) => length === laid.shape[axis])

/** Whether two frames are the same; what is no frame is the same as none. */
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
