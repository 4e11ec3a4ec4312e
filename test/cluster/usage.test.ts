/** `pipelines/runner.ts` with options that cannot be meant: exit code 2, and a line that says what is wrong. */
import { afterAll, expect, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { start, TIME } from "../support/process.ts"

const module = fileURLToPath(new URL("../service/numbers.ts", import.meta.url))
const folder = mkdtempSync(join(tmpdir(), "furrow-usage-"))
afterAll(() => rmSync(folder, { recursive: true }))

const own = ["--listen", "127.0.0.1:0", "--database", `sqlite:${join(folder, "cluster.sqlite")}`]

/** What the runner says, and how it ends; it is ended once it builds for loaders. */
const ended = async (args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}) => {
  const { child, ended, said } = start("runner.ts", [...own, ...args], { env })
  child.stderr.on("data", () => said().includes("building for loaders") && child.kill("SIGKILL"))
  const { code, stderr } = await ended
  return { code, stderr }
}

test(
  "a variable that --token-env names must be set, and hold a token",
  async () => {
    const token = "at least 16 visible ASCII characters, with spaces only between them"
    const named = ["--pipeline", module, "--token-env", "OWN_TOKEN"]
    expect(await ended(named)).toEqual({
      code: 2,
      stderr: `runner: --token-env OWN_TOKEN: OWN_TOKEN is not set; set it to ${token}\n`
    })
    expect(await ended(named, { OWN_TOKEN: "short" })).toEqual({
      code: 2,
      stderr: `runner: OWN_TOKEN must hold ${token}, or be unset if there is no token\n`
    })
    expect(await ended(["--pipeline", module, "--token-env", "t0ken-of-16-characters"])).toEqual({
      code: 2,
      stderr: "runner: --token-env takes the name of the variable that holds the token\n"
    })
    const { stderr } = await ended(named, { OWN_TOKEN: "a token that is long enough" })
    expect(stderr).toContain("building for loaders")
  },
  TIME
)

test(
  "a module that exports neither a pipeline nor a function is refused",
  async () => {
    const path = join(folder, "none.ts")
    writeFileSync(path, "export const a = 1\n")
    expect(await ended(["--pipeline", module, "--pipeline", path])).toEqual({
      code: 2,
      stderr: `runner: --pipeline ${JSON.stringify(path)} exports no pipeline, nor a function that returns one\n`
    })
    const made = join(folder, "made.ts")
    writeFileSync(made, "export default () => undefined\n")
    expect((await ended(["--pipeline", made])).stderr).toContain("building for loaders")
  },
  TIME
)
