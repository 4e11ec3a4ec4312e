import { describe, expect, test } from "bun:test"
import { Effect } from "effect"
import * as fc from "fast-check"
import { furrow, Pipeline, Sampler } from "../../src/index.ts"
import * as Dataset from "../../src/sources/Dataset.ts"
import * as Format from "../../src/sources/formats/Formats.ts"
import { at } from "../support/rng.ts"
import { memoryStore } from "../support/shards/MemoryStore.ts"

/** Sizes of blocks: of any, or all equal but the last. */
const sizes = fc.oneof(
  fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 40 }),
  fc
    .record({ rows: fc.integer({ min: 1, max: 9 }), count: fc.nat(40), last: fc.integer({ min: 1, max: 9 }) })
    .map(({ count, last, rows }) => [...new Array<number>(count).fill(rows), Math.min(last, rows)])
)

const startsOf = (rows: ReadonlyArray<number>): Float64Array => {
  const starts = new Float64Array(rows.length + 1)
  for (const [block, own] of rows.entries()) starts[block + 1] = (starts[block] ?? 0) + own
  return starts
}

const blockOf = (starts: Float64Array, index: number): number => starts.findLastIndex((start) => start <= index)

interface Drawn {
  readonly rows: ReadonlyArray<number>
  readonly window: number
  readonly lanes: number
  readonly seed: number
}

const drawn: fc.Arbitrary<Drawn> = fc.record({
  rows: sizes,
  window: fc.integer({ min: 1, max: 6 }),
  lanes: fc.integer({ min: 1, max: 5 }),
  seed: fc.nat(1000)
})

const orderOf = ({ lanes, rows, seed, window }: Drawn) => {
  const starts = startsOf(rows)
  const size = starts.at(-1) ?? 0
  const sampler = Sampler.shuffleBlocks({ window, lanes })
  const order = sampler.order(size, at(seed), starts)
  return { starts, size, sampler, indices: Array.from({ length: size }, (_, position) => order(position)) }
}

describe("shuffleBlocks", () => {
  test("visits each index once, whatever the blocks", () => {
    fc.assert(
      fc.property(drawn, (own) => {
        const { indices, size } = orderOf(own)
        expect(indices.toSorted((a, b) => a - b)).toEqual(Array.from({ length: size }, (_, index) => index))
      })
    )
  })

  test("gives the same index at a position, whichever were asked before", () => {
    fc.assert(
      fc.property(drawn, fc.array(fc.nat(1000), { minLength: 1 }), (own, asked) => {
        const { indices, size, starts } = orderOf(own)
        const order = Sampler.shuffleBlocks({ window: own.window, lanes: own.lanes }).order(size, at(own.seed), starts)
        for (const position of asked.map((place) => place % size)) expect(order(position)).toBe(indices[position] ?? -1)
      })
    )
  })

  test("takes the rows of a lane window by window, and each block of it within one window", () => {
    fc.assert(
      fc.property(drawn, (own) => {
        const { indices, sampler, size, starts } = orderOf(own)
        let from = 0
        let cut = 0
        for (const length of sampler.lanes?.(size) ?? []) {
          // A window ends where blocks come that were not there before it, `window` of them at most.
          const lane = indices.slice(from, from + length).map((index) => blockOf(starts, index))
          from += length
          const distinct = Array.from(new Set(lane))
          cut += distinct.length
          const done = new Set<number>()
          for (let place = 0, left = [...distinct]; left.length > 0; ) {
            const now = new Set(left.splice(0, own.window))
            const rows = lane.filter((block) => now.has(block)).length
            for (const block of lane.slice(place, place + rows)) {
              expect(done.has(block)).toBe(false)
            }
            const seen = new Set(lane.slice(place, place + rows))
            expect(seen.size).toBeLessThanOrEqual(own.window)
            for (const block of seen) done.add(block)
            left = left.filter((block) => !seen.has(block))
            place += rows
          }
        }
        expect(from).toBe(size)
        // Lanes share a block only where they meet.
        expect(cut).toBeLessThanOrEqual(own.rows.length + own.lanes - 1)
      })
    )
  })

  test("expected draws", () => {
    const order = (blocks: Float64Array | undefined, size: number) => {
      const own = Sampler.shuffleBlocks({ window: 2, lanes: 2, rows: 3 }).order(size, at(42), blocks)
      return Array.from({ length: size }, (_, position) => own(position))
    }
    expect(order(undefined, 14)).toEqual([3, 6, 8, 5, 7, 4, 0, 1, 12, 2, 13, 10, 9, 11])
    expect(order(startsOf([1, 4, 2, 5]), 12)).toEqual([3, 0, 1, 2, 4, 7, 8, 9, 5, 11, 10, 6])
  })

  test("mixes rows within a window, and blocks over the epoch", () => {
    const order = Sampler.shuffleBlocks({ window: 4, rows: 100 }).order(10_000, at(1))
    const indices = Array.from({ length: 10_000 }, (_, position) => order(position))
    let neighbors = 0
    for (let place = 1; place < indices.length; place++) {
      if (indices[place] === (indices[place - 1] ?? 0) + 1) neighbors++
    }
    // Of 400 rows in a window, one in 400 follows its neighbour.
    expect(neighbors).toBeLessThan(100)
    expect(new Set(indices.slice(0, 400).map((index) => Math.floor(index / 100))).size).toBe(4)
  })
})

const shard = (from: number, rows: number): string =>
  Array.from(
    { length: rows },
    (_, row) =>
      `${String(from + row)
        .padStart(7, "0")
        .replace(/^0+(?=\d)/, (zeros) => " ".repeat(zeros.length))}\n`
  ).join("")

test("over all ranks each block is read once an epoch, for every world that divides the lanes", async () => {
  const objects: Record<string, string> = {}
  for (let own = 0; own < 16; own++) objects[`d/${String(own).padStart(2, "0")}`] = shard(own * 400, 400)
  const digests: Array<string> = []
  for (const world of [1, 2, 8]) {
    let bytes = 0
    const rows: Array<Array<number>> = []
    for (let rank = 0; rank < world; rank++) {
      const store = memoryStore(objects)
      const dataset = await Effect.runPromise(
        Dataset.open("d/", { format: Format.jsonl<number>({ blockBytes: 320 }), index: false }).pipe(
          Effect.provide(store.layer)
        )
      )
      expect((dataset.blocks?.length ?? 0) - 1).toBe(160)
      const pipeline = Pipeline.from(dataset).pipe(
        Pipeline.sample(Sampler.shuffleBlocks({ window: 4, lanes: 8 })),
        Pipeline.batch(64)
      )
      store.read.clear()
      let batch = 0
      for await (const own of furrow(pipeline, { seed: 3, epochs: 1, rank, world, workers: 3, policy: "elastic" })) {
        const global = rows[batch] ?? []
        global.push(...Array.from(own.columns.data))
        rows[batch++] = global
      }
      bytes += Array.from(store.read.values()).reduce((sum, own) => sum + own, 0)
    }
    const delivered = rows.flat()
    expect(delivered.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 6400 }, (_, index) => index))
    expect(bytes / (6400 * 8)).toBeLessThanOrEqual(1.1)
    digests.push(JSON.stringify(rows))
  }
  // The same batches, whatever the world.
  expect(new Set(digests).size).toBe(1)
})
