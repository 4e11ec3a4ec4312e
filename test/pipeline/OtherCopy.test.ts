/**
 * A pipeline that another copy of Furrow made, as a project has one that has installed its own: refused with both copies named
 * wherever it could be run.
 */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { Cause, Effect, Exit, Layer } from "effect"
import { Runners, Workers } from "../../src/cluster.ts"
import { type Batch, furrow, Workers as Local, Pipeline, Scheduler, SeedPolicy } from "../../src/index.ts"
import { Service } from "../../src/service.ts"
import { start, TIME } from "../support/process.ts"

const root = fileURLToPath(new URL("../../", import.meta.url))
const folder = mkdtempSync(join(tmpdir(), "furrow-other-"))
const module = join(folder, "mine.ts")
const url = pathToFileURL(module).href

beforeAll(() => {
  cpSync(join(root, "src"), join(folder, "src"), { recursive: true })
  cpSync(join(root, "deno.json"), join(folder, "deno.json"))
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"))
  const made = "Pipeline.from(Dataset.range(100)).pipe(Pipeline.batch(10))"
  writeFileSync(
    module,
    `import { Dataset, Pipeline } from "./src/index.ts"\nexport const pipeline = ${made}\nexport const made = () => pipeline\n`
  )
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Of another copy, whose types are its own. */
const foreign = async () => {
  const { pipeline } = (await import(url)) as { pipeline: Pipeline.Pipeline<Batch.Batch<unknown>> }
  return pipeline
}

const failureOf = async (effect: Effect.Effect<unknown, unknown>): Promise<Error> => {
  const exit = await Effect.runPromiseExit(effect)
  if (Exit.isSuccess(exit)) throw new Error("nothing was refused")
  return Cause.squash(exit.cause) as Error // all of Furrow's are
}

const expectNamed = (message: string, option: string) => {
  expect(message).toContain(`${option} must be made by the copy of furrow that runs it, ${root.slice(0, -1)} `)
  expect(message).toContain(`got "${folder} `)
  expect(message).toContain("Service.serve, Runner.listen")
}

test("is refused by every door", async () => {
  const pipeline = await foreign()
  const policy = SeedPolicy.epochWorker({ seed: 1 })
  const opened = Effect.provide(Effect.scoped(Scheduler.open(pipeline, { epochs: 1 })), policy)
  const error = await failureOf(opened)
  expect(error).toMatchObject({ _tag: "InvalidOption" })
  expectNamed(error.message, "the pipeline of Scheduler.open")
  const served = await failureOf(Effect.scoped(Service.serve({ pipelines: { mine: pipeline } })))
  expectNamed(served.message, "pipelines.mine")
  expect(() => furrow(pipeline, { epochs: 1 })).toThrow("the pipeline of furrow must be made by the copy of furrow")
  expect(() => Pipeline.map(pipeline, "same", (batch) => batch)).toThrow("must be made by the copy of furrow")
})

test("is refused by runners, and by threads, of whatever their module exports", async () => {
  const { Dataset } = await import("../../src/index.ts")
  const own = Pipeline.from(Dataset.range(100)).pipe(Pipeline.batch(10))
  for (const name of ["pipeline", "made"]) {
    const run = <E>(workers: Layer.Layer<Local.Workers, E>) =>
      Scheduler.open(own, { epochs: 1 }).pipe(
        Effect.flatMap(({ take }) => take),
        Effect.scoped,
        Effect.provide(SeedPolicy.epochWorker({ seed: 1 })),
        Effect.provide(workers)
      )
    const runners = Runners.embedded({ pipelines: [url], runners: 1 })
    const error = await failureOf(
      run(Layer.provide(Workers.cluster({ workers: 1, pipeline: url, name, wait: "2 seconds" }), runners))
    )
    expectNamed(error.message, `\`${name}\` of ${url}`)
    const threaded = await failureOf(run(Local.threads({ workers: 1, threads: 1, pipeline: url, name })))
    expectNamed(threaded.message, `\`${name}\` of ${url}`)
  }
}, 60_000)

test(
  "is refused by serve.ts and runner.ts when they start",
  async () => {
    for (const [program, args] of [
      ["serve.ts", [module, "--listen", "127.0.0.1:0"]],
      ["runner.ts", ["--pipeline", module, "--listen", "127.0.0.1:0"]]
    ] as const) {
      const { code, stderr } = await start(program, args).ended
      expect([code, stderr.trim().split("\n").length]).toEqual([2, 1])
      expectNamed(stderr, program === "serve.ts" ? "pipelines.pipeline" : `${module}: pipeline`)
    }
  },
  TIME
)
