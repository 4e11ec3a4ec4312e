import { afterAll, describe, expect, test } from "bun:test"
import { mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Stream } from "effect"
import { Dataset, Format, Sink } from "../../../src/index.ts"
import { checking, withManifests } from "../../../src/sources/shards/Checksums.ts"
import { memoryDriver } from "../../../src/sources/store/Memory.ts"
import { storeOf } from "../../../src/sources/store/Routes.ts"
import type { StoreService } from "../../../src/sources/store/Store.ts"

const root = mkdtempSync(join(tmpdir(), "checksums-"))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const rows = Array.from({ length: 60 }, (_, n) => ({ n }))

const written = async (name: string): Promise<string> => {
  const folder = join(root, name)
  await Effect.runPromise(Sink.write(Stream.fromIterable(rows), Sink.jsonl(folder, { rows: 20 })))
  return folder
}

const open = (location: string | ReadonlyArray<string>) =>
  Dataset.open(location, { format: Format.jsonl({ blockBytes: 60 }), index: false })

const all = (location: string | ReadonlyArray<string>) =>
  Effect.flatMap(open(location), (dataset) => dataset.getMany(Array.from({ length: dataset.size }, (_, at) => at)))

describe("a folder with a manifest", () => {
  test("has the rows of the shards that it names, by the folder or by the manifest", async () => {
    const folder = await written("whole")
    writeFileSync(join(folder, "README"), "not a shard")
    for (const location of [folder, `${folder}/`, join(folder, "manifest.json")]) {
      expect(await Effect.runPromise(all(location))).toEqual(rows)
    }
  })

  test("every changed byte is found when its shard is first read, and only then", async () => {
    const folder = await written("changed")
    const file = join(folder, "shard-00001.jsonl")
    const { atime, mtime } = statSync(file)
    const sound = readFileSync(file)
    for (let at = 0; at < sound.length; at += 7) {
      const bytes = Buffer.from(sound)
      // Another digit, or another letter: still JSON, most of the time.
      bytes[at] = (bytes[at] ?? 0) ^ 1
      writeFileSync(file, bytes)
      utimesSync(file, atime, mtime)
      const read = Effect.gen(function* () {
        const opened = yield* Effect.either(open(folder))
        // A scan may see it already.
        if (opened._tag === "Left") return opened.left
        expect(yield* opened.right.get(0)).toEqual({ n: 0 })
        const error = yield* Effect.flip(opened.right.get(25))
        expect(yield* Effect.flip(opened.right.get(30))).toEqual(error)
        expect(error).toMatchObject({ _tag: "StoreError", kind: "invalid", location: file })
        return error
      })
      expect((await Effect.runPromise(read)).message).toContain(file)
    }
  })

  test("bytes that were changed on the way are read again; a shard that has the same wrong ones twice is not", async () => {
    const folder = await written("twice")
    const names = ["manifest.json", "shard-00000.jsonl", "shard-00001.jsonl", "shard-00002.jsonl"]
    const objects = names.map(
      (name) => [`memory://d/${name}`, new Uint8Array(readFileSync(join(folder, name)))] as const
    )
    const store = storeOf(memoryDriver(Object.fromEntries(objects)))
    let reads = 0
    /** How many of the next reads are of other bytes, and which. */
    let wrong: ReadonlyArray<number> = []
    const flipping: StoreService = {
      ...store,
      stream: (info, offset) =>
        Stream.map(store.stream(info, offset), (bytes) => {
          const flip = wrong[reads++] ?? 0
          return bytes.map((byte, at) => (at === 3 ? byte ^ flip : byte))
        })
    }
    const verdicts = (flips: ReadonlyArray<number>, times: number) =>
      Effect.gen(function* () {
        const infos = yield* Effect.forEach(objects, ([location]) => store.stat({ location }))
        const { shards } = yield* withManifests(store, infos, (named) => named)
        const [, shard] = shards
        if (shard === undefined) return expect.unreachable("there are three")
        const checked = checking(flipping)
        reads = 0
        wrong = flips
        const found: Array<string> = []
        for (let time = 0; time < times; time++) {
          found.push((yield* Effect.either(checked.read(shard, 0, 5)))._tag)
        }
        return { found, reads }
      })
    const damaged = await Effect.runPromise(verdicts(Array<number>(9).fill(1), 5))
    expect(damaged).toEqual({ found: Array<string>(5).fill("Left"), reads: 2 })
    const mended = await Effect.runPromise(verdicts([1, 2, 1, 0, 0], 5))
    expect(mended).toEqual({ found: ["Left", "Left", "Left", "Right", "Right"], reads: 4 })
  })

  test("a shard that is cut short or gone is found when it is opened", async () => {
    const folder = await written("cut")
    const file = join(folder, "shard-00002.jsonl")
    writeFileSync(file, readFileSync(file).subarray(1))
    expect(await Effect.runPromise(Effect.flip(open(folder)))).toMatchObject({ kind: "invalid", location: file })
    rmSync(file)
    const error = await Effect.runPromise(Effect.flip(open(folder)))
    expect(error).toMatchObject({ kind: "invalid", location: file })
    expect(error.message).toContain("manifest names it")
  })

  test("a shard of more or fewer rows than its manifest says is found when it is opened; of another format rows are others", async () => {
    const folder = await written("miscounted")
    const path = join(folder, "manifest.json")
    const manifest = readFileSync(path, "utf8")
    writeFileSync(
      path,
      manifest.replace('00001.jsonl","rows":20', '00001.jsonl","rows":21').replace('"rows": 60', '"rows": 61')
    )
    const error = await Effect.runPromise(Effect.flip(open(folder)))
    expect(error).toMatchObject({ _tag: "ShardError", shard: join(folder, "shard-00001.jsonl") })
    expect(error.message).toContain("it has 20 rows, and by its manifest 21")
    const paragraphs = Dataset.open(folder, { format: Format.text({ rows: "paragraphs" }), index: false })
    expect((await Effect.runPromise(paragraphs)).size).toBe(3)
  })
})
