import { expect, test } from "bun:test"
import { Effect } from "effect"
import * as Format from "../../../../src/sources/formats/Formats.ts"
import { openShard, shardOf } from "../../../support/shard.ts"
import { tarOf } from "../../../support/tar.ts"

/** Rows as text, or the tag of the error. */
const outcome = async (format: Format.Format<unknown>, bytes: Uint8Array): Promise<string> => {
  const read = openShard(format, shardOf(bytes)).pipe(
    Effect.flatMap(({ rows }) => Effect.try({ try: rows, catch: (thrown) => thrown as Format.ShardError })), // or it fails below
    Effect.either
  )
  const found = await Effect.runPromise(read)
  return found._tag === "Right" ? JSON.stringify(found.right) : found.left._tag
}

test("every bit of a tar's headers is seen, or means nothing", async () => {
  const format = Format.tar()
  const bytes = tarOf({ name: "a.txt", body: "x" }, { name: "b.txt", body: "y" })
  const sound = await outcome(format, bytes)
  const unseen: Array<number> = []
  for (const header of [0, 1024]) {
    for (let bit = 8 * header; bit < 8 * (header + 512); bit += 1) {
      const damaged = bytes.slice()
      damaged[bit >>> 3] = (damaged[bit >>> 3] ?? 0) ^ (1 << (bit & 7))
      const found = await outcome(format, damaged)
      // The checksum has a leading 0, which may as well be a space.
      if (found === sound) unseen.push(bit)
      else expect([bit, found]).toEqual([bit, "ShardError"])
    }
  }
  const bytesUnseen = unseen.map((bit) => Math.floor(bit / 8) % 1024)
  expect(bytesUnseen.filter((byte) => byte < 148 || byte >= 156)).toEqual([])
})
