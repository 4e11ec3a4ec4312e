/**
 * Makes a runner one of a cluster: `@effect/cluster` writes its heartbeats, looks after the health of all, and deals its shards
 * out to those that are well.
 *
 * Batches are no messages of the cluster's, so nothing of them is stored, and no port of its own is opened: the health of a
 * runner is that its data port takes connections.
 *
 * @since 0.1.0
 */
import { connect as connectTo } from "node:net"
import type { SqlClient } from "@effect/sql/SqlClient"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import { ClusterDatabaseError } from "./ClusterDatabaseError.ts"
import { connecting, reasonOf } from "./Connect.ts"
import type { Database } from "./Database.ts"
import { isReplaced } from "./NodeSqlite.ts"
import { type ClusterPackages, clusterPackages, sqlPackages } from "./Packages.ts"
import { migrate, PREFIX, removeStart, type StartRow, writeStart } from "./Tables.ts"
import type { Timing } from "./Timing.ts"

/** The shards that are dealt out to runners. A lane's runner is the one that has its shard. */
const SHARDS = 64

/** How long a runner that ends tells the database so. If it does not answer, the heartbeats that stop say the same. */
const FAREWELL = "3 seconds"

/** What is written of a runner. @since 0.1.0 */
export type Registered = Omit<StartRow, "address">

/**
 * Registers a runner for as long as the scope is open. Once registered, a database that is gone stops nothing: it is logged
 * once, and the runner is in the list again when the database is back.
 *
 * @since 0.1.0
 */
export const register = (
  database: Database,
  runner: Registered,
  timing: Timing
): Effect.Effect<void, ClusterDatabaseError, Scope.Scope> =>
  Effect.gen(function* () {
    const connect = yield* connecting(database)
    // Closes once the heartbeats have ended.
    const joins = yield* Effect.flatMap(Effect.scope, (scope) => Scope.fork(scope, ExecutionStrategy.sequential))
    let beat: Effect.Effect<void, unknown> | undefined
    let leave: Effect.Effect<void> = Effect.void
    const join = Effect.gen(function* () {
      const own = yield* Scope.fork(joins, ExecutionStrategy.sequential)
      // Whole: what an interrupt leaves open of it nobody else closes.
      leave = Effect.uninterruptible(Scope.close(own, Exit.void))
      const scope = yield* Scope.extend(bounded, own)
      beat = yield* Effect.flatMap(connect, (sql) => joined(sql, database.shown, runner, timing)).pipe(
        Scope.extend(scope),
        Effect.onError(() => leave)
      )
    })
    yield* join
    // A file that was removed or replaced is joined again; no other process reads the one that is open.
    yield* Effect.suspend(() => (beat === undefined ? join : Effect.void)).pipe(
      Effect.zipRight(Effect.suspend(() => beat ?? Effect.void)),
      Effect.tapError((error) => {
        if (beat === undefined || !isReplaced(error)) return Effect.void
        beat = undefined
        return leave
      }),
      beating(database.shown, timing)
    )
  })

/** A scope that closes with this one, and within a stated time, whether its finalizers are done or not. */
const bounded: Effect.Effect<Scope.Scope, never, Scope.Scope> = Effect.acquireRelease(Scope.make(), (scope) =>
  // A statement that is interrupted asks the database to cancel it, and waits for that: nobody waits for both.
  Scope.close(scope, Exit.void).pipe(Effect.disconnect, Effect.interruptible, Effect.timeoutOption(FAREWELL))
)

/** The same with a client that is there. @since 0.1.0 */
export const registerWith = (
  sql: SqlClient,
  database: string,
  runner: Registered,
  timing: Timing
): Effect.Effect<void, ClusterDatabaseError, Scope.Scope> =>
  Effect.flatMap(joined(sql, database, runner, timing), beating(database, timing))

/** Heartbeats for as long as the scope is open. */
const beating =
  (database: string, { heartbeat }: Timing) =>
  (beat: Effect.Effect<void, unknown>): Effect.Effect<void, never, Scope.Scope> =>
    beat.pipe(said(database), Effect.repeat(Schedule.spaced(heartbeat)), Effect.forkScoped, Effect.asVoid)

