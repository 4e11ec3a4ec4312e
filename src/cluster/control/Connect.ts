/**
 * Connects to the database of a cluster.
 *
 * @since 0.1.0
 */
import { Socket } from "node:net"
import type { SqlClient } from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { ClusterDatabaseError } from "./ClusterDatabaseError.ts"
import type { Database } from "./Database.ts"
import { PASSING as PASSING_SQLITE, sqliteClient } from "./NodeSqlite.ts"
import { oneByOne } from "./OneByOne.ts"
import { pgPackage, sqlPackages } from "./Packages.ts"

/** How long a connection to PostgreSQL may take: beyond that the database counts as gone. */
const CONNECT = "5 seconds"

/** A runner needs one connection for its locks and others for all else, a loader one. */
const CONNECTIONS = 3

/** Connects for as long as a scope is open; once connected, connections that break are opened again. @since 0.1.0 */
export type Connect = Effect.Effect<SqlClient, ClusterDatabaseError, Scope.Scope>

/**
 * Loads what a database needs, and returns what connects to it. With `creates: false`, it is an error if a file of SQLite
 * does not exist.
 *
 * @since 0.1.0
 */
export const connecting = (
  database: Database,
  { creates = true }: { readonly creates?: boolean } = {}
): Effect.Effect<Connect, ClusterDatabaseError> =>
  Effect.gen(function* () {
    const packages = yield* sqlPackages(database.shown)
    if (database.kind === "sqlite") return sqliteClient(packages, database.file, creates)
    const PgClient = yield* pgPackage(database.shown)
    return PgClient.make({
      url: database.url,
      connectTimeout: CONNECT,
      maxConnections: CONNECTIONS,
      applicationName: "furrow",
      // A process that is done does not stay for a database that does not answer. Whatever waits for one has a timer.
      stream: () => new Socket().unref()
    }).pipe(
      Effect.flatMap((client) => oneByOne(client, packages, PgClient.makeCompiler())),
      Effect.provide(packages.Reactivity.layer),
      Effect.mapError(({ cause }) => {
        const reason = reasonOf(cause)
        return isLasting(cause)
          ? new ClusterDatabaseError({
              kind: "refused",
              database: database.shown,
              reason: `cannot be used: ${reason}`,
              cause
            })
          : new ClusterDatabaseError({
              kind: "unreachable",
              database: database.shown,
              reason: `cannot be reached: ${reason}`,
              cause
            })
      })
    )
  })

/** What an error of a database says, in one line. @since 0.1.0 */
export const reasonOf = (error: unknown): string => {
  // Of several addresses none could be reached: each has an error of its own.
  if (error instanceof AggregateError && error.message === "") return reasonOf(error.errors[0])
  if (!(error instanceof Error)) return String(error)
  // Whoever asks names the database.
  if (error instanceof ClusterDatabaseError) return error.reason
  // What @effect/sql's own errors say is only that a statement failed.
  if (error.name.includes("SqlError") && error.cause !== undefined) return reasonOf(error.cause)
  return error.message.split("\n", 1)[0] || error.name
}

/** PostgreSQL's codes of a user or a password it does not take, of a database that is not there, and of rights that lack. */
const LASTING = /^(?:28|3D|42)[0-9A-Z]{3}$/

/** Of TLS, and of a file that the address names: a certificate, or a key. */
const LASTING_CODES = /CERT|^ERR_TLS|^ENOENT$|^EACCES$|^ERR_INVALID/

/** Whether an error stays until somebody sets the address, the file or the rights right. @since 0.1.0 */
export const isLasting = (error: unknown): boolean => {
  if (error instanceof ClusterDatabaseError && error.kind !== "unreachable") return true
  if (!(error instanceof Error)) return false
  const code = "code" in error ? String(error.code) : ""
  return (
    LASTING.test(code) ||
    LASTING_CODES.test(code) ||
    error instanceof URIError ||
    // A password that is not given where one is needed, and TLS that the server lacks: without a code.
    /^SASL|does not support SSL|is not a database/.test(error.message) ||
    (error.cause !== undefined && isLasting(error.cause))
  )
}

/** PostgreSQL's codes of connections that break, of resources that lack, such as a full disk, and of a server that ends. */
const PASSING = /^(?:08|53|57)[0-9A-Z]{3}$/

/** Whether waiting may mend what a statement met. @since 0.1.0 */
export const isPassing = (error: unknown): boolean =>
  error instanceof Error &&
  (("code" in error && PASSING.test(String(error.code))) ||
    PASSING_SQLITE.test(error.message) ||
    (error.cause !== undefined && isPassing(error.cause)))
