import { describe, expect, test } from "bun:test"
import { Effect, Logger } from "effect"
import type { BlockWindows } from "../../../src/sources/RandomAccess.ts"
import type { BlockSizes } from "../../../src/sources/shards/BlockCache.ts"
import { SlowOrder } from "../../../src/sources/shards/SlowOrder.ts"
import { blocksIn, fitting, WindowBytes } from "../../../src/sources/shards/WindowBytes.ts"
import { at } from "../../support/rng.ts"

const sizesOf = (bytes: ReadonlyArray<number>): BlockSizes => ({
  count: bytes.length,
  all: bytes.reduce((sum, own) => sum + own, 0),
  bytesOf: (block) => bytes[block] ?? 0
})

const windows = (window: number, blocks: number, own: Partial<BlockWindows> = {}): BlockWindows => ({
  sampler: "shuffleBlocks",
  window,
  lanes: 1,
  ownLanes: 1,
  blocks,
  share: 1,
  ...own
})

const MEGA = 1e6

/** An order that has just had so many blocks decoded again. */
const orderOf = (bytes: ReadonlyArray<number>, cacheBytes: number, again = 0) =>
  new SlowOrder("rows", cacheBytes, sizesOf(bytes), () => ({ decoded: again, again, bytes: 0, ahead: 0 }))

const warningsOf = async ({ warn }: SlowOrder): Promise<ReadonlyArray<string>> => {
  const warnings: Array<string> = []
  const logger = Logger.make(({ message }) => void warnings.push(String(message)))
  const all = Effect.zipRight(warn, warn)
  await Effect.runPromise(Effect.provide(all, Logger.replace(Logger.defaultLogger, logger)))
  return warnings
}

describe("windows of blocks", () => {
  test("that do not fit are warned of once, with the windows and the cacheBytes that do", async () => {
    const order = orderOf([100 * MEGA, 100 * MEGA, 100 * MEGA], 2 ** 28, 100)
    const [warning = "", ...others] = order.readInWindows(windows(8, 3))
    expect(others).toEqual([])
    expect(warning).toContain("sampler shuffleBlocks (window: 8) has 3 blocks of dataset rows in use at once")
    expect(warning).toContain("about 300 MB decoded, which do not fit into cacheBytes, now 268435456")
    expect(warning).toContain("Use window: 2, cacheBytes: 2 ** 29, or shards of smaller blocks (pipelines/prepare.ts")
    expect(order.readInWindows(windows(8, 3))).toEqual([])
    expect(await warningsOf(order)).toEqual([])
  })

  test("that fit are not warned of: all blocks, one block, and few of many", () => {
    const ten = Array.from({ length: 10 }, () => 10)
    expect(orderOf(ten, 100).readInWindows(windows(16, 10))).toEqual([])
    expect(orderOf(ten, 0).readInWindows(windows(1, 10))).toEqual([])
    expect(orderOf(ten, 40).readInWindows(windows(4, 10))).toEqual([])
    expect(orderOf(ten, 40).readInWindows(undefined)).toEqual([])
    // A view of four of the blocks, and a dataset that has two fifths of those that were joined.
    expect(orderOf(ten, 40).readInWindows(windows(8, 4))).toEqual([])
    expect(orderOf(ten, 40).readInWindows(windows(8, 10, { share: 0.4 }))).toEqual([])
  })

  test("are counted for each lane that the rank reads", () => {
    const ten = Array.from({ length: 10 }, () => 10)
    expect(orderOf(ten, 40).readInWindows(windows(2, 10, { lanes: 4, ownLanes: 2 }))).toEqual([])
    const [all = ""] = orderOf(ten, 40).readInWindows(windows(2, 10, { lanes: 4, ownLanes: 4 }))
    expect(all).toContain("(window: 2, lanes: 4) has 8 blocks")
    expect(all).toContain("Use window: 1, cacheBytes: 2 ** 7, or")
    const [part = ""] = orderOf(ten, 40).readInWindows(windows(1, 10, { lanes: 16, ownLanes: 8 }))
    expect(part).toContain("(window: 1, lanes: 16, of which this rank reads 8) has 8 blocks")
    expect(part).toContain("Use fewer lanes, cacheBytes: 2 ** 7, or")
  })

  test("that were expected to fit, and do not, are told of later, with what would be smaller and larger", async () => {
    const order = orderOf([10, 10, 10, 10], 40, 100)
    expect(order.readInWindows(windows(4, 4))).toEqual([])
    const warnings = await warningsOf(order)
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain("100 of 100 blocks of dataset rows were decoded although they had been before")
    expect(warnings[0]).toContain(
      "The windows of sampler shuffleBlocks (window: 4) take more, once decoded, than is kept"
    )
    expect(warnings[0]).toContain(
      "a smaller window, such as 2, larger cacheBytes, such as 2 ** 7, now 40, or shards of"
    )
    expect(warnings[0]).not.toContain("Use Sampler.shuffleBlocks")
    // The next run has another sampler.
    const other = orderOf([10, 10, 10, 10], 40, 100)
    other.readInWindows(windows(4, 4))
    other.readInWindows(undefined)
    expect((await warningsOf(other))[0]).toContain("Use Sampler.shuffleBlocks, or raise cacheBytes, now 40")
  })

  test("of blocks that differ in size, few take more than was said", () => {
    const rng = at(5)
    const bytes = Array.from({ length: 400 }, (_, block) => (block % 9 === 0 ? 900 : 20 + (block % 50)))
    const sizes = new WindowBytes(sizesOf(bytes))
    let more = 0
    for (let round = 0; round < 500; round++) {
      const window = Array.from({ length: 16 }, () => bytes[rng.integer(bytes.length)] ?? 0)
      if (window.reduce((sum, own) => sum + own, 0) > sizes.ofBlocks(16)) more++
    }
    expect(more).toBeLessThan(25)
    expect(sizes.ofBlocks(1)).toBeLessThanOrEqual(900)
    expect(sizes.ofBlocks(400)).toBe(bytes.reduce((sum, own) => sum + own, 0))
    const own = windows(16, 400)
    const fits = fitting(own, sizes, sizes.ofBlocks(7))
    expect(fits).toBe(7)
    expect(blocksIn({ ...own, window: fits })).toBe(7)
  })

  test("of which one is much larger than the others are said to take that one, too", () => {
    const sizes = new WindowBytes(sizesOf([8 * MEGA, ...Array.from({ length: 96 }, () => MEGA)]))
    expect(sizes.ofBlocks(4)).toBeGreaterThan(11 * MEGA)
    expect(fitting(windows(8, 97), sizes, 8.4 * MEGA)).toBe(1)
    expect(fitting(windows(9, 97), sizes, 2 ** 24)).toBe(8)
  })
})