/** Makes a runner one of the cluster, and returns what says that it is there, once. */
const joined = (
  sql: SqlClient,
  database: string,
  runner: Registered,
  timing: Timing
): Effect.Effect<Effect.Effect<void, unknown>, ClusterDatabaseError, Scope.Scope> =>
  Effect.gen(function* () {
    const own = yield* clusterPackages(database)
    const { SqlClient } = yield* sqlPackages(database)
    yield* migrate(sql, database)
    const address = own.RunnerAddress.make(runner.host, runner.port)
    const row: StartRow = { ...runner, address: `${runner.host}:${runner.port}` }
    const start = writeStart(sql, row, Duration.toSeconds(timing.expiry))
    // Without it the runner leaves the list when its last heartbeat expires, so a database that is gone needs no warning.
    yield* Effect.addFinalizer(() =>
      Effect.catchAllCause(removeStart(sql, row.address, row.id), (cause) =>
        Effect.logDebug(`the runner ${row.address} could not be removed from the list of ${database}`, cause)
      )
    )
    const client = Layer.succeed(SqlClient.SqlClient, sql)
    yield* Layer.build(Layer.provide(shardingOf(own, address, runner.threads, timing), client)).pipe(
      // It logs each attempt that fails; an outage is logged once, below.
      Logger.withMinimumLogLevel(LogLevel.None),
      // The way in which it says that the database is gone.
      Effect.catchAllDefect(
        (cause) =>
          new ClusterDatabaseError({ kind: "unreachable", database, reason: `is gone: ${reasonOf(cause)}`, cause })
      )
    )
    return start.pipe(
      // A table that was emptied, or a row that another process at this address wrote, is put right again. A statement
      // that is interrupted waits until the database has cancelled it; one that is silent cancels nothing.
      Effect.disconnect,
      Effect.timeout(Duration.max(timing.heartbeat, Duration.seconds(1)))
    )
  })

/** Logs the first failure of several, and the success that ends them. */
const said = (database: string): (<A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<void>) => {
  let gone = false
  return (effect) =>
    Effect.matchEffect(effect, {
      onFailure: (error) => {
        if (gone) return Effect.void
        gone = true
        const reason = reasonOf(error)
        return Effect.logWarning(
          `the cluster's database ${database} does not answer (${reason}): loaders that know this runner go on, others find it ` +
            "when the database is back"
        )
      },
      onSuccess: () => {
        if (!gone) return Effect.void
        gone = false
        return Effect.logInfo(`the cluster's database ${database} answers again`)
      }
    })
}

const shardingOf = (
  own: ClusterPackages,
  address: ReturnType<ClusterPackages["RunnerAddress"]["make"]>,
  threads: number,
  { expiry, heartbeat }: Timing
) =>
  own.Sharding.layer.pipe(
    Layer.provide(own.Runners.layerNoop),
    Layer.provide([
      own.MessageStorage.layerNoop,
      Layer.succeed(own.RunnerHealth.RunnerHealth, { isAlive: ({ host, port }) => accepts(host, port, heartbeat) })
    ]),
    Layer.provide(Layer.orDie(own.SqlRunnerStorage.layerWith({ prefix: PREFIX }))),
    Layer.provide(
      own.ShardingConfig.layer({
        runnerAddress: Option.some(address),
        runnerShardWeight: threads,
        shardsPerGroup: SHARDS,
        // Locks in a table say which runner has a shard; the session's own would say which connection.
        shardLockDisableAdvisory: true,
        shardLockRefreshInterval: heartbeat,
        shardLockExpiration: expiry,
        refreshAssignmentsInterval: heartbeat,
        runnerHealthCheckInterval: heartbeat,
        entityMessagePollInterval: heartbeat,
        entityTerminationTimeout: heartbeat
      })
    )
  )

/** Whether something takes connections at an address. Of a frozen process its kernel does: its heartbeats tell. */
const accepts = (host: string, port: number, within: Duration.Duration): Effect.Effect<boolean> =>
  Effect.async<boolean>((resume) => {
    const socket = connectTo({ host, port })
    const end = (alive: boolean) => {
      socket.destroy()
      resume(Effect.succeed(alive))
    }
    socket.once("connect", () => end(true)).on("error", () => end(false))
    return Effect.sync(() => socket.destroy())
  }).pipe(Effect.timeoutTo({ duration: within, onTimeout: () => false, onSuccess: (alive) => alive }))
