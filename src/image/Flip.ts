/**
 * Mirror images.
 *
 * @since 0.1.0
 */
import { optionsOf } from "../core/Options.ts"
import { type Drawing, drawing } from "./ImageStage.ts"
import { probability } from "./Options.ts"
import type { WindowTransform } from "./Transform.ts"

/** @category options @since 0.1.0 */
export interface FlipOptions {
  /** The probability that an image is mirrored. Default 0.5. */
  readonly p?: number
}

const oddsOf = (of: string, options: FlipOptions): number => probability(optionsOf(of, options, { p: true }).p ?? 0.5)

const flip = (name: string, p: number, place: WindowTransform["place"]): Drawing =>
  drawing({
    kind: "window",
    name,
    draws: true,
    options: { p },
    parameters: new Float64Array(1),
    fill: undefined,
    draw: (rng, _, parameters) => {
      parameters[0] = Number(rng.bernoulli(p))
    },
    place
  })

/**
 * Swaps left and right with probability `p`, as torchvision's `v2.RandomHorizontalFlip`. Draws one Bernoulli number.
 * Throws `InvalidOption` unless 0 ≤ p ≤ 1.
 *
 * @category image stages
 * @since 0.1.0
 */
export const randomHorizontalFlip = (options: FlipOptions = {}): Drawing =>
  flip("randomHorizontalFlip", oddsOf("Image.randomHorizontalFlip", options), (_, parameters, window) => {
    window.flipHorizontal = parameters[0] === 1
  })

/**
 * Swaps top and bottom with probability `p`, as torchvision's `v2.RandomVerticalFlip`. Draws one Bernoulli number.
 * Throws `InvalidOption` unless 0 ≤ p ≤ 1.
 *
 * @category image stages
 * @since 0.1.0
 */
export const randomVerticalFlip = (options: FlipOptions = {}): Drawing =>
  flip("randomVerticalFlip", oddsOf("Image.randomVerticalFlip", options), (_, parameters, window) => {
    window.flipVertical = parameters[0] === 1
  })
