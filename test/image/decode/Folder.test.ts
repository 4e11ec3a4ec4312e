import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { execFileSync } from "node:child_process"
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import type { FileSystem } from "@effect/platform"
import { BunContext } from "@effect/platform-bun"
import { Chunk, Effect, Logger, Stream } from "effect"
import * as Decode from "../../../src/image/decode/Decode.ts"
import { Lineage, Pipeline, Scheduler, Workers } from "../../../src/index.ts"
import { fileOf, picture } from "../../support/pictures.ts"

const home = mkdtempSync(join(tmpdir(), "furrow-folder-"))
const photos = join(home, "photos")
afterAll(() => rmSync(home, { recursive: true, force: true }))

const put = (name: string, bytes: Uint8Array): void => {
  mkdirSync(dirname(join(home, name)), { recursive: true })
  writeFileSync(join(home, name), bytes)
}

const run = <A, E>(effect: Effect.Effect<A, E, FileSystem.FileSystem>): Promise<A> =>
  Effect.runPromise(Effect.provide(effect, BunContext.layer))

const refused = async (path: string): Promise<unknown> => run(Effect.flip(Decode.folder(path)))

beforeAll(async () => {
  put("photos/dog/b.png", await fileOf(picture(5, 4).png()))
  put("photos/dog/a.JPG", await fileOf(picture(6, 4).jpeg()))
  put("photos/Zebra/deep/er/c.webp", await fileOf(picture(7, 4).webp()))
  put("photos/cat/10.png", await fileOf(picture(8, 4).png()))
  put("photos/cat/9.png", await fileOf(picture(9, 4).png()))
  // None of these is an image of a class.
  put("photos/cat/notes.txt", Uint8Array.of(1))
  put("photos/cat/.thumb.png", Uint8Array.of(1))
  put("photos/dog/.cache/x.png", Uint8Array.of(1))
  put("photos/.git/x.png", Uint8Array.of(1))
  put("photos/loose.png", Uint8Array.of(1))
  put("flat/a.png", Uint8Array.of(1))
  put("gap/full/a.png", Uint8Array.of(1))
  put("gap/void/readme.md", Uint8Array.of(1))
  put("file.png", Uint8Array.of(1))
})

describe("a folder of classes", () => {
  test("has its subfolders for classes and their images for samples, both sorted", async () => {
    const folder = await run(Decode.folder(`${photos}/`))
    expect(folder.classes).toEqual(["Zebra", "cat", "dog"])
    expect(folder.counts).toEqual([1, 2, 2])
    expect(folder.size).toBe(5)
    const names = ["Zebra/deep/er/c.webp", "cat/10.png", "cat/9.png", "dog/a.JPG", "dog/b.png"]
    expect(folder.files).toEqual(names.map((name) => `${photos}/${name}`))
    for (const [index, shard] of folder.files.entries()) {
      expect(Lineage.at(folder, index)).toEqual({ dataset: folder.name, shard, row: 0 })
    }
  })

  test("is decoded in a pipeline", async () => {
    const folder = await run(Decode.folder(photos, { name: "photos", concurrency: 2 }))
    expect(folder.name).toBe("photos")
    const pipeline = Pipeline.from(folder).pipe(
      Pipeline.mapEffect("decode", Decode.image()),
      Pipeline.map("height", ({ image, label }) => ({ height: image.shape[0] ?? 0, label })),
      Pipeline.batch(5)
    )
    const [batch] = Chunk.toReadonlyArray(
      await Effect.runPromise(
        Effect.provide(Stream.runCollect(Scheduler.stream(pipeline, { epochs: 1 })), Workers.fibers({ workers: 1 }))
      )
    )
    expect(Array.from(batch?.columns.height.data ?? [])).toEqual([7, 8, 9, 6, 5])
    expect(Array.from(batch?.columns.label.data ?? [])).toEqual([0, 1, 1, 2, 2])
  })

  test("fails with the file that is gone when it is read", async () => {
    put("fading/one/a.png", Uint8Array.of(1))
    const folder = await run(Decode.folder(join(home, "fading")))
    rmSync(join(home, "fading"), { recursive: true })
    const error = await Effect.runPromise(Effect.flip(folder.get(0)))
    expect(error).toMatchObject({ _tag: "SystemError", reason: "NotFound" })
    expect(error.message).toContain("fading/one/a.png")
  })
})

test("a pipe that is named as an image is refused when it is read", async () => {
  put("pipes/one/a.png", Uint8Array.of(1))
  execFileSync("mkfifo", [join(home, "pipes/one/b.png")])
  const folder = await run(Decode.folder(join(home, "pipes")))
  const error = await run(Effect.flip(folder.get(1)))
  expect(error).toMatchObject({ _tag: "FolderError" })
  expect(error.message).toContain("pipes/one/b.png: it is not a file but a FIFO")
})

