/** The code of a module is that of its text and of what it imports, as far as the text says that. */
import { afterAll, expect, test } from "bun:test"
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { codeOf, loadedCode } from "../../../../src/scheduler/backends/remote/ModuleCode.ts"

const folder = mkdtempSync(join(realpathSync(tmpdir()), "furrow-code-"))
afterAll(() => rmSync(folder, { recursive: true }))
const write = (name: string, text: string): void => writeFileSync(join(folder, name), text)
const url = pathToFileURL(join(folder, "module.ts")).href
const code = (text: string) => {
  write("module.ts", text)
  return codeOf(url)
}

test("files that are imported by relative paths are part of the code, whatever they leave out of their names", () => {
  write("deep.ts", "export const a = 1\n")
  write("part.ts", 'export * from "./deep"\nimport "./module.ts"\n')
  const text = 'import { a } from "./part.js"\nimport "effect"\n'
  const first = code(text)
  expect(first).toEqual({ hash: expect.any(String), isWhole: true })
  expect(code(text)).toEqual(first)
  expect(code(`${text} `)?.hash).not.toBe(first?.hash)
  write("deep.ts", "export const a = 2\n")
  expect(code(text)?.hash).not.toBe(first?.hash)
})

test("what the text does not say is left out, and the rest is compared", () => {
  const unsaid = [
    'import "./none.ts"',
    'import "#mapped"',
    'import "@/mapped"',
    "await import(name)",
    "// what we import (lazily) are tables",
    '// import { old } from "./gone.ts"'
  ]
  for (const own of unsaid) {
    const one = code(`${own}\nexport const factor = 1\n`)
    const other = code(`${own}\nexport const factor = 2\n`)
    expect(one?.isWhole).toBe(false)
    expect(other?.hash).not.toBe(one?.hash)
  }
})

test("a module that is no file has no code that could be compared", () => {
  expect(codeOf("https://localhost/x.ts")).toBeUndefined()
  expect(codeOf(new URL("none.ts", url).href)).toBeUndefined()
})

test("the code that is loaded is the first that is asked for", () => {
  const now = code("export const factor = 1\n")
  expect(loadedCode(url)).toEqual(now)
  expect(code("export const factor = 2\n")).not.toEqual(now)
  expect(loadedCode(url)).toEqual(now)
})
