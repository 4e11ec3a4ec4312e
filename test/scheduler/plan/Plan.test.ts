import { describe, expect, test } from "bun:test"
import { Effect, Stream } from "effect"
import fc from "fast-check"
import { InvalidOption } from "../../../src/core/InvalidOption.ts"
import { Dataset, Pipeline, Sampler, Scheduler, SeedPolicy, Workers } from "../../../src/index.ts"
import * as Plan from "../../../src/scheduler/plan/Plan.ts"

/** The share of a batch that is there. */
const shareOf = (plan: Plan.Plan, batch: number): Plan.Share => {
  const share = Plan.share(plan, 0, batch)
  if (share === undefined) throw new Error(`the epoch has no batch ${batch}`)
  return share
}

/** What can be compared of a plan: its figures and its batches. */
const figures = ({ cuts, drawnAt, end, ...own }: Plan.Plan) => ({
  ...own,
  end: end(0),
  cuts: Array.from({ length: (own.batches ?? 0) + 1 }, (_, batch) => cuts.at(0, batch)),
  order: Array.from({ length: own.count }, (_, position) => drawnAt(0)?.(position) ?? position)
})

const options = fc
  .record({
    count: fc.nat({ max: 500 }),
    share: fc.integer({ min: 1, max: 9 }),
    dropLast: fc.boolean(),
    world: fc.integer({ min: 1, max: 6 }),
    workers: fc.integer({ min: 1, max: 9 })
  })
  .map(({ share, ...rest }) => ({ ...rest, batchSize: share * rest.world }))
  // What the ranks cannot share equally is refused, as a test below says.
  .filter(({ batchSize, count, dropLast, world }) => dropLast || (count % batchSize) % world === 0)

test("batches and ranks cover every position once, in order; only what dropLast names is left out", () => {
  fc.assert(
    fc.property(options, (own) => {
      const covered: Array<number> = []
      const { batches = 0 } = Plan.make({ ...own, rank: 0 })
      for (let batch = 0; batch < batches; batch++) {
        for (let rank = 0; rank < own.world; rank++) {
          const { position, size } = shareOf(Plan.make({ ...own, rank }), batch)
          for (let row = 0; row < size; row++) covered.push(position + row)
        }
      }
      const left = own.dropLast ? own.count % own.batchSize : 0
      expect(covered).toEqual(Array.from({ length: own.count - left }, (_, position) => position))
    })
  )
})

test("workers take turns, and the ordinal counts what each made before", () => {
  fc.assert(
    fc.property(options, fc.nat({ max: 5 }), (own, choice) => {
      const plan = Plan.make({ ...own, rank: choice % own.world })
      const made = new Array<number>(own.workers).fill(0)
      for (let batch = 0; batch < (plan.batches ?? 0); batch++) {
        const worker = batch % own.workers
        const { ordinal, size } = shareOf(plan, batch)
        expect(Plan.worker(plan, batch)).toBe(worker)
        expect(ordinal).toBe(made[worker] ?? 0)
        made[worker] = (made[worker] ?? 0) + size
      }
    })
  )
})

test("ranks make equal shares of every batch", () => {
  fc.assert(
    fc.property(options, (own) => {
      const plans = Array.from({ length: own.world }, (_, rank) => Plan.make({ ...own, rank }))
      for (let batch = 0; batch < (plans[0]?.batches ?? 0); batch++) {
        const sizes = new Set(plans.map((plan) => shareOf(plan, batch).size))
        expect(sizes.size).toBe(1)
        expect(sizes.has(0)).toBe(false)
      }
    })
  )
})

describe("an uneven last batch", () => {
  const thirteen = { count: 13, batchSize: 4, dropLast: false, rank: 0, world: 2, workers: 1 }

  test("is refused by default, with the figures and the ways out", () => {
    for (const uneven of [undefined, "error" as const]) {
      const own = uneven === undefined ? thirteen : { ...thirteen, uneven }
      expect(() => Plan.make(own)).toThrow(InvalidOption)
      expect(() => Plan.make(own)).toThrow(
        'uneven must be "pad" (fill the last batch with the epoch\'s first samples) or "drop" (leave it out), since 13 ' +
          "samples an epoch in batches of 4 over 2 ranks leave 1 for the last batch, which 2 ranks cannot share equally; " +
          '"error", the default, takes sizes such as 12 or 14, got "error"'
      )
    }
  })

  test("is taken where the ranks share it equally, where the batch stage settles it, and by one rank", () => {
    expect(Plan.make({ ...thirteen, count: 14 }).batches).toBe(4)
    expect(Plan.make({ ...thirteen, count: 12 }).batches).toBe(3)
    expect(Plan.make({ ...thirteen, dropLast: true }).batches).toBe(3)
    expect(Plan.make({ ...thirteen, padLast: true })).toMatchObject({ batches: 4, count: 16 })
    expect(Plan.make({ ...thirteen, world: 1 })).toMatchObject({ batches: 4, count: 13 })
    expect(Plan.make({ ...thirteen, count: 0 }).batches).toBe(0)
  })

  test("pad is what padLast does and drop what dropLast does, for every world, 1 included", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.constantFrom(1, 2, 3, 4), (count, world) => {
        const own = { ...thirteen, batchSize: 12, count, world, rank: world - 1 }
        const { uneven, ...padded } = figures(Plan.make({ ...own, uneven: "pad" }))
        const { uneven: _, ...asPadded } = figures(Plan.make({ ...own, padLast: true }))
        expect(padded).toEqual(asPadded)
        expect(uneven).toBe("pad")
        expect(Plan.make({ ...own, padLast: true, uneven: "pad" }).batches).toBe(Math.ceil(count / 12))
        if (count < 12) return
        const { uneven: __, ...dropped } = figures(Plan.make({ ...own, uneven: "drop" }))
        const { uneven: ___, ...asDropped } = figures(Plan.make({ ...own, dropLast: true }))
        expect(dropped).toEqual(asDropped)
      })
    )
  })

  test("a fill of more than an epoch wraps round as often as it takes", () => {
    expect(Plan.make({ ...thirteen, count: 3, batchSize: 8, uneven: "pad" })).toMatchObject({ batches: 1, count: 8 })
  })

  test("drop that leaves no batch is refused; an epoch of no samples has none to drop", () => {
    for (const world of [1, 2]) {
      expect(() => Plan.make({ ...thirteen, world, count: 3, uneven: "drop" })).toThrow(
        'uneven must be "pad", or the batch size at most the 3 samples of an epoch: "drop" would leave no batch of 4, got "drop"'
      )
      expect(Plan.make({ ...thirteen, world, count: 0, uneven: "drop" }).batches).toBe(0)
    }
    // What the pipeline itself says is as it was.
    expect(Plan.make({ ...thirteen, count: 3, dropLast: true, uneven: "drop" }).batches).toBe(0)
  })

  test.each([
    [
      { padLast: true, uneven: "drop" },
      'uneven must be "pad" or left out, since the pipeline\'s batch has padLast: true'
    ],
    [
      { dropLast: true, uneven: "pad" },
      'uneven must be "drop" or left out, since the pipeline\'s batch has dropLast: true'
    ],
    [{ uneven: "keep" }, 'uneven must be "pad", "drop" or "error", got "keep"'],
    [{ uneven: null }, "got null"]
  ])("%j is refused", (change, message) => {
    // Callers without types can give anything.
    const make = () => Plan.make({ ...thirteen, ...(change as object) })
    expect(make).toThrow(InvalidOption)
    expect(make).toThrow(message)
  })
})

