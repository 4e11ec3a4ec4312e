/**
 * Philox 4×64-10, NumPy's counter generator: Salmon and others, "Parallel random numbers: as easy as 1, 2, 3" (2011).
 * Furrow's own streams use the 32-bit sibling, in `seeding/generators/Philox4x32.ts`.
 *
 * @since 0.1.0
 */
import { whole } from "../../core/Check.ts"
import { type BitGenerator, type Kind, upper } from "./BitGenerator.ts"
import type { SeedSequence } from "./SeedSequence.ts"

const ROUNDS = 10
const M0_LOW = 0xe14c6c93
const M0_HIGH = 0xd2e7470e
const M1_LOW = 0x95121157
const M1_HIGH = 0xca5a8263
const WEYL0_LOW = 0x7f4a7c15
const WEYL0_HIGH = 0x9e3779b9
const WEYL1_LOW = 0x84caa73b
const WEYL1_HIGH = 0xbb67ae85

const TWO_POW_32 = 2 ** 32

/** Where {@link multiply} puts its product, lowest word first; one for all, as nothing is kept in it. */
const product = new Uint32Array(4)

const multiply = (aLow: number, aHigh: number, bLow: number, bHigh: number): void => {
  product[0] = Math.imul(aLow, bLow)
  const sum1 = upper(aLow, bLow) + (Math.imul(aLow, bHigh) >>> 0) + (Math.imul(aHigh, bLow) >>> 0)
  product[1] = sum1
  const sum2 = ((sum1 / TWO_POW_32) | 0) + upper(aLow, bHigh) + upper(aHigh, bLow) + (Math.imul(aHigh, bHigh) >>> 0)
  product[2] = sum2
  product[3] = upper(aHigh, bHigh) + ((sum2 / TWO_POW_32) | 0)
}

/**
 * A counter of 256 bits under a key of 128; each count gives four words of 64 bits.
 *
 * @since 0.1.0
 */
export class Philox4x64 implements BitGenerator {
  low = 0
  high = 0
  /** Words of 32 bits, lowest first, as are key and block. */
  readonly #counter = new Uint32Array(8)
  readonly #key = new Uint32Array(4)
  readonly #block = new Uint32Array(8)
  /** How many of the block's four words are used up. */
  #used = 4

  /** Keyed by two 64-bit words of `sequence`, the counter at 0. */
  static fromSequence(sequence: SeedSequence): Philox4x64 {
    const philox = new Philox4x64()
    philox.#key.set(sequence.generateState(4))
    return philox
  }

  /** Put where another one stood. Throws `InvalidOption` when the last word is not from 0 to 4. */
  static fromState(words: ReadonlyArray<number>): Philox4x64 {
    const philox = new Philox4x64()
    philox.#counter.set(words.slice(0, 8))
    philox.#key.set(words.slice(8, 12))
    philox.#block.set(words.slice(12, 20))
    philox.#used = whole("the place in a Philox block", words[20] ?? 0, 0, 4)
    return philox
  }

  /** Eight words of the counter, four of the key, eight of the block, and how many of its four words are used up. */
  state(): ReadonlyArray<number> {
    return [...this.#counter, ...this.#key, ...this.#block, this.#used]
  }

  next(): void {
    if (this.#used === 4) this.#refill()
    this.low = this.#block[2 * this.#used] as number
    this.high = this.#block[2 * this.#used + 1] as number
    this.#used++
  }

  #refill(): void {
    const counter = this.#counter
    const block = this.#block
    for (let index = 0; index < 8; index++) {
      const next = ((counter[index] as number) + 1) >>> 0
      counter[index] = next
      if (next !== 0) break
    }
    block.set(counter)
    // Read place by place: taking arrays apart by pattern costs several times the arithmetic.
    let key0 = this.#key[0] as number
    let key1 = this.#key[1] as number
    let key2 = this.#key[2] as number
    let key3 = this.#key[3] as number
    for (let round = 0; round < ROUNDS; round++) {
      multiply(block[0] as number, block[1] as number, M0_LOW, M0_HIGH)
      const low0 = product[0] as number
      const high0 = product[1] as number
      const mixed2 = (product[2] as number) ^ (block[6] as number) ^ key2
      const mixed3 = (product[3] as number) ^ (block[7] as number) ^ key3
      multiply(block[4] as number, block[5] as number, M1_LOW, M1_HIGH)
      block[0] = (product[2] as number) ^ (block[2] as number) ^ key0
      block[1] = (product[3] as number) ^ (block[3] as number) ^ key1
      block[2] = product[0] as number
      block[3] = product[1] as number
      block[4] = mixed2
      block[5] = mixed3
      block[6] = low0
      block[7] = high0
      const sum0 = key0 + WEYL0_LOW
      key1 = (key1 + WEYL0_HIGH + (sum0 >= TWO_POW_32 ? 1 : 0)) >>> 0
      key0 = sum0 >>> 0
      const sum2 = key2 + WEYL1_LOW
      key3 = (key3 + WEYL1_HIGH + (sum2 >= TWO_POW_32 ? 1 : 0)) >>> 0
      key2 = sum2 >>> 0
    }
    this.#used = 0
  }
}

/** Philox as a kind: `numpy-philox`, and `numpy-philox-state`. @since 0.1.0 */
export const kind: Kind = {
  algorithm: "numpy-philox",
  stateWords: 21,
  fromSequence: Philox4x64.fromSequence,
  fromState: Philox4x64.fromState
}
