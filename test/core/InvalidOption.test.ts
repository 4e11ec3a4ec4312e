import { describe, expect, test } from "bun:test"
import { Effect, Exit } from "effect"
import { finite, whole } from "../../src/core/Check.ts"
import { checked, InvalidOption } from "../../src/core/InvalidOption.ts"

const shown = (value: unknown): string =>
  new InvalidOption({ option: "x", value, expected: "y" }).message.replace("x must be y, got ", "")

test("names the option, what it takes and the value", () => {
  const error = new InvalidOption({ option: "batch size", value: 2.5, expected: "a whole number" })
  expect(error._tag).toBe("InvalidOption")
  expect(error.message).toBe("batch size must be a whole number, got 2.5")
  expect(String(error)).toContain("batch size must be a whole number, got 2.5")
  const [first, second] = error.stack?.split("\n") ?? []
  expect(first).toBe("InvalidOption: batch size must be a whole number, got 2.5")
  expect(second).toContain("InvalidOption.test.ts")
})

describe("shows", () => {
  class Point {
    readonly x = 1
  }
  const cycle: Array<unknown> = []
  cycle.push(cycle)
  const cases: ReadonlyArray<readonly [string, unknown]> = [
    ["NaN", Number.NaN],
    ["-Infinity", Number.NEGATIVE_INFINITY],
    ["undefined", undefined],
    ["null", null],
    ["true", true],
    ['"2"', "2"],
    ['"a \\"b\\"\\n"', 'a "b"\n'],
    ["12n", 12n],
    ["a function", () => 1],
    ["Symbol(crop)", Symbol("crop")],
    ["[1,NaN,Infinity,3n]", [1, Number.NaN, Number.POSITIVE_INFINITY, 3n]],
    ['{"min":NaN,"max":{"a":undefined}}', { min: Number.NaN, max: { a: undefined } }],
    ["an object of Uint8Array", new Uint8Array(3)],
    ["an object of Date", new Date(0)],
    ["an object of Point", new Point()],
    ['{"a":1}', Object.assign(Object.create(null), { a: 1 })],
    ["[[[[…]]]]", cycle]
  ]
  test.each(cases)("%s", (text, value) => {
    expect(shown(value)).toBe(text)
  })

  test("a long value by its beginning", () => {
    const text = shown(Array.from({ length: 100_000 }, (_, index) => index))
    expect(text).toMatch(/^\[0,1,2,.*…$/)
    expect(text).toHaveLength(121)
    expect(shown("a".repeat(1_000_000))).toBe(`"${"a".repeat(119)}…`)
    expect(shown({ image: { data: Array(1e6).fill(0) } })).toHaveLength(121)
  })
})

describe("whole", () => {
  test.each([0, 1, 7, Number.MAX_SAFE_INTEGER])("gives %s back", (value) => {
    expect(whole("count", value, 0)).toBe(value)
  })

  test("takes both ends of its range", () => {
    expect(whole("count", 2, 2, 5)).toBe(2)
    expect(whole("count", 5, 2, 5)).toBe(5)
    expect(() => whole("count", 1, 2, 5)).toThrow("count must be a whole number from 2 to 5, got 1")
    expect(() => whole("count", 6, 2, 5)).toThrow("count must be a whole number from 2 to 5, got 6")
  })

  test.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])("refuses %s", (value) => {
    expect(() => whole("count", value, 0)).toThrow(InvalidOption)
    expect(() => whole("count", value, 0)).toThrow(`count must be a whole number of at least 0, got ${value}`)
  })

  test("refuses what is no number, from code without types", () => {
    for (const value of ["3", 3n, null, undefined, [3]]) {
      // The cast stands in for a caller that TypeScript does not see.
      expect(() => whole("count", value as unknown as number, 0)).toThrow(InvalidOption)
    }
  })
})

describe("finite", () => {
  test("takes both ends of its range", () => {
    expect(finite("p", 0, 0, 1)).toBe(0)
    expect(finite("p", 1, 0, 1)).toBe(1)
    expect(finite("scale", -1e308)).toBe(-1e308)
  })

  test("says what it takes", () => {
    expect(() => finite("p", 1.01, 0, 1)).toThrow("p must be a number from 0 to 1, got 1.01")
    expect(() => finite("std", -1, 0)).toThrow("std must be a finite number of at least 0, got -1")
    expect(() => finite("gain", 3, -Infinity, 2)).toThrow("gain must be a finite number of at most 2, got 3")
    expect(() => finite("scale", Number.NaN)).toThrow("scale must be a finite number, got NaN")
  })

  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])("refuses %s", (value) => {
    expect(() => finite("scale", value)).toThrow(InvalidOption)
    expect(() => finite("scale", value, 0, 1)).toThrow(InvalidOption)
    expect(() => finite("scale", value, 0)).toThrow(InvalidOption)
  })
})

describe("checked", () => {
  test("succeeds with the check's value", () => {
    expect(Effect.runSync(checked(() => whole("count", 3, 1)))).toBe(3)
  })

  test("fails with what it threw", () => {
    const error = Effect.runSync(Effect.flip(checked(() => whole("count", 0, 1))))
    expect(error).toBeInstanceOf(InvalidOption)
    expect(error.value).toBe(0)
  })

  test("leaves other throws the defects that they are", () => {
    const exit = Effect.runSyncExit(
      checked(() => {
        throw new TypeError("a bug")
      })
    )
    expect(Exit.isFailure(exit) && exit.cause._tag === "Die" && exit.cause.defect).toBeInstanceOf(TypeError)
  })

  test("runs the check anew each time it is run", () => {
    let value = 0
    const effect = checked(() => whole("count", value, 1))
    expect(Exit.isFailure(Effect.runSyncExit(effect))).toBe(true)
    value = 1
    expect(Effect.runSync(effect)).toBe(1)
  })
})
