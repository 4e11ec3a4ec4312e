/** Connections without a token do not keep loaders out of a runner. */
import { expect, test } from "bun:test"
import { connect, type Socket } from "node:net"
import { Effect, Layer, Redacted } from "effect"
import { Runner, Runners, Workers } from "../../src/cluster.ts"
import { Scheduler, SeedPolicy } from "../../src/index.ts"
import { numbers } from "../service/numbers.ts"
import { certificate, key } from "../support/certificate.ts"

const module = new URL("../service/numbers.ts", import.meta.url)
const token = Redacted.make("a token that only loaders have")

/** Connections that say nothing, each opened again when it is closed. */
const crowd = (port: number, size: number): (() => void) => {
  const sockets = new Set<Socket>()
  let isOver = false
  const open = (): void => {
    if (isOver) return
    const socket = connect(port, "127.0.0.1").on("error", () => undefined)
    sockets.add(socket)
    socket.resume().on("close", () => {
      sockets.delete(socket)
      setTimeout(open, 20)
    })
  }
  for (let number = 0; number < size; number++) open()
  return () => {
    isOver = true
    for (const socket of sockets) socket.destroy()
  }
}

test.each([
  ["TCP", undefined, undefined],
  ["TLS", { cert: certificate, key: Redacted.make(key) }, { ca: certificate, servername: "localhost" }]
] as const)(
  "over %s, a crowd of silent connections gives its places to a loader, whose own is kept",
  async (_, tls, trust) => {
    const run = Effect.gen(function* () {
      const options = tls === undefined ? {} : { tls }
      const { port } = yield* Runner.listen({ pipelines: [module], threads: 0, connections: 2, token, ...options })
      yield* Effect.acquireRelease(
        Effect.sync(() => crowd(port, 40)),
        (leave) => Effect.sync(leave)
      )
      yield* Effect.sleep("300 millis")
      const workers = Workers.cluster({
        workers: 2,
        pipeline: module,
        name: "numbers",
        token,
        wait: "5 seconds",
        ...(trust === undefined ? {} : { tls: trust })
      }).pipe(Layer.provide(Runners.list([`127.0.0.1:${port}`])))
      const loader = yield* Effect.provide(Scheduler.open(numbers, { epochs: 1, prefetch: 2, replay: true }), workers)
      let batches = 0
      yield* loader.forEach(() => Effect.delay(Effect.succeed(batches++), batches < 5 ? "100 millis" : 0))
      return { batches, replaced: (yield* loader.stats).replaced }
    })
    const { batches, replaced } = await Effect.runPromise(
      run.pipe(Effect.scoped, Effect.provide(SeedPolicy.epochWorker({ seed: 1 })))
    )
    expect(batches).toBeGreaterThan(5)
    expect(replaced).toBe(0)
  },
  30_000
)
