import { afterAll, describe, expect, test } from "bun:test"
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { Effect, Logger } from "effect"
import { Dataset, Format, Store } from "../../../src/index.ts"

const home = realpathSync(mkdtempSync(join(tmpdir(), "furrow-walk-")))
afterAll(() => rmSync(home, { recursive: true, force: true }))

/** A folder with files, and links in it: `[path, target]`. */
const made = (name: string, files: ReadonlyArray<string>, links: ReadonlyArray<readonly [string, string]>): string => {
  const root = join(home, name)
  for (const file of files) {
    mkdirSync(dirname(join(root, file)), { recursive: true })
    writeFileSync(join(root, file), '{"n":0}\n')
  }
  for (const [path, target] of links) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    symlinkSync(target, join(root, path))
  }
  return root
}

/** What a location stands for, without the folder's path, and what was logged. */
const found = async (root: string, pattern: string) => {
  const logged: Array<string> = []
  const logger = Logger.make(({ message }) => void logged.push(String(message)))
  const objects = await Effect.runPromise(
    Effect.provide(Store.resolve(`${root}/${pattern}`), Logger.replace(Logger.defaultLogger, logger))
  )
  return { names: objects.map(({ location }) => location.slice(root.length + 1)), logged }
}

const open = (location: string) => Dataset.open(location, { format: Format.jsonl(), index: false })

describe("links to folders", () => {
  test("that lead around in circles: each shard once", async () => {
    const root = made(
      "circles",
      ["a.jsonl", "deep/b.jsonl"],
      [
        ["x", "."],
        ["y", "."],
        ["deep/up", ".."],
        ["deep/there", "back"],
        ["deep/back", "there"],
        ["deep/self", "../deep"]
      ]
    )
    const both = ["a.jsonl", "deep/b.jsonl"]
    expect((await found(root, "**/*.jsonl")).names).toEqual(both)
    expect((await found(root, "*/*.jsonl")).names).toEqual(["deep/b.jsonl", "x/a.jsonl"])
    expect((await Effect.runPromise(open(root))).size).toBe(2)
  })

  test("that lead to folders which are listed: by their own path, or by the link where that alone is asked for", async () => {
    const root = made(
      "versions",
      ["r1/v1/a.jsonl", "r1/v2/a.jsonl", "r2/v1/a.jsonl", "r2/v1/in/b.jsonl"],
      [
        ["r1/latest", "v2"],
        ["r2/latest", "v1"]
      ]
    )
    const all = ["r1/v1/a.jsonl", "r1/v2/a.jsonl", "r2/v1/a.jsonl", "r2/v1/in/b.jsonl"]
    expect((await found(root, "")).names).toEqual(all)
    expect((await found(root, "**")).names).toEqual(all)
    expect((await found(root, "*/latest/*.jsonl")).names).toEqual(["r1/latest/a.jsonl", "r2/latest/a.jsonl"])
    expect((await found(root, "*/latest/in/*")).names).toEqual(["r2/latest/in/b.jsonl"])
    expect((await found(`${root}/r1/latest`, "*.jsonl")).names).toEqual(["a.jsonl"])
  })

  test("that lead out of the folder are followed, also where a deeper path leads there first", async () => {
    made("outside", ["p/q/a.jsonl"], [])
    const root = made(
      "inside",
      ["k/b.jsonl"],
      [
        ["k/far", "../../outside"],
        ["near", "../outside"]
      ]
    )
    expect((await found(root, "*/p/q/*.jsonl")).names).toEqual(["near/p/q/a.jsonl"])
    expect((await found(root, "**/*.jsonl")).names).toEqual(["k/b.jsonl", "k/far/p/q/a.jsonl"])
  })

  test("in which the folder itself lies are not followed, with a warning", async () => {
    const root = made("around/own", ["a.jsonl"], [["up", ".."]])
    made("around", ["other.jsonl"], [])
    const { logged, names } = await found(root, "**/*.jsonl")
    expect(names).toEqual(["a.jsonl"])
    expect(logged.join()).toContain("around/own/up/ is a link to a folder in which")
  })

  test("whose folder is hidden name its files", async () => {
    const root = made("hidden", ["_v3/a.jsonl"], [["latest", "_v3"]])
    expect((await found(root, "")).names).toEqual(["latest/a.jsonl"])
  })
})

describe("links that lead nowhere", () => {
  test.each(["/", "/*.jsonl", "/b.jsonl", ""])("at %p are an error that names them", async (location) => {
    const root = made(
      `gone${location.replace(/\W/g, "-")}`,
      ["a.jsonl"],
      [
        ["b.jsonl", "gone.jsonl"],
        [".#a.jsonl", "user@host"]
      ]
    )
    const error = await Effect.runPromise(Effect.flip(open(root + location)))
    expect(error).toMatchObject({ _tag: "StoreError", kind: "missing" })
    expect(String(error)).toContain(`${root}/b.jsonl: it is a link to gone.jsonl, which is not there`)
  })

  test("and that may have been folders are a warning", async () => {
    const root = made(
      "lost",
      ["a.jsonl"],
      [
        ["more", "/nowhere/more"],
        [".more", "/nowhere/more"]
      ]
    )
    const logged: Array<string> = []
    const logger = Logger.replace(
      Logger.defaultLogger,
      Logger.make(({ message }) => void logged.push(String(message)))
    )
    for (const location of [root, `${root}/**/*.jsonl`]) {
      expect((await Effect.runPromise(Effect.provide(open(location), logger))).size).toBe(1)
    }
    expect(logged.map((line) => line.split(":")[0])).toEqual([
      `${root}/more is a link that leads nowhere`,
      `${root}/more is a link that leads nowhere`
    ])
    expect((await found(root, "*.jsonl")).logged).toEqual([])
  })
})
