/**
 * The kernels: AssemblyScript over one memory, which the caller divides. Addresses are in bytes. No kernel allocates,
 * none keeps anything. What each computes is said by its TypeScript twin, which it follows to the bit.
 *
 * Kernels read up to 16 bytes beyond an image's end, and write nothing beyond the result's.
 */
export { affineBilinear, affineNearest } from "./affine"
export { copy, erase, planar } from "./bytes"
export { brightness, contrast, hue, saturation } from "./color"
export { heads } from "./philox"
export { area, bilinear, bilinearScaled, nearestPixels } from "./resize"
export { latin1 } from "./text"
export { cutScaled, cutScaledRows } from "./window"
