/**
 * A chapter's draws as a table like the article's: a line a batch, repeats marked and counted.
 */
import type { Sample } from "./Draws.ts"

const REPEATED = "\u001b[31m"
const FRESH = "\u001b[32m"
const PLAIN = "\u001b[39m"

const triple = ({ before, draws }: Sample, color: boolean): string => {
  const text = `[${draws.map((value) => String(value).padStart(3)).join(" ")}]${before === undefined ? " " : "*"}`
  return color ? `${before === undefined ? FRESH : REPEATED}${text}${PLAIN}` : text
}

/** The lines of the table. */
export const table = (samples: ReadonlyArray<Sample>, color: boolean): ReadonlyArray<string> => {
  const batches = new Map<string, Array<Sample>>()
  for (const sample of samples) {
    const key = `${sample.epoch},${sample.batch}`
    batches.set(key, [...(batches.get(key) ?? []), sample])
  }
  return [
    "  epoch  batch  worker   draws (* drawn before)",
    ...Array.from(batches.values(), (own) => {
      const [first] = own as [Sample, ...Array<Sample>] // a batch is there because a sample is
      const place = [first.epoch, first.batch, first.worker].map((value) => String(value).padStart(5)).join("  ")
      const before = own.find((sample) => sample.before !== undefined)?.before
      const source = before === undefined ? "" : `   as epoch ${before.epoch}, worker ${before.worker}`
      return `  ${place}   ${own.map((sample) => triple(sample, color)).join(" ")}${source}`
    })
  ]
}

/** How many of the samples had draws that came before. */
export const repeated = (samples: ReadonlyArray<Sample>): number =>
  samples.filter(({ before }) => before !== undefined).length
