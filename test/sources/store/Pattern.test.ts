import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { braced, patternOf } from "../../../src/sources/store/Pattern.ts"

describe("braces", () => {
  test.each([
    ["a", ["a"]],
    ["{a,b}", ["a", "b"]],
    ["x{a,b}y{1..3}", ["xay1", "xay2", "xay3", "xby1", "xby2", "xby3"]],
    ["{00008..00011}.tar", ["00008.tar", "00009.tar", "00010.tar", "00011.tar"]],
    ["{08..100}", Array.from({ length: 93 }, (_, place) => String(place + 8).padStart(3, "0"))],
    ["{3..1}", ["3", "2", "1"]],
    ["{-1..1}", ["-1", "0", "1"]],
    ["{a,{1..2}}", ["a", "1", "2"]],
    ["{a}", ["{a}"]],
    ["{}", ["{}"]],
    ["{a,b", ["{a,b"]],
    ["\\{a,b}", ["\\{a,b}"]],
    ["{a,}b", ["ab", "b"]],
    ["{1..2}{", ["1{", "2{"]]
  ])("%s", (text, expected) => {
    expect(braced(text)).toEqual(expected)
  })

  test("ten million names are the most, checked before they are made", () => {
    expect(() => braced("{1..99999999999}")).toThrow("a location must be at most 10000000 names in braces")
    expect(() => braced("{1..5000}{1..5000}")).toThrow("at most 10000000")
  })
})

const matching = (text: string, name: string): boolean => {
  const own = patternOf(text)
  return typeof own === "string" ? own === name : own.matches(name)
}

describe("wildcards", () => {
  test.each([
    ["data/*.jsonl", "data/a.jsonl", true],
    ["data/*.jsonl", "data/.a.jsonl", false],
    ["data/.*.jsonl", "data/.a.jsonl", true],
    ["data/*.jsonl", "data/x/a.jsonl", false],
    ["data/**/*.jsonl", "data/a.jsonl", true],
    ["data/**/*.jsonl", "data/x/y/a.jsonl", true],
    ["data/**/*.jsonl", "data/.x/a.jsonl", false],
    ["data/**", "data/x/a", true],
    ["part-?.csv", "part-1.csv", true],
    ["part-?.csv", "part-12.csv", false],
    ["part-[0-3].csv", "part-3.csv", true],
    ["part-[!0-3].csv", "part-3.csv", false],
    ["part-[^0-3].csv", "part-4.csv", true],
    ["[]]", "]", true],
    ["a[", "a[", true],
    ["a[z-a]*", "a[z-a]x", true],
    ["a+b(c).*", "a+b(c).d", true],
    ["a\\*", "a*", true],
    ["a\\*", "ab", false],
    ["*\\?", "x?", true],
    ["s3://bucket/*/x", "s3://bucket/é/x", true],
    ["🎈?", "🎈🎈", true]
  ])("%s and %s: %p", (text, name, expected) => {
    expect(matching(text, name)).toBe(expected)
  })

  test("the folder is what stands before the first wildcard's name; the depth what lies below", () => {
    expect(patternOf("s3://b/x/a*/y")).toMatchObject({ folder: "s3://b/x/", depth: 2 })
    expect(patternOf("*.csv")).toMatchObject({ folder: "", depth: 1 })
    expect(patternOf("a/**")).toMatchObject({ folder: "a/", depth: Number.POSITIVE_INFINITY })
  })

  test("any text is a pattern, or a name that stands for itself", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."a[]!^-*?\\/.{}z🎈") }), (text) => {
        const escaped = text.replace(/[*?[\\]/g, "\\$&")
        expect(matching(escaped, text)).toBe(true)
        expect(typeof matching(text, "a")).toBe("boolean")
      })
    )
  })
})
