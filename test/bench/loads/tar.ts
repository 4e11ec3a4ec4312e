/** WebDataset's tars: photos of 5 to 40 KB with their class and a description in JSON, in shards of 16 MB. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Logger, LogLevel } from "effect"
import { Dataset, Format, Pipeline } from "../../../src/index.ts"
import { Xoshiro128 } from "../../../src/random/generators/Xoshiro128.ts"
import { type Entry, tarOf } from "../../support/tar.ts"

export const SAMPLES = 3200
export const SHARDS = 4
export const BATCH = 64

/** The shards in a folder. */
export const shardsIn = (folder: string): ReadonlyArray<string> =>
  Array.from({ length: SHARDS }, (_, shard) => join(folder, `shard-${shard}.tar`))

/** Writes the shards into a folder of their own. */
export const shards = (): { readonly folder: string; readonly remove: () => void } => {
  const folder = mkdtempSync(join(tmpdir(), "furrow-bench-tar-"))
  const rng = new Xoshiro128()
  rng.reseed(Uint32Array.of(1, 2, 3, 4), 0)
  const each = SAMPLES / SHARDS
  for (const [shard, path] of shardsIn(folder).entries()) {
    const entries = Array.from({ length: each }, (_, place): ReadonlyArray<Entry> => {
      const key = `train/${String(shard * each + place).padStart(8, "0")}`
      const photo = new Uint8Array(5000 + rng.integer(35_000))
      for (let at = 0; at < photo.length; at += 97) photo[at] = rng.integer(256)
      return [
        { name: `${key}.jpg`, body: photo },
        { name: `${key}.cls`, body: String(rng.integer(1000)) },
        { name: `${key}.json`, body: JSON.stringify({ id: place, caption: `photo ${place} of ${shard}`, width: 256 }) }
      ]
    })
    writeFileSync(path, tarOf(...entries.flat()))
  }
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

/** Lists of each field: photos of different sizes have no column yet. */
const lists = (
  rows: ReadonlyArray<{
    readonly __key__: string
    readonly jpg: Uint8Array
    readonly cls: number
    readonly json: unknown
  }>
) => ({
  key: rows.map((row) => row.__key__),
  jpg: rows.map((row) => row.jpg),
  cls: rows.map((row) => row.cls),
  json: rows.map((row) => row.json)
})

/** All of it in order. The cache is smaller than the shards, so that every epoch reads them. */
export const open = (paths: ReadonlyArray<string>) =>
  Effect.runPromise(
    Effect.map(
      Dataset.open(paths, {
        format: Format.tar({ fields: { jpg: "bytes", cls: "integer", json: "json" } }),
        index: false,
        cacheBytes: 2 ** 24
      }),
      (dataset) => Pipeline.from(dataset).pipe(Pipeline.batchWith(BATCH, lists))
    ).pipe(Logger.withMinimumLogLevel(LogLevel.Warning))
  )
