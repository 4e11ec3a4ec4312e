import { describe, expect, test } from "bun:test"
import { Cause, ConfigProvider, Effect, Either, Exit, type Layer, Logger, Option } from "effect"
import * as fc from "fast-check"
import type { InvalidOption } from "../../src/core/InvalidOption.ts"
import * as Rng from "../../src/random/Rng.ts"
import * as Seed from "../../src/random/Seed.ts"
import { type Coordinates, CoordinatesError, type StageId, stageId } from "../../src/seeding/Coordinates.ts"
import { coordinates, seedAt } from "../../src/seeding/Request.ts"
import * as SeedPolicy from "../../src/seeding/SeedPolicy.ts"
import { type Four, philoxInverse, type Two } from "../random/generators/reference.ts"

const base: SeedPolicy.Request = {
  scope: "sample",
  stage: stageId("crop"),
  epoch: 1,
  rank: 0,
  world: 1,
  worker: 0,
  workers: 2,
  batch: 0,
  ordinal: 0,
  position: 0,
  indices: [0],
  distinct: true
}

const request = (own: Partial<SeedPolicy.Request> = {}): SeedPolicy.Request => ({ ...base, ...own })

type Policy<E = never> = Layer.Layer<SeedPolicy.SeedPolicy, E>

const ask = <E>(layer: Policy<E>, own: SeedPolicy.Request) =>
  SeedPolicy.SeedPolicy.pipe(
    Effect.flatMap((policy) => policy.seeds(own)),
    Effect.provide(layer)
  )

/** The words of each row's seed. */
const states = <E>(layer: Policy<E>, own: SeedPolicy.Request): ReadonlyArray<Four> => {
  const seeds = Effect.runSync(ask(layer, own))
  return Array.from({ length: own.indices.length }, (_, row) => {
    const [a = 0, b = 0, c = 0, d = 0] = seedAt(seeds, row).words
    return [a, b, c, d]
  })
}

const state = <E>(layer: Policy<E>, own: Partial<SeedPolicy.Request> = {}): string =>
  states(layer, request(own)).map(String).join(" ")

const misfit = <E>(layer: Policy<E>, own: Partial<SeedPolicy.Request>): CoordinatesError => {
  const error = Effect.runSync(Effect.flip(ask(layer, request(own))))
  expect(error).toBeInstanceOf(CoordinatesError)
  // As the line above says.
  return error as CoordinatesError
}

const service = <E>(layer: Policy<E>): SeedPolicy.Service =>
  Effect.runSync(Effect.provide(SeedPolicy.SeedPolicy, layer))

const { elastic, epochWorker } = SeedPolicy

/** Whole numbers of so many bits, their edges more often than chance would have them. */
const bits = (count: number) =>
  fc.oneof(
    fc.maxSafeNat().map((value) => value % 2 ** count),
    fc.constantFrom(0, 1, 2 ** (count - 1), 2 ** count - 1),
    fc.nat(count - 1).map((bit) => 2 ** bit)
  )

const stages: fc.Arbitrary<StageId> = bits(32).map((id) => ({ name: `stage ${id}`, id }))

/** A start state's counter, read back by undoing Philox under the run's key. */
const counter = (own: Four, key: Two): Four => philoxInverse(own, key)

const wide = (low: number, high: number): number => high * 2 ** 32 + low

