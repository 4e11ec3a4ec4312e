/**
 * `bun run test/cluster/scale.ts`: the real loaders, pools and sessions with 1,000 runners and 10,000 workers in one
 * process, on a network of memory; prints what passes over it beside the arithmetic of docs/scale.md.
 *
 *   --loaders L --runners R --workers W (of each loader) --batches B (of each loader)
 */
import { parseArgs } from "node:util"
import { runtime } from "../../src/core/runtime.ts"
import { type Measured, measure, type Scale } from "./scale/measure.ts"

const { values } = parseArgs({
  options: {
    loaders: { type: "string", default: "4" },
    runners: { type: "string", default: "1000" },
    workers: { type: "string", default: "2500" },
    batches: { type: "string", default: "8000" },
    rests: { type: "string", default: "3000" }
  }
})
const scale: Scale = {
  loaders: Number(values.loaders),
  runners: Number(values.runners),
  workers: Number(values.workers),
  batches: Number(values.batches),
  rests: Number(values.rests)
}

const { loaders, runners, workers } = scale
console.log(
  `${loaders} loaders of ${workers} workers, ${runners} runners, on ${runtime.name} ${runtime.version}; one process, one thread`
)
const own: Measured = await measure(scale)
const row = (what: string, measured: number, arithmetic: number | undefined, unit: string): void => {
  const by = arithmetic === undefined ? "" : `   arithmetic ${arithmetic.toFixed(1)}`
  console.log(`${what.padEnd(44)}${measured.toFixed(1).padStart(10)} ${unit.padEnd(10)}${by}`)
}
const of = (...kinds: ReadonlyArray<string>) =>
  kinds.reduce(
    (sum, kind) => ({
      messages: sum.messages + (own.kinds[kind]?.messages ?? 0),
      bytes: sum.bytes + (own.kinds[kind]?.bytes ?? 0)
    }),
    { messages: 0, bytes: 0 }
  )
const opening = of("hello", "welcome", "open", "ready")
const asking = of("build", "built", "cancel")
row("connections", own.connections, loaders * runners, "")
row("messages to open a connection", opening.messages / own.connections, 4, "")
row("bytes to open a connection", opening.bytes / own.connections, undefined, "B")
row("all connections are ready after", own.opening, undefined, "ms")
row("messages a batch", asking.messages / own.built, 2, "")
row("bytes a request", of("build").bytes / own.built, undefined, "B")
row("bytes an answer, with 4 bytes a row", of("built").bytes / own.built, undefined, "B")
row("messages at rest", own.atRest, 2 * loaders * runners, "/s")
row("CPU a batch, both sides and its building", own.microseconds, undefined, "µs")
row("bytes of a cursor, at most", own.cursor, undefined, "B")
