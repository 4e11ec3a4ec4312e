import { afterAll, describe, expect, test } from "bun:test"
import { Effect, Stream } from "effect"
import { Dataset, Format, Store } from "../../../../src/index.ts"
import { s3Server } from "../../../support/s3.ts"

const server = await s3Server("data")
afterAll(server.close)

const credentials = { accessKeyId: "S3RVER", secretAccessKey: "S3RVER" }
const partBytes = 5 * 2 ** 20
const layer = Store.s3({ endpoint: server.url, credentials, partBytes })
const use = <A, E>(effect: Effect.Effect<A, E>): Promise<A> => Effect.runPromise(Effect.provide(effect, layer))
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
const names = (location: string) =>
  use(Effect.map(Store.resolve(location), (found) => found.map((own) => own.location.slice("s3://data/".length))))
const put = (location: string, ...chunks: ReadonlyArray<string | Uint8Array>) =>
  Effect.flatMap(Store.Store, (store) =>
    store.write(location, Stream.fromIterable(chunks.map((own) => (typeof own === "string" ? Buffer.from(own) : own))))
  )

describe("a server of S3's protocol", () => {
  test("objects are written, looked at, read by ranges, and replaced", async () => {
    await use(
      Effect.gen(function* () {
        const store = yield* Store.Store
        const location = "s3://data/small/a.txt"
        const info = yield* put(location, "hello ", "world")
        expect(info).toEqual(yield* store.stat({ location }))
        expect(info).toMatchObject({ location, size: 11 })
        expect(info.version).toMatch(/^"[0-9a-f]{32}"$/)
        expect(text(yield* store.read(info, 6, 5))).toBe("world")
        expect(text(Buffer.concat(Array.from(yield* Stream.runCollect(store.stream(info, 3)))))).toBe("lo world")
        yield* put(location, "HELLO WORLD")
        expect(yield* Effect.flip(store.read(info, 0, 5))).toMatchObject({ kind: "changed", location })
        yield* store.remove?.({ location }) ?? Effect.void
        expect(yield* Effect.flip(store.stat({ location }))).toMatchObject({ kind: "missing" })
        yield* store.remove?.({ location }) ?? Effect.void
        const empty = yield* put("s3://data/small/empty")
        expect((yield* store.read(empty, 0, 0)).length).toBe(0)
        expect((yield* store.stat({ location: "s3://data/small/empty" })).size).toBe(0)
      })
    )
  })

  test("folders, wildcards, ranges, and keys that addresses and XML must escape", async () => {
    const odd = ["odd/a b+c.txt", "odd/ä&<é>.txt", "odd/100%25#1?x=1.txt", "odd/it's(1)!*.txt"]
    await use(
      Effect.forEach([...odd, "set/x-00.txt", "set/x-01.txt", "set/deep/y.txt"], (key) => put(`s3://data/${key}`, key))
    )
    expect((await names("s3://data/odd/")).toSorted()).toEqual(odd.toSorted())
    const read = (key: string) =>
      Effect.gen(function* () {
        const store = yield* Store.Store
        const info = yield* store.stat({ location: `s3://data/${key}` })
        return text(yield* store.read(info, 0, info.size))
      })
    expect(await use(Effect.forEach(odd, read))).toEqual(odd)
    expect(await names("s3://data/set")).toEqual(["set/deep/y.txt", "set/x-00.txt", "set/x-01.txt"])
    expect(await names("s3://data/set/*.txt")).toEqual(["set/x-00.txt", "set/x-01.txt"])
    expect(await names("s3://data/set/**/*.txt")).toEqual(["set/deep/y.txt", "set/x-00.txt", "set/x-01.txt"])
    expect(await names("s3://data/set/x-{00..01}.txt")).toEqual(["set/x-00.txt", "set/x-01.txt"])
  })

  test("a long object goes in parts, whose memory is bounded, and appears when all are there", async () => {
    const chunk = Uint8Array.from({ length: 2 ** 20 }, (_, place) => (place * 31) & 255)
    const location = "s3://data/long.bin"
    let hasAppeared = false
    await use(
      Effect.gen(function* () {
        const store = yield* Store.Store
        const chunks = Stream.range(0, 11).pipe(
          Stream.mapEffect((number) =>
            number < 11
              ? Effect.succeed(chunk)
              : Effect.as(
                  Effect.map(Effect.exit(store.stat({ location })), (exit) => {
                    hasAppeared = exit._tag === "Success"
                  }),
                  chunk
                )
          )
        )
        const info = yield* store.write(location, chunks)
        expect(info.size).toBe(12 * 2 ** 20)
        expect(yield* store.stat({ location })).toEqual(info)
        expect(hasAppeared).toBe(false)
        const across = yield* store.read(info, partBytes - 3, 6)
        expect(Array.from(across)).toEqual(Array.from(chunk.subarray(-3)).concat(Array.from(chunk.subarray(0, 3))))
      })
    )
  }, 30_000)

  test("an upload that fails leaves no object", async () => {
    const chunks = Stream.concat(Stream.make(new Uint8Array(2 ** 20)), Stream.fail("torn" as const))
    const failed = Effect.flatMap(Store.Store, (store) => Effect.flip(store.write("s3://data/torn/a.bin", chunks)))
    expect(await use(failed)).toBe("torn")
    expect(await use(Effect.flip(Store.resolve("s3://data/torn/")))).toMatchObject({ kind: "missing" })
  }, 30_000)

  test("what is not there, and what is no location of an object", async () => {
    const kindOf = (location: string) => use(Effect.flip(Store.resolve(location)))
    expect(await kindOf("s3://data/none")).toMatchObject({ _tag: "StoreError", kind: "missing" })
    expect(await kindOf("s3://data/none/*")).toMatchObject({ _tag: "StoreError", kind: "missing" })
    expect(await kindOf("s3://elsewhere/a/*")).toMatchObject({ kind: "missing", status: 404 })
    expect(String(await kindOf("s3://elsewhere/a/*"))).toContain("NoSuchBucket")
    expect(await kindOf("s3://*/a")).toMatchObject({ kind: "unsupported" })
    expect(await kindOf("s3://data/a/../b")).toMatchObject({ kind: "unsupported" })
  })

  test("a dataset of shards in S3", async () => {
    await use(
      Effect.forEach([0, 1], (shard) => put(`s3://data/rows/${shard}.jsonl`, `{"n":${shard}}\n{"n":${shard + 10}}\n`))
    )
    const rows = await use(
      Effect.gen(function* () {
        const dataset = yield* Dataset.open("s3://data/rows/*.jsonl", {
          format: Format.jsonl<{ n: number }>(),
          index: false
        })
        return yield* dataset.getMany([3, 0])
      })
    )
    expect(rows).toEqual([{ n: 11 }, { n: 0 }])
  })
})
