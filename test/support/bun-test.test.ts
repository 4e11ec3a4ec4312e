/**
 * That what stands in for `bun:test` under Deno fails where it should: a suite that cannot fail there proves nothing.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { spawnSync } from "node:child_process"
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { runtime } from "../../src/core/runtime.ts"

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const folder = join(root, "test", ".generated", "bun-test")

/** Runs a test file on Deno; gives its exit code and how each test of it ended. */
const onDeno = (code: string) => {
  const file = join(folder, "file.test.ts")
  writeFileSync(file, `import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test"\n${code}`)
  const { status, stderr, stdout } = spawnSync(
    join(root, "node_modules", ".bin", "deno"),
    ["test", "-A", "--no-check", "--config", join(root, "deno.json"), file],
    { cwd: root, encoding: "utf8", env: { ...process.env, NO_COLOR: "1" } }
  )
  const ends = Array.from(stdout.matchAll(/^(.+?) \.\.\.[\s\S]*? (ok|FAILED|ignored) \(/gm), ([, name, end]) => [
    name,
    end
  ])
  return { status, output: stdout + stderr, ends: Object.fromEntries(ends) }
}

// It runs Deno itself, so once is enough.
describe.skipIf(runtime.name !== "bun")("under Deno", () => {
  beforeAll(() => {
    mkdirSync(folder, { recursive: true })
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  test("tests end as they should, each by itself", () => {
    const { ends, status } = onDeno(`
      test("holds", () => expect(1).toBe(1))
      test("does not hold", () => expect(1).toBe(2))
      test("rejects", async () => { throw new Error("no") })
      test("never ends", () => new Promise(() => undefined), 50)
      test.skip("is left out", () => { throw new Error("no") })
      test.skipIf(false)("is not left out", () => { throw new Error("no") })
      describe.skip("a group", () => test("in it", () => undefined))
      test.each([[1, 2], [3, 3]])("%d is %d", (a, b) => expect(a).toBe(b))
    `)
    expect(status).not.toBe(0)
    expect(ends).toEqual({
      holds: "ok",
      "does not hold": "FAILED",
      rejects: "FAILED",
      "never ends": "FAILED",
      "is left out": "ignored",
      "is not left out": "FAILED",
      "a group": "ignored",
      "1 is 2": "FAILED",
      "3 is 3": "ok"
    })
  }, 30_000)

  test("a beforeAll that fails, fails every test of its group, and what comes after it still runs", () => {
    const { ends, output } = onDeno(`
      describe("group", () => {
        beforeAll(() => { throw new Error("not ready") })
        afterAll(() => console.error("cleared away"))
        test("one", () => undefined)
        test("two", () => undefined)
      })
      test("outside", () => undefined)
    `)
    expect(ends).toEqual({ "group > one": "FAILED", "group > two": "FAILED", outside: "ok" })
    expect(output).toContain("cleared away")
  }, 30_000)

  test("a hook that fails after a test fails it, and the hooks behind it still run", () => {
    const { ends, output } = onDeno(`
      afterEach(() => console.error("outer hook"))
      describe("group", () => {
        afterEach(() => { throw new Error("no") })
        afterAll(() => console.error("cleared away"))
        test("one", () => undefined)
      })
    `)
    expect(ends).toEqual({ "group > one": "FAILED" })
    expect(output).toContain("outer hook")
    expect(output).toContain("cleared away")
  }, 30_000)

  test.each([
    ["throws", `describe("group", () => { throw new Error("a broken body") })`, "a broken body"],
    ["is async", `describe("group", async () => { await 0; test("late", () => undefined) })`, "must not be async"]
  ])(
    "the body of a group that %s fails the run",
    (_, code, message) => {
      const { output, status } = onDeno(`test("fine", () => undefined)\n${code}`)
      expect(status).not.toBe(0)
      expect(output).toContain(message)
    },
    30_000
  )

  test("a hook that never ends is given up, though the process has other things to wait for", () => {
    const { ends, output } = onDeno(`
      const timer = setInterval(() => undefined, 1000)
      beforeAll(() => new Promise(() => undefined), 50)
      afterAll(() => clearInterval(timer))
      test("one", () => undefined)
    `)
    expect(ends).toEqual({ one: "FAILED" })
    expect(output).toContain("it took longer than 50 ms")
  }, 30_000)
})
