/**
 * What stands under a NumPy `Generator`: 64 random bits at a time, as two halves, so that no bigint is made on the way.
 *
 * @since 0.1.0
 */
import type { SeedSequence } from "./SeedSequence.ts"

/** A source of 64-bit words. @since 0.1.0 */
export interface BitGenerator {
  /** The last word's low 32 bits. */
  readonly low: number
  /** The last word's high 32 bits. */
  readonly high: number
  /** Makes the next 64-bit word. */
  next(): void
  /** All of its state in 32-bit words, lowest first. */
  state(): ReadonlyArray<number>
}

/** A kind of bit generator, and its two ways to start. @since 0.1.0 */
export interface Kind {
  /** The algorithm of seeds that hold a `SeedSequence`; with `-state` behind it, of those that hold a state. */
  readonly algorithm: string
  /** How many words its state has. */
  readonly stateWords: number
  readonly fromSequence: (sequence: SeedSequence) => BitGenerator
  /** Starts where {@link BitGenerator.state} was taken. */
  readonly fromState: (words: ReadonlyArray<number>) => BitGenerator
}

/**
 * The high 32 bits of the product of two 32-bit words; `Math.imul` gives the low ones. In 16-bit halves, none of the
 * sums passes 2^32.
 *
 * @since 0.1.0
 */
export const upper = (a: number, b: number): number => {
  const aLow = a & 0xffff
  const aHigh = a >>> 16
  const bLow = b & 0xffff
  const bHigh = b >>> 16
  const first = aHigh * bLow + ((aLow * bLow) >>> 16)
  const second = aLow * bHigh + (first & 0xffff)
  return aHigh * bHigh + (first >>> 16) + (second >>> 16)
}
