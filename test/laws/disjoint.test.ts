/**
 * Law 2. Two different coordinates never start from the same generator state; what does not fit is a typed error.
 */
import { describe, expect, test } from "bun:test"
import { Effect, Either, Layer, Stream } from "effect"
import fc from "fast-check"
import {
  Coordinates,
  Dataset,
  furrow,
  Pipeline,
  type Rng,
  Sampler,
  Scheduler,
  SeedAudit,
  SeedPolicy,
  Workers
} from "../../src/index.ts"
import { epochRequest, seedAt } from "../../src/seeding/Request.ts"
import { conditions, pipelineOf, policyOf, recipes, seeds } from "../support/recipes.ts"

const policies = { epochWorker: SeedPolicy.epochWorker, elastic: SeedPolicy.elastic }
type Name = keyof typeof policies

const serviceOf = (name: Name, seed: number | bigint | string): SeedPolicy.Service =>
  Effect.runSync(SeedPolicy.SeedPolicy.pipe(Effect.provide(policies[name]({ seed }))))

/** Coordinates from the whole of what each policy holds, with the edges of its fields among them. */
const field = (bits: number) =>
  fc.oneof(
    fc.constantFrom(0, 1, 2 ** bits - 1),
    fc.integer({ min: 0, max: 2 ** Math.min(bits, 31) - 1 }),
    fc.maxSafeNat().map((value) => value % 2 ** bits)
  )

const coordinates = fc.record({
  scope: fc.constantFrom<Coordinates.Scope>("epoch", "batch", "sample"),
  stage: fc.constantFrom("crop", "flip", "sample", "mix").map(Coordinates.stageId),
  epoch: field(24),
  rank: field(16),
  worker: field(12),
  batch: field(40),
  ordinal: field(40),
  index: field(53),
  distinct: fc.boolean()
})
type At = typeof coordinates extends fc.Arbitrary<infer A> ? A : never

const requestOf = (at: At): SeedPolicy.Request => ({
  ...at,
  world: 2 ** 16,
  workers: 2 ** 12,
  position: at.index,
  indices: [at.index]
})

const state = (policy: SeedPolicy.Service, at: At): string =>
  seedAt(Either.getOrThrow(policy.seeds(requestOf(at))), 0).words.join()

/** What of the coordinates a policy keys by: two that agree here are one place to it. */
const place = (name: Name, at: At): string => {
  const { batch, distinct, epoch, index, ordinal, rank, scope, stage, worker } = at
  if (scope === "epoch") return JSON.stringify([scope, stage.id, epoch])
  if (name === "epochWorker") return JSON.stringify([scope, stage.id, epoch, rank, worker, ordinal])
  if (scope === "batch") return JSON.stringify([scope, stage.id, epoch, rank, batch])
  return JSON.stringify([scope, stage.id, epoch, distinct, index])
}

const inside: At = {
  scope: "sample",
  stage: Coordinates.stageId("crop"),
  epoch: 0,
  rank: 0,
  worker: 0,
  batch: 0,
  ordinal: 0,
  index: 0,
  distinct: true
}

