/**
 * Checks that samples are not promises or Effects: nothing waits for them, so stages would see an object without fields.
 *
 * @since 0.1.0
 */
import { InvalidResult, pending, silence } from "../core/InvalidResult.ts"

/** Returns what `get` or the function of a map returned. Throws `InvalidResult` if it is a promise or an Effect. @since 0.1.0 */
export const settledSample = <A>(value: A): A => {
  if (typeof value !== "object" || value === null) return value
  const what = pending(value)
  if (what === undefined) return value
  silence(value)
  throw unsettled(`returned ${what}`, what)
}

/** A sample that is a promise or an Effect: its place among those looked at, and the error. @since 0.1.0 */
export interface Unsettled {
  readonly place: number
  readonly cause: InvalidResult
}

/** Returns the first of the samples that is a promise or an Effect. @since 0.1.0 */
export const unsettledSample = (samples: ReadonlyArray<unknown>): Unsettled | undefined => {
  for (let place = 0; place < samples.length; place++) {
    const sample = samples[place]
    const what = typeof sample === "object" ? pending(sample) : undefined
    if (what === undefined) continue
    for (const own of samples) silence(own)
    return { place, cause: unsettled(`is ${what}`, what) }
  }
  return undefined
}

const unsettled = (given: string, what: "a Promise" | "an Effect"): InvalidResult => {
  const wait = what === "a Promise" ? "get: (index) => Effect.promise(() => …)" : "get: (index) => …"
  const expected = `read what has to wait by Dataset.effect({ size, ${wait} }) or Dataset.mapEffect, or in order by Dataset.fromStream of an async generator`
  return new InvalidResult({ what: given, expected })
}
