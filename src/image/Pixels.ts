/**
 * An image's elements and its size.
 *
 * @since 0.1.0
 */

/** The element types of an image: 0 … 255, or any float. @category models @since 0.1.0 */
export type Pixels = Uint8Array | Float32Array

/** An image's size. Pixels lie row by row, the channels of one pixel side by side. @category models @since 0.1.0 */
export interface Size {
  height: number
  width: number
  channels: number
}

/** A part of an image, with at least one pixel. @since 0.1.0 */
export interface Rectangle {
  top: number
  left: number
  height: number
  width: number
}
