import { afterAll, describe, expect, test } from "bun:test"
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Layer, Logger, Stream } from "effect"
import { Store } from "../../../../src/index.ts"
import { bytesOf, type Far, far } from "../../../support/countingStore.ts"

const root = mkdtempSync(join(tmpdir(), "furrow-cached-"))
afterAll(() => rmSync(root, { recursive: true, force: true }))

let folders = 0
const folder = (): string => join(root, String(folders++))
const inside = (directory: string): string => join(directory, "furrow-blocks-1")
const blocks = (directory: string): ReadonlyArray<string> =>
  readdirSync(inside(directory)).filter((name) => /^[0-9a-f]{32}-/.test(name))
const bytesIn = (directory: string): number =>
  readdirSync(inside(directory)).reduce((sum, name) => sum + statSync(join(inside(directory), name)).size, 0)

const SIZE = 1_000_000
const BLOCK = 2 ** 17
const options = { bytes: 2 ** 24, blockBytes: BLOCK }

const use = <A, E>(
  own: Far,
  directory: string,
  effect: (store: Store.StoreService) => Effect.Effect<A, E>,
  given: Store.CachedOptions = options
): Promise<A> =>
  Effect.runPromise(
    Effect.provide(Effect.flatMap(Store.Store, effect), Store.cached(directory, given).pipe(Layer.provide(own.layer)))
  )

const read =
  (name: string, offset: number, length: number) =>
  (store: Store.StoreService): Effect.Effect<Uint8Array, Store.StoreError> =>
    Effect.flatMap(store.stat({ location: `far://${name}` }), (info) => store.read(info, offset, length))

const expected = (own: Far, name: string, offset: number, length: number) =>
  bytesOf(name, own.generation, offset, offset + length)

describe("a cache", () => {
  test("reads blocks from the store once, and from the folder after that, in other runs too", async () => {
    const own = far(SIZE)
    const directory = folder()
    const ranges: ReadonlyArray<readonly [number, number]> = [
      [0, 10],
      [BLOCK - 5, 10],
      [70_000, 1],
      [SIZE - 7, 7],
      [2 ** 16, 2 ** 16],
      [0, SIZE],
      [5, 0]
    ]
    for (const [offset, length] of ranges) {
      expect(await use(own, directory, read("a", offset, length))).toEqual(expected(own, "a", offset, length))
    }
    expect(own.reads.length).toBe(Math.ceil(SIZE / BLOCK))
    expect(own.reads[0]).toBe(`a 0 ${BLOCK}`)
    const streamed = await use(own, directory, (store) =>
      Effect.flatMap(store.stat({ location: "far://a" }), (info) => Stream.runCollect(store.stream(info, 999)))
    )
    expect(Buffer.concat(Array.from(streamed)).equals(expected(own, "a", 999, SIZE - 999))).toBe(true)
    expect(own.reads.length).toBe(Math.ceil(SIZE / BLOCK))
  })

  test("hands out bytes that are the caller's own", async () => {
    const own = far(SIZE)
    await use(own, folder(), (store) =>
      Effect.gen(function* () {
        const first = yield* read("a", 0, 100)(store)
        first.fill(0)
        expect(yield* read("a", 0, 100)(store)).toEqual(expected(own, "a", 0, 100))
      })
    )
  })

  test("reads a block once for all who ask at once", async () => {
    const own = far(SIZE)
    own.delay = Effect.sleep("5 millis")
    await use(own, folder(), (store) =>
      Effect.forEach(
        Array.from({ length: 20 }, (_, place) => place * 10),
        (offset) =>
          Effect.map(read("a", offset, 10)(store), (bytes) => expect(bytes).toEqual(expected(own, "a", offset, 10))),
        { concurrency: "unbounded" }
      )
    )
    expect(own.reads).toEqual([`a 0 ${BLOCK}`])
  })

  test("passes errors of the store on, and keeps nothing of them", async () => {
    const own = far(SIZE)
    const directory = folder()
    const failed = await use(own, directory, (store) =>
      Effect.gen(function* () {
        const info = yield* store.stat({ location: "far://a" })
        own.generation++
        return yield* Effect.flip(store.read(info, 0, 10))
      })
    )
    expect(failed).toMatchObject({ _tag: "StoreError", kind: "changed" })
    expect(blocks(directory)).toEqual([])
    expect(await use(own, directory, (store) => Effect.flip(read("a", SIZE, 1)(store)))).toMatchObject({
      kind: "short"
    })
  })

  test("does not mix an object with its old self", async () => {
    const own = far(SIZE)
    const directory = folder()
    await use(own, directory, (store) =>
      Effect.gen(function* () {
        const old = yield* store.stat({ location: "far://a" })
        const before = yield* store.read(old, 0, 10)
        own.generation++
        expect(yield* read("a", 0, 10)(store)).toEqual(expected(own, "a", 0, 10))
        expect(yield* store.read(old, 0, 10)).toEqual(before)
        expect(yield* Effect.flip(store.read(old, BLOCK, 10))).toMatchObject({ kind: "changed" })
      })
    )
  })

  test("leaves alone what is near, or has no version", async () => {
    const directory = folder()
    const path = join(root, "near.txt")
    writeFileSync(path, "near")
    const own = far(SIZE)
    await use(own, directory, (store) =>
      Effect.gen(function* () {
        const info = yield* store.stat({ location: path })
        expect((yield* store.read(info, 0, 4)).length).toBe(4)
        const unknown = { location: "far://a", size: SIZE, version: "" }
        expect(yield* Effect.flip(store.read(unknown, 0, 1))).toMatchObject({ kind: "changed" })
      })
    )
    expect(readdirSync(root)).not.toContain(directory.slice(root.length + 1))
  })
})

