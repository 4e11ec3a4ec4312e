/** A pipeline over shards, opened by each thread; all threads count their reads in one place. */
import * as Effect from "effect/Effect"
import * as Pipeline from "../../../src/pipeline/Pipeline.ts"
import * as Sampler from "../../../src/sampling/Sampler.ts"
import type * as SeedPolicy from "../../../src/seeding/SeedPolicy.ts"
import * as Dataset from "../../../src/sources/Dataset.ts"
import * as Format from "../../../src/sources/formats/Formats.ts"
import * as Store from "../../../src/sources/store/Store.ts"
import type * as Tensor from "../../../src/wasm/Tensor.ts"
import { meeting } from "./meeting.ts"

export interface ShardsConfig {
  readonly location: string
  /** The file of the kept index, so that only blocks are read. */
  readonly index: string
  readonly format: "jsonl" | "csv" | "text" | "npy" | "tar" | "parquet"
  readonly blockBytes: number
  readonly cacheBytes: number
  readonly order: "shuffle" | "blocks" | "sequential"
  readonly lanes: number
  readonly batchSize: number
  /** How many threads there are at least before one of them builds a batch. */
  readonly threads: number
  /**
   * How many reads there were; the thread that makes the last one of `counts[1]` dies, if that is above 0; how many threads have
   * opened the shards.
   */
  readonly counts: Tensor.Tensor<Int32Array>
}

interface Row {
  readonly n: number
}

const formatOf = ({ blockBytes, format }: ShardsConfig): Format.Format<unknown> => {
  switch (format) {
    case "jsonl":
      return Format.jsonl({ blockBytes })
    case "csv":
      return Format.csv({ blockBytes })
    case "text":
      return Format.text({ blockBytes })
    case "npy":
      return Format.npy({ field: "n", blockBytes: blockBytes / 8 })
    case "tar":
      return Format.tar({ fields: { n: "integer" }, blockBytes: 4 * blockBytes })
    case "parquet":
      return Format.parquet()
  }
}

const order = ({ lanes, order }: ShardsConfig) =>
  order === "shuffle"
    ? Sampler.shuffle
    : order === "blocks"
      ? Sampler.shuffleBlocks({ window: 3, lanes })
      : Sampler.sequential

/** Of a line of text its length, of a record its number. */
const numberOf = (row: unknown): Row =>
  typeof row === "string" ? { n: Number(JSON.parse(row).n) } : { n: Number((row as Row).n) } // as the tests write them

export const opened = (config: ShardsConfig) =>
  Effect.gen(function* () {
    const store = yield* Store.Store
    const { data } = config.counts
    const counting: Store.StoreService = {
      ...store,
      read: (info, offset, length) => {
        const before = Atomics.add(data, 0, 1)
        if ((data[1] ?? 0) === before + 1) process.exit(3)
        return store.read(info, offset, length)
      }
    }
    const { cacheBytes, index, location } = config
    return yield* Effect.provideService(
      Dataset.open(location, { format: formatOf(config), index, cacheBytes, name: "shards" }),
      Store.Store,
      counting
    )
  })

export const pipeline = async (config: ShardsConfig) => {
  const dataset = await Effect.runPromise(opened(config))
  const met = meeting(config.counts.data, 2, config.threads)
  return Pipeline.from(dataset).pipe(
    Pipeline.sample(order(config)),
    Pipeline.map("number", (row) => {
      met()
      return numberOf(row)
    }),
    Pipeline.augment("draw", ({ n }, rng) => ({ n, word: rng.word() })),
    Pipeline.batch(config.batchSize)
  )
}

export type Loaded = Awaited<ReturnType<typeof pipeline>>
export type Needs = SeedPolicy.SeedPolicy