describe("links", () => {
  /** A folder with links in it: `[path, target]`, both from `at`. */
  const linked = (
    at: string,
    files: ReadonlyArray<string>,
    links: ReadonlyArray<readonly [string, string]>
  ): string => {
    const root = join(home, at)
    for (const file of files) put(`${at}/${file}`, Uint8Array.of(1))
    for (const [path, target] of links) {
      mkdirSync(dirname(join(root, path)), { recursive: true })
      symlinkSync(target.startsWith("/") ? target : join(root, target), join(root, path))
    }
    return root
  }
  const listed = async (root: string) => {
    const logged: Array<string> = []
    const logger = Logger.make(({ message }) => void logged.push(String(message)))
    const folder = await run(Effect.provide(Decode.folder(root), Logger.replace(Logger.defaultLogger, logger)))
    const short = (path: string) => path.replace(`${realpathSync(root)}/`, "").replace(`${root}/`, "")
    return {
      files: folder.files.map(short),
      labels: folder.counts,
      unfollowed: folder.unfollowed.map(({ path, target }) => `${short(path)} -> ${short(target)}`),
      logged
    }
  }

  test("and images of formats that are not decoded: these are left out, and counted", async () => {
    const root = linked(
      "formats",
      ["one/a.png", "one/b.TIF", "one/deep/c.tif", "two/d.jpg", "two/e.heic", "two/f.txt"],
      []
    )
    mkdirSync(join(root, "two", "g.bmp"))
    const { files, logged } = await listed(root)
    expect(files).toEqual(["one/a.png", "two/d.jpg"])
    expect(logged).toEqual([
      `${root}: images of other formats than .jpg, .jpeg, .png, .webp, .gif, .avif are left out: 1 .heic, 2 .tif; convert them, or move them away`
    ])
  })

  test("and images beside the folders of the classes: these are left out, and counted", async () => {
    const root = linked("loose", ["one/a.png", "b.PNG", "c.jpg", "d.txt"], [])
    const { files, logged } = await listed(root)
    expect(files).toEqual(["one/a.png"])
    expect(logged).toEqual([
      `${root}: 2 images beside the folders of the classes left out; images belong into the folder of their class`
    ])
  })

  test("that loop: each file comes once, under its own class, and what was not followed is said", async () => {
    const root = linked(
      "loops",
      ["cat/a.png", "cat/deep/b.png", "dog/c.png"],
      [
        ["cat/self", "cat"],
        ["cat/deep/up", "cat"],
        ["cat/all", "."],
        ["cat/above", home],
        ["cat/dogs", "dog"],
        ["dog/cats", "cat/deep"],
        ["dog/there", "dog/back"],
        ["dog/back", "dog/there"]
      ]
    )
    const { files, labels, logged, unfollowed } = await listed(root)
    expect(files).toEqual(["cat/a.png", "cat/deep/b.png", "dog/c.png"])
    expect(labels).toEqual([2, 1])
    expect(unfollowed.map((link) => link.split(" -> ")[0])).toEqual([
      "cat/above",
      "cat/all",
      "cat/deep/up",
      "cat/dogs",
      "cat/self",
      "dog/cats"
    ])
    expect(logged).toHaveLength(1)
    expect(logged[0]).toContain(`${root}: 6 links were not followed, as the files behind are listed already`)
  })

  test("to folders elsewhere are followed, each folder once, also where they loop", async () => {
    const root = linked("pools", ["cat/a.png"], [["cat/pool", join(home, "pool")]])
    linked("pool", ["one/x.png", "one/two/y.png"], [["one/two/three", join(home, "pool")]])
    const { files, unfollowed } = await listed(root)
    expect(files).toEqual(["cat/a.png", "cat/pool/one/two/y.png", "cat/pool/one/x.png"])
    expect(unfollowed).toHaveLength(1)
  })

  test("thirty folders, each linked to all others, are listed at once", async () => {
    const names = Array.from({ length: 30 }, (_, at) => `f${at}`)
    const root = linked(
      "mesh",
      names.map((name) => `all/${name}/x.png`),
      names.flatMap((from) => names.map((to) => [`all/${from}/to-${to}`, `all/${to}`] as const))
    )
    const { files, unfollowed } = await listed(root)
    expect(files).toHaveLength(30)
    expect(unfollowed).toHaveLength(900)
  })

  test("a class that is a link is a class; links to files are files; broken links are not followed", async () => {
    const root = linked(
      "mixed",
      ["cat/a.png"],
      [
        ["dog", join(home, "kennel")],
        ["gone", "nowhere"],
        ["cat/gone", "nowhere"],
        ["cat/z.png", join(home, "kennel/d.png")]
      ]
    )
    put("kennel/d.png", Uint8Array.of(1))
    const { files, labels, logged } = await listed(root)
    expect(files).toEqual(["cat/a.png", "cat/z.png", "dog/d.png"])
    expect(labels).toEqual([2, 1])
    expect(logged).toEqual([])
  })

  test("a class that is a link to another class is refused", async () => {
    const root = linked("twins", ["cat/a.png"], [["kitten", "cat"]])
    const error = await refused(root)
    expect(error).toMatchObject({ _tag: "FolderError", path: join(root, "kitten") })
    expect(String(error)).toContain("whose images belong to another class already; remove one of the two")
  })
})

describe("a folder that is none", () => {
  test.each([
    ["absent", "absent", "there is no such folder"],
    ["file.png", "file.png", "there is no such folder"],
    ["flat", "flat", "it has no subfolders; it should have one a class"],
    ["gap", "gap/void", "it has no images"]
  ])("%s", async (path, at, reason) => {
    const error = await refused(join(home, path))
    expect(error).toBeInstanceOf(Decode.FolderError)
    expect(error).toMatchObject({ path: join(home, at) })
    expect(String(error)).toContain(reason)
  })

  test("a concurrency of 0 fails, and does not die", async () => {
    const caught = Decode.folder(photos, { concurrency: 0 }).pipe(
      Effect.catchTag("InvalidOption", ({ message }) => Effect.succeed(message))
    )
    expect(await run(caught)).toBe("concurrency must be a whole number of at least 1, got 0")
  })
})
