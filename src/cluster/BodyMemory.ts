/**
 * Memory that batches are received into, used again once nobody reads it: fresh memory costs more than what is written to it.
 *
 * @since 0.1.0
 */

/** Lengths are rounded up to so many steps between two powers of two, so that batches of about one length share memory. */
const STEPS = 8

/** Shorter ones are not kept: they cost no more than keeping them. */
const SHORTEST = 4096

/** @since 0.1.0 */
export class BodyMemory {
  readonly #free = new Map<number, Array<ArrayBuffer>>()
  readonly #most: number
  #kept = 0

  /** `most`: how many bytes that nobody reads are kept. */
  constructor(most: number) {
    this.#most = most
  }

  /** Memory of so many bytes. What lay there before may still do so. */
  readonly take = (bytes: number): Uint8Array<ArrayBuffer> => {
    if (bytes < SHORTEST) return new Uint8Array(new ArrayBuffer(bytes))
    const size = rounded(bytes)
    const known = this.#free.get(size)?.pop()
    if (known !== undefined) this.#kept -= size
    return new Uint8Array(known ?? new ArrayBuffer(size), 0, bytes)
  }

  /** Gives back what {@link take} gave: nobody reads it any more. */
  give({ buffer, length }: Uint8Array<ArrayBuffer>): void {
    const size = buffer.byteLength
    if (length < SHORTEST || this.#kept + size > this.#most) return
    this.#kept += size
    const known = this.#free.get(size)
    if (known === undefined) this.#free.set(size, [buffer])
    else known.push(buffer)
  }
}

const rounded = (bytes: number): number => {
  const step = 2 ** Math.floor(Math.log2(bytes)) / STEPS
  return Math.ceil(bytes / step) * step
}
