/** The columns of a sample that `--columns` names. */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import { tell } from "../cli/Print.ts"

/** Returns a sample with the columns that were chosen, as far as it has them. */
export const chosen = (columns: ReadonlyArray<string>, sample: unknown): unknown => {
  if (!Predicate.isRecord(sample)) return sample
  return Object.fromEntries(columns.filter((name) => Object.hasOwn(sample, name)).map((name) => [name, sample[name]]))
}

/** What takes the columns of rows, and says at the end which ones no row had: rows need not have all fields. */
export const choosing = (columns: ReadonlyArray<string>) => {
  const unseen = new Set(columns)
  let isRead = false
  const pick = (row: unknown): unknown => {
    isRead = true
    if (unseen.size > 0)
      for (const name of unseen) if (Predicate.isRecord(row) && Object.hasOwn(row, name)) unseen.delete(name)
    return chosen(columns, row)
  }
  const told = Effect.sync(() => {
    if (isRead && unseen.size > 0) tell(`no row had ${Array.from(unseen).join(", ")}, named by --columns\n`)
  })
  return { pick, unseen: told }
}
