/**
 * The main job with checkpoints, as a person runs it: killed, called off, started again.
 */
import { afterAll, afterEach, beforeEach, describe, expect, test } from "bun:test"
import { createHash } from "node:crypto"
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { BunContext } from "@effect/platform-bun"
import { Effect, Either, Layer, Option } from "effect"
import { every } from "../../pipelines/train/Saving.ts"
import { Checkpoint } from "../../src/index.ts"
import { type Ended, here, start, TIME } from "../support/process.ts"

let folder = ""
let directory = ""
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "furrow-train-"))
  directory = join(folder, "checkpoints")
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** Four short epochs of ten batches each. */
const SHORT = ["--json", "--epochs", "4", "--limit", "640", "--batch-size", "64", "--workers", "2"]

type Runtime = "bun" | "deno"

const train = (args: ReadonlyArray<string>, on: Runtime = here) =>
  start("train.ts", [...SHORT, ...args], { on, env: { FURROW_SEED: "0" } })

/** What is the same, however often a run was left. */
const result = (stdout: string): unknown => {
  const { batches, digest, samples, testAccuracy } = JSON.parse(stdout)
  return { batches, digest, samples, testAccuracy }
}

const done = async (args: ReadonlyArray<string>, on?: Runtime) => ended(await train(args, on).ended)

const ended = ({ code, stderr, stdout }: Ended) => {
  expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" })
  return { result: result(stdout), stderr }
}

/** The newest checkpoint's cursor, JSON, and a hash of each record of weights. */
const learned = (of: string) =>
  Effect.flatMap(Checkpoint.Checkpoint, ({ latest }) => latest).pipe(
    Effect.map(Option.getOrThrow),
    Effect.map(({ cursor, state }) => ({
      cursor,
      json: state.json,
      bytes: Object.entries(state.bytes).map(([name, bytes]) => [
        name,
        createHash("sha256").update(bytes).digest("hex")
      ])
    })),
    Effect.provide(Checkpoint.file({ directory: of }).pipe(Layer.provide(BunContext.layer))),
    Effect.runPromise
  )

/** A run that nobody disturbs, and what it learned. */
const whole = mkdtempSync(join(tmpdir(), "furrow-train-whole-"))
const untouched = (async () => {
  const { result } = await done(["--policy", "elastic", "--checkpoint", whole])
  return { result, state: await learned(whole) }
})()
afterAll(() => rmSync(whole, { recursive: true, force: true }))

