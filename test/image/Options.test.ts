import { describe, expect, test } from "bun:test"
import { InvalidOption } from "../../src/core/InvalidOption.ts"
import * as Image from "../../src/image/Image.ts"

/** As callers without types may give it. */
const untyped = (value: unknown): never => value as never // the tests say what becomes of it

describe("options of a wrong form", () => {
  test.each([
    ["size", () => Image.randomCrop(untyped({})), "undefined"],
    ["size", () => Image.resize({ size: untyped("28") }), '"28"'],
    ["size", () => Image.resize({ size: untyped([2]) }), "[2]"],
    ["size", () => Image.centerCrop({ size: untyped([2, 2, 2]) }), "[2,2,2]"],
    ["padding", () => Image.pad({ padding: untyped(null) }), "null"],
    ["padding", () => Image.pad({ padding: untyped([1]) }), "[1]"],
    ["padding", () => Image.randomCrop({ size: 1, padding: untyped([1, 2, 3]) }), "[1,2,3]"],
    ["fill", () => Image.pad({ padding: 1, fill: untyped("red") }), '"red"'],
    ["mean", () => Image.normalize(untyped({ std: 1 })), "undefined"],
    ["std", () => Image.normalize({ mean: 0, std: [] }), "[]"],
    ["value", () => Image.randomErasing({ value: untyped({}) }), "{}"]
  ])("%s", (option, build, shown) => {
    expect(build).toThrow(InvalidOption)
    expect(build).toThrow(`${option} must be`)
    expect(build).toThrow(`got ${shown}`)
  })
})
