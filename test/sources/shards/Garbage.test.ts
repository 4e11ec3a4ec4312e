/** Garbage that rows become is collected after so many bytes of rows, whoever reads them. */
import { describe, expect, test } from "bun:test"
import { Effect } from "effect"
import { runtime } from "../../../src/core/runtime.ts"
import { furrow, Pipeline, Sampler } from "../../../src/index.ts"
import * as Dataset from "../../../src/sources/Dataset.ts"
import * as Format from "../../../src/sources/formats/Formats.ts"
import { Garbage } from "../../../src/sources/shards/Garbage.ts"
import { memoryStore } from "../../support/shards/MemoryStore.ts"

const MB = 2 ** 20

/**
 * After how many MB of rows each collection comes, of `total` that are given one MB at a time, in a process that grows by
 * `growth(given)` MB.
 */
const collections = (
  total: number,
  kept: (given: number) => number,
  growth: (given: number) => number = () => 1000
): ReadonlyArray<number> => {
  const found: Array<number> = []
  let given = 0
  const garbage = new Garbage(() => kept(given) * MB, {
    collect: () => found.push(given),
    resident: () => (100 + (given === 0 ? 0 : growth(given))) * MB
  })
  garbage.begin()
  for (given = 1; given <= total; given++) garbage.given(MB)
  return found
}

describe("Garbage", () => {
  test("is collected after each 3 MiB of rows", () => {
    expect(collections(13, () => 0)).toEqual([3, 6, 9, 12])
    expect(collections(13, () => 21)).toEqual([3, 6, 9, 12])
  })

  test("and after a seventh of what is kept, if that is more", () => {
    expect(collections(50, () => 140)).toEqual([20, 40])
    // Blocks that have gone count no more.
    expect(collections(67, (given) => (given < 50 ? 140 : 0))).toEqual([20, 40, 60, 63, 66])
  })

  test("but not before the process has grown since the run began: by 24 MiB beyond what is kept, and by 40 MiB in any case", () => {
    expect(
      collections(
        30,
        () => 0,
        (given) => 2 * given
      )
    ).toEqual([21, 24, 27, 30])
    expect(
      collections(
        30,
        () => 0,
        () => 39
      )
    ).toEqual([])
    for (const [kept, least] of [
      [0, 40],
      [16, 40],
      [20, 44],
      [100, 124]
    ] as const) {
      const all = (grown: number) =>
        collections(
          45,
          () => kept,
          () => grown
        )
      expect(all(least - 1)).toEqual([])
      expect(all(least).length).toBeGreaterThan(2)
    }
  })

  test("needs a runtime that offers it", () => {
    const garbage = new Garbage(() => 0, undefined)
    expect(() => garbage.given(100 * MB)).not.toThrow()
  })
})

/** Rows of a quarter of a MB each, two to a block. */
const LINES = 80
const lines = Array.from({ length: LINES }, (_, id) => JSON.stringify({ id, text: "x".repeat(2 ** 18) })).join("\n")

/** How often a collection is asked for while `run` runs in a process that grows and grows, where the runtime offers that. */
const asked = async (run: () => Promise<unknown>): Promise<number> => {
  const engine = globalThis as { Bun?: { gc: (now: boolean) => unknown } } // on Bun it is there
  const { Bun: bun } = engine
  if (bun === undefined) {
    await run()
    return 0
  }
  const { gc } = bun
  const { rss } = process.memoryUsage
  let times = 0
  let bytes = 0
  bun.gc = () => times++
  process.memoryUsage.rss = () => {
    bytes += 2 ** 30
    return bytes
  }
  try {
    await run()
  } finally {
    bun.gc = gc
    process.memoryUsage.rss = rss
  }
  return times
}

describe("A dataset of shards", () => {
  const opened = (cacheBytes: number) =>
    Effect.runPromise(
      Effect.provide(
        Dataset.open("a.jsonl", {
          format: Format.jsonl<{ readonly id: number }>({ blockBytes: 2 ** 19 + 100 }),
          index: false,
          cacheBytes
        }),
        memoryStore({ "a.jsonl": lines }).layer
      )
    )

  for (const cacheBytes of [2 ** 22, 2 ** 26]) {
    test(`has garbage collected for what a run reads, if ${cacheBytes} bytes are kept`, async () => {
      for (const [seed, sampler] of [Sampler.sequential, Sampler.shuffleBlocks({ window: 4 })].entries()) {
        const dataset = await opened(cacheBytes)
        const pipeline = Pipeline.from(dataset).pipe(
          Pipeline.sample(sampler),
          Pipeline.map("id", ({ id }) => ({ id })),
          Pipeline.batch(4)
        )
        const seen = new Set<number>()
        const times = await asked(async () => {
          await using run = furrow(pipeline, { seed, workers: 2, epochs: 1 })
          for await (const { columns } of run) for (const id of columns.id.data) seen.add(Number(id))
        })
        expect(seen.size).toBe(LINES)
        // 20 MB of rows.
        expect(times).toBe(runtime.name === "bun" ? 6 : 0)
      }
    })
  }
})
