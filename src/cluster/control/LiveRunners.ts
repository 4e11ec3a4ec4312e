/**
 * The runners of a cluster, as its database has them: read by loaders, which write nothing.
 *
 * @since 0.1.0
 */

import type { SqlClient } from "@effect/sql/SqlClient"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import { plural } from "../../core/Plural.ts"
import { ownerOf, type RunnerInfo, RunnersError, type Service } from "../Runners.ts"
import { ClusterDatabaseError } from "./ClusterDatabaseError.ts"
import { type Connect, connecting, isLasting, reasonOf } from "./Connect.ts"
import type { Database } from "./Database.ts"
import { isMissing, isReplaced } from "./NodeSqlite.ts"
import { readOwners, readRunners } from "./Tables.ts"
import type { Timing } from "./Timing.ts"

/** How long a database may be silent before a loader that knows no runner yet is told so. */
const PATIENCE_MS = 30_000

/**
 * Reads the list once a heartbeat. While the database does not answer, the last list stays, and for a while after: runners
 * write their first heartbeat when they find it back.
 *
 * @since 0.1.0
 */
export const liveRunners = (
  database: Database,
  timing: Timing
): Effect.Effect<Service, ClusterDatabaseError, Scope.Scope> =>
  Effect.flatMap(connecting(database, { creates: false }), (connect) =>
    liveRunnersWith(connect, database.shown, timing)
  )

interface Reading {
  readonly runners: ReadonlyArray<RunnerInfo>
  readonly owners: ReadonlyArray<string>
}

/** The same with what connects. @since 0.1.0 */
export const liveRunnersWith = (
  connect: Connect,
  database: string,
  { expiry, heartbeat }: Timing
): Effect.Effect<Service, never, Scope.Scope> =>
  Effect.gen(function* () {
    const list = yield* SubscriptionRef.make<Either.Either<ReadonlyArray<RunnerInfo>, RunnersError> | undefined>(
      undefined
    )
    let owners: ReadonlyArray<string> = []
    let known: ReadonlyArray<RunnerInfo> = []
    let outages = 0
    const started = yield* Clock.currentTimeMillis
    let failing: number | undefined
    let recovered = Number.NEGATIVE_INFINITY
    /** Why no runner can be listed, as long as no file of SQLite is there. */
    let missing: string | undefined

    const publish = (runners: ReadonlyArray<RunnerInfo>) => {
      const same = JSON.stringify(runners) === JSON.stringify(known)
      known = runners
      return Effect.flatMap(SubscriptionRef.get(list), (last) =>
        same && last !== undefined && Either.isRight(last)
          ? Effect.void
          : SubscriptionRef.set(list, Either.right(runners))
      )
    }

    const succeeded = (reading: Reading) =>
      Effect.gen(function* () {
        missing = undefined
        const now = yield* Clock.currentTimeMillis
        if (failing !== undefined) {
          recovered = now
          const seconds = ((now - failing) / 1000).toFixed(1)
          failing = undefined
          yield* Effect.logInfo(`the cluster's database ${database} answers again, after ${seconds} s`)
        }
        const grace = now - recovered <= 2 * Duration.toMillis(expiry)
        const runners = grace ? withLast(reading.runners, known) : reading.runners
        owners = reading.owners
        yield* publish(runners)
      })

    const failed = (error: unknown) =>
      Effect.gen(function* () {
        // No runner has registered yet, or the file is elsewhere. Of one that was there it is an outage.
        if (isMissing(error) && known.length === 0) {
          missing = error.reason
          return yield* publish([])
        }
        const now = yield* Clock.currentTimeMillis
        if (failing === undefined) {
          failing = now
          outages++
          const reason = `the cluster's database ${database} does not answer (${reasonOf(error)})`
          yield* Effect.logWarning(`${reason}; going on with the ${plural(known.length, "runner")} known so far`)
        }
        if ((yield* SubscriptionRef.get(list)) !== undefined) return
        const lasts = isLasting(error)
        if (!lasts && now - started < PATIENCE_MS) return
        const told = reasonOf(error)
        // What an error of ours says stands behind the database's name.
        const is = error instanceof ClusterDatabaseError ? told : `cannot be used: ${told}`
        const reason = `${database} ${lasts ? is : `has not answered for ${PATIENCE_MS / 1000} s: ${told}`}`
        yield* SubscriptionRef.set(list, Either.left(new RunnersError({ reason, cause: error, isLasting: lasts })))
      })

    const poll = (sql: SqlClient) =>
      read(sql).pipe(
        // One that takes connections and says nothing is as good as gone. It does not cancel statements either.
        Effect.disconnect,
        Effect.timeout(Duration.max(expiry, Duration.seconds(1))),
        Effect.matchEffect({
          onFailure: (error) => Effect.as(failed(error), isReplaced(error)),
          onSuccess: (reading) => Effect.as(succeeded(reading), false)
        }),
        Effect.tap(Effect.sleep(heartbeat)),
        // The file that is there now is opened.
        Effect.repeat({ until: (replaced) => replaced })
      )

    yield* connect.pipe(
      Effect.tapError(failed),
      Effect.retry({ while: () => Effect.as(Effect.sleep(heartbeat), true) }),
      Effect.flatMap(poll),
      Effect.scoped,
      Effect.forever,
      // Whoever is done does not wait until a connection that is being made is there, or given up.
      Effect.disconnect,
      Effect.forkScoped
    )

    return {
      changes: list.changes.pipe(
        Stream.filter((now) => now !== undefined),
        Stream.mapEffect((now) => now)
      ),
      owner: (lane, lanes) => ownerOf(owners, lane, lanes),
      get place() {
        return missing === undefined ? database : `${database}, which ${missing}`
      },
      outages: () => outages
    }
  })

const read = (sql: SqlClient): Effect.Effect<Reading, unknown> =>
  Effect.gen(function* () {
    const rows = yield* readRunners(sql)
    const ids = new Map(rows.map(({ address, id }) => [address, id]))
    const locks = yield* readOwners(sql)
    return {
      runners: rows.map(({ host, id, port, threads }) => ({ id, host, port, threads })),
      // In the order of their runners: lanes that are next to each other, and the blocks they share, are with one of them,
      // and each has as many as its share of the shards, however few lanes there are.
      owners: locks.flatMap(({ address }) => ids.get(address) ?? [])
    }
  }).pipe(Effect.catchIf(isWithoutTables, () => Effect.succeed({ runners: [], owners: [] })))

/** No runner was ever registered there: PostgreSQL's code of a table that does not exist, or what SQLite says. */
const isWithoutTables = (error: unknown): boolean =>
  error instanceof Error &&
  (("code" in error && error.code === "42P01") || /no such table/.test(error.message) || isWithoutTables(error.cause))

/** Those of now, and those of before at whose address no other process is. */
const withLast = (now: ReadonlyArray<RunnerInfo>, last: ReadonlyArray<RunnerInfo>): ReadonlyArray<RunnerInfo> => [
  ...now,
  ...last.filter((own) => !now.some(({ host, port }) => host === own.host && port === own.port))
]
