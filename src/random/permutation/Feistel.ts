/**
 * A permutation as an alternating Feistel network over the smallest range 2^bits that holds `size` items, walked along
 * its cycle until it comes out below `size` (Black and Rogaway, "Ciphers with arbitrary finite domains", 2002; used to
 * shuffle by Mitchell, Stokes, Frank and Holmes, "Bandwidth-optimal random shuffling for GPUs", 2021). The range is
 * less than twice the size, so a walk has fewer than two steps on average: about 50 to 130 ns. It takes 80 bytes of
 * keys, whatever the size.
 *
 * Rounds: 10. From 4 rounds on a Feistel network is a strong pseudorandom permutation (Luby and Rackoff, 1988), but
 * only for far fewer questions than it has items, while an epoch asks for all; with more rounds that bound nears the
 * number of items (Patarin, 2004), and NIST takes 10 for its own small-domain cipher (SP 800-38G, FF1). Measured at
 * 2^17 items, the differences between places 512 apart are off with 4 rounds and clean from 6 on. The round function
 * is not a cryptographic one: the order is random, not secret.
 *
 * @since 0.1.0
 */
import { whole } from "../../core/Check.ts"
import type { Rng } from "../generators/Generator.ts"
import { outside, type Permutation, within } from "./Bijection.ts"

const ROUNDS = 10

/** The permutation as a keyed network, at any size. @since 0.1.0 */
export const network = (size: number, rng: Rng): Permutation => {
  whole("size", size, 0)
  // Both halves need a bit at least, and 27 at most: so the rounds stay in 32-bit integers.
  let bits = 2
  while (2 ** bits < size) bits++
  const highBits = Math.floor(bits / 2)
  const lowBits = bits - highBits
  const split = 2 ** lowBits
  const toHigh = 32 - highBits
  const toLow = 32 - lowBits
  const keys = new Int32Array(2 * ROUNDS)
  for (let key = 0; key < keys.length; key++) keys[key] = rng.word()

  const forward = (value: number): number => {
    let high = (value / split) | 0
    let low = (value - high * split) | 0
    for (let key = 0; key < 2 * ROUNDS; key += 4) {
      // The keys are as many as the loop counts.
      high ^= mix(low, keys[key] as number, keys[key + 1] as number) >>> toHigh
      low ^= mix(high, keys[key + 2] as number, keys[key + 3] as number) >>> toLow
    }
    return high * split + low
  }

  const backward = (value: number): number => {
    let high = (value / split) | 0
    let low = (value - high * split) | 0
    for (let key = 2 * ROUNDS - 4; key >= 0; key -= 4) {
      low ^= mix(high, keys[key + 2] as number, keys[key + 3] as number) >>> toLow
      high ^= mix(low, keys[key] as number, keys[key + 1] as number) >>> toHigh
    }
    return high * split + low
  }

  // A cycle that starts below `size` comes back below it, so both walks end.
  return {
    size,
    at: (position) => {
      if (!within(position, size)) outside("position", position, size)
      let item = forward(position)
      while (item >= size) item = forward(item)
      return item
    },
    positionOf: (item) => {
      if (!within(item, size)) outside("item", item, size)
      let position = backward(item)
      while (position >= size) position = backward(position)
      return position
    }
  }
}

/**
 * 32 bits from 27 and two keys, of which the caller takes the highest, the ones that all input bits reach. Shifts and
 * multipliers are those of Wellons' `lowbias32` (2018); the second key between its two products keeps two rounds whose
 * first keys are near from being near themselves.
 */
const mix = (half: number, first: number, second: number): number => {
  const one = half ^ first
  const two = (Math.imul(one ^ (one >>> 16), 0x7feb352d) + second) | 0
  return Math.imul(two ^ (two >>> 15), 0x846ca68b)
}
