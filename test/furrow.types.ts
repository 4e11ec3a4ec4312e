/**
 * What the plain door refuses at compile time. This file is compiled, not run: a line under `@ts-expect-error` that
 * compiles after all is an error of its own. The messages themselves are looked at in `furrow.test.ts`.
 */
import { Context, Effect, Layer } from "effect"
import {
  Dataset,
  FailurePolicy,
  furrow,
  Pipeline,
  type PolicyLayer,
  Sampler,
  Scheduler,
  SeedPolicy,
  Workers
} from "../src/index.ts"
import { constant, recording } from "../src/testing.ts"

class Disk extends Context.Tag("Disk")<Disk, string>() {}

const numbers = Pipeline.from(Dataset.range(10))
const drawing = numbers.pipe(Pipeline.sample(Sampler.shuffle), Pipeline.batch(2))
const still = numbers.pipe(Pipeline.batch(2))
const served = numbers.pipe(
  Pipeline.mapEffect("read", (x) => Effect.as(Disk, x)),
  Pipeline.batch(2)
)
declare const maybe: number | undefined
declare const partial: { readonly epochs?: number }
declare const optional: { readonly seed?: number }
declare const given: { readonly seed: number }
declare const unsure: { readonly policy?: PolicyLayer }

// What draws needs a seed, or a policy as a value.
furrow(drawing, { epochs: 1, seed: 42 })
furrow(drawing, { epochs: 1, seed: "name", policy: "elastic", workers: 4 })
furrow(drawing, { epochs: 1, policy: SeedPolicy.elastic({ seed: 42 }), workers: Workers.fibers({ workers: 3 }) })
furrow(drawing, { epochs: 1, policy: recording() })
furrow(drawing, { epochs: 1, policy: constant(), failures: FailurePolicy.fail })
// @ts-expect-error: no seed
furrow(drawing, { epochs: 1 })
// @ts-expect-error: a policy by name has no seed of its own
furrow(drawing, { epochs: 1, policy: "elastic" })
// @ts-expect-error: a seed that may be missing
furrow(drawing, { epochs: 1, seed: maybe })
furrow(drawing, { epochs: 1, ...given })
// @ts-expect-error: options that may have no seed
furrow(drawing, { epochs: 1, ...optional })
// @ts-expect-error: the same, with a policy by name
furrow(drawing, { epochs: 1, policy: "elastic", ...optional })
// @ts-expect-error: options that may have no policy
furrow(drawing, { epochs: 1, ...unsure })
furrow(still, { epochs: 1, ...optional })
// @ts-expect-error: no such policy
furrow(drawing, { epochs: 1, seed: 42, policy: "elastik" })
// @ts-expect-error: no such option
furrow(drawing, { epochs: 1, seed: 42, worker: 2 })

// A layer that is made where it stands, and a seed of any type.
declare const service: SeedPolicy.Service
furrow(drawing, { policy: Layer.succeed(SeedPolicy.SeedPolicy, service), epochs: 1 })
furrow(drawing, { policy: Layer.effect(SeedPolicy.SeedPolicy, Effect.succeed(service)), epochs: 1, workers: 2 })
furrow(still, { policy: Layer.succeed(SeedPolicy.SeedPolicy, service), epochs: 1 })
furrow(drawing, { seed: JSON.parse("{}").seed, epochs: 1 })
// @ts-expect-error: a policy that is a value has its seed
furrow(drawing, { seed: 1, policy: SeedPolicy.elastic({ seed: 2 }), epochs: 1 })
// @ts-expect-error: the same, where nothing draws
furrow(still, { seed: 1, policy: SeedPolicy.elastic({ seed: 2 }), epochs: 1 })

// What does not draw needs none.
furrow(still, { epochs: 1 })
furrow(still, { epoch: 1, seed: 3 })

// A run names its epochs.
// @ts-expect-error: no epochs
furrow(drawing, { seed: 42 })
// @ts-expect-error: no options
furrow(still)
// @ts-expect-error: epochs that may be missing
furrow(still, partial)
// @ts-expect-error: epochs 0 and 1, or epoch 1 alone
furrow(still, { epochs: 2, epoch: 1 })

// Services that stages require are given as a layer.
furrow(served, { epochs: 1, layer: Layer.succeed(Disk, "") })
// @ts-expect-error: Disk is missing
furrow(served, { epochs: 1 })
// @ts-expect-error: the layer has no Disk
furrow(served, { epochs: 1, layer: Layer.empty })
// @ts-expect-error: the layer has no Disk
Scheduler.iterate(served, Workers.fibers({ workers: 1 }), { epochs: 1 })

// @ts-expect-error: a pipeline of numbers delivers no batches
furrow(numbers, { epochs: 1 })
