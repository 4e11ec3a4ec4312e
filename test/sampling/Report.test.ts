import { describe, expect, test } from "bun:test"
import { Effect } from "effect"
import { Dataset, Format, furrow, Pipeline, Sampler, type SeedPolicy } from "../../src/index.ts"
import { headerOf, npyOf } from "../support/npy.ts"
import { at } from "../support/rng.ts"
import { memoryStore } from "../support/shards/MemoryStore.ts"

const ROWS = 4000
const BYTES = 8 * ROWS
const BLOCK = 320

/** Arrays of float64, in blocks of 40 rows. */
const shards = () => {
  const objects: Record<string, Uint8Array> = {}
  for (let shard = 0; shard < 4; shard++) {
    const rows = Float64Array.from({ length: ROWS / 4 }, (_, row) => (shard * ROWS) / 4 + row)
    objects[`d/${shard}.npy`] = npyOf(headerOf("<f8", [ROWS / 4]), new Uint8Array(rows.buffer))
  }
  return memoryStore(objects)
}

const open = (store: ReturnType<typeof shards>, cacheBytes: number) =>
  Effect.runPromise(
    Dataset.open("d/", { format: Format.npy({ blockBytes: BLOCK }), index: false, cacheBytes }).pipe(
      Effect.provide(store.layer)
    )
  )

/** The sampler, and the orders that it has given: runs and reports have the same one. */
const remembered = (sampler: Sampler.Sampler<SeedPolicy.SeedPolicy>) => {
  let order: Sampler.Order | undefined
  return {
    ...sampler,
    draws: true,
    order: (...given: Parameters<typeof sampler.order>) => {
      order ??= sampler.order(...given)
      return order
    }
  } satisfies Sampler.Sampler<SeedPolicy.SeedPolicy>
}

describe("a report on an order", () => {
  test.each([
    ["in sequence", Sampler.sequential, 2000, 1, 1],
    ["by blocks, with room for a window", Sampler.shuffleBlocks({ window: 4, lanes: 4 }), 2 ** 14, 1, 1],
    ["by blocks, with room for a window, on ranks", Sampler.shuffleBlocks({ window: 4, lanes: 4 }), 2 ** 14, 4, 1.1],
    ["by blocks, with less room than a window takes", Sampler.shuffleBlocks({ window: 16 }), 6000, 1, 20],
    ["shuffled, with room for some blocks", Sampler.shuffle, 6000, 1, 40]
  ] as const)("says what a run reads: %s", async (_, sampler, cacheBytes, world, most) => {
    const own = remembered(sampler)
    let read = 0
    for (let rank = 0; rank < world; rank++) {
      const store = shards()
      const dataset = await open(store, cacheBytes)
      store.read.clear()
      const pipeline = Pipeline.from(dataset).pipe(Pipeline.sample(own), Pipeline.batch(80))
      const options = { seed: 3, epochs: 1, rank, world, prefetch: 1, policy: "elastic", replay: true } as const
      for await (const _ of furrow(pipeline, options));
      read += Array.from(store.read.values()).reduce((sum, bytes) => sum + bytes, 0)
    }
    const found = Sampler.report(own, await open(shards(), cacheBytes), { batchSize: 80, world, cacheBytes })
    expect(found.positions).toBe(ROWS)
    const reads = found.reads ?? 0
    expect(reads).toBeLessThanOrEqual(most)
    // Which block of a batch is read first is up to the runtime.
    expect(Math.abs(reads / (read / BYTES) - 1)).toBeLessThan(0.01)
  })

  test("says what must be kept: with that many bytes each block is read once", async () => {
    const sampler = Sampler.shuffleBlocks({ window: 8 })
    const dataset = await open(shards(), 0)
    const all = Sampler.report(sampler, dataset, { batchSize: 40 })
    expect(all.rows).toBe(all.bytes === undefined ? -1 : all.bytes / 8)
    // Eight blocks of a window, and those that a batch across two windows begins.
    expect(all.rows).toBeGreaterThanOrEqual(8 * 40)
    expect(all.rows).toBeLessThanOrEqual(16 * 40)
    const again = (cacheBytes: number) => Sampler.report(sampler, dataset, { batchSize: 40, cacheBytes }).reads ?? 0
    expect(again(all.bytes ?? 0)).toBe(1)
    expect(again((all.bytes ?? 0) / 4)).toBeGreaterThan(2)
  })

  test("counts with the cacheBytes that the dataset was opened with, unless it is given others", async () => {
    const sampler = Sampler.shuffleBlocks({ window: 16 })
    const dataset = await open(shards(), 2000)
    expect(Sampler.report(sampler, dataset).reads).toBeGreaterThan(2)
    expect(Sampler.report(sampler, dataset, { cacheBytes: 2 ** 20 }).reads).toBe(1)
    expect(Sampler.report(sampler, await open(shards(), 2 ** 20)).reads).toBe(1)
  })

  test("says how well samples are mixed", () => {
    const dataset = Dataset.range(10_000)
    const sequence = Sampler.report(Sampler.sequential, dataset)
    expect(sequence).toEqual({
      positions: 10_000,
      distance: 0,
      neighbors: 1,
      reads: undefined,
      rows: undefined,
      bytes: undefined
    })
    const shuffled = Sampler.report(Sampler.shuffle, dataset)
    expect(Math.abs(shuffled.distance - 1 / 3)).toBeLessThan(0.02)
    expect(shuffled.neighbors).toBeLessThan(0.001)
    // Rows of one block at a time are neighbours far more often, and blocks still come from anywhere.
    const blocks = Sampler.report(Sampler.shuffleBlocks({ window: 1, rows: 20 }), dataset)
    expect(Math.abs(blocks.distance - 1 / 3)).toBeLessThan(0.05)
    expect(blocks.neighbors).toBeGreaterThan(0.05)
    expect(blocks.neighbors).toBeLessThan(0.15)
    // Another epoch is in another order, and as well mixed.
    const other = Sampler.report(Sampler.shuffle, dataset, { rng: at(5) })
    expect(other.distance).not.toBe(shuffled.distance)
    expect(Math.abs(other.distance - 1 / 3)).toBeLessThan(0.02)
  })

  test("of the beginning of an order counts what is read for that alone; of nothing there is nothing to say", async () => {
    const dataset = await open(shards(), 2 ** 20)
    const start = Sampler.report(Sampler.sequential, dataset, { positions: 100, batchSize: 50 })
    expect(start.positions).toBe(100)
    expect(start.reads).toBeCloseTo(1, 9)
    const none = Sampler.report(Sampler.shuffleBlocks(), Dataset.range(0))
    expect(none).toMatchObject({ positions: 0, distance: 0, neighbors: 0 })
  })

  test("throws for ranks and batches that lanes cannot be dealt to", () => {
    const lanes = Sampler.shuffleBlocks({ lanes: 4 })
    const dataset = Dataset.range(100)
    expect(() => Sampler.report(lanes, dataset, { world: 3 })).toThrow("a divisor of the 4 lanes")
    expect(() => Sampler.report(lanes, dataset, { batchSize: 6 })).toThrow("a multiple of 4")
    expect(() => Sampler.report(Sampler.shuffle, dataset, { batchSize: 5, world: 2 })).toThrow("a multiple of 2")
    expect(() => Sampler.report(Sampler.shuffle, dataset, { positions: 0 })).toThrow("positions")
  })
})
