/**
 * Transforms divided into passes over the pixels. Windows (crop, pad, flip) compose into one window, and a pointwise
 * transform behind them, and the planes behind that, are applied as the window is read. Everything else is a pass of its
 * own.
 *
 * @since 0.1.0
 */
import type { PixelTransform, PointwiseTransform, Transform, WindowTransform } from "./Transform.ts"

/** One pass over the pixels. `first` is the place of its first transform among all. @since 0.1.0 */
export type Pass = WindowPass | PixelPass | PlanarPass

/** A composed window. @since 0.1.0 */
export interface WindowPass {
  readonly kind: "window"
  readonly first: number
  readonly windows: ReadonlyArray<WindowTransform>
  readonly pointwise: PointwiseTransform | undefined
  readonly fill: ReadonlyArray<number> | undefined
  /** Whether each channel gets a plane of its own. */
  readonly planar: boolean
}

/** Work on pixels. @since 0.1.0 */
export interface PixelPass {
  readonly kind: "pixels"
  readonly first: number
  readonly transform: PixelTransform
}

/** Channels become planes. @since 0.1.0 */
export interface PlanarPass {
  readonly kind: "planar"
  readonly first: number
}

/** What lies outside an image whose windows do not reach there. @since 0.1.0 */
export const NO_FILL: ReadonlyArray<number> = [0]

/** Returns the passes of transforms, in order. @since 0.1.0 */
export const passesOf = (transforms: ReadonlyArray<Transform>): ReadonlyArray<Pass> => {
  const passes: Array<Pass> = []
  let at = 0
  while (at < transforms.length) {
    const transform = transforms[at]
    if (transform?.kind === "pixels") {
      passes.push({ kind: "pixels", first: at++, transform })
      continue
    }
    if (transform?.kind === "planar") {
      passes.push({ kind: "planar", first: at++ })
      continue
    }
    const first = at
    const windows: Array<WindowTransform> = []
    let fill: ReadonlyArray<number> | undefined
    for (let next = transforms[at]; next?.kind === "window" && agrees(fill, next.fill); next = transforms[++at]) {
      windows.push(next)
      fill ??= next.fill
    }
    const behind = transforms[at]
    const pointwise = behind?.kind === "pointwise" ? behind : undefined
    if (pointwise !== undefined) at++
    const planar = pointwise !== undefined && transforms[at]?.kind === "planar"
    if (planar) at++
    passes.push({ kind: "window", first, windows, pointwise, fill, planar })
  }
  return passes
}

const agrees = (one: ReadonlyArray<number> | undefined, other: ReadonlyArray<number> | undefined): boolean =>
  one === undefined ||
  other === undefined ||
  (one.length === other.length && one.every((value, channel) => value === other[channel]))
