/** A pipeline over shards in blocks, opened by each runner, which counts the bytes that are read of them. */
import { Effect } from "effect"
import { Dataset, Format, Pipeline, Sampler, Store } from "../../src/index.ts"

export interface Config {
  readonly location: string
  /** The file of the kept index, so that only blocks are read. */
  readonly index: string
}

/** Of all runners in this process. */
export const counted = { bytes: 0 }

export const LANES = 4

const opened = ({ index, location }: Config) =>
  Effect.flatMap(Store.Store, (store) => {
    const counting: Store.StoreService = {
      ...store,
      read: (info, offset, length) => {
        counted.bytes += length
        return store.read(info, offset, length)
      }
    }
    const open = Dataset.open(location, {
      format: Format.jsonl<{ n: number }>({ blockBytes: 512 }),
      index,
      name: "blocks"
    })
    return Effect.provideService(open, Store.Store, counting)
  })

export const pipeline = async (config: Config) => {
  const dataset = await Effect.runPromise(opened(config))
  return Pipeline.from(dataset).pipe(
    Pipeline.sample(Sampler.shuffleBlocks({ window: 2, lanes: LANES })),
    Pipeline.augment("draw", ({ n }, rng) => ({ n, word: rng.word() })),
    Pipeline.batch(32)
  )
}
