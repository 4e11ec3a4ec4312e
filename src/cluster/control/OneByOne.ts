/**
 * A client of PostgreSQL whose connections have one statement at a time. `pg` queues others, and warns on stderr that it will
 * not do so for ever.
 *
 * `@effect/cluster` has one connection for the locks of all its shards, and uses it from several fibers. And a statement that is
 * given up, since the database is silent, is still there when its connection is used again: such a connection is closed.
 *
 * @since 0.1.0
 */
import { EventEmitter } from "node:events"
import type { SqlClient } from "@effect/sql/SqlClient"
import type { Connection } from "@effect/sql/SqlConnection"
import type { SqlError } from "@effect/sql/SqlError"
import type { Compiler } from "@effect/sql/Statement"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { SqlPackages } from "./Packages.ts"

/** @since 0.1.0 */
export const oneByOne = (
  { reserve }: SqlClient,
  { Reactivity, SqlClient, SqlError }: SqlPackages,
  compiler: Compiler
): Effect.Effect<SqlClient> => {
  const given = (): SqlError => new SqlError.SqlError({ cause: GIVEN_UP, message: GIVEN_UP.message })
  return SqlClient.make({ acquirer: reserved(reserve, given), compiler, spanAttributes: [] }).pipe(
    Effect.provide(Reactivity.layer)
  )
}

const GIVEN_UP = new Error("the connection is closed: a statement of it was given up")

type Acquirer = Connection.Acquirer

const reserved = (reserve: Acquirer, givenUp: () => SqlError): Acquirer =>
  Effect.gen(function* () {
    // An interruption here would leak the connection. It takes no longer than a connection may.
    const connection = yield* Effect.uninterruptible(reserve)
    /** Whether a statement is under way, or was given up. */
    let isBusy = false
    yield* Effect.addFinalizer(() => Effect.sync(() => isBusy && close(connection)))
    const turn = Effect.unsafeMakeSemaphore(1).withPermits(1)
    const alone = <A>(statement: Effect.Effect<A, SqlError>): Effect.Effect<A, SqlError> =>
      turn(
        Effect.suspend(() => {
          if (isBusy) return Effect.fail(givenUp())
          isBusy = true
          return Effect.onExit(statement, (exit) =>
            Effect.sync(() => {
              isBusy = Exit.isInterrupted(exit)
            })
          )
        })
      )
    return {
      execute: (...args) => alone(connection.execute(...args)),
      executeRaw: (...args) => alone(connection.executeRaw(...args)),
      executeValues: (...args) => alone(connection.executeValues(...args)),
      executeUnprepared: (...args) => alone(connection.executeUnprepared(...args)),
      // None of them is a stream.
      executeStream: (...args) => connection.executeStream(...args)
    }
  })

/** A connection with an error is removed from the pool when it is returned, and closed with its running statement. */
const close = (connection: Connection): void => {
  if ("pg" in connection && connection.pg instanceof EventEmitter) connection.pg.emit("error", GIVEN_UP)
}
