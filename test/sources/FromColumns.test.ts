import { describe, expect, test } from "bun:test"
import { Effect } from "effect"
import { InvalidOption } from "../../src/core/InvalidOption.ts"
import * as Tensor from "../../src/core/Tensor.ts"
import * as Dataset from "../../src/sources/Dataset.ts"

const pixels = Uint8Array.from({ length: 24 }, (_, index) => index)

test("a row takes one of each column", () => {
  const rows = Dataset.fromColumns({
    image: Tensor.make(pixels, [4, 2, 3]),
    vector: { data: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8), shape: [4, 2] },
    label: Int16Array.of(5, -6, 7, 8),
    id: BigInt64Array.of(1n, 2n, 3n, 4n),
    name: ["one", "two", "three", "four"]
  })
  expect(rows.size).toBe(4)
  const [last, second] = Effect.runSync(rows.getMany([3, 1]))
  expect(last).toEqual({
    image: new Tensor.Tensor(Uint8Array.of(18, 19, 20, 21, 22, 23), [2, 3]),
    vector: new Tensor.Tensor(Float32Array.of(7, 8), [2]),
    label: 8,
    id: 4n,
    name: "four"
  })
  expect(second?.label).toBe(-6)
})

test("types follow the columns", () => {
  const rows = Dataset.fromColumns({
    image: Tensor.make(pixels, [4, 6]),
    label: new Uint8Array(4),
    id: ["a", "b", "c", "d"]
  })
  const row = Effect.runSync(rows.get(0))
  const image: Tensor.Tensor<Uint8Array> = row.image
  const label: number = row.label
  const id: string = row.id
  // @ts-expect-error a label is no string
  const wrong: string = row.label
  const found: Array<unknown> = [image.shape, label, id, wrong]
  expect(found).toEqual([[6], 0, "a", 0])
})

test("tensors are views of the column, not copies", () => {
  const data = new Float32Array(6)
  const row = Effect.runSync(Dataset.fromColumns({ x: { data, shape: [3, 2] } }).get(1))
  data[3] = 7
  expect(Array.from(row.x.data)).toEqual([0, 7])
  expect(row.x.data.buffer).toBe(data.buffer)
})

test("a column may itself be a view, and rows may be empty", () => {
  const rows = Dataset.fromColumns({ x: { data: pixels.subarray(4, 10), shape: [3, 2] } })
  expect(Array.from(Effect.runSync(rows.get(2)).x.data)).toEqual([8, 9])
  const flat = Dataset.fromColumns({ x: { data: new Uint8Array(0), shape: [3, 0] } })
  expect(Effect.runSync(flat.get(2)).x).toEqual(new Tensor.Tensor(new Uint8Array(0), [0]))
  expect(Dataset.fromColumns({ x: new Uint8Array(0) }).size).toBe(0)
})

test("arrays are copied, so that the columns stay of one length", () => {
  const name = ["a", "b"]
  const rows = Dataset.fromColumns({ name, label: new Uint8Array(2) })
  name.pop()
  expect(Effect.runSync(rows.get(1)).name).toBe("b")
})

describe("refused", () => {
  test("columns of two lengths, naming both", () => {
    const image = Tensor.make(pixels, [4, 6])
    expect(() => Dataset.fromColumns({ image, label: new Uint8Array(5) })).toThrow(
      'length of column "label" must be 4, the length of column "image": a sample takes one row of each, got 5'
    )
    expect(() => Dataset.fromColumns({ a: ["x"], image })).toThrow(InvalidOption)
  })

  test("no columns", () => {
    expect(() => Dataset.fromColumns({})).toThrow("columns must be at least one column")
  })

  test("a shape that does not fit its data", () => {
    expect(() => Dataset.fromColumns({ x: { data: pixels, shape: [5, 5] } })).toThrow(InvalidOption)
    expect(() => Dataset.fromColumns({ x: { data: pixels, shape: [-4, -6] } })).toThrow(InvalidOption)
  })

  test("a tensor of rank 1 or 0, with the way out", () => {
    expect(() => Dataset.fromColumns({ label: Tensor.make(pixels, [24]) })).toThrow("give the typed array itself")
    expect(() => Dataset.fromColumns({ label: Tensor.make(new Uint8Array(1), []) })).toThrow(InvalidOption)
  })

  test("what is no column", () => {
    // @ts-expect-error a number is no column
    expect(() => Dataset.fromColumns({ x: 5 })).toThrow('column "x" must be a tensor, a typed array or an array, got 5')
    // @ts-expect-error nor is null
    expect(() => Dataset.fromColumns({ x: null })).toThrow(InvalidOption)
  })
})

test("columns by names that objects have from birth are fields of the samples", () => {
  const names = ["__proto__", "constructor", "hasOwnProperty", "toString"]
  const columns = Object.fromEntries(names.map((name, at) => [name, Float32Array.of(at, at + 10)]))
  const sample = Effect.runSync(Dataset.fromColumns(columns).get(1))
  expect(Object.entries(sample)).toEqual(names.map((name, at) => [name, at + 10]))
  expect(Object.getPrototypeOf(sample)).toBe(Object.prototype)
})
