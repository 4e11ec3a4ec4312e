import { expect, test } from "bun:test"
import { Effect, Exit } from "effect"
import { ShardError } from "../../../src/sources/formats/Format.ts"
import { SharedBlocks } from "../../../src/sources/shards/SharedBlocks.ts"
import { make } from "../../../src/sources/shards/SharedCache.ts"

test("a block that was unpacked and cannot be viewed is an error for each who asks, and holds up nobody", async () => {
  const owner = SharedBlocks.make({ blocks: 2, bytes: 65_536, threads: 2, keepsFinished: true })
  if (owner === undefined) throw new Error("no memory can be shared")
  const thrown: ReadonlyArray<unknown> = [
    new ShardError({ shard: "a", format: "own", reason: "odd" }),
    new Error("bug")
  ]
  for (const [block, fault] of thrown.entries()) {
    const caches = [0, 1].map((thread) =>
      make<never, never>(new SharedBlocks(owner.buffer, thread), {
        unpack: () => Effect.succeed([new Uint8Array(8)]),
        view: () => {
          throw fault
        }
      })
    )
    for (const cache of caches) {
      const exit = await Effect.runPromiseExit(
        Effect.timeout(
          cache.load(block, () => undefined),
          "2 seconds"
        )
      )
      expect(Exit.isFailure(exit) && JSON.stringify(exit.cause)).toContain(block === 0 ? "ShardError" : "Die")
    }
    expect(owner.isClaimed(block)).toBe(false)
  }
})
