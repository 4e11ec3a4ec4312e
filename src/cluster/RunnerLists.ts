/**
 * Which runners a loader can ask: those at fixed addresses, or those that have registered in a database.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { durationOrZero, whole } from "../core/Check.ts"
import { checked, InvalidOption } from "../core/InvalidOption.ts"
import { type Names, optionsOf, textOf } from "../core/Options.ts"
import type { ClusterDatabaseError } from "./control/ClusterDatabaseError.ts"
import { databaseOf } from "./control/Database.ts"
import { liveRunners } from "./control/LiveRunners.ts"
import { register as registered } from "./control/Registration.ts"
import { timingOf } from "./control/Timing.ts"
import { type RunnerInfo, Runners } from "./Runners.ts"

export { ClusterDatabaseError } from "./control/ClusterDatabaseError.ts"
export { type EmbeddedOptions, embedded } from "./Embedded.ts"
export { type Address, list, type RunnerInfo, Runners, RunnersError, type Service } from "./Runners.ts"

/** Options of {@link database}. @category options @since 0.1.0 */
export interface DatabaseOptions {
  /** How often the list is read. Default 1 second. */
  readonly heartbeat?: Duration.DurationInput
}

const DATABASE_NAMES: Names<DatabaseOptions> = { heartbeat: true }

/**
 * The runners that have registered in a database: `postgres://user:password@host:port/database`, or `sqlite:FILE` for those of
 * this machine. The loader only reads. While the database does not answer, the last list stays in use; one that has never
 * answered for 30 seconds is a `RunnersError`, and so is at once one that waiting does not help, for a wrong password.
 * Passwords are in no message.
 *
 * Fails with `InvalidOption`, or with `ClusterDatabaseError` if a package is not installed: PostgreSQL needs
 * `@effect/sql-pg`, both need `@effect/sql` and `@effect/experimental`.
 *
 * @category layers
 * @since 0.1.0
 */
export const database = (
  url: string | Redacted.Redacted,
  options: DatabaseOptions = {}
): Layer.Layer<Runners, InvalidOption | ClusterDatabaseError> =>
  Layer.scoped(
    Runners,
    Effect.flatMap(
      checked(() => {
        const { heartbeat } = optionsOf("Runners.database", options, DATABASE_NAMES)
        return { own: databaseOf(url), timing: timingOf(heartbeat) }
      }),
      ({ own, timing }) => liveRunners(own, timing)
    )
  )

/** Options of {@link register}. @category options @since 0.1.0 */
export interface RegisterOptions {
  /** As {@link database} takes it. */
  readonly database: string | Redacted.Redacted
  /** Where loaders reach the runner, if not where it listens: behind another name, or if it listens on all addresses. */
  readonly host?: string
  readonly port?: number
  /** How often the runner says that it is there. One that has missed three heartbeats is gone. Default 1 second. */
  readonly heartbeat?: Duration.DurationInput
  /** How long to wait for a database that cannot be reached yet, such as one that starts. Default 30 seconds. */
  readonly wait?: Duration.DurationInput
}

const REGISTER_NAMES: Names<RegisterOptions> = { database: true, host: true, port: true, heartbeat: true, wait: true }

const EVERYWHERE: ReadonlySet<string> = new Set(["0.0.0.0", "::", "[::]", ""])

/**
 * Registers a runner for as long as the scope is open: loaders that read the database find it. Its tables are made if they
 * are not there. Fails if the database cannot be reached within `wait`; later on a database that is gone is logged once and
 * stops nothing; a file of SQLite that was removed or replaced is joined anew. What remains to be told the database when the
 * scope closes takes at most 3 seconds.
 *
 * Fails with `InvalidOption`, or with `ClusterDatabaseError`. Needs `@effect/cluster`, and what {@link database} needs.
 *
 * @category runners
 * @since 0.1.0
 */
export const register = (
  runner: RunnerInfo,
  options: RegisterOptions
): Effect.Effect<void, InvalidOption | ClusterDatabaseError, Scope.Scope> =>
  Effect.flatMap(
    checked(() => {
      const own = optionsOf("Runners.register", options, REGISTER_NAMES)
      const host = textOf("host", own.host ?? runner.host)
      if (EVERYWHERE.has(host)) {
        const expected = "an address at which loaders reach the runner, since it listens on all of them"
        throw new InvalidOption({ option: "host", value: host, expected })
      }
      const port = whole("port", own.port ?? runner.port, 1, 65_535)
      return {
        at: databaseOf(own.database),
        row: { id: runner.id, host, port, threads: runner.threads },
        timing: timingOf(own.heartbeat),
        wait: durationOrZero("wait", own.wait ?? "30 seconds")
      }
    }),
    ({ at, row, timing, wait }) => patient(registered(at, row, timing), wait)
  )

/** Tries again, for so long, while the database cannot be reached. */
const patient = <A, R>(
  registration: Effect.Effect<A, ClusterDatabaseError, R>,
  wait: Duration.Duration
): Effect.Effect<A, ClusterDatabaseError, R> => {
  let isTold = false
  const said = ({ kind, message }: ClusterDatabaseError): Effect.Effect<void> => {
    if (kind !== "unreachable" || isTold || Duration.equals(wait, 0)) return Effect.void
    isTold = true
    return Effect.logWarning(`${message}; trying again for ${Duration.format(wait)}`)
  }
  return registration.pipe(
    Effect.tapError(said),
    Effect.retry({
      schedule: Schedule.spaced("1 second").pipe(Schedule.upTo(wait)),
      while: ({ kind }) => kind === "unreachable"
    })
  )
}
