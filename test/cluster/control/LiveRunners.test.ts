/**
 * The list of runners that loaders read, over SQLite in memory: who is in it, who is not, and how the cluster deals lanes.
 */
import { describe, expect, test } from "bun:test"
import { existsSync, mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, relative } from "node:path"
import type { SqlClient } from "@effect/sql/SqlClient"
import { Effect, Exit, Layer, Logger, Scope } from "effect"
import { connecting } from "../../../src/cluster/control/Connect.ts"
import { databaseOf } from "../../../src/cluster/control/Database.ts"
import { liveRunners, liveRunnersWith } from "../../../src/cluster/control/LiveRunners.ts"
import { register, registerWith } from "../../../src/cluster/control/Registration.ts"
import { migrate, writeStart } from "../../../src/cluster/control/Tables.ts"
import { timingOf } from "../../../src/cluster/control/Timing.ts"
import { Runners, Workers } from "../../../src/cluster.ts"
import { Dataset, FailurePolicy, Pipeline, Scheduler, SeedPolicy } from "../../../src/index.ts"
import { listening, until, when } from "../../support/cluster/control.ts"

const DATABASE = databaseOf("sqlite::memory:")
const TIMING = timingOf("200 millis")

const client = Effect.flatten(connecting(DATABASE))

const runner = (sql: SqlClient, id: string, threads: number) =>
  Effect.flatMap(listening, (port) =>
    registerWith(sql, DATABASE.shown, { id, host: "127.0.0.1", port, threads }, TIMING)
  )

/** A runner that has written one heartbeat. */
const written = (sql: SqlClient, id: string, expirySeconds: number) =>
  Effect.zipRight(
    sql`INSERT INTO furrow_runners (address, runner) VALUES (${`${id}:1`}, '{}')`,
    writeStart(sql, { address: `${id}:1`, id, host: id, port: 1, threads: 1 }, expirySeconds)
  )

const run = <A>(body: Effect.Effect<A, unknown, Scope.Scope>) => Effect.runPromise(Effect.scoped(body))

const inFolder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "furrow-list-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
)

