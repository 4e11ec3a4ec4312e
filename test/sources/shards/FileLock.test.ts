import { afterAll, describe, expect, test } from "bun:test"
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Fiber, Logger, Option, TestClock, TestContext } from "effect"
import { alone } from "../../../src/sources/shards/FileLock.ts"

const folder = mkdtempSync(join(tmpdir(), "furrow-lock-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A lock of another machine, whose clock is so many milliseconds ahead. */
const foreign = (path: string, ahead: number): void => {
  writeFileSync(path, JSON.stringify({ pid: 1, started: "1", machine: "elsewhere" }))
  const time = new Date(Date.now() + ahead)
  utimesSync(path, time, time)
}

/** Builds under the lock, with `beat` called each second; returns after how many seconds it was built, of 19 at most. */
const builtAfter = (path: string, beat: () => void = () => undefined) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(Date.now())
    const fiber = yield* Effect.fork(alone(path, Effect.void))
    for (let second = 0; second < 19; second++) {
      // What is asked of the file system comes between the steps of the clock.
      for (let step = 0; step < 4; step++) {
        yield* TestClock.adjust("250 millis")
        yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 1)))
      }
      if (Option.isSome(yield* Fiber.poll(fiber))) return second
      beat()
    }
    yield* Fiber.interrupt(fiber)
    return undefined
  }).pipe(Effect.provide(TestContext.TestContext), Effect.runPromise)

describe("the lock of a holder on another machine", () => {
  test.each([0, 3_600_000, -10_000])("is free once it has no beat, its clock being %i ms ahead", async (ahead) => {
    const path = join(folder, `index${ahead}`)
    foreign(`${path}.lock`, ahead)
    const seconds = await builtAfter(path)
    expect(seconds).toBeGreaterThan(2)
    expect(seconds).toBeLessThan(19)
    expect(existsSync(`${path}.lock`)).toBe(false)
  })

  test.each([0, 3_600_000])("is held while it has one, its clock being %i ms ahead", async (ahead) => {
    const path = join(folder, `beating${ahead}`)
    let seconds = 0
    foreign(`${path}.lock`, ahead)
    expect(await builtAfter(path, () => foreign(`${path}.lock`, ahead + ++seconds * 1000))).toBeUndefined()
  })
})

test("a lock that is a link to nothing cannot be removed, and holds up nobody", async () => {
  const path = join(folder, "linked")
  symlinkSync(join(folder, "nothing"), `${path}.lock`)
  expect(await builtAfter(path)).toBe(0)
})

test("a lock that cannot be removed at the end fails nothing of what was done under it", async () => {
  const path = join(folder, "blocked")
  // Another program has put a folder in the lock's place.
  const use = Effect.sync(() => {
    rmSync(`${path}.lock`)
    mkdirSync(`${path}.lock`)
    return "built"
  })
  const told: Array<string> = []
  const logger = Logger.make<unknown, void>(({ message }) => void told.push(String(message)))
  const built = alone(path, use).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
  expect(await Effect.runPromise(built)).toBe("built")
  expect(told.join()).toContain(`the lock ${path}.lock cannot be removed`)
})
