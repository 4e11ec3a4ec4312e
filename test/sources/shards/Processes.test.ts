/**
 * Several processes that open one folder at once: one of them makes the index, and the others wait for it, no longer than it
 * lives.
 */
import { afterAll, expect, test } from "bun:test"
import { type ChildProcess, spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { runtime } from "../../../src/core/runtime.ts"
import { TIME } from "../../support/process.ts"

const folder = mkdtempSync(join(tmpdir(), "furrow-opening-"))
const program = fileURLToPath(new URL("../../support/shards/opening.ts", import.meta.url))
const started = new Set<ChildProcess>()
afterAll(() => {
  // By its number: Deno takes a child for ended that it sends any signal itself.
  for (const { exitCode, pid } of started) if (exitCode === null && pid !== undefined) kill(pid)
  rmSync(folder, { recursive: true, force: true })
})

const kill = (pid: number): void => {
  try {
    process.kill(pid, "SIGKILL")
  } catch {
    // It has ended.
  }
}

const SHARDS = 3
const rows = join(folder, "rows")
mkdirSync(rows)
for (let shard = 0; shard < SHARDS; shard++) writeFileSync(join(rows, `${shard}.jsonl`), '{"n":1}\n'.repeat(5))

/** Starts it; what it says first, and all that it has said once it has ended. */
const open = (...more: ReadonlyArray<string>) => {
  const args = runtime.name === "deno" ? ["run", "-A", "--no-check"] : ["run"]
  const env = { ...process.env, FURROW_CACHE: join(folder, "cache") }
  const child = spawn(process.execPath, [...args, program, `${rows}/`, ...more], { env })
  started.add(child)
  let said = ""
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (piece: Uint8Array) => {
      said += Buffer.from(piece).toString()
    })
  const first = new Promise<void>((resolve) => child.stdout.once("data", () => resolve()))
  const ended = new Promise<string>((resolve) => child.once("close", () => resolve(said)))
  return { child, first, ended }
}

test(
  "one index is made for all, by another process if the one that makes it is killed",
  async () => {
    const builder = open("hangs")
    await builder.first
    const waiting = [open(), open()]
    // They are at its lock, which does not end by itself.
    const early = await Promise.race([
      ...waiting.map(({ ended }) => ended),
      new Promise((resolve) => setTimeout(resolve, 1500, "wait"))
    ])
    expect(early).toBe("wait")
    kill(builder.child.pid ?? Number.NaN)
    const said = await Promise.all(waiting.map(async ({ ended }): Promise<unknown> => JSON.parse(await ended)))
    const scanned = said.map((own) => (own as { readonly scanned: number }).scanned) // as the program prints it
    expect(scanned.toSorted()).toEqual([0, SHARDS])
    expect(said).toEqual(scanned.map((own) => ({ scanned: own, size: 5 * SHARDS })))
  },
  TIME
)