describe.each(["epochWorker", "elastic"] as const)("%s", (name) => {
  test("two places start from two states, one place from one, at the edges of every field too", () => {
    fc.assert(
      fc.property(
        seeds,
        coordinates,
        coordinates,
        fc.subarray(["scope", "stage", "epoch", "rank", "worker", "batch", "ordinal", "index", "distinct"] as const),
        (seed, one, other, differing) => {
          // Near places are the ones that a careless packing would fold together: the second differs in few fields.
          const near: At = { ...one }
          for (const key of differing) Object.assign(near, { [key]: other[key] })
          const policy = serviceOf(name, seed)
          expect(state(policy, near) === state(policy, one)).toBe(place(name, near) === place(name, one))
        }
      ),
      { numRuns: 500 }
    )
  })

  test("what does not fit is a CoordinatesError that names it, never a wrap-around", () => {
    const policy = serviceOf(name, 42)
    const limits =
      name === "epochWorker"
        ? ([
            ["epoch", 2 ** 24],
            ["rank", 2 ** 16],
            ["worker", 2 ** 12],
            ["ordinal", 2 ** 40]
          ] as const)
        : ([
            ["epoch", 2 ** 32],
            ["index", 2 ** 53]
          ] as const)
    for (const [key, limit] of limits) {
      const last = policy.seeds(requestOf({ ...inside, [key]: limit - 1 }))
      expect(Either.isRight(last)).toBe(true)
      for (const value of [limit, limit * 2, -1, 0.5, Number.NaN]) {
        const beyond = Either.getOrThrow(Either.flip(policy.seeds(requestOf({ ...inside, [key]: value }))))
        expect(beyond).toBeInstanceOf(Coordinates.CoordinatesError)
        expect(beyond.message).toContain(`${key} ${value}`)
      }
    }
  })
})

/** Where rows come from, and what of their coordinates each policy holds, in how many bits. */
const kinds = {
  "a dataset": {
    rows: [],
    elastic: { epoch: 32, index: 53 },
    epochWorker: { epoch: 24, rank: 16, worker: 12, ordinal: 40 }
  },
  "a mix": {
    rows: ["component", "pass"],
    elastic: { epoch: 20, component: 12, pass: 20, index: 39 },
    epochWorker: { epoch: 24, rank: 16, worker: 12, ordinal: 40 }
  },
  flatMap: {
    rows: ["child"],
    elastic: { epoch: 24, child: 24, index: 43 },
    epochWorker: { epoch: 16, rank: 16, worker: 12, ordinal: 32, child: 16 }
  },
  "flatMap in a mix": {
    rows: ["component", "pass", "child"],
    elastic: { epoch: 16, component: 12, pass: 12, child: 16, index: 35 },
    epochWorker: { epoch: 16, rank: 16, worker: 12, ordinal: 32, child: 16 }
  },
  pack: {
    rows: ["window", "child"],
    elastic: { epoch: 24, child: 24, window: 43 },
    epochWorker: { epoch: 16, rank: 16, worker: 12, ordinal: 32, child: 16 }
  },
  "pack in a mix": {
    rows: ["component", "pass", "window", "child"],
    elastic: { epoch: 16, component: 12, pass: 12, child: 16, window: 35 },
    epochWorker: { epoch: 16, rank: 16, worker: 12, ordinal: 32, child: 16 }
  }
} as const
type Kind = keyof typeof kinds
const allKinds = Object.keys(kinds) as ReadonlyArray<Kind> // `kinds` has no others

const NUMBERS = ["epoch", "rank", "worker", "ordinal", "index", "component", "pass", "window", "child"] as const
type Numbers = Readonly<Record<(typeof NUMBERS)[number], number>>

/** The fields of a kind that a policy holds, with their bits. */
const fieldsOf = (name: Name, kind: Kind): ReadonlyArray<readonly [keyof Numbers, number]> =>
  Object.entries(kinds[kind][name]) as Array<[keyof Numbers, number]> // as `kinds` says

const rowRequest = (kind: Kind, at: Numbers, distinct = true): SeedPolicy.Request => {
  const has = (field: string): boolean => kinds[kind].rows.some((own) => own === field)
  const { component, pass, window, child, ...place } = at
  return {
    ...requestOf({ scope: "sample", stage: Coordinates.stageId("crop"), batch: 0, distinct, ...place }),
    rows: {
      ordinals: [place.ordinal],
      positions: [place.index],
      ...(has("component") ? { mix: { components: [component], passes: [pass] } } : {}),
      ...(has("window") ? { windows: [window] } : {}),
      ...(has("child") ? { children: [child] } : {})
    }
  }
}