describe("epochWorker packs its coordinates so that they can be read back", () => {
  const decode = ([c0, c1, c2, c3]: Four) => ({
    tag: c1 >>> 28,
    stage: c3,
    epoch: c2 & 0xffffff,
    rank: ((c2 >>> 24) << 8) | ((c1 >>> 20) & 0xff),
    worker: (c1 >>> 8) & 0xfff,
    ordinal: wide(c0, c1 & 0xff)
  })
  const key: fc.Arbitrary<bigint> = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })

  test("samples and batches", () => {
    const places = fc.record({
      scope: fc.constantFrom("sample", "batch"),
      stage: stages,
      epoch: bits(24),
      rank: bits(16),
      worker: bits(12),
      ordinal: bits(40)
    })
    fc.assert(
      fc.property(places, key, (place, seed) => {
        const [own = [0, 0, 0, 0]] = states(epochWorker({ seed }), request(place))
        expect(decode(counter(own, [Number(seed & 0xffffffffn), Number(seed >> 32n)]))).toEqual({
          tag: place.scope === "sample" ? 2 : 3,
          stage: place.stage.id,
          epoch: place.epoch,
          rank: place.rank,
          worker: place.worker,
          ordinal: place.ordinal
        })
      }),
      { numRuns: 300 }
    )
  })

  test("every row of a batch, over a carry of its ordinal", () => {
    const first = 2 ** 32 - 2
    const all = states(epochWorker({ seed: 7 }), request({ ordinal: first, indices: [5, 5, 5, 5] }))
    expect(all.map((own) => decode(counter(own, [7, 0])).ordinal)).toEqual([first, first + 1, first + 2, first + 3])
  })

  test("at the edge of every field at once", () => {
    const place = { epoch: 2 ** 24 - 1, rank: 2 ** 16 - 1, worker: 4095, ordinal: 2 ** 40 - 1 }
    const stage = { name: "last", id: 0xffffffff }
    const [own = [0, 0, 0, 0]] = states(epochWorker({ seed: 7 }), request({ ...place, stage }))
    expect(decode(counter(own, [7, 0]))).toEqual({ tag: 2, stage: 0xffffffff, ...place })
  })
})

describe("elastic packs its coordinates so that they can be read back", () => {
  const sample = ([c0, c1, c2, c3]: Four) => ({
    tag: c1 >>> 28,
    zero: (c1 >>> 21) & 0x7f,
    stage: c3,
    epoch: c2,
    own: wide(c0, c1 & 0x1fffff)
  })
  const batch = ([c0, c1, c2, c3]: Four) => ({
    tag: c1 >>> 28,
    zero: (c1 >>> 24) & 0xf,
    stage: c3,
    epoch: c2,
    rank: (c1 >>> 8) & 0xffff,
    batch: wide(c0, c1 & 0xff)
  })

  test("samples by their index, or by their position where an index may come twice", () => {
    const places = fc.record({
      stage: stages,
      epoch: bits(32),
      distinct: fc.boolean(),
      index: bits(53),
      position: bits(53)
    })
    fc.assert(
      fc.property(places, ({ index, ...place }) => {
        const [own = [0, 0, 0, 0]] = states(elastic({ seed: 9n }), request({ ...place, indices: [index] }))
        expect(sample(counter(own, [9, 0]))).toEqual({
          tag: place.distinct ? 4 : 5,
          zero: 0,
          stage: place.stage.id,
          epoch: place.epoch,
          own: place.distinct ? index : place.position
        })
      }),
      { numRuns: 300 }
    )
  })

  test("every row of a batch", () => {
    const rows = request({ indices: Float64Array.of(2 ** 53 - 1, 0, 2 ** 32), position: 2 ** 32 - 1 })
    const own = (distinct: boolean) =>
      states(elastic({ seed: 9 }), { ...rows, distinct }).map((words) => sample(counter(words, [9, 0])).own)
    expect(own(true)).toEqual([2 ** 53 - 1, 0, 2 ** 32])
    expect(own(false)).toEqual([2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1])
  })

  test("batches by their number and rank", () => {
    const places = fc.record({
      stage: stages,
      epoch: bits(32),
      rank: bits(16),
      batch: bits(40),
      distinct: fc.boolean()
    })
    fc.assert(
      fc.property(places, (place) => {
        const [own = [0, 0, 0, 0]] = states(elastic({ seed: 9n }), request({ ...place, scope: "batch" }))
        const { batch: number, epoch, rank } = place
        const expected = { tag: 6, zero: 0, stage: place.stage.id, epoch, rank, batch: number }
        expect(batch(counter(own, [9, 0]))).toEqual(expected)
      })
    )
  })
})

test("the order of an epoch is packed by epoch and stage, alike in both policies, whoever asks", () => {
  fc.assert(
    fc.property(stages, bits(32), bits(12), bits(16), (stage, epoch, worker, rank) => {
      const own = request({ scope: "epoch", stage, epoch, worker, rank })
      const [one = [0, 0, 0, 0]] = states(epochWorker({ seed: 3 }), own)
      expect(counter(one, [3, 0])).toEqual([0, 1 * 2 ** 28, epoch, stage.id])
      expect(states(elastic({ seed: 3 }), own)).toEqual([one])
    })
  )
})

