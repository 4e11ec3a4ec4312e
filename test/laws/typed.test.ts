/**
 * Law 5, seen from outside the types: the types are in `typed.types.ts`, which the compiler reads. Where they are
 * bypassed, as plain JavaScript can, the run is refused all the same.
 */
import { expect, test } from "bun:test"
import { Effect } from "effect"
import { Dataset, Pipeline, Sampler, Scheduler, Workers } from "../../src/index.ts"

test("a pipeline that draws does not run without a policy", () => {
  const pipelines = [
    Pipeline.from(Dataset.range(4)).pipe(Pipeline.sample(Sampler.shuffle), Pipeline.batch(2)),
    Pipeline.from(Dataset.range(4)).pipe(
      Pipeline.augment("jitter", (x, rng) => x + rng.float()),
      Pipeline.batch(2)
    ),
    Pipeline.from(Dataset.range(4)).pipe(Pipeline.ambient("derive"), Pipeline.batch(2)),
    Pipeline.from(Dataset.range(4)).pipe(Pipeline.sample(Sampler.shuffleBlocks({ window: 2 })), Pipeline.batch(2)),
    Pipeline.from(Dataset.fromStream([1, 2, 3])).pipe(Pipeline.shuffleWindow(2), Pipeline.batch(2))
  ]
  for (const pipeline of pipelines) {
    const program = Effect.scoped(Scheduler.open(pipeline, { epochs: 1 })).pipe(
      Effect.provide(Workers.fibers({ workers: 1 })),
      Effect.flip
    )
    // The requirement that is left is what the compiler would refuse.
    const error = Effect.runSync(program as Effect.Effect<unknown>)
    expect(error).toMatchObject({ _tag: "InvalidOption", option: "SeedPolicy" })
  }
})
