/**
 * The options of formats that have arrays as columns.
 *
 * @since 0.1.0
 */
import { InvalidOption } from "../../core/InvalidOption.ts"
import type { SampleOf } from "./Arrays.ts"

/** Returns a copy of the names if they are some, and differ. Throws `InvalidOption`. @since 0.1.0 */
export const columnsOf = (columns: ReadonlyArray<string>): ReadonlyArray<string> => {
  const isList = Array.isArray(columns) && columns.length > 0 && columns.every((name) => typeof name === "string")
  if (isList && new Set(columns).size === columns.length) return columns.slice()
  throw new InvalidOption({
    option: "columns",
    value: columns,
    expected: "a list of names, one or more, all different"
  })
}

/** Returns what a sample is said to be. Throws `InvalidOption`. @since 0.1.0 */
export const sampleOption = (sample: SampleOf | undefined): SampleOf | undefined => {
  if (sample === undefined || sample === "row" || sample === "file") return sample
  throw new InvalidOption({ option: "sample", value: sample, expected: '"row" or "file"' })
}
