/**
 * Streams whose places lie next to each other: samples, workers, epochs, ranks, stages and seeds that differ by one are
 * the ones of which a careless derivation makes relatives. Laid side by side their first draws must look like one good
 * generator's. Seeds are fixed, so the outcomes are too; the bounds are four to five deviations of chance.
 */
import { describe, expect, test } from "bun:test"
import { Effect, Either, type Layer } from "effect"
import type { InvalidOption } from "../../src/core/InvalidOption.ts"
import { block } from "../../src/random/generators/Philox.ts"
import { Xoshiro128 } from "../../src/random/generators/Xoshiro128.ts"
import type { SeedError } from "../../src/random/Seed.ts"
import * as Seed from "../../src/random/Seed.ts"
import { type StageId, stageId } from "../../src/seeding/Coordinates.ts"
import * as SeedPolicy from "../../src/seeding/SeedPolicy.ts"
import { chiSquare, counts, deviation, tally } from "../support/statistics.ts"

const STREAMS = 16_384
/** How many of a stream's first words are looked at. */
const DRAWS = 4

type Words = ReadonlyArray<Uint32Array>

/** `DRAWS` rows of words: the first words of all streams, their second words, … */
const first = (seeds: (row: number) => readonly [Uint32Array, number]): Words => {
  const rows = Array.from({ length: DRAWS }, () => new Uint32Array(STREAMS))
  const rng = new Xoshiro128()
  for (let stream = 0; stream < STREAMS; stream++) {
    const [words, at] = seeds(stream)
    rng.reseed(words, at)
    for (const row of rows) row[stream] = rng.word()
  }
  return rows
}

const base: SeedPolicy.Request = {
  scope: "sample",
  stage: stageId("crop"),
  epoch: 0,
  rank: 0,
  world: 1,
  worker: 0,
  workers: 4096,
  batch: 0,
  ordinal: 0,
  position: 0,
  indices: [0],
  distinct: true
}

const asked = (layer: Layer.Layer<SeedPolicy.SeedPolicy, SeedError | InvalidOption>) => {
  const policy = Effect.runSync(Effect.provide(SeedPolicy.SeedPolicy, layer))
  return (own: Partial<SeedPolicy.Request>): Uint32Array => {
    const seeds = Either.getOrThrow(policy.seeds({ ...base, ...own }))
    if (seeds._tag !== "Packed") throw new Error("these policies pack")
    return seeds.words
  }
}

/** One request for all streams. */
const rows = (
  layer: Layer.Layer<SeedPolicy.SeedPolicy, SeedError | InvalidOption>,
  own: Partial<SeedPolicy.Request> = {}
): Words => {
  const indices = Float64Array.from({ length: STREAMS }, (_, index) => index)
  const words = asked(layer)({ indices, ...own })
  return first((row) => [words, 4 * row])
}

/** A request a stream. */
const each = (
  layer: Layer.Layer<SeedPolicy.SeedPolicy, SeedError | InvalidOption>,
  own: (row: number) => Partial<SeedPolicy.Request>
): Words => {
  const ask = asked(layer)
  return first((row) => [ask(own(row)), 0])
}

const { elastic, epochWorker } = SeedPolicy

/** The start state of one place of a run, without a layer a run. */
const started = (policy: "epochWorker" | "elastic", seed: number, request: SeedPolicy.Request): Uint32Array => {
  const service = Either.getOrThrow(SeedPolicy.byName(policy, Either.getOrThrow(Seed.root(seed))))
  const seeds = Either.getOrThrow(service.seeds(request))
  if (seeds._tag !== "Packed") throw new Error("these policies pack")
  return seeds.words
}

const stage = (id: number): StageId => ({ name: String(id), id })

