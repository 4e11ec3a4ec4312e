/**
 * The house: which room of `src/` may import which, read from the imports themselves. `docs/architecture.md` has the
 * picture.
 */
import { describe, expect, test } from "bun:test"
import { existsSync, readFileSync } from "node:fs"
import { drawn, floorOf, roomOf, type Source, sources } from "./support/house.ts"
import { reduced } from "./support/picture.ts"

/** A file has one concept, and one concept has a length. */
const LONGEST = 400

/** Groups of files that import one another, in a circle or several. */
const circles = (of: ReadonlyArray<Source>): ReadonlyArray<string> => {
  const graph = new Map(of.map(({ file, imports }) => [file, imports]))
  const reached = new Map<string, ReadonlySet<string>>()
  for (const file of graph.keys()) {
    const seen = new Set<string>()
    const next = [...(graph.get(file) ?? [])]
    for (let one = next.pop(); one !== undefined; one = next.pop()) {
      if (seen.has(one)) continue
      seen.add(one)
      next.push(...(graph.get(one) ?? []))
    }
    reached.set(file, seen)
  }
  const groups = Array.from(graph.keys())
    .filter((file) => reached.get(file)?.has(file))
    .map((file) => [...graph.keys()].filter((other) => reached.get(file)?.has(other) && reached.get(other)?.has(file)))
  return Array.from(new Set(groups.map((group) => group.join(" ↔ "))))
}

/** Imports that go up, or sideways into another room; and those of images in the scheduler, which knows none. */
const up = (of: ReadonlyArray<Source>): ReadonlyArray<string> =>
  of.flatMap(({ file, imports }) =>
    imports
      .filter((path) => roomOf(path) !== roomOf(file))
      .filter((path) => floorOf(path) <= floorOf(file) || (/^scheduler/.test(file) && roomOf(path) === "image"))
      .map((path) => `${file} → ${path}`)
  )

/** The one file through which the inside of the scheduler waits, and what of Effect is plain data. */
const SEAM = "scheduler/build/Work.ts"
const PLAIN = ["effect/Data", "effect/Either", "effect/Encoding"]

