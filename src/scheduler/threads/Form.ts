/**
 * What batches have in common that differ in nothing but their place and the numbers in their tensors, as all but the
 * last of an epoch do: said once, by a message; from then on such a batch is its form's number and some addresses.
 *
 * @since 0.1.0
 */
import { isRecord } from "../../stages/Lease.ts"
import type { Alike } from "./Mailbox.ts"
import { Mailbox } from "./Mailbox.ts"
import type { Laid, Said, Slot } from "./Protocol.ts"
import { LAID } from "./Ring.ts"

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

/** A batch of a form that `first` was the first of. @since 0.1.0 */
export const alike = (first: Made, { addresses, batch, epoch, hash }: Alike, indices: Float64Array): Made => {
  const slots = first.slots.map(({ length }, at) => ({ address: addresses[at] as number, length })) // as many, by its form
  const laid = first.laid.map((own): Laid => {
    if (own._tag === "Sent") return own
    const at = slotOf(own, first.slots)
    return { ...own, address: own.address + (slots[at]?.address ?? 0) - (first.slots[at]?.address ?? 0) }
  })
  const whole = first.batch as Whole // `Sent` numbers no other
  return { ...first, slots, laid, hash, batch: { ...whole, epoch, index: batch, indices } }
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
