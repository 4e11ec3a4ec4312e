/**
 * Objects: reviews of 8 to 24 words with a score, brought to lower case, those of a low score left out, made into two
 * numbers each, batches of 64.
 */
import { Dataset, Pipeline } from "../../../src/index.ts"
import { Xoshiro128 } from "../../../src/random/generators/Xoshiro128.ts"

export const SAMPLES = 100_000
export const BATCH = 64
/** A tenth of the scores is below it. */
export const LEAST = 0.1

export interface Review {
  readonly id: number
  readonly text: string
  readonly score: number
}

const rng = new Xoshiro128()
rng.reseed(Uint32Array.of(1, 2, 3, 4), 0)

const WORDS = ["The", "film", "Is", "a", "quiet", "Masterpiece", "of", "Slow", "rain", "AND", "light", "Never", "dull"]

const sentence = (): string =>
  Array.from({ length: 8 + rng.integer(17) }, () => WORDS[rng.integer(WORDS.length)] ?? "").join(" ")

export const reviews: ReadonlyArray<Review> = Array.from({ length: SAMPLES }, (_, id) => ({
  id,
  text: sentence(),
  score: rng.float()
}))

export const pipeline = Pipeline.from(Dataset.fromArray(reviews)).pipe(
  Pipeline.map("lower", ({ id, score, text }) => ({ id, text: text.toLowerCase(), score })),
  Pipeline.filter("scored", ({ score }) => score >= LEAST),
  Pipeline.map("numbers", ({ score, text }) => ({ length: text.length, score })),
  Pipeline.batch(BATCH, { dtypes: { length: "float32", score: "float32" } })
)
