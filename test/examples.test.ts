/**
 * Runs every example of the documentation, and holds all of them against the compiler.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { runtime } from "../src/runtime.ts"
import { examples, root } from "./support/examples.ts"

// Inside the project, so that `furrow` means this tree; one folder a runtime, so that the two can run side by side.
const folder = join(root, "test", ".generated", runtime.name)
const all = examples()
const fileOf = (place: number): string => join(folder, `example-${place}.ts`)

beforeAll(() => {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  all.forEach(({ code, name }, place) => {
    writeFileSync(fileOf(place), `// ${name}\n${code}\n\nexport {}\n`)
  })
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

test("the documentation has examples", () => {
  expect(all.length).toBeGreaterThan(20)
  expect(all.filter(({ name }) => name.startsWith("README")).length).toBeGreaterThan(5)
  const pages = existsSync(join(root, "docs"))
    ? readdirSync(join(root, "docs")).filter((name) => name.endsWith(".md"))
    : []
  const withExamples = pages.filter((name) => /^```ts( no-run)?$/m.test(readFileSync(join(root, "docs", name), "utf8")))
  for (const name of withExamples) {
    expect(all.some((example) => example.name.startsWith(`${join("docs", name)}:`))).toBe(true)
  }
})

// Types are the compiler's business and the same on both runtimes.
test.skipIf(runtime.name !== "bun")(
  "every example type-checks",
  () => {
    const config = join(folder, "tsconfig.json")
    const compilerOptions = { noUnusedLocals: false, noUnusedParameters: false }
    writeFileSync(config, JSON.stringify({ extends: "../../../tsconfig.json", compilerOptions, include: ["./*.ts"] }))
    const tsc = join(root, "node_modules", ".bin", "tsc")
    const { stdout } = spawnSync(tsc, ["-p", config], { cwd: folder, encoding: "utf8" })
    expect(stdout.replaceAll(/example-(\d+)\.ts/g, (_, place) => all[Number(place)]?.name ?? "")).toBe("")
  },
  60_000
)

test.skipIf(runtime.name !== "bun")(
  "the README's first pipeline does not compile without its policy, by the message that the README quotes",
  () => {
    const readme = readFileSync(join(root, "README.md"), "utf8")
    const quoted = /`(Type 'SeedPolicy' [^`]+)`/.exec(readme)?.[1]
    const first = all[0]?.code ?? ""
    const forgetful = first.replace(/Effect\.provide\(SeedPolicy\.[^)]*\)\), /, "")
    expect(forgetful).not.toBe(first)
    const project = join(folder, "forgetful")
    mkdirSync(project)
    writeFileSync(join(project, "forgetful.ts"), forgetful)
    const compilerOptions = { noUnusedLocals: false }
    writeFileSync(
      join(project, "tsconfig.json"),
      JSON.stringify({ extends: "../../../../tsconfig.json", compilerOptions, include: ["./*.ts"] })
    )
    const tsc = join(root, "node_modules", ".bin", "tsc")
    const { status, stdout } = spawnSync(tsc, ["-p", project], { cwd: project, encoding: "utf8" })
    expect(status).not.toBe(0)
    expect(stdout).toContain(quoted ?? "the README quotes no message")
  },
  60_000
)

describe("runs, and what it asserts holds", () => {
  const { assert, log } = console
  let broken: Array<unknown> = []

  beforeAll(() => {
    console.assert = (condition?: boolean, ...what: Array<unknown>) => {
      if (condition !== true) broken.push(what.length > 0 ? what : "an assertion does not hold")
    }
    console.log = () => undefined
  })

  afterAll(() => {
    console.assert = assert
    console.log = log
  })

  all.forEach(({ name, runs }, place) => {
    test.skipIf(!runs)(
      name,
      async () => {
        broken = []
        await import(pathToFileURL(fileOf(place)).href)
        expect(broken).toEqual([])
      },
      30_000
    )
  })
})