describe("two places never share a start state", () => {
  const places = fc.record({
    scope: fc.constantFrom("epoch", "batch", "sample"),
    stage: fc.constantFrom(stageId("crop"), stageId("flip"), { name: "near", id: (stageId("crop").id ^ 1) >>> 0 }),
    epoch: fc.nat(2),
    rank: fc.nat(2),
    worker: fc.nat(2),
    batch: fc.nat(2),
    ordinal: fc.nat(2),
    position: fc.nat(2),
    index: fc.nat(2)
  })
  type Of<A> = A extends fc.Arbitrary<infer B> ? B : never
  type PlaceOf = Of<typeof places>

  /** What of a place each policy goes by. */
  const identities: Readonly<Record<"epochWorker" | "elastic", (place: PlaceOf) => ReadonlyArray<unknown>>> = {
    epochWorker: ({ epoch, ordinal, rank, scope, stage, worker }) =>
      scope === "epoch" ? [scope, stage.id, epoch] : [scope, stage.id, epoch, rank, worker, ordinal],
    elastic: ({ batch, epoch, index, rank, scope, stage }) =>
      scope === "epoch"
        ? [scope, stage.id, epoch]
        : scope === "batch"
          ? [scope, stage.id, epoch, rank, batch]
          : [scope, stage.id, epoch, index]
  }

  for (const [name, policy] of [
    ["epochWorker", epochWorker],
    ["elastic", elastic]
  ] as const) {
    test(`under ${name}: states are equal exactly where what it goes by is`, () => {
      const layer = policy({ seed: 42 })
      fc.assert(
        fc.property(fc.array(places, { minLength: 2, maxLength: 30 }), (all) => {
          const found = new Set(all.map(({ index, ...place }) => state(layer, { ...place, indices: [index] })))
          const owed = new Set(all.map((place) => JSON.stringify(identities[name](place))))
          expect(found.size).toBe(owed.size)
        })
      )
    })
  }

  test("nor do the neighbours of one run, nor those of the next run's seed", () => {
    // The field adds: seed + epoch, seed + worker. Here run 42's epoch 1 is not run 43's epoch 0.
    const found: Array<string> = []
    for (const seed of [42, 43, 44]) {
      for (const epoch of [0, 1, 2]) {
        for (const worker of [0, 1, 2]) {
          found.push(state(epochWorker({ seed }), { epoch, worker, indices: [0, 1, 2] }))
        }
        found.push(state(elastic({ seed }), { epoch, indices: [0, 1, 2] }))
        found.push(state(elastic({ seed }), { epoch, scope: "epoch" }))
      }
    }
    const all = found.flatMap((row) => row.split(" "))
    expect(all).toHaveLength(3 * 3 * (3 * 3 + 3 + 1))
    expect(new Set(all).size).toBe(all.length)
  })
})

test("the one place whose block is all zeros gets the block that is nobody's", () => {
  // Of 1024 keys one has the counter of its zero block where `elastic` packs a sample; here such a key is sought.
  for (let seed = 0; seed < 20_000; seed++) {
    const [c0, c1, c2, c3] = philoxInverse([0, 0, 0, 0], [seed, 0])
    if (c1 >>> 21 !== 4 << 7) continue
    const index = wide(c0, c1 & 0x1fffff)
    const place = { stage: { name: "found", id: c3 }, epoch: c2, indices: [index] }
    const [own = [0, 0, 0, 0]] = states(elastic({ seed }), request(place))
    expect(own).not.toEqual([0, 0, 0, 0])
    expect(counter(own, [seed, 0])).toEqual([0, 0, 0, 0])
    // So a generator can start there.
    expect(Rng.make({ algorithm: "xoshiro128**", words: own }).word()).toBeGreaterThanOrEqual(0)
    return
  }
  throw new Error("no such key was found")
})

