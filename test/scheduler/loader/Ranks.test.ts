import { describe, expect, test } from "bun:test"
import { ConfigProvider, Effect, Either } from "effect"
import { Scheduler } from "../../../src/index.ts"

const read = (environment: Readonly<Record<string, string>>) =>
  Effect.runSync(
    Effect.either(Scheduler.ranksFromConfig).pipe(
      Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(environment))))
    )
  )

describe("ranks of the environment", () => {
  test.each([
    [{}, 0, 1],
    [{ RANK: "3", WORLD_SIZE: "8" }, 3, 8],
    [{ RANK: "3", WORLD_SIZE: "8", FURROW_RANK: "0", FURROW_WORLD_SIZE: "2" }, 0, 2],
    [{ RANK: "3", FURROW_WORLD_SIZE: "4" }, 3, 4],
    [{ RANK: "0", WORLD_SIZE: "65536" }, 0, 65_536],
    [{ WORLD_SIZE: "1" }, 0, 1],
    [{ RANK: "0", WORLD_SIZE: "1" }, 0, 1]
  ])("%j", (environment, rank, world) => {
    expect(read(environment as Record<string, string>)).toEqual(Either.right({ rank, world }))
  })

  test.each([
    [{ RANK: "1" }, "RANK", "rank 1 of how many is unknown: neither FURROW_WORLD_SIZE nor WORLD_SIZE is set"],
    [{ RANK: "0" }, "RANK", "set one beside RANK"],
    [
      { FURROW_RANK: "0" },
      "FURROW_RANK",
      "neither FURROW_WORLD_SIZE nor WORLD_SIZE is set; set one beside FURROW_RANK"
    ],
    [{ WORLD_SIZE: "4" }, "WORLD_SIZE", "neither FURROW_RANK nor RANK is set, so every process would be rank 0"],
    [{ FURROW_WORLD_SIZE: "2" }, "FURROW_WORLD_SIZE", "set one of them to this process's number, 0 to 1"],
    [{ WORLD_SIZE: "65536" }, "WORLD_SIZE", "neither FURROW_RANK nor RANK is set"],
    [{ RANK: "8", WORLD_SIZE: "8" }, "RANK", "rank 8 is not below the world size 8"],
    [{ FURROW_RANK: "-1" }, "FURROW_RANK", '"-1" is no whole number'],
    [{ RANK: "1.5", WORLD_SIZE: "2" }, "RANK", '"1.5" is no whole number'],
    [{ RANK: "0", WORLD_SIZE: "0" }, "WORLD_SIZE", "0 is no world size"],
    [{ RANK: "0", FURROW_WORLD_SIZE: "65537" }, "FURROW_WORLD_SIZE", "65537 is no world size from 1 to 65536"],
    [{ WORLD_SIZE: "many" }, "WORLD_SIZE", '"many" is no whole number'],
    [{ WORLD_SIZE: "9007199254740993" }, "WORLD_SIZE", "is no whole number"]
  ])("%j is refused", (environment, name, message) => {
    const outcome = read(environment as Record<string, string>)
    expect(outcome).toMatchObject({ left: { _op: "InvalidData", path: [name] } })
    expect(String(Either.isLeft(outcome) ? outcome.left : "")).toContain(message)
  })

  test("that are wrong are refused without Effect with the whole reason and way out", () => {
    const names = ["FURROW_RANK", "RANK", "FURROW_WORLD_SIZE", "WORLD_SIZE"]
    const before = names.map((name) => [name, process.env[name]] as const)
    const error = (environment: Readonly<Record<string, string>>): string => {
      for (const name of names) delete process.env[name]
      Object.assign(process.env, environment)
      try {
        return String(Scheduler.ranksFromEnvironment())
      } catch (thrown) {
        return String(thrown)
      } finally {
        for (const [name, value] of before) {
          if (value === undefined) delete process.env[name]
          else process.env[name] = value
        }
      }
    }
    expect(error({ WORLD_SIZE: "2" })).toBe(
      'InvalidOption: the environment\'s ranks must be RANK and WORLD_SIZE, both or neither (WORLD_SIZE: the world size is 2 and neither FURROW_RANK nor RANK is set, so every process would be rank 0; set one of them to this process\'s number, 0 to 1), got {"WORLD_SIZE":"2"}'
    )
    expect(error({ RANK: "x", WORLD_SIZE: "2" })).toContain(
      '(RANK: "x" is no whole number of at least 0), got {"RANK":"x"'
    )
  })
})
