/**
 * A client of `@effect/sql` over `node:sqlite`, which Bun, Deno, and Node from 22 on carry.
 *
 * @since 0.1.0
 */
import { existsSync, mkdirSync, statSync } from "node:fs"
import { dirname } from "node:path"
import type { DatabaseSync } from "node:sqlite"
import type { SqlClient } from "@effect/sql/SqlClient"
import type { Connection } from "@effect/sql/SqlConnection"
import type { SqlError } from "@effect/sql/SqlError"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { shown } from "../../core/Show.ts"
import { ClusterDatabaseError } from "./ClusterDatabaseError.ts"
import { MEMORY } from "./Database.ts"
import type { SqlPackages } from "./Packages.ts"

/** How long a statement waits for another process that writes, in ms: statements here take well below one. */
const BUSY_MS = 1000

/** How often it is tried until then. SQLite's own waiting would stop the thread, which builds and serves batches. */
const BUSY_EVERY_MS = 10

/** What another process, or a full disk, is the reason of. No file that is a database, or a folder, stays one. @since 0.1.0 */
export const PASSING = /is locked|busy|disk I\/O|is full|no space/i

/** The file is not the one that was opened: it was removed or emptied, or another one is there. @since 0.1.0 */
export class FileReplaced extends Data.TaggedError("FileReplaced")<{
  readonly how: "removed" | "emptied" | "replaced by another one"
}> {
  override get message(): string {
    return `its file was ${this.how}`
  }
}

/** Whether an error says that the file was replaced, so that the connection is useless. @since 0.1.0 */
export const isReplaced = (error: unknown): boolean =>
  error instanceof FileReplaced || (error instanceof Error && error.cause !== undefined && isReplaced(error.cause))

/** There is no file, and who asks for it does not create one. */
class FileMissing extends Data.TaggedError("FileMissing")<object> {}

/** Whether an error says that there is no file: no runner has registered in it. @since 0.1.0 */
export const isMissing = (error: unknown): error is ClusterDatabaseError =>
  error instanceof ClusterDatabaseError && error.cause instanceof FileMissing

/** What a file is known by while it is open, and whether there is anything in it; `undefined` where there is none. */
const lookAt = (file: string): { readonly identity: string; readonly isEmpty: boolean } | undefined => {
  const stats = statSync(file, { bigint: true, throwIfNoEntry: false })
  return stats && { identity: `${stats.dev}:${stats.ino}`, isEmpty: stats.size === 0n }
}

/** Throws `FileReplaced` once the file is another one, and from then on: whatever is written to the one that is open is lost. */
const watching = (file: string): (() => void) => {
  if (file === MEMORY) return () => undefined
  const first = lookAt(file)?.identity
  let wasFilled = false
  let replaced: FileReplaced | undefined
  return () => {
    if (replaced === undefined) {
      const now = lookAt(file)
      if (now === undefined) replaced = new FileReplaced({ how: "removed" })
      else if (now.identity !== first) replaced = new FileReplaced({ how: "replaced by another one" })
      // Written over in place: the connection's memory has pages that the file has no more.
      else if (wasFilled && now.isEmpty) replaced = new FileReplaced({ how: "emptied" })
      wasFilled ||= now?.isEmpty === false
    }
    if (replaced !== undefined) throw replaced
  }
}

const opened = (file: string, creates: boolean): DatabaseSync => {
  const sqlite: typeof import("node:sqlite") | undefined = process.getBuiltinModule("node:sqlite")
  if (sqlite === undefined) {
    const reason = "needs node:sqlite, which this version of Node lacks: use Node 22 or later, Bun, Deno, or PostgreSQL"
    throw new ClusterDatabaseError({ kind: "package", database: `sqlite:${file}`, reason })
  }
  if (file !== MEMORY) {
    if (creates) mkdirSync(dirname(file), { recursive: true })
    else if (!existsSync(file)) {
      const reason = "does not exist: was the runner started in another folder?"
      throw new ClusterDatabaseError({
        kind: "unreachable",
        database: `sqlite:${file}`,
        reason,
        cause: new FileMissing()
      })
    }
  }
  const database = new sqlite.DatabaseSync(file)
  try {
    database.exec(`PRAGMA busy_timeout = ${BUSY_MS}`)
    database.exec("PRAGMA journal_mode = WAL")
    database.exec("PRAGMA busy_timeout = 0")
    return database
  } catch (thrown) {
    database.close()
    throw thrown
  }
}

