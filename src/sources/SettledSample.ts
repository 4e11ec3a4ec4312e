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

/**
 * Returns the error of samples of which the first is a promise or an Effect: a source that gives one gives them throughout.
 *
 * @since 0.1.0
 */
export const unsettledSamples = (samples: ReadonlyArray<unknown>): InvalidResult | undefined => {
  const what = pending(samples[0])
  if (what === undefined) return undefined
  for (const own of samples) silence(own)
  return unsettled(`is ${what}`, what)
}

const unsettled = (given: string, what: "a Promise" | "an Effect"): InvalidResult => {
  const wait = what === "a Promise" ? "get: (index) => Effect.promise(() => …)" : "get: (index) => …"
  const expected = `read what has to wait by Dataset.effect({ size, ${wait} }) or Dataset.mapEffect, or in order by Dataset.fromStream of an async generator`
  return new InvalidResult({ what: given, expected })
}
