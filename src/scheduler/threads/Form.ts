/**
 * What batches have in common that differ in nothing but their place and the numbers in their tensors, as all but the
 * last of an epoch do: said once, by a message; from then on such a batch is its form's number and some addresses.
 *
 * @since 0.1.0
 */
import type { Batch } from "../../stages/Batch.ts"
import { isRecord } from "../../stages/Lease.ts"
import type { Tensor } from "../../Tensor.ts"
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

const FIELDS = ["columns", "epoch", "index", "indices", "rank", "size", "worker"].join()

/**
 * The forms that a thread has sent.
 *
 * @since 0.1.0
 */
export class Sent {
  readonly #known = new Map<string, number>()

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
    if (!isFrame(batch.columns)) return undefined
    const parts = laid.map((own) => relative(own, slots))
    if (parts.includes(undefined)) return undefined
    const key = JSON.stringify([
      batch.size,
      batch.rank,
      batch.worker,
      batch.columns,
      parts,
      slots.map(({ length }) => length)
    ])
    const known = this.#known.get(key)
    const form = known ?? this.#known.size
    if (known === undefined) this.#known.set(key, form)
    return { form, first: known === undefined }
  }
}

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
    this.#parts = laid.flatMap((own) => {
      if (own._tag === "Sent") return [] // `Sent` numbers none with such a part
      const slot = slotOf(own, slots)
      return [{ slot, offset: own.address - (slots[slot]?.address ?? 0), laid: own }]
    })
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

const isWhole = (value: unknown): value is Whole =>
  isRecord(value) && Object.keys(value).toSorted().join() === FIELDS && value["indices"] instanceof Float64Array

/** Whether there is nothing in a value but records, lists, and stand-ins for tensors. */
const isFrame = (value: unknown): boolean => {
  if (Array.isArray(value)) return value.every(isFrame)
  if (!isRecord(value)) return false
  return typeof value[LAID] === "number" || Object.values(value).every(isFrame)
}

const same = (one: Float64Array, other: Float64Array): boolean =>
  one.length === other.length && one.every((index, row) => index === other[row])

const slotOf = (own: { readonly address: number }, slots: ReadonlyArray<Slot>): number =>
  slots.findIndex(({ address, length }) => own.address >= address && own.address <= address + length)

/** A tensor's place within its slot, and its look. */
const relative = (own: Laid, slots: ReadonlyArray<Slot>): ReadonlyArray<unknown> | undefined => {
  if (own._tag === "Sent") return undefined
  const at = slotOf(own, slots)
  const slot = slots[at]
  return slot === undefined
    ? undefined
    : [at, own.address - slot.address, own.length, own.dtype, own.clamped, own.shape]
}
