/**
 * What a cursor of version 2 counts, and that those of version 1 are read.
 */
import { describe, expect, test } from "bun:test"
import { Effect, type Layer, Option, Stream } from "effect"
import fc from "fast-check"
import { Cursor, Dataset, Parity, Pipeline, Sampler, Scheduler, SeedPolicy, Workers } from "../../../src/index.ts"
import { fake, withCuts } from "../../support/cuts.ts"
import { oldCursors } from "../../support/oldCursors.ts"
import type { PartialOptions } from "../../support/options.ts"
import { pipeline as threaded } from "../../support/threaded/epochs.ts"

const TIME = 60_000

const pipelineOf = (size: number, batch: number, options: Pipeline.LastOptions = {}, sampler = Sampler.shuffle) =>
  Pipeline.from(Dataset.range(size)).pipe(
    Pipeline.sample(sampler),
    Pipeline.augment("noise", (x, rng) => x + rng.double()),
    Pipeline.batch(batch, options)
  )

const waiting = Pipeline.from(Dataset.range(26)).pipe(
  Pipeline.sample(Sampler.shuffle),
  Pipeline.augment("noise", (x, rng) => x + rng.double()),
  Pipeline.mapEffect("wait", (x, { batch }) => Effect.as(Effect.sleep(batch === 1 ? 20 : 1), x)),
  Pipeline.batch(3)
)

interface Leg {
  readonly batch?: number
  readonly workers?: number
  readonly options?: PartialOptions
}

const policies = {
  elastic: SeedPolicy.elastic({ seed: 42 }),
  epochWorker: SeedPolicy.epochWorker({ seed: 42 })
}

/** Takes at most `count` batches, then leaves the run and says where it stood. */
const leg = (
  pipeline: ReturnType<typeof pipelineOf>,
  count: number,
  { options = {}, workers = 2 }: Leg,
  policy: typeof policies.elastic | typeof policies.epochWorker = policies.elastic
) =>
  Effect.gen(function* () {
    // `epochs` or `from` is among the options.
    const loader = yield* Scheduler.open(pipeline, { replay: true, digest: true, ...options } as Scheduler.Options)
    const taken: Array<{ id: string; indices: Array<number>; data: Array<number> }> = []
    while (taken.length < count) {
      const batch = yield* loader.take
      if (Option.isNone(batch)) break
      const { columns, epoch, index, indices } = batch.value
      taken.push({ id: `${epoch}.${index}`, indices: Array.from(indices), data: Array.from(columns.data) })
    }
    return { taken, cursor: yield* loader.cursor, digest: yield* loader.digest }
  }).pipe(Effect.scoped, Effect.provide(policy), Effect.provide(Workers.fibers({ workers })), Effect.runPromise)

const stored = (cursor: Cursor.Cursor): object => JSON.parse(JSON.stringify(cursor)) as object // a record

