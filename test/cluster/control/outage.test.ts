/**
 * `pipelines/runner.ts` as a process of each runtime that is told to end while PostgreSQL is gone, or frozen.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { PASSWORD, type Postgres, postgres, withoutPostgres } from "../../support/postgres.ts"
import { start, TIME } from "../../support/process.ts"
import { proxy } from "../../support/proxy.ts"

const module = fileURLToPath(new URL("../../service/numbers.ts", import.meta.url))

let server: Postgres | undefined
const up = (): Postgres => server ?? expect.unreachable("PostgreSQL is not up")

/** How long a runner without loaders may take to end: to interrupt a statement, and to say farewell. */
const BOUND_MS = 10_000

const started: Array<ReturnType<typeof start>> = []

/** A runner that has registered. */
const runner = async (on: "bun" | "deno", url = up().url) => {
  const args = ["--pipeline", module, "--listen", "127.0.0.1:0", "--heartbeat", "300"]
  const own = start("runner.ts", args, { env: { FURROW_DATABASE: url }, on })
  started.push(own)
  while (!own.said().includes("registered in postgres://furrow@127.0.0.1")) {
    if (own.child.exitCode !== null) throw new Error(own.said())
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return own
}

/** Ends a runner, and returns what it said. */
const told = async (own: ReturnType<typeof start>): Promise<string> => {
  const began = performance.now()
  spawnSync("kill", ["-TERM", String(own.child.pid)])
  const { code, stderr } = await own.ended
  expect(performance.now() - began).toBeLessThan(BOUND_MS)
  expect(code).toBe(0)
  expect(stderr).toContain("out of the list of runners; building what was asked for")
  expect(stderr).not.toContain(PASSWORD)
  return stderr
}

const name = withoutPostgres === undefined ? "a runner that is told to end" : `a runner: ${withoutPostgres}`

describe.skipIf(withoutPostgres !== undefined)(name, () => {
  beforeAll(async () => {
    server = await postgres()
  }, 30_000)
  afterAll(async () => {
    for (const { child } of started) child.kill("SIGKILL")
    await Promise.all(started.map(({ ended }) => ended))
    await up().close()
  })

  test(
    "ends in bounded time with code 0 while PostgreSQL is gone, on Bun and on Deno, and says that it was",
    async () => {
      const both = await Promise.all([runner("bun"), runner("deno")])
      await up().stop()
      // Some heartbeats fail.
      await new Promise((resolve) => setTimeout(resolve, 1500))
      for (const said of await Promise.all(both.map(told))) expect(said).toContain("does not answer")
      await up().start()
    },
    TIME
  )

  test(
    "ends so while PostgreSQL is frozen, which breaks no connection",
    async () => {
      const cable = await proxy(up().port)
      const url = up().url.replace(`127.0.0.1:${up().port}`, cable.address)
      const both = await Promise.all([runner("bun", url), runner("deno", url)])
      cable.freeze(true)
      try {
        await new Promise((resolve) => setTimeout(resolve, 1500))
        for (const said of await Promise.all(both.map(told))) expect(said).toContain("does not answer")
      } finally {
        await cable.close()
      }
    },
    TIME
  )
})
