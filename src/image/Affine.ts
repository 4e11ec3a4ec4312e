/**
 * Rotation, and affine maps.
 *
 * @since 0.1.0
 */

import { finite } from "../core/Check.ts"
import { InvalidOption } from "../core/InvalidOption.ts"
import type { Direction } from "../core/math/SinCos.ts"
import { optionsOf } from "../core/Options.ts"
import type { Parameters } from "../core/Parameters.ts"
import type { Rng } from "../random/Rng.ts"
import { type Drawing, drawing } from "./ImageStage.ts"
import { affineBilinear, affineNearest } from "./kernels/affine.ts"
import { turn } from "./kernels/degrees.ts"
import { of } from "./kernels/pointwise.ts"
import { halfEven } from "./kernels/rounding.ts"
import {
  above0,
  aroundZero,
  channelsOf,
  type FillOption,
  fits,
  matches,
  oneOf,
  type RangeOption,
  rangeOf
} from "./Options.ts"
import type { Size } from "./Pixels.ts"

/** @category options @since 0.1.0 */
export interface RandomRotationOptions {
  /** The angle's range in degrees; one number d is −d … d. Positive angles turn counter-clockwise. */
  readonly degrees: number | RangeOption
  /** The nearest pixel, or the blend of the four around. Default `"nearest"`. */
  readonly interpolation?: "nearest" | "bilinear"
  /** What lies outside of the image: 0 … 255 for uint8. Default 0. */
  readonly fill?: FillOption
  /** The point to turn about, in pixels from the upper left corner. Default: the middle of the image. */
  readonly center?: readonly [x: number, y: number]
}

/** @category options @since 0.1.0 */
export interface RandomAffineOptions {
  /** The angle's range in degrees; one number d is −d … d. Positive angles turn clockwise. */
  readonly degrees: number | RangeOption
  /** The furthest move to each side, as shares of the width and of the height, from 0 to 1. Default: none. */
  readonly translate?: readonly [x: number, y: number]
  /** The range of the factor by which the image grows, above 0. Default: 1. */
  readonly scale?: RangeOption
  /**
   * The ranges of the two shears in degrees, between −90 and 90: along x as `[min, max]` (one number s is −s … s), or
   * along x and y as `[minX, maxX, minY, maxY]`. Default: none.
   */
  readonly shear?: number | RangeOption | readonly [minX: number, maxX: number, minY: number, maxY: number]
  /** As for {@link RandomRotationOptions}. */
  readonly interpolation?: "nearest" | "bilinear"
  /** As for {@link RandomRotationOptions}. */
  readonly fill?: FillOption
  /** The point that is turned, sheared and scaled about. As for {@link RandomRotationOptions}. */
  readonly center?: readonly [x: number, y: number]
}

/**
 * Turns an image by a random angle, as torchvision's `v2.RandomRotation` with `expand=False`: the size stays, corners
 * are lost. Draws the angle.
 *
 * Places in the image are worked out in float64 (torch: float32). Pixels of `fill` lie all around the image; where a
 * blend reaches there, `fill` has its share of it (torchvision takes that share twice). uint8 blends are rounded half up.
 *
 * Throws `InvalidOption` if an option is invalid; in a run, if `fill` does not have one value a channel.
 *
 * @category image stages
 * @since 0.1.0
 */
export const randomRotation = (options: RandomRotationOptions): Drawing => {
  optionsOf("Image.randomRotation", options, { degrees: true, interpolation: true, fill: true, center: true })
  const [min, max] = aroundZero("degrees", options.degrees)
  const center = centerOf(options.center)
  return affine("randomRotation", options, { degrees: [min, max], center }, (rng, size, map) => {
    invert(map, size, center, -rng.uniform(min, max), 0, 0, 1, 0, 0)
  })
}

/**
 * Shears, scales and turns an image about its middle by random amounts, then moves it, as torchvision's
 * `v2.RandomAffine`. The size stays. Draws the angle, then, as far as the options are given: the move along x, along y
 * (both rounded to whole pixels, half to even), the scale, the shear along x, along y.
 *
 * Places and blends are worked out as {@link randomRotation} says.
 *
 * Throws `InvalidOption` if an option is invalid; in a run, if `fill` does not have one value a channel.
 *
 * @example
 * import { Image, Rng, Tensor } from "furrow"
 *
 * const wobble = Image.randomAffine({ degrees: 10, translate: [0.1, 0.1], scale: [0.9, 1.1], interpolation: "bilinear" })
 * const digit = Tensor.make(new Uint8Array(28 * 28), [28, 28, 1])
 * const rng = Rng.make({ algorithm: "xoshiro128**", words: [1, 2, 3, 4] })
 * console.assert(wobble(digit, rng).shape.join() === "28,28,1")
 *
 * @category image stages
 * @since 0.1.0
 */
