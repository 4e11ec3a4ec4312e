/** The rival for text: shuffle, pad and batch in one plain loop. */
import { BATCH, LENGTH, rows, SAMPLES } from "../loads/text.ts"

/** Taken before any run is open: while one is, the global is governed, which costs some nanoseconds. */
const { random } = Math

/** One epoch; gives the number of samples. */
export const textLoop = (): number => {
  const order = new Uint32Array(SAMPLES)
  for (let index = 0; index < SAMPLES; index++) order[index] = index
  for (let last = SAMPLES - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1))
    const item = order[last] as number // below SAMPLES, as is `other`
    order[last] = order[other] as number
    order[other] = item
  }
  let seen = 0
  for (let first = 0; first < SAMPLES; first += BATCH) {
    const size = Math.min(BATCH, SAMPLES - first)
    const ids = new Int32Array(size * LENGTH)
    const lengths = new Int32Array(size)
    for (let row = 0; row < size; row++) {
      const tokens = rows[order[first + row] as number] as Int32Array // an index of `rows`
      ids.set(tokens, row * LENGTH)
      lengths[row] = tokens.length
    }
    seen += ids.length / LENGTH
  }
  return seen
}
