/**
 * A pipeline as a person runs it: a child process, looked at from outside.
 */
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { runtime } from "../../src/core/runtime.ts"

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

const commands = {
  bun: ["bun", "run"],
  deno: ["deno", "run", "-A", "--no-check"]
}

/** The runtime under test; the tests run on Bun and on Deno alike. */
export const here = runtime.name === "deno" ? "deno" : "bun"

/** How long a test of a process may take, in milliseconds. */
export const TIME = 60_000

/** npm's `deno` is a wrapper that a signal ends without its child: the program beside it is called, if it is unpacked. */
const programOf = (command: string): string => {
  const itself = join(root, "node_modules", command, command)
  return existsSync(itself) ? itself : join(root, "node_modules", ".bin", command)
}

/** How a program is started. */
export interface Starting {
  readonly env?: Readonly<Record<string, string>>
  readonly on?: "bun" | "deno"
  /** A module that is loaded before it. */
  readonly preload?: string | undefined
  /** A program with its arguments that starts it, and becomes it. */
  readonly by?: ReadonlyArray<string>
}

/** Starts `pipelines/<name>`. */
export const start = (
  name: string,
  args: ReadonlyArray<string>,
  { by = [], env = {}, on = here, preload }: Starting = {}
) => {
  const [command = "", ...rest] = commands[on]
  const path = on === here ? process.execPath : programOf(command)
  const before = preload === undefined ? [] : ["--preload", preload]
  const [program = path, ...all] = [...by, path, ...rest, ...before, join(root, "pipelines", name), ...args]
  const child = spawn(program, all, {
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
  const ended = new Promise<Ended>((resolve) => {
    child.on("close", (code) => resolve({ code, stdout, stderr }))
  })
  return { child, ended, said: () => stderr }
}
