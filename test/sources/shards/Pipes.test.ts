import { afterAll, expect, test } from "bun:test"
import { execFileSync } from "node:child_process"
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"
import { Dataset, Format, furrow, Pipeline } from "../../../src/index.ts"

const folder = mkdtempSync(join(tmpdir(), "furrow-pipes-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const lines = Array.from({ length: 2000 }, (_, n) => `{"n":${n}}\n`).join("")

test("a shard in whose place a pipe is put ends the run with an error, and the run can be closed", async () => {
  const path = join(folder, "a.jsonl")
  writeFileSync(path, lines)
  const format = Format.jsonl<{ readonly n: number }>({ blockBytes: 1024 })
  const dataset = await Effect.runPromise(Dataset.open(path, { format, index: false, aheadBytes: 0 }))
  const run = furrow(Pipeline.from(dataset).pipe(Pipeline.batch(50)), { epochs: 1 })
  await run.take()
  execFileSync("mkfifo", [`${path}.pipe`])
  renameSync(`${path}.pipe`, path)
  const drained = (async () => {
    for await (const _ of run);
  })()
  expect(String(await drained.catch((error: unknown) => error))).toContain("it is a file no more but")
  await run.close()
})

test("an index that is a pipe is refused", async () => {
  const path = join(folder, "b.jsonl")
  writeFileSync(path, lines)
  const index = join(folder, "b.index")
  execFileSync("mkfifo", [index])
  const error = await Effect.runPromise(Effect.flip(Dataset.open(path, { format: Format.jsonl(), index })))
  expect(error).toMatchObject({ _tag: "InvalidOption", option: "index", value: index })
})
