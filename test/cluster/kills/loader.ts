/**
 * A loader that may be killed: takes batches of runners, keeps its cursor in a file after every tenth, goes on from there if it
 * is started again, and prints one line of JSON at the end. With `--local` it builds them on fibers.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import process from "node:process"
import { parseArgs } from "node:util"
import { Effect, Either, Layer, Logger } from "effect"
import { Workers as Cluster, Runners } from "../../../src/cluster.ts"
import { Scheduler, SeedPolicy, Workers } from "../../../src/index.ts"
import { FIRST } from "./first.ts"
import { type Config, pipeline } from "./numbers.ts"

const { values } = parseArgs({
  options: {
    database: { type: "string" },
    runners: { type: "string" },
    local: { type: "boolean", default: false },
    cursor: { type: "string" },
    batches: { type: "string", default: "200" },
    seed: { type: "string", default: "1" },
    poison: { type: "string" }
  }
})
const config: Config = {
  batches: Number(values.batches),
  poison: values.poison === undefined ? undefined : Number(values.poison)
}
const path = values.cursor
const token = process.env["FURROW_TOKEN"]

const workers = () => {
  if (values.local) return Workers.fibers({ workers: 3 })
  const runners =
    values.database === undefined
      ? Runners.list((values.runners ?? "").split(","))
      : Runners.database(values.database, { heartbeat: 500 })
  const module = new URL("numbers.ts", import.meta.url)
  const options = {
    workers: 3,
    pipeline: module,
    config,
    hedge: "1 second",
    silence: "2 seconds",
    wait: "150 seconds",
    ...(token === undefined ? {} : { token })
  } as const
  return Cluster.cluster(options).pipe(Layer.provide(runners))
}

const program = Effect.gen(function* () {
  const from: unknown = path !== undefined && existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : undefined
  const loader = yield* Scheduler.open(pipeline(config), { digest: true, epochs: 2, from })
  let taken = 0
  const waits = !values.local
  yield* loader.forEach(() =>
    Effect.gen(function* () {
      taken++
      if (taken === 1) console.error(FIRST)
      // A model's step: so that there is time for something to happen.
      if (waits) yield* Effect.sleep("5 millis")
      if (path === undefined || taken % 10 !== 0) return
      writeFileSync(`${path}.new`, JSON.stringify(yield* loader.cursor))
      renameSync(`${path}.new`, path)
    })
  )
  const { replaced } = yield* loader.stats
  return { digest: yield* loader.digest, batches: taken, resumed: from !== undefined, replaced }
}).pipe(
  Effect.scoped,
  Effect.provide(SeedPolicy.epochWorker({ seed: Number(values.seed) })),
  Effect.provide(workers()),
  // The last line of its output is its result.
  Effect.provide(Logger.replace(Logger.defaultLogger, Logger.withConsoleError(Logger.logfmtLogger))),
  Effect.either
)

const result = await Effect.runPromise(program)
const said = Either.match(result, {
  onLeft: (error) => ({ error: error._tag, message: error.message }),
  onRight: (own) => own
})
console.log(JSON.stringify(said))
process.exit(Either.isRight(result) ? 0 : 1)
