/**
 * Runs that are resumed within an epoch among other workers or ranks, in batches of another size, or with other lanes.
 */
import { describe, expect, test } from "bun:test"
import { Effect, type Layer, Option, Stream } from "effect"
import fc from "fast-check"
import {
  type Cursor,
  Dataset,
  furrow,
  Parity,
  Pipeline,
  Sampler,
  Scheduler,
  SeedPolicy,
  Workers
} from "../../../src/index.ts"
import { fake, withCuts } from "../../support/cuts.ts"
import { pipeline as threaded } from "../../support/threaded/epochs.ts"

const TIME = 60_000
const allow: ReadonlyArray<Cursor.Field> = ["batch", "workers", "ranks"]

/** Each sample draws two words, and each rank's share of a batch two more. */
const pipelineOf = (size: number, batch: number) =>
  Pipeline.from(Dataset.range(size)).pipe(
    Pipeline.sample(Sampler.shuffle),
    Pipeline.augment("words", (_, rng) => ({ one: rng.word(), other: rng.word() })),
    Pipeline.batch(batch),
    Pipeline.augment("mix", (own, rng) => ({ ...own, columns: { ...own.columns, mix: `${rng.word()},${rng.word()}` } }))
  )

type Own = ReturnType<typeof pipelineOf>

interface Leg {
  readonly pipeline: Own
  readonly workers: number
  readonly world: number
  /** How many batches each rank takes. */
  readonly count: number
  readonly from?: object | undefined
  readonly elastic?: boolean
}

/** What all ranks of a world take, put together; and the cursor of the last one. */
const leg = async ({ count, elastic = false, from, pipeline, workers, world }: Leg) => {
  const rows: Array<string> = []
  const states: Array<string> = []
  const shares: Array<Array<string>> = []
  let cursor: object = {}
  for (let rank = 0; rank < world; rank++) {
    const policy = elastic ? SeedPolicy.elastic({ seed: 42 }) : SeedPolicy.epochWorker({ seed: 42 })
    const ranks = { rank, world, replay: true } as const
    const run = Effect.gen(function* () {
      const loader = yield* from === undefined
        ? Scheduler.open(pipeline, { ...ranks, epochs: 2 })
        : Scheduler.open(pipeline, { ...ranks, from, allow })
      for (let taken = 0; taken < count; taken++) {
        const batch = yield* loader.take
        if (Option.isNone(batch)) break
        const { columns, epoch, indices, size } = batch.value
        if (size === 0) continue
        const { mix, one, other } = columns
        states.push(mix, ...Array.from(one.data, (word, row) => `${word},${other.data[row]}`))
        const own = Array.from(indices, (index) => `${epoch}.${index}`)
        shares[taken] = [...(shares[taken] ?? []), ...own]
      }
      return JSON.parse(JSON.stringify(yield* loader.cursor)) as object // a record
    })
    cursor = await run.pipe(
      Effect.scoped,
      Effect.provide(policy),
      Effect.provide(Workers.fibers({ workers })),
      Effect.runPromise
    )
  }
  rows.push(...shares.flat())
  return { rows, states, cursor }
}

const worlds = fc.record({
  /** The batch size in fours, which all worlds divide. */
  fours: fc.integer({ min: 1, max: 3 }),
  workers: fc.integer({ min: 1, max: 4 }),
  world: fc.constantFrom(1, 2, 4),
  count: fc.nat({ max: 5 })
})
const changes = fc.record({
  size: fc.integer({ min: 4, max: 24 }).map((fours) => 4 * fours),
  cuts: fc.option(fc.nat(), { nil: undefined }),
  legs: fc.array(worlds, { minLength: 1, maxLength: 5 }),
  last: worlds
})

describe("a run that is resumed among other workers and ranks, in batches of another size", () => {
  test(
    "starts from no state twice, and delivers every sample once, in order",
    async () => {
      await fc.assert(
        fc.asyncProperty(changes, async ({ cuts, last, legs, size }) => {
          const cut = (batch: number) => {
            const own = pipelineOf(size, batch)
            return cuts === undefined ? own : withCuts(own, fake({ salt: cuts, early: 0 }))
          }
          const whole = await leg({ pipeline: pipelineOf(size, 4), workers: 1, world: 1, count: Infinity })
          const rows: Array<string> = []
          const states: Array<string> = []
          let from: object | undefined
          for (const { count, fours, workers, world } of [...legs, { ...last, count: Infinity }]) {
            const own = await leg({ pipeline: cut(4 * fours), workers, world, count, from })
            rows.push(...own.rows)
            states.push(...own.states)
            from = own.cursor
          }
          expect(rows).toEqual(whole.rows)
          expect(new Set(states).size).toBe(states.length)
        }),
        { numRuns: 50 }
      )
    },
    TIME
  )

  test(
    "is the same wherever it is left after that",
    async () => {
      await fc.assert(
        fc.asyncProperty(worlds, worlds, fc.nat({ max: 9 }), async (one, other, again) => {
          const first = await leg({ ...one, pipeline: pipelineOf(64, 4 * one.fours) })
          const next = { ...other, pipeline: pipelineOf(64, 4 * other.fours), from: first.cursor }
          const straight = await leg({ ...next, count: Infinity })
          const part = await leg({ ...next, count: again })
          const rest = await leg({ ...next, count: Infinity, from: part.cursor })
          expect([...part.rows, ...rest.rows]).toEqual(straight.rows)
          expect([...part.states, ...rest.states].toSorted()).toEqual(straight.states.toSorted())
        }),
        { numRuns: 30 }
      )
    },
    TIME
  )

  test("draws the same under elastic, and its cursor is the one of any run", async () => {
    const pipeline = pipelineOf(64, 8)
    const first = await leg({ pipeline, workers: 2, world: 1, count: 3, elastic: true })
    const whole = await leg({ pipeline, workers: 1, world: 1, count: Infinity, elastic: true })
    const part = await leg({ pipeline, workers: 3, world: 1, count: 2, elastic: true, from: first.cursor })
    const rest = await leg({ pipeline, workers: 1, world: 1, count: Infinity, elastic: true, from: part.cursor })
    expect([...first.states, ...part.states, ...rest.states]).toEqual(whole.states)
    expect(part.cursor).not.toHaveProperty("resized")
  })
})

