/**
 * Small images for tests.
 */
import * as fc from "fast-check"
import { make } from "../../src/core/Tensor.ts"
import type { Image } from "../../src/image/Image.ts"
import { at } from "./rng.ts"

/** A grayscale image from its rows, of uint8. */
export const gray = (...rows: ReadonlyArray<ReadonlyArray<number>>): Image<Uint8Array> =>
  make(Uint8Array.from(rows.flat()), [rows.length, rows[0]?.length ?? 0, 1])

/** A grayscale image from its rows, of float32. */
export const grayFloats = (...rows: ReadonlyArray<ReadonlyArray<number>>): Image<Float32Array> =>
  make(Float32Array.from(rows.flat()), [rows.length, rows[0]?.length ?? 0, 1])

type Rgb = readonly [red: number, green: number, blue: number]

/** A color image from its rows of pixels, of uint8. */
export const rgb = (...rows: ReadonlyArray<ReadonlyArray<Rgb>>): Image<Uint8Array> =>
  make(Uint8Array.from(rows.flat(2)), [rows.length, rows[0]?.length ?? 0, 3])

/** A color image from its rows of pixels, of float32. */
export const rgbFloats = (...rows: ReadonlyArray<ReadonlyArray<Rgb>>): Image<Float32Array> =>
  make(Float32Array.from(rows.flat(2)), [rows.length, rows[0]?.length ?? 0, 3])

/** An image's rows, each a list of values, the channels of a pixel side by side. */
export const rows = (image: Image): Array<Array<number>> => {
  const [height = 0, width = 0, channels = 1] = image.shape
  const values = Array.from(image.data)
  return Array.from({ length: height }, (_, row) => values.slice(row * width * channels, (row + 1) * width * channels))
}

/** Images of one or three channels and either type; floats lie in [0, 1). */
export const images: fc.Arbitrary<Image> = fc
  .record({
    height: fc.integer({ min: 1, max: 7 }),
    width: fc.integer({ min: 1, max: 7 }),
    channels: fc.constantFrom(1, 3),
    float: fc.boolean(),
    seed: fc.nat()
  })
  .map(({ channels, float, height, seed, width }) => {
    const rng = at(seed)
    const length = height * width * channels
    return make(rng.fill(float ? new Float32Array(length) : new Uint8Array(length)), [height, width, channels])
  })
