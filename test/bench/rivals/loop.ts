/**
 * The rival: what a good programmer writes by hand for this one job. Shuffle, crop (padding 4), flip, normalize, batch
 * of 128, all in one loop over the pixels: no stages, no seeds to replay, no workers, no errors with a place.
 */

import { MEAN, PADDING, SIDE, STD } from "../loads/w1.ts"

/** Taken before any run is open: while one is, the global is governed, which costs some nanoseconds. */
const { random } = Math

/** One epoch; gives the number of samples, so that the work cannot be left out. */
export const trainLoop = (images: Uint8Array, labels: Uint8Array, samples: number, batch: number): number => {
  const order = new Uint32Array(samples)
  for (let index = 0; index < samples; index++) order[index] = index
  for (let last = samples - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1))
    const item = order[last] as number
    order[last] = order[other] as number
    order[other] = item
  }

  const table = new Float32Array(256)
  for (let value = 0; value < 256; value++) table[value] = (value / 255 - MEAN) / STD
  const background = table[0] as number

  let seen = 0
  for (let first = 0; first < samples; first += batch) {
    const size = Math.min(batch, samples - first)
    const image = new Float32Array(size * SIDE * SIDE)
    const label = new Uint8Array(size)
    for (let row = 0; row < size; row++) {
      const index = order[first + row] as number
      label[row] = labels[index] as number
      const top = Math.floor(random() * (2 * PADDING + 1)) - PADDING
      const left = Math.floor(random() * (2 * PADDING + 1)) - PADDING
      const flipped = random() < 0.5
      const begin = flipped ? Math.max(left, 0) : Math.max(-left, 0)
      const end = flipped ? Math.min(SIDE + left, SIDE) : Math.min(SIDE - left, SIDE)
      const step = flipped ? -1 : 1
      const start = flipped ? left + SIDE - 1 - begin : left + begin
      let out = row * SIDE * SIDE
      for (let y = 0; y < SIDE; y++) {
        const line = y + top
        if (line < 0 || line >= SIDE) {
          for (let x = 0; x < SIDE; x++) image[out++] = background
          continue
        }
        let read = index * SIDE * SIDE + line * SIDE + start
        for (let x = 0; x < begin; x++) image[out++] = background
        for (let x = begin; x < end; x++) {
          image[out++] = table[images[read] as number] as number
          read += step
        }
        for (let x = end; x < SIDE; x++) image[out++] = background
      }
    }
    seen += consume(image, label)
  }
  return seen
}

/** What a trainer would do with a batch; here it only sees that it is there. */
const consume = (image: Float32Array, label: Uint8Array): number => image.length / (SIDE * SIDE) + 0 * (label[0] ?? 0)
