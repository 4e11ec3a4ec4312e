/**
 * Samplers as callers without types give them.
 *
 * @since 0.1.0
 */
import { InvalidOption } from "../core/InvalidOption.ts"
import type { Sampler } from "./Sampler.ts"

/** `value` when it has what a sampler has, else throws `InvalidOption`. @since 0.1.0 */
export const samplerOf = <R>(option: string, value: Sampler<R>): Sampler<R> => {
  if (
    typeof value === "object" &&
    value !== null &&
    typeof value.count === "function" &&
    typeof value.order === "function"
  )
    return value
  throw new InvalidOption({ option, value, expected: "a sampler, such as Sampler.shuffle or Sampler.weighted([1, 2])" })
}
