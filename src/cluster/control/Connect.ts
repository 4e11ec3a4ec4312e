/**
 * Connects to the database of a cluster.
 *
 * @since 0.1.0
 */
import type { SqlClient } from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Database } from "./Database.ts"
import { sqliteClient } from "./NodeSqlite.ts"
import { ClusterDatabaseError, pgPackage, sqlPackages } from "./Packages.ts"

/** How long a connection to PostgreSQL may take: beyond that the database counts as gone. */
const CONNECT = "5 seconds"

/** A runner needs one connection for its locks and one for all else, a loader one. */
const CONNECTIONS = 3

/** Fails if the database cannot be reached now. Once connected, connections that break are made anew. @since 0.1.0 */
export const connect = (database: Database): Effect.Effect<SqlClient, ClusterDatabaseError, Scope.Scope> =>
  Effect.gen(function* () {
    const packages = yield* sqlPackages(database.shown)
    if (database.kind === "sqlite") return yield* sqliteClient(packages, database.file)
    const PgClient = yield* pgPackage(database.shown)
    return yield* PgClient.make({
      url: database.url,
      connectTimeout: CONNECT,
      maxConnections: CONNECTIONS,
      applicationName: "furrow"
    }).pipe(
      Effect.provide(packages.Reactivity.layer),
      Effect.mapError(
        ({ cause }) =>
          new ClusterDatabaseError({ database: database.shown, reason: `cannot be reached: ${reasonOf(cause)}`, cause })
      )
    )
  })

/** What a database's error says in one line. @since 0.1.0 */
export const reasonOf = (cause: unknown): string => {
  if (!(cause instanceof Error)) return String(cause)
  // Of several addresses none could be reached: each has an error of its own.
  const own = cause instanceof AggregateError && cause.message === "" ? cause.errors[0] : cause
  const [line = ""] = (own instanceof Error ? own.message : String(own)).split("\n")
  return line === "" ? cause.name : line
}
