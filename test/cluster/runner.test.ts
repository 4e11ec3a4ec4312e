/**
 * `pipelines/runner.ts` as processes of two runtimes, and loaders that find them: this process, and `pipelines/train.ts`.
 */
import { afterAll, expect, test } from "bun:test"
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { fileURLToPath } from "node:url"
import { Context, Effect, Layer, Redacted } from "effect"
import { Runners, Workers } from "../../src/cluster.ts"
import { Scheduler, SeedPolicy } from "../../src/index.ts"
import { numbers } from "../service/numbers.ts"
import { when } from "../support/cluster/control.ts"
import { here, root, start, TIME } from "../support/process.ts"

const module = fileURLToPath(new URL("../service/numbers.ts", import.meta.url))
const digits = join(root, "pipelines", "train", "Threaded.ts")
const folder = mkdtempSync(join(tmpdir(), "furrow-cluster-"))
const database = `sqlite:${join(folder, "cluster.sqlite")}`
const TOKEN = "a token that no output may have"
const env = { FURROW_TOKEN: TOKEN }

const started: Array<ReturnType<typeof start>> = []

afterAll(async () => {
  for (const { child } of started) child.kill("SIGKILL")
  await Promise.all(started.map(({ ended }) => ended))
  rmSync(folder, { recursive: true })
})

const signal = ({ child }: ReturnType<typeof start>, name: string): void => {
  spawnSync("kill", [name, String(child.pid)])
}

/** Whether no process has a transaction open in the database. */
const isUnlocked = (): boolean => {
  const own = new DatabaseSync(join(folder, "cluster.sqlite"))
  try {
    own.exec("PRAGMA busy_timeout = 500")
    own.exec("BEGIN IMMEDIATE")
    return true
  } catch {
    return false
  } finally {
    own.close()
  }
}

/** Freezes a runner, not within a transaction: until that ended no other could say that it is there, and would leave the list. */
const freeze = async (own: ReturnType<typeof start>): Promise<void> => {
  signal(own, "-STOP")
  while (!isUnlocked()) {
    signal(own, "-CONT")
    await new Promise((resolve) => setTimeout(resolve, 10))
    signal(own, "-STOP")
  }
}

/** A runner that has registered. */
const runner = async (on: "bun" | "deno") => {
  const args = [
    "--pipeline",
    module,
    "--pipeline",
    digits,
    "--listen",
    "127.0.0.1:0",
    "--database",
    database,
    "--heartbeat",
    "300"
  ]
  const own = start("runner.ts", args, { env, on })
  started.push(own)
  while (!own.said().includes("building for loaders at 127.0.0.1:")) {
    if (own.child.exitCode !== null) throw new Error(own.said())
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return own
}

const digest = Effect.gen(function* () {
  const loader = yield* Scheduler.open(numbers, { epochs: 2, digest: true, replay: true })
  yield* loader.forEach(() => Effect.void)
  return yield* loader.digest
}).pipe(Effect.scoped, Effect.provide(SeedPolicy.epochWorker({ seed: 42 })))

/** What `train.ts` comes to; `seen` hears what it has said each time that it says something. */
const trained = async (args: ReadonlyArray<string>, seen: (said: string) => void = () => undefined) => {
  const options = ["--limit", "1024", "--batch-size", "64", "--epochs", "5", "--prefetch", "1", "--seed", "3", "--json"]
  const own = start("train.ts", [...options, ...args], { env })
  own.child.stderr.on("data", () => seen(own.said()))
  const { code, stderr, stdout } = await own.ended
  if (code !== 0) throw new Error(stderr)
  return { said: stderr, result: JSON.parse(stdout) }
}

test(
  "two runners, of two runtimes, build what a local run delivers; one is killed in the middle of a training, which ends with the digest and the accuracy of the fibers' run; the other ends when it is told to",
  async () => {
    const [killed, left] = await Promise.all([runner(here === "bun" ? "deno" : "bun"), runner(here)])
    const local = await Effect.runPromise(digest.pipe(Effect.provide(Workers.fibers({ workers: 3 }))))
    const cluster = await Effect.gen(function* () {
      const list = yield* Layer.build(Runners.database(database, { heartbeat: "300 millis" }))
      const live = Context.get(list, Runners.Runners)
      const owners = () => new Set([0, 1, 2, 3].map((lane) => live.owner(lane, 4)))
      // Both have registered, and have their shares of the lanes.
      yield* when(owners, (own) => own.size === 2 && !own.has(undefined))
      const workers = Workers.cluster({
        workers: 3,
        pipeline: new URL("../service/numbers.ts", import.meta.url),
        name: "numbers",
        token: Redacted.make(TOKEN)
      }).pipe(Layer.provide(Layer.succeedContext(list)))
      expect(yield* digest.pipe(Effect.provide(workers))).toBe(local)
      let isKilled = false
      const kill = (said: string): void => {
        // The first of five epochs has been taken, and no more than a batch of each worker is built ahead.
        if (isKilled || !said.includes("epoch 1/5")) return
        isKilled = true
        signal(killed, "-KILL")
        signal(left, "-CONT")
      }
      // Until then the other one is frozen: it could have built all batches before the one that is killed has loaded the module.
      yield* Effect.promise(() => freeze(left))
      const own = yield* Effect.promise(() => trained(["--backend", "cluster", "--database", database], kill))
      yield* when(owners, (own) => own.size === 1)
      return own
    }).pipe(Effect.scoped, Effect.runPromise)
    const fibers = await trained(["--backend", "fibers"])
    const { digest: all, testAccuracy } = fibers.result
    expect(testAccuracy).toBeGreaterThan(0.5)
    expect(cluster.result).toMatchObject({ backend: "cluster", batches: 80, digest: all, testAccuracy })
    expect(cluster.said).toContain("backend cluster lost runner")
    signal(left, "-TERM")
    const ended = await left.ended
    expect(ended).toMatchObject({ code: 0 })
    await killed.ended
    for (const said of [ended.stderr, killed.said(), cluster.said]) expect(said).not.toContain(TOKEN)
    expect(ended.stderr).toContain(`, registered in ${database}\n`)
  },
  TIME
)
