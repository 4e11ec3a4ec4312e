import { describe, expect, test } from "bun:test"
import { Cause, Deferred, Effect, Exit, Fiber, Layer, Option, Schedule } from "effect"
import fc from "fast-check"
import {
  Dataset,
  FailurePolicy,
  Format,
  Pipeline,
  Sampler,
  Scheduler,
  SeedPolicy,
  Workers
} from "../../../src/index.ts"
import type { ReadAhead as ReadAheadOf } from "../../../src/sources/RandomAccess.ts"
import type { Ahead } from "../../../src/sources/shards/BlockCache.ts"
import * as ReadAhead from "../../../src/sources/shards/ReadAhead.ts"
import { Store, StoreError } from "../../../src/sources/store/Store.ts"
import { headerOf, npyOf } from "../../support/npy.ts"
import { memoryStore } from "../../support/shards/MemoryStore.ts"

const ROWS = 40
const BLOCK = 64
const SHARDS = 3

/** Shards of numbers, 8 in a block. */
const objects = Object.fromEntries(
  Array.from({ length: SHARDS }, (_, shard) => {
    const numbers = Float64Array.from({ length: ROWS }, (_, row) => shard * ROWS + row)
    return [`d/${shard}`, npyOf(headerOf("<f8", [ROWS]), new Uint8Array(numbers.buffer))]
  })
)
const FIRST = `d/0@${npyOf(headerOf("<f8", [ROWS]), new Uint8Array(0)).length}`
/** Where the second block of the second shard begins: rows 48 to 55 of the dataset. */
const BAD = `d/1@${npyOf(headerOf("<f8", [ROWS]), new Uint8Array(0)).length + BLOCK}`

/** What becomes of the reads of blocks, by shard and offset. */
interface World {
  /** Fails a read, or has it wait. */
  readonly at: (read: string) => Effect.Effect<void, StoreError>
  /** The reads that were begun, in their order. */
  readonly begun: Array<string>
  readonly given: Array<string>
  readonly interrupted: Array<string>
}

const worldOf = (at: World["at"] = () => Effect.yieldNow()): World => ({ at, begun: [], given: [], interrupted: [] })

const opened = async (world: World, cacheBytes: number, aheadBytes: number) => {
  const base = memoryStore(objects)
  let isOpen = false
  const layer = Layer.succeed(Store, {
    ...base.service,
    read: (info, offset, length) => {
      if (!isOpen) return base.service.read(info, offset, length)
      const read = `${info.location}@${offset}`
      return Effect.suspend(() => {
        world.begun.push(read)
        return Effect.zipRight(world.at(read), base.service.read(info, offset, length))
      }).pipe(
        Effect.tap(() => Effect.sync(() => world.given.push(read))),
        Effect.onInterrupt(() => Effect.sync(() => world.interrupted.push(read)))
      )
    }
  })
  const options = {
    format: Format.npy({ blockBytes: BLOCK }),
    index: false,
    name: "d",
    cacheBytes,
    aheadBytes
  } as const
  const dataset = await Effect.runPromise(Effect.provide(Dataset.open("d/", options), layer))
  isOpen = true
  return dataset
}

/** Every second sample. */
const odd = Array.from({ length: (SHARDS * ROWS) / 2 }, (_, at) => 2 * at + 1)

type Opened = Awaited<ReturnType<typeof opened>>

const pipelineOf = (dataset: Dataset.Dataset<unknown, unknown>, sampler: Sampler.Sampler<unknown>, size: number) =>
  Pipeline.from(dataset).pipe(
    Pipeline.sample(sampler as Sampler.Sampler<SeedPolicy.SeedPolicy>), // one that may draw
    Pipeline.batchWith(size, (rows) => rows)
  )

const services = (workers: number) => Layer.merge(SeedPolicy.epochWorker({ seed: 1 }), Workers.fibers({ workers }))

