/**
 * Pipelines whose samples carry by hand where they came from: two datasets of files, in part, joined and shuffled.
 */

import * as Pipeline from "../../../src/pipeline/Pipeline.ts"
import * as Sampler from "../../../src/sampling/Sampler.ts"
import * as Dataset from "../../../src/sources/Dataset.ts"
import type { Lineage } from "../../../src/sources/RandomAccess.ts"

export interface Origin {
  readonly origin: Lineage
}

/** How often a source was asked for a lineage. */
export const asked = { count: 0 }

/** A dataset of files of three rows each. */
export const files = (name: string, size: number): Dataset.Dataset<Origin, Dataset.DatasetError> => {
  const at = (index: number) => ({ shard: `${name}-${Math.floor(index / 3)}.jsonl`, row: index % 3 })
  return Dataset.make({
    name,
    size,
    get: (index): Origin => ({ origin: { dataset: name, ...at(index) } }),
    lineage: (index) => {
      asked.count++
      return at(index)
    }
  })
}

const joined = Dataset.concat(
  Dataset.slice(files("a", 11), 2),
  Dataset.map(files("b", 9), (own) => own),
  Dataset.subset(files("c", 5), [4, 0, 2])
)

const shuffled = Pipeline.from(joined).pipe(
  Pipeline.sample(Sampler.shuffle),
  Pipeline.filter("most", ({ origin }) => origin.row !== 1)
)

/** Its columns are the samples' own origins. */
export const carried = shuffled.pipe(Pipeline.batchWith(4, (samples) => samples.map(({ origin }) => origin)))

/** Fails at one sample of `c`. */
export const failing = shuffled.pipe(
  Pipeline.map("parse", (own) => {
    if (own.origin.dataset === "c" && own.origin.row === 2) throw new Error("no such token")
    return own
  }),
  Pipeline.batchWith(4, (samples) => samples.map(({ origin }) => origin))
)
