/**
 * The queue of threads under members whose time is counted: who is slow holds up nobody, what is in flight is bounded, and
 * a consumer that waits is woken once for several batches.
 */
import { describe, expect, test } from "bun:test"
import { setImmediate } from "node:timers"
import { Deferred, Effect, Fiber } from "effect"
import { type Batch, Dataset, Pipeline, Scheduler } from "../../../../src/index.ts"
import { algorithm } from "../../../../src/random/generators/Xoshiro128.ts"
import type { StageSeeds } from "../../../../src/scheduler/backends/remote/Protocol.ts"
import { SharedQueue } from "../../../../src/scheduler/backends/threads/SharedQueue.ts"
import { Ticking, type TickingOptions } from "../../../support/backends/ticking.ts"

/** As many as make little of the first ones and the last. */
const BATCHES = 1600

const pipeline = Pipeline.from(Dataset.range(BATCHES)).pipe(Pipeline.batch(1))

const turn = Effect.async<void>((resume) => {
  setImmediate(() => resume(Effect.void))
})

interface Settings extends Partial<TickingOptions> {
  readonly order?: "plan" | "ready"
  /** Ticks before the consumer begins. */
  readonly idle?: number
  /** Whether the consumer keeps all batches. */
  readonly keeps?: boolean
}

/** A run of all batches, by a consumer that takes them as they come. */
const run = ({ idle = 0, keeps = false, order = "plan", prefetch = 8, ...options }: Settings) =>
  Effect.gen(function* () {
    const clock = new Ticking({ workers: 4, prefetch, ticks: [1, 1, 1, 1], most: 1e6, now: () => 0, ...options })
    const seen: Array<number> = []
    /** The tick at which each was delivered. */
    const at: Array<number> = []
    const begins = yield* Deferred.make<void>()
    const consumer = Effect.gen(function* () {
      const loader = yield* Scheduler.open(pipeline, { epochs: 1, order, prefetch })
      yield* Deferred.await(begins)
      yield* loader.forEach(({ index }: Batch.Batch<unknown>) =>
        Effect.sync(() => {
          seen.push(index)
          at.push(clock.now)
          if (!keeps) clock.give()
        })
      )
    }).pipe(Effect.scoped, Effect.provide(clock.layer))
    const fiber = yield* Effect.fork(consumer)
    yield* Effect.repeatN(turn, 100)
    for (let tick = 0; tick < idle; tick++) clock.tick()
    const ahead = clock.built
    yield* Deferred.succeed(begins, undefined)
    // A run that is stuck ends, too.
    while (seen.length < BATCHES && clock.now < 20 * BATCHES) {
      // The consumer has taken all that is there.
      while (seen.length < BATCHES && !clock.isAwaited) yield* turn
      clock.tick()
    }
    yield* seen.length === BATCHES ? Fiber.join(fiber) : Fiber.interruptFork(fiber)
    return { ticks: clock.now, opened: clock.opened, wakes: clock.wakes, most: clock.most, ahead, seen, at }
  }).pipe(Effect.runPromise)

/** A clock by which everything takes long. */
const late = () => {
  let time = 0
  return () => (time += 5)
}

const inOrder = Array.from({ length: BATCHES }, (_, index) => index)