describe("its bound", () => {
  test("is kept, and what was not used for the longest time goes first", async () => {
    const own = far(BLOCK)
    const directory = folder()
    const bytes = BLOCK * 4
    await use(
      own,
      directory,
      (store) =>
        Effect.gen(function* () {
          yield* read("a", 0, 1)(store)
          for (const name of "bcdefghijk") {
            yield* read(name, 0, 1)(store)
            yield* Effect.sleep("2 millis")
            yield* read("a", 0, 1)(store)
            expect(bytesIn(directory)).toBeLessThanOrEqual(bytes)
          }
        }),
      { bytes, blockBytes: BLOCK }
    )
    expect(own.reads.filter((name) => name.startsWith("a"))).toEqual([`a 0 ${BLOCK}`])
    expect(own.reads.length).toBe(11)
    expect(blocks(directory).length).toBeGreaterThan(1)
    expect(readdirSync(inside(directory)).length).toBe(blocks(directory).length)
  })

  test("holds when many blocks come at once, and a block that is longer is not kept", async () => {
    const own = far(SIZE)
    const directory = folder()
    const bytes = 300_000
    const all = await use(own, directory, read("a", 0, SIZE), { bytes })
    expect(all).toEqual(expected(own, "a", 0, SIZE))
    expect(bytesIn(directory)).toBeLessThanOrEqual(bytes)
    expect(blocks(directory).length).toBeGreaterThan(0)
    const none = folder()
    expect(await use(own, none, read("a", 0, 9), { bytes: 1000 })).toEqual(expected(own, "a", 0, 9))
    expect(blocks(none)).toEqual([])
  })

  test("counts what killed processes reserved, until that is old", async () => {
    const own = far(BLOCK)
    const directory = folder()
    await use(own, directory, read("a", 0, 1))
    const held = join(inside(directory), `held-${crypto.randomUUID()}-${2 ** 24}`)
    const part = join(inside(directory), `part-${crypto.randomUUID()}`)
    writeFileSync(held, "")
    writeFileSync(part, "torn")
    writeFileSync(join(inside(directory), "note.txt"), "not ours")
    await use(own, directory, read("b", 0, 1))
    expect(blocks(directory).length).toBe(0)
    const old = new Date(Date.now() - 200_000)
    for (const path of [held, part]) utimesSync(path, old, old)
    await use(own, directory, read("b", 0, 1))
    expect(readdirSync(inside(directory)).toSorted()).toEqual([...blocks(directory), "note.txt"].toSorted())
    expect(blocks(directory).length).toBe(1)
  })
})

