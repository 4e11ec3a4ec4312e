/**
 * The rival that cannot be beaten: the SIMD kernel alone, on the same images in the same memory. Order, places and flips
 * are drawn and written down before the clock runs; the result goes to one place, over and over. What is left is one
 * call a batch.
 */
import { kernels } from "../../../src/kernels/Kernels.ts"
import type { Absent, Contestant } from "../measure.ts"
import { BATCH, images, MEAN, PADDING, SAMPLES, SIDE, STD } from "../work/w1.ts"

const NAME = "the SIMD kernel alone"
/** 32-bit words that describe a window to the kernel. */
const WORDS = 12

export const bareKernel = (): Contestant | Absent => {
  const own = kernels()
  const source = own?.arena.addressOf(images.data)
  const rows = own?.arena.take(4 * WORDS * SAMPLES)
  const constants = own?.arena.take(20)
  const target = own?.arena.take(4 * BATCH * SIDE * SIDE)
  if (own === undefined || source === undefined) return { name: NAME, absent: "there are no kernels here" }
  if (rows === undefined || constants === undefined || target === undefined) {
    return { name: NAME, absent: "there is no memory left for it" }
  }
  const { doubles, floats, words } = own.arena
  doubles[constants / 8] = 1 / (255 * STD)
  doubles[constants / 8 + 1] = -MEAN / STD
  floats[constants / 4 + 4] = -MEAN / STD
  const order = Uint32Array.from({ length: SAMPLES }, (_, index) => index)
  for (let last = SAMPLES - 1; last > 0; last--) {
    const other = Math.floor(Math.random() * (last + 1))
    const item = order[last] as number // below SAMPLES, as is `other`
    order[last] = order[other] as number
    order[other] = item
  }
  const integer = (): number => Math.floor(Math.random() * (2 * PADDING + 1)) - PADDING
  order.forEach((index, row) => {
    const flipped = Math.random() < 0.5
    const left = integer()
    const x = flipped ? left + SIDE - 1 : left
    const window = [source + index * SIDE * SIDE, integer(), 1, x, flipped ? -1 : 1, 0, SIDE, 0, SIDE]
    words.set(window, rows / 4 + WORDS * row)
  })
  return {
    name: NAME,
    run: () => {
      for (let first = 0; first < SAMPLES; first += BATCH) {
        const count = Math.min(BATCH, SAMPLES - first)
        const at = rows + 4 * WORDS * first
        own.cutScaledRows(at, count, SIDE, SIDE * SIDE, 1, SIDE, SIDE, constants, 0, 0, target)
      }
      return SAMPLES
    }
  }
}
