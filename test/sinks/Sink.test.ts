import { describe, expect, test } from "bun:test"
import * as zlib from "node:zlib"
import { Effect, Exit, Fiber, Stream } from "effect"
import * as fc from "fast-check"
import { Dataset, Pipeline, Sampler, Scheduler, SeedPolicy, Sink, Workers } from "../../src/index.ts"
import { type KilledStore, killedStore } from "../support/sinks/killed.ts"

const FOLDER = "memory://out"

/** Rows in an order that is drawn, with a number that is drawn. */
const drawn = (size: number, batch = 7) =>
  Pipeline.from(Dataset.range(size)).pipe(
    Pipeline.sample(Sampler.shuffle),
    Pipeline.augment("draw", (n, rng) => ({ n, x: rng.integer(1000) })),
    Pipeline.batch(batch)
  )

type Drawn = ReturnType<typeof drawn>

const running = (
  killed: KilledStore,
  pipeline: Drawn,
  sink: Sink.Sink,
  { epochs = 1, seed = 1, workers = 2 }: { epochs?: number; seed?: number; workers?: number } = {}
) =>
  Sink.run(pipeline, sink, { epochs }).pipe(
    killed.provided,
    Effect.provide(SeedPolicy.elastic({ seed })),
    Effect.provide(Workers.fibers({ workers }))
  )

const objects = (killed: KilledStore) => Effect.runPromise(killed.objects)

const linesOf = (all: Readonly<Record<string, string>>, names: ReadonlyArray<string>): ReadonlyArray<string> =>
  names.flatMap((name) => (all[`${FOLDER}/${name}`] ?? "").split("\n").filter((line) => line !== ""))

const linesOfNumbers = (from: number, to: number): string =>
  Array.from({ length: to - from + 1 }, (_, at) => `{"n":${from + at}}\n`).join("")

