/**
 * Any generator of another library can drive any pipeline: it is an `Rng`, and its seed is plain data.
 */
import { describe, expect, test } from "bun:test"
import { Effect, Stream } from "effect"
import fc from "fast-check"
import {
  CPython,
  Dataset,
  Image,
  NumPy,
  Pipeline,
  PyTorch,
  Rng,
  Sampler,
  Scheduler,
  type Seed,
  SeedPolicy,
  Tensor,
  Workers
} from "../../src/index.ts"

import { laws } from "../random/generators/laws.ts"

const seeds: ReadonlyArray<readonly [string, (place: number) => Seed.Seed]> = [
  ["NumPy's RandomState", (place) => NumPy.RandomState.seed(place)],
  ["NumPy's RandomState, seeded by an array", (place) => NumPy.RandomState.arraySeed([1, place])],
  ["NumPy's Generator on PCG64", (place) => NumPy.Generator.pcg64Seed(place)],
  ["NumPy's Generator on Philox", (place) => NumPy.Generator.philoxSeed(place, [7])],
  ["PyTorch's generator", (place) => PyTorch.TorchGenerator.seed(place)],
  ["Python's random", (place) => CPython.Random.seed(place)]
]

const images = Dataset.fromArray(
  Array.from({ length: 12 }, (_, index) => ({ image: Tensor.make(new Uint8Array(64).fill(index), [8, 8, 1]), index }))
)

const pipeline = Pipeline.from(images).pipe(
  Pipeline.sample(Sampler.shuffle),
  Pipeline.augment("affine", Image.randomAffine({ degrees: 20, translate: [0.1, 0.1] })),
  Pipeline.augment("erase", Image.randomErasing({ p: 0.5 })),
  Pipeline.augment("draw", (sample, rng) => ({
    ...sample,
    drawn: [rng.integer(1e6), rng.double(), rng.standardNormal()]
  })),
  Pipeline.batch(4)
)

describe("driven by", () => {
  test.each(seeds)(
    "%s, a pipeline draws what the generator draws, at every place, on any number of workers",
    async (_, seed) => {
      const policy = SeedPolicy.fromFunction(
        "foreign",
        ({ epoch, index, stage }) => seed((stage.id % 1000) * 1000 + epoch * 100 + index),
        {
          elastic: true
        }
      )
      const run = (workers: number) =>
        Effect.gen(function* () {
          const loader = yield* Scheduler.open(pipeline, { replay: true, epochs: 2, digest: true })
          const batches = yield* Stream.runCollect(loader.stream)
          return { batches: Array.from(batches), digest: yield* loader.digest }
        }).pipe(Effect.scoped, Effect.provide(policy), Effect.provide(Workers.fibers({ workers })), Effect.runPromise)
      const { batches, digest } = await run(1)
      expect((await run(3)).digest).toBe(digest)
      const id = pipeline.stages.find((stage) => stage.id.name === "draw")?.id.id ?? 0
      for (const { columns, epoch, indices } of batches) {
        indices.forEach((index, row) => {
          const rng = Rng.make(seed((id % 1000) * 1000 + epoch * 100 + index))
          const drawn = [rng.integer(1e6), rng.double(), rng.standardNormal()]
          expect(Array.from(columns.drawn.data.subarray(3 * row, 3 * row + 3))).toEqual(drawn)
        })
      }
    }
  )
})

for (const [name, seed] of seeds) {
  laws(
    name,
    fc.nat(0xffffffff).map((place) => seed(place)),
    Rng.make,
    seed(20211123)
  )
}
