/**
 * Lanes: an epoch's order in parts that a rank serves as a whole.
 */
import { describe, expect, test } from "bun:test"
import { Effect, Option, Stream } from "effect"
import fc from "fast-check"
import { InvalidOption } from "../../../src/core/InvalidOption.ts"
import { Dataset, Pipeline, Sampler, Scheduler, SeedPolicy, Workers } from "../../../src/index.ts"
import * as Plan from "../../../src/scheduler/plan/Plan.ts"

const TIME = 60_000

/** The sampler with lanes of these sizes, or of equal ones. */
const inLanes = <R>(sampler: Sampler.Sampler<R>, lanes: number | ReadonlyArray<number>): Sampler.Sampler<R> => ({
  ...sampler,
  lanes: (size) =>
    typeof lanes === "number"
      ? Array.from(
          { length: lanes },
          (_, lane) => Math.floor(((lane + 1) * size) / lanes) - Math.floor((lane * size) / lanes)
        )
      : lanes
})

const pipelineOf = (
  size: number,
  batch: number,
  sampler: Sampler.Sampler<SeedPolicy.SeedPolicy>,
  options: Pipeline.LastOptions = {}
) =>
  Pipeline.from(Dataset.range(size)).pipe(
    Pipeline.sample(sampler),
    Pipeline.augment("noise", (x, rng) => ({ x, noise: rng.word() })),
    Pipeline.batch(batch, options)
  )

const run = (
  pipeline: ReturnType<typeof pipelineOf>,
  options: Partial<Scheduler.RunOptions>,
  epochs = 2,
  workers = 2
) =>
  Stream.runCollect(Scheduler.stream(pipeline, { replay: true, epochs, ...options })).pipe(
    Effect.map((all) =>
      Array.from(all, ({ columns, indices }) => ({
        indices: Array.from(indices),
        noise: Array.from(columns.noise.data)
      }))
    ),
    Effect.provide(SeedPolicy.elastic({ seed: 5 })),
    Effect.provide(Workers.fibers({ workers })),
    Effect.runPromise
  )

const WORLDS = [1, 2, 3, 4, 6, 12]

const cases = fc
  .record({
    size: fc.integer({ min: 1, max: 80 }),
    lanes: fc.constantFrom(1, 2, 3, 4, 6, 12),
    part: fc.integer({ min: 1, max: 3 }),
    uneven: fc.constantFrom<Plan.Uneven>("pad", "drop", "error")
  })
  .filter(({ lanes, part, size, uneven }) => uneven !== "drop" || size >= lanes * part)
  .filter(({ lanes, size, uneven }) => uneven !== "pad" || size >= lanes)

test(
  "ranks deliver the epoch together, the same batches for every world, and each lane is read by one rank",
  async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ lanes, part, size, uneven }) => {
        const batch = lanes * part
        const pipeline = pipelineOf(size, batch, inLanes(Sampler.sequential, lanes))
        const laneOf = (index: number) =>
          Array.from({ length: lanes }, (_, lane) => Math.floor(((lane + 1) * size) / lanes)).findIndex(
            (end) => index < end
          )
        const whole = await run(pipeline, { uneven })
        const seen = whole.slice(0, whole.length / 2).flatMap(({ indices }) => indices)
        if (uneven !== "drop") expect(new Set(seen).size).toBe(size)
        if (uneven !== "pad") expect(new Set(seen).size).toBe(seen.length)
        for (const world of WORLDS) {
          if (lanes % world !== 0 || (uneven === "error" && (size % batch) % world !== 0)) continue
          const ranks = await Promise.all(
            Array.from({ length: world }, (_, rank) => run(pipeline, { rank, world, uneven }, 2, 3))
          )
          const read = ranks.map((own) => new Set(own.flatMap(({ indices }) => indices.map(laneOf))))
          for (const lane of Array.from({ length: lanes }).keys()) {
            expect(read.filter((own) => own.has(lane)).length).toBeLessThanOrEqual(1)
          }
          for (const [at, { indices, noise }] of whole.entries()) {
            expect(ranks.flatMap((own) => own[at]?.indices ?? [])).toEqual(indices)
            expect(ranks.flatMap((own) => own[at]?.noise ?? [])).toEqual(noise)
          }
        }
      }),
      { numRuns: 60 }
    )
  },
  TIME
)

