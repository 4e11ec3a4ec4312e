import { expect, test } from "bun:test"
import { spawn } from "node:child_process"
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const program = join(import.meta.dirname, "reader.ts")
const runtime = process.versions["deno"] === undefined ? ["run"] : ["run", "-A", "--no-check"]

const start = (directory: string, bytes: number, seed: number, reads: number) => {
  const args = [...runtime, program, directory, String(bytes), String(seed), String(reads)]
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] })
  let said = ""
  let isReady: (() => void) | undefined
  const ready = new Promise<void>((resolve) => {
    isReady = resolve
  })
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      said += chunk.toString()
      if (said.includes("ready")) isReady?.()
    })
  }
  const ended = new Promise<string>((resolve) => child.on("close", () => resolve(said)))
  return { child, ready, ended }
}

test("processes that share a folder, and are killed, read what is right, within the bound", async () => {
  const directory = mkdtempSync(join(tmpdir(), "furrow-shared-"))
  const bytes = 1_500_000
  const folder = join(directory, "furrow-blocks-1")
  try {
    // Two that are killed in the middle, beside one that is not.
    const killed = [1, 2].map((seed) => start(directory, bytes, seed, 1_000_000))
    await Promise.all(killed.map(({ ready }) => ready))
    const other = start(directory, bytes, 3, 200)
    await other.ready
    let most = 0
    const watch = setInterval(() => {
      const sizes = readdirSync(folder).map(
        (name) => statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0
      )
      most = Math.max(
        most,
        sizes.reduce((sum, own) => sum + own, 0)
      )
    }, 10)
    await new Promise((resolve) => setTimeout(resolve, 100))
    for (const { child } of killed) child.kill("SIGKILL")
    for (const { ended } of killed) expect(await ended).toBe("ready\n")
    expect(await other.ended).toBe("ready\ndone\n")
    clearInterval(watch)
    expect(most).toBeGreaterThan(0)
    // A file that is removed while sizes are added up is counted with what takes its place.
    expect(most).toBeLessThanOrEqual(bytes + 2 ** 16)
    // What they left is of use, and only what is whole is read.
    const last = start(directory, bytes, 4, 50)
    expect(await last.ended).toBe("ready\ndone\n")
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}, 60_000)