describe("what does not fit is an error, never a wrap-around", () => {
  test.each<[Partial<SeedPolicy.Request>, string]>([
    [{ epoch: 2 ** 24 }, "epoch 16777216 does not fit; it can be 0 to 2^24 - 1"],
    [{ epoch: -1 }, "epoch -1 does not fit"],
    [{ epoch: 0.5 }, "epoch 0.5 does not fit"],
    [{ epoch: Number.NaN }, "epoch NaN does not fit"],
    [{ rank: 2 ** 16 }, "rank 65536 does not fit; it can be 0 to 2^16 - 1"],
    [{ worker: 4096 }, "worker 4096 does not fit; it can be 0 to 2^12 - 1"],
    [{ ordinal: 2 ** 40 }, "ordinal 1099511627776 does not fit; it can be 0 to 2^40 - 1"],
    [{ ordinal: -1 }, "ordinal -1 does not fit"],
    [{ scope: "batch", ordinal: 2 ** 40 }, "ordinal 1099511627776 does not fit"],
    [{ scope: "epoch", epoch: 2 ** 32 }, "epoch 4294967296 does not fit; it can be 0 to 2^32 - 1"],
    [{ stage: { name: "wide", id: 2 ** 32 } }, "stage id 4294967296 does not fit; it can be 0 to 2^32 - 1"],
    [{ stage: { name: "wide", id: -1 } }, "stage id -1 does not fit"]
  ])("epochWorker, case %#", (place, reason) => {
    const error = misfit(epochWorker({ seed: "monday" }), place)
    expect(error.reason).toContain(reason)
    expect(error).toMatchObject({ policy: "epochWorker", seed: '"monday"' })
    expect(error.coordinates).toEqual(coordinates(request(place), 0))
  })

  test.each<[Partial<SeedPolicy.Request>, string]>([
    [{ epoch: 2 ** 32 }, "epoch 4294967296 does not fit; it can be 0 to 2^32 - 1"],
    [{ indices: [2 ** 53] }, "index 9007199254740992 does not fit; it can be 0 to 2^53 - 1"],
    [{ indices: [-1] }, "index -1 does not fit"],
    [{ indices: [1.5] }, "index 1.5 does not fit"],
    [{ distinct: false, position: 2 ** 53 }, "position 9007199254740992 does not fit"],
    [{ scope: "batch", batch: 2 ** 40 }, "batch 1099511627776 does not fit; it can be 0 to 2^40 - 1"],
    [{ scope: "batch", rank: 2 ** 16 }, "rank 65536 does not fit"],
    [{ scope: "epoch", epoch: 2 ** 32 }, "epoch 4294967296 does not fit"],
    [{ stage: { name: "wide", id: 0.5 } }, "stage id 0.5 does not fit"]
  ])("elastic, case %#", (place, reason) => {
    const error = misfit(elastic({ seed: 5 }), place)
    expect(error.reason).toContain(reason)
    expect(error).toMatchObject({ policy: "elastic", seed: "5" })
  })

  test("the error names the row that does not fit", () => {
    const over = misfit(epochWorker({ seed: 1 }), { ordinal: 2 ** 40 - 2, indices: [7, 8, 9, 10] })
    expect(over.coordinates).toMatchObject({ ordinal: 2 ** 40, index: 9 })
    expect(misfit(elastic({ seed: 1 }), { indices: [7, 8, -9] }).coordinates).toMatchObject({ index: -9, position: 2 })
  })

  test("elastic takes what only epochWorker cannot: ranks, workers and ordinals of any size", () => {
    expect(state(elastic({ seed: 1 }), { rank: 2 ** 20, worker: 2 ** 20, ordinal: 2 ** 50 })).toBe(
      state(elastic({ seed: 1 }))
    )
  })

  test("several seeds for one epoch or one batch: they would all be one", () => {
    for (const scope of ["epoch", "batch"] as const) {
      for (const layer of [epochWorker({ seed: 1 }), elastic({ seed: 1 })]) {
        const { reason } = misfit(layer, { scope, indices: [1, 2] })
        expect(reason).toBe(`2 seeds were asked for; scope "${scope}" has one`)
      }
    }
  })

  test("a request for no sample's seed gives none", () => {
    expect(states(epochWorker({ seed: 1 }), request({ indices: [] }))).toEqual([])
  })
})

