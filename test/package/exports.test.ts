import { describe, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { exportsOf, generated, modules, root } from "./exports.ts"

describe("what follows from the list of modules in src/index.ts is up to date, else run `bun run build:exports`:", () => {
  for (const [file, text] of Object.entries(generated())) {
    test(file, () => {
      expect(readFileSync(join(root, file), "utf8").split("\n")).toEqual(text.split("\n"))
    })
  }
})

test("the reader finds what the modules themselves hold", async () => {
  expect(modules.length).toBeGreaterThan(20)
  for (const { file, name } of modules) {
    const module: object = await import(`../../src/${file}.ts`)
    const listed = exportsOf(`${file}.ts`).map((one) => one.name)
    const doors = file === "index" ? modules.map((one) => one.name.slice("furrow/".length)) : []
    const values = Object.keys(module).filter((key) => !doors.includes(key))
    expect({ name, missing: values.filter((key) => !listed.includes(key)) }).toEqual({ name, missing: [] })
    expect({ name, twice: listed.filter((key, at) => listed.indexOf(key) !== at) }).toEqual({ name, twice: [] })
  }
})

test("each public name is in one category, and says since when it is there", () => {
  const once = (docs: string, tag: string): boolean => docs.split(tag).length === 2
  const wrong = modules.flatMap(({ file, name }) =>
    exportsOf(`${file}.ts`)
      .filter(({ docs }) => !once(docs, "@category ") || !once(docs, "@since "))
      .map((one) => `${name} ${one.name} (${one.file})`)
  )
  expect(wrong).toEqual([])
})
