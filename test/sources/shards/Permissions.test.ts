/** Shards opened by a process that may read files, and do nothing else. */
import { expect, test } from "bun:test"
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { here, root, TIME } from "../../support/process.ts"

test(
  "Deno with --allow-read alone opens shards, and says once that no index is kept",
  () => {
    const folder = mkdtempSync(join(tmpdir(), "furrow-permissions-"))
    try {
      writeFileSync(join(folder, "a.jsonl"), '{"n":1}\n{"n":2}\n')
      const program = join(folder, "open.ts")
      const source = (path: string): string => JSON.stringify(new URL(`../../../src/${path}`, import.meta.url).href)
      writeFileSync(
        program,
        `import * as Dataset from ${source("sources/Dataset.ts")}
import * as Format from ${source("sources/formats/Formats.ts")}
import * as Effect from ${JSON.stringify(new URL(import.meta.resolve("effect/Effect")).href)}
const open = Dataset.open(${JSON.stringify(join(folder, "a.jsonl"))}, { format: Format.jsonl() })
const [first, second] = await Effect.runPromise(Effect.all([open, open]))
console.log(JSON.stringify({ sizes: [first.size, second.size], index: first.sharded?.index ?? null }))
`
      )
      const deno = here === "deno" ? process.execPath : join(root, "node_modules", ".bin", "deno")
      const args = ["run", "--no-prompt", "--allow-read", "--no-check", "--config", join(root, "deno.json"), program]
      const { status, stderr, stdout } = spawnSync(deno, args, { cwd: root, encoding: "utf8" })
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" })
      expect(stdout).toContain(JSON.stringify({ sizes: [2, 2], index: null }))
      expect(stdout.match(/no index is kept/g)).toHaveLength(1)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
  TIME
)