describe("a sink", () => {
  test("has all rows in their order, in shards of so many rows, and says so in its manifest", async () => {
    const killed = killedStore()
    const manifest = await Effect.runPromise(running(killed, drawn(50), Sink.jsonl(FOLDER, { rows: 20 })))
    expect(manifest.rows).toBe(50)
    expect(manifest.shards.map(({ name, rows }) => [name, rows])).toEqual([
      ["shard-00000.jsonl", 20],
      ["shard-00001.jsonl", 20],
      ["shard-00002.jsonl", 10]
    ])
    const all = await objects(killed)
    expect(Object.keys(all).map((own) => own.slice(FOLDER.length + 1))).toEqual([
      ...manifest.shards.map(({ name }) => name),
      "manifest.json"
    ])
    const rows = linesOf(
      all,
      manifest.shards.map(({ name }) => name)
    ).map((line): unknown => JSON.parse(line))
    const batches = Scheduler.stream(drawn(50), { epochs: 1 }).pipe(
      Stream.flatMap(({ columns: { n, x }, size }) =>
        Stream.fromIterable(Array.from({ length: size }, (_, at) => ({ n: n.data[at], x: x.data[at] })))
      ),
      Stream.runCollect,
      Effect.provide(SeedPolicy.elastic({ seed: 1 }))
    )
    expect(rows).toEqual(Array.from(await Effect.runPromise(batches)))
    expect(rows).toHaveLength(50)
    expect(JSON.parse(all[`${FOLDER}/manifest.json`] ?? "")).toMatchObject({ furrow: "manifest", rows: 50 })
  })

  test("ends shards by bytes, and by a count that the names then tell", async () => {
    const bytes = await Effect.runPromise(running(killedStore(), drawn(50), Sink.jsonl(FOLDER, { bytes: 200 })))
    for (const shard of bytes.shards.slice(0, -1)) {
      expect(shard.bytes).toBeGreaterThanOrEqual(200)
      expect(shard.bytes).toBeLessThan(230)
    }
    const counted = await Effect.runPromise(running(killedStore(), drawn(50), Sink.jsonl(FOLDER, { shards: 4 })))
    expect(counted.shards.map(({ name, rows }) => `${name} ${rows}`)).toEqual([
      "shard-00000-of-00004.jsonl 13",
      "shard-00001-of-00004.jsonl 13",
      "shard-00002-of-00004.jsonl 12",
      "shard-00003-of-00004.jsonl 12"
    ])
  })

  test("killed at any write and started again, it has the same bytes", async () => {
    const kinds = [
      () => Sink.jsonl(FOLDER, { rows: 9 }),
      () => Sink.jsonl(FOLDER, { bytes: 180, compression: "gzip", blockBytes: 60 })
    ]
    for (const [kind, sink] of kinds.entries()) {
      const whole = killedStore()
      const manifest = await Effect.runPromise(running(whole, drawn(20), sink()))
      const expected = await objects(whole)
      const writes = whole.writes()
      for (let at = 0; at < writes; at++) {
        for (const isThere of kind === 0 ? [false, true] : [false]) {
          const killed = killedStore()
          killed.kill(at, isThere)
          const exit = await Effect.runPromiseExit(running(killed, drawn(20), sink()))
          expect(Exit.isFailure(exit)).toBe(true)
          killed.kill(undefined)
          expect(await Effect.runPromise(running(killed, drawn(20), sink()))).toEqual(manifest)
          expect(await objects(killed)).toEqual(expected)
        }
      }
    }
  }, 60_000)

  test("killed again and again at random, it has the same bytes", async () => {
    const whole = killedStore()
    const sink = Sink.jsonl(FOLDER, { rows: 5 })
    await Effect.runPromise(running(whole, drawn(33), sink, { epochs: 2 }))
    const expected = await objects(whole)
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(6), fc.boolean()), { maxLength: 4 }), async (kills) => {
        const killed = killedStore()
        for (const [at, isThere] of kills) {
          killed.kill(at, isThere)
          await Effect.runPromiseExit(running(killed, drawn(33), sink, { epochs: 2 }))
        }
        killed.kill(undefined)
        await Effect.runPromise(running(killed, drawn(33), sink, { epochs: 2 }))
        expect(await objects(killed)).toEqual(expected)
      }),
      { numRuns: 8 }
    )
  }, 60_000)

  test("killed when not each shard is noted any more, it goes on over those that it wrote", async () => {
    // Long names make the progress long.
    const sink = Sink.jsonl(FOLDER, { rows: 1, name: "n".repeat(1000) })
    const rows = Stream.map(Stream.range(1, 100), (n) => ({ n }))
    const killed = killedStore()
    killed.kill(140)
    await Effect.runPromiseExit(Sink.write(rows, sink).pipe(killed.provided))
    const noted = JSON.parse((await objects(killed))[`${FOLDER}/.progress.json`] ?? "").shards.length
    const there = Object.keys(await objects(killed)).length - 1
    expect(there).toBeGreaterThan(noted + 20)
    killed.kill(undefined)
    const { shards } = await Effect.runPromise(Sink.write(rows, sink).pipe(killed.provided))
    expect(shards).toHaveLength(100)
    expect(
      linesOf(
        await objects(killed),
        shards.map(({ name }) => name)
      )
    ).toEqual(Array.from({ length: 100 }, (_, at) => `{"n":${at + 1}}`))
  })

  test.each(["gzip", "zstd"] as const)(
    "killed, and resumed where the same rows are compressed to other bytes, it has its own: %s",
    async (compression) => {
      const sink = Sink.jsonl(FOLDER, { rows: 9, compression, blockBytes: 60 })
      const writtenBy = async (sink: Sink.Sink) => {
        const whole = killedStore()
        await Effect.runPromise(running(whole, drawn(30), sink))
        return objects(whole)
      }
      const expected = await writtenBy(sink)
      const name = `${FOLDER}/shard-00001.jsonl`
      const plain = Buffer.from((await writtenBy(Sink.jsonl(FOLDER, { rows: 9 })))[name] ?? "")
      const place = `${name}${compression === "gzip" ? ".gz" : ".zst"}`
      const { ZSTD_c_compressionLevel } = zlib.constants
      const otherwise = (bytes: Uint8Array): Buffer =>
        compression === "gzip"
          ? zlib.gzipSync(bytes, { level: 1 })
          : zlib.zstdCompressSync(bytes, { params: { [ZSTD_c_compressionLevel]: 19 } })
      const resumed = async (there: Uint8Array) => {
        const killed = killedStore()
        // The shard is there, and the progress does not know it.
        killed.kill(3, true)
        await Effect.runPromiseExit(running(killed, drawn(30), sink))
        killed.kill(undefined)
        expect(Object.keys(await objects(killed))).toContain(place)
        await Effect.runPromise(killed.store.write(place, Stream.make(there)))
        const exit = await Effect.runPromiseExit(running(killed, drawn(30), sink))
        return { exit, objects: await objects(killed) }
      }
      const other = otherwise(plain)
      expect(other.toString("latin1")).not.toBe(expected[place])
      expect(await resumed(other)).toMatchObject({ exit: { _tag: "Success" }, objects: expected })
      // Whatever else is in its place is of others: other rows, bytes behind them, half of them, no such bytes at all.
      const foreign = [
        otherwise(plain.subarray(1)),
        Buffer.concat([other, otherwise(plain)]),
        other.subarray(0, other.length / 2),
        plain,
        new Uint8Array(0)
      ]
      for (const there of foreign) {
        const { exit, objects } = await resumed(there)
        expect(String(exit)).toContain("which this run did not write")
        expect(objects[place]).toBe(Buffer.from(there).toString("latin1"))
      }
    }
  )

  test("goes on with other workers, and has the same shards", async () => {
    const sink = Sink.jsonl(FOLDER, { rows: 9 })
    const { content, shards } = await Effect.runPromise(running(killedStore(), drawn(20), sink))
    const killed = killedStore()
    killed.kill(4)
    await Effect.runPromiseExit(running(killed, drawn(20), sink))
    killed.kill(undefined)
    expect(await Effect.runPromise(running(killed, drawn(20), sink, { workers: 3 }))).toMatchObject({ content, shards })
  })

  test("finished and started again, it gives its manifest and writes nothing", async () => {
    const killed = killedStore()
    const sink = Sink.jsonl(FOLDER, { rows: 20 })
    const manifest = await Effect.runPromise(running(killed, drawn(50), sink))
    const writes = killed.writes()
    expect(await Effect.runPromise(running(killed, drawn(50), sink))).toEqual(manifest)
    expect(killed.writes()).toBe(writes)
  })

  test("refuses the folder of another pipeline, seed, sink or of shards that it does not know", async () => {
    const killed = killedStore()
    const sink = Sink.jsonl(FOLDER, { rows: 20 })
    const tagOf = async (effect: Effect.Effect<unknown, { readonly _tag: string; readonly kind?: string }>) => {
      const { _tag, kind } = await Effect.runPromise(Effect.flip(effect))
      return `${_tag} ${kind ?? ""}`
    }
    killed.kill(3)
    await Effect.runPromiseExit(running(killed, drawn(50), sink))
    killed.kill(undefined)
    const before = await objects(killed)
    expect(await tagOf(running(killed, drawn(50), sink, { seed: 2 }))).toBe("CursorMismatch ")
    expect(await tagOf(running(killed, drawn(51), sink))).toBe("CursorMismatch ")
    const { message } = await Effect.runPromise(Effect.flip(running(killed, drawn(50), sink, { seed: 2 })))
    expect(message).toContain("or write to another folder")
    expect(message).not.toContain("allow")
    expect(await tagOf(running(killed, drawn(50), Sink.jsonl(FOLDER, { rows: 21 })))).toBe("SinkError other")
    expect(await objects(killed)).toEqual(before)
    await Effect.runPromise(running(killed, drawn(50), sink))
    expect(await tagOf(running(killed, drawn(50), sink, { epochs: 2 }))).toBe("SinkError other")
    expect(await tagOf(running(killed, drawn(50), sink, { seed: 2 }))).toBe("CursorMismatch ")
    const strange = killedStore()
    await Effect.runPromise(strange.store.write(`${FOLDER}/shard-00000.jsonl`, Stream.empty))
    expect(await tagOf(running(strange, drawn(50), sink))).toBe("SinkError other")
    const damaged = killedStore()
    await Effect.runPromise(damaged.store.write(`${FOLDER}/manifest.json`, Stream.make(new TextEncoder().encode("{"))))
    expect(await tagOf(running(damaged, drawn(50), sink))).toBe("SinkError damaged")
  })

  test("takes the folder of a start that wrote no shard, whatever that was; not one that was killed after its first", async () => {
    const others: ReadonlyArray<(killed: KilledStore) => Effect.Effect<Sink.Manifest, { readonly _tag: string }>> = [
      (killed) => running(killed, drawn(50), Sink.jsonl(FOLDER, { rows: 21 })),
      (killed) => running(killed, drawn(50), Sink.csv(FOLDER, { rows: 20, name: "other" })),
      (killed) => running(killed, drawn(51), Sink.jsonl(FOLDER, { rows: 20 }), { seed: 2 })
    ]
    for (const other of others) {
      for (const isThere of [false, true]) {
        const killed = killedStore()
        // The first write is the progress, the second one the first shard.
        killed.kill(1, isThere)
        await Effect.runPromiseExit(running(killed, drawn(50), Sink.jsonl(FOLDER, { rows: 20 })))
        killed.kill(undefined)
        const before = await objects(killed)
        expect(Object.keys(before)).toHaveLength(isThere ? 2 : 1)
        const again = await Effect.runPromise(Effect.either(other(killed)))
        if (isThere) {
          expect(again).toMatchObject({ left: { _tag: expect.stringMatching(/SinkError|CursorMismatch/) } })
          expect(await objects(killed)).toEqual(before)
        } else {
          const fresh = await Effect.runPromise(other(killedStore()))
          expect(again).toMatchObject({ right: fresh })
          expect(Object.keys(await objects(killed))).toHaveLength(fresh.shards.length + 1)
        }
      }
    }
  })

  test("overwrites no file that it did not write, whichever shard has its name, and when it came", async () => {
    const sink = Sink.jsonl(FOLDER, { rows: 20 })
    const put = (killed: KilledStore, name: string, text = "precious\n") =>
      Effect.runPromise(killed.store.write(`${FOLDER}/${name}`, Stream.make(new TextEncoder().encode(text))))
    const refused = { _tag: "SinkError", kind: "other", reason: expect.stringContaining("it holds shard-00002.jsonl") }
    const before = killedStore()
    await put(before, "shard-00002.jsonl")
    await put(before, "shard-00002.csv")
    expect(await Effect.runPromise(Effect.flip(running(before, drawn(50), sink)))).toMatchObject(refused)
    expect(Object.keys(await objects(before))).toHaveLength(2)
    // Since a start that failed.
    const since = killedStore()
    const some = Stream.map(Stream.range(0, 49), (n) => ({ n })).pipe(Stream.rechunk(7))
    const failing = Stream.concat(Stream.take(some, 45), Stream.fail("broken" as const))
    expect(await Effect.runPromise(Effect.flip(Sink.write(failing, sink)).pipe(since.provided))).toBe("broken")
    for (const text of ["precious\n", `${linesOfNumbers(40, 49)}precious`, linesOfNumbers(40, 49).replace("4", "5")]) {
      await put(since, "shard-00002.jsonl", text)
      expect(await Effect.runPromise(Effect.flip(Sink.write(some, sink)).pipe(since.provided))).toMatchObject(refused)
      expect((await objects(since))[`${FOLDER}/shard-00002.jsonl`]).toBe(text)
    }
    // While it is written itself.
    const meanwhile = killedStore()
    const late = Stream.tap(Stream.rechunk(some, 1), ({ n }) =>
      n === 45 ? Effect.promise(() => put(meanwhile, "shard-00002.jsonl")) : Effect.void
    )
    expect(await Effect.runPromise(Effect.flip(Sink.write(late, sink)).pipe(meanwhile.provided))).toMatchObject(refused)
    expect((await objects(meanwhile))[`${FOLDER}/shard-00002.jsonl`]).toBe("precious\n")
    // While it runs: a later start does not take it for its own, until it is moved away.
    const during = killedStore()
    const rows = Stream.map(Stream.range(0, 49), (n) => ({ n })).pipe(Stream.rechunk(1))
    let last = 0
    const put2 = Stream.tap(rows, ({ n }) => {
      last = n
      return n === 30 ? Effect.promise(() => put(during, "shard-00002.jsonl")) : Effect.void
    })
    expect(await Effect.runPromise(Effect.flip(Sink.write(put2, sink)).pipe(during.provided))).toMatchObject(refused)
    // Before the rows of its shard are made, which may be dear.
    expect(last).toBe(40)
    expect(await Effect.runPromise(Effect.flip(Sink.write(rows, sink)).pipe(during.provided))).toMatchObject(refused)
    expect((await objects(during))[`${FOLDER}/shard-00002.jsonl`]).toBe("precious\n")
    await Effect.runPromise(during.store.remove?.({ location: `${FOLDER}/shard-00002.jsonl` }) ?? Effect.void)
    // Killed behind the write of what is now its own.
    during.kill(1, true)
    await Effect.runPromiseExit(Sink.write(rows, sink).pipe(during.provided))
    during.kill(undefined)
    expect((await Effect.runPromise(Sink.write(rows, sink).pipe(during.provided))).rows).toBe(50)
  })

  test("whose shards are gone or changed does not say that it is done", async () => {
    const sink = Sink.jsonl(FOLDER, { rows: 20 })
    for (const isDone of [true, false]) {
      const killed = killedStore()
      if (!isDone) killed.kill(5)
      await Effect.runPromiseExit(running(killed, drawn(50), sink))
      killed.kill(undefined)
      const of = isDone ? "manifest.json" : ".progress.json"
      const location = `${FOLDER}/shard-00001.jsonl`
      const changes = [
        [killed.store.write(location, Stream.make(new Uint8Array(3))), "it has 3"],
        [killed.store.remove?.({ location }) ?? Effect.void, "it is not there"]
      ] as const
      for (const [change, is] of changes) {
        await Effect.runPromise(change)
        const error = await Effect.runPromise(Effect.flip(running(killed, drawn(50), sink)))
        expect(error).toMatchObject({ _tag: "SinkError", kind: "damaged" })
        expect(error.message).toContain(`its ${of} says that shard-00001.jsonl has`)
        expect(error.message).toContain(is)
      }
    }
  })

  test("is written by one run at a time", async () => {
    const killed = killedStore()
    const sink = Sink.jsonl(FOLDER, { rows: 20 })
    let isBegun = false
    const onProgress = (): void => {
      isBegun = true
    }
    const slow = Sink.write(Stream.concat(Stream.make({ n: 1 }), Stream.never), sink, { onProgress })
    const error = await Effect.runPromise(
      Effect.gen(function* () {
        const fiber = yield* Effect.fork(killed.provided(slow))
        while (!isBegun) yield* Effect.sleep(1)
        const failed = yield* Effect.flip(running(killed, drawn(50), sink))
        yield* Fiber.interrupt(fiber)
        return failed
      })
    )
    expect(error).toMatchObject({ _tag: "SinkError", kind: "taken" })
    // The interrupted one has left nothing behind but its progress.
    expect(Object.keys(await objects(killed))).toEqual([`${FOLDER}/.progress.json`])
  })

  test("is given up when another run, which this process cannot see, has taken its place", async () => {
    const killed = killedStore()
    const sink = Sink.jsonl(FOLDER, { rows: 2 })
    const text = new TextEncoder()
    let rows = 0
    const intruded = Stream.range(1, 9).pipe(
      Stream.rechunk(1),
      Stream.tap(() =>
        ++rows === 4
          ? killed.store.stat({ location: `${FOLDER}/.progress.json` }).pipe(
              Effect.flatMap((info) => killed.store.read(info, 0, info.size)),
              Effect.map((bytes) => new TextDecoder().decode(bytes).replace(/"run": "\w+"/, '"run": "other"')),
              Effect.flatMap((own) => killed.store.write(`${FOLDER}/.progress.json`, Stream.make(text.encode(own))))
            )
          : Effect.void
      )
    )
    const error = await Effect.runPromise(Effect.flip(Sink.write(intruded, sink)).pipe(killed.provided))
    expect(error).toMatchObject({ _tag: "SinkError", kind: "taken" })
  })

  test("takes no password in its location, and shows none", () => {
    for (const location of ["s3://u:s3cr3t@bucket/out", "s3:/u:s3cr3t@bucket", "https://u:s3/cr3t@host/out"]) {
      const refused = () => Sink.jsonl(location)
      expect(refused).toThrow("the location of Sink.jsonl must be without a user and a password")
      expect(refused).not.toThrow("s3cr3t")
    }
    expect(Sink.jsonl("s3://bucket/a@b:c").location).toBe("s3://bucket/a@b:c")
  })

  test("names the row that it cannot write, and has written none of its shard", async () => {
    const killed = killedStore()
    const rows = Stream.map(Stream.range(0, 9), (n) => ({ n: n === 7 ? Number.NaN : n })).pipe(Stream.rechunk(2))
    const error = await Effect.runPromise(
      Effect.flip(Sink.write(rows, Sink.jsonl(FOLDER, { rows: 5 }))).pipe(killed.provided)
    )
    expect(error).toMatchObject({ _tag: "SinkError", kind: "row", row: 7, location: `${FOLDER}/shard-00001.jsonl` })
    expect(error.message).toContain('field "n" is NaN')
    expect(Object.keys(await objects(killed)).map((own) => own.slice(FOLDER.length + 1))).toEqual([
      ".progress.json",
      "shard-00000.jsonl"
    ])
  })

  test("hands on what its source fails with, and goes on behind it", async () => {
    const killed = killedStore()
    const sink = Sink.jsonl(FOLDER, { rows: 4 })
    const rows = Stream.map(Stream.range(0, 9), (n) => ({ n })).pipe(Stream.rechunk(3))
    const broken = Stream.concat(Stream.take(rows, 6), Stream.fail("broken" as const))
    expect(await Effect.runPromise(Effect.flip(Sink.write(broken, sink)).pipe(killed.provided))).toBe("broken")
    const manifest = await Effect.runPromise(Sink.write(rows, sink).pipe(killed.provided))
    expect(
      linesOf(
        await objects(killed),
        manifest.shards.map(({ name }) => name)
      )
    ).toEqual(Array.from({ length: 10 }, (_, n) => `{"n":${n}}`))
  })
})
