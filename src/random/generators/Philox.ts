/**
 * Philox4x32-10, the counter-based generator of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as
 * 1, 2, 3" (SC 2011). Under a fixed 64-bit key it is a bijection of the 128-bit counter: two counters never give the
 * same block. That is what Furrow's promise of disjoint start states stands on.
 *
 * @since 0.1.0
 */
import { kernels } from "../../wasm/Kernels.ts"
import { Place } from "../../wasm/Place.ts"

const M0 = 0xd2511f53
const M1 = 0xcd9e8d57
const W0 = 0x9e3779b9
const W1 = 0xbb67ae85

const M0_LOW = M0 & 0xffff
const M0_HIGH = M0 >>> 16
const M1_LOW = M1 & 0xffff
const M1_HIGH = M1 >>> 16

/**
 * Writes the block of four 32-bit words at counter (`c0` lowest … `c3` highest) under key (`k0`, `k1`) to
 * `out[at … at + 3]`. All words are taken modulo 2^32. Allocates nothing.
 *
 * @since 0.1.0
 */
export const block = (
  c0: number,
  c1: number,
  c2: number,
  c3: number,
  k0: number,
  k1: number,
  out: Uint32Array,
  at: number
): void => {
  for (let round = 0; round < 10; round++) {
    // The high halves of the two 32 × 32 → 64-bit products, by 16-bit limbs. No sum overflows 32 bits, so all of it
    // stays in integer registers; the same in doubles costs twice the time.
    const c0Low = c0 & 0xffff
    const c0High = c0 >>> 16
    const cross0 = Math.imul(M0_HIGH, c0Low) + (Math.imul(M0_LOW, c0Low) >>> 16)
    const carry0 = Math.imul(M0_LOW, c0High) + (cross0 & 0xffff)
    const high0 = Math.imul(M0_HIGH, c0High) + (cross0 >>> 16) + (carry0 >>> 16)
    const c2Low = c2 & 0xffff
    const c2High = c2 >>> 16
    const cross1 = Math.imul(M1_HIGH, c2Low) + (Math.imul(M1_LOW, c2Low) >>> 16)
    const carry1 = Math.imul(M1_LOW, c2High) + (cross1 & 0xffff)
    const high1 = Math.imul(M1_HIGH, c2High) + (cross1 >>> 16) + (carry1 >>> 16)
    const low0 = Math.imul(M0, c0)
    const low1 = Math.imul(M1, c2)
    c0 = high1 ^ c1 ^ k0
    c1 = low1
    c2 = high0 ^ c3 ^ k1
    c3 = low0
    k0 = (k0 + W0) | 0
    k1 = (k1 + W1) | 0
  }
  out[at] = c0
  out[at + 1] = c1
  out[at + 2] = c2
  out[at + 3] = c3
}

/** Below so many blocks a call of the kernel costs more than it spares. */
const FEW = 8

let scratch: Place | undefined

/**
 * The same for many counters at once: each four words of `counters` are replaced by the block at them. One call of a
 * SIMD kernel, where there is one.
 *
 * @since 0.1.0
 */
export const blocks = (counters: Uint32Array, k0: number, k1: number): void => {
  const count = counters.length / 4
  const own = count < FEW ? undefined : kernels()
  // The kernel takes two at a time.
  const length = 16 * (count + (count & 1))
  if (own !== undefined && (scratch?.length ?? 0) < length) scratch = Place.take(own.arena, length)
  if (own === undefined || scratch === undefined || scratch.length < length) {
    for (let at = 0; at < counters.length; at += 4) {
      // Below the length, four by four.
      const [c0, c1] = [counters[at] as number, counters[at + 1] as number]
      block(c0, c1, counters[at + 2] as number, counters[at + 3] as number, k0, k1, counters, at)
    }
    return
  }
  const { words } = own.arena
  const from = scratch.address >>> 2
  words.set(counters, from)
  own.heads(scratch.address, count + (count & 1), k0, k1, scratch.address)
  counters.set(words.subarray(from, from + counters.length))
}
