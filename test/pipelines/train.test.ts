/**
 * The main job as a person runs it: a child process of the runtime that runs the tests, looked at from outside.
 */
import { afterAll, describe, expect, test } from "bun:test"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { BunContext } from "@effect/platform-bun"
import { Effect, Exit, Layer, Option, Scope } from "effect"
import { digits } from "../../pipelines/train/Packaged.ts"
import { type Options, train } from "../../pipelines/train/Train.ts"
import { Runner } from "../../src/cluster.ts"
import { Idx, SeedAudit, SeedPolicy, Tensor, Workers } from "../../src/index.ts"
import { constant } from "../../src/testing.ts"
import { here, start, TIME } from "../support/process.ts"

const result = async (args: ReadonlyArray<string>, on: "bun" | "deno" = here) => {
  const { code, stderr, stdout } = await start("train.ts", ["--json", ...args], { on }).ended
  expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" })
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "")
}

/** What {@link SHORT} comes to, on every runtime and machine. To change it is a breaking change. */
const DIGEST = "cb6074e86eec0be0f8928d681b32f1a042e03e0296896688c1c904a7a34c7907"

/** Loads and digests two short epochs. */
const SHORT = ["--no-train", "--epochs", "2", "--limit", "600"]

describe("a short run", () => {
  test(
    "makes batches again where it is asked to, and says so; the rest of it is the same",
    async () => {
      const { code, stderr, stdout } = await start("train.ts", ["--json", ...SHORT, "--verify", "3"]).ended
      expect(code).toBe(0)
      expect(stderr).toContain("verified       3 batches, chosen at random, were made again and came out the same")
      expect(JSON.parse(stdout.trim().split("\n").at(-1) ?? "")).toMatchObject({ digest: DIGEST, repeatedDraws: 0 })
    },
    TIME
  )

  test(
    "prints one JSON object as its last line, and no fields beyond those that are promised",
    async () => {
      const json = await result(SHORT)
      expect(Object.keys(json)).toEqual([
        "runtime",
        "policy",
        "seed",
        "epochs",
        "workers",
        "backend",
        "samples",
        "batches",
        "samplesPerSecond",
        "digest",
        "testAccuracy",
        "repeatedDraws"
      ])
      expect(json).toMatchObject({
        runtime: here,
        policy: "epochWorker",
        seed: "0",
        epochs: 2,
        workers: 4,
        backend: "fibers",
        samples: 1200,
        batches: 10,
        testAccuracy: null,
        repeatedDraws: 0,
        digest: DIGEST
      })
      expect(json.samplesPerSecond).toBeGreaterThan(0)
    },
    TIME
  )

  test(
    "equal options, equal digests; another order of delivery changes nothing; another seed changes all",
    async () => {
      const digests: Array<string> = []
      for (const args of [
        ["--order", "ready", "--prefetch", "1"],
        ["--seed", "0"],
        ["--seed", "1"],
        ["--seed", "zero"]
      ]) {
        digests.push((await result([...SHORT, ...args])).digest)
      }
      expect(digests.slice(0, 2)).toEqual([DIGEST, DIGEST])
      expect(new Set(digests).size).toBe(3)
    },
    TIME
  )

  test(
    "on threads the digest is that of fibers, which is pinned",
    async () => {
      const json = await result([...SHORT, "--backend", "threads", "--workers", "2"])
      expect(json).toMatchObject({ backend: "threads", workers: 2, repeatedDraws: 0 })
      expect(json.digest).toBe((await result([...SHORT, "--workers", "2"])).digest)
    },
    TIME
  )

  test(
    "under elastic the digest is the same for 1, 2, 3 and 8 workers; under epochWorker it is not",
    async () => {
      const digest = async (policy: string, workers: string) =>
        (await result([...SHORT, "--policy", policy, "--workers", workers])).digest
      const elastic: Array<string> = []
      for (const workers of ["1", "2", "3", "8"]) elastic.push(await digest("elastic", workers))
      expect(new Set(elastic).size).toBe(1)
      expect(await digest("epochWorker", "3")).not.toBe(await digest("epochWorker", "2"))
    },
    TIME
  )

  test(
    "takes seed and policy from the environment, and the flag before it",
    async () => {
      const env = { FURROW_SEED: "7", FURROW_SEED_POLICY: "elastic" }
      const { stdout } = await start("train.ts", ["--json", ...SHORT], { env }).ended
      expect(JSON.parse(stdout)).toMatchObject({ seed: "7", policy: "elastic" })
      const flags = ["--seed", "8", "--policy", "epochWorker"]
      const flagged = await start("train.ts", ["--json", ...SHORT, ...flags], { env }).ended
      expect(JSON.parse(flagged.stdout)).toMatchObject({ seed: "8", policy: "epochWorker" })
    },
    TIME
  )

  // One suite runs both runtimes; a second time from Deno would show nothing new.
  test.skipIf(here === "deno")(
    "Bun and Deno come to one digest",
    async () => {
      const options = ["--no-train", "--epochs", "1", "--limit", "2000", "--seed", "42", "--workers", "3"]
      const [bun, deno] = [await result(options, "bun"), await result(options, "deno")]
      expect(deno.runtime).toBe("deno")
      expect(deno.digest).toBe(bun.digest)
    },
    TIME
  )
})