describe("a pool of four", () => {
  test("replaces members that end at the moment at which they are ready", async () => {
    const { opened, seen } = await run({ ending: 6 })
    expect(seen).toEqual(inOrder)
    expect(opened).toBe(10)
  })

  for (const order of ["plan", "ready"] as const) {
    test(`loses less than a third of its throughput if one is slowed ten times: order "${order}"`, async () => {
      const even = await run({ order })
      const uneven = await run({ order, ticks: [10, 1, 1, 1] })
      expect(even.seen.toSorted((a, b) => a - b)).toEqual(inOrder)
      expect(uneven.seen.toSorted((a, b) => a - b)).toEqual(inOrder)
      // Each builds one batch a tick; the first is there after one tick more.
      expect(even.ticks).toBeLessThan(BATCHES / 4 + 10)
      expect(even.ticks / uneven.ticks).toBeGreaterThan(2 / 3)
      // Nobody wakes for what stands behind a batch that is not there.
      if (order === "plan") expect(uneven.wakes).toBeLessThan(BATCHES / 8)
    })
  }

  test("builds what comes first in the plan first, whoever asked first", async () => {
    const { at, seen } = await run({ prefetch: 50, ticks: [1], now: late() })
    expect(seen).toEqual(inOrder)
    // Each worker asks for 50 at once: all of one worker's before those of the next would be 50 behind.
    expect(at[4]).toBeLessThan(10)
  })

  test("begins no more while what is built and not given back takes the bytes that it may", async () => {
    const { ahead, most, seen, ticks } = await run({ idle: 40, most: 5 })
    // Four are at one when the fifth is done.
    expect(ahead).toBeLessThanOrEqual(5 + 4)
    expect(most).toBeLessThanOrEqual(5 + 4)
    expect(seen).toEqual(inOrder)
    // What was given back makes room: all four go on.
    expect(ticks - 40).toBeLessThan(BATCHES / 2)
    expect((await run({ idle: 40 })).ahead).toBe(32)
  })

  test("begins what the consumer waits for, even if nothing is ever given back", async () => {
    for (const order of ["plan", "ready"] as const) {
      const { seen } = await run({ most: 3, keeps: true, order })
      expect(seen.toSorted((a, b) => a - b)).toEqual(inOrder)
    }
  })

  test("wakes its consumer once for several batches that come soon, and for each that comes late", async () => {
    const soon = await run({ workers: 4 })
    expect(soon.seen).toEqual(inOrder)
    expect(soon.wakes).toBeLessThan(BATCHES / 8)
    const slow = await run({ ticks: [1], now: late() })
    expect(slow.seen).toEqual(inOrder)
    expect(slow.wakes).toBeGreaterThan(BATCHES / 2)
  })
})

test("a consumer hears of the batch that it waits for, also if its thread died and another one built it", () => {
  const queue = SharedQueue.make({ cells: 2, rows: 1, stages: [], most: 1e6 })
  if (queue === undefined) throw new Error("no memory can be shared")
  const threads = new SharedQueue(queue.extent, queue.buffer)
  const request = (batch: number) => ({
    ...{ epoch: 0, batch, worker: 0, position: batch, ordinal: batch },
    ...{ indices: Float64Array.of(batch), seeds: [] }
  })
  const answer = { layout: 0, generation: 0, kibibytes: 1, addresses: [], hash: undefined }
  queue.put(0, request(0))
  queue.want(0)
  queue.watch(true)
  expect(threads.take(0)?.id).toBe(0)
  expect(queue.takeBack(0)).toEqual([0])
  // Another request has its cell by now.
  queue.put(1, request(1))
  queue.put(0, request(0))
  const taken = threads.take(1)
  expect(taken).toMatchObject({ id: 0, cell: 1 })
  expect(threads.answer(1, taken?.cell ?? 0, answer)).toBe(true)
  queue.close()
})

test("an answer that its taker throws at is handed on again, and so are those behind it", () => {
  const queue = SharedQueue.make({ cells: 2, rows: 1, stages: [], most: 1e6 })
  if (queue === undefined) throw new Error("no memory can be shared")
  const threads = new SharedQueue(queue.extent, queue.buffer)
  const answer = { layout: 0, generation: 0, kibibytes: 1, addresses: [], hash: undefined }
  for (const id of [0, 1]) {
    const own = { epoch: 0, batch: id, worker: 0, position: id, ordinal: id, indices: Float64Array.of(id), seeds: [] }
    queue.put(id, own)
    threads.answer(0, threads.take(0)?.cell ?? -1, answer)
  }
  const taken: Array<number> = []
  let throws = true
  queue.onAnswer = (_, id) => {
    if (throws) throw new Error("not now")
    taken.push(id)
    return true
  }
  expect(() => queue.poll()).toThrow("not now")
  throws = false
  queue.poll()
  expect(taken).toEqual([0, 1])
})

