/**
 * A client whose reserved connections are sent one statement at a time. `@effect/cluster` uses one for the locks of all its
 * shards, from several fibers; `pg` then queues the statements, and warns on stderr that it will not do so for ever.
 *
 * @since 0.1.0
 */
import type { SqlClient } from "@effect/sql/SqlClient"
import type { Connection } from "@effect/sql/SqlConnection"
import * as Effect from "effect/Effect"

/** @since 0.1.0 */
export const oneByOne = (sql: SqlClient): SqlClient =>
  // A client is a function with fields, so a copy of its fields would be none.
  new Proxy(sql, {
    get: (own, name) => (name === "reserve" ? Effect.map(own.reserve, sequential) : Reflect.get(own, name))
  })

const sequential = (connection: Connection): Connection => {
  const alone = Effect.unsafeMakeSemaphore(1).withPermits(1)
  return {
    execute: (...args) => alone(connection.execute(...args)),
    executeRaw: (...args) => alone(connection.executeRaw(...args)),
    executeValues: (...args) => alone(connection.executeValues(...args)),
    executeUnprepared: (...args) => alone(connection.executeUnprepared(...args)),
    // Of streams there are none among them.
    executeStream: (...args) => connection.executeStream(...args)
  }
}