describe("a cursor of version 1", () => {
  const seven = SeedPolicy.elastic({ seed: 7 })
  const plain = pipelineOf(26, 3)
  test.each([
    ["plan", plain, policies.epochWorker, 2, {}],
    ["start", plain, policies.epochWorker, 2, {}],
    ["epochEnd", plain, SeedPolicy.elastic({ seed: "name" }), 3, {}],
    ["ready", waiting, policies.epochWorker, 2, {}],
    ["readyNoDigest", waiting, seven, 3, {}],
    ["ranks", pipelineOf(26, 4, { padLast: true }), seven, 1, { rank: 1, world: 2 }],
    ["parity", plain, Parity.pytorch({ torch: 42, shuffle: true }), 2, {}]
  ] as const)("%s: the rest and the digest are what they were", async (name, pipeline, policy, workers, ranks) => {
    const old = oldCursors[name]
    const rest = await leg(pipeline, Infinity, { options: { from: JSON.parse(old.cursor), ...ranks }, workers }, policy)
    expect(rest.taken.map(({ id, indices }) => `${id}:${indices.join("-")}`)).toEqual([...old.rest])
    expect(rest.digest).toBe(old.digest)
    expect(rest.cursor).toMatchObject({ version: 2, epoch: 3, position: 0, batch: 0 })
  })

  test("is the cursor of version 2 that stands at the same place, and can be stored as that", async () => {
    const read = await Effect.runPromise(Cursor.decode(JSON.parse(oldCursors.ready.cursor)))
    expect(read).toMatchObject({ version: 2, epoch: 0, position: 3, batch: 1, batches: 5, samples: 14 })
    expect(read.ahead.map(([epoch, batch]) => [epoch, batch])).toEqual([2, 4, 6, 8].map((batch) => [0, batch]))
    expect(await Effect.runPromise(Cursor.decode(stored(read)))).toEqual(read)
  })

  test("is resumed with another batch size, too", async () => {
    const from = JSON.parse(oldCursors.plan.cursor)
    const rest = await leg(pipelineOf(26, 5), Infinity, { options: { from, allow: ["batch"] } }, policies.epochWorker)
    const whole = await leg(pipelineOf(26, 5), Infinity, { options: { epochs: 3 } }, policies.epochWorker)
    const order = (epoch: number) =>
      whole.taken.filter(({ id }) => id.startsWith(`${epoch}.`)).flatMap(({ indices }) => indices)
    expect(rest.taken.map(({ id, indices }) => `${id}:${indices.length}`).slice(0, 4)).toEqual([
      "1.3:5",
      "1.4:5",
      "1.5:5",
      "1.6:2"
    ])
    expect(rest.taken.flatMap(({ indices }) => indices)).toEqual([...order(1).slice(9), ...order(2)])
  })

  test("that was changed, or whose figures are none, is refused", async () => {
    const old = JSON.parse(oldCursors.plan.cursor) as Record<string, object>
    for (const changed of [
      { ...old, batch: 4 },
      { ...old, fingerprints: { ...old["fingerprints"], batch: "0 samples, 9 batches of 26" } }
    ]) {
      expect(await Effect.runPromise(Effect.flip(Cursor.decode(changed)))).toMatchObject({ _tag: "CursorError" })
    }
  })
})

const legs = fc.record({
  size: fc.integer({ min: 1, max: 60 }),
  policy: fc.constantFrom<"elastic" | "epochWorker">("elastic", "epochWorker"),
  workers: fc.integer({ min: 1, max: 4 }),
  stops: fc.array(fc.record({ batch: fc.integer({ min: 1, max: 9 }), count: fc.nat({ max: 6 }) }), {
    minLength: 1,
    maxLength: 4
  }),
  last: fc.integer({ min: 1, max: 9 })
})

const allow: ReadonlyArray<Cursor.Field> = ["batch"]