const newest = (): string => {
  if (!existsSync(directory)) return ""
  const names = readdirSync(directory).filter((name) => name.endsWith(".furrow"))
  return names.toSorted().at(-1) ?? ""
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** Waits until the run has written a checkpoint of its own. */
const written = async (run: ReturnType<typeof train>): Promise<void> => {
  const before = newest()
  while (newest() === before && run.child.exitCode === null) await pause(5)
}

describe("a run that is killed", () => {
  test.each([
    ["on fibers", 2, ["--every", "1"]],
    ["on threads", 1, ["--every", "3", "--backend", "threads"]]
  ] as const)(
    "%s, %i times at moments that nobody chose, ends as if it had not been: digest, accuracy, weights",
    async (_, kills, args) => {
      const options = [...args, "--policy", "elastic", "--checkpoint", directory]
      const delays: Array<number> = []
      for (let kill = 0; kill < kills; kill++) {
        const run = train(options)
        await written(run)
        delays.push(Math.random() * 50)
        await pause(delays.at(-1) ?? 0)
        run.child.kill("SIGKILL")
        await run.ended
      }
      const last = await done(options)
      expect(last.stderr).toContain(`Going on from ${directory}`)
      const { result, state } = await untouched
      expect({ delays, result: last.result }).toEqual({ delays, result })
      expect(await learned(directory)).toEqual(state)
    },
    2 * TIME
  )

  // One suite runs both runtimes.
  test.skipIf(here === "deno")(
    "on one runtime goes on on the other",
    async () => {
      const run = train(["--policy", "elastic", "--every", "2", "--checkpoint", directory], "bun")
      await written(run)
      run.child.kill("SIGKILL")
      await run.ended
      expect((await done(["--policy", "elastic", "--checkpoint", directory], "deno")).result).toEqual(
        (await untouched).result
      )
    },
    TIME
  )
})

describe("a run that is called off", () => {
  test.each(["SIGTERM", "SIGINT"] as const)(
    "by %s writes a last checkpoint and says how to go on; it ends as if it had not been",
    async (signal) => {
      const run = train(["--policy", "elastic", "--every", "3", "--checkpoint", directory])
      await written(run)
      // Not `child.kill`: after it, Deno says that the child ended by the signal, however it ended.
      process.kill(run.child.pid ?? Number.NaN, signal)
      const { code, stderr, stdout } = await run.ended
      expect(code).toBe(0)
      const path = join(directory, newest())
      expect(stderr).toContain("Called off; reached so far:")
      expect(stderr).toContain(`The same command goes on from ${path}.`)
      // What was reached is what was written.
      const { batches, digest } = JSON.parse(stdout)
      expect((await learned(directory)).cursor).toMatchObject({ batches, digest })
      expect(batches).toBeLessThan(40)
      // Started once more behind its end, it has nothing left to do and says the same.
      const options = ["--policy", "elastic", "--checkpoint", directory]
      const ends = [(await done(options)).result, (await done(options)).result]
      expect(ends).toEqual([(await untouched).result, (await untouched).result])
    },
    TIME
  )
})

describe("a start", () => {
  const short = ["--no-train", "--epochs", "1", "--limit", "64"]
  const run = (args: ReadonlyArray<string>) => start("train.ts", args, { env: { FURROW_SEED: "0" } }).ended

  test(
    "with other options than the checkpoint's says which differ, and changes nothing",
    async () => {
      const options = ["--checkpoint", directory, ...short]
      expect((await run(options)).code).toBe(0)
      const before = readdirSync(directory)
      for (const [args, says] of [
        [["--seed", "5", "--workers", "3"], "--seed was 0 and is 5, --workers was 4 and is 3"],
        [
          ["--policy", "elastic", "--batch-size", "32"],
          "--policy was epochWorker and is elastic, --batch-size was 128 and is 32, --workers was 4 and is not set"
        ]
      ] as const) {
        const { code, stderr, stdout } = await run([...options, ...args])
        expect({ code, stdout }).toEqual({ code: 2, stdout: "" })
        expect(stderr).toBe(
          `train: --checkpoint ${join(directory, newest())} is of a run with other options: ${says}; ` +
            "go on with the same ones, or name another folder to start afresh\n"
        )
      }
      expect(readdirSync(directory)).toEqual(before)
    },
    TIME
  )

  test(
    "under elastic may have other workers, in another order, on another backend",
    async () => {
      const args = ["--json", "--no-train", "--epochs", "5", "--limit", "500", "--policy", "elastic"]
      const first = start("train.ts", [...args, "--checkpoint", directory, "--every", "1", "--workers", "1"])
      await written(first)
      first.child.kill("SIGKILL")
      await first.ended
      const others = ["--workers", "3", "--backend", "threads", "--order", "ready"]
      const { result, stderr } = ended(await run([...args, "--checkpoint", directory, ...others]))
      expect(stderr).toContain("Going on from ")
      expect(result).toEqual(ended(await run(args)).result)
    },
    TIME
  )

  test(
    "beside another one in the same folder is refused, with one line",
    async () => {
      const first = start("train.ts", ["--no-train", "--epochs", "500", "--every", "5", "--checkpoint", directory])
      await written(first)
      const { code, stderr } = await run(["--checkpoint", directory, ...short])
      first.child.kill("SIGKILL")
      await first.ended
      expect(code).toBe(1)
      expect(stderr).toMatch(
        /^train: .+ is in use by process \d+ on .+; wait for its end or name another folder; ranks of one run share .+\n$/
      )
    },
    TIME
  )

  test(
    "with the newest checkpoint damaged goes on from the one before and says so; with none whole it fails",
    async () => {
      const options = ["--checkpoint", directory, "--no-train", "--epochs", "2", "--limit", "256", "--every", "1"]
      const whole = await run([...options, "--json"])
      const path = join(directory, newest())
      writeFileSync(path, "not one")
      const { code, stderr, stdout } = await run([...options, "--json"])
      expect(code).toBe(0)
      expect(stderr).toContain(`Passed over: ${path} is no checkpoint`)
      expect(result(stdout)).toEqual(result(whole.stdout))

      for (const name of readdirSync(directory)) writeFileSync(join(directory, name), "")
      const none = await run(options)
      expect(none.code).toBe(1)
      expect(none.stderr).toMatch(/^train: .+ is empty; it was left as it is; .+ move it elsewhere to start afresh\n$/)
    },
    TIME
  )

  test.each([
    [["--every", "5"], "--every says how often a checkpoint is written; --checkpoint must say where"],
    [["--checkpoint", "x", "--every", "0"], '--every "0" is neither a number of batches'],
    [["--checkpoint", ""], 'directory must be a name of at least one character, none of them null, got ""']
  ])(
    "that cannot be meant meets one line and exit code 2: %j",
    async (args, line) => {
      const { code, stderr, stdout } = await run([...short, ...args])
      expect({ code, stdout }).toEqual({ code: 2, stdout: "" })
      expect(stderr).toContain(line)
      expect(stderr.trim().split("\n")).toHaveLength(1)
    },
    TIME
  )
})

describe("--every", () => {
  test.each([
    ["1", { batches: 1 }],
    ["250", { batches: 250 }],
    ["500ms", { milliseconds: 500 }],
    ["30s", { milliseconds: 30_000 }],
    ["5m", { milliseconds: 300_000 }],
    ["2h", { milliseconds: 7_200_000 }]
  ])("takes %s", (text, expected) => {
    expect(Either.getOrThrow(every(text))).toEqual(expected)
  })

  test.each(["", "0", "0s", "-1", "1.5", "s", "30 s", "1d", "NaN", "1e3", "9007199254740993", "9007199254740991h"])(
    "does not take %j",
    (text) => {
      expect(Either.isLeft(every(text))).toBe(true)
    }
  )
})
