/**
 * Runners that register in PostgreSQL, and loaders that read who is there: on an empty database, while it is gone, and after.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { connect, createServer } from "node:net"
import process from "node:process"
import { Context, Effect, Exit, Fiber, Layer, Logger, Scope, Stream } from "effect"
import { connecting } from "../../../src/cluster/control/Connect.ts"
import { databaseOf } from "../../../src/cluster/control/Database.ts"
import { Runner, Runners, Workers } from "../../../src/cluster.ts"
import { Scheduler, SeedPolicy } from "../../../src/index.ts"
import { listening, until, when } from "../../support/cluster/control.ts"
import { PASSWORD, type Postgres, postgres, withoutPostgres } from "../../support/postgres.ts"
import { pipeline } from "../numbers.ts"

const heartbeat = "200 millis"
const module = new URL("../numbers.ts", import.meta.url).href

const lines: Array<string> = []
const logger = Logger.replace(
  Logger.defaultLogger,
  Logger.make<unknown, void>(({ message }) => void lines.push(String(message)))
)

let server: Postgres | undefined
const up = (): Postgres => server ?? expect.unreachable("PostgreSQL is not up")

const warnings: Array<string> = []
const warned = ({ message }: Error): void => void warnings.push(message)

const runner = (id: string) =>
  Effect.flatMap(listening, (port) =>
    Runners.register({ id, host: "127.0.0.1", port, threads: 1 }, { database: up().url, heartbeat })
  )

const live = Effect.suspend(() => Layer.build(Runners.database(up().url, { heartbeat }))).pipe(
  Effect.map(Context.get(Runners.Runners))
)

const run = <A, E>(body: Effect.Effect<A, E, Scope.Scope>) =>
  Effect.runPromise(body.pipe(Effect.scoped, Effect.provide(logger)))

const name = withoutPostgres === undefined ? "a cluster's PostgreSQL" : `a cluster's PostgreSQL: ${withoutPostgres}`

describe.skipIf(withoutPostgres !== undefined)(name, () => {
  beforeAll(async () => {
    process.on("warning", warned)
    server = await postgres()
  }, 30_000)
  afterAll(() => {
    process.off("warning", warned)
    return up().close()
  })

  test(
    "takes runners that start at once while it is empty, and drops the one that ends",
    () =>
      run(
        Effect.gen(function* () {
          const list = yield* live
          yield* until(list)
          const third = yield* Scope.make()
          yield* Effect.all([runner("one"), runner("two"), Scope.extend(runner("three"), third)], {
            concurrency: "unbounded"
          })
          yield* until(list, "one", "two", "three")
          yield* Scope.close(third, Exit.void)
          yield* until(list, "one", "two")
          // What pg warns of would be on the terminal of whoever starts a runner.
          expect(warnings).toEqual([])
          yield* when(
            () => new Set([list.owner(0, 2), list.owner(1, 2)]),
            (owners) => owners.has("one") && owners.has("two")
          )
        })
      ),
    20_000
  )

  test(
    "has one statement on a connection at a time, also where one is given up",
    () =>
      run(
        Effect.gen(function* () {
          const sql = yield* yield* connecting(databaseOf(up().url))
          const given = yield* Effect.scoped(
            Effect.gen(function* () {
              const { execute } = yield* sql.reserve
              const sleeping = yield* Effect.fork(execute("SELECT pg_sleep(1)", [], undefined))
              yield* Effect.sleep("50 millis")
              return sleeping
            })
          )
          yield* Effect.all([sql`SELECT 1`, sql`SELECT 2`, sql`SELECT 3`], { concurrency: "unbounded" })
          yield* Fiber.await(given)
          yield* Effect.sleep("50 millis")
          expect(warnings).toEqual([])
        })
      ),
    20_000
  )

  test(
    "may be gone: lists stay, runners are in them when it is back, and what ends meanwhile ends",
    () =>
      run(
        Effect.gen(function* () {
          lines.length = 0
          const list = yield* live
          const ends = yield* Scope.make()
          yield* runner("stays")
          yield* Scope.extend(runner("ends"), ends)
          yield* until(list, "stays", "ends")
          yield* Effect.promise(() => up().stop())
          yield* when(
            () => list.outages?.(),
            (count) => count === 1
          )
          // Longer than after what a runner without heartbeats is gone.
          yield* Effect.sleep("1300 millis")
          yield* until(list, "stays", "ends")
          const began = performance.now()
          yield* Scope.close(ends, Exit.void)
          expect(performance.now() - began).toBeLessThan(5000)
          yield* Effect.promise(() => up().start())
          yield* runner("late")
          yield* until(list, "stays", "late")
          expect(list.outages?.()).toBe(1)
          // Both runners and the loader said once that it is gone, whatever they tried meanwhile, and once that it is back.
          expect(lines.filter((line) => line.includes("does not answer"))).toHaveLength(3)
          expect(lines.join()).not.toContain(PASSWORD)
        })
      ),
    30_000
  )

  test(
    "may be gone while a run is on: it goes on, and so does one whose runner is killed meanwhile",
    () =>
      run(
        Effect.gen(function* () {
          const listen = Effect.tap(Runner.listen({ pipelines: [module], threads: 0 }), (own) =>
            Runners.register(own, { database: up().url, heartbeat })
          )
          yield* listen
          const killed = yield* Scope.make()
          yield* Scope.extend(listen, killed)
          const list = yield* Layer.build(Runners.database(up().url, { heartbeat }))
          const { changes, outages } = Context.get(list, Runners.Runners)
          yield* Stream.runHead(Stream.filter(changes, ({ length }) => length === 2))
          const workers = Workers.cluster({ workers: 2, pipeline: module, config: {} }).pipe(
            Layer.provide(Layer.succeedContext(list))
          )
          const digest = <E>(at: (batches: number) => Effect.Effect<unknown, E>) =>
            Effect.gen(function* () {
              const loader = yield* Scheduler.open(pipeline({}), { epochs: 2, digest: true, replay: true })
              let batches = 0
              yield* loader.forEach(() => Effect.suspend(() => at(++batches)))
              return yield* loader.digest
            }).pipe(Effect.scoped, Effect.provide(SeedPolicy.epochWorker({ seed: 1 })))
          const own = yield* digest((batches) => {
            if (batches === 3) {
              return Effect.zipRight(
                Effect.promise(() => up().stop()),
                when(
                  () => outages?.(),
                  (count) => count === 1
                )
              )
            }
            return batches === 6 ? Scope.close(killed, Exit.void) : Effect.void
          }).pipe(Effect.provide(workers))
          yield* Effect.promise(() => up().start())
          expect(own).toBe(yield* digest(() => Effect.void).pipe(Effect.provide(Workers.fibers({ workers: 2 }))))
        })
      ),
    30_000
  )

  test(
    "may be full, so that no heartbeat is written: runners stay in the list, and are in that of a loader that is new",
    () =>
      run(
        Effect.gen(function* () {
          const list = yield* live
          yield* runner("full")
          yield* until(list, "full")
          // Of those that the last test had, none was heard of about when this one was heard of last.
          yield* Effect.sleep("1 second")
          const sql = yield* yield* connecting(databaseOf(up().url))
          yield* sql.unsafe(`CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
          BEGIN RAISE EXCEPTION 'No space left on device' USING ERRCODE = 'disk_full'; END $$`)
          const tables = ["runners", "locks", "starts"]
          for (const table of tables) {
            yield* sql.unsafe(`CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE OR DELETE ON furrow_${table}
            EXECUTE FUNCTION full_disk()`)
          }
          // Longer than after what a runner without heartbeats is gone.
          yield* Effect.sleep("1300 millis")
          yield* until(list, "full")
          yield* until(yield* live, "full")
          for (const table of tables) yield* sql.unsafe(`DROP TRIGGER full_disk ON furrow_${table}`)
        })
      ),
    30_000
  )

  test(
    "is waited for by a runner that starts before it, which says so once",
    () =>
      run(
        Effect.gen(function* () {
          const list = yield* live
          const url = new URL(up().url)
          const behind = Number(url.port)
          // A port at which nobody listens yet.
          const port = yield* Effect.scoped(listening)
          url.port = String(port)
          const from = lines.length
          yield* Effect.acquireRelease(
            Effect.sync(() => {
              const server = createServer((client) => {
                const there = connect(behind, "127.0.0.1")
                client.pipe(there).pipe(client)
                for (const socket of [client, there]) socket.on("error", () => client.destroy())
              })
              const late = setTimeout(() => server.listen(port, "127.0.0.1"), 1500)
              return { late, server }
            }),
            ({ late, server }) =>
              Effect.sync(() => {
                clearTimeout(late)
                server.close()
              })
          )
          yield* Runners.register(
            { id: "early", host: "127.0.0.1", port: 1, threads: 1 },
            { database: url.href, heartbeat }
          )
          yield* until(list, "early")
          const told = lines.slice(from).filter((line) => line.includes("trying again"))
          expect(told).toEqual([expect.stringMatching(/^.*cannot be reached.*; trying again for 30s$/)])
        })
      ),
    20_000
  )

  test("is not used if a newer Furrow made its tables, or if it cannot be reached; no message has the password", async () => {
    const refused = async (url: string) => {
      const exit = await Effect.runPromiseExit(
        Runners.register({ id: "x", host: "127.0.0.1", port: 1, threads: 1 }, { database: url, wait: 0 }).pipe(
          Effect.scoped
        )
      )
      expect(Exit.isFailure(exit)).toBe(true)
      const text = JSON.stringify(exit) + String(exit)
      expect(text).not.toContain(PASSWORD)
      return text
    }
    // What waiting does not mend is told apart from what it may.
    for (const url of [
      up().url.replace("furrow:", "nobody:"),
      up().url.replace(PASSWORD, `${PASSWORD}-wrong`),
      `${up().url}-missing`,
      `${up().url}?sslmode=require`
    ]) {
      const text = await refused(url)
      expect(text).toContain('"kind":"refused"')
      expect(text).toContain("cannot be used: ")
      const list = await run(
        Effect.flip(
          Effect.flatMap(Layer.build(Runners.database(url)), (own) => until(Context.get(own, Runners.Runners)))
        )
      )
      expect(list).toMatchObject({ _tag: "RunnersError" })
      expect(JSON.stringify(list) + String(list)).not.toContain(PASSWORD)
    }
    const far = await refused(`postgres://furrow:${PASSWORD}@127.0.0.1:1/x`)
    expect(far).toContain('"kind":"unreachable"')
    expect(far).toContain("postgres://furrow@127.0.0.1:1/x")
    expect(await refused(`mysql://furrow:${PASSWORD}@127.0.0.1/x`)).toContain("InvalidOption")
    await run(
      Effect.gen(function* () {
        const sql = yield* yield* connecting(databaseOf(up().url))
        yield* sql`INSERT INTO furrow_versions (version) VALUES (1000)`
      })
    )
    expect(await refused(up().url)).toContain("has tables of version 1000")
  }, 20_000)
})