describe.each(["epochWorker", "elastic"] as const)("%s, rows with coordinates of their own", (name) => {
  const numbers: fc.Arbitrary<Numbers> = fc.record({
    epoch: field(32),
    rank: field(16),
    worker: field(12),
    ordinal: field(40),
    index: field(53),
    component: field(12),
    pass: field(20),
    window: field(43),
    child: field(24)
  })

  test("two places start from two states, one place from one, whatever kinds of rows they are", () => {
    const kind = fc.constantFrom(...allKinds)
    fc.assert(
      fc.property(
        seeds,
        fc.tuple(kind, kind),
        fc.tuple(fc.boolean(), fc.boolean()),
        numbers,
        numbers,
        fc.subarray([...NUMBERS]),
        (seed, [one, other], [first, second], from, to, differing) => {
          const held = new Map(fieldsOf(name, one))
          for (const [key, bits] of fieldsOf(name, other)) held.set(key, Math.min(bits, held.get(key) ?? bits))
          const fitting = (at: Numbers): Numbers => {
            const own = { ...at }
            for (const [key, bits] of held) own[key] %= 2 ** bits
            return own
          }
          const near = { ...from }
          for (const key of differing) near[key] = to[key]
          const policy = serviceOf(name, seed)
          const own = (kind: Kind, at: Numbers, distinct: boolean) => {
            const request = rowRequest(kind, fitting(at), distinct)
            const values = fieldsOf(name, kind).map(([key]) => [key, fitting(at)[key]])
            const isIndexed = fieldsOf(name, kind).some(([key]) => key === "index")
            return {
              state: seedAt(Either.getOrThrow(policy.seeds(request)), 0).words.join(),
              // Under `epochWorker` a row of a mix is a sample like any other.
              place: JSON.stringify([
                name === "epochWorker" ? kind.replace(/ in a mix$/, "").replace("a mix", "a dataset") : kind,
                isIndexed && distinct,
                values
              ])
            }
          }
          const a = own(one, from, first)
          const b = own(other, near, second)
          expect(a.state === b.state).toBe(a.place === b.place)
        }
      ),
      { numRuns: 2000 }
    )
  })

  test.each(allKinds)("%s: the largest values fit, all at once; one more of any is a CoordinatesError", (kind) => {
    const policy = serviceOf(name, 42)
    const largest: Numbers = {
      epoch: 0,
      rank: 0,
      worker: 0,
      ordinal: 0,
      index: 0,
      component: 0,
      pass: 0,
      window: 0,
      child: 0
    }
    const edge = { ...largest }
    for (const [key, bits] of fieldsOf(name, kind)) edge[key] = 2 ** bits - 1
    expect(Either.isRight(policy.seeds(rowRequest(kind, edge)))).toBe(true)
    for (const [key, bits] of fieldsOf(name, kind)) {
      for (const value of [2 ** bits, 2 ** bits * 2, -1, 0.5, Number.NaN]) {
        const beyond = Either.getOrThrow(Either.flip(policy.seeds(rowRequest(kind, { ...edge, [key]: value }))))
        expect(beyond).toBeInstanceOf(Coordinates.CoordinatesError)
        expect(beyond.reason).toBe(`${key} ${value} does not fit; it can be 0 to 2^${bits} - 1`)
        for (const own of kinds[kind].rows) expect(beyond.message).toContain(`${own} `)
      }
    }
  })

  test("rows that say no more than the request does are packed as without", () => {
    fc.assert(
      fc.property(coordinates, fc.nat(5), (at, more) => {
        const request = { ...requestOf({ ...at, ordinal: at.ordinal % 2 ** 39, index: at.index % 2 ** 52 }) }
        const counting = Array.from({ length: at.scope === "sample" ? 1 + more : 1 }, (_, row) => row)
        const indices = counting.map((row) => (at.index % 2 ** 52) + row)
        const ordinals = counting.map((row) => request.ordinal + row)
        const positions = counting.map((row) => request.position + row)
        const policy = serviceOf(name, 7)
        const plain = Either.getOrThrow(policy.seeds({ ...request, indices }))
        expect(Either.getOrThrow(policy.seeds({ ...request, indices, rows: {} }))).toEqual(plain)
        expect(Either.getOrThrow(policy.seeds({ ...request, indices, rows: { ordinals, positions } }))).toEqual(plain)
      })
    )
  })

  test("the order of each pass over a component is another one, and none is the order of an epoch", () => {
    const place = fc.record({ epoch: field(32), mix: fc.option(fc.record({ component: field(12), pass: field(32) })) })
    fc.assert(
      fc.property(place, place, (one, other) => {
        const policy = serviceOf(name, 7)
        const own = ({ epoch, mix }: typeof one) => {
          const request = epochRequest(Coordinates.stageId("sample"), epoch, mix === null ? {} : { mix })
          return seedAt(Either.getOrThrow(policy.seeds(request)), 0).words.join()
        }
        expect(own(one) === own(other)).toBe(JSON.stringify(one) === JSON.stringify(other))
      })
    )
    const over = epochRequest(Coordinates.stageId("sample"), 0, { mix: { component: 4096, pass: 1 } })
    expect(Either.getOrThrow(Either.flip(serviceOf(name, 7).seeds(over))).message).toContain("component 4096, pass 1")
  })

  test("what is not given for each row, or a window without its rows' numbers, is a CoordinatesError", () => {
    const policy = serviceOf(name, 7)
    const reason = (rows: SeedPolicy.RowCoordinates, indices = [0, 1]): string | undefined =>
      Either.match(policy.seeds({ ...requestOf(inside), indices, rows }), {
        onLeft: (error) => error.reason,
        onRight: () => undefined
      })
    expect(reason({ children: [0] })).toContain("child undefined does not fit")
    expect(reason({ windows: [0, 1] })).toContain("child undefined does not fit")
    expect(reason({ windows: [0, 1], mix: { components: [0, 1], passes: [0, 1] } })).toContain("child undefined")
    expect(reason({ windows: [0, 1], children: [0, 1] })).toBeUndefined()
  })
})

