/** A thread that replaces another one builds by the same code, or the run fails. */
import { afterAll, expect, test } from "bun:test"
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import * as Effect from "effect/Effect"
import { type Batch, type Pipeline, Scheduler, Workers } from "../../../../src/index.ts"

const folder = mkdtempSync(join(realpathSync(tmpdir()), "furrow-code-"))
afterAll(() => rmSync(folder, { recursive: true }))

const path = join(folder, "numbers.ts")
/** A pipeline whose thread ends at sample 40 unless a file is there, which it leaves behind. */
const write = (factor: number): void =>
  writeFileSync(
    path,
    `import { existsSync, writeFileSync } from "node:fs"
import process from "node:process"
import { Dataset, Pipeline } from ${JSON.stringify(new URL("../../../../src/index.ts", import.meta.url).href)}
const once = ${JSON.stringify(join(folder, "once"))}
export const pipeline = Pipeline.from(Dataset.range(64)).pipe(
  Pipeline.map("times", (x) => {
    if (x === 40 && !existsSync(once)) {
      writeFileSync(once, "")
      process.exit(3)
    }
    return x * ${factor}
  }),
  Pipeline.batch(4)
)
`
  )

test("a file that changes during a run makes no thread build by other code", async () => {
  write(1)
  const module = pathToFileURL(path).href
  const { pipeline } = (await import(module)) as {
    readonly pipeline: Pipeline.Pipeline<Batch.Batch<unknown>, unknown, never> // as above
  }
  const error = await Effect.gen(function* () {
    const loader = yield* Scheduler.open(pipeline, { epochs: 1, prefetch: 1 })
    yield* loader.take
    write(2)
    yield* loader.forEach(() => Effect.void)
  }).pipe(
    Effect.scoped,
    Effect.provide(Workers.threads({ workers: 1, threads: 1, pipeline: module })),
    Effect.flip,
    Effect.runPromise
  )
  expect(error).toMatchObject({ _tag: "BackendError" })
  expect(String(error)).toContain(`the code of ${module} is not what`)
}, 30_000)