/** What a run delivers, up to its end or its error, and from a batch on. */
const delivered = (
  dataset: Dataset.Dataset<unknown, unknown>,
  sampler: Sampler.Sampler<unknown>,
  {
    failures = FailurePolicy.fail,
    from = 0,
    size = 5,
    workers = 1
  }: {
    readonly failures?: Layer.Layer<FailurePolicy.FailurePolicy, unknown>
    readonly from?: number
    readonly size?: number
    readonly workers?: number
  } = {}
) => {
  const batches: Array<unknown> = []
  const pipeline = pipelineOf(dataset, sampler, size)
  const run = Effect.gen(function* () {
    const options = { epochs: 2, replay: true }
    let own = yield* Scheduler.open(pipeline, options)
    if (from > 0) {
      for (let taken = 0; taken < from; taken++) yield* own.take
      own = yield* Scheduler.open(pipeline, { from: yield* own.cursor, ...options })
    }
    const loader = own
    for (;;) {
      const next = yield* loader.take
      if (Option.isNone(next)) return
      batches.push(next.value.columns)
    }
  })
  return Effect.map(Effect.exit(Effect.scoped(run)), (exit) => ({
    batches,
    error: Exit.isFailure(exit) ? String(Cause.squash(exit.cause)) : undefined
  })).pipe(Effect.provide(Layer.merge(services(workers), failures)), Effect.runPromise)
}

const samplers: ReadonlyArray<Sampler.Sampler<unknown>> = [
  Sampler.sequential,
  Sampler.shuffle,
  Sampler.shuffleBlocks({ window: 2 }),
  Sampler.shuffleBlocks({ window: 3, lanes: 2 }),
  Sampler.weighted(Array.from({ length: SHARDS * ROWS }, (_, row) => row % 3)),
  // One of a user's, which gives an index that there is not.
  { ...Sampler.sequential, order: () => (position) => (position === 77 ? 1e6 : position) }
]

