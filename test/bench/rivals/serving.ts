/**
 * A program of its own: serves ready-made batches, by a service of Furrow's (`service`), or as bare bytes over TCP (`tcp`); or
 * decoded JPEGs, by a service (`jpeg`).
 * It says where it listens, or why it cannot, and ends with its input.
 */
import { createServer } from "node:net"
import { Effect } from "effect"
import { Dataset, Decode, Pipeline, Sampler, type SeedPolicy } from "../../../src/index.ts"
import { Service } from "../../../src/service.ts"
import { jpegs, SIZE } from "../loads/jpeg.ts"
import { BYTES, pipeline } from "../loads/ready.ts"
import { loaded } from "./sharp.ts"

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

const service = (one: Service.ServeOptions<SeedPolicy.SeedPolicy>["pipelines"][string]) =>
  Effect.gen(function* () {
    const { url } = yield* Service.serve({ pipelines: { one } })
    console.log(JSON.stringify({ url }))
    yield* Effect.never
  })

const photos = async () => {
  const own = await loaded()
  if ("absent" in own) return console.log(JSON.stringify(own))
  const pipeline = Pipeline.from(Dataset.fromArray(await jpegs(own.sharp))).pipe(
    Pipeline.sample(Sampler.shuffle),
    Pipeline.mapEffect("decode", Decode.image({ size: SIZE, concurrency: 4 }), { concurrency: 4 }),
    Pipeline.batch(32)
  )
  Effect.runFork(Effect.scoped(service(pipeline)))
}

const kind = process.argv[2]
if (kind === "tcp") tcp()
else if (kind === "jpeg") await photos()
else Effect.runFork(Effect.scoped(service(pipeline)))
process.stdin.resume().on("end", () => process.exit(0))