test("one lane is the order without lanes, to the bit", async () => {
  for (const uneven of ["pad", "drop", "error"] as const) {
    const laned = await run(pipelineOf(26, 4, inLanes(Sampler.shuffle, 1)), { uneven })
    expect(laned).toEqual(await run(pipelineOf(26, 4, Sampler.shuffle), { uneven }))
  }
})

test("a batch has equal parts of all lanes; short lanes begin again with pad, and long ones are cut with drop", async () => {
  const indices = async (lanes: ReadonlyArray<number>, uneven: Plan.Uneven) =>
    (await run(pipelineOf(10, 4, inLanes(Sampler.sequential, lanes)), { uneven }, 1)).map((own) => own.indices)
  expect(await indices([5, 5], "error")).toEqual([
    [0, 1, 5, 6],
    [2, 3, 7, 8],
    [4, 9]
  ])
  expect(await indices([3, 7], "pad")).toEqual([
    [0, 1, 3, 4],
    [2, 0, 5, 6],
    [1, 2, 7, 8],
    [0, 1, 9, 3]
  ])
  expect(await indices([3, 7], "drop")).toEqual([[0, 1, 3, 4]])
})

describe("refused", () => {
  const refused = (lanes: ReadonlyArray<number>, options: Partial<Scheduler.RunOptions>, batch = 12) =>
    run(pipelineOf(12, batch, inLanes(Sampler.sequential, lanes)), options).then(
      () => undefined,
      (error: unknown) => String(error)
    )
  test.each([
    [
      [3, 3, 3, 3],
      { world: 3, rank: 0 },
      12,
      "world must be a divisor of the 4 lanes, each of which one rank reads: 1, 2, 4; or more lanes, as by Sampler.shuffleBlocks({ lanes }), got 3"
    ],
    [
      [12],
      { world: 2, rank: 0 },
      12,
      "world must be a divisor of the 1 lanes, each of which one rank reads: 1; or more lanes, as by Sampler.shuffleBlocks({ lanes }), got 2"
    ],
    [[3, 3, 3, 3], {}, 6, "batch size must be a multiple of the 4 lanes, of which each batch has equal parts, got 6"],
    [[2, 10], {}, 4, 'uneven must be "pad" (repeat the first samples of lanes that end early) or "drop"'],
    [[6, 5], {}, 4, "the sizes of all lanes must be 12, as the epoch has, got 11"],
    [[6, 6.5], {}, 4, "the size of lane 1 must be a whole number of at least 0, got 6.5"],
    [[], {}, 4, "the number of lanes must be a whole number of at least 1, got 0"],
    [
      [0, 12],
      { uneven: "pad" },
      4,
      'lanes must be fewer, or "drop" for uneven: "pad" repeats a lane\'s own samples, and lane 0 has none (the lanes have 0, 12 samples), got 2'
    ]
  ] as const)("%j with %j in batches of %i", async (lanes, options, batch, message) => {
    expect(await refused(lanes, options, batch)).toContain(message)
  })

  const wanted = "the lanes of sampler sequential must be a list of whole numbers, the size of each lane"
  const broken = (): never => {
    throw new Error("mine")
  }
  test.each([
    [() => "444", `${wanted}, got "444"`],
    [() => null, `${wanted}, got null`],
    [() => ({ length: 1, 0: 12 }), `${wanted}, got {`],
    [() => Promise.resolve([12]), `${wanted}, got an object of Promise`],
    [broken, `${wanted}, but asking for it threw Error: mine`]
  ])("lanes that are no list: %p", async (own, message) => {
    // As plain JavaScript may write it.
    const lanes = own as unknown as (size: number) => ReadonlyArray<number>
    const pipeline = pipelineOf(12, 4, { ...Sampler.sequential, lanes })
    expect(await run(pipeline, {}).then(() => "", String)).toContain(message)
  })

  test("a world that does not divide the lanes is a typed error", () => {
    const make = () =>
      Plan.make({ count: 12, batchSize: 12, dropLast: false, rank: 0, world: 6, workers: 1, lanes: [3, 3, 3, 3] })
    expect(make).toThrow(InvalidOption)
    expect(make).toThrow("1, 2, 4; or more lanes, as by Sampler.shuffleBlocks({ lanes }), got 6")
  })
})

