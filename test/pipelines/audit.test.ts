/**
 * `pipelines/audit.ts` as a person runs it.
 */
import { afterAll, describe, expect, test } from "bun:test"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { matrix } from "../../pipelines/audit/Matrix.ts"
import { names } from "../../pipelines/audit/Policies.ts"
import * as Words from "../../pipelines/audit/Words.ts"
import { root, start, TIME } from "../support/process.ts"

const folder = mkdtempSync(join(tmpdir(), "furrow-audit-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const run = (...args: ReadonlyArray<string>) => start("audit.ts", args).ended

const last = (stdout: string) => JSON.parse(stdout.trim().split("\n").at(-1) ?? "")

const verdicts = (stdout: string): Record<string, string> =>
  Object.fromEntries(
    last(stdout).policies.map(({ name, verdict }: { name: string; verdict: string }) => [name, verdict])
  )

const module = (name: string) => join(root, "test", "support", "audited", `${name}.ts`)

describe("the policies", () => {
  const expected = {
    forked: "repeats",
    spawned: "none seen",
    stateWorker: "repeats",
    stateEpochWorker: "repeats",
    initialSeed: "none seen",
    workerInfoSeed: "none seen",
    globalStep: "repeats",
    globalStepShort: "repeats",
    osEntropy: "none seen",
    pytorch: "none seen",
    additive: "repeats",
    epochWorker: "none by construction",
    elastic: "none by construction"
  }

  test(
    "have the verdicts that are known of them, also over ranks; those that repeat make exit code 1",
    async () => {
      const html = join(folder, "audit.html")
      const { code, stderr, stdout } = await run("--json", "--html", html)
      expect({ code, stderr }).toEqual({ code: 1, stderr: "" })
      expect(verdicts(stdout)).toEqual(expected)
      expect(Object.keys(expected)).toEqual(names)
      expect(stdout).toContain("■")
      expect(stdout).toContain("a worker's stream is that of epoch + 1, worker − 1: 12 of 12 such pairs")
      expect(stdout).toContain("seeds have 32 bits")
      expect(stdout).not.toContain("\u001b[")
      const page = readFileSync(html, "utf8")
      for (const name of names) expect(page).toContain(name)

      const ranks = await run("--json", "--ranks", "2")
      expect(verdicts(ranks.stdout)).toEqual(expected)
    },
    2 * TIME
  )

  test(
    "exit code 0 where none repeats; ranks that all have the run's seed do",
    async () => {
      const clean = await run("--policies", "elastic,epochWorker,pytorch")
      expect(clean.code).toBe(0)
      expect(clean.stdout).not.toContain("■")
      const same = await run("--policies", "pytorch", "--ranks", "2", "--rank-seeds", "same")
      expect(same.code).toBe(1)
      expect(same.stdout).toContain("that of rank + 1: 24 of 24 such pairs")
    },
    TIME
  )

  test(
    "take seeds as wide as they are themselves, and refuse others by name",
    async () => {
      const wide = await run("--policies", "elastic,additive", "--seeds", "18446744073709551614,18446744073709551615")
      expect(wide.code).toBe(1)
      expect(wide.stdout).toContain("run 18446744073709551615")
      const named = await run("--policies", "elastic", "--seeds", "one,two", "--html", join(folder, "none", "a.html"))
      expect(named.code).toBe(2)
      expect(named.stderr).toContain('a.html" cannot be written: ')
      const cases = [
        ["forked", "4294967296", "cannot seed forked, which takes whole numbers from 0 to 4294967295"],
        ["elastic,additive", "one", "cannot seed additive, which takes whole numbers from 0 to 18446744073709551615"]
      ] as const
      for (const [policies, seeds, message] of cases) {
        const { code, stderr } = await run("--policies", policies, "--seeds", seeds)
        expect({ code, stderr }).toEqual({ code: 2, stderr: `audit: --seeds "${seeds}" ${message}\n` })
      }
    },
    TIME
  )
})

describe("a pipeline of one's own", () => {
  test(
    "is printed with its stages, and audited under its layer",
    async () => {
      const clean = await run("--pipeline", module("clean"), "--seeds", "1,2,name", "--json")
      expect(clean.code).toBe(0)
      expect(clean.stdout).toContain("noise")
      expect(last(clean.stdout)).toMatchObject({ verdict: "none" })
      const [own] = last(clean.stdout).policies
      expect(own).toMatchObject({ name: "elastic", seeds: ["1", "2", '"name"'] })
      expect(own.stages.map(({ name }: { name: string }) => name)).toEqual(["sample", "noise"])

      const repeating = await run("--pipeline", module("repeating"), "--samples", "16", "--json")
      expect(repeating.code).toBe(1)
      expect(last(repeating.stdout).policies[0]).toMatchObject({ name: "forgetful", verdict: "repeats" })
    },
    TIME
  )
})

describe("wrong usage meets one line and exit code 2", () => {
  test.each([
    [["--policies", "elastic,adaptive"], '"adaptive"'],
    [["--workers", "0"], '--workers "0"'],
    [["--epochs", "1.5"], '--epochs "1.5"'],
    [["--uneven", "keep"], '--uneven "keep"'],
    [["--seeds", "1,-2"], '"-2"'],
    [["--seeds", "4294967296"], "4294967296"],
    [["--pipeline", "./missing.ts"], "./missing.ts"],
    [["--pipeline", module("lacking")], "no export `layer`"],
    [["--pipeline", join(root, "src", "index.ts")], "no export `pipeline`"],
    [["--pipeline", module("repeating"), "--seeds", "1"], "no function of a seed"],
    [["--pipeline", module("clean"), "--ranks", "3"], "batch size"]
  ] as const)(
    "%j",
    async (args, said) => {
      const { code, stderr } = await run(...args)
      expect(code).toBe(2)
      expect(stderr).toContain(said)
      expect(stderr.trim().split("\n")).toHaveLength(1)
    },
    TIME
  )
})

describe("in words", () => {
  test("a pattern says how far apart two workers are", () => {
    const pattern = { run: 1, epoch: -1, rank: 0, worker: 0, met: 8, pairs: 9 }
    expect(Words.pattern(pattern)).toBe("a worker's stream is that of run + 1, epoch − 1: 8 of 9 such pairs")
    expect(Words.pattern({ ...pattern, run: 0, epoch: 0 })).toBe("a worker's stream is itself: 8 of 9 such pairs")
  })
})

describe("the matrix", () => {
  const cell = (epoch: number, worker: number) => ({ run: 0, epoch, rank: 0, worker, streams: 1 })
  const report = {
    policy: "own",
    seeds: ["42"],
    stages: [],
    verdict: "repeats",
    streams: 4,
    repeated: 1,
    shifted: 1,
    examples: [],
    cells: [cell(0, 0), cell(0, 1), cell(1, 0), cell(1, 1)],
    meetings: [
      { first: 1, second: 2, equal: 1, shifted: 0, shift: undefined },
      { first: 0, second: 3, equal: 0, shifted: 1, shift: 4 }
    ],
    patterns: [],
    orders: [],
    odds: undefined
  } as const

  test("marks who is whom, both ways", () => {
    const marks = matrix(report, false).map((line) => line.trim().split("  ").at(-1))
    expect(marks).toEqual(["╲· ·◪", "·╲ ■·", "·■ ╲·", "◪· ·╲"])
  })

  test("has one color a group, where there are colors", () => {
    const [first = "", second = ""] = matrix(report, true)
    expect(first).toContain("\u001b[38;5;203m◪\u001b[39m")
    expect(second).toContain("\u001b[38;5;39m■\u001b[39m")
  })

  test("gives way where it would be too wide, or where nothing draws", () => {
    const many = { ...report, cells: Array.from({ length: 49 }, (_, worker) => cell(0, worker)) }
    expect(matrix(many, false)).toHaveLength(1)
    expect(matrix({ ...report, cells: [] }, false)[0]).toContain("nothing to compare")
  })
})
