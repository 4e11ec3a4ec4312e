/** A program of its own: a runner that builds the batches of the modules it is told. It says where it listens, and ends with its input. */
import { Effect } from "effect"
import { Runner } from "../../../src/cluster.ts"

const [threads = "1", ...pipelines] = process.argv.slice(2)
const listening = Effect.gen(function* () {
  const { port } = yield* Runner.listen({ pipelines, threads: Number(threads) })
  console.log(JSON.stringify({ port }))
  yield* Effect.never
})
Effect.runFork(Effect.scoped(listening))
process.stdin.resume().on("end", () => process.exit(0))
