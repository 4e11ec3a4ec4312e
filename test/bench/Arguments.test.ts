import { describe, expect, test } from "bun:test"
import { read } from "./Arguments.ts"

const KEYS = ["loader/loop", "loader/kernel", "workers 1 fibers", "workers 2 fibers", "fibers io", "fibers io/bare"]

describe("the command line", () => {
  test("asks for everything by default", () => {
    expect(read([], KEYS)).toEqual({ json: false, html: undefined, only: [], rounds: 7 })
  })

  test("takes values in both ways", () => {
    const own = { json: true, html: "a.html", only: ["loader/loop", "loader/kernel"], rounds: 9 }
    const apart = ["--json", "--html", "a.html", "--only", "loader/loop,loader/kernel", "--rounds", "9"]
    expect(read(apart, KEYS)).toEqual(own)
    const joined = ["--json", "--html=a.html", "--only=loader/loop", "--only=loader/kernel", "--rounds=9"]
    expect(read(joined, KEYS)).toEqual(own)
  })

  test("takes first words for all keys that begin with them, and a key for itself alone", () => {
    expect(read(["--only", "workers"], KEYS).only).toEqual(["workers 1 fibers", "workers 2 fibers"])
    expect(read(["--only", "fibers io"], KEYS).only).toEqual(["fibers io"])
  })

  test.each([
    [["--only", "loader/lop"], '"loader/lop" is no key; there are\n  loader/loop\n'],
    [["--only", "loader/loop,"], '"" is no key'],
    [["--only"], "--only wants a value"],
    [["--html="], "--html wants a value"],
    [["--fast"], '"--fast" is not an option'],
    [["--json=yes"], '"--json=yes" is not an option'],
    [["--rounds", "4"], 'at least 5, not "4"'],
    [["--rounds", "many"], 'not "many"'],
    [["--rounds", "5.5"], 'not "5.5"']
  ])("refuses %p by name", (args, message) => {
    expect(() => read(args, KEYS)).toThrow(message)
  })
})
