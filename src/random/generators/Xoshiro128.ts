/**
 * xoshiro128**, Blackman and Vigna, "Scrambled linear pseudorandom number generators" (2021): 128 bits of state, any
 * but all zero, a period of 2^128 − 1, and a word in about two nanoseconds.
 *
 * @since 0.1.0
 */
import { InvalidOption } from "../../core/InvalidOption.ts"
import type { Seed } from "../Seed.ts"
import { Rng, registered } from "./Generator.ts"

/** The name by which a {@link Seed} asks for this generator. @since 0.1.0 */
export const algorithm = /* @__PURE__ */ registered("xoshiro128**", (seed) => make(seed.words))

/** What a generator stands at that was not started: one for all, as each batch makes several. */
const NONE: Uint32Array = new Uint32Array(4)

/**
 * A generator whose whole state is its four words, so that a seed *is* its start state.
 *
 * @since 0.1.0
 */
export class Xoshiro128 extends Rng {
  #s0 = 0
  #s1 = 0
  #s2 = 0
  #s3 = 0
  #words = NONE
  #at = 0

  /** The seed it was last started from. */
  get seed(): Seed {
    return { algorithm, words: Array.from(this.#words.subarray(this.#at, this.#at + 4)) }
  }

  /**
   * Restarts from `words[at … at + 3]`, allocating nothing. The words are kept by reference, for {@link seed}: leave
   * them as they are while this generator is in use.
   */
  reseed(words: Uint32Array, at: number): this {
    this.#words = words
    this.#at = at
    this.#s0 = (words[at] as number) | 0
    this.#s1 = (words[at + 1] as number) | 0
    this.#s2 = (words[at + 2] as number) | 0
    this.#s3 = (words[at + 3] as number) | 0
    return this
  }

  word(): number {
    const s1 = this.#s1
    const product = Math.imul(s1, 5)
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0
    const s2 = this.#s2 ^ this.#s0
    const s3 = this.#s3 ^ s1
    this.#s1 = s1 ^ s2
    this.#s0 ^= s3
    this.#s2 = s2 ^ (s1 << 9)
    this.#s3 = (s3 << 11) | (s3 >>> 21)
    return result
  }
}

/**
 * A generator at four words. Throws `InvalidOption` for another number of words, or when all are 0, the one state that
 * this generator never leaves.
 *
 * @since 0.1.0
 */
export const make = (words: ReadonlyArray<number>): Xoshiro128 => {
  if (words.length !== 4 || words.every((word) => word === 0)) {
    throw new InvalidOption({ option: `words of ${algorithm}`, value: words, expected: "four, not all 0" })
  }
  return new Xoshiro128().reseed(Uint32Array.from(words), 0)
}