export const randomAffine = (options: RandomAffineOptions): Drawing => {
  optionsOf("Image.randomAffine", options, {
    degrees: true,
    translate: true,
    scale: true,
    shear: true,
    interpolation: true,
    fill: true,
    center: true
  })
  const degrees = aroundZero("degrees", options.degrees)
  const move = options.translate
  if (move !== undefined) for (const share of [move[0], move[1]]) finite("translate", share, 0, 1)
  const scale = options.scale === undefined ? undefined : above0("scale", options.scale)
  const [shearX, shearY] = shearOf(options.shear)
  const center = centerOf(options.center)
  const own = { degrees, translate: move, scale, shearX, shearY, center }
  return affine("randomAffine", options, own, (rng, size, map) => {
    const angle = between(rng, degrees)
    const x = move === undefined ? 0 : shift(rng, move[0] * size.width)
    const y = move === undefined ? 0 : shift(rng, move[1] * size.height)
    const factor = scale === undefined ? 1 : between(rng, scale)
    const alongX = shearX === undefined ? 0 : between(rng, shearX)
    const alongY = shearY === undefined ? 0 : between(rng, shearY)
    invert(map, size, center, angle, x, y, factor, alongX, alongY)
  })
}

const affine = (
  name: string,
  options: Pick<RandomAffineOptions, "interpolation" | "fill">,
  own: Parameters,
  draw: (rng: Rng, size: Size, map: Float64Array) => void
): Drawing => {
  const interpolation = oneOf("interpolation", options.interpolation ?? "nearest", ["nearest", "bilinear"])
  const kernel = interpolation === "nearest" ? affineNearest : affineBilinear
  const fill = channelsOf("fill", options.fill ?? 0)
  return drawing({
    kind: "pixels",
    name,
    draws: true,
    options: { ...own, interpolation, fill },
    parameters: new Float64Array(6),
    draw,
    output: ({ channels }) => matches("fill", fill, channels),
    run: (source, size, map, target, offset) => {
      fits("fill", fill, source)
      kernel(source, size, map, fill, target, offset)
    },
    native: {
      scales: true,
      // The fill's bytes, then a row.
      scratch: ({ channels, width }) => 64 * Math.ceil(channels / 64) + 4 * width * channels,
      run: (kernels, work) => {
        fits("fill", fill, BYTES)
        const { channels, height, width } = work.size
        const { bytes } = kernels.arena
        for (let channel = 0; channel < channels; channel++) bytes[work.scratch + channel] = of(fill, channel)
        const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = work.parameters
        const native = interpolation === "nearest" ? kernels.affineNearest : kernels.affineBilinear
        native(
          work.source,
          height,
          width,
          channels,
          a,
          b,
          c,
          d,
          e,
          f,
          work.scratch,
          Number(work.flipVertical),
          Number(work.flipHorizontal),
          work.constants,
          work.planes,
          work.scratch + 64 * Math.ceil(channels / 64),
          work.target
        )
      }
    }
  })
}

/** Stands for any uint8 image. */
const BYTES = new Uint8Array(0)

type Point = readonly [x: number, y: number]

const centerOf = (center: Point | undefined): Point | undefined => {
  if (center !== undefined) for (const side of [center[0], center[1]]) finite("center", side)
  return center
}

const shearOf = (
  shear: RandomAffineOptions["shear"]
): readonly [RangeOption | undefined, (RangeOption | undefined)?] => {
  if (shear === undefined) return [undefined]
  const list = typeof shear === "number" ? aroundZero("shear", shear) : shear
  if (!(list.length === 2 || list.length === 4) || !list.every((angle) => Math.abs(angle) < 90)) {
    const expected = "a number, [min, max] or [minX, maxX, minY, maxY], between -90 and 90 degrees"
    throw new InvalidOption({ option: "shear", value: shear, expected })
  }
  const [minX, maxX, minY, maxY] = list
  const x = rangeOf("shear", [minX, maxX])
  return minY === undefined || maxY === undefined ? [x] : [x, rangeOf("shear", [minY, maxY])]
}

const between = (rng: Rng, [min, max]: RangeOption): number => rng.uniform(min, max)

const shift = (rng: Rng, furthest: number): number => halfEven(rng.uniform(-furthest, furthest))

const turned: Direction = { sin: 0, cos: 1 }
const sheared: Direction = { sin: 0, cos: 1 }

/**
 * Sets `map` to where each pixel of the result comes from: the inverse of M = T·C·R·Sy·Sx·S·C⁻¹ (scale, shear along x,
 * shear along y, turn, all about the center, then move), with coordinates from the middle of the image.
 *
 * With φ the angle and p, q the shears: R·Sy·Sx = [[A, B], [C, D]] for A = cos(φ−q)/cos q, B = −A·tan p − sin φ,
 * C = sin(φ−q)/cos q, D = −C·tan p + cos φ. Its determinant is 1, so its inverse is [[D, −B], [−C, A]].
 */
const invert = (
  map: Float64Array,
  size: Size,
  center: Point | undefined,
  angle: number,
  x: number,
  y: number,
  scale: number,
  shearX: number,
  shearY: number
): void => {
  turn(shearX, sheared)
  const tangent = sheared.sin / sheared.cos
  turn(shearY, sheared)
  turn(angle - shearY, turned)
  const a = turned.cos / sheared.cos
  const c = turned.sin / sheared.cos
  turn(angle, turned)
  const b = -a * tangent - turned.sin
  const d = -c * tangent + turned.cos
  const centerX = center === undefined ? 0 : center[0] - size.width / 2
  const centerY = center === undefined ? 0 : center[1] - size.height / 2
  const backX = -centerX - x
  const backY = -centerY - y
  map[0] = d / scale
  map[1] = -b / scale
  map[2] = (d / scale) * backX + (-b / scale) * backY + centerX
  map[3] = -c / scale
  map[4] = a / scale
  map[5] = (-c / scale) * backX + (a / scale) * backY + centerY
}
