/** Text: rows of 32 to 512 tokens, shuffled, padded to 512 with their lengths beside them, batches of 64. */
import { Dataset, Pipeline, Sampler, Tensor } from "../../../src/index.ts"
import { Xoshiro128 } from "../../../src/random/generators/Xoshiro128.ts"

export const SAMPLES = 40_000
export const BATCH = 64
export const LENGTH = 512
export const PADDING = 0

const rng = new Xoshiro128()
rng.reseed(Uint32Array.of(1, 2, 3, 4), 0)

/** Token ids as a tokenizer with a vocabulary of 50,000 gives them. */
export const rows: ReadonlyArray<Int32Array> = Array.from({ length: SAMPLES }, () =>
  Int32Array.from({ length: 32 + rng.integer(LENGTH - 31) }, () => 1 + rng.integer(50_000))
)

const padded = (samples: ReadonlyArray<Int32Array>) => {
  const ids = new Int32Array(samples.length * LENGTH)
  const lengths = new Int32Array(samples.length)
  for (let row = 0; row < samples.length; row++) {
    const tokens = samples[row] as Int32Array // below the length
    ids.set(tokens, row * LENGTH)
    lengths[row] = tokens.length
  }
  return { ids: Tensor.make(ids, [samples.length, LENGTH]), lengths: Tensor.make(lengths, [samples.length]) }
}

export const pipeline = Pipeline.from(Dataset.fromArray(rows)).pipe(
  Pipeline.sample(Sampler.shuffle),
  Pipeline.batchWith(BATCH, padded)
)