/** Opens a file. With `creates`, it and its folder are created if they do not exist. @since 0.1.0 */
export const sqliteClient = (
  { Reactivity, SqlClient, SqlError, Statement }: SqlPackages,
  file: string,
  creates: boolean
): Effect.Effect<SqlClient, ClusterDatabaseError, Scope.Scope> =>
  Effect.gen(function* () {
    const database = yield* Effect.acquireRelease(
      Effect.try({
        try: () => opened(file, creates),
        catch: (cause) =>
          cause instanceof ClusterDatabaseError
            ? cause
            : new ClusterDatabaseError({
                kind: PASSING.test(shown(cause)) ? "unreachable" : "refused",
                database: `sqlite:${file}`,
                reason: `cannot be opened: ${shown(cause)}`,
                cause
              })
      }),
      (own) => Effect.sync(() => own.close())
    )
    const connection = connectionOf(SqlError.SqlError, database, watching(file))
    const one = yield* Effect.makeSemaphore(1)
    // A statement that waits for another process is not to become part of a transaction that began meanwhile.
    const alone = Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        yield* restore(one.take(1))
        yield* Scope.addFinalizer(yield* Effect.scope, one.release(1))
        return connection
      })
    )
    return yield* SqlClient.make({
      compiler: Statement.makeCompilerSqlite(),
      acquirer: alone,
      transactionAcquirer: alone,
      // At once: a transaction that reads first and then writes would fail where another process wrote in between.
      beginTransaction: "BEGIN IMMEDIATE",
      spanAttributes: [["db.system.name", "sqlite"]]
    }).pipe(Effect.provide(Reactivity.layer))
  })

const BUSY = Schedule.spaced(BUSY_EVERY_MS).pipe(Schedule.upTo(BUSY_MS))

/** Whether another process is writing. */
const isBusy = ({ cause }: SqlError): boolean => cause instanceof Error && /is locked|busy/i.test(cause.message)

type Failure = new (props: { readonly cause: unknown; readonly message?: string }) => SqlError

type Row = Readonly<Record<string, unknown>>

const connectionOf = (Failed: Failure, database: DatabaseSync, check: () => void): Connection => {
  const attempt = (sql: string, params: ReadonlyArray<unknown>): Effect.Effect<ReadonlyArray<Row>, SqlError> =>
    Effect.try({
      try: () => {
        check()
        // One that did not begin, or that SQLite has ended, is rolled back all the same: that error would hide the first.
        if (sql === "ROLLBACK" && database.isTransaction === false) return []
        return database.prepare(sql).all(...params.map(bound))
      },
      catch: (cause) => new Failed({ cause, message: "Failed to execute statement" })
    })
  const rows = (sql: string, params: ReadonlyArray<unknown>): Effect.Effect<ReadonlyArray<Row>, SqlError> =>
    Effect.retry(attempt(sql, params), { while: isBusy, schedule: BUSY })
  const execute: Connection["execute"] = (sql, params, transform) =>
    Effect.map(rows(sql, params), (own) => (transform === undefined ? own : transform(own)))
  return {
    execute,
    executeUnprepared: execute,
    executeRaw: rows,
    executeValues: (sql, params) => Effect.map(rows(sql, params), (own) => own.map((row) => Object.values(row))),
    executeStream: (sql, params, transform) => Stream.fromIterableEffect(execute(sql, params, transform))
  }
}

const bound = (value: unknown): string | number | bigint | null | Uint8Array => {
  if (typeof value === "string" || typeof value === "number" || typeof value === "bigint") return value
  if (value === null || value instanceof Uint8Array) return value
  if (typeof value === "boolean") return Number(value)
  throw new TypeError(`a ${typeof value} is no parameter of a statement`)
}
