/**
 * A log of generator states, in which those that were there before can be found: exact, by the algorithm and all words of a
 * state, not by a hash of them.
 *
 * A state is noted in the middle of a training step's wait, so noting one is a copy of its words, 10 ns. Repeats are looked
 * for when they are asked for: 0.1 µs a state. A `Set` of strings takes 2 µs at once, and ends at 16.7 million.
 *
 * @since 0.1.0
 */

/** What {@link StateLog.repeats} finds. @since 0.1.0 */
export interface Repeats {
  /** How many states are equal to one before them. */
  readonly count: number
  /** The numbers of the first of them, in that order: states are numbered from 0 as they are noted. */
  readonly first: ReadonlyArray<number>
}

/** Compares the numbers of two states: below 0 if the one comes before the other. @since 0.1.0 */
export type Order = (one: number, other: number) => number

/** @since 0.1.0 */
export class StateLog {
  /** The states of each algorithm and number of words. */
  readonly #parts = new Map<string, Part>()
  #last: Part | undefined
  #size = 0

  /** How many states were noted. */
  get size(): number {
    return this.#size
  }

  /** Notes `count` states of `width` words each, one after the other in `words`. */
  add(algorithm: string, width: number, words: ArrayLike<number>, count = 1): void {
    const isLast = this.#last?.algorithm === algorithm && this.#last.width === width
    const part = isLast && this.#last !== undefined ? this.#last : this.#partOf(algorithm, width)
    this.#last = part
    part.add(this.#size, words, count)
    this.#size += count
  }

  /** The states that are equal to one before them in an order, by default that of their numbers; the first `most` of them. */
  repeats(most: number, order: Order = (one, other) => one - other): Repeats {
    let count = 0
    const numbers: Array<number> = []
    for (const part of this.#parts.values()) {
      part.repeated(order, (number) => {
        count++
        numbers.push(number)
        if (numbers.length <= 64 * most) return
        numbers.sort(order)
        numbers.length = most
      })
    }
    return { count, first: numbers.sort(order).slice(0, most) }
  }

  #partOf(algorithm: string, width: number): Part {
    const key = `${width} ${algorithm}`
    const known = this.#parts.get(key)
    if (known !== undefined) return known
    const part = new Part(algorithm, width)
    this.#parts.set(key, part)
    return part
  }
}

/** The states of one algorithm and number of words. */
class Part {
  readonly algorithm: string
  readonly width: number
  #words: Uint32Array
  #count = 0
  /** For each row of states that were noted at once: the place of its first one here, and its number in the log. */
  readonly #places: Array<number> = []
  readonly #numbers: Array<number> = []

  constructor(algorithm: string, width: number) {
    this.algorithm = algorithm
    this.width = width
    this.#words = new Uint32Array(width << 8)
  }

  add(number: number, words: ArrayLike<number>, count: number): void {
    const { width } = this
    const at = this.#count * width
    const length = count * width
    if (at + length > this.#words.length) {
      const more = new Uint32Array(Math.max(2 * this.#words.length, at + length))
      more.set(this.#words.subarray(0, at))
      this.#words = more
    }
    if (words instanceof Uint32Array) this.#words.set(words.length === length ? words : words.subarray(0, length), at)
    else for (let word = 0; word < length; word++) this.#words[at + word] = words[word] ?? 0
    // What continues the row before is a part of it.
    const row = this.#places.length - 1
    if (row < 0 || number - (this.#numbers[row] ?? 0) !== this.#count - (this.#places[row] ?? 0)) {
      this.#places.push(this.#count)
      this.#numbers.push(number)
    }
    this.#count += count
  }

  /** Calls `each` with the number of each state that is equal to one before it in an order. */
  repeated(order: Order, each: (number: number) => void): void {
    const hashes = this.#hashes()
    const sortedPlaces = sorted(hashes)
    /** Of the states of one hash, those that differ: of each the place of the first one, and its number. */
    let different: Array<{ readonly place: number; first: number }> = []
    for (let at = 1; at < sortedPlaces.length; at++) {
      const before = sortedPlaces[at - 1] ?? 0
      const place = sortedPlaces[at] ?? 0
      if (hashes[before] !== hashes[place]) {
        if (different.length > 0) different = []
        continue
      }
      if (different.length === 0) different.push({ place: before, first: this.#numberOf(before) })
      const number = this.#numberOf(place)
      const equal = different.find((one) => this.#equal(one.place, place))
      if (equal === undefined) different.push({ place, first: number })
      else if (order(equal.first, number) < 0) each(number)
      else {
        each(equal.first)
        equal.first = number
      }
    }
  }

  /** The finalizer of MurmurHash3, word by word: a policy of one's own may count its seeds up. */
  #hashes(): Uint32Array {
    const { width } = this
    const words = this.#words
    const hashes = new Uint32Array(this.#count)
    for (let place = 0, at = 0; place < this.#count; place++) {
      let hash = 0
      for (let word = 0; word < width; word++, at++) {
        hash = Math.imul(hash ^ (words[at] ?? 0), 0x85ebca6b)
        hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
        hash ^= hash >>> 16
      }
      hashes[place] = hash
    }
    return hashes
  }

  #equal(one: number, other: number): boolean {
    const { width } = this
    for (let word = 0; word < width; word++) {
      if (this.#words[one * width + word] !== this.#words[other * width + word]) return false
    }
    return true
  }

  #numberOf(place: number): number {
    let [low, high] = [0, this.#places.length]
    while (high - low > 1) {
      const middle = (low + high) >>> 1
      if ((this.#places[middle] ?? 0) <= place) low = middle
      else high = middle
    }
    return (this.#numbers[low] ?? 0) + place - (this.#places[low] ?? 0)
  }
}

const BITS = 11
const DIGITS = 1 << BITS

/** The indices of `keys` in ascending order of these; equal ones in their own order. A radix sort. */
const sorted = (keys: Uint32Array): Uint32Array => {
  let from = new Uint32Array(keys.length)
  for (let index = 0; index < from.length; index++) from[index] = index
  let to = new Uint32Array(keys.length)
  for (let shift = 0; shift < 32; shift += BITS) {
    const starts = new Uint32Array(DIGITS + 1)
    for (let at = 0; at < keys.length; at++) {
      const next = (((keys[at] ?? 0) >>> shift) & (DIGITS - 1)) + 1
      starts[next] = (starts[next] ?? 0) + 1
    }
    for (let digit = 1; digit <= DIGITS; digit++) starts[digit] = (starts[digit] ?? 0) + (starts[digit - 1] ?? 0)
    for (let at = 0; at < from.length; at++) {
      const index = from[at] ?? 0
      const digit = ((keys[index] ?? 0) >>> shift) & (DIGITS - 1)
      const place = starts[digit] ?? 0
      to[place] = index
      starts[digit] = place + 1
    }
    ;[from, to] = [to, from]
  }
  return from
}
