/** Reviews as JSON Lines on disk, in the order of their shards and shuffled by blocks; the same as CSV. */
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"
import { Dataset, Format, Pipeline, Sampler } from "../../../src/index.ts"

export const ROWS = 100_000
export const SHARDS = 4
export const BATCH = 256

export interface Review {
  readonly id: number
  readonly text: string
  readonly stars: number
  readonly tags: ReadonlyArray<string>
}

const words = "the a of seed worker batch epoch naïve loader stream shard block row token shuffle model".split(" ")

/** The same reviews on each machine. */
export const review = (id: number): Review => {
  let state = (id + 1) * 2654435761
  const next = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
  const text = Array.from({ length: 20 + next(60) }, () => words[next(words.length)]).join(" ")
  return { id, text, stars: 1 + next(5), tags: Array.from({ length: next(4) }, () => words[next(words.length)] ?? "") }
}

const folder = join(tmpdir(), `furrow-bench-jsonl-${ROWS}`)

/** The shards, which are written once a machine. */
export const jsonlShards = (): ReadonlyArray<string> => shards("jsonl", (own) => `${JSON.stringify(own)}\n`)

/** The same as CSV, with the tags in one cell. */
export const csvShards = (): ReadonlyArray<string> =>
  shards(
    "csv",
    ({ id, stars, tags, text }) => `${id},"${text}",${stars},${tags.join(" ")},${(id * 0.37).toFixed(4)}\n`,
    "id,text,stars,tags,score\n"
  )

const shards = (extension: string, line: (own: Review) => string, header = ""): ReadonlyArray<string> => {
  mkdirSync(folder, { recursive: true })
  return Array.from({ length: SHARDS }, (_, shard) => {
    const path = join(folder, `${shard}.${extension}`)
    if (!existsSync(path)) {
      const from = (shard * ROWS) / SHARDS
      const lines = Array.from({ length: ROWS / SHARDS }, (_, row) => line(review(from + row)))
      writeFileSync(`${path}.tmp`, header + lines.join(""))
      renameSync(`${path}.tmp`, path)
    }
    return path
  })
}

const same = <A>(rows: ReadonlyArray<A>): ReadonlyArray<A> => rows

/** An epoch of the reviews, as batches of rows. */
export const sequential = async () =>
  Pipeline.from(await opened()).pipe(Pipeline.sample(Sampler.sequential), Pipeline.batchWith(BATCH, same))

export const shuffledByBlocks = async () =>
  Pipeline.from(await opened()).pipe(
    Pipeline.sample(Sampler.shuffleBlocks({ window: 8 })),
    Pipeline.batchWith(BATCH, same)
  )

/** A window of blocks fits; all of them do not, so each epoch reads and decodes each again. */
const OPTIONS = { index: false, name: "reviews", cacheBytes: 2 ** 25 } as const

const opened = () => Effect.runPromise(Dataset.open(jsonlShards(), { format: Format.jsonl<Review>(), ...OPTIONS }))

export const csvPipeline = async (order: "in order" | "by blocks") =>
  Pipeline.from(await Effect.runPromise(Dataset.open(csvShards(), { format: Format.csv(), ...OPTIONS }))).pipe(
    Pipeline.sample(order === "in order" ? Sampler.sequential : Sampler.shuffleBlocks({ window: 8 })),
    Pipeline.batchWith(BATCH, same)
  )
