/**
 * Padding by the image itself.
 *
 * @since 0.1.0
 */
import { InvalidOption } from "../core/InvalidOption.ts"
import { type Continuation, cutBeyond, edge, reflect, symmetric } from "./kernels/beyond.ts"
import { oneOf } from "./Options.ts"
import type { PixelTransform, Window, WindowTransform } from "./Transform.ts"

/**
 * The values of the padding: `fill`, or an extension of the image.
 *
 * - `"constant"`: `fill`
 * - `"edge"`: the last pixel, a a|a b c|c c
 * - `"reflect"`: the image mirrored at the middle of the last pixel, c b|a b c|b a
 * - `"symmetric"`: the image mirrored at the edge of the last pixel, b a|a b c|c b
 *
 * Padding that is wider than the image mirrors it again and again, as NumPy's `pad` does (torchvision refuses that).
 *
 * @category models
 * @since 0.1.0
 */
export type PaddingMode = "constant" | "edge" | "reflect" | "symmetric"

const continuations: Readonly<Record<Exclude<PaddingMode, "constant">, Continuation>> = { edge, reflect, symmetric }

/**
 * Returns a window of the image, extended as `mode` says. Only a window into one value can be composed with others,
 * so the other modes make it a pass of its own. Throws `InvalidOption` if the mode does not exist; in a run, for an image
 * without pixels, which cannot be extended.
 *
 * @since 0.1.0
 */
export const padded = (mode: PaddingMode | undefined, transform: WindowTransform): WindowTransform | PixelTransform => {
  const named = oneOf("paddingMode", mode ?? "constant", ["constant", "edge", "reflect", "symmetric"])
  const options = transform.options && { ...transform.options, paddingMode: named }
  if (named === "constant") return { ...transform, options }
  const continuation = continuations[named]
  const window: Window = { top: 0, left: 0, height: 0, width: 0, flipVertical: false, flipHorizontal: false }
  return {
    kind: "pixels",
    name: transform.name,
    draws: transform.draws,
    options,
    parameters: transform.parameters,
    draw: transform.draw,
    output: (size, parameters, output) => {
      const { height, width } = size
      if (height === 0 || width === 0) {
        const expected = `above 0 to go on beyond its edges; take paddingMode "constant"`
        throw new InvalidOption({ option: "the size of an image to pad", value: [height, width], expected })
      }
      transform.place(size, parameters, window)
      output.height = window.height
      output.width = window.width
    },
    // `output` has just set `window` for this very image.
    run: (source, size, _, target, offset, output) =>
      cutBeyond(source, size, window.top, window.left, continuation, target, offset, output)
  }
}
