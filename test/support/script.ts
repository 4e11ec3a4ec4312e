/**
 * A script as a program of its own, on the runtime under test.
 */
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { runtime } from "../../src/core/runtime.ts"
import { root } from "./process.ts"

export interface Left {
  /** The exit code; `null` when a signal ended it. */
  readonly code: number | null
  /** The signal that ended it: SIGKILL when it did not end in time. */
  readonly signal: string | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs it with variables of its environment, and kills it after `limit` milliseconds. */
export const script = (url: URL, env: Readonly<Record<string, string>> = {}, limit = 60_000): Promise<Left> =>
  new Promise((resolve) => {
    const args = runtime.name === "deno" ? ["run", "-A", "--no-check"] : ["run"]
    const child = spawn(process.execPath, [...args, fileURLToPath(url)], {
      cwd: root,
      env: { ...process.env, NO_COLOR: "1", ...env }
    })
    let stdout = ""
    let stderr = ""
    child.stdout.on("data", (chunk) => {
      stdout += chunk
    })
    child.stderr.on("data", (chunk) => {
      stderr += chunk
    })
    const timer = setTimeout(() => child.kill("SIGKILL"), limit)
    child.on("close", (code, signal) => {
      clearTimeout(timer)
      resolve({ code, signal, stdout, stderr })
    })
  })
