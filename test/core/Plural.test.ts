import { expect, test } from "bun:test"
import { plural } from "../../src/core/Plural.ts"

test("a count has its noun in the singular for one alone", () => {
  expect([0, 1, 2, 1n, 2n].map((count) => plural(count, "shard"))).toEqual([
    "0 shards",
    "1 shard",
    "2 shards",
    "1 shard",
    "2 shards"
  ])
  expect([1, 2].map((count) => plural(count, "batch", "batches"))).toEqual(["1 batch", "2 batches"])
})
