/**
 * Runs whose batch size changes within an epoch: undisturbed or resumed again they are the same, and each sample of them
 * can be replayed.
 */
import { expect, test } from "bun:test"
import { Effect, Option } from "effect"
import fc from "fast-check"
import { type Cursor, Dataset, Pipeline, Sampler, Scheduler, SeedPolicy, Workers } from "../../../src/index.ts"
import type { PartialOptions } from "../../support/options.ts"

const TIME = 60_000

const pipelineOf = (size: number, batch: number, options: Pipeline.LastOptions = {}, sampler = Sampler.shuffle) =>
  Pipeline.from(Dataset.range(size)).pipe(
    Pipeline.sample(sampler),
    Pipeline.augment("noise", (x, rng) => x + rng.uniform(0, 0.5)),
    Pipeline.batch(batch, options)
  )

const policies = { elastic: SeedPolicy.elastic({ seed: 42 }), epochWorker: SeedPolicy.epochWorker({ seed: 42 }) }
type Policy = keyof typeof policies

/** Takes at most `count` batches, then leaves the run. */
const leg = (pipeline: ReturnType<typeof pipelineOf>, count: number, own: Policy, options: PartialOptions) =>
  Effect.gen(function* () {
    // `epochs` or `from` is among the options.
    const loader = yield* Scheduler.open(pipeline, { replay: true, digest: true, ...options } as Scheduler.Options)
    const taken: Array<{ epoch: number; index: number; data: Array<number>; cursor: Cursor.Cursor }> = []
    while (taken.length < count) {
      const cursor = yield* loader.cursor
      const batch = yield* loader.take
      if (Option.isNone(batch)) break
      const { columns, epoch, index } = batch.value
      taken.push({ epoch, index, data: Array.from(columns.data), cursor })
    }
    return { taken, cursor: yield* loader.cursor, digest: yield* loader.digest }
  }).pipe(
    Effect.scoped,
    Effect.provide(policies[own]),
    Effect.provide(Workers.fibers({ workers: 2 })),
    Effect.runPromise
  )

const stored = (cursor: Cursor.Cursor): object => JSON.parse(JSON.stringify(cursor)) as object // a record
const allow = ["batch"] as const

interface Change {
  readonly policy: Policy
  readonly samples: number
  readonly sizes: ReadonlyArray<number>
  readonly counts: ReadonlyArray<number>
  readonly padLast: boolean
}

const changes: fc.Arbitrary<Change> = fc.record({
  policy: fc.constantFrom<Policy>("elastic", "epochWorker"),
  samples: fc.integer({ min: 1, max: 24 }),
  sizes: fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 2, maxLength: 4 }),
  counts: fc.array(fc.nat({ max: 3 }), { minLength: 4, maxLength: 4 }),
  padLast: fc.boolean()
})

/** The pipeline and the options of the run behind all changes of size. */
const changed = async ({ counts, padLast, policy, samples, sizes }: Change) => {
  let options: PartialOptions = { epochs: 3 }
  for (const [at, size] of sizes.slice(0, -1).entries()) {
    const { cursor } = await leg(pipelineOf(samples, size, { padLast }), counts[at] ?? 0, policy, options)
    options = { from: stored(cursor), allow }
  }
  return { pipeline: pipelineOf(samples, sizes.at(-1) ?? 1, { padLast }), options }
}

/** Batches without their cursors. */
const told = (taken: Awaited<ReturnType<typeof leg>>["taken"]) => taken.map(({ cursor: _, ...batch }) => batch)

const law = async (change: Change, left: number) => {
  const { options, pipeline } = await changed(change)
  const whole = await leg(pipeline, Infinity, change.policy, options)
  const part = await leg(pipeline, left, change.policy, options)
  const rest = await leg(pipeline, Infinity, change.policy, { from: stored(part.cursor) })
  expect([...told(part.taken), ...told(rest.taken)]).toEqual(told(whole.taken))
  expect(rest.digest).toBe(whole.digest)
}

