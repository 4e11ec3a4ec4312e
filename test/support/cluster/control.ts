/** Runners that only listen, and waiting for what a list of runners says. */
import { createServer } from "node:net"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Service } from "../../../src/cluster/Runners.ts"

/** The port of something on loopback that takes connections, for as long as the scope is open. */
export const listening = Effect.map(
  Effect.acquireRelease(
    Effect.async<{ readonly port: number; readonly close: () => void }>((resume) => {
      const server = createServer((socket) => socket.destroy())
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        const port = typeof address === "object" && address !== null ? address.port : 0
        resume(Effect.succeed({ port, close: () => server.close() }))
      })
    }),
    ({ close }) => Effect.sync(close)
  ),
  ({ port }) => port
)

/** Waits for a list of just these runners. */
export const until = ({ changes }: Service, ...ids: ReadonlyArray<string>) =>
  changes.pipe(
    Stream.map((runners) => runners.map(({ id }) => id).sort()),
    Stream.filter((own) => own.join() === [...ids].sort().join()),
    Stream.runHead,
    Effect.timeoutFail({ duration: "8 seconds", onTimeout: () => new Error(`never just ${ids.join()}`) })
  )

/** Looks until it is so. */
export const when = <A>(read: () => A, is: (value: A) => boolean) =>
  Effect.sync(read).pipe(Effect.delay("20 millis"), Effect.repeat({ until: is }), Effect.timeout("8 seconds"))