describe("the list of runners", () => {
  test("has each that is registered, deals lanes by threads, and lacks one that has ended", () =>
    run(
      Effect.gen(function* () {
        const sql = yield* client
        const live = yield* liveRunnersWith(Effect.succeed(sql), DATABASE.shown, TIMING)
        yield* until(live)
        expect(live.owner(0, 4)).toBe(undefined)
        const one = yield* Scope.make()
        yield* Scope.extend(runner(sql, "one", 3), one)
        yield* until(live, "one")
        yield* runner(sql, "two", 1)
        yield* until(live, "one", "two")
        const lanes = () => Array.from({ length: 8 }, (_, lane) => live.owner(lane, 8))
        const dealt = yield* when(lanes, (own) => own.filter((id) => id === "two").length === 2)
        // Three quarters of the threads have three quarters of the lanes, and neighbors are together.
        expect(dealt.filter((id) => id === "one")).toHaveLength(6)
        expect(new Set(dealt.map((id, at) => `${id}${id === dealt[at - 1]}`)).size).toBeLessThanOrEqual(4)
        yield* Scope.close(one, Exit.void)
        yield* until(live, "two")
        yield* when(lanes, (own) => own.every((id) => id === "two"))
      })
    ))

  test("drops a runner without heartbeats, by the clock of the database", () =>
    run(
      Effect.gen(function* () {
        const sql = yield* client
        yield* migrate(sql, DATABASE.shown)
        yield* written(sql, "gone", 1)
        // Its clock is a day ahead.
        yield* written(sql, "skewed", 60)
        yield* sql`UPDATE furrow_starts SET started_at = datetime('now', '+1 day') WHERE id = 'skewed'`
        const live = yield* liveRunnersWith(Effect.succeed(sql), DATABASE.shown, TIMING)
        yield* until(live, "gone", "skewed")
        yield* until(live, "skewed")
        // Nobody's heartbeats are written any more, as on a disk that is full: those that were heard of last stay.
        yield* sql`UPDATE furrow_runners SET last_heartbeat = datetime('now', '-1 day')`
        yield* sql`UPDATE furrow_runners SET last_heartbeat = datetime('now', '-2 days') WHERE address = 'gone:1'`
        yield* Effect.sleep("500 millis")
        yield* until(live, "skewed")
      })
    ))

  test("stays while the database is gone, and until runners have had time to find it back; it is logged once", () =>
    run(
      Effect.gen(function* () {
        const lines: Array<string> = []
        const logger = Logger.make<unknown, void>(({ message }) => void lines.push(String(message)))
        const sql = yield* client
        yield* migrate(sql, DATABASE.shown)
        yield* written(sql, "one", 1)
        yield* written(sql, "two", 60)
        yield* sql`INSERT INTO furrow_locks (shard_id, address, acquired_at) VALUES ('default:1', 'one:1', CURRENT_TIMESTAMP)`
        let gone = false
        let reads = 0
        const failing = new Proxy(sql, {
          apply: (own, self, args) => {
            reads++
            return gone ? Effect.fail(new Error("no route to host")) : Reflect.apply(own, self, args)
          }
        })
        const live = yield* Effect.provide(
          liveRunnersWith(Effect.succeed(failing), DATABASE.shown, TIMING),
          Logger.replace(Logger.defaultLogger, logger)
        )
        yield* until(live, "one", "two")
        gone = true
        // Long enough for the runner to be gone by its last heartbeat: it cannot write another one.
        yield* when(
          () => reads,
          (count) => count > 12
        )
        yield* sql`UPDATE furrow_runners SET last_heartbeat = datetime('now', '-1 day') WHERE address = 'one:1'`
        yield* until(live, "one", "two")
        expect(live.owner(0, 1)).toBe("one")
        gone = false
        yield* when(
          () => lines.length,
          (own) => own === 2
        )
        // The first list that was read lacks one.
        yield* until(live, "one", "two")
        yield* sql`UPDATE furrow_runners SET last_heartbeat = CURRENT_TIMESTAMP`
        yield* until(live, "one", "two")
        expect(lines[0]).toContain("does not answer (no route to host); going on with the 2 runners known so far")
        expect(lines[1]).toContain("answers again")
        expect(live.outages?.()).toBe(1)
      })
    ))

  test(
    "goes on in a new file where the one of SQLite is removed or replaced: each process says so once",
    () =>
      run(
        Effect.gen(function* () {
          const folder = yield* inFolder
          const at = databaseOf(`sqlite:${join(folder, "cluster.sqlite")}`)
          const lines: Array<string> = []
          const logger = Logger.make<unknown, void>(({ message }) => void lines.push(String(message)))
          const quiet = Effect.provide(Logger.replace(Logger.defaultLogger, logger))
          const live = yield* quiet(liveRunners(at, TIMING))
          const start = (id: string) =>
            Effect.flatMap(listening, (port) =>
              quiet(register(at, { id, host: "127.0.0.1", port, threads: 1 }, TIMING))
            )
          yield* start("one")
          yield* start("two")
          yield* until(live, "one", "two")
          const said = (what: string) => () => lines.filter((line) => line.includes(what)).length
          const three = (count: number) => count === 3
          for (const ending of ["", "-wal", "-shm"]) rmSync(join(folder, `cluster.sqlite${ending}`), { force: true })
          yield* when(said("its file was removed"), three)
          yield* when(said("answers again"), three)
          // One that knows nobody finds both.
          yield* until(yield* quiet(liveRunners(at, TIMING)), "one", "two")
          expect(said("does not answer")()).toBe(3)
          writeFileSync(join(folder, "other"), "")
          renameSync(join(folder, "other"), join(folder, "cluster.sqlite"))
          yield* when(said("its file was replaced by another one"), (count) => count === 4)
          yield* until(yield* quiet(liveRunners(at, TIMING)), "one", "two")
          truncateSync(join(folder, "cluster.sqlite"))
          yield* when(said("its file was emptied"), (count) => count === 5)
          yield* until(yield* quiet(liveRunners(at, TIMING)), "one", "two")
        })
      ),
    20_000
  )

  test("creates no file of SQLite: it says that there is none, and finds one that a runner creates later", () =>
    run(
      Effect.gen(function* () {
        const folder = yield* inFolder
        const file = join(folder, "sub", "cluster.sqlite")
        // As a program names it: relative to its working folder.
        const at = databaseOf(`sqlite:${relative(process.cwd(), file)}`)
        expect(at.shown).toBe(`sqlite:${file}`)
        const live = yield* liveRunners(at, TIMING)
        yield* until(live)
        expect(live.place).toBe(`sqlite:${file}, which does not exist: was the runner started in another folder?`)
        expect(existsSync(join(folder, "sub"))).toBe(false)
        expect(live.outages?.()).toBe(0)
        const port = yield* listening
        yield* register(at, { id: "one", host: "127.0.0.1", port, threads: 1 }, TIMING)
        yield* until(live, "one")
        expect(live.place).toBe(`sqlite:${file}`)
      })
    ))

  test("fails at once, and so does a runner, where a file of SQLite will never be a database", () =>
    run(
      Effect.gen(function* () {
        const folder = yield* inFolder
        writeFileSync(
          join(folder, "text"),
          "no database, but long enough to be looked at as one of SQLite's\n".repeat(200)
        )
        for (const file of [join(folder, "text"), folder]) {
          const at = databaseOf(`sqlite:${file}`)
          const error = yield* Effect.flip(register(at, { id: "x", host: "127.0.0.1", port: 1, threads: 1 }, TIMING))
          expect(error).toMatchObject({ kind: "refused", database: `sqlite:${file}` })
          const live = yield* liveRunners(at, TIMING)
          const failure = yield* Effect.flip(until(live)).pipe(Effect.provide(Logger.remove(Logger.defaultLogger)))
          expect(failure).toMatchObject({ _tag: "RunnersError", isLasting: true })
          expect(String(failure).split("cannot be").length).toBe(3)
          // A run does not wait for it either.
          const workers = Workers.cluster({ workers: 1, pipeline: import.meta.url, wait: "1 minute" })
          const loader = Scheduler.open(Pipeline.from(Dataset.range(8)).pipe(Pipeline.batch(4)), { epochs: 1 }).pipe(
            Effect.flatMap(({ take }) => take),
            Effect.scoped,
            Effect.provide(Layer.provide(workers, Layer.succeed(Runners.Runners, live))),
            Effect.provide([
              SeedPolicy.epochWorker({ seed: 1 }),
              FailurePolicy.fail,
              Logger.remove(Logger.defaultLogger)
            ])
          )
          expect(yield* Effect.flip(loader)).toMatchObject({
            _tag: "BackendError",
            reason: expect.stringContaining("the list of runners cannot be read")
          })
          expect(String(failure)).toMatch(/file is not a database|unable to open database file/)
        }
      })
    ))

  test("has no password in what it says of an address that is none", () => {
    const wrong = [
      "postgres://furrow:1/s3cret@host/db",
      "postgres://furrow:1#s3cret@host/db",
      "postgres://furrow:s3cret%zz@host/db",
      "postgres://furrow:s3cret@:5432x/db",
      "postgres:furrow:s3cret@host/db",
      "s3cret@host/db",
      "secret",
      "mysql://furrow:s3cret@host/db",
      "sqlite://furrow:s3cret@host/db"
    ]
    for (const text of wrong) {
      let said = ""
      try {
        databaseOf(text)
      } catch (error) {
        said = `${error} ${JSON.stringify(error)}`
      }
      expect(said).toContain("InvalidOption")
      expect(said).not.toMatch(/s3cret|secret/)
    }
    expect(databaseOf("postgres://furrow:s3%2Fcret@host:1/db?password=s3cret").shown).toBe(
      "postgres://furrow@host:1/db"
    )
  })
})
