/** The client of a file of SQLite that other processes write to, too. */
import { expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { Effect, Fiber } from "effect"
import { connecting } from "../../../src/cluster/control/Connect.ts"
import { databaseOf } from "../../../src/cluster/control/Database.ts"

/** A client, and a connection of another process that writes. */
const both = Effect.gen(function* () {
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "furrow-sqlite-"))),
    (own) => Effect.sync(() => rmSync(own, { recursive: true }))
  )
  const file = join(folder, "cluster.sqlite")
  const sql = yield* Effect.flatten(connecting(databaseOf(`sqlite:${file}`)))
  yield* sql`CREATE TABLE numbers (number INTEGER)`
  const other = yield* Effect.acquireRelease(
    Effect.sync(() => new DatabaseSync(file)),
    (own) => Effect.sync(() => own.close())
  )
  other.exec("BEGIN IMMEDIATE")
  return { sql, other }
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
    const { other, sql } = yield* both
    let turns = 0
    yield* Effect.fork(
      Effect.forever(
        Effect.delay(
          Effect.sync(() => turns++),
          "10 millis"
        )
      )
    )
    const error = yield* Effect.flip(sql`INSERT INTO numbers VALUES (7)`)
    expect(String(error.cause)).toContain("database is locked")
    expect(turns).toBeGreaterThan(5)
    other.exec("ROLLBACK")
    yield* sql`INSERT INTO numbers VALUES (7)`
  }).pipe(Effect.scoped, Effect.runPromise))
