import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import type { FileSystem } from "@effect/platform"
import { BunContext } from "@effect/platform-bun"
import { Chunk, Effect, Stream } from "effect"
import * as Decode from "../../src/decode/Decode.ts"
import { InvalidOption, Pipeline, Scheduler, Workers } from "../../src/index.ts"
import { fileOf, picture } from "../support/pictures.ts"

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
        Effect.provide(Stream.runCollect(Scheduler.stream(pipeline, { epochs: 1 })), Workers.fibers(1))
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

  test("a concurrency of 0 is refused", () => {
    expect(() => Decode.folder(photos, { concurrency: 0 })).toThrow(InvalidOption.InvalidOption)
  })
})
