/**
 * A sample as a line of JSON. What JSON has no form for: bytes are `{"$bytes": base64}`, integers beyond 2^53
 * `{"$bigint": digits}`, times ISO 8601, typed arrays and tensors lists, and NaN and ±Infinity strings.
 */
import { inspect } from "node:util"

export { shownJson as line } from "../../src/core/Json.ts"

/** Returns a sample for people, on one line: what is long is cut short. */
export const preview = (sample: unknown): string =>
  inspect(sample, {
    breakLength: Number.POSITIVE_INFINITY,
    compact: true,
    depth: 6,
    maxArrayLength: 8,
    maxStringLength: 80
  })
