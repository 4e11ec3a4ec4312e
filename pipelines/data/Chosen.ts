/** The columns of a sample that `--columns` names. */
import * as Predicate from "effect/Predicate"

/** Returns a sample with the columns that were chosen, as far as it has them. */
export const chosen = (columns: ReadonlyArray<string>, sample: unknown): unknown => {
  if (!Predicate.isRecord(sample)) return sample
  return Object.fromEntries(columns.filter((name) => Object.hasOwn(sample, name)).map((name) => [name, sample[name]]))
}