const effectful = (of: ReadonlyArray<Source>): ReadonlyArray<string> =>
  of
    .filter(({ file }) => /^scheduler\/(plan|build)\//.test(file) && file !== SEAM)
    .flatMap(({ code, file }) =>
      Array.from(code.matchAll(/"((?:@effect|effect)\/\w+)"/g), ([, path = ""]) => path)
        .filter((path) => !PLAIN.includes(path))
        .map((path) => `${file}: ${path}`)
    )

/** What only code needs that changes a global object or knows Effect from the inside. */
const INSIDE =
  /"effect\/(?:DefaultServices|GlobalValue|FiberRefs|internal\/\w+)"|\bunsafeMap\b|(?:defineProperty|Reflect\.set)\(\s*(?:globalThis|Math|crypto|process)\b|\b(?:globalThis|Math|crypto)(?:\.\w+|\[[^\]]+\]) = /

const patching = (of: ReadonlyArray<Source>): ReadonlyArray<string> =>
  of.filter(({ code, file }) => roomOf(file) !== "patches" && INSIDE.test(code)).map(({ file }) => file)

/** What a value can do is a field of it. A tensor is data, and errors are told apart by their classes. */
const DATA = ["Tensor"]

/** `instanceof` of our own classes. */
const classes = (of: ReadonlyArray<Source>): ReadonlyArray<string> => {
  const all = of.flatMap(({ code }) => Array.from(code.matchAll(/\bclass (\w+)(?:<[^{]*?>)? (?:extends ([\w.]+))?/g)))
  const own = all
    .filter(([, name = "", base = ""]) => !/Error$/.test(base) && !DATA.includes(name))
    .map(([, name]) => name)
  return of.flatMap(({ code, file }) =>
    Array.from(new Set(Array.from(code.matchAll(/\binstanceof (\w+)/g), ([, name = ""]) => name)))
      .filter((name) => own.includes(name))
      .map((name) => `${file}: ${name}`)
  )
}

describe("every file of src/", () => {
  test("is read with its imports", () => {
    expect(sources.length).toBeGreaterThan(100)
    const known = new Set(sources.map(({ file }) => file))
    const missing = sources.flatMap(({ dynamic, file, imports }) =>
      [...imports, ...dynamic].filter((path) => !known.has(path)).map((path) => `${file} → ${path}`)
    )
    expect(missing).toEqual([])
  })

  test(`has at most ${LONGEST} lines`, () => {
    expect(sources.filter(({ lines }) => lines > LONGEST).map(({ file }) => file)).toEqual([])
  })

  test("is in no circle of imports, types included", () => {
    expect(circles(sources)).toEqual([])
  })

  test("imports from its own room and from lower floors", () => {
    expect(up(sources)).toEqual([])
  })

  test("is loaded by an import; those that are loaded at run time are few, and listed", () => {
    const all = sources.flatMap(({ dynamic, file }) => dynamic.map((path) => `${file} → ${path}`))
    // What reads a format lies in its folder, and is loaded with the first shard (`sources/formats/Lazy.ts`).
    const dynamic = all.filter((own) => !/^(sources\/formats\/\w+\/)\w+\.ts → \1\w+\.ts$/.test(own))
    expect(all.length).toBeGreaterThan(dynamic.length)
    expect(dynamic).toEqual([
      // A bundle's thread loads the bundle, and starts the thread's program from there.
      "scheduler/backends/threads/ThreadEntry.ts → thread.ts",
      // A cache is used by few programs.
      "sources/store/Store.ts → sources/store/cached/Cached.ts",
      // The client of HTTP, hundreds of files, is loaded with the first request.
      "sources/store/http/Requests.ts → sources/store/http/Modules.ts",
      // What speaks S3's protocol is loaded with the first location in S3.
      "sources/store/s3/Settings.ts → sources/store/s3/S3.ts",
      // node:zlib is loaded with the first gzipped shard that is read in order.
      "sources/stream/Unpack.ts → sources/stream/Gunzip.ts",
      "sources/stream/Unpack.ts → sources/stream/Unzstd.ts",
      // The compiler of the kernels writes it.
      "wasm/compile.ts → wasm/binary.ts"
    ])
  })
})

test("the inside of the scheduler waits through one file, and knows nothing else of Effect", () => {
  expect(effectful(sources)).toEqual([])
})

test("globals and what is inside Effect are patched in patches/ alone", () => {
  expect(patching(sources)).toEqual([])
})

test("no path is decided by `instanceof` of a class of ours", () => {
  expect(classes(sources)).toEqual([])
})

test("the readers above see what they are to see", () => {
  const source = (file: string, code: string, ...imports: ReadonlyArray<string>): Source => ({
    file,
    code,
    lines: 1,
    imports,
    dynamic: []
  })
  const a = source("core/A.ts", "", "core/B.ts")
  expect(circles([a, source("core/B.ts", "", "core/C.ts"), source("core/C.ts", "", "core/A.ts")])).toHaveLength(1)
  expect(circles([a, source("core/B.ts", "", "core/C.ts"), source("core/C.ts", "")])).toEqual([])
  expect(up([source("core/A.ts", "", "random/B.ts")])).toEqual(["core/A.ts → random/B.ts"])
  expect(up([source("audit/A.ts", "", "parity/B.ts")])).toEqual(["audit/A.ts → parity/B.ts"])
  expect(up([source("random/A.ts", "", "core/B.ts", "random/C.ts")])).toEqual([])
  expect(effectful([source("scheduler/plan/A.ts", 'import * as Effect from "effect/Effect"')])).toHaveLength(1)
  expect(effectful([source("scheduler/build/A.ts", 'import * as Data from "effect/Data"')])).toEqual([])
  const plain = source("core/A.ts", "class Plain {}\nclass Wrong extends Data.TaggedError() {}")
  expect(classes([plain, source("core/B.ts", "x instanceof Plain")])).toEqual(["core/B.ts: Plain"])
  expect(classes([plain, source("core/B.ts", "x instanceof Wrong || x instanceof Map")])).toEqual([])
  for (const code of ["globalThis.x = 1", "Object.defineProperty(Math, key, it)", 'from "effect/DefaultServices"']) {
    expect(patching([source("core/A.ts", code)])).toEqual(["core/A.ts"])
  }
})

test("docs/architecture.md has the picture of the house as it is: bun run build:picture", () => {
  expect(readFileSync(new URL("../docs/architecture.svg", import.meta.url), "utf8")).toBe(drawn())
})

test("the picture leaves out the arrows that follow from others", () => {
  const arrows = [
    ["a", "b"],
    ["b", "c"],
    ["a", "c"]
  ] as const
  expect(reduced(arrows)).toEqual([
    ["a", "b"],
    ["b", "c"]
  ])
})

test("docs/architecture.md names files that are there", () => {
  const page = readFileSync(new URL("../docs/architecture.md", import.meta.url), "utf8")
  const named = Array.from(page.matchAll(/`((?:src|test)\/[\w./]+)`/g), ([, path = ""]) => path)
  expect(named.length).toBeGreaterThan(40)
  expect(named.filter((path) => !existsSync(new URL(`../${path}`, import.meta.url)))).toEqual([])
})
