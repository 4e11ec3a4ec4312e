/**
 * The generators once more, in bigints and straight from their papers' formulas: slow, and with nothing in common with
 * the code under test but the formulas.
 */

const MASK = 0xffffffffn
const M0 = 0xd2511f53n
const M1 = 0xcd9e8d57n
const W0 = 0x9e3779b9n
const W1 = 0xbb67ae85n

export type Four = readonly [number, number, number, number]
export type Two = readonly [number, number]

/** Philox4x32-10: the block at a counter under a key. */
export const philox = (counter: Four, key: Two): Four => {
  let [c0, c1, c2, c3] = big(counter)
  for (let round = 0n; round < 10n; round++) {
    const k0 = (BigInt(key[0]) + round * W0) & MASK
    const k1 = (BigInt(key[1]) + round * W1) & MASK
    const first = M0 * c0
    const second = M1 * c2
    c0 = (second >> 32n) ^ c1 ^ k0
    c1 = second & MASK
    c2 = (first >> 32n) ^ c3 ^ k1
    c3 = first & MASK
  }
  return [Number(c0), Number(c1), Number(c2), Number(c3)]
}

/** The counter whose block under `key` is `block`: each round undone, from the last to the first. */
export const philoxInverse = (block: Four, key: Two): Four => {
  let [c0, c1, c2, c3] = big(block)
  for (let round = 9n; round >= 0n; round--) {
    const k0 = (BigInt(key[0]) + round * W0) & MASK
    const k1 = (BigInt(key[1]) + round * W1) & MASK
    // The low halves of the products give back the factors, the multipliers being odd.
    const factor0 = (c3 * inverse(M0)) & MASK
    const factor2 = (c1 * inverse(M1)) & MASK
    const one = ((M1 * factor2) >> 32n) ^ c0 ^ k0
    const three = ((M0 * factor0) >> 32n) ^ c2 ^ k1
    c0 = factor0
    c1 = one
    c2 = factor2
    c3 = three
  }
  return [Number(c0), Number(c1), Number(c2), Number(c3)]
}

/** The inverse of an odd number modulo 2^32, by Newton's iteration. */
const inverse = (odd: bigint): bigint => {
  let found = 1n
  for (let step = 0; step < 6; step++) found = (found * (2n - odd * found)) & MASK
  return found
}

const big = ([a, b, c, d]: Four): [bigint, bigint, bigint, bigint] => [BigInt(a), BigInt(b), BigInt(c), BigInt(d)]

/** The next `count` words of xoshiro128** from a state. */
export const xoshiro = (state: Four, count: number): Array<number> => {
  let [s0, s1, s2, s3] = big(state)
  const turn = (value: bigint, by: bigint): bigint => ((value << by) | (value >> (32n - by))) & MASK
  return Array.from({ length: count }, () => {
    const word = (turn((s1 * 5n) & MASK, 7n) * 9n) & MASK
    const shifted = (s1 << 9n) & MASK
    s2 ^= s0
    s3 ^= s1
    s1 ^= s2
    s0 ^= s3
    s2 ^= shifted
    s3 = turn(s3, 11n)
    return Number(word)
  })
}
