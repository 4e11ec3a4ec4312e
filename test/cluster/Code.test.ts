/** A run is built by runners that have its code: what a function does is in no fingerprint. */
import { afterAll, expect, test } from "bun:test"
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { Effect, Exit, Layer } from "effect"
import { Runner, Runners, Workers } from "../../src/cluster.ts"
import { type Batch, type Pipeline, Scheduler } from "../../src/index.ts"

const folder = mkdtempSync(join(realpathSync(tmpdir()), "furrow-code-"))
afterAll(() => rmSync(folder, { recursive: true }))

/** A module with a helper, in a directory of its own; returns its URL. */
const deployed = (directory: string, factor: number): string => {
  const at = (name: string): string => join(folder, directory, name)
  mkdirSync(at(""), { recursive: true })
  writeFileSync(at("factor.ts"), `export const factor = ${factor}\n`)
  writeFileSync(
    at("digits.ts"),
    `import { Dataset, Pipeline } from ${JSON.stringify(new URL("../../src/index.ts", import.meta.url).href)}
import { factor } from "./factor.ts"
export const pipeline = Pipeline.from(Dataset.range(8)).pipe(
  Pipeline.map("times", (x) => x * factor),
  Pipeline.batch(8)
)
`
  )
  return pathToFileURL(at("digits.ts")).href
}

/** What a runner that has `theirs` builds for a loader that has `own`: the first batch, or why not. */
const built = (own: string, theirs: string, options: Partial<Workers.ClusterOptions> = {}): Promise<string> =>
  Effect.gen(function* () {
    const { pipeline } = (yield* Effect.promise(() => import(own))) as {
      readonly pipeline: Pipeline.Pipeline<Batch.Batch<{ readonly data: Float32Array }>, unknown, never> // as above
    }
    const runner = yield* Runner.listen({ pipelines: [theirs], threads: 0 })
    const workers = Workers.cluster({ workers: 1, pipeline: own, ...options }).pipe(
      Layer.provide(Runners.list([`127.0.0.1:${runner.port}`]))
    )
    const loader = yield* Effect.provide(Scheduler.open(pipeline, { epochs: 1 }), workers)
    const batch = yield* loader.take
    return JSON.stringify(batch._tag === "Some" ? batch.value.columns : undefined)
  }).pipe(
    Effect.scoped,
    Effect.exit,
    Effect.map((exit) => (Exit.isSuccess(exit) ? exit.value : String(exit.cause))),
    Effect.runPromise
  )

test("a runner whose module, or a file that it imports, reads otherwise is not used, unless any code will do", async () => {
  const own = deployed("own", 2)
  const same = deployed("same", 2)
  const other = deployed("other", 3)
  const right = await built(own, same)
  expect(right).toContain("14")
  const refused = await built(own, other)
  expect(refused).toContain(`the code of ${new URL("factor.ts", other)}, which ${other} imports, is not what`)
  expect(refused).toContain('take `code: "any"`')
  expect(await built(own, other, { code: "any" })).toContain("21")

  // Neither side loads a module again: what counts is what they have loaded.
  deployed("same", 4)
  expect(await built(own, same)).toBe(right)
})

test("what is asked of the code is the same or any", () => {
  const workers = Workers.cluster({ workers: 1, pipeline: "file:///digits.ts", code: "new" as never }) // what no type lets by
  const error = Effect.runSync(
    Effect.flip(Effect.scoped(Layer.build(Layer.provide(workers, Runners.list(["127.0.0.1:1"])))))
  )
  expect(error).toMatchObject({ _tag: "InvalidOption", option: "code", value: "new" })
})
