/**
 * Reads Parquet's hybrid of run lengths and bit packing, in which levels and the indices of dictionaries are written:
 * https://parquet.apache.org/docs/file-format/data-pages/encodings/
 *
 * @since 0.1.0
 */
import { AGAIN, Malformed } from "../Malformed.ts"

/** Values of so many bits lie within 32 bits from the first of their bytes on. */
const IN_WORD = 25

/** Takes the runs of some bytes one by one. @since 0.1.0 */
export class Hybrid {
  readonly bytes: Uint8Array
  readonly width: number
  /** How many values the run has: at most as many as are left. */
  count = 0
  /** The value of all of a run; −1 if they are packed, from the byte `start` on. */
  value = 0
  start = 0
  #at: number
  readonly #end: number
  #left: number
  #view: DataView | undefined

  /** Values of `width` bits, at most 32, of which there are `left`. */
  constructor(bytes: Uint8Array, from: number, end: number, width: number, left: number) {
    this.bytes = bytes
    this.width = width
    this.#at = from
    this.#end = end
    this.#left = left
  }

  /** The same, from where it stands. */
  copy(): Hybrid {
    return new Hybrid(this.bytes, this.#at, this.#end, this.width, this.#left)
  }

  /** Moves to the next run; returns `false` behind the last value. Throws {@link Malformed} if there are too few. */
  next(): boolean {
    if (this.#left === 0) return false
    const header = this.#varint()
    const isPacked = header % 2 === 1
    const length = Math.floor(header / 2) * (isPacked ? 8 : 1)
    this.count = Math.min(length, this.#left)
    this.#left -= this.count
    if (this.count === 0) throw wrong()
    // Of the last group, some writers leave out the bytes that hold no values.
    const size = Math.ceil(((isPacked ? this.count : 1) * this.width) / 8)
    if (this.#at + size > this.#end) throw wrong()
    this.start = this.#at
    this.value = isPacked ? -1 : 0
    if (!isPacked) for (let byte = 0; byte < size; byte++) this.value += this.#byte(this.#at + byte) * 2 ** (8 * byte)
    this.#at = isPacked ? Math.min(this.#end, this.#at + (length * this.width) / 8) : this.#at + size
    return true
  }

  /** Writes the values that are left. */
  fill(into: Uint32Array, from: number): void {
    let at = from
    while (this.next()) {
      if (this.value >= 0) into.fill(this.value, at, at + this.count)
      else this.#unpack(into, at)
      at += this.count
    }
  }

  /** How many packed values of this run, from its first on, are within a word of 32 bits that begins with their byte. */
  get inWords(): number {
    const { bytes, count, start, width } = this
    if (width > IN_WORD) return 0
    // Near the end of the bytes there is no such word.
    return Math.min(count, Math.max(0, Math.floor((8 * (bytes.length - 3 - start)) / Math.max(1, width)) - 1))
  }

  /** The bytes, to read words from. */
  get view(): DataView {
    this.#view ??= new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength)
    return this.#view
  }

  /** Returns a packed value of this run. */
  packed(place: number): number {
    const { bytes, start, width } = this
    let value = 0
    for (let own = 0; own < width; own++) {
      const bit = place * width + own
      if (((bytes[start + (bit >>> 3)] ?? 0) >> (bit & 7)) & 1) value += 2 ** own
    }
    return value
  }

  /** Writes the packed values of this run. */
  #unpack(into: Uint32Array, from: number): void {
    const { count, inWords, start, view, width } = this
    const mask = 2 ** width - 1
    for (let place = 0, bit = 0; place < inWords; place++, bit += width) {
      into[from + place] = (view.getInt32(start + (bit >>> 3), true) >> (bit & 7)) & mask
    }
    for (let place = inWords; place < count; place++) into[from + place] = this.packed(place)
  }

  #varint(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#byte(this.#at++)
      value += (byte & 127) * 2 ** shift
      if (byte < 128) return value
    }
    throw wrong()
  }

  #byte(at: number): number {
    const byte = at < this.#end ? this.bytes[at] : undefined
    if (byte === undefined) throw wrong()
    return byte
  }
}

const wrong = (): Malformed => new Malformed(`a page ends before its levels or indices do; ${AGAIN}`)

/** How many bits the numbers up to `most` take. @since 0.1.0 */
export const bitsOf = (most: number): number => 32 - Math.clz32(most)
