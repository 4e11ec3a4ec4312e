/** That each mutant still is a fault of the sources as they are. */
import { expect, test } from "bun:test"
import { existsSync, readFileSync } from "node:fs"
import { mutants } from "./Faults.ts"

const root = new URL("../../", import.meta.url)

test("each mutant's text stands once in its file, and is changed", () => {
  const strays = mutants.filter(({ file, from, to }) => {
    const source = readFileSync(new URL(`src/${file}`, root), "utf8")
    return source.split(from).length !== 2 || from === to
  })
  expect(strays.map(({ file, name }) => `${file}: ${name}`)).toEqual([])
})

test("there are at least 30, each with a name of its own; the tests that they name are there", () => {
  expect(mutants.length).toBeGreaterThanOrEqual(30)
  expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length)
  const missing = mutants.filter(({ test }) => test !== undefined && !existsSync(new URL(test, root)))
  expect(missing.map(({ test }) => test)).toEqual([])
})