test("without uneven, lanes are the equal parts that errors and advice name", async () => {
  const outcome = (lanes: ReadonlyArray<number>, ranks: Partial<Scheduler.RunOptions> = {}) => {
    const size = lanes.reduce((sum, own) => sum + own, 0)
    return run(pipelineOf(size, 4, inLanes(Sampler.sequential, lanes)), ranks, 1).then(
      (all) => all.map(({ indices }) => indices.join()).join(" "),
      String
    )
  }
  const half = { rank: 1, world: 2 }
  expect(await outcome([4, 5])).toBe("0,1,4,5 2,3,6,7 8")
  expect(await outcome([5, 4])).toContain("since the lanes have 5, 4 samples")
  expect(await outcome([5, 4])).toContain('"error", the default, takes equal ones: of 9 samples 4, 5, got "error"')
  expect(await outcome([4, 5], half)).toContain(
    '"error", the default, takes sizes such as 8 (in lanes of 4, 4) or 10 (in lanes of 5, 5)'
  )
  expect(await outcome([4, 4], half)).toBe("4,5 6,7")
  expect(await outcome([5, 5], half)).toBe("5,6 7,8 9")
  expect(await outcome([4, 6], half)).toContain("of 10 samples 5, 5")
  expect(await outcome([2, 3, 2, 3])).toBe("0,2,5,7 1,3,6,8 4,9")
  expect(await outcome([2, 2, 3, 3])).toContain("of 10 samples 2, 3, 2, 3")
})

test("the list is copied: what becomes of it later changes no batch", async () => {
  const list = [6, 6]
  const lanes = (): ReadonlyArray<number> => list.fill(6)
  const order: typeof Sampler.sequential.order = () => {
    list.fill(3)
    return (position) => position
  }
  const own = await run(pipelineOf(12, 4, { ...Sampler.sequential, lanes, order }), {})
  expect(own).toEqual(await run(pipelineOf(12, 4, inLanes(Sampler.sequential, [6, 6])), {}))
})

test("the number of lanes is part of a cursor's fingerprint", async () => {
  const cursor = (lanes: number, from?: unknown) =>
    Effect.gen(function* () {
      const pipeline = pipelineOf(24, 12, inLanes(Sampler.sequential, lanes))
      const loader = yield* Scheduler.open(pipeline, {
        epochs: 1,
        replay: true,
        ...(from === undefined ? {} : { from })
      })
      expect(Option.isSome(yield* loader.take)).toBe(true)
      return yield* loader.cursor
    }).pipe(
      Effect.scoped,
      Effect.provide(SeedPolicy.elastic({ seed: 5 })),
      Effect.provide(Workers.fibers({ workers: 2 })),
      Effect.either,
      Effect.runPromise
    )
  const own = await cursor(4)
  if (own._tag === "Left") throw own.left
  expect(own.right.fingerprints.batch).toBe("12 samples, 2 batches of 24, 4 lanes")
  expect((await cursor(4, own.right))._tag).toBe("Right")
  expect(await cursor(3, own.right)).toMatchObject({
    left: { _tag: "CursorMismatch", differences: [{ field: "batch" }] }
  })
})
