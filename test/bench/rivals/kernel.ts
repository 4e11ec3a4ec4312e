/**
 * The rivals that have the same SIMD kernel on the same images in the same memory, and nothing around it but a loop. The
 * result goes to one place, over and over.
 */
import { type Kernels, kernels } from "../../../src/wasm/Kernels.ts"
import { BATCH, images, MEAN, PADDING, SAMPLES, SIDE, STD } from "../loads/w1.ts"
import type { Absent, Contestant } from "../measure.ts"

const ALONE = "the SIMD kernel alone"
const DRAWING = "the SIMD kernel in a loop that shuffles and draws"
/** 32-bit words that describe a window to the kernel. */
const WORDS = 12

/** Taken before any run is open: while one is, the global is governed, which costs some nanoseconds. */
const { random } = Math

interface Setup {
  readonly own: Kernels
  /** Where the first image begins. */
  readonly source: number
  /** Where `SAMPLES` windows have room, and where the constants and the result lie. */
  readonly rows: number
  readonly constants: number
  readonly target: number
}

const setup = (): Setup | string => {
  const own = kernels()
  const source = own?.arena.addressOf(images.data)
  if (own === undefined || source === undefined) return "there are no kernels here"
  const rows = own.arena.take(4 * WORDS * SAMPLES)
  const constants = own.arena.take(24)
  const target = own.arena.take(4 * BATCH * SIDE * SIDE)
  if (rows === undefined || constants === undefined || target === undefined) return "there is no memory left for it"
  const { doubles, floats, words } = own.arena
  doubles[constants / 8] = 1 / (255 * STD)
  doubles[constants / 8 + 1] = -MEAN / STD
  floats[constants / 4 + 4] = -MEAN / STD
  words[constants / 4 + 5] = 0
  return { own, source, rows, constants, target }
}

const shuffled = (): Uint32Array => {
  const order = new Uint32Array(SAMPLES)
  for (let index = 0; index < SAMPLES; index++) order[index] = index
  for (let last = SAMPLES - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1))
    const item = order[last] as number // below SAMPLES, as is `other`
    order[last] = order[other] as number
    order[other] = item
  }
  return order
}

/** Writes down one window of random place, flipped or not. */
const draw = (words: Uint32Array, at: number, address: number): void => {
  const top = Math.floor(random() * (2 * PADDING + 1)) - PADDING
  const left = Math.floor(random() * (2 * PADDING + 1)) - PADDING
  const flipped = random() < 0.5
  words[at] = address
  words[at + 1] = top
  words[at + 2] = 1
  words[at + 3] = flipped ? left + SIDE - 1 : left
  words[at + 4] = flipped ? -1 : 1
  words[at + 5] = 0
  words[at + 6] = SIDE
  words[at + 7] = 0
  words[at + 8] = SIDE
}

const cut = ({ constants, own, rows, target }: Setup, first: number): void => {
  const count = Math.min(BATCH, SAMPLES - first)
  own.cutScaledRows(rows + 4 * WORDS * first, count, SIDE, SIDE * SIDE, 1, SIDE, SIDE, constants, 0, 0, target)
}

/** Order, places and flips are drawn before the clock runs: what is left is one call a batch. It cannot be beaten. */
export const bareKernel = (): Contestant | Absent => {
  const own = setup()
  if (typeof own === "string") return { name: ALONE, absent: own }
  const { words } = own.own.arena
  shuffled().forEach((index, row) => {
    draw(words, own.rows / 4 + WORDS * row, own.source + index * SIDE * SIDE)
  })
  return {
    name: ALONE,
    run: () => {
      for (let first = 0; first < SAMPLES; first += BATCH) cut(own, first)
      return SAMPLES
    }
  }
}

/** All of W1 by hand around the kernel: what a loader that costs nothing would come to. */
export const kernelLoop = (): Contestant | Absent => {
  const own = setup()
  if (typeof own === "string") return { name: DRAWING, absent: own }
  return {
    name: DRAWING,
    run: () => {
      const { words } = own.own.arena
      const order = shuffled()
      for (let first = 0; first < SAMPLES; first += BATCH) {
        for (let row = first; row < Math.min(first + BATCH, SAMPLES); row++) {
          draw(words, own.rows / 4 + WORDS * row, own.source + (order[row] as number) * SIDE * SIDE)
        }
        cut(own, first)
      }
      return SAMPLES
    }
  }
}