describe("what the policies go by", () => {
  const changes: Readonly<Record<string, Partial<SeedPolicy.Request>>> = {
    epoch: { epoch: 2 },
    rank: { rank: 1, world: 2 },
    worker: { worker: 1 },
    ordinal: { ordinal: 5 },
    index: { indices: [5] },
    position: { position: 5 },
    batch: { batch: 5 },
    stage: { stage: stageId("flip") },
    workers: { workers: 8 },
    world: { world: 8 }
  }
  const changed = (
    layer: Policy<Seed.SeedError | InvalidOption>,
    own: Partial<SeedPolicy.Request> = {}
  ): ReadonlyArray<string> =>
    Object.keys(changes).filter((name) => state(layer, { ...own, ...changes[name] }) !== state(layer, own))

  test("epochWorker: the worker and what it made before", () => {
    expect(changed(epochWorker({ seed: 1 }))).toEqual(["epoch", "rank", "worker", "ordinal", "stage"])
    expect(changed(epochWorker({ seed: 1 }), { scope: "batch" })).toEqual([
      "epoch",
      "rank",
      "worker",
      "ordinal",
      "stage"
    ])
    expect(service(epochWorker({ seed: 1 }))).toMatchObject({ name: "epochWorker", seed: "1", elastic: false })
  })

  test("elastic: the sample alone, whoever makes it", () => {
    expect(changed(elastic({ seed: 1 }))).toEqual(["epoch", "index", "stage"])
    expect(changed(elastic({ seed: 1 }), { distinct: false })).toEqual(["epoch", "position", "stage"])
    expect(changed(elastic({ seed: 1 }), { scope: "batch" })).toEqual(["epoch", "rank", "batch", "stage"])
    expect(service(elastic({ seed: "x" }))).toMatchObject({ name: "elastic", seed: '"x"', elastic: true })
  })

  test("both: the run's seed, by all of its 64 bits", () => {
    for (const policy of [epochWorker, elastic]) {
      const found = [0, 1, 2 ** 32, 2n ** 63n, "0", "1"].map((seed) => state(policy({ seed })))
      expect(new Set(found).size).toBe(found.length)
      expect(state(policy({ seed: 7 }))).toBe(state(policy({ seed: 7n })))
    }
  })
})

test("pinned states", () => {
  const all = (layer: Policy<Seed.SeedError | InvalidOption>) =>
    [
      request({ epoch: 3, worker: 1, ordinal: 64, indices: [10, 11] }),
      request({ epoch: 3, worker: 1, scope: "batch", batch: 9, ordinal: 4, indices: [10] }),
      request({ epoch: 3, scope: "epoch", stage: stageId("sample"), indices: [0] })
    ].map((own) => states(layer, own).map((words) => Seed.format({ algorithm: "x", words })))
  expect(all(epochWorker({ seed: 42 }))).toEqual([
    ["x:07e4be8e6110126d47b92f38f52315bb", "x:efe5580b533e38e991a1f9b5a5ab6dac"],
    ["x:fea5a336bcc45185c78ba39a22ef4952"],
    ["x:fde57baef23dc5d0fe14b099b0b832cd"]
  ])
  expect(all(elastic({ seed: 42 }))).toEqual([
    ["x:4db0e56c8c4d2131fcbe090c66e47fbf", "x:9d4849fd53876cc687ede08ad23fbd24"],
    ["x:218fbcd0fb91ee51a4dcae4ff4d897ce"],
    // Of an epoch as a whole both policies have one opinion.
    ["x:fde57baef23dc5d0fe14b099b0b832cd"]
  ])
})

test("a seed that is none is a typed error of the layer", () => {
  for (const policy of [epochWorker, elastic]) {
    const error = Effect.runSync(Effect.flip(ask(policy({ seed: -5 }), request())))
    expect(error).toBeInstanceOf(Seed.SeedError)
  }
})

