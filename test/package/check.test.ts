/**
 * Deno's own compiler accepts the sources as a program imports them, in this repository and outside of it. It has other
 * types of the platform than `tsc -p .`.
 */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { runtime } from "../../src/core/runtime.ts"
import { binary, root } from "../support/app.ts"

const folder = mkdtempSync(join(tmpdir(), "furrow-check-"))
const program = join(folder, "program.ts")

beforeAll(() =>
  writeFileSync(
    program,
    [
      'import { Dataset, furrow, Pipeline } from "furrow"',
      "const pipeline = Pipeline.from(Dataset.range(9)).pipe(Pipeline.batch(3))",
      "for await (const batch of furrow(pipeline, { epochs: 1 })) console.log(batch.size)"
    ].join("\n")
  )
)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

// It takes some 20 seconds of a core, so once.
test.skipIf(runtime.name !== "deno")(
  "deno check",
  () => {
    const files = ["src/index.ts", "src/testing.ts", "src/service.ts", "src/cluster.ts", program]
    const { status, stderr } = spawnSync(binary("deno"), ["check", "--config", "deno.json", ...files], {
      cwd: root,
      encoding: "utf8"
    })
    expect({ status, errors: status === 0 ? "" : stderr }).toEqual({ status: 0, errors: "" })
  },
  600_000
)
