/** The client of a file of SQLite that other processes write to, too. */
import { expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { Effect, Fiber } from "effect"
import { connecting } from "../../../src/cluster/control/Connect.ts"
import { databaseOf } from "../../../src/cluster/control/Database.ts"
import { migrate } from "../../../src/cluster/control/Tables.ts"

/** A client, and a connection of another process that writes. */
const both = Effect.gen(function* () {
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "furrow-sqlite-"))),
    (own) => Effect.sync(() => rmSync(own, { recursive: true }))
  )
  const file = join(folder, "cluster.sqlite")
  const database = databaseOf(`sqlite:${file}`)
  const connect = Effect.flatten(connecting(database))
  const sql = yield* connect
  yield* sql`CREATE TABLE numbers (number INTEGER)`
  const other = yield* Effect.acquireRelease(
    Effect.sync(() => new DatabaseSync(file)),
    (own) => Effect.sync(() => own.close())
  )
  other.exec("BEGIN IMMEDIATE")
  const migrated = Effect.flatMap(connect, (own) => migrate(own, database.shown))
  return { file, migrated, other, sql }
})

test("a statement waits for another process that writes, and the thread goes on meanwhile", () =>
  Effect.gen(function* () {
    const { other, sql } = yield* both
    const written = yield* Effect.fork(sql`INSERT INTO numbers VALUES (7)`)
    const inTransaction = yield* Effect.fork(sql.withTransaction(sql`INSERT INTO numbers VALUES (8)`))
    // Were the thread stopped, nobody would end the other's transaction, and both statements would fail.
    yield* Effect.sleep("50 millis")
    other.exec("COMMIT")
    yield* Fiber.join(written)
    yield* Fiber.join(inTransaction)
    expect(yield* sql`SELECT number FROM numbers ORDER BY number`).toEqual([{ number: 7 }, { number: 8 }])
  }).pipe(Effect.scoped, Effect.runPromise))

test("a process that is frozen while it writes is waited for a second, and the error says that the database is locked", () =>
  Effect.gen(function* () {
    const { migrated, other, sql } = yield* both
    let turns = 0
    yield* Effect.fork(
      Effect.forever(
        Effect.delay(
          Effect.sync(() => turns++),
          "10 millis"
        )
      )
    )
    const failing = [Effect.flip(sql`INSERT INTO numbers VALUES (7)`), Effect.flip(migrated)] as const
    const [error, unmade] = yield* Effect.all(failing, { concurrency: 2 })
    expect(String(error.cause)).toContain("database is locked")
    // A runner that starts tries again: the rollback of what did not begin is not what failed.
    expect(unmade).toMatchObject({ _tag: "ClusterDatabaseError", kind: "unreachable" })
    expect(unmade.message).toContain("cannot be written to: database is locked")
    expect(turns).toBeGreaterThan(5)
    other.exec("ROLLBACK")
    yield* sql`INSERT INTO numbers VALUES (7)`
    yield* migrated
  }).pipe(Effect.scoped, Effect.runPromise))

test("what meets the end of a transaction is an error of the database, as what meets its statements", () =>
  Effect.gen(function* () {
    const { file, sql } = yield* both
    rmSync(file)
    const error = yield* Effect.flip(migrate(sql, "sqlite:one"))
    expect(error.message).toContain("the cluster's database sqlite:one has no tables for Furrow")
    expect(error.message).toContain("its file was removed")
  }).pipe(Effect.scoped, Effect.runPromise))