test("threads that sleep are woken for several requests while nobody waits, and at once if somebody does", async () => {
  let time = 0
  const queue = SharedQueue.make({ cells: 8, rows: 1, stages: [], most: 1e6 }, () => time)
  if (queue === undefined) throw new Error("no memory can be shared")
  const threads = new SharedQueue(queue.extent, queue.buffer)
  let next = 0
  const put = (count: number): void => {
    for (let end = next + count; next < end; next++) {
      const own = { epoch: 0, batch: next, worker: 0, position: next, ordinal: next }
      queue.put(next, { ...own, indices: Float64Array.of(next), seeds: [] })
    }
  }
  /** A thread takes and answers all that it finds, and sleeps. */
  const sleeping = () => {
    for (let taken = threads.take(0); taken !== undefined; taken = threads.take(0)) queue.release(taken.id)
    const sleep = { isAwake: false }
    const woken = threads.requested()
    if (woken === undefined) throw new Error("the thread does not sleep")
    void woken.then(() => {
      sleep.isAwake = true
    })
    return sleep
  }
  const woken = async (sleep: { readonly isAwake: boolean }): Promise<boolean> => {
    await new Promise((resolve) => setImmediate(resolve))
    await new Promise((resolve) => setImmediate(resolve))
    return sleep.isAwake
  }
  const many = sleeping()
  put(3)
  expect(await woken(many)).toBe(false)
  put(1)
  expect(await woken(many)).toBe(true)

  const wanted = sleeping()
  put(1)
  expect(await woken(wanted)).toBe(false)
  queue.watch(true)
  expect(await woken(wanted)).toBe(true)
  const watched = sleeping()
  put(1)
  expect(await woken(watched)).toBe(true)
  queue.watch(false)

  const late = sleeping()
  put(1)
  time += 100
  put(1)
  expect(await woken(late)).toBe(true)
  queue.close()
})

test("seeds that a thread derives come back with its answer, and those that it was sent do not", () => {
  const queue = SharedQueue.make({ cells: 2, rows: 2, stages: ["crop", "noise"], most: 1e6 })
  if (queue === undefined) throw new Error("no memory can be shared")
  const threads = new SharedQueue(queue.extent, queue.buffer)
  const seeds = (first: number) =>
    ({ _tag: "Packed", algorithm, width: 4, words: Uint32Array.from({ length: 8 }, (_, at) => first + at) }) as const
  const own = { epoch: 0, worker: 0, position: 0, ordinal: 0, indices: Float64Array.of(5, 6) }
  const sent: StageSeeds = [["noise", seeds(7)]]
  const observed: StageSeeds = [
    ["crop", seeds(100)],
    ["noise", seeds(200)]
  ]
  queue.put(0, { ...own, batch: 0, seeds: [] })
  queue.put(1, { ...own, batch: 1, seeds: sent })
  const answer = { layout: 0, generation: 0, kibibytes: 1, addresses: [], hash: undefined }
  expect(threads.fits(observed)).toBe(true)
  const derived = threads.take(0)
  threads.answer(0, derived?.cell ?? -1, { ...answer, observed })
  const given = threads.take(0)
  expect(given?.request.seeds).toEqual(sent)
  threads.answer(0, given?.cell ?? -1, answer)
  const seen: Array<StageSeeds | undefined> = []
  queue.onAnswer = (_, __, ___, { observed: own }) => {
    seen.push(own)
    return true
  }
  queue.poll()
  expect(seen).toEqual([observed, undefined])
  expect(threads.fits([["crop", { ...seeds(0), words: new Uint32Array(12) }]])).toBe(false)
  queue.close()
})
