/**
 * Memory for the columns of batches, which is used again once batches are given back: half a megabyte takes 23 µs there, and
 * in a run up to 160 µs in fresh memory, since garbage piles up and each comes from fresh pages.
 *
 * @since 0.1.0
 */
import { BufferPool } from "../core/BufferPool.ts"
import { type ColumnArrays, fresh } from "../core/ColumnArrays.ts"
import { isKind } from "../core/Tensor.ts"
import { KEPT_FROM_USE, Quarantine } from "./Lease.ts"

/** Smaller columns are not worth it: engines have them at hand. */
const SMALLEST = 4096

/** The pool keeps as much as so many batches take, of the largest that there was. */
const BATCHES = 4

/** So many buffers at most. */
const MOST_BUFFERS = 128

/** The memory of a run's batches. @since 0.1.0 */
export class ColumnMemory {
  readonly #debug: boolean
  readonly #quarantine: Quarantine<ArrayBuffer>
  readonly #pool = new BufferPool(MOST_BUFFERS, () => BATCHES * this.#largest)
  /** How many bytes the largest batch has taken. */
  #largest = 0

  /** With `debug`, memory is overwritten as soon as it is given back, so that late reads show. */
  constructor(debug = false) {
    this.#debug = debug
    this.#quarantine = new Quarantine(debug ? KEPT_FROM_USE : 0)
  }

  /** Returns memory of so many bytes, which hold anything. */
  take(bytes: number): ArrayBuffer {
    return this.#pool.take(bytes)
  }

  /** A batch has taken so many bytes. */
  counted(bytes: number): void {
    this.#largest = Math.max(this.#largest, bytes)
  }

  /** Takes back what nobody reads any more. */
  give(buffers: ReadonlyArray<ArrayBuffer>): void {
    if (this.#debug) {
      // One that its reader has sent elsewhere is empty.
      for (const buffer of buffers) if (buffer.byteLength > 0) new Uint8Array(buffer).fill(0xff)
    }
    for (const buffer of this.#quarantine.pass(buffers)) this.#pool.give(buffer)
  }
}

/** What one batch takes of a run's memory. @since 0.1.0 */
export class BatchMemory implements ColumnArrays {
  readonly #memory: ColumnMemory
  #taken: Array<ArrayBuffer> = []

  constructor(memory: ColumnMemory) {
    this.#memory = memory
  }

  readonly array: ColumnArrays["array"] = (Kind, length) => {
    const bytes = length * Kind.BYTES_PER_ELEMENT
    // Others, such as Node's `Buffer`, are made by their own constructors.
    if (bytes < SMALLEST || !isKind(Kind)) return new Kind(length)
    const buffer = this.#memory.take(bytes)
    this.#taken.push(buffer)
    return new Kind(buffer, 0, length)
  }

  readonly copy: ColumnArrays["copy"] = (Kind, numbers) => {
    if (numbers.length * Kind.BYTES_PER_ELEMENT < SMALLEST || !isKind(Kind)) return fresh.copy(Kind, numbers)
    const own = this.array(Kind, numbers.length)
    // As above.
    ;(own as Float64Array).set(numbers as Float64Array)
    return own
  }

  /** Leaves what was taken to whoever has it. */
  forget(): void {
    if (this.#taken.length > 0) this.#taken = []
  }

  /** Returns what was taken since this was last asked. */
  taken(): ReadonlyArray<ArrayBuffer> {
    if (this.#taken.length === 0) return NONE
    const all = this.#taken
    this.#taken = []
    this.#memory.counted(all.reduce((sum, { byteLength }) => sum + byteLength, 0))
    return all
  }
}

const NONE: ReadonlyArray<ArrayBuffer> = []