/** Two epochs of 20 samples in batches of 4 by two workers, left after three batches. */
const left = (options: Partial<Leg> = {}) =>
  leg({ pipeline: pipelineOf(20, 4), workers: 2, world: 1, count: 3, ...options })

describe("a run that is resumed among other workers", () => {
  test("tells in an error how to make a sample again, with the draws that it had", async () => {
    const { cursor: from } = await left()
    const failing = Pipeline.from(Dataset.range(20)).pipe(
      Pipeline.sample(Sampler.shuffle),
      Pipeline.augment("words", (_, rng, { position }) => {
        const words = { one: rng.word(), other: rng.word() }
        if (position === 17) throw new Error(JSON.stringify(words))
        return words
      }),
      Pipeline.batch(4)
    )
    const provided = <A, E>(effect: Effect.Effect<A, E, SeedPolicy.SeedPolicy | Workers.Workers>) =>
      effect.pipe(
        Effect.provide(SeedPolicy.epochWorker({ seed: 42 })),
        Effect.provide(Workers.fibers({ workers: 3 })),
        Effect.runPromise
      )
    const error = await provided(
      Effect.flip(Stream.runDrain(Scheduler.stream(failing, { from, allow: ["workers", "pipeline"] })))
    )
    // Workers 0 and 1 had 12 ordinals at most; batch 4 is the first one of worker 1 among three.
    expect(error).toMatchObject({ _tag: "StageError", batch: 4, position: 17, ordinal: 13 })
    expect(String(error)).toContain(
      "Scheduler.replay(pipeline, { epoch: 0, position: 17, workers: 3, resized: { batch: 0, position: 0, ordinal: 12, numberedFrom: 3 } })"
    )
    const resized = { batch: 0, position: 0, ordinal: 12, numberedFrom: 3 }
    const at = { epoch: 0, workers: 3 }
    const replay = (options: Pick<Scheduler.ReplayOptions, "resized">) =>
      provided(Scheduler.replay(pipelineOf(20, 4), { ...at, position: 17, ...options }))
    const made = await replay({ resized })
    expect(String(error)).toContain(JSON.stringify(Option.getOrThrow(made)))
    expect(await replay({})).not.toEqual(made)
    // A whole batch has what the run delivered, also what its last stage drew.
    const rest = await leg({ pipeline: pipelineOf(20, 4), workers: 3, world: 1, count: 1, from })
    const batch = await provided(Scheduler.replay(pipelineOf(20, 4), { ...at, batch: 3, resized }))
    expect(batch).toMatchObject({ value: { columns: { mix: rest.states[0] } } })
    for (const [wrong, named] of [
      [{ batch: 2, resized }, "batch"],
      [{ batch: 3, resized: { ...resized, numberedFrom: -1 } }, "resized.numberedFrom"]
    ] as const) {
      await expect(provided(Scheduler.replay(pipelineOf(20, 4), { ...at, ...wrong }))).rejects.toThrow(named)
    }
  })

  test(
    "is the same on threads",
    async () => {
      const run = (workers: Layer.Layer<Workers.Workers, unknown>, from?: object) =>
        Effect.gen(function* () {
          const pipeline = threaded({ size: 30, batch: 4 })
          const loader = yield* from === undefined
            ? Scheduler.open(pipeline, { replay: true, digest: true, epochs: 2 })
            : Scheduler.open(pipeline, { replay: true, digest: true, from, allow })
          for (let left = from === undefined ? 3 : Infinity; left > 0; left--) {
            if (Option.isNone(yield* loader.take)) break
          }
          return { cursor: yield* loader.cursor, digest: yield* loader.digest }
        }).pipe(
          Effect.scoped,
          Effect.provide(SeedPolicy.epochWorker({ seed: 42 })),
          Effect.provide(workers),
          Effect.runPromise
        )
      const { cursor } = await run(Workers.fibers({ workers: 2 }))
      const pipeline = new URL("../../support/threaded/epochs.ts", import.meta.url)
      const onThreads = Workers.threads({ workers: 3, threads: 2, pipeline, config: { size: 30, batch: 4 } })
      expect(await run(onThreads, cursor)).toEqual(await run(Workers.fibers({ workers: 3 }), cursor))
    },
    TIME
  )

  test("between two epochs is counted as any run", async () => {
    const { cursor: from } = await left({ count: 5 })
    expect(from).toMatchObject({ epoch: 1, batch: 0 })
    const whole = await left({ workers: 3, count: Infinity })
    const rest = await left({ workers: 3, count: Infinity, from })
    expect(rest.states).toEqual(whole.states.slice(25))
  })

  test("is refused over a gap, and where the policy carries the workers' streams through an epoch", async () => {
    const slow = Pipeline.from(Dataset.range(20)).pipe(
      Pipeline.augment("words", (_, rng) => rng.word()),
      Pipeline.mapEffect("wait", (x, { batch }) => Effect.as(Effect.sleep(batch === 0 ? 50 : 0), x)),
      Pipeline.batch(4)
    )
    const refused = (
      policy: Layer.Layer<SeedPolicy.SeedPolicy, unknown>,
      order: "plan" | "ready",
      changed: { readonly workers?: number; readonly size?: number }
    ) => {
      const open = (pipeline: typeof slow, workers: number, from?: object) =>
        Effect.gen(function* () {
          const loader = yield* from === undefined
            ? Scheduler.open(pipeline, { epochs: 1, replay: true, order })
            : Scheduler.open(pipeline, { from, allow, replay: true, order })
          yield* loader.take
          return yield* loader.cursor
        }).pipe(Effect.scoped, Effect.provide(policy), Effect.provide(Workers.fibers({ workers })))
      const { size = 4, workers = 2 } = changed
      const other = Pipeline.from(Dataset.range(20)).pipe(
        Pipeline.augment("words", (_, rng) => rng.word()),
        Pipeline.mapEffect("wait", (x, { batch }) => Effect.as(Effect.sleep(batch === 0 ? 50 : 0), x)),
        Pipeline.batch(size)
      )
      return Effect.runPromise(
        Effect.flatMap(open(slow, 2), (from) => Effect.map(Effect.either(open(other, workers, from)), String))
      )
    }
    const epochWorker = SeedPolicy.epochWorker({ seed: 42 })
    expect(await refused(epochWorker, "ready", { workers: 3 })).toContain(
      " ahead of batch 0 of epoch 0, which other workers would build; go on with workers 2 until its row has no gap"
    )
    expect(await refused(SeedPolicy.elastic({ seed: 42 }), "ready", { workers: 3 })).toContain("Right")
    for (const changed of [{ workers: 3 }, { size: 5 }]) {
      expect(await refused(Parity.additive({ seed: 42 }), "plan", changed)).toContain(
        "policy additive seeds workers and not samples, so within an epoch a change of the batch size, workers or ranks"
      )
    }
    expect(await refused(Parity.additive({ seed: 42 }), "plan", {})).toContain("Right")
  })
})

