import { expect, test } from "bun:test"
import { python } from "./Python.ts"

test("a rival that lacks a module is absent, and says how it is installed", () => {
  const rival = python("rival", "turns.py", ["a_module_that_nobody_has"], [])
  expect(rival).toMatchObject({ name: "rival" })
  expect("absent" in rival ? rival.absent : "").toMatch(/python3.*; on Debian: apt-get install python3-torch/)
})
