/**
 * Every program with an output that takes nothing: a full disk, a reader that has left, no stderr. No stack trace of ours,
 * one line at most, the right exit code, and an end.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { spawn } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Idx, Tensor } from "../../src/index.ts"
import { here, root, start, TIME } from "../support/process.ts"

const programs: Readonly<Record<string, ReadonlyArray<string>>> = {
  "article.ts": ["--json"],
  "audit.ts": ["--policies", "elastic", "--samples", "2", "--json"],
  "merge.ts": ["--limit", "200", "--epochs", "1", "--json"],
  "parity.ts": [],
  "train.ts": ["--no-train", "--epochs", "1", "--limit", "200", "--json", "--seed", "1"]
}

const runtime = here === "deno" ? "run -A --no-check" : "run"

/** Runs a program in a shell, `redirected` as the shell says; gives its exit code and what it said on stderr. */
const shell = (program: string, args: ReadonlyArray<string>, redirected: string) =>
  new Promise<{ readonly code: number | null; readonly stderr: string }>((resolve) => {
    const command = `${JSON.stringify(process.execPath)} ${runtime} ${join(root, "pipelines", program)} ${args.join(" ")}`
    // The code of the program, whatever reads its output.
    const child = spawn("bash", ["-c", `set -o pipefail; ${command} ${redirected}`], {
      cwd: root,
      env: { ...process.env, NO_COLOR: "1" },
      stdio: ["ignore", "ignore", "pipe"]
    })
    let stderr = ""
    child.stderr.on("data", (chunk) => {
      stderr += chunk
    })
    child.on("close", (code) => resolve({ code, stderr }))
  })

describe.each(Object.entries(programs))("%s", (program, args) => {
  test.skipIf(!existsSync("/dev/full"))(
    "a full disk: exit code 1, and one line that says so",
    async () => {
      const { code, stderr } = await shell(program, args, "> /dev/full")
      const own = stderr.split("\n").filter((line) => line.includes("stdout cannot be written"))
      expect({ code, lines: own.length }).toEqual({ code: 1, lines: 1 })
      expect(own[0]?.startsWith(`${program.replace(".ts", "")}: stdout cannot be written: `)).toBe(true)
      expect(stderr).toMatch(/no space left/i)
      expect(stderr).not.toMatch(/\n\s+at |Print\.ts/)
    },
    TIME
  )

  test.skipIf(!existsSync("/dev/full"))(
    "its help, too",
    async () => {
      const { code, stderr } = await shell(program, ["--help"], "> /dev/full")
      expect(code).toBe(1)
      expect(stderr.trim().split("\n")).toHaveLength(1)
    },
    TIME
  )

  test(
    "a reader that leaves after a line: no failure, and not a word of it",
    async () => {
      const { code, stderr } = await shell(program, args, "| head -1")
      expect(code).toBe(0)
      expect(stderr).not.toMatch(/EPIPE|pipe|\n\s+at /i)
    },
    TIME
  )
})

test(
  "train.ts, whose stderr has no reader, or a full disk: the result is there",
  async () => {
    const args = programs["train.ts"] ?? []
    for (const redirected of ["2> >(true) | grep -q digest", "2> /dev/full | grep -q digest"]) {
      expect((await shell("train.ts", args, redirected)).code).toBe(0)
    }
  },
  TIME
)

test(
  "train.ts says once that the seed is 0 where nothing sets it",
  async () => {
    const [_, ...unseeded] = ["", "--no-train", "--epochs", "1", "--limit", "100"]
    const line = "The run's seed is 0, as neither --seed nor FURROW_SEED is set."
    const { stderr } = await start("train.ts", unseeded).ended
    expect(stderr.split(line)).toHaveLength(2)
    expect((await start("train.ts", [...unseeded, "--seed", "0"]).ended).stderr).not.toContain(line)
    expect((await start("train.ts", unseeded, { env: { FURROW_SEED: "0" } }).ended).stderr).not.toContain(line)
  },
  TIME
)

describe("train.ts over files that it cannot learn from", () => {
  const folder = mkdtempSync(join(tmpdir(), "furrow-labels-"))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const files = { images: [40, 28, 28], labels: [40], test: [4, 28, 28], testLabels: [4] }
  /** Writes the four files of a set of that name. */
  const write = (
    name: string,
    { images, labels, test, testLabels }: typeof files,
    label = (row: number) => row % 10
  ) => {
    const at = join(folder, name)
    mkdirSync(at)
    const put = (file: string, shape: ReadonlyArray<number>, value: (row: number) => number): void => {
      const length = shape.reduce((product, axis) => product * axis, 1)
      writeFileSync(
        join(at, file),
        Idx.encode(
          Tensor.make(
            Uint8Array.from({ length }, (_, row) => value(row)),
            shape
          )
        )
      )
    }
    put("train-images-idx3-ubyte", images, (row) => row % 256)
    put("train-labels-idx1-ubyte", labels, label)
    put("t10k-images-idx3-ubyte", test, (row) => row % 256)
    put("t10k-labels-idx1-ubyte", testLabels, () => 3)
    return at
  }

  beforeAll(() => {
    write("label", files, (row) => (row === 17 ? 12 : 1))
    write("small", { ...files, images: [40, 26, 26] })
    write("wide", { ...files, test: [4, 32, 32] })
    write("empty", { ...files, test: [0, 28, 28], testLabels: [0] })
  })

  test.each([
    ["label", "train-labels-idx1-ubyte: row 17 has label 12, but there are 10 classes, 0 to 9"],
    ["small", "train has images of [26, 26, 1]; this network reads [28, 28, 1]"],
    ["wide", "test has images of [32, 32, 1]; this network reads [28, 28, 1]"],
    ["empty", "test has no images"]
  ])(
    "%s: one line before the training begins, and exit code 1",
    async (name, says) => {
      const args = ["--data", join(folder, name), "--epochs", "1", "--seed", "1"]
      const { code, stderr, stdout } = await start("train.ts", args).ended
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" })
      expect(stderr).toContain(says)
      expect(stderr.trim().split("\n")).toHaveLength(1)
    },
    TIME
  )
})
