/**
 * Whole numbers below a bound, and the shuffle that rests on them.
 *
 * @since 0.1.0
 */
import { whole } from "../../core/Check.ts"
import type { Words } from "./Words.ts"

const TWO_POW_32 = 2 ** 32
/** Up to this bound its product with a word is exact in a float64. */
const EXACT = 2 ** 21

/**
 * A uniform whole number below `bound`: Lemire's multiplication (2019), which divides only in the rare case that a
 * rejection is near. Bounds over 2^32 take 53 bits at a time and reject what lies beyond the last full multiple.
 *
 * @since 0.1.0
 */
export const integer = (rng: Pick<Words, "word">, bound: number): number => {
  if ((bound | 0) === bound && bound >= 1 && bound <= EXACT) {
    let product = rng.word() * bound
    let high = Math.floor(product / TWO_POW_32)
    let low = product - high * TWO_POW_32
    if (low < bound) {
      const threshold = (TWO_POW_32 - bound) % bound
      while (low < threshold) {
        product = rng.word() * bound
        high = Math.floor(product / TWO_POW_32)
        low = product - high * TWO_POW_32
      }
    }
    return high
  }
  if (!(bound >= 1 && bound <= TWO_POW_32 && bound === Math.floor(bound))) return wide(rng, bound)
  if (bound === TWO_POW_32) return rng.word()
  // The 64-bit product of the word and the bound, in two exact halves of 16 bits of the word each.
  const word = rng.word()
  const upper = (word >>> 16) * bound
  const lower = (word & 0xffff) * bound + (upper % 65536) * 65536
  let high = Math.floor(upper / 65536) + Math.floor(lower / TWO_POW_32)
  let low = lower % TWO_POW_32
  if (low < bound) {
    const threshold = (TWO_POW_32 - bound) % bound
    while (low < threshold) {
      const again = rng.word()
      const up = (again >>> 16) * bound
      const down = (again & 0xffff) * bound + (up % 65536) * 65536
      high = Math.floor(up / 65536) + Math.floor(down / TWO_POW_32)
      low = down % TWO_POW_32
    }
  }
  return high
}

const wide = (rng: Pick<Words, "word">, bound: number): number => {
  whole("bound", bound, 1)
  const limit = 2 ** 53 - (2 ** 53 % bound)
  for (;;) {
    const high = rng.word() >>> 5
    const value = high * 67108864 + (rng.word() >>> 6)
    if (value < limit) return value % bound
  }
}

/**
 * Fisher and Yates' shuffle, in place, from the last place to the second.
 *
 * @since 0.1.0
 */
export const shuffle = (rng: Pick<Words, "integer">, items: Uint32Array | Float64Array | Array<unknown>): void => {
  for (let last = items.length - 1; last > 0; last--) {
    const other = rng.integer(last + 1)
    const item = items[last]
    items[last] = items[other]
    items[other] = item
  }
}
