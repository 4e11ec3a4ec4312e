/** The code of a module is that of its text and of what it imports, as far as the text says that. */
import { afterAll, expect, test } from "bun:test"
import { mkdtempSync, realpathSync, rmSync, truncateSync, utimesSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { codeOf, differingFile, loadedCode } from "../../../../src/scheduler/backends/remote/ModuleCode.ts"

const folder = mkdtempSync(join(realpathSync(tmpdir()), "furrow-code-"))
afterAll(() => rmSync(folder, { recursive: true }))
const write = (name: string, text: string): void => writeFileSync(join(folder, name), text)
const at = (name: string): string => pathToFileURL(join(folder, name)).href
const url = at("module.ts")
const code = (text: string) => {
  write("module.ts", text)
  return codeOf(url)
}

test("files that are imported by relative paths are part of the code, whatever they leave out of their names", () => {
  write("deep.ts", "export const a = 1\n")
  write("part.ts", 'export * from "./deep"\nimport "./module.ts"\n')
  const text = 'import { a } from "./part.js"\nimport "effect"\n'
  const first = code(text)
  expect(first?.hash).toMatch(/^[0-9a-f]{16}( [0-9a-f]{16}){2}$/)
  expect(first).toMatchObject({ isWhole: true, files: [url, at("part.ts"), at("deep.ts")] })
  expect(code(text)?.hash).toBe(first?.hash as string)
  expect(code(`${text} `)?.hash).not.toBe(first?.hash)
  write("deep.ts", "export const a = 2\n")
  expect(code(text)?.hash).not.toBe(first?.hash)
})

test("the first file that differs is named", () => {
  const writeAll = (factor: number): void => {
    write("first.ts", 'import "./second.ts"\n')
    write("second.ts", `export const factor = ${factor}\n`)
    write("third.ts", 'import "./second.ts"\n')
  }
  writeAll(1)
  const one = code('import "./first.ts"\nimport "./third.ts"\n')
  writeAll(2)
  const other = codeOf(url)
  if (one === undefined || other === undefined) throw new Error("the module is there")
  expect(differingFile(one, other.hash)).toBe(at("second.ts"))
  expect(differingFile(one, other.hash.slice(0, 16))).toBe(at("first.ts"))
  expect(differingFile(one, `${other.hash.slice(0, 16)}x`)).toBe(url)
  expect(differingFile(one, 3 as never)).toBe(url) // what another program may send
})

test("ends of lines and a byte order mark are no other code", () => {
  const plain = code("const a = 1\nexport const b = a\n")
  expect(code("\uFEFFconst a = 1\r\nexport const b = a\r\n")?.hash).toBe(plain?.hash)
})

test("files that a text only names are not read, and of large ones the size is compared", () => {
  write("data.bin", "1")
  write("rows.json", "[]")
  const text = '// from "./data.bin"\nconst sql = "select * from \'./rows.json\'"\n'
  expect(code(text)).toMatchObject({ isWhole: true, files: [url] })
  const large = 'import rows from "./rows.json" with { type: "json" }\n'
  expect(code(large)).toMatchObject({ isWhole: true, files: [url, at("rows.json")] })
  truncateSync(join(folder, "rows.json"), 2 ** 33)
  const one = code(large)
  expect(one).toMatchObject({ isWhole: false, files: [url, at("rows.json")] })
  truncateSync(join(folder, "rows.json"), 2 ** 33 + 1)
  expect(code(large)?.hash.split(" ")[1]).not.toBe(one?.hash.split(" ")[1])
  expect(code(`${large}//`)?.hash).not.toBe(one?.hash)
})

test("a file is as new as its change or as its being put there, whatever time it was given", () => {
  write("old.ts", "export const a = 1\n")
  code('import "./old.ts"\n')
  const past = new Date(0)
  utimesSync(join(folder, "module.ts"), past, past)
  utimesSync(join(folder, "old.ts"), new Date(2 ** 42), new Date(2 ** 42))
  expect(codeOf(url)?.newest).toEqual({ file: at("old.ts"), at: 2 ** 42 })
  utimesSync(join(folder, "old.ts"), past, past)
  // Deno gives whole seconds of when it was put there.
  expect(codeOf(url)?.newest.at).toBeGreaterThan(Date.now() - 60_000)
})

test("what the text does not say is left out, and the rest is compared", () => {
  const unsaid = [
    'import "./none.ts"',
    'import "#mapped"',
    'import "@/mapped"',
    "await import(name)",
    'import "./data.bin"'
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
  expect(code("export const factor = 2\n")?.hash).not.toBe(now?.hash)
  expect(loadedCode(url)).toEqual(now)
})
