import { afterAll, describe, expect, test } from "bun:test"
import { execFileSync } from "node:child_process"
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join, relative } from "node:path"
import { pathToFileURL } from "node:url"
import { Effect, Layer, Stream } from "effect"
import { Store } from "../../../src/index.ts"
import { located, shown } from "../../../src/sources/store/Location.ts"
import { fileVersion, sameVersion } from "../../../src/sources/store/Version.ts"
import { memoryStore } from "../../support/shards/MemoryStore.ts"

const folder = mkdtempSync(join(tmpdir(), "furrow-store-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const put = (name: string, content: string | Uint8Array): string => {
  const path = join(folder, name)
  mkdirSync(join(path, ".."), { recursive: true })
  writeFileSync(path, content)
  return path
}

const run = <A, E>(effect: Effect.Effect<A, E>): Promise<A> => Effect.runPromise(effect)
const refused = <A, E>(effect: Effect.Effect<A, E>): Promise<E> => Effect.runPromise(Effect.flip(effect))
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
const names = (locations: string | ReadonlyArray<string>) =>
  Effect.map(Store.resolve(locations), (found) => found.map(({ location }) => location))

const objects = { "a/0.txt": "zero", "a/1.txt": "one", "a/_index": "no", "a/.b/2.txt": "no", "b.txt": "two" }

/** The two stores that are at hand anywhere. Each begins with the same objects. */
const stores: Readonly<Record<string, { readonly root: string; readonly layer: Layer.Layer<Store.Store, unknown> }>> = {
  memory: { root: "memory://", layer: Store.memory(objects) },
  file: {
    root: `${join(folder, "both")}/`,
    layer: Layer.unwrapEffect(
      Effect.sync(() => {
        for (const [name, content] of Object.entries(objects)) put(`both/${name}`, content)
        return Store.file
      })
    )
  }
}

describe.each(Object.entries(stores))("%s", (_, { layer, root }) => {
  const use = <A, E>(effect: Effect.Effect<A, E>): Promise<A> => run(Effect.provide(effect, layer))
  const fails = <A, E>(effect: Effect.Effect<A, E>) => refused(Effect.provide(effect, layer))

  test("reads exactly the bytes that are asked for, as the caller's own", async () => {
    await use(
      Effect.gen(function* () {
        const store = yield* Store.Store
        const info = yield* store.stat({ location: `${root}a/0.txt` })
        expect(info).toMatchObject({ location: `${root}a/0.txt`, size: 4 })
        const bytes = yield* store.read(info, 1, 2)
        expect(text(bytes)).toBe("er")
        bytes.fill(0)
        expect(text(yield* store.read(info, 0, 4))).toBe("zero")
        expect((yield* store.read(info, 4, 0)).length).toBe(0)
        const beyond = yield* Effect.flip(store.read(info, 3, 2))
        expect(beyond).toMatchObject({ _tag: "StoreError", kind: "short" })
        expect(text(Buffer.concat(Array.from(yield* Stream.runCollect(store.stream(info, 1)))))).toBe("ero")
        expect(Array.from(yield* Stream.runCollect(store.stream(info, 4)))).toEqual([])
      })
    )
  })

  test("folders, wildcards, braces and lists", async () => {
    const under = (...own: ReadonlyArray<string>) => own.map((name) => `${root}${name}`)
    expect(await use(names(`${root}a/`))).toEqual(under("a/0.txt", "a/1.txt"))
    expect(await use(names(`${root}a`))).toEqual(under("a/0.txt", "a/1.txt"))
    expect(await use(names(`${root}**/*.txt`))).toEqual(under("a/0.txt", "a/1.txt", "b.txt"))
    expect(await use(names(`${root}*`))).toEqual(under("b.txt"))
    expect(await use(names([`${root}b.txt`, `${root}a/{1..0}.txt`]))).toEqual(under("b.txt", "a/1.txt", "a/0.txt"))
    expect(await use(names(`${root}a/{7..8}.txt`))).toEqual(under("a/7.txt", "a/8.txt"))
  })

  test("what is not there, or is there twice, is told", async () => {
    expect(await fails(names(`${root}c.txt`))).toMatchObject({ _tag: "StoreError", kind: "missing" })
    expect(await fails(names(`${root}c/`))).toMatchObject({ _tag: "StoreError", kind: "missing" })
    expect(await fails(names(`${root}*.csv`))).toMatchObject({ _tag: "StoreError", kind: "missing" })
    expect(await fails(names([`${root}b.txt`, `${root}*`]))).toMatchObject({ _tag: "InvalidOption" })
  })

  test("a write appears whole, or not at all", async () => {
    await use(
      Effect.gen(function* () {
        const store = yield* Store.Store
        const bytes = Stream.make(Buffer.from("new "), Buffer.from("object"))
        const info = yield* store.write(`${root}w/x/new.txt`, bytes)
        expect(text(yield* store.read(info, 0, info.size))).toBe("new object")
        const torn = Stream.concat(bytes, Stream.fail("torn" as const))
        expect(yield* Effect.flip(store.write(`${root}w/x/torn.txt`, torn))).toBe("torn")
        expect(yield* names(`${root}w/`)).toEqual([`${root}w/x/new.txt`])
        // The new one is not mixed with what was opened before.
        yield* store.write(`${root}w/x/new.txt`, Stream.make(Buffer.from("renewed object")))
        expect(yield* Effect.flip(store.read(info, 0, 3))).toMatchObject({ _tag: "StoreError", kind: "changed" })
      })
    )
  })
})

describe("local files", () => {
  test("a failed write leaves nothing behind", async () => {
    const path = join(folder, "left", "out.txt")
    const store = await run(Store.Store)
    await refused(store.write(path, Stream.concat(Stream.make(Buffer.from("x")), Stream.fail("no"))))
    expect(readdirSync(join(folder, "left"))).toEqual([])
  })

  test("a file that changes, shrinks or vanishes after it was opened", async () => {
    const path = put("changing.txt", "0123456789")
    const store = await run(Store.Store)
    const info = await run(store.stat({ location: path }))
    utimesSync(path, new Date(), new Date(2020, 1, 1))
    expect(await refused(store.read(info, 0, 1))).toMatchObject({ kind: "changed", location: path })
    const again = await run(store.stat({ location: path }))
    truncateSync(path, 5)
    expect(await refused(store.read(again, 8, 1))).toMatchObject({ kind: "changed" })
    rmSync(path)
    expect(await refused(store.read(again, 0, 1))).toMatchObject({ kind: "missing" })
  })

  test("a file that is written while it is read", async () => {
    const path = put("written.txt", "0123456789")
    const store = await run(Store.Store)
    const info = await run(store.stat({ location: path }))
    const files = process.getBuiltinModule("node:fs").promises
    const open = files.open
    // Another program writes it once it has been looked at.
    files.open = async (...args) => {
      const handle = await open(...args)
      const read = handle.read.bind(handle) as (...own: ReadonlyArray<unknown>) => ReturnType<typeof handle.read>
      const torn = async (...own: ReadonlyArray<unknown>) => {
        writeFileSync(path, "abcdefghij")
        utimesSync(path, new Date(), new Date(Date.now() + 5_000))
        return read(...own)
      }
      return Object.assign(handle, { read: torn as typeof handle.read })
    }
    try {
      expect(await refused(store.read(info, 0, 10))).toMatchObject({ _tag: "StoreError", kind: "changed" })
    } finally {
      files.open = open
    }
  })

  test("a file of the same size and time that was put in its place is another one", async () => {
    const path = put("replaced.txt", "one")
    const store = await run(Store.Store)
    const info = await run(store.stat({ location: path }))
    const { atime, mtime } = statSync(path)
    const other = put("other.txt", "two")
    utimesSync(path, atime, mtime)
    const same = await run(store.stat({ location: path }))
    utimesSync(other, atime, mtime)
    expect(text(await run(store.read(same, 0, 3)))).toBe("one")
    renameSync(other, path)
    const now = await run(store.stat({ location: path }))
    expect(now.size).toBe(info.size)
    expect(now.version.split(/[.-]/)[0]).toBe(info.version.split(/[.-]/)[0])
    expect(await refused(store.read(same, 0, 3))).toMatchObject({ _tag: "StoreError", kind: "changed" })
  })

  test("a version tells nanoseconds and the file's number, and is the same on a runtime that knows no nanoseconds", () => {
    const version = fileVersion(1_795_765_002_972_327_859n, 77n)
    expect(version).toBe("t1795765002972.327859-77")
    expect(sameVersion(version, fileVersion(1_795_765_002_972_000_000n, 77n))).toBe(true)
    expect(sameVersion(version, fileVersion(1_795_765_002_972_327_860n, 77n))).toBe(false)
    expect(sameVersion(version, fileVersion(1_795_765_002_972_327_859n, 78n))).toBe(false)
    expect(sameVersion(version, fileVersion(1_795_765_002_973_000_000n, 77n))).toBe(false)
    expect(sameVersion('"tag"', '"tag"')).toBe(true)
    expect(sameVersion('"tag"', '"other"')).toBe(false)
  })

  test("relative paths, file: addresses, and links are followed", async () => {
    const path = put("linked/real/a.txt", "a")
    symlinkSync(path, join(folder, "linked", "b.txt"))
    symlinkSync(join(folder, "nowhere"), join(folder, "linked", "broken"))
    symlinkSync(join(folder, "linked"), join(folder, "linked", "real", "circle"))
    const found = await run(names(`${folder}/linked/*.txt`))
    expect(found).toEqual([`${folder}/linked/b.txt`])
    expect(await run(names(pathToFileURL(path).href))).toEqual([path])
    expect(await run(names("package.json"))).toEqual(["package.json"])
  })

  test("a file that a relative pattern finds is a file, though its name looks like an address", async () => {
    const { layer } = memoryStore({ "s3:x": "", "x/a:b": "", y: "" })
    expect(await run(Effect.provide(names("*"), layer))).toEqual(["./s3:x", "y"])
    expect(await run(Effect.provide(names("x/*"), layer))).toEqual(["x/a:b"])
  })

  test("pipes and devices are refused, as they may have no end", async () => {
    const pipe = join(folder, "pipe")
    execFileSync("mkfifo", [pipe])
    expect(await refused(names(pipe))).toMatchObject({ _tag: "StoreError", kind: "unsupported" })
    expect(await refused(names("/dev/zero"))).toMatchObject({ kind: "unsupported" })
  })

  test("a file in whose place a pipe or a device was put is refused at once", async () => {
    const path = put("was.txt", "content")
    const store = await run(Store.Store)
    const info = await run(store.stat({ location: path }))
    rmSync(path)
    execFileSync("mkfifo", [path])
    expect(await refused(store.read(info, 0, 3))).toMatchObject({ _tag: "StoreError", kind: "changed" })
    expect(await refused(Stream.runDrain(store.stream(info)))).toMatchObject({ _tag: "StoreError", kind: "changed" })
    rmSync(path)
    symlinkSync("/dev/zero", path)
    const error = await refused(store.read(info, 0, 3))
    expect(error.message).toContain("it is a file no more but a folder, a device, a pipe or a socket; open it again")
  })

  test("many names in braces are not looked at", async () => {
    expect((await run(Store.resolve(`${folder}/none/{00000..99999}.jsonl`))).length).toBe(100_000)
  })
})

describe("locations", () => {
  test.each([null, 7, "", "a\0b", {}, [1], [""]])("%p is none", async (given) => {
    expect(await refused(Store.resolve(given as never))).toMatchObject({ _tag: "InvalidOption" }) // untyped code
  })

  test("what is secret in an address is shown nowhere, and kept for the request", () => {
    const address = "https://user:word@host/a.csv?file=1&X-Amz-Signature=abc&token=t#x"
    expect(shown(address)).toBe("https://host/a.csv?file=1")
    const object = located("https://host/a?sig=abc")
    expect(JSON.stringify(object)).toBe('{"location":"https://host/a"}')
    expect(shown("hf://datasets/a/b@main/c")).toBe("hf://datasets/a/b@main/c")
    expect(shown("s3://me:hush@bucket/a#1?x=1")).toBe("s3://bucket/a#1?x=1")
    expect(shown("C:\\data\\a?b")).toBe("C:\\data\\a?b")
  })

  test("a scheme that no store serves is told, with the layer to provide", async () => {
    expect(String(await refused(Store.resolve("gs://bucket/a")))).toContain('provide one by Store.make("gs"')
    expect(String(await refused(Store.resolve("gopher://host/*")))).toContain('Store.make("gopher", …)')
  })

  test("a path that a URL has escaped, and that is not there, says what became of its braces", async () => {
    const escaped = new URL("none/{train,test}.txt", pathToFileURL(`${folder}/`)).pathname
    for (const location of [escaped, `${escaped}/*`, `${escaped}/`]) {
      const error = await refused(Store.resolve(location))
      expect(error).toMatchObject({ _tag: "StoreError", kind: "missing" })
      expect(error.message).toContain("%7B and %7D are braces")
    }
    expect((await refused(Store.resolve(join(folder, "none.txt")))).message).not.toContain("%7B")
  })

  test("several layers are provided one to the next", async () => {
    const both = Store.memory({ a: "memory" }).pipe(
      Layer.provide(Store.make("mine", { ...(await run(Effect.provide(Store.Store, Store.memory({ x: "" })))) }))
    )
    const found = await run(Effect.provide(names(["memory://a", "package.json"]), both))
    expect(found).toEqual(["memory://a", "package.json"])
  })
})

test("a file is named once, however its path is written", async () => {
  const path = put("spelled/a.txt", "a")
  const other = put("spelled/b.txt", "b")
  const under = (rest: string): string => `${join(folder, "spelled")}${rest}`
  const spellings = [under("//a.txt"), under("/./a.txt"), under("/../spelled/a.txt"), relative(process.cwd(), path)]
  for (const spelling of [...spellings, pathToFileURL(path).href]) {
    const error = await refused(names([path, other, spelling]))
    expect(error).toMatchObject({ _tag: "InvalidOption", option: "an object" })
    expect(await refused(names([spelling, path]))).toMatchObject({ _tag: "InvalidOption" })
  }
  expect(await run(names([path, under("//b.txt")]))).toEqual([path, under("//b.txt")])
})