describe("a block that is damaged", () => {
  const damages: ReadonlyArray<readonly [string, (path: string) => void]> = [
    [
      "by a flipped bit",
      (path) => {
        const bytes = readFileSync(path)
        bytes[70_000] = (bytes[70_000] ?? 0) ^ 1
        writeFileSync(path, bytes)
      }
    ],
    [
      "in its checksums",
      (path) => {
        const bytes = readFileSync(path)
        bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 128
        writeFileSync(path, bytes)
      }
    ],
    ["by a cut", (path) => writeFileSync(path, readFileSync(path).subarray(0, 66_000))],
    ["as it is empty", (path) => writeFileSync(path, "")],
    ["as it is all zeros", (path) => writeFileSync(path, new Uint8Array(statSync(path).size))]
  ]
  test.each(damages)("%s is read from the store again", async (_, damage) => {
    const own = far(BLOCK)
    const directory = folder()
    await use(own, directory, read("a", 0, 1))
    const [name = ""] = blocks(directory)
    damage(join(inside(directory), name))
    for (let time = 0; time < 2; time++) {
      expect(await use(own, directory, read("a", 0, BLOCK))).toEqual(expected(own, "a", 0, BLOCK))
    }
    expect(own.reads.length).toBe(2)
  })

  test("or is another's under its name is read again", async () => {
    const own = far(BLOCK)
    const directory = folder()
    await use(own, directory, read("a", 0, 1))
    const [a = ""] = blocks(directory)
    await use(own, directory, read("b", 0, 1))
    const [b = ""] = blocks(directory).filter((name) => name !== a)
    renameSync(join(inside(directory), b), join(inside(directory), a))
    expect(await use(own, directory, read("a", 5, 100))).toEqual(expected(own, "a", 5, 100))
  })
})

describe("a folder that cannot be used", () => {
  test("is told once, and reads go on; or they fail if the user says so", async () => {
    const own = far(SIZE)
    const directory = folder()
    writeFileSync(directory, "a file")
    const logged: Array<string> = []
    const logger = Logger.make(({ logLevel, message }) => logged.push(`${logLevel.label} ${String(message)}`))
    await use(own, directory, (store) =>
      Effect.provide(
        Effect.gen(function* () {
          for (const offset of [0, BLOCK, 5]) {
            expect(yield* read("a", offset, 10)(store)).toEqual(expected(own, "a", offset, 10))
          }
        }),
        Logger.replace(Logger.defaultLogger, logger)
      )
    )
    expect(logged.length).toBe(1)
    expect(logged[0]).toContain("WARN the cache is not used, and reads go on from the store")
    expect(logged[0]).toContain(directory)
    const failed = await use(own, directory, (store) => Effect.flip(read("a", 0, 10)(store)), {
      ...options,
      onFailure: "error"
    })
    expect(failed).toMatchObject({ _tag: "StoreError" })
    expect(failed.location).toContain(directory)
    expect(readFileSync(directory, "utf8")).toBe("a file")
  })

  test.each([
    ["no directory", "", { bytes: 1 }],
    ["no bound", "x", {}],
    ["half a byte", "x", { bytes: 0.5 }],
    ["a mode that there is not", "x", { bytes: 1, onFailure: "ignore" }]
  ])("%s is no option", async (_, directory, given) => {
    const layer = Store.cached(directory, given as never) // untyped code
    expect(await Effect.runPromise(Effect.flip(Effect.provide(Store.Store, layer)))).toMatchObject({
      _tag: "InvalidOption"
    })
  })
})