test("an epoch that was resized and filled does not change the draws of later epochs", () =>
  law({ policy: "elastic", samples: 12, sizes: [5, 4], counts: [1], padLast: true }, 3))

test(
  "a run whose batch size has changed is the same undisturbed and resumed",
  () => fc.assert(fc.asyncProperty(changes, fc.nat({ max: 12 }), law), { numRuns: 60 }),
  TIME
)

test(
  "each sample and each batch of a run whose batch size has changed can be replayed",
  () =>
    fc.assert(
      fc.asyncProperty(changes, async (change) => {
        const { options, pipeline } = await changed(change)
        const { taken } = await leg(pipeline, 8, change.policy, options)
        for (const { cursor, data, epoch, index } of taken) {
          const at = { epoch, workers: 2, ...(cursor.resized === undefined ? {} : { resized: cursor.resized }) }
          const replay = (which: { readonly position: number } | { readonly batch: number }) =>
            Effect.runPromise(Effect.provide(Scheduler.replay(pipeline, { ...at, ...which }), policies[change.policy]))
          const batch = Option.getOrThrow(await replay({ batch: index })) as { columns: { data: Float32Array } } // the pipeline's
          expect(Array.from(batch.columns.data)).toEqual(data)
          const last = data.length - 1
          const [first, final] = [
            await replay({ position: cursor.position }),
            await replay({ position: cursor.position + last })
          ]
          expect([first, final].map((own) => Math.fround(Number(Option.getOrThrow(own))))).toEqual(
            [data[0], data[last]].map((own) => Math.fround(own ?? Number.NaN))
          )
        }
      }),
      { numRuns: 40 }
    ),
  TIME
)

test("the batch that a failed stage names can be replayed beyond the number that the new size has from the start", async () => {
  const failing = Pipeline.from(Dataset.range(24)).pipe(
    Pipeline.augment("noise", (x, rng) => x + rng.uniform(0, 0.5)),
    Pipeline.batch(8),
    Pipeline.map("fails", () => {
      throw new Error("it does")
    })
  )
  const first = await leg(pipelineOf(24, 2, {}, Sampler.sequential), 5, "elastic", { epochs: 1 })
  const options = { from: stored(first.cursor), allow: ["batch", "pipeline"] as const }
  const error = await Effect.runPromise(
    Effect.scoped(Effect.flip(Effect.flatMap(Scheduler.open(failing, options), ({ take }) => take))).pipe(
      Effect.provide(policies.elastic),
      Effect.provide(Workers.fibers({ workers: 2 }))
    )
  )
  expect(error).toMatchObject({ _tag: "StageError", batch: 5, resized: { batch: 5, position: 10 } })
  const { resized } = error as { resized: NonNullable<Cursor.Cursor["resized"]> } // as just seen
  const replay = (batch: number) =>
    Effect.runPromise(
      Effect.provide(
        Scheduler.replay(pipelineOf(24, 8, {}, Sampler.sequential), { epoch: 0, batch, workers: 2, resized }),
        policies.elastic
      )
    )
  expect(Option.getOrThrow(await replay(6))).toMatchObject({
    index: 6,
    indices: Float64Array.from([18, 19, 20, 21, 22, 23])
  })
  await expect(replay(7)).rejects.toThrow("one of the batches of epoch 0")
})

test("padded lanes may change the batch size behind the order's own positions", async () => {
  const sampler: typeof Sampler.shuffle = { ...Sampler.sequential, lanes: () => [2, 10] }
  const padded = (size: number) => pipelineOf(12, size, { padLast: true }, sampler)
  const { cursor } = await leg(padded(2), 7, "elastic", { epochs: 1 })
  expect(cursor.position).toBe(14)
  const { taken } = await leg(padded(4), Infinity, "elastic", { from: stored(cursor), allow })
  const lane = taken.flatMap(({ data }) => data.map(Math.floor)).filter((own) => own >= 2)
  expect(lane).toEqual([9, 10, 11, 2])
})
