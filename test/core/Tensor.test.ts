import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { InvalidOption } from "../../src/core/InvalidOption.ts"
import { type DType, dtypeOf, isTypedArray, make, Tensor, type TypedArray } from "../../src/core/Tensor.ts"

const kinds: ReadonlyArray<readonly [DType, TypedArray]> = [
  ["int8", new Int8Array(6)],
  ["uint8", new Uint8Array(6)],
  ["uint8", new Uint8ClampedArray(6)],
  ["int16", new Int16Array(6)],
  ["uint16", new Uint16Array(6)],
  ["int32", new Int32Array(6)],
  ["uint32", new Uint32Array(6)],
  ["float32", new Float32Array(6)],
  ["float64", new Float64Array(6)],
  ["int64", new BigInt64Array(6)],
  ["uint64", new BigUint64Array(6)]
]

describe.each(kinds)("%s", (dtype, data) => {
  test(`is the element type of ${data.constructor.name}`, () => {
    expect(isTypedArray(data)).toBe(true)
    expect(dtypeOf(data)).toBe(dtype)
    expect(make(data, [2, 3]).dtype).toBe(dtype)
    expect(String(make(data, [2, 3]))).toBe(`Tensor(${dtype} [2, 3])`)
  })
})

test("what is no typed array", () => {
  // Both runtimes have it, and no column can hold it; TypeScript's own library does not know it everywhere.
  const half: unknown = Reflect.construct(Reflect.get(globalThis, "Float16Array"), [2])
  expect(ArrayBuffer.isView(half)).toBe(true)
  expect(isTypedArray(half)).toBe(false)
  for (const value of [new DataView(new ArrayBuffer(8)), new ArrayBuffer(8), [1, 2], "ab", null, undefined, 7, {}]) {
    expect(isTypedArray(value)).toBe(false)
  }
})

describe("make", () => {
  test("keeps the data, without a copy", () => {
    const data = new Uint8Array(6)
    const tensor = make(data, [1, 2, 3])
    expect(tensor).toBeInstanceOf(Tensor)
    expect(tensor.data).toBe(data)
    expect(tensor.shape).toEqual([1, 2, 3])
  })

  test("takes scalars, and axes of 0", () => {
    expect(make(new Float32Array(1), []).shape).toEqual([])
    expect(make(new Float32Array(0), [0, 28, 28]).shape).toEqual([0, 28, 28])
  })

  test("takes a shape exactly when it multiplies out to the data's length", () => {
    const shapes = fc.array(fc.nat(4), { maxLength: 4 })
    fc.assert(
      fc.property(shapes, fc.nat(64), (shape, length) => {
        const fits = shape.reduce((product, axis) => product * axis, 1) === length
        const data = new Int16Array(length)
        if (fits) expect(make(data, shape).data).toBe(data)
        else expect(() => make(data, shape)).toThrow(InvalidOption)
      }),
      {
        examples: [
          [[2, 3], 6],
          [[], 1],
          [[4, 4, 4], 64],
          [[0], 0]
        ]
      }
    )
  })

  test.each([
    ["shape must be axes that multiply to the data's length, 6 (they multiply to 4), got [2,2]", [2, 2]],
    ["shape must be axes that multiply to the data's length, 6 (they multiply to 1), got []", []],
    ["shape must be whole numbers of at least 0, got [-2,-3]", [-2, -3]],
    ["shape must be whole numbers of at least 0, got [1.5,4]", [1.5, 4]],
    ["shape must be whole numbers of at least 0, got [NaN]", [Number.NaN]],
    ["shape must be whole numbers of at least 0, got [Infinity,0]", [Number.POSITIVE_INFINITY, 0]]
  ])("%s", (message, shape) => {
    expect(() => make(new Uint8Array(6), shape)).toThrow(message)
  })
})
