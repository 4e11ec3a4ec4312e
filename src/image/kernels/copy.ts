/**
 * @since 0.1.0
 */
import type { Pixels } from "../Pixels.ts"

/** Copies the first `length` values of `source`, which may hold more. @since 0.1.0 */
export const copy = (source: Pixels, length: number, target: Pixels, offset: number): void =>
  target.set(source.length === length ? source : source.subarray(0, length), offset)
