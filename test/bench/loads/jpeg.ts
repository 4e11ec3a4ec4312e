/** JPEGs of 500×375, to be decoded to 224×224. */
import { Xoshiro128 } from "../../../src/random/generators/Xoshiro128.ts"
import type { Sharp } from "../rivals/sharp.ts"

export const WIDTH = 500
export const HEIGHT = 375
export const SIZE = 224
export const SAMPLES = 256

/** Photographs are smooth with some grain; noise alone would measure the entropy decoder. */
export const jpegs = (sharp: Sharp): Promise<ReadonlyArray<Uint8Array>> => {
  const rng = new Xoshiro128()
  rng.reseed(Uint32Array.of(1, 2, 3, 4), 0)
  const one = (): Promise<Uint8Array> => {
    const pixels = new Uint8Array(WIDTH * HEIGHT * 3)
    const [a, b] = [1 + rng.integer(4), 1 + rng.integer(4)]
    for (let y = 0, at = 0; y < HEIGHT; y++) {
      for (let x = 0; x < WIDTH; x++, at += 3) {
        for (let channel = 0; channel < 3; channel++) {
          pixels[at + channel] = (((a * x * (channel + 1) + b * y * (3 - channel)) / 8) % 224) + rng.integer(16)
        }
      }
    }
    return sharp(pixels, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } })
      .jpeg({ quality: 90 })
      .toBuffer()
  }
  return Promise.all(Array.from({ length: SAMPLES }, one))
}
