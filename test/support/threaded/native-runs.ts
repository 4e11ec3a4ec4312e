/** Ends runs in each way while their threads are at native work; prints a line for each that ended. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { type Batch, type Pipeline, Scheduler, Workers } from "../../../src/index.ts"
import { decoded, own } from "./native.ts"

const rounds = Number(process.env["FURROW_TEST_ROUNDS"] ?? 1)
const module = new URL("./native.ts", import.meta.url)
type Any = Pipeline.Pipeline<Batch.Batch<unknown>, unknown>
const pipelines: Readonly<Record<"decoded" | "own", Any>> = { decoded, own }

const wait = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

for (let round = 0; round < rounds; round++) {
  for (const name of ["decoded", "own"] as const) {
    const workers = (options: Partial<Workers.ThreadOptions> = {}) =>
      Workers.threads({ workers: 1, pipeline: module, name, ...options })
    for await (const _ of Scheduler.iterate(pipelines[name], workers(), { epochs: 1 })) break
    console.log("break")

    // Each batch takes longer than the thread may, which is replaced once.
    const error = await Stream.runDrain(Scheduler.stream(pipelines[name], { epochs: 1 })).pipe(
      Effect.flip,
      Effect.provide(workers({ timeout: "20 millis", restarts: 1 })),
      Effect.runPromise
    )
    console.log("timeout", error._tag)

    const fiber = Effect.runFork(
      Stream.runForEach(Scheduler.stream(pipelines[name], { epochs: 1 }), () => Effect.void).pipe(
        Effect.provide(workers())
      )
    )
    await wait(700)
    await Effect.runPromise(Fiber.interrupt(fiber))
    console.log("interrupt")
  }
}
// Native work that was cut off comes to its end now.
await wait(1500)
console.log("done")
