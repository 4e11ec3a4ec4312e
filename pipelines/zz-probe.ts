import { readFileSync } from "node:fs"
import { Effect, Layer } from "effect"
import { BunContext } from "@effect/platform-bun"
import { Scheduler, SeedAudit, SeedPolicy, Workers } from "../src/index.ts"
import { digits } from "./train/Digits.ts"
import { training } from "./train/Loading.ts"
const onCore = () => Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, "utf8").split(" ")[0])
const data = await Effect.runPromise(digits(0n).pipe(Effect.provide(BunContext.layer)))
for (const audit of [true, false]) for (const backend of ["threads", "fibers"] as const) for (const digest of [true, false]) {
  const base = SeedPolicy.epochWorker({ seed: 0 })
  const workers = backend === "threads" ? Workers.threads({ workers: 4, threads: 1, pipeline: import.meta.resolve("./train/Threaded.ts"), config: { batchSize: 128, limit: undefined, split: "0", data: undefined, columns: data.columns } }) : Workers.fibers({ workers: 4 })
  await Effect.gen(function* () {
    const loader = yield* Scheduler.open(training(data.train, { batchSize: 128, limit: undefined }), { epochs: 5, digest, replay: true })
    let n = 0, from = 0, t = 0
    yield* loader.forEach(() => Effect.sync(() => { n++; if (n === 115) { from = onCore(); t = performance.now() } }))
    console.log(backend, "audit", audit, "digest", digest, "main µs/batch", ((onCore() - from) / 200 / 1000).toFixed(0), "wall", ((performance.now() - t) / 200).toFixed(2))
  }).pipe(Effect.scoped, Effect.provide(Layer.merge(audit ? SeedAudit.counting(base) : base, workers)), Effect.runPromise)
}
