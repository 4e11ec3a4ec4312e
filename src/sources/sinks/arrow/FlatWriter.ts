/**
 * Writes FlatBuffers, the encoding of Arrow's metadata: from the end to the start, so that what is referred to is there
 * before what refers to it.
 *
 * https://flatbuffers.dev/internals/
 *
 * @since 0.1.0
 */

/** A field of a table by its number: a number of so many bytes, or the place of what it refers to. @since 0.1.0 */
export type FlatField = readonly [id: number, kind: "int8" | "int16" | "int32" | "int64" | "place", value: number]

const SIZES = { int8: 1, int16: 2, int32: 4, int64: 8, place: 4 } as const

const encoder = new TextEncoder()

/** One buffer. Places count from its end. @since 0.1.0 */
export class FlatWriter {
  #bytes = new Uint8Array(1024)
  #view = new DataView(this.#bytes.buffer)
  #length = 0

  text(text: string): number {
    const bytes = encoder.encode(text)
    this.#align(4, bytes.length + 1)
    this.#put("int8", 0)
    this.#room(bytes.length)
    this.#length += bytes.length
    this.#bytes.set(bytes, this.#bytes.length - this.#length)
    return this.#put("int32", bytes.length)
  }

  /** A vector of tables or texts. */
  places(places: ReadonlyArray<number>): number {
    this.#align(4, 4 * places.length)
    for (const place of places.toReversed()) this.#put("place", place)
    return this.#put("int32", places.length)
  }

  /** A vector of structs of numbers of 64 bits, so many in each. */
  longs(count: number, values: ReadonlyArray<number>): number {
    this.#align(4, 8 * values.length)
    this.#align(8, 8 * values.length)
    for (const value of values.toReversed()) this.#put("int64", value)
    return this.#put("int32", count)
  }

  table(fields: ReadonlyArray<FlatField>): number {
    const start = this.#length
    const count = fields.reduce((most, [id]) => Math.max(most, id + 1), 0)
    const slots = new Array<number>(count).fill(0)
    for (const [id, kind, value] of fields.toSorted(([, one], [, other]) => SIZES[other] - SIZES[one])) {
      this.#align(SIZES[kind], 0)
      slots[id] = this.#put(kind, value)
    }
    this.#align(4, 0)
    const place = this.#put("int32", 0)
    for (const slot of slots.toReversed()) this.#put("int16", slot === 0 ? 0 : place - slot)
    this.#put("int16", place - start)
    this.#put("int16", 4 + 2 * count)
    this.#view.setInt32(this.#bytes.length - place, this.#length - place, true)
    return place
  }

  /** The buffer whose root is a table. */
  finish(root: number): Uint8Array {
    this.#align(8, 4)
    this.#put("place", root)
    return this.#bytes.slice(this.#bytes.length - this.#length)
  }

  /** Pads so that what follows after `more` bytes is aligned. */
  #align(size: number, more: number): void {
    const gap = -(this.#length + more) & (size - 1)
    this.#room(gap)
    this.#length += gap
  }

  #put(kind: FlatField[1], value: number): number {
    const size = SIZES[kind]
    this.#room(size)
    this.#length += size
    const at = this.#bytes.length - this.#length
    if (kind === "int8") this.#view.setInt8(at, value)
    else if (kind === "int16") this.#view.setInt16(at, value, true)
    else if (kind === "int64") this.#view.setBigInt64(at, BigInt(value), true)
    // What a field refers to comes after it.
    else this.#view.setInt32(at, kind === "place" ? this.#length - value : value, true)
    return this.#length
  }

  #room(more: number): void {
    if (this.#length + more <= this.#bytes.length) return
    const larger = new Uint8Array(2 * (this.#length + more + 8))
    larger.set(this.#bytes.subarray(this.#bytes.length - this.#length), larger.length - this.#length)
    this.#bytes = larger
    this.#view = new DataView(larger.buffer)
  }
}