describe("a run that is resumed with another batch size", () => {
  test(
    "delivers every sample once, in the order of the epoch, in batches that are numbered on",
    async () => {
      await fc.assert(
        fc.asyncProperty(legs, async ({ last, policy, size, stops, workers }) => {
          const whole = await leg(pipelineOf(size, 1), Infinity, { options: { epochs: 2 }, workers }, policies[policy])
          let from: unknown
          const taken: Array<{ id: string; indices: Array<number>; data: Array<number> }> = []
          for (const { batch, count } of [...stops, { batch: last, count: Infinity }]) {
            const options = from === undefined ? { epochs: 2 } : { from, allow }
            const own = await leg(pipelineOf(size, batch), count, { options, workers }, policies[policy])
            for (const { indices } of own.taken) expect(indices.length).toBeLessThanOrEqual(batch)
            taken.push(...own.taken)
            from = stored(own.cursor)
          }
          expect(taken.flatMap(({ indices }) => indices)).toEqual(whole.taken.flatMap(({ indices }) => indices))
          // No batch number comes twice, and they have no gap.
          const numbers = [0, 1].map((epoch) =>
            taken.filter(({ id }) => id.startsWith(`${epoch}.`)).map(({ id }) => id)
          )
          for (const [epoch, own] of numbers.entries()) {
            expect(own).toEqual(Array.from(own, (_, batch) => `${epoch}.${batch}`))
          }
          // Law 2: no two samples start from one state.
          const draws = taken.flatMap(({ data, indices }) => data.map((value, row) => value - (indices[row] ?? 0)))
          expect(new Set(draws).size).toBe(draws.length)
          // Under an elastic policy a sample draws the same in a batch of any size.
          if (policy === "elastic") {
            expect(taken.flatMap(({ data }) => data)).toEqual(whole.taken.flatMap(({ data }) => data))
          }
        })
      )
    },
    TIME
  )

  test(
    "is the same wherever it is left after that",
    async () => {
      await fc.assert(
        fc.asyncProperty(legs, fc.nat({ max: 9 }), async ({ last, policy, size, stops, workers }, again) => {
          const [{ batch, count } = { batch: 1, count: 0 }] = stops
          const first = await leg(pipelineOf(size, batch), count, { options: { epochs: 2 }, workers }, policies[policy])
          const from = stored(first.cursor)
          const options = { from, allow }
          const straight = await leg(pipelineOf(size, last), Infinity, { options, workers }, policies[policy])
          const part = await leg(pipelineOf(size, last), again, { options, workers }, policies[policy])
          const rest = await leg(
            pipelineOf(size, last),
            Infinity,
            { options: { from: stored(part.cursor) }, workers },
            policies[policy]
          )
          expect([...part.taken, ...rest.taken]).toEqual(straight.taken)
          expect(rest.digest).toBe(straight.digest)
        })
      )
    },
    TIME
  )

  test("tells in an error how to make a sample again, with the draws that it had", async () => {
    const [first, second] = [pipelineOf(20, 4), pipelineOf(20, 3)]
    const { cursor } = await leg(first, 2, { options: { epochs: 1 } }, policies.epochWorker)
    const options = { from: stored(cursor), allow }
    const { taken } = await leg(second, Infinity, { options }, policies.epochWorker)
    const failing = Pipeline.from(Dataset.range(20)).pipe(
      Pipeline.sample(Sampler.shuffle),
      Pipeline.augment("noise", (x, rng) => x + rng.double()),
      Pipeline.map("fails", (x, { position }) => {
        if (position === 12) throw new Error("it does")
        return x
      }),
      Pipeline.batch(3)
    )
    const error = await Effect.runPromise(
      Effect.flip(Stream.runDrain(Scheduler.stream(failing, { ...options, allow: ["batch", "pipeline"] }))).pipe(
        Effect.provide(policies.epochWorker),
        Effect.provide(Workers.fibers({ workers: 2 }))
      )
    )
    expect(error).toMatchObject({ _tag: "StageError", batch: 3, position: 12 })
    expect(String(error)).toContain(
      "Scheduler.replay(pipeline, { epoch: 0, position: 12, workers: 2, resized: { batch: 2, position: 8, ordinal: 8 } })"
    )
    const replay = (options: { readonly resized?: { batch: number; position: number; ordinal: number } }) =>
      Effect.runPromise(
        Scheduler.replay(second, { epoch: 0, position: 12, workers: 2, ...options }).pipe(
          Effect.provide(policies.epochWorker)
        )
      )
    const made = taken[1]?.data[1]
    expect(await replay({ resized: { batch: 2, position: 8, ordinal: 8 } })).toEqual(Option.some(made))
    expect(await replay({})).not.toEqual(Option.some(made))
    await expect(replay({ resized: { batch: 2, position: 8, ordinal: -1 } })).rejects.toThrow("resized.ordinal")
  })

  test(
    "takes equal parts of what is left of all lanes",
    async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.record({
            size: fc.integer({ min: 1, max: 60 }),
            lanes: fc.constantFrom(1, 2, 3),
            first: fc.integer({ min: 1, max: 3 }),
            second: fc.integer({ min: 1, max: 3 }),
            count: fc.nat({ max: 5 })
          }),
          async ({ count, first, lanes, second, size }) => {
            const endOf = (lane: number) => Math.floor(((lane + 1) * size) / lanes)
            const sampler: typeof Sampler.shuffle = {
              ...Sampler.shuffle,
              order: () => (position) => position,
              lanes: () => Array.from({ length: lanes }, (_, lane) => endOf(lane) - endOf(lane - 1))
            }
            const before = await leg(pipelineOf(size, first * lanes, {}, sampler), count, { options: { epochs: 1 } })
            const options = { from: stored(before.cursor), allow }
            const after = await leg(pipelineOf(size, second * lanes, {}, sampler), Infinity, { options })
            const all = [...before.taken, ...after.taken].map(({ indices }) => indices)
            expect(all.flat().toSorted((a, b) => a - b)).toEqual(Array.from({ length: size }, (_, index) => index))
            // Each lane in its own order, and as many rows of each, but for the last batch.
            for (let lane = 0; lane < lanes; lane++) {
              const own = all.map((indices) =>
                indices.filter((index) => endOf(lane - 1) <= index && index < endOf(lane))
              )
              expect(own.flat()).toEqual(Array.from(own.flat(), (_, at) => endOf(lane - 1) + at))
              for (const [at, rows] of own.slice(0, -1).entries()) {
                expect(rows.length * lanes).toBe(all[at]?.length ?? -1)
              }
            }
          }
        )
      )
    },
    TIME
  )

  test(
    "is the same on threads",
    async () => {
      const run = (batch: number, workers: Layer.Layer<Workers.Workers, unknown>, options: PartialOptions) =>
        Effect.gen(function* () {
          // `epochs` or `from` is among the options.
          const given = { replay: true, digest: true, ...options } as Scheduler.Options
          const loader = yield* Scheduler.open(threaded({ size: 30, batch }), given)
          for (let left = options.from === undefined ? 2 : Infinity; left > 0; left--) {
            if (Option.isNone(yield* loader.take)) break
          }
          return { cursor: yield* loader.cursor, digest: yield* loader.digest }
        }).pipe(Effect.scoped, Effect.provide(policies.epochWorker), Effect.provide(workers), Effect.runPromise)
      const pipeline = new URL("../../support/threaded/epochs.ts", import.meta.url)
      const { cursor } = await run(4, Workers.fibers({ workers: 2 }), { epochs: 2 })
      const options = { from: stored(cursor), allow }
      const onThreads = Workers.threads({ workers: 2, pipeline, config: { size: 30, batch: 7 } })
      expect(await run(7, onThreads, options)).toEqual(await run(7, Workers.fibers({ workers: 2 }), options))
    },
    TIME
  )

  test("is refused without allow, within other lanes, over a gap, and behind the end of a smaller epoch", async () => {
    const { cursor } = await leg(pipelineOf(20, 4), 2, { options: { epochs: 1 } })
    expect(cursor).toMatchObject({ version: 2, epoch: 0, position: 8, batch: 2 })
    const refused = (pipeline: ReturnType<typeof pipelineOf>, options: PartialOptions) =>
      leg(pipeline, Infinity, { options }).then(
        () => "",
        (error: unknown) => String(error)
      )
    expect(await refused(pipelineOf(20, 6), { from: cursor })).toContain(
      "batch: was 4 samples, 5 batches of 20, is 6 samples, 4 batches of 20"
    )
    const laned: typeof Sampler.shuffle = { ...Sampler.shuffle, lanes: (size) => [size / 2, size / 2] }
    expect(await refused(pipelineOf(20, 6, {}, laned), { from: cursor, allow })).toContain(
      "it stands within an epoch of no lanes, and this run has 2 lanes; change them between two epochs"
    )
    expect(await refused(pipelineOf(7, 6), { from: cursor, allow: [...allow, "dataset"] })).toContain(
      "it stands at position 8, and an epoch has only 7"
    )
    const gap = JSON.parse(oldCursors.ready.cursor)
    expect(await refused(pipelineOf(26, 6), { from: gap, allow: [...allow, "policy", "pipeline"] })).toContain(
      "it has taken 4 batches ahead of batch 1 of epoch 0, and batches are now cut differently; go on with 3 samples, 9 batches of 26"
    )
  })
})

