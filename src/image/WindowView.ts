/**
 * The view of an image through composed windows.
 *
 * @since 0.1.0
 */
import type { View } from "./kernels/window.ts"
import type { Size } from "./Pixels.ts"
import type { Window } from "./Transform.ts"

/** Rows of an image, of `bytes` each. @since 0.1.0 */
export interface Rows {
  readonly first: number
  readonly end: number
  readonly bytes: number
}

/** Returns the rows that a view of an image of a size reads. @since 0.1.0 */
export const rowsOf = ({ height, top, bottom, y, yStep }: View, { channels, width }: Size): Rows => {
  const end = y + yStep * (height - 1)
  return {
    first: Math.max(Math.min(y, end), top),
    end: Math.min(Math.max(y, end) + 1, bottom),
    bytes: width * channels
  }
}

/** Whether a view is the whole image of a size, flipped or not. @since 0.1.0 */
export const onlyFlips = (view: View, { height, width }: Size): boolean =>
  view.height === height &&
  view.width === width &&
  view.top === 0 &&
  view.left === 0 &&
  view.bottom === height &&
  view.right === width &&
  view.y === (view.yStep === 1 ? 0 : height - 1) &&
  view.x === (view.xStep === 1 ? 0 : width - 1)

/** Sets a view to the whole image of a size. @since 0.1.0 */
export const showAll = (view: View, { height, width }: Size): void => {
  view.y = 0
  view.yStep = 1
  view.x = 0
  view.xStep = 1
  view.top = 0
  view.bottom = height
  view.left = 0
  view.right = width
}

/**
 * Puts another window over a view, whose size is `size` and becomes the window's. Rows and columns of the new result are
 * looked up in the old one, which lies in a plane of fill: what lies outside of it is outside of the image's valid part
 * from now on.
 *
 * @since 0.1.0
 */
export const putWindow = (view: View, window: Window, size: Size): void => {
  const firstY = view.y
  const lastY = view.y + view.yStep * (size.height - 1)
  const firstX = view.x
  const lastX = view.x + view.xStep * (size.width - 1)
  view.top = Math.max(view.top, Math.min(firstY, lastY))
  view.bottom = Math.min(view.bottom, Math.max(firstY, lastY) + 1)
  view.left = Math.max(view.left, Math.min(firstX, lastX))
  view.right = Math.min(view.right, Math.max(firstX, lastX) + 1)
  view.y += view.yStep * (window.flipVertical ? window.top + window.height - 1 : window.top)
  view.x += view.xStep * (window.flipHorizontal ? window.left + window.width - 1 : window.left)
  if (window.flipVertical) view.yStep = -view.yStep
  if (window.flipHorizontal) view.xStep = -view.xStep
  size.height = window.height
  size.width = window.width
}

/** Writes a view in the form that kernels read, behind the address of its source. @since 0.1.0 */
export const writeView = (view: View, words: Uint32Array, at: number): void => {
  words[at + 1] = view.y
  words[at + 2] = view.yStep
  words[at + 3] = view.x
  words[at + 4] = view.xStep
  words[at + 5] = view.top
  words[at + 6] = view.bottom
  words[at + 7] = view.left
  words[at + 8] = view.right
}

/** Reads what {@link writeView} wrote: signed numbers. @since 0.1.0 */
export const readView = (view: View, words: Uint32Array, at: number): void => {
  view.y = (words[at + 1] as number) | 0
  view.yStep = (words[at + 2] as number) | 0
  view.x = (words[at + 3] as number) | 0
  view.xStep = (words[at + 4] as number) | 0
  view.top = (words[at + 5] as number) | 0
  view.bottom = (words[at + 6] as number) | 0
  view.left = (words[at + 7] as number) | 0
  view.right = (words[at + 8] as number) | 0
}
