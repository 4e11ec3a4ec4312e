/** The reviews as JSON Lines compressed by zstd, in numeric columns: what threads share of shards, and what each does alone. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as zlib from "node:zlib"
import { Effect } from "effect"
import { Dataset, Format, Pipeline, Sampler } from "../../../src/index.ts"
import { BATCH, jsonlShards, type Review } from "./jsonl.ts"

const folder = join(tmpdir(), "furrow-bench-zstd")
const FRAME = 2 ** 17

/** The shards, a frame for some 128 KB of lines. */
const shards = (): ReadonlyArray<string> => {
  mkdirSync(folder, { recursive: true })
  return jsonlShards().map((path, shard) => {
    const own = join(folder, `${shard}.jsonl.zst`)
    if (!existsSync(own)) {
      const text = readFileSync(path)
      const frames: Array<Uint8Array> = []
      for (let at = 0; at < text.length; ) {
        const newline = text.indexOf(10, Math.min(text.length, at + FRAME) - 1)
        const end = newline === -1 ? text.length : newline + 1
        frames.push(zlib.zstdCompressSync(text.subarray(at, end)))
        at = end
      }
      writeFileSync(`${own}.tmp`, Buffer.concat(frames))
      renameSync(`${own}.tmp`, own)
    }
    return own
  })
}

/** A window of blocks fits into the cache, all of them do not. */
export const pipeline = async () => {
  const open = Dataset.open(shards(), {
    format: Format.jsonl<Review>(),
    index: false,
    name: "reviews",
    cacheBytes: 2 ** 24
  })
  return Pipeline.from(await Effect.runPromise(open)).pipe(
    Pipeline.sample(Sampler.shuffleBlocks({ window: 4 })),
    Pipeline.map("numbers", ({ id, stars, tags, text }) => ({ id, stars, length: text.length, tags: tags.length })),
    Pipeline.batch(BATCH)
  )
}
