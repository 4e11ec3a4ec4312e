/**
 * Philox4x32-10 for many counters at once, two by two: twin of `seeding/generators/Philox.ts`.
 */

const M0: i64 = 0xd2511f53
const M1: i64 = 0xcd9e8d57
const W0: u32 = 0x9e3779b9
const W1: u32 = 0xbb67ae85

/**
 * Writes the blocks at the counters `counters[4 i … 4 i + 3]`, 32-bit words, lowest first, to `target[4 i …]`, under
 * the key (`k0`, `k1`). `count` is even; counters and target may be the same memory.
 */
export function heads(counters: usize, count: i32, k0: u32, k1: u32, target: usize): void {
  const m0 = i64x2.splat(M0)
  const m1 = i64x2.splat(M1)
  const low = i64x2.splat(0xffffffff)
  for (let at = 0; at < count; at += 2, counters += 32, target += 32) {
    const a = v128.load(counters)
    const b = v128.load(counters, 16)
    // One word of each counter, in the low half of a 64-bit lane.
    let c0 = v128.and(i64x2.shuffle(a, b, 0, 2), low)
    let c1 = i64x2.shr_u(i64x2.shuffle(a, b, 0, 2), 32)
    let c2 = v128.and(i64x2.shuffle(a, b, 1, 3), low)
    let c3 = i64x2.shr_u(i64x2.shuffle(a, b, 1, 3), 32)
    let key0 = k0
    let key1 = k1
    for (let round = 0; round < 10; round++) {
      const p0 = i64x2.extmul_low_i32x4_u(i32x4.shuffle(c0, c0, 0, 2, 0, 2), i32x4.shuffle(m0, m0, 0, 2, 0, 2))
      const p1 = i64x2.extmul_low_i32x4_u(i32x4.shuffle(c2, c2, 0, 2, 0, 2), i32x4.shuffle(m1, m1, 0, 2, 0, 2))
      c0 = v128.xor(v128.xor(i64x2.shr_u(p1, 32), c1), i64x2.splat(<i64>key0))
      c1 = v128.and(p1, low)
      c2 = v128.xor(v128.xor(i64x2.shr_u(p0, 32), c3), i64x2.splat(<i64>key1))
      c3 = v128.and(p0, low)
      key0 += W0
      key1 += W1
    }
    const lower = v128.or(c0, i64x2.shl(c1, 32))
    const upper = v128.or(c2, i64x2.shl(c3, 32))
    v128.store(target, i64x2.shuffle(lower, upper, 0, 2))
    v128.store(target, i64x2.shuffle(lower, upper, 1, 3), 16)
  }
}