test("is arithmetic: 2^50 samples cost what ten do", () => {
  const plan = Plan.make({ count: 2 ** 50, batchSize: 1000, dropLast: false, rank: 3, world: 4, workers: 7 })
  const last = (plan.batches ?? 0) - 1
  expect(plan.batches).toBe(Math.ceil(2 ** 50 / 1000))
  expect(shareOf(plan, 10 ** 9)).toMatchObject({ position: 10 ** 12 + 750, size: 250 })
  expect(shareOf(plan, last).position + shareOf(plan, last).size).toBe(2 ** 50)
  expect(Plan.share(plan, 0, last + 1)).toBeUndefined()
})

describe("refused", () => {
  const good = { count: 10, batchSize: 4, dropLast: false, rank: 0, world: 1, workers: 1 }
  test.each([
    [{ batchSize: 0 }, "batch size must be a whole number of at least 1, got 0"],
    [{ batchSize: 2.5 }, "got 2.5"],
    [{ workers: 0 }, "workers must be a whole number of at least 1, got 0"],
    [{ workers: Number.NaN }, "got NaN"],
    [{ world: 0 }, "world must be a whole number from 1 to 65536, got 0"],
    [{ world: Number.POSITIVE_INFINITY }, "got Infinity"],
    [{ batchSize: 65_537, world: 65_537 }, "world must be a whole number from 1 to 65536, got 65537"],
    [{ rank: 2, world: 2 }, "rank must be below the world size, 0 to 1, got 2"],
    [{ rank: -1 }, "got -1"],
    [{ world: 3 }, "batch size must be a multiple of the world size 3"]
  ])("%j", (change, message) => {
    const make = () => Plan.make({ ...good, ...change })
    expect(make).toThrow(InvalidOption)
    expect(make).toThrow(message)
  })
})

test("padded, all batches are whole and all ranks' parts equal; what fills them is the epoch's beginning", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 60 }),
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 4 }),
      async (size, share, world) => {
        const batch = share * world
        const pipeline = Pipeline.from(Dataset.range(size)).pipe(
          Pipeline.sample(Sampler.shuffle),
          Pipeline.augment("noise", (x, rng) => ({ x, noise: rng.word() })),
          Pipeline.batch(batch, { padLast: true })
        )
        const ranks = await Promise.all(
          Array.from({ length: world }, (_, rank) =>
            Scheduler.stream(pipeline, { replay: true, epochs: 1, rank, world }).pipe(
              Stream.map(({ columns, indices }) => ({
                indices: Array.from(indices),
                noise: Array.from(columns.noise.data)
              })),
              Stream.runCollect,
              Effect.map((all) => Array.from(all)),
              Effect.provide(SeedPolicy.elastic({ seed: 5 })),
              Effect.provide(Workers.fibers({ workers: 2 })),
              Effect.runPromise
            )
          )
        )
        const batches = Math.ceil(size / batch)
        for (const own of ranks) expect(own.map(({ indices }) => indices.length)).toEqual(Array(batches).fill(share))
        const order = Array.from({ length: batches }, (_, at) => ranks.flatMap((own) => own[at]?.indices ?? [])).flat()
        expect(new Set(order.slice(0, size)).size).toBe(size)
        const filling = Array.from({ length: order.length - size }, (_, at) => order[at % size] as number) // below the size
        expect(order.slice(size)).toEqual(filling)
        // One that comes twice has other draws the second time.
        const noise = ranks.flatMap((own) => own.flatMap((part) => part.noise))
        expect(new Set(noise).size).toBe(noise.length)
      }
    ),
    { numRuns: 40 }
  )
  expect(() => Pipeline.batch(4, { dropLast: true, padLast: true })).toThrow("padLast must be left out beside dropLast")
}, 60_000)
