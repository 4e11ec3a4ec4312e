/**
 * What the documentation shows, holds: every example of the README and of the docstrings is type-checked (once, on Bun)
 * and run on both runtimes, and none of its `console.assert`s may fail.
 */
import { beforeAll, describe, expect, test } from "bun:test"
import { spawnSync } from "node:child_process"
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { runtime } from "../src/runtime.ts"
import { fromMarkdown, fromSource } from "./support/examples.ts"

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const read = (file: string): string => readFileSync(join(root, file), "utf8")

const sources = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
  .map((file) => file.replaceAll("\\", "/"))
  .filter((file) => file.endsWith(".ts"))
  .sort()
  .map((file) => `src/${file}`)

const readme = fromMarkdown("README.md", read("README.md"))
const docstrings = sources.flatMap((file) => fromSource(file, read(file)))

/** A file's name out of an example's. */
const slug = (name: string): string => `${name.replaceAll(/[^A-Za-z0-9]+/g, "-").replace(/-$/, "")}.ts`

// Inside of the project, so that "furrow" is found as the tests find it; a folder for each runtime, so that two runs side
// by side do not meet.
const folder = join(root, "test", ".generated", runtime.name)
const examples = [...readme, ...docstrings].map((example) => ({ ...example, file: slug(example.name) }))

/** The README's first pipeline without its policy, of which the README says that it does not compile. */
const forgetful = (readme[0]?.code ?? "").replace(/Effect\.provide\(SeedPolicy\.[^)]*\)\), /, "")

rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
for (const { code, file } of examples) writeFileSync(join(folder, file), code)
writeFileSync(join(folder, "forgetful.ts"), forgetful)
writeFileSync(
  join(folder, "tsconfig.examples.json"),
  JSON.stringify({
    extends: "../../../tsconfig.json",
    // An example may end with a value that it does nothing with.
    compilerOptions: { noUnusedLocals: false },
    include: ["./*.ts"]
  })
)

/** What `console.assert` is given while `run` runs, by the number of the call; and `console.log` is kept quiet. */
const failedAssertions = async (run: () => Promise<unknown>): Promise<ReadonlyArray<string>> => {
  const { assert, log } = console
  const failed: Array<string> = []
  let calls = 0
  console.assert = (condition, ...details: ReadonlyArray<unknown>) => {
    calls++
    if (!condition) failed.push([`assertion ${calls}`, ...details].join(" "))
  }
  console.log = () => undefined
  try {
    await run()
  } finally {
    console.assert = assert
    console.log = log
  }
  return failed
}

describe("the example at", () => {
  /** The compiler's complaints, by file. */
  const complaints = new Map<string, Array<string>>()

  beforeAll(() => {
    if (runtime.name !== "bun") return
    const tsc = join(root, "node_modules", ".bin", "tsc")
    const { stderr, stdout } = spawnSync(tsc, ["-p", "tsconfig.examples.json", "--pretty", "false"], {
      cwd: folder,
      encoding: "utf8"
    })
    expect(stderr).toBe("")
    // A complaint begins with its file; the lines that explain it follow.
    let file = ""
    for (const line of stdout.split("\n").filter((each) => each !== "")) {
      file = /^([^\s(]+\.ts)\(\d+,\d+\): /.exec(line)?.[1] ?? file
      complaints.set(file, [...(complaints.get(file) ?? []), line])
    }
  }, 60_000)

  for (const { file, name, runs } of examples) {
    test.skipIf(!runs && runtime.name !== "bun")(
      name,
      async () => {
        expect(complaints.get(file) ?? []).toEqual([])
        if (!runs) return
        expect(await failedAssertions(() => import(pathToFileURL(join(folder, file)).href))).toEqual([])
      },
      30_000
    )
  }

  test.skipIf(runtime.name !== "bun")(
    "README.md, without its policy, does not compile, by the message it names",
    () => {
      const message = /`(Type 'SeedPolicy' [^`]+)`/.exec(read("README.md"))?.[1]
      expect(complaints.get("forgetful.ts")?.join("\n")).toContain(String(message))
    }
  )
})

test("examples are found where they stand", () => {
  expect(readme.length).toBeGreaterThanOrEqual(5)
  expect(docstrings.length).toBeGreaterThanOrEqual(20)
  expect(new Set(examples.map(({ file }) => file)).size).toBe(examples.length)
})

test("a block of a page is an example when it is TypeScript and imports", () => {
  const page = [
    "# Title",
    "```ts",
    'import "a"',
    "```",
    "## Part",
    "```sh",
    "# no heading",
    "```",
    "```ts no-run",
    'import "b"',
    "```",
    "```ts",
    "1 + 1",
    "```",
    "```ts",
    'import "c"',
    "```",
    ""
  ].join("\n")
  expect(fromMarkdown("page.md", page)).toEqual([
    { name: "page.md: Title", code: 'import "a"\n', runs: true },
    { name: "page.md: Part", code: 'import "b"\n', runs: false },
    { name: "page.md: Part (2)", code: 'import "c"\n', runs: true }
  ])
})

test("an @example reaches to the next tag and is named by what it documents", () => {
  const source = [
    "/**",
    " * Prose.",
    " *",
    " * @example",
    ' * import "a"',
    " *",
    " * if (true) {",
    " *   run()",
    " * }",
    " *",
    " * @since 0.1.0",
    " */",
    "export const first = 1",
    "/** @example fragment() */",
    "export const none = 2",
    "export class Box {",
    "  /**",
    "   * @example",
    '   * import "b"',
    "   */",
    "  open(): void {}",
    "}",
    "/** @example",
    ' * import "c"',
    " */",
    "export const last = 3",
    ""
  ].join("\n")
  expect(fromSource("file.ts", source)).toEqual([
    { name: "file.ts: first", code: 'import "a"\n\nif (true) {\n  run()\n}\n', runs: true },
    { name: "file.ts: open", code: 'import "b"\n', runs: true },
    { name: "file.ts: last", code: 'import "c"\n', runs: true }
  ])
})

test("an assertion that fails is seen, and the console is put back", async () => {
  const { assert } = console
  const failed = await failedAssertions(async () => {
    console.assert(true)
    console.assert(false, "two is", 3)
  })
  expect(failed).toEqual(["assertion 2 two is 3"])
  expect(console.assert).toBe(assert)
})
