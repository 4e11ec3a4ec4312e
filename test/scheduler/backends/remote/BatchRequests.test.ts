/** Requests carry the seeds that their members cannot derive, and no others; those that are observed come back. */
import { expect, test } from "bun:test"
import { Effect, Layer } from "effect"
import { Dataset, Pipeline, Sampler, SeedPolicy } from "../../../../src/index.ts"
import * as ProvidedPlan from "../../../../src/scheduler/backends/ProvidedPlan.ts"
import { BatchRequests } from "../../../../src/scheduler/backends/remote/BatchRequests.ts"
import { memberStart } from "../../../../src/scheduler/backends/remote/MemberStart.ts"
import { failFirst } from "../../../../src/scheduler/build/FailureRules.ts"

const pipeline = Pipeline.from(Dataset.range(8)).pipe(
  Pipeline.sample(Sampler.shuffle),
  Pipeline.augment("noise", (index, rng) => index + rng.float()),
  Pipeline.batch(4)
)

/** What members are told under a policy: the stages whose seeds come with a request, and from what they derive others. */
const told = (policy: Layer.Layer<SeedPolicy.SeedPolicy, unknown>) =>
  Effect.gen(function* () {
    const runPlan = yield* ProvidedPlan.make(pipeline, 2, {})
    const request = new BatchRequests(runPlan, undefined).make(1, {
      epoch: 0,
      batch: 1,
      position: 4,
      size: 4,
      ordinal: 0
    })
    const settings = { digest: false, prefetch: 2, batches: 2, failures: failFirst }
    const start = memberStart(runPlan, settings, { module: "file:///app/a.ts", name: "pipeline", config: undefined })
    return {
      stages: request.seeds.map(([stage]) => stage),
      derivation: start.policy?.derivation?.name,
      observes: start.observes
    }
  }).pipe(Effect.provide(policy), Effect.runPromise)

const own = SeedPolicy.epochWorker({ seed: 42 })

/** `own` with other fields. */
const altered = (fields: Partial<SeedPolicy.Service>) =>
  Layer.effect(
    SeedPolicy.SeedPolicy,
    Effect.map(SeedPolicy.SeedPolicy, (policy) => ({ ...policy, ...fields }))
  ).pipe(Layer.provide(own))

test("members derive the seeds of Furrow's own policies, also of one that records draws", async () => {
  const derived = { stages: [], derivation: "epochWorker" as const, observes: false }
  expect(await told(own)).toEqual(derived)
  expect(await told(SeedPolicy.elastic({ seed: 42 }))).toEqual({ ...derived, derivation: "elastic" as const })
  expect(await told(altered({ record: () => undefined }))).toEqual(derived)
})

test("members report the seeds that they derive if somebody observes them", async () => {
  const observed: Array<string> = []
  const observe = ({ stage }: Parameters<NonNullable<SeedPolicy.Service["observe"]>>[0]) => observed.push(stage.name)
  expect(await told(altered({ observe }))).toEqual({ stages: [], derivation: "epochWorker", observes: true })
  // The order of the epoch is asked for here; no stage's seeds are.
  expect(observed).toEqual(["sample"])
})

test("seeds of a policy of one's own are asked for here, and observed here", async () => {
  const sent = { stages: ["noise"], derivation: undefined, observes: false }
  const { seeds } = await Effect.runPromise(Effect.provide(SeedPolicy.SeedPolicy, own))
  expect(await told(altered({ seeds: (request) => seeds(request) }))).toEqual(sent)
  const observed: Array<string> = []
  const observing = altered({ seeds: (request) => seeds(request), observe: ({ stage }) => observed.push(stage.name) })
  expect(await told(observing)).toEqual(sent)
  expect(observed).toContain("noise")
})