const neighbours: Readonly<Record<string, () => Words>> = {
  "samples of one worker": () => rows(epochWorker({ seed: 42 })),
  "samples far on in an epoch": () => rows(epochWorker({ seed: 42 }), { ordinal: 2 ** 32 - STREAMS / 2 }),
  "samples by index": () => rows(elastic({ seed: 42 })),
  "samples by position": () => rows(elastic({ seed: 42 }), { distinct: false }),
  epochs: () => each(epochWorker({ seed: 0 }), (epoch) => ({ epoch })),
  "epochs, elastic": () => each(elastic({ seed: 0 }), (epoch) => ({ epoch })),
  "orders of epochs": () => each(elastic({ seed: 0 }), (epoch) => ({ scope: "epoch", epoch })),
  "workers and epochs": () =>
    each(epochWorker({ seed: 1 }), (row) => ({ worker: row % 64, epoch: Math.floor(row / 64) })),
  workers: () => each(epochWorker({ seed: 1 }), (row) => ({ worker: row % 4096, ordinal: Math.floor(row / 4096) })),
  ranks: () => each(epochWorker({ seed: 1 }), (rank) => ({ rank })),
  "batches and ranks, elastic": () =>
    each(elastic({ seed: 1 }), (row) => ({ scope: "batch", rank: row % 64, batch: Math.floor(row / 64) })),
  "stages whose ids are next to each other": () => each(elastic({ seed: 1 }), (id) => ({ stage: stage(id) })),
  "stages whose ids are next to each other, of one worker": () =>
    each(epochWorker({ seed: 1 }), (id) => ({ stage: stage(id) })),
  "runs 42, 43, …": () => first((run) => [started("epochWorker", 42 + run, base), 0]),
  "runs 42, 43, …, elastic": () => first((run) => [started("elastic", 42 + run, base), 0]),
  "runs whose seeds are next to each other": () => {
    const words = new Uint32Array(4)
    // What the policies do, without a layer a seed: sample 0 of a stage under each key.
    return first((seed) => {
      block(0, 0x20000000, 0, base.stage.id, seed, 0, words, 0)
      return [words, 0]
    })
  },
  "forks by names next to each other": () => {
    const parent = new Xoshiro128().reseed(Uint32Array.of(1, 2, 3, 4), 0)
    return first((row) => [Uint32Array.from(parent.fork(`mask ${row}`).seed.words), 0])
  },
  "forks of streams next to each other": () => {
    const parent = new Xoshiro128()
    return first((row) => [Uint32Array.from(parent.reseed(Uint32Array.of(row, 0, 0, 1), 0).fork("mask").seed.words), 0])
  }
}

describe.each(Object.keys(neighbours))("%s", (name) => {
  const draws = neighbours[name]?.() ?? []

  test("bytes of even odds, in each place of each draw", () => {
    expect(draws).toHaveLength(DRAWS)
    for (const words of draws) {
      for (const shift of [0, 8, 16, 24]) {
        const found = counts(256)
        for (const word of words) tally(found, (word >>> shift) & 0xff)
        expect(Math.abs(deviation(chiSquare(found), 255))).toBeLessThan(4.5)
      }
    }
  })

  test("no tie between a stream's draw and its neighbour's: pairs of nibbles, 1, 2, 64 and 256 streams apart", () => {
    for (const words of draws) {
      for (const apart of [1, 2, 64, 256]) {
        for (const shift of [0, 28]) {
          const found = counts(256)
          for (let stream = 0; stream + apart < STREAMS; stream++) {
            const [one, two] = [words[stream] as number, words[stream + apart] as number]
            tally(found, (((one >>> shift) & 15) << 4) | ((two >>> shift) & 15))
          }
          // Each word stands in two pairs, which moves the statistic by little against this bound.
          expect(Math.abs(deviation(chiSquare(found), 255))).toBeLessThan(4.5)
        }
      }
    }
  })

  test("no correlation of neighbours, as numbers and as bits", () => {
    for (const words of draws) {
      for (const apart of [1, 2, 64, 256]) {
        const pairs = STREAMS - apart
        let product = 0
        let differing = 0
        for (let stream = 0; stream < pairs; stream++) {
          const [one, two] = [words[stream] as number, words[stream + apart] as number]
          product += (one / 2 ** 32 - 0.5) * (two / 2 ** 32 - 0.5)
          differing += ones(one ^ two)
        }
        expect(Math.abs((product * 12) / Math.sqrt(pairs))).toBeLessThan(4.5)
        expect(Math.abs(differing - 16 * pairs) / Math.sqrt(8 * pairs)).toBeLessThan(4.5)
      }
    }
  })

  test("no correlation of a stream's own draws", () => {
    for (let one = 0; one < DRAWS; one++) {
      for (let two = one + 1; two < DRAWS; two++) {
        let product = 0
        for (let stream = 0; stream < STREAMS; stream++) {
          // There are `DRAWS` rows of `STREAMS` words.
          const [a, b] = [draws[one]?.[stream] as number, draws[two]?.[stream] as number]
          product += (a / 2 ** 32 - 0.5) * (b / 2 ** 32 - 0.5)
        }
        expect(Math.abs((product * 12) / Math.sqrt(STREAMS))).toBeLessThan(4.5)
      }
    }
  })

  test("no more equal words than birthdays allow", () => {
    const all = new Set(draws.flatMap((words) => Array.from(words)))
    // Of 65,536 words of 32 bits half a pair is equal on average.
    expect(STREAMS * DRAWS - all.size).toBeLessThan(6)
  })
})