describe("blocks that are read ahead", () => {
  test("change nothing that is delivered: any order, budget, number of workers, resumed anywhere", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          sampler: fc.constantFrom(...samplers),
          cacheBytes: fc.constantFrom(0, 64, 200, 500, 10_000),
          aheadBytes: fc.constantFrom(1, 130, 300, 100_000),
          size: fc.constantFrom(1, 3, 8, 40).map((size) => 2 * size),
          workers: fc.integer({ min: 1, max: 3 }),
          from: fc.constantFrom(0, 1, 7)
        }),
        async ({ aheadBytes, cacheBytes, sampler, ...options }) => {
          const without = await delivered(await opened(worldOf(), cacheBytes, 0), sampler, options)
          const dataset = await opened(worldOf(), cacheBytes, aheadBytes)
          expect(await delivered(dataset, sampler, options)).toEqual(without)
        }
      ),
      { numRuns: 15 }
    )
  })

  test.each([
    ["in sequence", Sampler.sequential],
    ["by blocks", Sampler.shuffleBlocks({ window: 3 })]
  ] as const)("are each read once, most of them before a batch asks: %s", async (_, sampler) => {
    for (const aheadBytes of [0, 1, 200, 100_000]) {
      const world = worldOf()
      // Two windows fit, and not all blocks.
      const dataset = await opened(world, 600, aheadBytes)
      const { error } = await delivered(dataset, sampler)
      expect(error).toBeUndefined()
      const { again, ahead, bytes } = dataset.sharded.stats()
      const blocks = dataset.sharded.shards.flatMap(({ index }) => index.blocks).length
      expect([again, world.begun.length <= 2 * blocks, bytes <= 600]).toEqual([0, true, true])
      if (aheadBytes === 0) expect(ahead).toBe(0)
      if (aheadBytes > 200) expect(ahead).toBeGreaterThan(blocks)
    }
  })

  test.each([
    ["a split", (own: Opened) => Dataset.split(own, { train: 0.8, rest: 0.2 }, { seed: 3, keepOrder: true }).train],
    ["a part of a part", (own: Opened) => Dataset.map(Dataset.slice(Dataset.subset(own, odd), 3, 55), (row) => row)],
    ["ascending indices", (own: Opened) => Dataset.subset(own, odd)],
    [
      "each row twice",
      (own: Opened) => Dataset.subset(own, [...odd, ...odd].toSorted((a, b) => a - b).concat(SHARDS * ROWS - 1))
    ],
    [
      "each row three times",
      (own: Opened) =>
        Dataset.subset(
          own,
          Array.from({ length: 180 }, (_, at) => 30 + Math.floor(at / 3))
        )
    ]
  ] as const)("are given up once the rows that a view has of them were given: %s", async (_, viewOf) => {
    const world = worldOf()
    // Two windows fit, and not all blocks.
    const dataset = await opened(world, 600, 200)
    const view = viewOf(dataset)
    const { error } = await delivered(view, Sampler.shuffleBlocks({ window: 3 }))
    expect(error).toBeUndefined()
    const { again, ahead, bytes } = dataset.sharded.stats()
    const blocks = (view.blocks?.length ?? 0) - 1
    expect([again, world.begun.length <= 2 * blocks, bytes <= 3 * BLOCK + 200]).toEqual([0, true, true])
    expect(ahead).toBeGreaterThan(blocks)
  })

  test.each([
    ["one after the other", 1000],
    ["by turns", 1]
  ])("are given up by each of two runs over parts of one dataset: %s", async (_, turn) => {
    const EPOCHS = 4
    const own = memoryStore({ "d/a": Array.from({ length: 3000 }, (_, row) => `{"n":${1000 + row}}`).join("\n") })
    const options = { format: Format.jsonl({ blockBytes: 100 }), index: false, name: "d" } as const
    // Three windows of some 350 bytes fit.
    const opening = Dataset.open("d/", { ...options, cacheBytes: 3000, aheadBytes: 300 })
    const dataset = await Effect.runPromise(Effect.provide(opening, own.layer))
    const parts = Dataset.split(dataset, { train: 0.7, rest: 0.3 }, { seed: 3, keepOrder: true })
    const blocks = (dataset.blocks?.length ?? 0) - 1
    await Effect.gen(function* () {
      const open = (part: Dataset.Dataset<unknown, unknown>, seed: number) =>
        Effect.provide(
          Scheduler.open(pipelineOf(part, Sampler.shuffleBlocks({ window: 2 }), 4), { epochs: EPOCHS, replay: true }),
          SeedPolicy.epochWorker({ seed })
        )
      const runs = new Set([yield* open(parts.train, 1), yield* open(parts.rest, 2)])
      let given = 0
      while (runs.size > 0) {
        for (const run of runs) {
          for (let taken = 0; taken < turn && runs.has(run); taken++) {
            const next = yield* run.take
            if (Option.isNone(next)) runs.delete(run)
            else given += next.value.size
          }
        }
      }
      expect(given).toBe(EPOCHS * dataset.size)
    }).pipe(Effect.scoped, Effect.provide(services(1)), Effect.runPromise)
    const { again, ahead, bytes, decoded } = dataset.sharded.stats()
    expect([again, bytes < 1500]).toEqual([0, true])
    // Each run reads each block once an epoch; where they meet at a block, it may be read once more.
    expect(decoded).toBeLessThan(1.1 * 2 * EPOCHS * blocks)
    expect(ahead).toBeGreaterThan(0.8 * decoded)
  })

  test.each(["the same twice", "its parts"])("are given up where what is joined shares them: %s", async (what) => {
    const own = memoryStore({ "d/a": Array.from({ length: 3000 }, (_, row) => `{"n":${1000 + row}}`).join("\n") })
    const options = { format: Format.jsonl({ blockBytes: 100 }), index: false, name: "d" } as const
    const opening = Dataset.open("d/", { ...options, cacheBytes: 3000, aheadBytes: 300 })
    const dataset = await Effect.runPromise(Effect.provide(opening, own.layer))
    const { rest, train } = Dataset.split(dataset, { train: 0.7, rest: 0.3 }, { seed: 3, keepOrder: true })
    const joined = what === "its parts" ? Dataset.concat(train, rest) : Dataset.concat(dataset, dataset)
    for (const sampler of [Sampler.sequential, Sampler.shuffleBlocks({ window: 4 })]) {
      const before = dataset.sharded.stats()
      const { batches, error } = await delivered(joined, sampler, { size: 4 })
      expect([error, batches.flat().length]).toEqual([undefined, 2 * joined.size])
      const { ahead, bytes, decoded } = dataset.sharded.stats()
      const added = decoded - before.decoded
      // Twice an epoch: those of one part are read at another time than those of the other.
      expect(added).toBeLessThan(1.1 * 2 * 2 * ((dataset.blocks?.length ?? 0) - 1))
      expect(ahead - before.ahead).toBeGreaterThan(0.8 * added)
      expect(bytes).toBeLessThan(2000)
    }
  })

  test("are given up where a run is closed before it was given all rows of them", async () => {
    const own = memoryStore({ "d/a": Array.from({ length: 3000 }, (_, row) => `{"n":${1000 + row}}`).join("\n") })
    const options = { format: Format.jsonl({ blockBytes: 100 }), index: false, name: "d" } as const
    const opening = Dataset.open("d/", { ...options, cacheBytes: 3000, aheadBytes: 300 })
    const dataset = await Effect.runPromise(Effect.provide(opening, own.layer))
    const pipeline = pipelineOf(dataset, Sampler.shuffleBlocks({ window: 4 }), 4)
    for (let epoch = 0; epoch < 30; epoch++) {
      await Effect.gen(function* () {
        const loader = yield* Scheduler.open(pipeline, { epoch })
        for (let taken = 0; taken < 20; taken++) yield* loader.take
      }).pipe(Effect.scoped, Effect.provide(services(1)), Effect.runPromise)
    }
    const { again, ahead, bytes, decoded } = dataset.sharded.stats()
    // A window, and what was read ahead.
    expect([again, bytes < 1500]).toEqual([0, true])
    expect(ahead).toBeGreaterThan(0.8 * decoded)
  })

  test.each([
    ["in sequence", Sampler.sequential, false],
    ["by blocks", Sampler.shuffleBlocks({ window: 5 }), false],
    ["in sequence, as a part of them", Sampler.sequential, true]
  ] as const)("are those of each dataset that is joined to others: %s", async (_, sampler, isPart) => {
    const worlds = [worldOf(), worldOf(), worldOf()] as const
    // The second one is kept as a whole, so that nothing of it is read in the second epoch.
    const first = await opened(worlds[0], 600, 200)
    const kept = await opened(worlds[1], 100_000, 200)
    const last = await opened(worlds[2], 600, 200)
    const joined = Dataset.concat(first, Dataset.subset(kept, odd), Dataset.subset(last, odd))
    const blocks = first.sharded.shards.flatMap(({ index }) => index.blocks).length
    const { batches, error } = await delivered(isPart ? Dataset.slice(joined, 10) : joined, sampler)
    expect(error).toBeUndefined()
    const rows = batches.flat()
    expect(rows.length).toBe(2 * (isPart ? joined.size - 10 : joined.size))
    for (const [own, world] of [
      [first, worlds[0]],
      [last, worlds[2]]
    ] as const) {
      const { again, ahead, bytes } = own.sharded.stats()
      expect([again, world.begun.length <= 2 * blocks, bytes <= 600]).toEqual([0, true, true])
      expect(ahead).toBeGreaterThan(blocks)
    }
    expect(worlds[1].begun.length).toBe(blocks)
  })

  test.each([0, 2])(
    "are given up also where a row of each is bad, attempted %d times more, and left out",
    async (tries) => {
      const lines = Array.from({ length: 240 }, (_, row) => (row % 10 === 4 ? "{" : `{"n":${100 + row}}`))
      const options = { format: Format.jsonl({ blockBytes: 100 }), index: false, name: "d" } as const
      const own = memoryStore({ "d/a": lines.join("\n") })
      // Three windows of some 500 bytes fit.
      const opening = Dataset.open("d/", { ...options, cacheBytes: 1500, aheadBytes: 200 })
      const dataset = await Effect.runPromise(Effect.provide(opening, own.layer))
      own.reads.clear()
      const failures = Layer.merge(
        FailurePolicy.skip({ budget: { samples: 1000 }, report: () => Effect.void }),
        FailurePolicy.retry(Schedule.recurs(tries))
      )
      const { batches, error } = await delivered(dataset, Sampler.shuffleBlocks({ window: 3 }), { failures })
      expect([error, batches.flat().length]).toEqual([undefined, 2 * 216])
      const blocks = (dataset.blocks?.length ?? 0) - 1
      const { again, ahead, bytes } = dataset.sharded.stats()
      expect([again, ahead > blocks, bytes < 900]).toEqual([0, true, true])
    }
  )

  test("are not governed as the sampler is: a store may draw for itself", async () => {
    for (const sampler of [Sampler.sequential, Sampler.shuffle]) {
      const world = worldOf(() => {
        Math.random()
        crypto.randomUUID()
        return Effect.void
      })
      const { error } = await delivered(await opened(world, 600, 200), sampler)
      expect([error, world.begun.length > 0]).toEqual([undefined, true])
    }
  })

  test("are as near as aheadBytes says also where they are kept: others may have to go for what is read", async () => {
    const states = new Map<number, Ahead>(Array.from({ length: 20 }, (_, block) => [block, "given"]))
    const cache: Parameters<typeof ReadAhead.make>[0]["cache"] = {
      aheadOf: (block) => states.get(block) ?? "absent",
      join: () => undefined,
      leave: () => undefined,
      turnTo: () => undefined,
      hasRoom: () => true,
      isComplete: () => false,
      readAhead: () => undefined,
      renew: (block) => states.set(block, "ahead")
    }
    const renewed = () => Array.from(states).flatMap(([block, state]) => (state === "ahead" ? [block] : []))
    const expectAll = ({ expect: isExpected }: ReadAheadOf) => {
      for (let block = 0; block < 20; block++) if (!isExpected(block)) return
    }
    const starts = Float64Array.from({ length: 21 }, (_, block) => block)
    const blocks = { cache, most: 300, blockOf: (index: number) => index, bytesOf: () => 100, starts }
    await Effect.gen(function* () {
      const own = yield* ReadAhead.make(blocks)
      expectAll(own)
      expect(renewed()).toEqual([0, 1, 2])
      // A batch asks for the first one.
      states.set(0, "asked")
      expectAll(own)
      expect(renewed()).toEqual([1, 2, 3])
    }).pipe(Effect.scoped, Effect.runPromise)
  })

  test("are as many as aheadBytes and cacheBytes have room for", async () => {
    for (const [cacheBytes, aheadBytes, most] of [
      [100_000, 400, 400],
      [320, 100_000, 216],
      [100_000, 1, 1]
    ] as const) {
      // Nothing but the first block is given.
      const world = worldOf((read) => (read === FIRST ? Effect.void : Effect.never))
      const dataset = await opened(world, cacheBytes, aheadBytes)
      const pipeline = pipelineOf(dataset, Sampler.sequential, 1)
      await Effect.gen(function* () {
        const loader = yield* Scheduler.open(pipeline, { epochs: 1 })
        for (let taken = 0; taken < 5; taken++) yield* loader.take
      }).pipe(Effect.scoped, Effect.provide(services(1)), Effect.runPromise)
      const [first, ...ahead] = world.begun
      expect(first).toBe(FIRST)
      const blocks = dataset.sharded.shards.flatMap(({ index }) => index.blocks)
      const bytes = blocks.slice(1, 1 + ahead.length).reduce((sum, { length }) => sum + length, 0)
      expect(ahead.length).toBeGreaterThan(0)
      expect(ahead.length === 1 || bytes <= most).toBe(true)
      // There was no room for another one.
      if (most > 1) expect(bytes + BLOCK).toBeGreaterThan(most)
      // The run is closed: what nobody waits for any more is given up.
      expect(new Set(world.interrupted)).toEqual(new Set(ahead))
    }
  })

  test("that cannot be read fail the batch that needs them, as they would have failed it, by one attempt", async () => {
    const failure = new StoreError({ location: "d/1", kind: "failed", reason: "the disk is broken" })
    const found: Array<unknown> = []
    for (const aheadBytes of [0, 100_000]) {
      const world = worldOf((read) => (read === BAD ? Effect.fail(failure) : Effect.void))
      const dataset = await opened(world, 100_000, aheadBytes)
      const { batches, error } = await delivered(dataset, Sampler.sequential)
      expect(error).toContain("the disk is broken")
      expect(error).toContain("batch 9,")
      expect(world.begun.filter((read) => read === BAD).length).toBe(1)
      found.push(batches)
      // Another run reads it again: what nobody was told is not kept.
      const again = await delivered(dataset, Sampler.sequential)
      expect([again.batches, again.error]).toEqual([batches, error])
      expect(world.begun.filter((read) => read === BAD).length).toBe(2)
    }
    expect(found[1]).toEqual(found[0])
  })

  test("are attempted as often as without, under a policy that attempts again", async () => {
    const attempts = async (aheadBytes: number) => {
      let left = 2
      const world = worldOf((read) =>
        read === BAD && left-- > 0
          ? Effect.fail(new StoreError({ location: "d/1", kind: "unavailable", reason: "busy" }))
          : Effect.void
      )
      const dataset = await opened(world, 100_000, aheadBytes)
      const failures = FailurePolicy.retry(Schedule.recurs(3))
      const { batches, error } = await delivered(dataset, Sampler.sequential, { failures })
      return { batches, error, reads: world.begun.filter((read) => read === BAD).length }
    }
    const ahead = await attempts(100_000)
    expect(ahead.error).toBeUndefined()
    expect(ahead).toEqual(await attempts(0))
  })

  test("that fail now and then: the same samples are left out, after as many attempts", async () => {
    const runs = async (aheadBytes: number, failing: ReadonlyArray<number>, tries: number) => {
      const attempts = new Map<string, number>()
      const world = worldOf((read) => {
        const before = attempts.get(read) ?? 0
        attempts.set(read, before + 1)
        const place = Number(read.slice(2, 3)) * 5 + Math.floor(Number(read.split("@")[1]) / BLOCK)
        const fails = before < (failing[place % failing.length] ?? 0)
        return fails ? Effect.fail(new StoreError({ location: "d", kind: "failed", reason: "no" })) : Effect.void
      })
      const dataset = await opened(world, 100_000, aheadBytes)
      const failures = Layer.merge(
        FailurePolicy.skip({ budget: { share: 1 }, report: () => Effect.void }),
        FailurePolicy.retry(Schedule.recurs(tries))
      )
      const found = await delivered(dataset, Sampler.sequential, { failures, size: 8 })
      return { ...found, attempts: Object.fromEntries(attempts) }
    }
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 15, maxLength: 15 }),
        fc.integer({ min: 0, max: 2 }),
        async (failing, tries) => {
          expect(await runs(100_000, failing, tries)).toEqual(await runs(0, failing, tries))
        }
      ),
      { numRuns: 4 }
    )
  })

  test("are waited for by a batch that comes to them, also if the run that began them is interrupted", async () => {
    const gate = Effect.runSync(Deferred.make<void>())
    const world = worldOf((read) => (read === FIRST ? Effect.void : Deferred.await(gate)))
    const dataset: Opened = await opened(world, 100_000, 100_000)
    const run = Effect.gen(function* () {
      const first = yield* Effect.fork(
        Effect.scoped(
          Effect.gen(function* () {
            const loader = yield* Scheduler.open(pipelineOf(dataset, Sampler.sequential, 1), { epochs: 1 })
            yield* loader.take
            yield* Effect.never
          })
        )
      )
      while (world.begun.length < 3) yield* Effect.sleep(1)
      const other = yield* Effect.fork(dataset.getMany([10, 11]))
      yield* Effect.sleep(1)
      yield* Fiber.interrupt(first)
      const [, asked, ...others] = world.begun
      yield* Deferred.succeed(gate, undefined)
      expect(yield* Fiber.join(other)).toEqual([{ array: 10 }, { array: 11 }])
      expect(new Set(world.interrupted)).toEqual(new Set(others))
      expect(world.begun.filter((read) => read === asked).length).toBe(1)
    })
    await Effect.runPromise(Effect.provide(run, services(1)))
  })

  test("that never come keep nobody waiting once those who asked are gone: closed or interrupted anywhere", async () => {
    const whole = await delivered(await opened(worldOf(), 0, 0), Sampler.sequential)
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          stalls: fc.integer({ min: 0, max: 14 }),
          cacheBytes: fc.constantFrom(0, 200, 10_000),
          aheadBytes: fc.constantFrom(1, 130, 300, 100_000),
          workers: fc.integer({ min: 1, max: 7 }),
          taken: fc.integer({ min: 0, max: 20 }),
          other: fc.option(fc.array(fc.integer({ min: 0, max: SHARDS * ROWS - 1 }), { minLength: 1, maxLength: 6 })),
          otherFirst: fc.boolean()
        }),
        async ({ aheadBytes, cacheBytes, other, otherFirst, stalls, taken, workers }) => {
          let reads = 0
          let isWell = false
          const world = worldOf(() => (isWell || reads++ < stalls ? Effect.yieldNow() : Effect.never))
          const dataset = await opened(world, cacheBytes, aheadBytes)
          const run = Effect.gen(function* () {
            const loader = yield* Scheduler.open(pipelineOf(dataset, Sampler.sequential, 5), { epochs: 2 })
            for (let own = 0; own < taken; own++) yield* loader.take
            yield* Effect.never
          }).pipe(Effect.scoped, Effect.provide(services(workers)))
          await Effect.runPromise(
            Effect.gen(function* () {
              const asked = Effect.asVoid(dataset.getMany(other ?? []))
              const fibers = [yield* Effect.fork(Effect.ignore(run)), yield* Effect.fork(Effect.ignore(asked))]
              yield* Effect.sleep(2)
              for (const fiber of otherFirst ? fibers.reverse() : fibers) yield* Fiber.interrupt(fiber)
            })
          )
          expect(world.given.length + world.interrupted.length).toBe(world.begun.length)
          isWell = true
          expect(await delivered(dataset, Sampler.sequential, { workers })).toEqual(whole)
        }
      ),
      {
        numRuns: 12,
        examples: [
          [{ stalls: 0, cacheBytes: 200, aheadBytes: 1, workers: 7, taken: 1, other: null, otherFirst: false }]
        ]
      }
    )
  })
})
