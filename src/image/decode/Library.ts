/**
 * The one seam to `sharp`, which is loaded when the first image is decoded and not before: Furrow goes without it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { Sharp, SharpOptions } from "sharp"
import { native } from "../../core/NativeWork.ts"
import { runtime } from "../../core/runtime.ts"
import { Tensor } from "../../core/Tensor.ts"
import type { Rectangle } from "../Pixels.ts"
import { DecodeError, DecoderMissing } from "./DecodeError.ts"
import { type Format, formatOf } from "./Format.ts"

/** How bytes are read, whatever becomes of the pixels. @since 0.1.0 */
export interface Reading {
  readonly orient: boolean
  readonly lenient: boolean
  readonly maxPixels: number
  readonly background: readonly [red: number, green: number, blue: number]
  readonly channels: 1 | 3
}

/** @since 0.1.0 */
export type Kernel = "nearest" | "linear" | "cubic" | "lanczos3"

/** What becomes of the pixels; without a size they stay as many as there are. @since 0.1.0 */
export interface Shape {
  readonly size: readonly [height: number, width: number] | undefined
  readonly kernel: Kernel
  readonly fit: "fill" | "cover"
  readonly shrink: boolean
}

/** What a file's header says. @since 0.1.0 */
export interface Header {
  readonly format: Format
  /** As the image is seen: upright, where it is to be turned. */
  readonly height: number
  readonly width: number
  /** Whether its pixels lie otherwise in the file, which rules out that they are shrunk while they are read. */
  readonly turned: boolean
}

type Library = typeof import("sharp").default

let library: Library | undefined

/** The package's name, put together so that bundlers do not look for it: it may not be installed, and cannot be bundled. */
const name = ["sh", "arp"].join("")

const installing = { bun: "bun add sharp", deno: "deno add npm:sharp", node: "npm install sharp" } as const

const loaded: Effect.Effect<Library, DecoderMissing> = Effect.suspend(() =>
  library === undefined
    ? Effect.tryPromise({
        try: async () => {
          const module: { readonly default: Library } = await import(name)
          library = module.default
          return library
        },
        catch: (cause) => new DecoderMissing({ command: installing[runtime.name], cause })
      })
    : Effect.succeed(library)
)

/** Returns the format of these bytes and the library that decodes it. Fails if the bytes are not a supported image. */
const opened = (bytes: Uint8Array): Effect.Effect<readonly [Format, Library], DecodeError | DecoderMissing> => {
  const format = formatOf(bytes)
  if (format !== undefined) return Effect.map(loaded, (sharp) => [format, sharp] as const)
  const reason =
    bytes.length === 0
      ? "they are empty; fetch the file again, or leave it out"
      : `they begin with ${begin(bytes)} (hexadecimal), which is not the start of a JPEG, PNG, WebP, GIF or AVIF file; convert the file, or leave it out`
  return Effect.fail(new DecodeError({ format, bytes: bytes.length, reason }))
}

const begin = (bytes: Uint8Array): string =>
  Array.from(bytes.subarray(0, 4), (byte) => byte.toString(16).padStart(2, "0")).join(" ")

const attempt = <A>(bytes: Uint8Array, format: Format, run: () => Promise<A>): Effect.Effect<A, DecodeError> =>
  Effect.tryPromise({
    try: () => native(run),
    catch: (cause) => new DecodeError({ format, bytes: bytes.length, reason: reasonOf(cause), cause })
  })

/** The decoder's first line; the others say the same once more. */
const reasonOf = (cause: unknown): string => {
  const [line = ""] = (cause instanceof Error ? cause.message : String(cause)).split("\n")
  const plain = line.replace(/^Input buffer has corrupt header: /, "").trim()
  if (/pixel limit/i.test(plain)) return "it has more pixels than maxPixels allows; raise that, or leave the file out"
  return `it is corrupt or cut short (${plain}); fetch the file again, or leave it out`
}

const optionsOf = ({ lenient, maxPixels, orient }: Reading): SharpOptions => ({
  autoOrient: orient,
  failOn: lenient ? "error" : "warning",
  limitInputPixels: maxPixels
})

/**
 * What the header says; none of the pixels is read.
 *
 * @since 0.1.0
 */
