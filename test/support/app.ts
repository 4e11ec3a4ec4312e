/**
 * Furrow as an app has it: the packed file, and folders in which it is installed.
 */
import { execFileSync, spawnSync } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** A program of `node_modules/.bin`. */
export const binary = (name: string): string => join(root, "node_modules", ".bin", name)

/** The version of a package that is installed here. */
export const versionOf = (name: string): string => {
  const manifest: unknown = JSON.parse(readFileSync(join(root, "node_modules", name, "package.json"), "utf8"))
  if (typeof manifest === "object" && manifest !== null && "version" in manifest) return String(manifest.version)
  throw new Error(`${name} has no version`)
}

/** The runtimes that the package runs on. */
export const RUNTIMES = ["bun", "deno", "node"] as const
export type Name = (typeof RUNTIMES)[number]

/** What runs `file` on a runtime. */
const commandOf = (name: Name, file: string): readonly [string, ...ReadonlyArray<string>] => {
  if (name === "bun") return [binary("bun"), "run", file]
  return name === "deno" ? [binary("deno"), "run", "-A", "--no-check", file] : ["node", file]
}

/** What a program printed, and how it ended. */
export interface Outcome {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a file of an app on a runtime. */
export const run = (app: string, name: Name, file: string, env: Readonly<Record<string, string>> = {}): Outcome => {
  const [command, ...args] = commandOf(name, file)
  const options = {
    cwd: app,
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1", ...env },
    timeout: 60_000
  } as const
  const { status, stderr, stdout } = spawnSync(command, args, options)
  return { status, stdout: stdout.trim(), stderr: stderr.trim() }
}

/** Runs a command of `node_modules/.bin` in an app; throws with its output where it fails. */
export const call = (app: string, name: string, ...args: ReadonlyArray<string>): string =>
  execFileSync(binary(name), args, {
    cwd: app,
    encoding: "utf8",
    stdio: "pipe",
    env: { ...process.env, NO_COLOR: "1" }
  })

/** Packed before, for all processes that test at a time. */
let packed = process.env["FURROW_TEST_TARBALL"]

/** The packed file; unless it has been packed before, it is built once a process. */
export const tarball = (): string => {
  if (packed === undefined) {
    const folder = mkdtempSync(join(tmpdir(), "furrow-packed-"))
    call(root, "bun", "pm", "pack", "--destination", folder, "--quiet")
    const file = readdirSync(folder).find((name) => name.endsWith(".tgz"))
    if (file === undefined) throw new Error("nothing was packed")
    packed = join(folder, file)
  }
  return packed
}

/** An empty folder in which nothing is installed but Furrow and `dependencies`, by bun. */
export const installed = (dependencies: Readonly<Record<string, string>> = {}): string => {
  const app = mkdtempSync(join(tmpdir(), "furrow-app-"))
  const manifest = { name: "app", type: "module", dependencies: { ...dependencies, furrow: `file:${tarball()}` } }
  writeFileSync(join(app, "package.json"), JSON.stringify(manifest))
  writeFileSync(join(app, "deno.json"), JSON.stringify({ nodeModulesDir: "manual", lock: false }))
  call(app, "bun", "install", "--no-progress")
  return app
}
