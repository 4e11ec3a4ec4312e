/** A runner that ends is out of the list, whatever its registration was at; and nothing of it is written after that. */
import { expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Exit, Fiber, Scope } from "effect"
import { connecting } from "../../../src/cluster/control/Connect.ts"
import { databaseOf } from "../../../src/cluster/control/Database.ts"
import { register } from "../../../src/cluster/control/Registration.ts"
import { migrate } from "../../../src/cluster/control/Tables.ts"
import { timingOf } from "../../../src/cluster/control/Timing.ts"
import { listening } from "../../support/cluster/control.ts"

const TIMING = timingOf("50 millis")

/** A database in a file of its own, how many rows there are of runners, and what registers one. */
const database = Effect.gen(function* () {
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "furrow-registration-"))),
    (own) => Effect.sync(() => rmSync(own, { recursive: true }))
  )
  const own = databaseOf(`sqlite:${join(folder, "cluster.sqlite")}`)
  const sql = yield* Effect.flatten(connecting(own))
  yield* migrate(sql, own.shown)
  const rows = Effect.all(
    ["furrow_runners", "furrow_starts", "furrow_locks"].map((table) =>
      Effect.map(sql.unsafe<{ readonly rows: number }>(`SELECT COUNT(*) AS rows FROM ${table}`), ([row]) => row?.rows)
    )
  )
  const port = yield* listening
  return { rows, registered: register(own, { id: "one", host: "127.0.0.1", port, threads: 1 }, TIMING) }
})

test("a runner whose scope closes is out of all tables, and stays out", () =>
  Effect.gen(function* () {
    const { registered, rows } = yield* database
    const scope = yield* Scope.make()
    yield* Scope.extend(registered, scope)
    yield* Effect.repeat(Effect.delay(rows, "10 millis"), { until: ([, , locks = 0]) => locks > 0 })
    expect((yield* rows).slice(0, 2)).toEqual([1, 1])
    yield* Scope.close(scope, Exit.void)
    expect(yield* rows).toEqual([0, 0, 0])
    yield* Effect.sleep("150 millis")
    expect(yield* rows).toEqual([0, 0, 0])
  }).pipe(Effect.scoped, Effect.runPromise))

test("so is one that is interrupted while it registers, at whatever it is", () =>
  Effect.gen(function* () {
    const { registered, rows } = yield* database
    for (const after of [0, 3, 12]) {
      const fiber = yield* Effect.fork(Effect.scoped(Effect.zipRight(registered, Effect.never)))
      yield* Effect.sleep(after)
      yield* Fiber.interrupt(fiber)
      expect(yield* rows).toEqual([0, 0, 0])
    }
  }).pipe(Effect.scoped, Effect.runPromise))
