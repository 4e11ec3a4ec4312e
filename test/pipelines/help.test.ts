/** What programs say of their options. */
import { expect, test } from "bun:test"
import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { worded } from "../../pipelines/cli/Main.ts"
import { start, TIME } from "../support/process.ts"

test("nothing stands in front of an option's own words but its name", () => {
  const help =
    "--limit n\n\n  A user-defined piece of text.\n\n  How many.\n\n--json\n\n  A true or false value.\n\n  As JSON.\n"
  expect(worded(help)).toBe("--limit n\n\n  How many.\n\n--json\n\n  As JSON.\n")
})

test.each(["train.ts", "parity.ts"])(
  "%s --help has words of its own for each option",
  async (program) => {
    const { code, stdout } = await start(program, ["--help"]).ended
    expect(code).toBe(0)
    expect(stdout).not.toContain("user-defined")
    expect(stdout).not.toContain("\u001b")
    // A name in front of an empty line and its description; @effect/cli's own options come by the same way.
    const names = stdout.split("\n").flatMap((line, at, all) => (/^\S*(--|<)/.test(line) ? [[line, all[at + 2]]] : []))
    expect(names.length).toBeGreaterThan(1)
    for (const [name = "", words = ""] of names) expect(`${name}: ${words}`).toMatch(/: +\S.{8,}/)
    expect(names.filter(([, words]) => words?.includes("This setting is optional"))).toEqual([])
  },
  TIME
)

test("bun run test takes no arguments: it is not to run for minutes when asked for help", () => {
  const own = fileURLToPath(new URL("../run.ts", import.meta.url))
  const bun = fileURLToPath(new URL("../../node_modules/.bin/bun", import.meta.url))
  const { status, stderr, stdout } = spawnSync(bun, [own, "--help"], { encoding: "utf8", timeout: 10_000 })
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" })
  expect(stderr).toContain("takes no arguments, and was given --help\nfor some files: bun test")
})
