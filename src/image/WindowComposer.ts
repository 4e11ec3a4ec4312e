/**
 * Composes the windows of a pass into one view of the image.
 *
 * @since 0.1.0
 */
import type { Rng } from "../random/Rng.ts"
import type { View } from "./kernels/window.ts"
import { fits, matches } from "./Options.ts"
import type { WindowPass } from "./Pass.ts"
import type { Pixels, Size } from "./Pixels.ts"
import type { Window, WindowTransform } from "./Transform.ts"
import { putWindow, readView, showAll, writeView } from "./WindowView.ts"

/** How many bytes the description of one window takes that a kernel reads. @since 0.1.0 */
export const WINDOW_BYTES = 48

/** Its results are overwritten by the next image. @since 0.1.0 */
export class WindowComposer {
  /** The composed view. */
  readonly view: View = { y: 0, yStep: 1, x: 0, xStep: 1, top: 0, bottom: 0, left: 0, right: 0, height: 0, width: 0 }
  /** The size of the image, to be set by the caller. */
  readonly size: Size = { height: 0, width: 0, channels: 0 }
  /** The size of the result. */
  readonly output: Size = { height: 0, width: 0, channels: 0 }
  readonly #window: Window = { top: 0, left: 0, height: 0, width: 0, flipVertical: false, flipHorizontal: false }

  /** Composes the windows for one image. `rng` gives the generator of a transform by its place. */
  compose(pass: WindowPass, source: Pixels, rng: (place: number) => Rng): void {
    const view = this.view
    const output = this.output
    this.#showAll()
    const { windows } = pass
    for (let at = 0; at < windows.length; at++) {
      const transform = windows[at] as WindowTransform // below the length
      this.#draw(transform, rng(pass.first + at))
      // Here and not where the pass is run: an error is put down to the stage whose rng was asked for last.
      checkFill(transform, source, output.channels)
      putWindow(view, this.#window, output)
    }
    if (pass.pointwise !== undefined) {
      rng(pass.first + windows.length)
      pass.pointwise.check(output.channels)
      if (pass.planar) rng(pass.first + windows.length + 1)
    }
    view.height = output.height
    view.width = output.width
  }

  /**
   * Does the same for `count` images of one size, stage by stage, and writes their views to `words` from `first` on. Throws
   * if the windows differ in size.
   */
  composeAll(
    pass: WindowPass,
    source: Pixels,
    count: number,
    rngs: (place: number) => (row: number) => Rng,
    words: Uint32Array,
    first: number
  ): void {
    const window = this.#window
    const view = this.view
    const output = this.output
    this.#showAll()
    for (let row = 0; row < count; row++) writeView(view, words, first + (WINDOW_BYTES / 4) * row)
    const { windows } = pass
    for (let at = 0; at < windows.length; at++) {
      const transform = windows[at] as WindowTransform // below the length
      const rng = rngs(pass.first + at)
      const { height, width } = output
      let toHeight = height
      let toWidth = width
      checkFill(transform, source, output.channels)
      for (let row = 0; row < count; row++) {
        output.height = height
        output.width = width
        this.#draw(transform, rng(row))
        if (row === 0) {
          toHeight = window.height
          toWidth = window.width
        }
        if (window.height !== toHeight || window.width !== toWidth) throw new Error("windows of several sizes")
        readView(view, words, first + (WINDOW_BYTES / 4) * row)
        putWindow(view, window, output)
        writeView(view, words, first + (WINDOW_BYTES / 4) * row)
      }
    }
    if (pass.pointwise === undefined) return
    // As above.
    rngs(pass.first + windows.length)
    pass.pointwise.check(output.channels)
  }

  #showAll(): void {
    const { channels, height, width } = this.size
    showAll(this.view, this.size)
    this.output.height = height
    this.output.width = width
    this.output.channels = channels
  }

  /** Draws the window of an image of the size of `output`. */
  #draw(transform: WindowTransform, rng: Rng): void {
    const window = this.#window
    const output = this.output
    transform.draw(rng, output, transform.parameters)
    window.top = 0
    window.left = 0
    window.height = output.height
    window.width = output.width
    window.flipVertical = false
    window.flipHorizontal = false
    transform.place(output, transform.parameters, window)
  }
}

/** Throws `InvalidOption` if a window's fill does not suit the image. */
const checkFill = ({ fill }: WindowTransform, source: Pixels, channels: number): void => {
  if (fill === undefined) return
  matches("fill", fill, channels)
  fits("fill", fill, source)
}