describe("training", () => {
  test(
    "learns, says how it goes, and ends with the proof",
    async () => {
      const { code, stderr, stdout } = await start("train.ts", ["--epochs", "3"]).ended
      expect(code).toBe(0)
      expect(stdout).toBe("")
      expect(stderr).toMatch(/epoch 1\/3 {2}loss \d\.\d{4} {2}accuracy \d\d\.\d\d % {2}\d+ samples\/s {2}ETA \d+ s\n/)
      expect(stderr).toMatch(/generator states were started, 0 of them equal to one before/)
      expect(Number(/test accuracy +(\d+\.\d+) %/.exec(stderr)?.[1])).toBeGreaterThan(90)
      expect(stderr).toMatch(/s waiting for data, \d+\.\d s in the model/)
    },
    TIME
  )

  // Twenty seconds of training are spent once; that Deno learns as well is seen above.
  test.skipIf(here === "deno")(
    "reaches 97 % of the test digits with the defaults",
    async () => {
      const json = await result([])
      expect(json.testAccuracy).toBeGreaterThanOrEqual(0.97)
      expect(json.repeatedDraws).toBe(0)
      expect(json).toMatchObject({ epochs: 25, samples: 200_000 })
    },
    170_000
  )

  test(
    "counts true repeats: every state but the first, under a policy that has only one",
    async () => {
      const options: Options = {
        epochs: 2,
        batchSize: 32,
        order: "plan",
        prefetch: Option.none(),
        limit: Option.some(64),
        noTrain: true,
        profile: false,
        verify: Option.none(),
        ranks: { rank: 0, world: 1 }
      }
      const quiet = { show: () => undefined, done: () => undefined }
      const outcome = Effect.flatMap(digits(1), (data) => train(options, data, quiet)).pipe(
        Effect.provide(SeedAudit.counting(constant(1))),
        Effect.provide(Layer.merge(Workers.fibers({ workers: 2 }), BunContext.layer))
      )
      const { repeatedDraws, startedStates } = await Effect.runPromise(outcome)
      // Two orders, and two drawing stages for 64 samples in each of two epochs.
      expect(startedStates).toBe(2 + 2 * 2 * 64)
      expect(repeatedDraws).toBe(startedStates - 1)
    },
    TIME
  )
})

