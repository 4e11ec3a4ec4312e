/**
 * Sinks on a disk: one that is full, one that another process writes to, and threads that build the batches.
 */
import { afterAll, describe, expect, test } from "bun:test"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Stream } from "effect"
import { machine, processNumber, processStart } from "../../src/core/runtime.ts"
import { SeedPolicy, Sink, Store, Workers } from "../../src/index.ts"
import { fileDriver } from "../../src/sources/store/File.ts"
import { pipeline } from "../support/sinks/threaded.ts"

const root = mkdtempSync(join(tmpdir(), "furrow-sinks-"))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const rows = Stream.rechunk(
  Stream.map(Stream.range(0, 99), (n) => ({ n, text: "x".repeat(90) })),
  10
)

/** The files of this disk, until so many bytes were written. */
const full = (bytes: number) => {
  let left = bytes
  const write: Store.Driver["write"] = (location, content) =>
    fileDriver.write(
      location,
      Stream.mapEffect(content, (chunk) => {
        left -= chunk.length
        const reason = "the disk is full; make room, or write elsewhere"
        return left < 0
          ? Effect.fail(new Store.StoreError({ location, kind: "failed", reason }))
          : Effect.succeed(chunk)
      })
    )
  return Store.make("disk", {
    ...fileDriver,
    stat: (object) =>
      Effect.map(fileDriver.stat({ location: path(object.location) }), (own) => ({
        ...own,
        location: object.location
      })),
    read: (info, offset, length) => fileDriver.read({ ...info, location: path(info.location) }, offset, length),
    write: (location, content) => write(path(location), content),
    remove: (object) => fileDriver.remove?.({ location: path(object.location) }) ?? Effect.void
  })
}

const path = (location: string): string => location.replace(/^disk:/, "")

describe("a disk", () => {
  test("that is full ends the run with its error; with room it goes on, and nothing is torn or lost", async () => {
    const whole = await Effect.runPromise(Sink.write(rows, Sink.jsonl(join(root, "whole"), { rows: 30 })))
    const folder = join(root, "full")
    const sink = Sink.jsonl(`disk:${folder}`, { rows: 30 })
    const error = await Effect.runPromise(Effect.flip(Sink.write(rows, sink)).pipe(Effect.provide(full(8000))))
    expect(error).toMatchObject({ _tag: "StoreError", kind: "failed" })
    expect(readdirSync(folder).toSorted()).toEqual([".progress.json", "shard-00000.jsonl", "shard-00001.jsonl"])
    const done = await Effect.runPromise(Sink.write(rows, sink).pipe(Effect.provide(full(Number.POSITIVE_INFINITY))))
    expect(done).toEqual(whole)
    for (const { name } of whole.shards) {
      expect(readFileSync(join(folder, name))).toEqual(readFileSync(join(root, "whole", name)))
    }
  })

  test("is not written to while another process holds the folder; what one that is gone left behind is removed", async () => {
    const folder = join(root, "held")
    mkdirSync(folder)
    const sink = Sink.jsonl(folder, { rows: 30 })
    const pid = processNumber()
    const holder = { pid, started: processStart(pid), machine: machine().name }
    writeFileSync(join(folder, ".lock"), JSON.stringify(holder))
    const torn = join(folder, `.shard-00001.jsonl.${crypto.randomUUID()}.tmp`)
    writeFileSync(torn, "half")
    expect(await Effect.runPromise(Effect.flip(Sink.write(rows, sink)))).toMatchObject({ kind: "taken" })
    expect(existsSync(torn)).toBe(true)
    // A number that no process has.
    writeFileSync(join(folder, ".lock"), JSON.stringify({ ...holder, pid: 4_194_305 }))
    expect((await Effect.runPromise(Sink.write(rows, sink))).rows).toBe(100)
    expect(readdirSync(folder).filter((name) => name.startsWith("."))).toEqual([])
  })
})

test("threads build the batches, and the shards are those of fibers", async () => {
  const contents: Array<string> = []
  const module = new URL("../support/sinks/threaded.ts", import.meta.url)
  const layers = [Workers.fibers({ workers: 2 }), Workers.threads({ workers: 2, pipeline: module })]
  for (const [at, workers] of layers.entries()) {
    const { content } = await Effect.runPromise(
      Sink.run(pipeline, Sink.parquet(join(root, `threads-${at}`), { rows: 300 })).pipe(
        Effect.provide(workers),
        Effect.provide(SeedPolicy.elastic({ seed: 5 }))
      )
    )
    contents.push(content)
  }
  expect(contents[0]).toBe(contents[1] ?? "")
})
