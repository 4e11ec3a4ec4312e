/**
 * Bytes that come in order, as far as they were not taken yet.
 *
 * @since 0.1.0
 */

/** The first buffer has so many bytes. */
const LEAST = 2 ** 16

/** @since 0.1.0 */
export class Bytes {
  #buffer = new Uint8Array(LEAST)
  #start = 0
  #end = 0
  /** Where the first byte that was not taken stands in the shard. */
  offset: number

  constructor(offset: number) {
    this.offset = offset
  }

  /** What was not taken yet: a view, until bytes are added. */
  get view(): Uint8Array {
    return this.#buffer.subarray(this.#start, this.#end)
  }

  add(bytes: Uint8Array): void {
    const length = this.#end - this.#start
    const needed = length + bytes.length
    if (this.#end + bytes.length > this.#buffer.length) {
      const own = needed > this.#buffer.length / 2 ? new Uint8Array(Math.max(2 * needed, LEAST)) : this.#buffer
      own.set(this.view)
      this.#buffer = own
      this.#start = 0
      this.#end = length
    }
    this.#buffer.set(bytes, this.#end)
    this.#end += bytes.length
  }

  /** Takes `length` bytes from an offset on, and drops what is before; they are the caller's own. */
  take(offset: number, length: number): Uint8Array {
    const from = this.#start + offset - this.offset
    const own = this.#buffer.slice(from, from + length)
    this.#start = from + length
    this.offset = offset + length
    return own
  }
}
