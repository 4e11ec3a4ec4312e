/**
 * Whether a shuffle is fair: the orders of successive epochs, from the seeds that the policies give them, against what
 * independent and uniform orders would be. Seeds are fixed, so the outcomes are too. Every bound is 4.5 deviations of
 * chance (Wilson and Hilferty's for a chi-square): an outcome beyond it has odds of 7e-6 in fair orders, two-sided.
 */
import { describe, expect, test } from "bun:test"
import { Effect, Either } from "effect"
import * as Feistel from "../../src/random/permutation/Feistel.ts"
import * as Rng from "../../src/random/Rng.ts"
import * as Sampler from "../../src/sampling/Sampler.ts"
import { stageId } from "../../src/seeding/Coordinates.ts"
import { epochRequest, seedAt } from "../../src/seeding/Request.ts"
import * as SeedPolicy from "../../src/seeding/SeedPolicy.ts"
import { chiSquare, counts, deviation, tally } from "../support/statistics.ts"

const BOUND = 4.5

const { elastic, epochWorker } = SeedPolicy

const policy = (layer: ReturnType<typeof elastic>): SeedPolicy.Service =>
  Effect.runSync(Effect.provide(SeedPolicy.SeedPolicy, layer))

const policies = { epochWorker: policy(epochWorker({ seed: 42 })), elastic: policy(elastic({ seed: 43 })) }

/** The generator of an epoch's order, as the scheduler makes it. */
const started = (own: SeedPolicy.Service, epoch: number): Rng.Rng =>
  Rng.make(seedAt(Either.getOrThrow(own.seeds(epochRequest(stageId("sample"), epoch))), 0))

type Order = (position: number) => number

const shuffled =
  (own: SeedPolicy.Service) =>
  (size: number, epoch: number): Order =>
    Sampler.shuffle.order(size, started(own, epoch))

/** The same from a keyed network, which a shuffle is from 65,537 samples on, at sizes small enough to count. */
const network =
  (own: SeedPolicy.Service) =>
  (size: number, epoch: number): Order =>
    Feistel.network(size, started(own, epoch)).at

const off = (found: ReadonlyArray<number>, freedom: number, shares?: ReadonlyArray<number>): number =>
  Math.abs(deviation(chiSquare(found, shares), freedom))

const listed = (order: Order, size: number): Array<number> => Array.from({ length: size }, (_, place) => order(place))

/** An order's rank among all orders of its size (Lehmer's code). */
const rank = (items: ReadonlyArray<number>): number =>
  items.reduce((sum, item, place) => {
    const smaller = items.slice(place + 1).filter((later) => later < item).length
    return sum * (items.length - place) + smaller
  }, 0)

/** Shares of 0, 1, 2, … where `share` gives the first ones; the last is for all that are more. */
const ending = (share: (count: number) => number, cells: number): Array<number> => {
  const shares = Array.from({ length: cells - 1 }, (_, count) => share(count))
  return [...shares, 1 - shares.reduce((sum, each) => sum + each, 0)]
}

const FACTORIALS = [1, 1, 2, 6, 24, 120]

/**
 * The odds that a uniform order leaves `count` items at their places: 1 / (e · count!), as derangements of `m` items are
 * m! / e to a part in (m + 1)!, nothing at 50.
 */
const fixed = (count: number): number => 1 / (Math.E * (FACTORIALS[count] ?? Number.NaN))

/**
 * The odds that in a uniform order of `size` items `count` of them are followed by the one that followed before. There
 * are C(size − 1, count) · (D(size − count) + D(size − count − 1)) such orders, with D the derangements.
 */
const followed =
  (size: number) =>
  (count: number): number =>
    (fixed(count) * (size - count + 1)) / size

describe.each(["epochWorker", "elastic"] as const)("orders of successive epochs under %s", (name) => {
  const order = shuffled(policies[name])

  test.each([
    [2, 2, 20_000],
    [3, 6, 20_000],
    [4, 24, 20_000],
    [5, 120, 24_000],
    [6, 720, 36_000]
  ])("of %d samples: each of the %d orders with the same odds", (size, orders, epochs) => {
    const found = counts(orders)
    for (let epoch = 0; epoch < epochs; epoch++) tally(found, rank(listed(order(size, epoch), size)))
    expect(Math.min(...found)).toBeGreaterThan(0)
    expect(off(found, orders - 1)).toBeLessThan(BOUND)
  })

  test.each([
    [2, 10_000],
    [3, 12_000],
    [4, 48_000]
  ])("of %d samples: each pair of an epoch's order and the next one's with the same odds", (size, epochs) => {
    const orders = [1, 1, 2, 6, 24][size] as number
    const found = counts(orders * orders)
    let before = rank(listed(order(size, 0), size))
    // Pairs that share no epoch, so that they are independent.
    for (let epoch = 1; epoch < epochs; epoch++) {
      const now = rank(listed(order(size, epoch), size))
      if (epoch % 2 === 1) tally(found, before * orders + now)
      before = now
    }
    expect(off(found, orders * orders - 1)).toBeLessThan(BOUND)
  })
})

