import { afterAll, beforeEach, expect, test } from "bun:test"
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { rooms, writeRooms } from "./rooms.ts"

const tests = fileURLToPath(new URL("..", import.meta.url))
const folder = mkdtempSync(join(tmpdir(), "furrow-rooms-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let begun = 0
beforeEach(() => {
  begun++
})

test("each test file is in one room, and is imported by one file", () => {
  const files = globSync("**/*.test.ts", { cwd: tests }).toSorted()
  expect(files.length).toBeGreaterThan(150)
  expect([...rooms(tests).values()].flat().toSorted()).toEqual(files)
  const lines = [...writeRooms(tests, folder).values()].flatMap(
    (path) => readFileSync(path, "utf8").match(/import\("[^"]+"\)/g) ?? []
  )
  const imported = lines.map((line) => fileURLToPath(line.slice('import("'.length, -'")'.length)))
  expect(imported.toSorted()).toEqual(files.map((file) => join(tests, file)).toSorted())
})

test("hooks outside of groups are those of their own file", () => {
  // Other files of this room run before or after, and have hooks of their own.
  expect(begun).toBe(2)
})