export const header = (bytes: Uint8Array, reading: Reading): Effect.Effect<Header, DecodeError | DecoderMissing> =>
  Effect.flatMap(opened(bytes), ([format, sharp]) =>
    attempt(bytes, format, async () => {
      const metadata = await sharp(bytes, optionsOf(reading)).metadata()
      const { height, width } = reading.orient ? metadata.autoOrient : metadata
      return { format, height, width, turned: reading.orient && (metadata.orientation ?? 1) > 1 }
    })
  )

/**
 * All of an image, or what `fit` leaves of it, in the size that is asked for.
 *
 * @since 0.1.0
 */
export const whole = (
  bytes: Uint8Array,
  reading: Reading,
  shape: Shape
): Effect.Effect<Tensor<Uint8Array>, DecodeError | DecoderMissing> =>
  pixels(bytes, reading, (image) => resized(image, shape))

/**
 * A rectangle of an image, in the size that is asked for. What lies below it in the file is not read. Files are not
 * shrunk while they are read where a part is cut first, whatever `shape` says.
 *
 * @since 0.1.0
 */
export const part = (
  bytes: Uint8Array,
  reading: Reading,
  { height, left, top, width }: Rectangle,
  shape: Shape
): Effect.Effect<Tensor<Uint8Array>, DecodeError | DecoderMissing> =>
  pixels(bytes, reading, (image) => resized(image.extract({ top, left, height, width }), shape))

/**
 * The same, but the image is brought to the scale at which the rectangle has the size that is asked for, and cut then:
 * a JPEG is shrunk by 2, 4 or 8 while it is read. The rectangle's edges come to lie on whole pixels of the result.
 *
 * @since 0.1.0
 */
export const shrunkPart = (
  bytes: Uint8Array,
  reading: Reading,
  { height: high, left, top, width: wide }: Rectangle,
  { height, width }: Header,
  [outHigh, outWide]: readonly [height: number, width: number],
  kernel: Kernel
): Effect.Effect<Tensor<Uint8Array>, DecodeError | DecoderMissing> => {
  const all: readonly [number, number] = [Math.round((height * outHigh) / high), Math.round((width * outWide) / wide)]
  const cut = {
    top: Math.min(Math.round((top * outHigh) / high), all[0] - outHigh),
    left: Math.min(Math.round((left * outWide) / wide), all[1] - outWide),
    height: outHigh,
    width: outWide
  }
  return pixels(bytes, reading, (image) =>
    resized(image, { size: all, kernel, fit: "fill", shrink: true }).extract(cut)
  )
}

const resized = (image: Sharp, { fit, kernel, shrink, size }: Shape): Sharp => {
  if (size === undefined) return image
  const [height, width] = size
  const result = image.resize({ height, width, fit, kernel })
  // A color space to work in rules out that a file is shrunk while it is read; there is no option for that.
  return shrink ? result : result.pipelineColourspace("srgb")
}

const pixels = (
  bytes: Uint8Array,
  reading: Reading,
  work: (image: Sharp) => Sharp
): Effect.Effect<Tensor<Uint8Array>, DecodeError | DecoderMissing> =>
  Effect.flatMap(opened(bytes), ([format, sharp]) =>
    Effect.map(
      attempt(bytes, format, () => {
        const [r, g, b] = reading.background
        const image = sharp(bytes, optionsOf(reading)).flatten({ background: { r, g, b } })
        return work(image).toColourspace("srgb").raw().toBuffer({ resolveWithObject: true })
      }),
      ({ data, info: { height, width } }) => {
        // Without Node's own class, of which a batch would hold it against plain arrays.
        const colors = new Uint8Array(data.buffer, data.byteOffset, data.length)
        return reading.channels === 3
          ? new Tensor(colors, [height, width, 3])
          : new Tensor(gray(colors), [height, width, 1])
      }
    )
  )

/** Luma as in ITU-R BT.601, in the whole numbers of 16 bits that Pillow takes; gray stays the gray it is. */
const gray = (colors: Uint8Array): Uint8Array<ArrayBuffer> => {
  const result = new Uint8Array(colors.length / 3)
  for (let pixel = 0, at = 0; pixel < result.length; pixel++, at += 3) {
    const red = colors[at] as number // three a pixel
    const green = colors[at + 1] as number // as above
    const blue = colors[at + 2] as number // as above
    result[pixel] = (red * 19595 + green * 38470 + blue * 7471 + 32768) >> 16
  }
  return result
}