describe("a cursor of version 2", () => {
  test("names sources that the pipeline has, or is refused", async () => {
    const { cursor } = await leg(pipelineOf(20, 4), 2, { options: { epochs: 1 } })
    const { createHash } = await import("node:crypto")
    const { checksum: _, fingerprints, ...rest } = cursor
    const open = { ...rest, sources: { "shard-0": "1024" }, fingerprints }
    const own = { ...open, checksum: createHash("sha256").update(JSON.stringify(open)).digest("hex").slice(0, 16) }
    expect((await Effect.runPromise(Cursor.decode(own))).sources).toEqual({ "shard-0": "1024" })
    await expect(leg(pipelineOf(20, 4), 1, { options: { from: own } })).rejects.toThrow(
      'it holds where source "shard-0" stands, and the pipeline has no source of that name'
    )
  })

  test("is under 1 KB, also within a resized epoch of 2^52 samples", async () => {
    const size = 2 ** 52
    const huge = (batch: number) =>
      Pipeline.from(Dataset.range(size, { name: "é".repeat(400) })).pipe(
        Pipeline.map("m".repeat(300), (x) => x),
        Pipeline.batch(batch)
      )
    const open = (pipeline: ReturnType<typeof huge>, options: Scheduler.Options) =>
      Effect.gen(function* () {
        const loader = yield* Scheduler.open(pipeline, { digest: true, ...options })
        yield* loader.take
        return yield* loader.cursor
      }).pipe(
        Effect.scoped,
        Effect.provide(SeedPolicy.elastic({ seed: "s".repeat(300) })),
        Effect.provide(Workers.fibers({ workers: 2 })),
        Effect.runPromise
      )
    let cursor = await open(huge(3), { epochs: 1 })
    for (const batch of [2, 3, 5]) cursor = await open(huge(batch), { from: cursor, allow })
    expect(cursor).toMatchObject({ position: 13, batch: 4, resized: { batch: 3, position: 8 } })
    const large = Number.MAX_SAFE_INTEGER
    const most = {
      ...cursor,
      epoch: large,
      position: large,
      batch: large,
      resized: { batch: large, position: large, ordinal: large, numberedFrom: large },
      end: large,
      batches: large,
      samples: large,
      skipped: large
    }
    expect(new TextEncoder().encode(JSON.stringify(most)).length).toBeLessThan(1024)
  })

  test("counts positions of batches of varying size; cut by another size, the rest follows", async () => {
    const own = { salt: 4, early: 0 }
    const pipeline = (batch: number) => withCuts(pipelineOf(40, batch), fake(own))
    const whole = await leg(pipelineOf(40, 1), Infinity, { options: { epochs: 1 } })
    const first = await leg(pipeline(7), 3, { options: { epochs: 1 } })
    const position = first.taken.flatMap(({ indices }) => indices).length
    expect(first.cursor).toMatchObject({ position, batch: 3 })
    const rest = await leg(pipeline(4), Infinity, { options: { from: stored(first.cursor), allow } })
    expect([...first.taken, ...rest.taken].flatMap(({ indices }) => indices)).toEqual(
      whole.taken.flatMap(({ indices }) => indices)
    )
    expect([...first.taken, ...rest.taken].map(({ id }) => id)).toEqual(
      Array.from({ length: first.taken.length + rest.taken.length }, (_, batch) => `0.${batch}`)
    )
  })
})
