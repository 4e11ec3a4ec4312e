/** Threads of a runner serve one run after another of the same pipeline, and no other. */
import { afterAll, expect, test } from "bun:test"
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { Effect, Exit, Layer, Scope } from "effect"
import { Runner, Runners, Workers } from "../../src/cluster.ts"
import { cores } from "../../src/core/runtime.ts"
import { type Batch, type Pipeline, Scheduler } from "../../src/index.ts"

const folder = mkdtempSync(join(realpathSync(tmpdir()), "furrow-warm-"))
afterAll(() => rmSync(folder, { recursive: true }))
const at = (name: string): string => join(folder, name)
const write = (name: string, text: string): void => writeFileSync(at(name), text)

/** Counts the threads that load it, and has each answer, or end, that is asked to. */
const MODULE = `
import { appendFileSync, existsSync, readFileSync, rmSync } from "node:fs"
import process from "node:process"
import { Dataset, Pipeline } from ${JSON.stringify(new URL("../../src/index.ts", import.meta.url).href)}
import { factor } from "./factor.ts"

const at = (name) => ${JSON.stringify(folder)} + "/" + name
let told = readFileSync(at("asked"), "utf8")
const isTest = globalThis[Symbol.for("furrow.test")] === true
if (!isTest) {
  appendFileSync(at("starts"), "x")
  setInterval(() => {
    const asked = readFileSync(at("asked"), "utf8")
    if (asked !== told) appendFileSync(at("alive"), "x")
    told = asked
    if (existsSync(at("die"))) {
      rmSync(at("die"))
      process.exit(3)
    }
    if (existsSync(at("loop"))) {
      rmSync(at("loop"))
      for (;;);
    }
  }, 5)
}
const times = (size) =>
  Pipeline.from(Dataset.range(size)).pipe(Pipeline.map("times", (x) => x * factor()), Pipeline.batch(4))
export const pipeline = times(64)
export const second = times(32)
`

type Own = Pipeline.Pipeline<Batch.Batch<unknown>, unknown, never>

const rest = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const starts = (): number => readFileSync(at("starts"), "utf8").length

/** How many threads are there. */
const alive = async (): Promise<number> => {
  write("alive", "")
  write("asked", String(performance.now()))
  await rest(60)
  return readFileSync(at("alive"), "utf8").length
}

test("a run has the threads of an earlier one of the same code, unless they died or do not answer, and few are kept", async () => {
  for (const name of ["asked", "starts", "alive"]) write(name, "")
  write("factor.ts", "export const factor = () => 2\n")
  write("warm.ts", MODULE)
  const module = pathToFileURL(at("warm.ts")).href
  Object.assign(globalThis, { [Symbol.for("furrow.test")]: true })
  const exports: Readonly<Record<string, Own>> = await import(module) // the module above
  const scope = Effect.runSync(Scope.make())
  const runner = await Effect.runPromise(Scope.extend(Runner.listen({ pipelines: [module], threads: 1 }), scope))
  const workers = (name: string) =>
    Workers.cluster({ workers: 1, pipeline: module, name, code: "any" }).pipe(
      Layer.provide(Runners.list([`127.0.0.1:${runner.port}`]))
    )
  /** The first batches of a run, which is left while others are being built. */
  const taken = async (name = "pipeline"): Promise<unknown> => {
    const batches = await Effect.gen(function* () {
      const loader = yield* Scheduler.open(exports[name] as Own, { epochs: 1, replay: true, prefetch: 4 }) // it has it
      const first = yield* loader.take
      const next = yield* loader.take
      return JSON.stringify([first, next].map((own) => (own._tag === "Some" ? own.value.columns : undefined)))
    }).pipe(Effect.scoped, Effect.provide(workers(name)), Effect.runPromise)
    while ((await Effect.runPromise(runner.loaders)) > 0) await rest(2)
    return batches
  }
  try {
    const first = await taken()
    expect(starts()).toBe(1)
    expect(await taken()).toBe(first)
    expect(starts()).toBe(1)

    write("die", "")
    while (existsSync(at("die"))) await rest(5)
    await rest(30)
    expect(await taken()).toBe(first)
    expect(starts()).toBe(2)

    // As a timer of a stage would that loops for ever.
    write("loop", "")
    while (existsSync(at("loop"))) await rest(5)
    expect(await taken()).toBe(first)
    expect(starts()).toBe(3)

    write("factor.ts", "export const factor = () => 3\n")
    await taken()
    expect(starts()).toBe(4)

    // The third pool: the oldest, of the code before the change, is ended.
    await taken("second")
    expect(await alive()).toBe(2)
    await taken()
    expect(starts()).toBe(5)
    await Effect.runPromise(runner.drain)
    expect(await alive()).toBe(0)
  } finally {
    await Effect.runPromise(Scope.close(scope, Exit.void))
  }
}, 30_000)

test("as many threads start at once as there are cores, or loaders that come together find none ready", async () => {
  const loads = at("loads")
  write("loads", "")
  write(
    "slow.ts",
    `import { appendFileSync } from "node:fs"
import { Dataset, Pipeline } from ${JSON.stringify(new URL("../../src/index.ts", import.meta.url).href)}
const tell = (what) => globalThis[Symbol.for("furrow.test")] || appendFileSync(${JSON.stringify(loads)}, what)
tell("<")
await new Promise((resolve) => setTimeout(resolve, 150))
tell(">")
export const pipeline = Pipeline.from(Dataset.range(8)).pipe(Pipeline.batch(4))
`
  )
  const module = pathToFileURL(at("slow.ts")).href
  Object.assign(globalThis, { [Symbol.for("furrow.test")]: true })
  const { pipeline }: { readonly pipeline: Own } = await import(module) // the module above
  await Effect.gen(function* () {
    const { port } = yield* Runner.listen({ pipelines: [module], threads: cores() + 1 })
    const runners = Runners.list([`127.0.0.1:${port}`])
    const workers = Layer.provide(Workers.cluster({ workers: 1, pipeline: module, code: "any" }), runners)
    yield* Effect.provide(Scheduler.open(pipeline, { epochs: 1 }), workers)
  }).pipe(Effect.scoped, Effect.runPromise)
  const steps = Array.from(readFileSync(loads, "utf8"), (what) => (what === "<" ? 1 : -1))
  const atOnce = steps.map((_, at) => steps.slice(0, at + 1).reduce((sum, step) => sum + step, 0))
  expect(Math.max(...atOnce)).toBeLessThanOrEqual(cores())
})

test("threads are kept for 0 or more; a time that is none is refused", async () => {
  const listened = (keepThreads: number | string): Promise<string> =>
    Runner.listen({
      pipelines: [import.meta.url],
      threads: 0,
      keepThreads: keepThreads as number // which texts are durations no type says
    }).pipe(
      Effect.map(() => "it listens"),
      Effect.catchTag("InvalidOption", ({ message }) => Effect.succeed(message)),
      Effect.scoped,
      Effect.runPromise
    )
  for (const keep of [0, "0 millis", "1 second", Number.POSITIVE_INFINITY])
    expect(await listened(keep)).toBe("it listens")
  for (const keep of [-1, "-1 second", Number.NaN]) {
    expect(await listened(keep)).toContain("keepThreads must be a duration of 0 or more")
  }
})
