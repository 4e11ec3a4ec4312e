/**
 * The packages of a cluster's database: optional peers, imported when a layer that needs them is built.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { installCommand } from "../../core/Install.ts"
import { ClusterDatabaseError } from "./ClusterDatabaseError.ts"

// The names are put together so that bundlers do not look for the packages: they may not be installed.
const EFFECT = ["@", "effect"].join("")

/** What both databases need. @since 0.1.0 */
export interface SqlPackages {
  readonly SqlClient: typeof import("@effect/sql/SqlClient")
  readonly SqlError: typeof import("@effect/sql/SqlError")
  readonly Statement: typeof import("@effect/sql/Statement")
  readonly Reactivity: typeof import("@effect/experimental/Reactivity")
}

/** What a runner needs to be one of a cluster. @since 0.1.0 */
export interface ClusterPackages {
  readonly MessageStorage: typeof import("@effect/cluster/MessageStorage")
  readonly RunnerAddress: typeof import("@effect/cluster/RunnerAddress")
  readonly RunnerHealth: typeof import("@effect/cluster/RunnerHealth")
  readonly Runners: typeof import("@effect/cluster/Runners")
  readonly Sharding: typeof import("@effect/cluster/Sharding")
  readonly ShardingConfig: typeof import("@effect/cluster/ShardingConfig")
  readonly SqlRunnerStorage: typeof import("@effect/cluster/SqlRunnerStorage")
}

const SQL = ["SqlClient", "SqlError", "Statement"] as const
const CLUSTER = [
  "MessageStorage",
  "RunnerAddress",
  "RunnerHealth",
  "Runners",
  "Sharding",
  "ShardingConfig",
  "SqlRunnerStorage"
] as const

const modules = async (name: string, of: ReadonlyArray<string>): Promise<Readonly<Record<string, unknown>>> =>
  Object.fromEntries(await Promise.all(of.map(async (part) => [part, await import(`${name}/${part}`)])))

const loaded = <A>(database: string, name: string, load: () => Promise<unknown>) =>
  Effect.tryPromise({
    // The interfaces above name the modules that are imported, each with its own type.
    try: () => load() as Promise<A>,
    catch: (cause) =>
      new ClusterDatabaseError({
        kind: "package",
        database,
        reason: `needs the package ${name}, which cannot be loaded; install it: ${installCommand(name)}`,
        cause
      })
  })

/** @since 0.1.0 */
export const sqlPackages = (database: string): Effect.Effect<SqlPackages, ClusterDatabaseError> =>
  Effect.zipWith(
    loaded<Omit<SqlPackages, "Reactivity">>(database, `${EFFECT}/sql`, () => modules(`${EFFECT}/sql`, SQL)),
    loaded<Pick<SqlPackages, "Reactivity">>(database, `${EFFECT}/experimental`, () =>
      modules(`${EFFECT}/experimental`, ["Reactivity"])
    ),
    (sql, experimental) => ({ ...sql, ...experimental })
  )

/** @since 0.1.0 */
export const clusterPackages = (database: string): Effect.Effect<ClusterPackages, ClusterDatabaseError> =>
  loaded<ClusterPackages>(database, `${EFFECT}/cluster`, () => modules(`${EFFECT}/cluster`, CLUSTER))

/** @since 0.1.0 */
export const pgPackage = (
  database: string
): Effect.Effect<typeof import("@effect/sql-pg/PgClient"), ClusterDatabaseError> =>
  Effect.map(
    loaded<{ readonly PgClient: typeof import("@effect/sql-pg/PgClient") }>(database, `${EFFECT}/sql-pg`, () =>
      modules(`${EFFECT}/sql-pg`, ["PgClient"])
    ),
    ({ PgClient }) => PgClient
  )
