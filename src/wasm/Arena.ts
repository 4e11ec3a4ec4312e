/**
 * The memory that kernels work in: one stretch for all of a thread, which other threads can read.
 *
 * Kernels are WebAssembly, and reach nothing but their own memory. What lies there is worked on in place; all else is
 * copied in first, and out again.
 *
 * @since 0.1.0
 */
import { InvalidOption } from "../core/InvalidOption.ts"

const PAGE = 65_536

/** The most pages to ask for, 4 GiB, and fewer where a system does not give so many addresses. */
const MOST = [65_536, 16_384, 4096]

/** Addresses are multiples of this, so that any element type can be read in place. */
const ALIGNMENT = 64

/** How many bytes beyond a place kernels may read. */
const BEYOND = 32

/** What lies at the beginning is the kernels' own. */
const FIRST = PAGE

/**
 * Memory, and which parts of it are taken.
 *
 * @since 0.1.0
 */
export class Arena {
  readonly memory: WebAssembly.Memory
  /** The whole memory: a new view whenever it grows. Views taken before stay valid. */
  bytes: Uint8Array
  floats: Float32Array
  doubles: Float64Array
  words: Uint32Array
  readonly #limit: number
  #end = FIRST
  readonly #free = new Map<number, Array<number>>()
  #buffer: ArrayBufferLike | undefined
  readonly #buffers = new WeakSet<ArrayBufferLike>()

  /** Throws what the system throws when it gives no memory that threads can share. */
  constructor() {
    const { memory, pages } = reserve()
    this.memory = memory
    this.#limit = pages * PAGE
    this.bytes = new Uint8Array(0)
    this.floats = new Float32Array(0)
    this.doubles = new Float64Array(0)
    this.words = new Uint32Array(0)
    this.#look()
  }

  /** How many bytes have been asked of the system. */
  get size(): number {
    return this.bytes.length
  }

  /**
   * The address of `length` bytes, a multiple of 64, to be given back by {@link give}; `undefined` when there are not so
   * many left. What lay there before still does.
   */
  take(length: number): number | undefined {
    const size = rounded(length)
    const known = this.#free.get(size)?.pop()
    if (known !== undefined) return known
    const address = this.#end
    if (!this.#reach(address + size)) return undefined
    this.#end = address + size
    return address
  }

  /** Gives back what {@link take} gave for `length`. */
  give(address: number, length: number): void {
    const size = rounded(length)
    const known = this.#free.get(size)
    if (known === undefined) this.#free.set(size, [address])
    else known.push(address)
  }

  /** Where an array's first element lies, if it lies in this memory. */
  addressOf({
    buffer,
    byteOffset
  }: {
    readonly buffer: ArrayBufferLike
    readonly byteOffset: number
  }): number | undefined {
    return buffer === this.#buffer || this.#buffers.has(buffer) ? byteOffset : undefined
  }

  #reach(end: number): boolean {
    const missing = end - this.size
    if (missing <= 0) return true
    if (end > this.#limit) return false
    // Growing costs a call to the system: a quarter more than is wanted, as far as there is.
    const wanted = Math.min(Math.max(missing, this.size >> 2), this.#limit - this.size)
    try {
      this.memory.grow(Math.ceil(wanted / PAGE))
    } catch {
      return false
    }
    this.#look()
    return true
  }

  #look(): void {
    const { buffer } = this.memory
    this.#buffer = buffer
    this.#buffers.add(buffer)
    this.bytes = new Uint8Array(buffer)
    this.floats = new Float32Array(buffer)
    this.doubles = new Float64Array(buffer)
    this.words = new Uint32Array(buffer)
  }
}

const rounded = (length: number): number => {
  if (!(Number.isSafeInteger(length) && length >= 0)) {
    throw new InvalidOption({ option: "the length of a place", value: length, expected: "a whole number from 0 on" })
  }
  return Math.ceil((length + BEYOND) / ALIGNMENT) * ALIGNMENT
}

const reserve = (): { readonly memory: WebAssembly.Memory; readonly pages: number } => {
  let refusal: unknown
  for (const pages of MOST) {
    try {
      return { memory: new WebAssembly.Memory({ initial: FIRST / PAGE + 1, maximum: pages, shared: true }), pages }
    } catch (thrown) {
      refusal = thrown
    }
  }
  throw refusal
}
