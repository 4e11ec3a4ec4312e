import { describe, expect, test } from "bun:test"
import { arrays, type DType } from "../../src/core/DType.ts"
import { InvalidOption } from "../../src/core/InvalidOption.ts"
import { arena, use } from "../../src/wasm/Kernels.ts"
import { resident } from "../../src/wasm/Resident.ts"

const dtypes = Object.keys(arrays) as ReadonlyArray<DType> // it has one entry for each

describe("resident", () => {
  test.each(dtypes)("%s: zeros of that type, where kernels can read them", (dtype) => {
    const tensor = resident(dtype, [3, 5])
    expect(tensor.dtype).toBe(dtype)
    expect(tensor.shape).toEqual([3, 5])
    expect(Array.from(tensor.data, Number)).toEqual(new Array(15).fill(0))
    expect(arena()?.addressOf(tensor.data)).toBeDefined()
    tensor.data.fill((dtype === "int64" || dtype === "uint64" ? 1n : 1) as never) // the array's own kind of number
    const next = resident(dtype, [3, 5])
    expect(Array.from(next.data, Number)).toEqual(new Array(15).fill(0))
    expect(Array.from(tensor.data, Number)).toEqual(new Array(15).fill(1))
  })

  test("takes scalars, and axes of 0", () => {
    expect(resident("float32", []).data).toHaveLength(1)
    expect(resident("uint8", [0, 28]).data).toHaveLength(0)
  })

  test.each([[-1], [1.5], [NaN], [2 ** 53]])("refuses an axis of %p", (axis) => {
    expect(() => resident("uint8", [2, axis])).toThrow(InvalidOption)
  })

  test("refuses an element type that is none", () => {
    expect(() => resident("toString" as DType, [1])).toThrow("dtype must be one of int8")
  })

  test("holds data without kernels, too", () => {
    use(false)
    const { data } = resident("uint8", [4])
    use(true)
    expect(Array.from(data)).toEqual([0, 0, 0, 0])
  })
})
