/**
 * The rival for W2: what a good programmer writes by hand. Where the columns lie and how they blend is found once an
 * image; each row of the image is blended along its width once and kept while the result still needs it; flip and
 * normalize happen on the way out.
 */
import { BATCH, MEAN, RATIO, SAMPLES, SCALE, SIDE, SIZE, STD } from "../loads/w2.ts"

/** Taken before any run is open: while one is, the global is governed, which costs some nanoseconds. */
const { random } = Math
const WIDE = 3 * SIZE

/** One epoch; gives the number of samples. */
export const resizeLoop = (images: Uint8Array): number => {
  const order = new Uint32Array(SAMPLES)
  for (let index = 0; index < SAMPLES; index++) order[index] = index
  for (let last = SAMPLES - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1))
    const item = order[last] as number // below SAMPLES, as is `other`
    order[last] = order[other] as number
    order[other] = item
  }
  const scale = Float32Array.from(STD, (std) => 1 / (255 * std))
  const bias = Float32Array.from(STD, (std, channel) => -(MEAN[channel] ?? 0) / std)
  // All indices below are in range by construction.
  const [s0, s1, s2] = scale as unknown as readonly [number, number, number]
  const [b0, b1, b2] = bias as unknown as readonly [number, number, number]
  const lefts = new Int32Array(SIZE)
  const rights = new Int32Array(SIZE)
  const shares = new Float32Array(SIZE)
  let upper = new Float32Array(WIDE)
  let lower = new Float32Array(WIDE)

  const along = (line: number, row: Float32Array): void => {
    for (let column = 0, out = 0; column < SIZE; column++, out += 3) {
      const left = line + (lefts[column] as number)
      const right = line + (rights[column] as number)
      const share = shares[column] as number
      const r = images[left] as number
      const g = images[left + 1] as number
      const b = images[left + 2] as number
      row[out] = r + ((images[right] as number) - r) * share
      row[out + 1] = g + ((images[right + 1] as number) - g) * share
      row[out + 2] = b + ((images[right + 2] as number) - b) * share
    }
  }

  let seen = 0
  for (let first = 0; first < SAMPLES; first += BATCH) {
    const size = Math.min(BATCH, SAMPLES - first)
    const batch = new Float32Array(size * SIZE * WIDE)
    let out = 0
    for (let place = 0; place < size; place++) {
      const area = SIDE * SIDE * (SCALE[0] + random() * (SCALE[1] - SCALE[0]))
      const ratio = Math.exp(Math.log(RATIO[0]) + random() * (Math.log(RATIO[1]) - Math.log(RATIO[0])))
      const width = Math.min(Math.round(Math.sqrt(area * ratio)), SIDE)
      const height = Math.min(Math.round(Math.sqrt(area / ratio)), SIDE)
      const top = Math.floor(random() * (SIDE - height + 1))
      const left = Math.floor(random() * (SIDE - width + 1))
      const flipped = random() < 0.5
      for (let column = 0; column < SIZE; column++) {
        const own = flipped ? SIZE - 1 - column : column
        const x = Math.min(Math.max(((own + 0.5) * width) / SIZE - 0.5, 0), width - 1)
        const floor = Math.floor(x)
        lefts[column] = 3 * (left + floor)
        rights[column] = 3 * (left + Math.min(floor + 1, width - 1))
        shares[column] = x - floor
      }
      const image = 3 * SIDE * ((order[first + place] as number) * SIDE + top)
      let upperRow = -1
      let lowerRow = -1
      for (let row = 0; row < SIZE; row++) {
        const y = Math.min(Math.max(((row + 0.5) * height) / SIZE - 0.5, 0), height - 1)
        const above = Math.floor(y)
        const below = Math.min(above + 1, height - 1)
        if (upperRow !== above) {
          if (lowerRow === above) {
            const kept = upper
            upper = lower
            lower = kept
            lowerRow = -1
          } else along(image + 3 * SIDE * above, upper)
          upperRow = above
        }
        if (lowerRow !== below) {
          along(image + 3 * SIDE * below, lower)
          lowerRow = below
        }
        const share = y - above
        for (let at = 0; at < WIDE; at += 3, out += 3) {
          const r = upper[at] as number
          const g = upper[at + 1] as number
          const b = upper[at + 2] as number
          batch[out] = (r + ((lower[at] as number) - r) * share) * s0 + b0
          batch[out + 1] = (g + ((lower[at + 1] as number) - g) * share) * s1 + b1
          batch[out + 2] = (b + ((lower[at + 2] as number) - b) * share) * s2 + b2
        }
      }
    }
    seen += batch.length / (SIZE * WIDE)
  }
  return seen
}