describe.each([
  ["a table", shuffled(policies.epochWorker), shuffled(policy(epochWorker({ seed: 41 })))],
  ["a network", network(policies.elastic), network(policy(elastic({ seed: 42 })))]
] as const)("orders of 50 samples over successive epochs, from %s", (_, order, earlier) => {
  const SIZE = 50
  const EPOCHS = 8000
  const epochs = Array.from({ length: EPOCHS }, (_, epoch) => listed(order(SIZE, epoch), SIZE))

  test("positions: each sample at each place with the same odds", () => {
    const found = counts(SIZE * SIZE)
    for (const items of epochs) items.forEach((item, place) => tally(found, place * SIZE + item))
    // Rows and columns have fixed sums, hence (n − 1)² freedoms; the statistic shrinks by (n − 1) / n of each.
    expect(Math.abs(deviation((chiSquare(found) * (SIZE - 1)) / SIZE, (SIZE - 1) ** 2))).toBeLessThan(BOUND)
  })

  test("pairs: each two samples at places 1, 2, 25 apart with the same odds", () => {
    const pairs = SIZE * (SIZE - 1)
    for (const apart of [1, 2, 25]) {
      const found = counts(pairs)
      // One pair an epoch, from a place that moves on: pairs of one epoch would not be independent.
      epochs.forEach((items, epoch) => {
        const place = epoch % (SIZE - apart)
        const [one, two] = [items[place] as number, items[place + apart] as number]
        tally(found, one * (SIZE - 1) + two - Number(two > one))
      })
      expect(off(found, pairs - 1)).toBeLessThan(BOUND)
    }
  })

  test("rising neighbours are as many as falling ones", () => {
    let rises = 0
    for (const items of epochs) {
      for (let place = 1; place < SIZE; place++)
        rises += Number((items[place] as number) > (items[place - 1] as number))
    }
    // Eulerian: mean (n − 1) / 2 and variance (n + 1) / 12 an order.
    expect(Math.abs(rises - (EPOCHS * (SIZE - 1)) / 2) / Math.sqrt((EPOCHS * (SIZE + 1)) / 12)).toBeLessThan(BOUND)
  })

  // Under a seed that is run + epoch, an epoch of the run before is this run's next.
  const before = Array.from({ length: EPOCHS }, (_, epoch) => listed(earlier(SIZE, epoch), SIZE))

  test.each([
    ["the next epoch", epochs, 1],
    ["two epochs on", epochs, 2],
    ["seven epochs on", epochs, 7],
    ["the next epoch of the run before", before, 1]
  ] as const)("no fixed structure from an epoch to %s: places kept, and neighbours kept", (_, others, apart) => {
    const kept = counts(6)
    const stayed = counts(6)
    for (let epoch = 0; epoch + apart < EPOCHS; epoch++) {
      const [one, two] = [epochs[epoch] as Array<number>, others[epoch + apart] as Array<number>]
      const places = counts(SIZE)
      two.forEach((item, place) => {
        places[item] = place
      })
      let same = 0
      let adjacent = 0
      for (let place = 0; place < SIZE; place++) {
        const own = places[one[place] as number] as number
        if (own === place) same++
        if (place + 1 < SIZE && places[one[place + 1] as number] === own + 1) adjacent++
      }
      tally(kept, Math.min(same, 5))
      tally(stayed, Math.min(adjacent, 5))
    }
    expect(off(kept, 5, ending(fixed, 6))).toBeLessThan(BOUND)
    expect(off(stayed, 5, ending(followed(SIZE), 6))).toBeLessThan(BOUND)
  })

  test("no fixed structure between epochs: where an item goes, from where it was", () => {
    const found = counts(100)
    for (let epoch = 1; epoch < EPOCHS; epoch += 2) {
      const [one, two] = [epochs[epoch - 1] as Array<number>, epochs[epoch] as Array<number>]
      // One item an epoch: its places in fifths … tenths of the order.
      const item = epoch % SIZE
      tally(found, Math.floor(one.indexOf(item) / 5) * 10 + Math.floor(two.indexOf(item) / 5))
    }
    expect(off(found, 99)).toBeLessThan(BOUND)
  })
})
