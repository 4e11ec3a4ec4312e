/**
 * MT19937, the generator under NumPy's `RandomState`, PyTorch's CPU generator and CPython's `random`: Matsumoto and
 * Nishimura, "Mersenne Twister: a 623-dimensionally equidistributed uniform pseudo-random number generator" (1998),
 * with the seeding that its authors gave it in 2002. This is the bare twister: words in order, nothing drawn from them.
 *
 * @since 0.1.0
 */
import { whole } from "../core/Check.ts"
import { InvalidOption } from "../core/InvalidOption.ts"

const SIZE = 624
const MIDDLE = 397
const UPPER = 0x80000000
const LOWER = 0x7fffffff
const TWIST = 0x9908b0df

/** Where a twister stands: its 624 words, and how many of them are used up. @since 0.1.0 */
export interface Mt19937State {
  /** 624 words of 32 bits. */
  readonly words: Uint32Array
  /** From 0 to 624; at 624 the next draw makes 624 new words first. */
  readonly position: number
}

/**
 * The bare Mersenne Twister. Its state has NumPy's form: after seeding the position is 624, all words used up.
 *
 * @since 0.1.0
 */
export class Mt19937 {
  readonly #words: Uint32Array
  #position: number

  private constructor(words: Uint32Array, position: number) {
    this.#words = words
    this.#position = position
  }

  /**
   * Started from one number, as `init_genrand` does. Throws `InvalidOption` unless `seed` is a whole number from 0 to
   * 2^32 − 1.
   */
  static fromSeed(seed: number): Mt19937 {
    const words = new Uint32Array(SIZE)
    let word = whole("an MT19937 seed", seed, 0, 2 ** 32 - 1)
    words[0] = word
    for (let index = 1; index < SIZE; index++) {
      word = (Math.imul(1812433253, word ^ (word >>> 30)) + index) >>> 0
      words[index] = word
    }
    return new Mt19937(words, SIZE)
  }

  /**
   * Started from a key of any length but 0, as `init_by_array` does. Throws `InvalidOption` for an empty key or a word
   * that is not a whole number from 0 to 2^32 − 1.
   */
  static fromArray(key: ArrayLike<number>): Mt19937 {
    const length = key.length
    if (length === 0) throw new InvalidOption({ option: "an MT19937 key", value: [], expected: "at least one word" })
    for (let index = 0; index < length; index++) {
      whole(`word ${index} of an MT19937 key`, key[index] as number, 0, 2 ** 32 - 1)
    }
    const twister = Mt19937.fromSeed(19650218)
    const words = twister.#words
    let last = words[0] as number
    let at = 1
    let part = 0
    for (let round = Math.max(SIZE, length); round > 0; round--) {
      const mixed = (words[at] as number) ^ Math.imul(last ^ (last >>> 30), 1664525)
      last = (mixed + (key[part] as number) + part) >>> 0
      words[at] = last
      if (++at === SIZE) {
        words[0] = last
        at = 1
      }
      if (++part === length) part = 0
    }
    for (let round = SIZE - 1; round > 0; round--) {
      const mixed = (words[at] as number) ^ Math.imul(last ^ (last >>> 30), 1566083941)
      last = (mixed - at) >>> 0
      words[at] = last
      if (++at === SIZE) {
        words[0] = last
        at = 1
      }
    }
    words[0] = UPPER
    return twister
  }

  /**
   * Put where another one stood; `words` is copied. Throws `InvalidOption` unless there are 624 words and the position
   * is from 0 to 624.
   */
  static fromState(words: ArrayLike<number>, position: number): Mt19937 {
    if (words.length !== SIZE) {
      throw new InvalidOption({ option: "the length of an MT19937 state", value: words.length, expected: `${SIZE}` })
    }
    whole("the position of an MT19937 state", position, 0, SIZE)
    for (let index = 0; index < SIZE; index++) {
      whole(`word ${index} of an MT19937 state`, words[index] as number, 0, 2 ** 32 - 1)
    }
    return new Mt19937(Uint32Array.from(words), position)
  }

  /** The next 32 random bits, from 0 to 2^32 − 1. */
  word(): number {
    if (this.#position >= SIZE) this.#refill()
    let word = this.#words[this.#position++] as number
    word ^= word >>> 11
    word ^= (word << 7) & 0x9d2c5680
    word ^= (word << 15) & 0xefc60000
    return (word ^ (word >>> 18)) >>> 0
  }

  /** Where it stands; a copy, so it keeps while this one goes on. */
  state(): Mt19937State {
    return { words: this.#words.slice(), position: this.#position }
  }

  /** Another one that will draw what this one would. */
  clone(): Mt19937 {
    return new Mt19937(this.#words.slice(), this.#position)
  }

  #refill(): void {
    const words = this.#words
    // Three stretches, so that no index needs a remainder.
    for (let index = 0; index < SIZE - MIDDLE; index++) {
      words[index] = twist(words[index] as number, words[index + 1] as number, words[index + MIDDLE] as number)
    }
    for (let index = SIZE - MIDDLE; index < SIZE - 1; index++) {
      words[index] = twist(words[index] as number, words[index + 1] as number, words[index + MIDDLE - SIZE] as number)
    }
    words[SIZE - 1] = twist(words[SIZE - 1] as number, words[0] as number, words[MIDDLE - 1] as number)
    this.#position = 0
  }
}

const twist = (word: number, next: number, far: number): number => {
  const mixed = (word & UPPER) | (next & LOWER)
  return far ^ (mixed >>> 1) ^ (-(next & 1) & TWIST)
}
