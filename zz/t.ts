import { Effect, Stream } from "effect"
import { Scheduler, SeedPolicy, Workers } from "../src/index.ts"
import { pipeline } from "../test/bench/work/text.ts"
import { textLoop } from "../test/bench/rivals/textLoop.ts"
const n = Number(process.argv[2] ?? 8)
const run = () => Effect.runPromise(Stream.runDrain(Scheduler.stream(pipeline, { epochs: n })).pipe(Effect.provide(Workers.fibers(1)), Effect.provide(SeedPolicy.epochWorker({ seed: 1 }))))
await run()
for (let k = 0; k < 3; k++) {
let t = performance.now(); await run(); const a = (performance.now() - t) / n / 625 * 1000
t = performance.now(); for (let i = 0; i < n; i++) textLoop(); const b = (performance.now() - t) / n / 625 * 1000
console.log("ours", a.toFixed(1), "loop", b.toFixed(1), "µs/batch", (b / a).toFixed(2))
}
