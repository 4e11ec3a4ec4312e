/** Image files for tests, made by the encoder that the decoder comes with. */
import sharp, { type Sharp } from "sharp"

export const HEIGHT = 60
export const WIDTH = 80

/** A value for each place and channel: slopes up and down, so that neighbors differ, though not by much. */
export const value = (y: number, x: number, channel: number): number =>
  255 - Math.abs(235 - ((2 * x + y + 10 * channel) % 490))

/** Red, green and blue, `[height, width, 3]`. */
export const pixels = (height = HEIGHT, width = WIDTH): Uint8Array => {
  const data = new Uint8Array(height * width * 3)
  for (let at = 0; at < data.length; at++) {
    const place = Math.floor(at / 3)
    data[at] = value(Math.floor(place / width), place % width, at % 3)
  }
  return data
}

/** The encoder with those pixels. */
export const picture = (height = HEIGHT, width = WIDTH): Sharp =>
  sharp(pixels(height, width), { raw: { width, height, channels: 3 } })

/** The bytes of the file that an encoder makes. */
export const fileOf = async (encoder: Sharp): Promise<Uint8Array> => new Uint8Array(await encoder.toBuffer())
