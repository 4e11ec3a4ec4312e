/**
 * The tables of a cluster, and the versions in which they came to be.
 *
 * `furrow_runners` and `furrow_locks` are those of `@effect/cluster`, made here, before it makes them: two runners that start
 * at once on an empty database would collide.
 *
 * @since 0.1.0
 */
import type { SqlClient } from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import { ClusterDatabaseError } from "./ClusterDatabaseError.ts"
import { isPassing, reasonOf } from "./Connect.ts"

/** What the names of all tables begin with. @since 0.1.0 */
export const PREFIX = "furrow"

/** A version of the tables: it is never changed once it was released; what changes is a version of its own. */
interface Version {
  readonly postgres: ReadonlyArray<string>
  readonly sqlite: ReadonlyArray<string>
}

/** In order; the first is version 1. */
const VERSIONS: ReadonlyArray<Version> = [
  {
    postgres: [
      `CREATE TABLE IF NOT EXISTS furrow_runners (
        machine_id SERIAL PRIMARY KEY,
        address VARCHAR(255) NOT NULL,
        runner TEXT NOT NULL,
        healthy BOOLEAN NOT NULL DEFAULT TRUE,
        last_heartbeat TIMESTAMP NOT NULL DEFAULT NOW(),
        UNIQUE(address)
      )`,
      `CREATE TABLE IF NOT EXISTS furrow_locks (
        shard_id VARCHAR(50) PRIMARY KEY,
        address VARCHAR(255) NOT NULL,
        acquired_at TIMESTAMP NOT NULL
      )`,
      `CREATE TABLE furrow_starts (
        address VARCHAR(255) PRIMARY KEY,
        id TEXT NOT NULL,
        host TEXT NOT NULL,
        port INTEGER NOT NULL,
        threads INTEGER NOT NULL,
        expiry_seconds INTEGER NOT NULL,
        started_at TIMESTAMP NOT NULL DEFAULT NOW()
      )`
    ],
    sqlite: [
      `CREATE TABLE IF NOT EXISTS furrow_runners (
        machine_id INTEGER PRIMARY KEY AUTOINCREMENT,
        address TEXT NOT NULL,
        runner TEXT NOT NULL,
        healthy INTEGER NOT NULL DEFAULT 1,
        last_heartbeat DATETIME NOT NULL DEFAULT (CURRENT_TIMESTAMP),
        UNIQUE(address)
      )`,
      `CREATE TABLE IF NOT EXISTS furrow_locks (
        shard_id TEXT PRIMARY KEY,
        address TEXT NOT NULL,
        acquired_at DATETIME NOT NULL
      )`,
      `CREATE TABLE furrow_starts (
        address TEXT PRIMARY KEY,
        id TEXT NOT NULL,
        host TEXT NOT NULL,
        port INTEGER NOT NULL,
        threads INTEGER NOT NULL,
        expiry_seconds INTEGER NOT NULL,
        started_at DATETIME NOT NULL DEFAULT (CURRENT_TIMESTAMP)
      )`
    ]
  }
]

/** "furrow" as a number of 48 bits: the advisory lock under which tables are made. */
const LOCK = "112654617309047"

/** The class itself is of a package that is optional. */
const isSqlError = (error: unknown): error is SqlError => Predicate.isTagged(error, "SqlError")

const VERSIONS_TABLE = "CREATE TABLE IF NOT EXISTS furrow_versions (version INTEGER PRIMARY KEY)"

/**
 * Brings the tables to this version of Furrow's, one process at a time, and all or nothing. Fails if a newer Furrow made them.
 *
 * @since 0.1.0
 */
