/**
 * Law 5. A stage that draws puts the policy into the pipeline's requirements; forgetting it is a compile error. This file
 * is compiled, not run: a line under `@ts-expect-error` that compiles after all is an error of its own.
 */
import { Effect, Layer, Stream } from "effect"
import {
  type Batch,
  Dataset,
  Image,
  Pipeline,
  Sampler,
  Scheduler,
  SeedAudit,
  SeedPolicy,
  Tensor,
  Workers
} from "../../src/index.ts"
import { constant, failing, recording, scripted } from "../../src/testing.ts"

const numbers = Pipeline.from(Dataset.range(10))
const workers = Workers.fibers({ workers: 2 })
const policy = SeedPolicy.epochWorker({ seed: 42 })

const run = <A, E>(program: Effect.Effect<A, E>): Effect.Effect<A, E> => program
const drain = <C, E, R>(pipeline: Pipeline.Pipeline<Batch.Batch<C>, E, R>) =>
  Stream.runDrain(Scheduler.stream(pipeline, { epochs: 1 })).pipe(Effect.provide(workers))

// A pipeline that draws nothing needs no policy.
const still = numbers.pipe(
  Pipeline.sample(Sampler.sequential),
  Pipeline.map("double", (x) => 2 * x),
  Pipeline.filter("even", (x) => x % 2 === 0),
  Pipeline.mapEffect("log", (x) => Effect.as(Effect.log(x), x)),
  Pipeline.batch(2)
)
run(drain(still))

// Each of these draws.
const drawing = {
  augment: numbers.pipe(
    Pipeline.augment("jitter", (x, rng) => x + rng.float()),
    Pipeline.batch(2)
  ),
  augmentEffect: numbers.pipe(
    Pipeline.augmentEffect("jitter", (x, rng) => Effect.succeed(x + rng.float())),
    Pipeline.batch(2)
  ),
  shuffle: numbers.pipe(Pipeline.sample(Sampler.shuffle), Pipeline.batch(2)),
  shuffleBlocks: numbers.pipe(Pipeline.sample(Sampler.shuffleBlocks({ window: 2 })), Pipeline.batch(2)),
  shuffleWindow: Pipeline.from(Dataset.fromStream([1, 2, 3])).pipe(Pipeline.shuffleWindow(2), Pipeline.batch(2)),
  withReplacement: numbers.pipe(Pipeline.sample(Sampler.withReplacement()), Pipeline.batch(2)),
  weighted: numbers.pipe(Pipeline.sample(Sampler.weighted([1, 2])), Pipeline.batch(2)),
  subset: numbers.pipe(Pipeline.sample(Sampler.subset([1, 2], Sampler.shuffle)), Pipeline.batch(2)),
  limited: numbers.pipe(Pipeline.sample(Sampler.limited(Sampler.shuffle, 3)), Pipeline.batch(2)),
  ambient: numbers.pipe(Pipeline.ambient("derive"), Pipeline.batch(2)),
  image: Pipeline.from(Dataset.fromArray([Tensor.make(new Uint8Array(4), [2, 2, 1])])).pipe(
    Pipeline.augment("flip", Image.randomHorizontalFlip()),
    Pipeline.batch(2)
  ),
  mix: Pipeline.from(Dataset.fromArray([{ image: Tensor.make(new Float32Array(4), [2, 2, 1]), label: 1 }])).pipe(
    Pipeline.batch(2),
    Pipeline.augment("mixup", Image.mixup({ classes: 2 }))
  )
}

// @ts-expect-error: SeedPolicy is missing
run(drain(drawing.augment))
// @ts-expect-error: SeedPolicy is missing
run(drain(drawing.augmentEffect))
// @ts-expect-error: SeedPolicy is missing
run(drain(drawing.shuffle))
// @ts-expect-error: SeedPolicy is missing
run(drain(drawing.shuffleBlocks))
// @ts-expect-error: SeedPolicy is missing
run(drain(drawing.shuffleWindow))
// @ts-expect-error: SeedPolicy is missing
run(drain(drawing.withReplacement))
// @ts-expect-error: SeedPolicy is missing
run(drain(drawing.weighted))
// @ts-expect-error: SeedPolicy is missing
run(drain(drawing.subset))
// @ts-expect-error: SeedPolicy is missing
run(drain(drawing.limited))
// @ts-expect-error: SeedPolicy is missing
run(drain(drawing.ambient))
// @ts-expect-error: SeedPolicy is missing
run(drain(drawing.image))
// @ts-expect-error: SeedPolicy is missing
run(drain(drawing.mix))

// What leaves ambient randomness alone, or refuses it, draws nothing.
run(drain(numbers.pipe(Pipeline.ambient("leave"), Pipeline.ambient("refuse"), Pipeline.batch(2))))

// Any layer of a policy will do, and nothing of the pipeline changes.
const pipeline = drawing.augment
run(drain(pipeline).pipe(Effect.provide(policy)))
run(drain(pipeline).pipe(Effect.provide(SeedPolicy.elastic({ seed: 42n }))))
run(drain(pipeline).pipe(Effect.provide(SeedPolicy.fromConfig)))
run(drain(pipeline).pipe(Effect.provide(SeedAudit.counting(policy))))
run(drain(pipeline).pipe(Effect.provide(constant())))
run(drain(pipeline).pipe(Effect.provide(scripted([0.5]))))
run(drain(pipeline).pipe(Effect.provide(recording())))
run(drain(pipeline).pipe(Effect.provide(failing({ epoch: 1 }))))

// Without Effect, too.
Scheduler.iterate(pipeline, Layer.merge(policy, workers), { epochs: 1 })
Scheduler.iterate(still, workers, { epochs: 1 })
// @ts-expect-error: the layer has no SeedPolicy
Scheduler.iterate(pipeline, workers, { epochs: 1 })
// Workers have a default: one fiber.
Scheduler.iterate(pipeline, policy, { epochs: 1 })
Scheduler.iterate(still, Layer.empty, { epochs: 1 })
// @ts-expect-error: no layer
Scheduler.iterate(still, { epochs: 1 })

// A sampler of one's own that draws says so in its type, and then it requires the policy.
const order = { name: "own", distinct: true, count: (size: number) => size, order: () => (place: number) => place }
// @ts-expect-error: what draws is a Sampler<SeedPolicy>
const quiet: Sampler.Sampler = { ...order, draws: true }
const own: Sampler.Sampler<SeedPolicy.SeedPolicy> = { ...order, draws: true }
// @ts-expect-error: SeedPolicy is missing
run(drain(numbers.pipe(Pipeline.sample(own), Pipeline.batch(2))))
run(drain(numbers.pipe(Pipeline.sample(quiet), Pipeline.batch(2))))

// The workers have a default.
run(Stream.runDrain(Scheduler.stream(still, { epochs: 1 })))

// What is not batched cannot be run.
// @ts-expect-error: a pipeline of numbers delivers no batches
Scheduler.stream(numbers, { epochs: 1 })
