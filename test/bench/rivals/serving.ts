/**
 * A program of its own: serves ready-made batches, by a service of Furrow's (`service`), or as bare bytes over TCP (`tcp`).
 * It says where it listens, and ends with its input.
 */
import { createServer } from "node:net"
import { Effect } from "effect"
import { Service } from "../../../src/service.ts"
import { BYTES, pipeline } from "../loads/ready.ts"

/** Writes the same bytes over and over, as fast as they are taken. */
const tcp = (): void => {
  const bytes = new Uint8Array(BYTES).fill(7)
  const server = createServer((socket) => {
    const write = (): void => {
      while (!socket.destroyed && socket.write(bytes));
    }
    socket.on("drain", write)
    socket.on("error", () => undefined)
    write()
  })
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    console.log(JSON.stringify({ port: typeof address === "object" ? address?.port : 0 }))
  })
}

const service = Effect.gen(function* () {
  const { url } = yield* Service.serve({ pipelines: { pipeline } })
  console.log(JSON.stringify({ url }))
  yield* Effect.never
})

if (process.argv[2] === "tcp") tcp()
else Effect.runFork(Effect.scoped(service))
process.stdin.resume().on("end", () => process.exit(0))