test("a whole run starts no state twice", async () => {
  await fc.assert(
    fc.asyncProperty(recipes(), conditions, async (recipe, own) => {
      const program = Effect.gen(function* () {
        yield* Stream.runDrain(Scheduler.stream(pipelineOf(recipe), { epochs: own.epochs }))
        return yield* (yield* SeedAudit.SeedAudit).report
      })
      const report = await program.pipe(
        Effect.provide(Layer.merge(SeedAudit.counting(policyOf(own)), Workers.fibers({ workers: own.workers }))),
        Effect.runPromise
      )
      expect(report.repeated).toBe(0)
    }),
    { numRuns: 40 }
  )
}, 60_000)

test("nor do the ranks of one run, nor runs of neighbouring seeds, nor an epoch with replacement", async () => {
  const pipeline = (sampler: Sampler.Sampler<SeedPolicy.SeedPolicy>) =>
    Pipeline.from(Dataset.range(64)).pipe(
      Pipeline.sample(sampler),
      Pipeline.augment("draw", (index, rng) => index + rng.float()),
      Pipeline.batch(16),
      Pipeline.augment("mix", (batch, rng) => {
        rng.word()
        return batch
      })
    )
  for (const name of ["epochWorker", "elastic"] as const) {
    const seen = new Map<string, string>()
    const runs = [
      [42, Sampler.shuffle],
      [43, Sampler.shuffle],
      [44, Sampler.withReplacement({ count: 64 })]
    ] as const
    for (const [seed, sampler] of runs) {
      for (let rank = 0; rank < 4; rank++) {
        const inner = serviceOf(name, seed)
        // Every request that is made, with the states it got. The order of an epoch is meant to be one for all ranks.
        const spy: SeedPolicy.Service = {
          ...inner,
          observe: (request, given) => {
            for (let row = 0; row < request.indices.length; row++) {
              const where = request.scope === "epoch" ? `${seed}` : `${seed} ${rank} ${row}`
              const key = `${where} ${request.scope} ${request.stage.name} ${request.epoch} ${request.batch}`
              const words = seedAt(given, row).words.join()
              expect(seen.get(words) ?? key).toBe(key)
              seen.set(words, key)
            }
          }
        }
        const layer = Layer.merge(Layer.succeed(SeedPolicy.SeedPolicy, spy), Workers.fibers({ workers: 3 }))
        await Effect.runPromise(
          Stream.runDrain(Scheduler.stream(pipeline(sampler), { epochs: 3, rank, world: 4 })).pipe(
            Effect.provide(layer)
          )
        )
      }
    }
    expect(seen.size).toBeGreaterThan(3 * 3 * 64)
  }
})

