/**
 * The packages of a cluster's database: optional peers, imported when a layer that needs them is built.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { executableAdvice, installCommand } from "../../core/Install.ts"
import { shown } from "../../core/Show.ts"
import { ClusterDatabaseError } from "./ClusterDatabaseError.ts"

// The names are put together so that bundlers do not look for the packages: they may not be installed.
const EFFECT = ["@", "effect"].join("")

/** The versions of these packages that are for Effect 3; without one, installers take the latest, which are for Effect 4. @since 0.1.0 */
export const VERSIONS = { cluster: "0.60", experimental: "0.61", sql: "0.52", "sql-pg": "0.53" } as const

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

const loaded = <A>(database: string, part: keyof typeof VERSIONS, of: ReadonlyArray<string>) =>
  Effect.tryPromise({
    // The interfaces above name the modules that are imported, each with its own type.
    try: () => modules(`${EFFECT}/${part}`, of) as Promise<unknown> as Promise<A>,
    catch: (cause) => cannotLoad(database, part, cause)
  })

/** The packages of a database, with their versions. */
const needed = (database: string): ReadonlyArray<string> =>
  Object.entries(VERSIONS)
    .filter(([part]) => part !== "sql-pg" || /^postgres/i.test(database))
    .map(([part, version]) => `${EFFECT}/${part}@${version}`)

/** @since 0.1.0 */
export const cannotLoad = (database: string, part: keyof typeof VERSIONS, cause: unknown): ClusterDatabaseError => {
  const name = `${EFFECT}/${part}@${VERSIONS[part]}`
  const [why] = shown(cause).split("\n")
  const command = installCommand(...needed(database))
  const install = `install all that it needs, in the versions for Effect 3: ${command}${executableAdvice}`
  return new ClusterDatabaseError({
    kind: "package",
    database,
    reason: `needs the package ${name}, which cannot be loaded (${why}); ${install}`,
    cause
  })
}

/** @since 0.1.0 */
export const sqlPackages = (database: string): Effect.Effect<SqlPackages, ClusterDatabaseError> =>
  Effect.zipWith(
    loaded<Omit<SqlPackages, "Reactivity">>(database, "sql", SQL),
    loaded<Pick<SqlPackages, "Reactivity">>(database, "experimental", ["Reactivity"]),
    (sql, experimental) => ({ ...sql, ...experimental })
  )

/** @since 0.1.0 */
export const clusterPackages = (database: string): Effect.Effect<ClusterPackages, ClusterDatabaseError> =>
  loaded<ClusterPackages>(database, "cluster", CLUSTER)

/** @since 0.1.0 */
export const pgPackage = (
  database: string
): Effect.Effect<typeof import("@effect/sql-pg/PgClient"), ClusterDatabaseError> =>
  Effect.map(
    loaded<{ readonly PgClient: typeof import("@effect/sql-pg/PgClient") }>(database, "sql-pg", ["PgClient"]),
    ({ PgClient }) => PgClient
  )
