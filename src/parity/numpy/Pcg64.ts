/**
 * PCG64 (XSL-RR 128/64), the bit generator of `np.random.default_rng`: O'Neill, "PCG: a family of simple fast
 * space-efficient statistically good algorithms for random number generation" (2014).
 *
 * @since 0.1.0
 */
import { InvalidOption } from "../../core/InvalidOption.ts"
import { type BitGenerator, type Kind, upper } from "./BitGenerator.ts"
import type { SeedSequence } from "./SeedSequence.ts"

/** The multiplier 0x2360ed051fc65da44385df649fccf645, lowest word first. */
const M0 = 0x9fccf645
const M1 = 0x4385df64
const M2 = 0x1fc65da4
const M3 = 0x2360ed05

const TWO_POW_32 = 2 ** 32

/**
 * A state of 128 bits and an odd increment of 128 bits that names the stream.
 *
 * @since 0.1.0
 */
export class Pcg64 implements BitGenerator {
  low = 0
  high = 0
  #s0 = 0
  #s1 = 0
  #s2 = 0
  #s3 = 0
  #i0 = 0
  #i1 = 0
  #i2 = 0
  #i3 = 0

  /** Seeded by four 64-bit words of `sequence`: the state and the stream, high halves first. */
  static fromSequence(sequence: SeedSequence): Pcg64 {
    const [s2 = 0, s3 = 0, s0 = 0, s1 = 0, i2 = 0, i3 = 0, i0 = 0, i1 = 0] = sequence.generateState(8)
    const pcg = new Pcg64()
    pcg.#i0 = ((i0 << 1) | 1) >>> 0
    pcg.#i1 = ((i1 << 1) | (i0 >>> 31)) >>> 0
    pcg.#i2 = ((i2 << 1) | (i1 >>> 31)) >>> 0
    pcg.#i3 = ((i3 << 1) | (i2 >>> 31)) >>> 0
    pcg.#step()
    pcg.#add(s0, s1, s2, s3)
    pcg.#step()
    return pcg
  }

  /** Put where another one stood. Throws `InvalidOption` when the increment is even, which no stream's is. */
  static fromState(words: ReadonlyArray<number>): Pcg64 {
    const [s0 = 0, s1 = 0, s2 = 0, s3 = 0, i0 = 0, i1 = 0, i2 = 0, i3 = 0] = words
    if (i0 % 2 !== 1) throw new InvalidOption({ option: "the increment of a PCG64 state", value: i0, expected: "odd" })
    const pcg = new Pcg64()
    pcg.#s0 = s0
    pcg.#s1 = s1
    pcg.#s2 = s2
    pcg.#s3 = s3
    pcg.#i0 = i0
    pcg.#i1 = i1
    pcg.#i2 = i2
    pcg.#i3 = i3
    return pcg
  }

  /** The state in four words, then the increment in four. */
  state(): ReadonlyArray<number> {
    return [this.#s0, this.#s1, this.#s2, this.#s3, this.#i0, this.#i1, this.#i2, this.#i3]
  }

  next(): void {
    this.#step()
    const low = this.#s2 ^ this.#s0
    const high = this.#s3 ^ this.#s1
    const by = this.#s3 >>> 26
    // Turned right by up to 63 places: from 32 on the halves change places first. A shift by 32 is one by 0 in
    // JavaScript, so turning by 0 goes its own way.
    const first = by < 32 ? low : high
    const second = by < 32 ? high : low
    const rest = by & 31
    this.low = rest === 0 ? first >>> 0 : ((first >>> rest) | (second << (32 - rest))) >>> 0
    this.high = rest === 0 ? second >>> 0 : ((second >>> rest) | (first << (32 - rest))) >>> 0
  }

  /** state × multiplier + increment, modulo 2^128. */
  #step(): void {
    const s0 = this.#s0
    const s1 = this.#s1
    const s2 = this.#s2
    const s3 = this.#s3
    this.#s0 = Math.imul(s0, M0) >>> 0
    const sum1 = upper(s0, M0) + (Math.imul(s0, M1) >>> 0) + (Math.imul(s1, M0) >>> 0)
    this.#s1 = sum1 >>> 0
    const sum2 =
      ((sum1 / TWO_POW_32) | 0) +
      upper(s0, M1) +
      upper(s1, M0) +
      (Math.imul(s0, M2) >>> 0) +
      (Math.imul(s1, M1) >>> 0) +
      (Math.imul(s2, M0) >>> 0)
    this.#s2 = sum2 >>> 0
    this.#s3 =
      (((sum2 / TWO_POW_32) | 0) +
        upper(s0, M2) +
        upper(s1, M1) +
        upper(s2, M0) +
        (Math.imul(s0, M3) >>> 0) +
        (Math.imul(s1, M2) >>> 0) +
        (Math.imul(s2, M1) >>> 0) +
        (Math.imul(s3, M0) >>> 0)) >>>
      0
    this.#add(this.#i0, this.#i1, this.#i2, this.#i3)
  }

  #add(w0: number, w1: number, w2: number, w3: number): void {
    const sum0 = this.#s0 + w0
    const sum1 = this.#s1 + w1 + (sum0 >= TWO_POW_32 ? 1 : 0)
    const sum2 = this.#s2 + w2 + (sum1 >= TWO_POW_32 ? 1 : 0)
    this.#s0 = sum0 >>> 0
    this.#s1 = sum1 >>> 0
    this.#s2 = sum2 >>> 0
    this.#s3 = (this.#s3 + w3 + (sum2 >= TWO_POW_32 ? 1 : 0)) >>> 0
  }
}

/** PCG64 as a kind: `numpy-pcg64`, and `numpy-pcg64-state` with state and increment. @since 0.1.0 */
export const kind: Kind = {
  algorithm: "numpy-pcg64",
  stateWords: 8,
  fromSequence: Pcg64.fromSequence,
  fromState: Pcg64.fromState
}