test("run 42's epoch 1 is not run 43's epoch 0", () => {
  const draws = (seed: number, epoch: number): ReadonlyArray<string> => {
    const policy = serviceOf("epochWorker", seed)
    const at = (ordinal: number): At => ({
      scope: "sample",
      stage: Coordinates.stageId("crop"),
      epoch,
      rank: 0,
      worker: 0,
      batch: 0,
      ordinal,
      index: 0,
      distinct: true
    })
    return Array.from({ length: 200 }, (_, ordinal) => state(policy, at(ordinal)))
  }
  const all = [42, 43, 44].flatMap((seed) => [0, 1, 2].flatMap((epoch) => draws(seed, epoch)))
  expect(new Set(all).size).toBe(3 * 3 * 200)
})

test("what a stage forks under any name is not what ambient calls draw from; their own stream is refused to it", async () => {
  const refusals = async (policy: "epochWorker" | "elastic", name: string, isEffect: boolean) => {
    const drawn = (rng: Rng.Rng) => [
      rng.fork(name).double(),
      Math.random(),
      rng.double(),
      rng.fork(name).fork("ambient").double()
    ]
    const rows = Pipeline.from(Dataset.range(6))
    const drawing = isEffect
      ? Pipeline.augmentEffect(rows, "fork", (_, rng) => Effect.sync(() => drawn(rng)))
      : Pipeline.augment(rows, "fork", (_, rng) => drawn(rng))
    const collected = drawing.pipe(
      Pipeline.batchWith(3, (samples) => samples),
      Pipeline.ambient("derive")
    )
    // No failure policy skips or retries it.
    const failures = { retry: { times: 2, delay: 1 }, skip: { budget: { share: 1 }, report: () => {} } }
    const run = furrow(collected, { seed: 1, policy, epochs: 1, replay: true, failures })
    try {
      const all: Array<number> = []
      for await (const { columns } of run) all.push(...columns.flat())
      expect(all).toHaveLength(24)
      expect(new Set(all).size).toBe(24)
      return 0
    } catch (error) {
      expect(error).toMatchObject({ _tag: "StageError", stage: "fork", cause: { _tag: "AmbientRandomness" } })
      expect(error).toMatchObject({
        message: expect.stringContaining('rng.fork("ambient"), the stream that Math.random')
      })
      return 1
    }
  }
  for (const policy of ["epochWorker", "elastic"] as const) {
    for (const isEffect of [false, true]) {
      expect(await refusals(policy, "ambient", isEffect)).toBe(1)
      for (const name of ["", "Ambient", "ambient ", "fork", "ambient/ambient"]) {
        expect([name, await refusals(policy, name, isEffect)]).toEqual([name, 0])
      }
    }
  }
  // Where ambient calls draw from no stream, the name is as good as any.
  const free = Pipeline.from(Dataset.range(2)).pipe(
    Pipeline.augment("fork", (_, rng) => rng.fork("ambient").double()),
    Pipeline.batch(2)
  )
  await using run = furrow(free, { seed: 1, epochs: 1, replay: true })
  const batch = await run.take()
  expect(Array.from(batch?.columns.data ?? [])).toEqual([0.3233047184020742, 0.4407382051264147])
})