describe("fromConfig", () => {
  const from = (entries: ReadonlyArray<readonly [string, string]>) =>
    Effect.provide(SeedPolicy.SeedPolicy, SeedPolicy.fromConfig).pipe(
      Effect.withConfigProvider(ConfigProvider.fromMap(new Map(entries))),
      Effect.runSyncExit
    )
  const chosen = (entries: ReadonlyArray<readonly [string, string]>) => {
    const {
      elastic: independent,
      name,
      seed
    } = Exit.getOrElse(from(entries), (cause) => {
      throw new Error(Cause.pretty(cause))
    })
    return { name, seed, elastic: independent }
  }
  const refused = (entries: ReadonlyArray<readonly [string, string]>): string => {
    const exit = from(entries)
    const failure = Exit.isFailure(exit) ? Option.getOrUndefined(Cause.failureOption(exit.cause)) : undefined
    return String(failure)
  }

  test("is epochWorker by seed 0 where nothing is set", () => {
    expect(chosen([])).toEqual({ name: "epochWorker", seed: "0", elastic: false })
  })

  test("a seed that is not set is told, once for each layer; one that is set is not", async () => {
    const told = async (entries: ReadonlyArray<readonly [string, string]>) => {
      const lines: Array<string> = []
      const logger = Logger.make(({ logLevel, message }) => void lines.push(`${logLevel.label} ${String(message)}`))
      await Effect.all([SeedPolicy.SeedPolicy, SeedPolicy.SeedPolicy, SeedPolicy.stream("weights")]).pipe(
        Effect.provide(SeedPolicy.fromConfig),
        Effect.withConfigProvider(ConfigProvider.fromMap(new Map(entries))),
        Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
        Effect.runPromise
      )
      return lines
    }
    const warning = "WARN FURROW_SEED is not set: the run's seed is 0; set it, to 0 if that is meant"
    expect(await told([])).toEqual([warning])
    expect(await told([["FURROW_SEED_POLICY", "elastic"]])).toEqual([warning])
    expect(await told([["FURROW_SEED", "0"]])).toEqual([])
  })

  test("no message has doubled quotes", () => {
    for (const entries of [
      [["FURROW_SEED_POLICY", "lucky"]],
      [["FURROW_SEED", "1.5"]],
      [["FURROW_SEED", ""]],
      [["FURROW_SEED", "99999999999999999999"]]
    ] as const) {
      expect(refused(entries)).not.toContain('""')
    }
  })

  test("takes policy and seed from the environment", () => {
    expect(chosen([["FURROW_SEED", "42"]])).toEqual({ name: "epochWorker", seed: "42", elastic: false })
    expect(chosen([["FURROW_SEED_POLICY", "elastic"]])).toEqual({ name: "elastic", seed: "0", elastic: true })
    const both = [
      ["FURROW_SEED", "18446744073709551615"],
      ["FURROW_SEED_POLICY", "elastic"]
    ] as const
    expect(chosen(both)).toEqual({ name: "elastic", seed: "18446744073709551615", elastic: true })
    expect(chosen([["FURROW_SEED", "run a"]])).toEqual({ name: "epochWorker", seed: '"run a"', elastic: false })
  })

  test("gives the very seeds of the policy it names", () => {
    const provider = ConfigProvider.fromMap(
      new Map([
        ["FURROW_SEED", "42"],
        ["FURROW_SEED_POLICY", "elastic"]
      ])
    )
    const seeds = Effect.runSync(Effect.withConfigProvider(ask(SeedPolicy.fromConfig, request()), provider))
    expect(seeds).toEqual(Effect.runSync(ask(elastic({ seed: 42 }), request())))
  })

  test("an unknown policy is refused by its name, with the choices", () => {
    const message = refused([["FURROW_SEED_POLICY", "additive"]])
    expect(message).toContain("FURROW_SEED_POLICY")
    expect(message).toContain(`FURROW_SEED_POLICY: "'additive' is no seed policy; choose epochWorker or elastic`)
    expect(refused([["FURROW_SEED_POLICY", "toString"]])).toContain(`"'toString' is no seed policy`)
  })

  test("a seed that is none is refused by its value", () => {
    const message = refused([["FURROW_SEED", "-3"]])
    expect(message).toContain("FURROW_SEED")
    expect(message).toContain(`FURROW_SEED: "'-3' cannot seed a run: a number must be whole and at least 0`)
    expect(refused([["FURROW_SEED", ""]])).toContain("it is empty")
  })

  test("names are those that byName takes", () => {
    const root = Either.getOrThrow(Seed.root(1))
    expect(SeedPolicy.names).toEqual(["epochWorker", "elastic"])
    expect(SeedPolicy.names.map((name) => Either.getOrThrow(SeedPolicy.byName(name, root)).name)).toEqual([
      ...SeedPolicy.names
    ])
  })
})