export const migrate = (sql: SqlClient, database: string): Effect.Effect<void, ClusterDatabaseError> =>
  sql
    .withTransaction(
      Effect.gen(function* () {
        // SQLite's transactions begin with its lock for writing.
        yield* sql.onDialectOrElse({
          pg: () => sql.unsafe(`SELECT pg_advisory_xact_lock(${LOCK})`),
          orElse: () => Effect.void
        })
        yield* sql.unsafe(VERSIONS_TABLE)
        const [row] = yield* sql<{
          readonly version: number | null
        }>`SELECT MAX(version) AS version FROM furrow_versions`
        const current = row?.version ?? 0
        if (current > VERSIONS.length) {
          const reason = `has tables of version ${current}, and this version of Furrow knows ${VERSIONS.length}: upgrade it`
          return yield* new ClusterDatabaseError({ kind: "version", database, reason })
        }
        for (const [at, { postgres, sqlite }] of VERSIONS.entries()) {
          if (at < current) continue
          const statements = sql.onDialectOrElse({ pg: () => postgres, orElse: () => sqlite })
          yield* Effect.forEach(statements, (statement) => sql.unsafe(statement), { discard: true })
          yield* sql`INSERT INTO furrow_versions (version) VALUES (${at + 1})`
        }
      })
    )
    .pipe(
      // The client dies with what meets the end of a transaction.
      Effect.catchAllDefect((defect) => (isSqlError(defect) ? Effect.fail(defect) : Effect.die(defect))),
      Effect.catchTag("SqlError", ({ cause }) => {
        const why = reasonOf(cause)
        return isPassing(cause)
          ? new ClusterDatabaseError({ kind: "unreachable", database, reason: `cannot be written to: ${why}`, cause })
          : new ClusterDatabaseError({
              kind: "tables",
              database,
              reason: `has no tables for Furrow, and they cannot be made: ${why}`,
              cause
            })
      })
    )

/** A runner as the tables have it. @since 0.1.0 */
export interface StartRow {
  readonly address: string
  readonly id: string
  readonly host: string
  readonly port: number
  readonly threads: number
}

/** Writes which process it is that listens at an address. @since 0.1.0 */
export const writeStart = (
  sql: SqlClient,
  { address, host, id, port, threads }: StartRow,
  expirySeconds: number
): Effect.Effect<void, SqlError> =>
  Effect.asVoid(sql`
    INSERT INTO furrow_starts (address, id, host, port, threads, expiry_seconds)
    VALUES (${address}, ${id}, ${host}, ${port}, ${threads}, ${expirySeconds})
    ON CONFLICT (address) DO UPDATE SET id = EXCLUDED.id, host = EXCLUDED.host, port = EXCLUDED.port,
      threads = EXCLUDED.threads, expiry_seconds = EXCLUDED.expiry_seconds`)

/** @since 0.1.0 */
export const removeStart = (sql: SqlClient, address: string, id: string): Effect.Effect<void, SqlError> =>
  Effect.asVoid(sql`DELETE FROM furrow_starts WHERE address = ${address} AND id = ${id}`)

/** A runner that is listed, and for how long it has not been heard of. */
interface HeardRow extends StartRow {
  readonly age: number
  readonly expiry: number
}

/**
 * The runners that were heard of lately, by the database's own clock: what the clocks of runners and loaders say does not
 * matter. One marked unhealthy is among them: who cannot reach it may not be the one who asks. Where none was heard of lately,
 * those that were heard of last: a database that is full takes no heartbeats, and its runners go on.
 *
 * @since 0.1.0
 */
export const readRunners = (sql: SqlClient): Effect.Effect<ReadonlyArray<StartRow>, SqlError> => {
  const age = sql.onDialectOrElse({
    pg: () => sql`EXTRACT(EPOCH FROM NOW() - r.last_heartbeat)::float8`,
    orElse: () => sql`strftime('%s', CURRENT_TIMESTAMP) - strftime('%s', r.last_heartbeat)`
  })
  return Effect.map(
    sql<HeardRow>`
    SELECT s.address, s.id, s.host, s.port, s.threads, s.expiry_seconds AS expiry, ${age} AS age FROM furrow_starts s
    JOIN furrow_runners r ON r.address = s.address ORDER BY s.address`,
    (rows) => {
      const lately = rows.filter(({ age, expiry }) => age < expiry)
      const newest = Math.min(...rows.map((row) => row.age))
      return lately.length > 0 ? lately : rows.filter(({ age, expiry }) => age - newest < expiry)
    }
  )
}

/** Which address has which of the cluster's shards, as of their last refresh. @since 0.1.0 */
export const readOwners = (sql: SqlClient): Effect.Effect<ReadonlyArray<{ readonly address: string }>, SqlError> =>
  sql<{ readonly address: string }>`SELECT address FROM furrow_locks ORDER BY address`
