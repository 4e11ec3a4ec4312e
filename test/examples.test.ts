/**
 * Runs every example of the documentation, and holds all of them against the compiler.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { spawnSync } from "node:child_process"
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join, normalize } from "node:path"
import { pathToFileURL } from "node:url"
import { runtime } from "../src/core/runtime.ts"
import { examples, root } from "./support/examples.ts"

// Inside the project, so that `furrow` means this tree; one folder a runtime, so that the two can run side by side.
const folder = join(root, "test", ".generated", runtime.name)
const all = examples()
const pages = readdirSync(join(root, "docs")).filter((name) => name.endsWith(".md"))
/** The anchors of a page's headings, as GitHub makes them. */
const headings = (text: string): ReadonlyArray<string> =>
  Array.from(text.matchAll(/^#+ (.+)$/gm), ([, title = ""]) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-")
  )
const fileOf = (place: number): string => join(folder, `example-${place}.ts`)

beforeAll(() => {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  all.forEach(({ code, name }, place) => {
    writeFileSync(fileOf(place), `// ${name}\n${code}\n\nexport {}\n`)
    // One that begins with a file's name is a module that other examples of its page import.
    const [, module] = /^\/\/ (\w+\.ts)\n/.exec(code) ?? []
    if (module !== undefined) writeFileSync(join(folder, module), `${code}\n`)
  })
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

test("the documentation has examples", () => {
  expect(all.length).toBeGreaterThan(80)
  expect(all.filter(({ name }) => name.startsWith("README")).length).toBeGreaterThan(2)
  expect(all.filter(({ name }) => !name.startsWith("src")).length).toBeGreaterThan(30)
  const withExamples = pages.filter((name) => /^```ts( no-run)?$/m.test(readFileSync(join(root, "docs", name), "utf8")))
  for (const name of withExamples) {
    expect(all.some((example) => example.name.startsWith(`${join("docs", name)}:`))).toBe(true)
  }
})

test("the README lists every page", () => {
  const listed = Array.from(
    readFileSync(join(root, "README.md"), "utf8").matchAll(/^\|.*\]\(docs\/([^)#]+)\)/gm),
    (match) => match[1]
  )
  expect(listed.toSorted()).toEqual(pages.toSorted())
})

test("every link in the README and the pages leads to something that the package has", () => {
  const shipped = [
    "README.md",
    "CHANGELOG.md",
    "LICENSE",
    ...readdirSync(join(root, "docs")).map((name) => `docs/${name}`)
  ]
  const broken: Array<string> = []
  for (const name of ["README.md", ...pages.map((page) => `docs/${page}`)]) {
    for (const [, link = ""] of readFileSync(join(root, name), "utf8").matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(link)) continue
      const [path = "", anchor] = link.split("#")
      const target = path === "" ? name : normalize(join(dirname(name), path))
      const leads =
        shipped.includes(target) &&
        (anchor === undefined || headings(readFileSync(join(root, target), "utf8")).includes(anchor))
      if (!leads) broken.push(`${name}: ${link}`)
    }
  }
  expect(broken).toEqual([])
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

describe("without its seed or policy an example of the README does not compile, by the message that the README quotes", () => {
  const cases = [
    { door: "without Effect", place: 0, given: /seed: 42, /, quote: /`(This pipeline draws [^`]+)`/ },
    {
      door: "through Effect",
      place: 1,
      given: / {2}Effect\.provide\(SeedPolicy\..*\n/,
      quote: /`(Type 'SeedPolicy' [^`]+)`/
    }
  ]
  for (const { door, given, place, quote } of cases) {
    test.skipIf(runtime.name !== "bun")(
      door,
      () => {
        const quoted = quote.exec(readFileSync(join(root, "README.md"), "utf8"))?.[1]
        const example = all[place]?.code ?? ""
        const forgetful = example.replace(given, "")
        expect(forgetful).not.toBe(example)
        const project = join(folder, `forgetful-${place}`)
        mkdirSync(project)
        writeFileSync(join(project, "forgetful.ts"), `${forgetful}\n\nexport {}\n`)
        const compilerOptions = { noUnusedLocals: false }
        writeFileSync(
          join(project, "tsconfig.json"),
          JSON.stringify({ extends: "../../../../tsconfig.json", compilerOptions, include: ["./*.ts"] })
        )
        const tsc = join(root, "node_modules", ".bin", "tsc")
        const { status, stdout } = spawnSync(tsc, ["-p", project], { cwd: project, encoding: "utf8" })
        expect(status).not.toBe(0)
        expect(stdout).toContain(quoted ?? "the README quotes no message")
        expect(stdout.match(/error TS/g)).toHaveLength(1)
      },
      60_000
    )
  }
})

describe("runs, and what it asserts holds", () => {
  const { assert, log } = console
  const { random } = Math
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
        // An example closes what it opens: while a run is open, the globals are governed.
        expect(Math.random).toBe(random)
      },
      30_000
    )
  })
})