describe("fromFunction", () => {
  const philox = (words: ReadonlyArray<number>): Seed.Seed => ({ algorithm: "philox4x32-10", words })

  test("asks the function for each row, with its coordinates", () => {
    const seen: Array<Coordinates> = []
    const layer = SeedPolicy.fromFunction("own", (at) => {
      seen.push(at)
      return philox([at.index, at.ordinal])
    })
    const own = request({ ordinal: 5, position: 20, batch: 4, indices: [9, 3] })
    expect(Effect.runSync(ask(layer, own))).toEqual({ _tag: "Listed", seeds: [philox([9, 5]), philox([3, 6])] })
    expect(seen).toEqual([0, 1].map((row) => coordinates(own, row)))
    expect(seen[1]).toEqual({ ...seen[1], index: 3, ordinal: 6, position: 21 } as Coordinates)
  })

  test("says what it is told of itself", () => {
    const layer = SeedPolicy.fromFunction("own", () => philox([1, 2]))
    expect(service(layer)).toMatchObject({ name: "own", seed: "its own", elastic: false })
    const told = SeedPolicy.fromFunction("own", () => philox([1, 2]), { seed: "42", elastic: true })
    expect(service(told)).toMatchObject({ name: "own", seed: "42", elastic: true })
  })

  test("what the function throws is a typed error with the place", () => {
    const layer = SeedPolicy.fromFunction("own", ({ index }) => {
      if (index === 3) throw new RangeError("no seed for three")
      return philox([index, 0])
    })
    const error = misfit(layer, { indices: [1, 2, 3] })
    expect(error).toMatchObject({
      policy: "own",
      seed: "its own",
      reason: "no seed for three",
      coordinates: { index: 3 }
    })
    const text = SeedPolicy.fromFunction("own", () => {
      throw "a text"
    })
    expect(misfit(text, {}).reason).toBe("a text")
  })

  test.each<[unknown, string]>([
    [{ algorithm: "", words: [] }, "algorithm"],
    [philox([1, 2 ** 32]), "words"],
    [philox([1, -1]), "words"],
    [philox([1, 0.5]), "words"],
    [{ algorithm: "philox4x32-10" }, "words"],
    [undefined, "undefined is no seed, which is { algorithm, words }"],
    [5, "5 is no seed, which is { algorithm, words } with whole words from 0 to 4294967295"],
    [philox([1]), "two for the key, or six"],
    [{ algorithm: "xoshiro128**", words: [0, 0, 0, 0] }, "four, not all 0"],
    [{ algorithm: "no such", words: [1] }, "the seed's algorithm must be one that is registered"]
  ])("a seed that starts no generator is a typed error, case %#", (value, reason) => {
    // What code without types may give.
    const error = misfit(
      SeedPolicy.fromFunction("own", () => value as Seed.Seed),
      { indices: [8] }
    )
    expect(error.reason).toContain(reason)
    expect(error.coordinates.index).toBe(8)
  })
})

describe("seedAt", () => {
  test("reads packed seeds by their width", () => {
    const seeds = { _tag: "Packed", algorithm: "a", width: 2, words: Uint32Array.of(1, 2, 3, 4) } as const
    expect([seedAt(seeds, 0), seedAt(seeds, 1)]).toEqual([
      { algorithm: "a", words: [1, 2] },
      { algorithm: "a", words: [3, 4] }
    ])
  })

  test("a row that is not there is refused", () => {
    const listed = { _tag: "Listed", seeds: [{ algorithm: "a", words: [1] }] } as const
    expect(() => seedAt(listed, 1)).toThrow("row must be a row of the 1 seeds that the policy gave, got 1")
    const packed = { _tag: "Packed", algorithm: "a", width: 4, words: Uint32Array.of(1, 2, 3, 4) } as const
    expect(() => seedAt(packed, 1)).toThrow("row must be a row of the 1 seeds that the policy gave, got 1")
  })
})

describe("stream", () => {
  const word = <E>(layer: Policy<E>, name: string, epoch?: number) =>
    SeedPolicy.stream(name, epoch).pipe(
      Effect.map((rng) => rng.word()),
      Effect.provide(layer),
      Effect.runSync
    )

  test("stands at the place of its name and epoch", () => {
    const own = request({ scope: "epoch", stage: stageId("weights"), epoch: 2, workers: 1 })
    const [words = [0, 0, 0, 0]] = states(elastic({ seed: 42 }), own)
    const expected = Rng.make({ algorithm: "xoshiro128**", words }).word()
    expect(word(elastic({ seed: 42 }), "weights", 2)).toBe(expected)
    expect(word(epochWorker({ seed: 42 }), "weights", 2)).toBe(expected)
    expect(word(elastic({ seed: 42 }), "weights")).not.toBe(expected)
    expect(word(elastic({ seed: 42 }), "bias", 2)).not.toBe(expected)
    expect(word(elastic({ seed: 42 }), "weights")).toBe(word(elastic({ seed: 42 }), "weights", 0))
  })
})