describe("ending", () => {
  test(
    "Ctrl-C ends it cleanly with what was reached",
    async () => {
      const run = start("train.ts", ["--json", "--epochs", "500", "--no-train"])
      while (!run.said().includes("epoch   2/500")) await new Promise((resolve) => setTimeout(resolve, 20))
      // Not `child.kill`: after it, Deno says that the child ended by the signal, however it ended.
      process.kill(run.child.pid ?? Number.NaN, "SIGINT")
      const { code, stderr, stdout } = await run.ended
      expect(code).toBe(0)
      expect(stderr).toContain("Called off; reached so far:")
      const json = JSON.parse(stdout)
      expect(json.batches).toBeGreaterThan(63)
      expect(json.batches).toBeLessThan(500 * 63)
      expect(json.digest).toMatch(/^[0-9a-f]{64}$/)
    },
    TIME
  )

  test(
    "so does one while it waits for the runners of a cluster, which have nothing to show",
    async () => {
      const run = start("train.ts", ["--json", "--no-train", "--backend", "cluster", "--runners", "127.0.0.1:9"])
      while (!run.said().includes("waits for a runner")) await new Promise((resolve) => setTimeout(resolve, 20))
      const asked = performance.now()
      process.kill(run.child.pid ?? Number.NaN, "SIGINT")
      const { code, stderr, stdout } = await run.ended
      expect({ code, stdout }).toEqual({ code: 0, stdout: "" })
      expect(stderr.split("\n").at(-2)).toBe("Called off before the first batch.")
      expect(performance.now() - asked).toBeLessThan(10_000)
    },
    TIME
  )

  test(
    "so does one while it waits for a batch, after all runners of a cluster have gone",
    async () => {
      const pipelines = [new URL("../../pipelines/train/Threaded.ts", import.meta.url).href]
      const scope = Effect.runSync(Scope.make())
      const { port } = await Effect.runPromise(Scope.extend(Runner.listen({ pipelines, threads: 0 }), scope))
      const address = `127.0.0.1:${port}`
      const run = start("train.ts", [
        "--json",
        "--epochs",
        "500",
        "--no-train",
        "--backend",
        "cluster",
        "--runners",
        address
      ])
      while (!run.said().includes("epoch   1/500")) await new Promise((resolve) => setTimeout(resolve, 20))
      await Effect.runPromise(Scope.close(scope, Exit.void))
      while (!run.said().includes("lost runner")) await new Promise((resolve) => setTimeout(resolve, 20))
      // What had come is taken, and then it waits.
      await new Promise((resolve) => setTimeout(resolve, 300))
      const asked = performance.now()
      process.kill(run.child.pid ?? Number.NaN, "SIGINT")
      const { code, stderr, stdout } = await run.ended
      expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" })
      expect(stderr).toContain("Called off; reached so far:")
      expect(JSON.parse(stdout).batches).toBeGreaterThan(0)
      expect(performance.now() - asked).toBeLessThan(10_000)
    },
    TIME
  )

  test.each([
    [["--batch-size", "0"], '--batch-size "0" is no whole number of at least 1'],
    [["--batch-size", "2.5"], '--batch-size "2.5" is no whole number of at least 1'],
    [["--workers", "0"], '--workers "0" is no whole number from 1 to 4096'],
    [["--epochs", "NaN"], '--epochs "NaN" is no whole number of at least 1'],
    [["--prefetch", "Infinity"], '--prefetch "Infinity" is no whole number of at least 1'],
    [["--limit", "-3"], '--limit "-3" is no whole number of at least 1'],
    [["--seed", "-1"], '--seed "-1" cannot seed a run: a number must be whole and at least 0'],
    [["--policy", "additive"], '--policy "additive" is not one of epochWorker, elastic'],
    [["--backend", "processes"], '--backend "processes" is not one of fibers, threads'],
    [["--order", "random"], '--order "random" is not one of plan, ready'],
    [["--data", "/no/such/folder"], '--data "/no/such/folder" does not exist'],
    [["--bogus"], "--bogus"]
  ])(
    "wrong usage meets one line and exit code 2: %j",
    async (args, line) => {
      const { code, stderr, stdout } = await start("train.ts", args).ended
      expect({ code, stdout }).toEqual({ code: 2, stdout: "" })
      expect(stderr).toContain(line)
      expect(stderr.trim().split("\n")).toHaveLength(1)
    },
    TIME
  )

  test.each([
    [{ FURROW_SEED_POLICY: "additive" }, "additive"],
    [{ FURROW_SEED: "-5" }, "-5"]
  ])(
    "so does an environment that cannot be meant: %j",
    async (env, value) => {
      const { code, stderr } = await start("train.ts", ["--no-train"], { env }).ended
      expect(code).toBe(2)
      expect(stderr).toContain(value)
      expect(stderr.trim().split("\n")).toHaveLength(1)
    },
    TIME
  )
})

describe("--data", () => {
  const folder = mkdtempSync(join(tmpdir(), "furrow-idx-"))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const write = (name: string, tensor: Tensor.Tensor): void => writeFileSync(join(folder, name), Idx.encode(tensor))
  const gray = (count: number) => new Uint8Array(count * 784).map((_, at) => (at * 7) % 256)
  const labels = (count: number) => new Uint8Array(count).map((_, at) => at % 10)

  test(
    "takes the four IDX files of a folder; a cut one fails with exit code 1 and one line that names it",
    async () => {
      mkdirSync(folder, { recursive: true })
      write("train-images-idx3-ubyte", Tensor.make(gray(300), [300, 28, 28]))
      write("train-labels-idx1-ubyte", Tensor.make(labels(300), [300]))
      write("t10k-images-idx3-ubyte", Tensor.make(gray(20), [20, 28, 28]))
      write("t10k-labels-idx1-ubyte", Tensor.make(labels(20), [20]))
      const json = await result(["--data", folder, "--no-train", "--epochs", "1", "--batch-size", "100"])
      expect(json).toMatchObject({ samples: 300, batches: 3 })

      writeFileSync(join(folder, "train-images-idx3-ubyte"), Idx.encode(Tensor.make(gray(3), [3, 28, 28])).slice(0, 99))
      const { code, stderr } = await start("train.ts", ["--data", folder, "--no-train"]).ended
      expect(code).toBe(1)
      expect(stderr).toContain("train-images-idx3-ubyte")
      expect(stderr.trim().split("\n")).toHaveLength(1)
    },
    TIME
  )
})

test("the policies of the command line are those of the library", () => {
  expect(SeedPolicy.names).toEqual(["epochWorker", "elastic"])
})