test("a run is resumed within an epoch with the lanes that it had, and between two with any", async () => {
  const laned = (sizes: ReadonlyArray<number> | undefined, batch: number) => {
    const sampler: Sampler.Sampler =
      sizes === undefined ? Sampler.sequential : { ...Sampler.sequential, lanes: () => sizes }
    return Pipeline.from(Dataset.range(64)).pipe(Pipeline.sample(sampler), Pipeline.batch(batch))
  }
  const two = [32, 32]
  const four = [16, 16, 16, 16]
  const uneven = [10, 20, 16, 18]
  const resumed = async (
    from: ReadonlyArray<number> | undefined,
    to: ReadonlyArray<number> | undefined,
    { batch = 8, count = 3 } = {}
  ) => {
    const first = furrow(laned(from, 8), { epochs: 2, uneven: "drop" })
    for (let taken = 0; taken < count; taken++) await first.take()
    await first.close()
    const cursor = JSON.parse(JSON.stringify(first.cursor)) as object // a record
    const next = furrow(laned(to, batch), { from: cursor, allow, uneven: "drop" })
    try {
      return (await next.take())?.indices.length
    } catch (error) {
      return String(error)
    } finally {
      await next.close()
    }
  }
  for (const batch of [8, 16]) {
    for (const [from, to, was, is] of [
      [four, two, "4 lanes", "2 lanes"],
      [two, four, "2 lanes", "4 lanes"],
      [four, undefined, "4 lanes", "no lanes"],
      [undefined, four, "no lanes", "4 lanes"],
      [uneven, [20, 10, 16, 18], "4 lanes", "4 lanes of other sizes"],
      [four, uneven, "4 lanes", "4 lanes of other sizes"]
    ] as const) {
      expect(await resumed(from, to, { batch })).toContain(
        `CursorError: this cursor cannot be resumed from: it stands within an epoch of ${was}, and this run has ${is}; change them`
      )
    }
    for (const own of [four, two, undefined, uneven]) expect(await resumed(own, own, { batch })).toBe(batch)
    expect(await resumed(four, two, { batch, count: 8 })).toBe(batch)
  }
})