/** How many bits of a word are set. */
const ones = (word: number): number => {
  let rest = word - ((word >>> 1) & 0x55555555)
  rest = (rest & 0x33333333) + ((rest >>> 2) & 0x33333333)
  return Math.imul((rest + (rest >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}

/** A long look at two streams where the tests above take a short look at many: how far two may lie apart is `LAGS`. */
const LENGTH = 65_536
const LAGS = 64

describe.each(["epochWorker", "elastic"] as const)("two long streams under %s", (policy) => {
  const place = (own: Partial<SeedPolicy.Request>, seed = 42) => started(policy, seed, { ...base, ...own })
  const long = (states: Uint32Array): Float64Array => {
    const rng = new Xoshiro128().reseed(states, 0)
    return Float64Array.from({ length: LENGTH + LAGS }, () => rng.word())
  }
  const one = long(place({}))
  const others: ReadonlyArray<readonly [string, Uint32Array]> = [
    ["next epoch", place({ epoch: 1 })],
    ["next sample", place({ ordinal: 1, position: 1, indices: [1] })],
    ["next stage", place({ stage: stage(base.stage.id + 1) })],
    ["next run", place({}, 43)],
    // The same place under a seed that is run + epoch.
    ["next epoch of the run before", place({ epoch: 1 }, 41)],
    // An elastic sample has no worker and no rank, so there its batch's neighbours stand in.
    ...(policy === "elastic"
      ? ([
          ["a batch", place({ scope: "batch" })],
          ["next batch", place({ scope: "batch", batch: 1 })],
          ["a batch of the next rank", place({ scope: "batch", rank: 1 })]
        ] as const)
      : ([
          ["next worker", place({ worker: 1 })],
          ["next rank", place({ rank: 1 })]
        ] as const))
  ]

  test.each(others)(
    "no correlation with the %s at up to 64 words' shift, and differences of even odds",
    (_, states) => {
      const two = long(states)
      for (let lag = -LAGS; lag <= LAGS; lag++) {
        const [ahead, behind] = lag < 0 ? [one, two] : [two, one]
        let product = 0
        for (let draw = 0; draw < LENGTH; draw++) {
          // Both have `LENGTH + LAGS` words.
          const [a, b] = [ahead[draw + Math.abs(lag)] as number, behind[draw] as number]
          product += (a / 2 ** 32 - 0.5) * (b / 2 ** 32 - 0.5)
        }
        expect(Math.abs((product * 12) / Math.sqrt(LENGTH))).toBeLessThan(4.5)
      }
      for (const shift of [0, 8, 16, 24]) {
        const found = counts(256)
        for (let draw = 0; draw < LENGTH; draw++) {
          tally(found, (((one[draw] as number) ^ (two[draw] as number)) >>> shift) & 0xff)
        }
        expect(Math.abs(deviation(chiSquare(found), 255))).toBeLessThan(4.5)
      }
    }
  )
})

test("these tests tell relatives: states that are counted up instead of mixed fail them", () => {
  const draws = first((row) => [Uint32Array.of(row, 42, 0, 1), 0])
  const found = counts(256)
  for (const word of draws[0] ?? []) tally(found, word >>> 24)
  expect(Math.abs(deviation(chiSquare(found), 255))).toBeGreaterThan(100)
})
