/** When the rows of a batch are taken from blocks that have to be loaded first. */
import { expect, test } from "bun:test"
import { Deferred, Effect, Fiber } from "effect"
import { ShardError } from "../../../src/sources/formats/Format.ts"
import * as BlockCache from "../../../src/sources/shards/BlockCache.ts"
import { type Asked, BadRows } from "../../../src/sources/shards/RowsByBlock.ts"
import * as TakeByBlock from "../../../src/sources/shards/TakeByBlock.ts"

/** Blocks of a row and 10 bytes each, of which `most` bytes are kept; `wait` returns what each is read after. */
const open = (
  most: number,
  wait: (block: number) => Effect.Effect<void, ShardError>
): {
  readonly cache: BlockCache.BlockCache<number, ShardError>
  readonly byBlock: TakeByBlock.TakeByBlock<number, never>
  readonly read: ReadonlyArray<number>
} => {
  const read: Array<number> = []
  const cache = BlockCache.make<number, ShardError>(most, { count: 8, all: 80, bytesOf: () => 10 }, (block) =>
    Effect.suspend(() => {
      read.push(block)
      return Effect.as(wait(block), { size: 1, bytes: 10, row: () => block })
    })
  )
  return { cache, byBlock: TakeByBlock.make<number, never>(cache, Effect.void), read }
}

const rowsOf = (...blocks: ReadonlyArray<number>): ReadonlyArray<Asked> =>
  blocks.map((block, place) => ({ block, places: [place] }))

const broken = new ShardError({ shard: "a", format: "lines", reason: "it is broken" })

/** Takes rows of blocks 0 and 1, of which block 1 is there only after a look at what has been taken: gives both. */
const around = (most: number): Promise<readonly [before: ReadonlyArray<number>, after: ReadonlyArray<number>]> =>
  Effect.gen(function* () {
    const gate = yield* Deferred.make<void>()
    const { byBlock } = open(most, (block) => (block === 1 ? Deferred.await(gate) : Effect.void))
    const taken: Array<number> = []
    const fiber = yield* Effect.fork(
      byBlock.loaded(rowsOf(0, 1), ({ number }) => void taken.push(number), new BadRows(false))
    )
    yield* Effect.sleep(1)
    const before = [...taken]
    yield* Deferred.succeed(gate, undefined)
    yield* Fiber.join(fiber)
    return [before, taken] as const
  }).pipe(Effect.runPromise)

test("rows are taken when all blocks of the batch are there, if these can be kept together", async () => {
  expect(await around(80)).toEqual([[], [0, 1]])
})

test("else as soon as their block is there", async () => {
  expect(await around(10)).toEqual([[0], [0, 1]])
})

test("rows are given to the run that asked for them, whoever reads meanwhile", async () => {
  for (const most of [10, 80]) {
    const run = Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const { cache } = open(most, (block) => (block === 1 ? Deferred.await(gate) : Effect.void))
      const [mine, other] = [new Map<number, number>(), new Map<number, number>()]
      const byBlock = TakeByBlock.make<number, never>(
        cache,
        Effect.sync(() => cache.turnTo(other))
      )
      const given: Array<BlockCache.RunRows | undefined> = []
      cache.turnTo(mine)
      const fiber = yield* Effect.fork(
        byBlock.loaded(rowsOf(0, 1), () => void given.push(cache.turn()), new BadRows(false))
      )
      yield* Effect.sleep(1)
      cache.turnTo(other)
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(fiber)
      return given.map((own) => own === mine)
    })
    expect(await Effect.runPromise(run)).toEqual([true, true])
  }
})

test("a block that others displace meanwhile is read again, and its rows are taken once", async () => {
  const run = Effect.gen(function* () {
    const gate = yield* Deferred.make<void>()
    const { byBlock, read } = open(40, (block) => (block === 1 ? Deferred.await(gate) : Effect.void))
    const taken: Array<number> = []
    const fiber = yield* Effect.fork(
      byBlock.loaded(rowsOf(0, 1), ({ number }) => void taken.push(number), new BadRows(false))
    )
    yield* Effect.sleep(1)
    for (const block of [2, 3, 4, 5, 6]) yield* byBlock.loaded(rowsOf(block), () => {}, new BadRows(false))
    yield* Deferred.succeed(gate, undefined)
    yield* Fiber.join(fiber)
    return { taken: taken.toSorted(), read: read.filter((block) => block < 2) }
  })
  expect(await Effect.runPromise(run)).toEqual({ taken: [0, 1], read: [0, 1, 0] })
})

test("a block that cannot be read is read once, and noted with its rows; the others are taken", async () => {
  for (const most of [10, 80]) {
    const { byBlock, read } = open(most, (block) => (block === 1 ? Effect.fail(broken) : Effect.void))
    const bad = new BadRows(false)
    const taken: Array<number> = []
    await Effect.runPromise(byBlock.loaded(rowsOf(0, 1, 2), ({ number }) => void taken.push(number), bad))
    expect({ taken, read, first: bad.first, blocks: [...bad.blocks.keys()] }).toEqual({
      taken: [0, 2],
      read: [0, 1, 2],
      first: broken,
      blocks: [1]
    })
    expect([...bad.errors.keys()]).toEqual([1])
  }
})

test("a block of which no row can be taken is noted, wherever it was found", async () => {
  const { byBlock, read } = open(80, () => Effect.void)
  const refusing: TakeByBlock.Take<number> = ({ number }) => {
    if (number === 1) throw broken
  }
  for (const from of ["loaded", "kept"]) {
    const bad = new BadRows(false)
    if (from === "kept") expect(byBlock.kept(rowsOf(0, 1), refusing, bad)).toEqual([])
    else await Effect.runPromise(byBlock.loaded(rowsOf(0, 1), refusing, bad))
    expect([...bad.blocks]).toEqual([[1, broken]])
  }
  expect(read).toEqual([0, 1])
  expect(() =>
    byBlock.kept(
      rowsOf(0),
      () => {
        throw new TypeError("a defect")
      },
      new BadRows(false)
    )
  ).toThrow("a defect")
})
