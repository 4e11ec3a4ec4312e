/**
 * The list of runners that loaders read, over SQLite in memory: who is in it, who is not, and how the cluster deals lanes.
 */
import { describe, expect, test } from "bun:test"
import type { SqlClient } from "@effect/sql/SqlClient"
import { Effect, Exit, Logger, Scope } from "effect"
import { connecting } from "../../../src/cluster/control/Connect.ts"
import { databaseOf } from "../../../src/cluster/control/Database.ts"
import { liveRunnersWith } from "../../../src/cluster/control/LiveRunners.ts"
import { registerWith } from "../../../src/cluster/control/Registration.ts"
import { migrate, writeStart } from "../../../src/cluster/control/Tables.ts"
import { timingOf } from "../../../src/cluster/control/Timing.ts"
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
        yield* until(live, "one")
        gone = true
        // Long enough for the runner to be gone by its last heartbeat: it cannot write another one.
        yield* when(
          () => reads,
          (count) => count > 12
        )
        yield* sql`UPDATE furrow_runners SET last_heartbeat = datetime('now', '-1 day')`
        yield* until(live, "one")
        expect(live.owner(0, 1)).toBe("one")
        gone = false
        yield* when(
          () => lines.length,
          (own) => own === 2
        )
        // The first list that was read has nobody.
        yield* until(live, "one")
        yield* sql`UPDATE furrow_runners SET last_heartbeat = CURRENT_TIMESTAMP`
        yield* until(live, "one")
        expect(lines[0]).toContain("does not answer (no route to host); the 1 runners known so far stay in use")
        expect(lines[1]).toContain("answers again")
        expect(live.outages?.()).toBe(1)
      })
    ))
})
