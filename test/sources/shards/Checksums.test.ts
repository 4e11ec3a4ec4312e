import { afterAll, describe, expect, test } from "bun:test"
import { mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Stream } from "effect"
import { Dataset, Format, Sink } from "../../../src/index.ts"

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
