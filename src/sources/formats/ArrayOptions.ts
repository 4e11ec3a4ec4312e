/**
 * The options of formats that have arrays as columns.
 *
 * @since 0.1.0
 */
import { whole } from "../../core/Check.ts"
import { InvalidOption } from "../../core/InvalidOption.ts"
import type { SampleOf } from "./Arrays.ts"
import { formatOptions } from "./FormatOptions.ts"

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

/** Returns what a sample is said to be. Throws `InvalidOption`. */
const sampleOption = (sample: SampleOf | undefined): SampleOf | undefined => {
  if (sample === undefined || sample === "row" || sample === "file") return sample
  throw new InvalidOption({ option: "sample", value: sample, expected: '"row" or "file"' })
}

/** The options of a format of files of arrays, checked. @since 0.1.0 */
export interface ArrayConfig {
  /** The arrays that are read, in this order; `undefined`: all. */
  readonly columns: ReadonlyArray<string> | undefined
  /** `undefined`: what the lengths of the arrays say. */
  readonly sample: SampleOf | undefined
  readonly blockBytes: number
  readonly maxBlockBytes: number
}

/** Checks the options of a format of files of arrays, and adds the defaults. Throws `InvalidOption`. @since 0.1.0 */
export const arrayConfig = (of: string, options: Partial<ArrayConfig>): ArrayConfig => {
  formatOptions(of, options, { columns: true, sample: true, blockBytes: true, maxBlockBytes: true })
  return {
    columns: options.columns === undefined ? undefined : columnsOf(options.columns),
    sample: sampleOption(options.sample),
    blockBytes: whole("blockBytes", options.blockBytes ?? 2 ** 20, 1),
    maxBlockBytes: whole("maxBlockBytes", options.maxBlockBytes ?? 2 ** 28, 1)
  }
}
