import { describe, expect, test } from "bun:test"
import { Effect, Layer, Stream } from "effect"
import * as fc from "fast-check"
import { InvalidOption } from "../../src/core/InvalidOption.ts"
import { isTypedArray, make, Tensor, type TypedArray } from "../../src/core/Tensor.ts"
import { normalize, randomCrop, randomHorizontalFlip } from "../../src/image/Image.ts"
import { type Batch, CollateError, type DTypes } from "../../src/pipeline/Batch.ts"
import { checkDTypes, collate } from "../../src/pipeline/Collate.ts"
import * as Pipeline from "../../src/pipeline/Pipeline.ts"
import * as Workers from "../../src/scheduler/backends/Workers.ts"
import { StageError } from "../../src/scheduler/build/StageError.ts"
import * as Scheduler from "../../src/scheduler/loader/Scheduler.ts"
import * as SeedPolicy from "../../src/seeding/SeedPolicy.ts"
import * as Dataset from "../../src/sources/Dataset.ts"
import * as Format from "../../src/sources/formats/Formats.ts"
import * as Store from "../../src/sources/store/Store.ts"

/** A column as plain data: element type, shape, numbers. Records and strings stay what they are. */
const plain = (column: unknown): unknown => {
  if (column instanceof Tensor) return [column.dtype, column.shape, Array.from(column.data)]
  if (typeof column !== "object" || column === null || Array.isArray(column)) return column
  return Object.fromEntries(Object.entries(column).map(([name, own]) => [name, plain(own)]))
}

const collated = (samples: ReadonlyArray<unknown>, dtypes?: DTypes): unknown => plain(collate(samples, dtypes))

const refused = (samples: ReadonlyArray<unknown>, dtypes?: DTypes): CollateError => {
  try {
    collate(samples, dtypes)
  } catch (error) {
    if (error instanceof CollateError) return error
    throw error
  }
  throw new Error("the samples made columns")
}

/** The column that is a tensor. */
const tensorOf = (column: unknown): Tensor => {
  if (column instanceof Tensor) return column
  throw new Error("no tensor")
}

describe("the table", () => {
  test("tensors are stacked", () => {
    const rows = [make(Uint8Array.of(1, 2, 3, 4), [2, 2, 1]), make(Uint8Array.of(5, 6, 7, 8), [2, 2, 1])]
    expect(collated(rows)).toEqual(["uint8", [2, 2, 2, 1], [1, 2, 3, 4, 5, 6, 7, 8]])
  })

  test("tensors of rank 0 and of no elements too", () => {
    expect(collated([make(Float32Array.of(1), []), make(Float32Array.of(2), [])])).toEqual(["float32", [2], [1, 2]])
    expect(collated([make(new Int8Array(0), [0, 3]), make(new Int8Array(0), [0, 3])])).toEqual(["int8", [2, 0, 3], []])
  })

  const kinds: ReadonlyArray<readonly [string, TypedArray, TypedArray]> = [
    ["int8", Int8Array.of(-128, 127), Int8Array.of(1, 2)],
    ["uint8", Uint8Array.of(0, 255), Uint8Array.of(1, 2)],
    ["uint8", Uint8ClampedArray.of(0, 255), Uint8ClampedArray.of(1, 2)],
    ["int16", Int16Array.of(-32768, 32767), Int16Array.of(1, 2)],
    ["uint16", Uint16Array.of(0, 65535), Uint16Array.of(1, 2)],
    ["int32", Int32Array.of(-(2 ** 31), 2 ** 31 - 1), Int32Array.of(1, 2)],
    ["uint32", Uint32Array.of(0, 2 ** 32 - 1), Uint32Array.of(1, 2)],
    ["float32", Float32Array.of(0.1, -0), Float32Array.of(Number.NaN, Number.POSITIVE_INFINITY)],
    ["float64", Float64Array.of(0.1, -0), Float64Array.of(Number.NaN, Number.NEGATIVE_INFINITY)],
    ["int64", BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n), BigInt64Array.of(1n, 2n)],
    ["uint64", BigUint64Array.of(0n, 2n ** 64n - 1n), BigUint64Array.of(1n, 2n)]
  ]
  test.each(kinds)("typed arrays of %s are stacked in their own kind", (dtype, first, second) => {
    const made = tensorOf(collate([first, second]))
    expect(made.data.constructor).toBe(first.constructor)
    expect(plain(made)).toEqual([dtype, [2, 2], [...first, ...second]])
  })

  test("typed arrays and tensors of one shape are one kind", () => {
    expect(collated([Uint8Array.of(1), make(Uint8Array.of(2), [1])])).toEqual(["uint8", [2, 1], [1, 2]])
  })

  test("views are read where they begin", () => {
    const all = Int16Array.of(9, 1, 2, 9, 3, 4)
    expect(collated([all.subarray(4, 6), all.subarray(1, 3)])).toEqual(["int16", [2, 2], [3, 4, 1, 2]])
  })

  test("numbers are float64, bit by bit", () => {
    const values = [0.1, -0, Number.NaN, Number.POSITIVE_INFINITY, 5e-324, Number.MAX_SAFE_INTEGER]
    expect(collated(values)).toEqual(["float64", [6], values])
  })

  test("flags are 0 and 1", () => {
    expect(collated([true, false, true])).toEqual(["uint8", [3], [1, 0, 1]])
  })

  test("bigints are int64", () => {
    expect(collated([-(2n ** 63n), 2n ** 63n - 1n])).toEqual(["int64", [2], [-(2n ** 63n), 2n ** 63n - 1n]])
  })

  test("arrays of numbers are rows of float64", () => {
    expect(
      collated([
        [1, 2.5, -0],
        [4, 5, Number.NaN]
      ])
    ).toEqual(["float64", [2, 3], [1, 2.5, -0, 4, 5, Number.NaN]])
    expect(collated([[], []])).toEqual(["float64", [2, 0], []])
  })

  test("strings stay strings, in an array of the batch's own", () => {
    const samples = ["a", "", "ü"]
    const made = collate(samples)
    expect(made).toEqual(["a", "", "ü"])
    expect(made).not.toBe(samples)
  })

  test("records are records of columns, also within records", () => {
    const samples = [0, 1].map((index) => ({
      image: Uint8Array.of(index),
      label: index,
      meta: { path: `${index}.png`, size: [28, 27 + index], flags: { hard: index === 1 } }
    }))
    expect(collated(samples)).toEqual({
      image: ["uint8", [2, 1], [0, 1]],
      label: ["float64", [2], [0, 1]],
      meta: {
        path: ["0.png", "1.png"],
        size: ["float64", [2, 2], [28, 27, 28, 28]],
        flags: { hard: ["uint8", [2], [0, 1]] }
      }
    })
  })

  test("records may name their fields in another order, or have no prototype", () => {
    const bare: object = Object.assign(Object.create(null), { b: 3, a: 4 })
    expect(collated([{ a: 1, b: 2 }, bare])).toEqual({ a: ["float64", [2], [1, 4]], b: ["float64", [2], [2, 3]] })
  })

  test("fields may go by the names of Object's own", () => {
    const sample = { constructor: 1, toString: "a", hasOwnProperty: true }
    expect(Object.keys(Object(collate([sample, sample])))).toEqual(["constructor", "toString", "hasOwnProperty"])
  })

  test("a field that all objects inherit is nobody's own", () => {
    Object.defineProperty(Object.prototype, "b", { value: 9, enumerable: true, configurable: true })
    try {
      expect(refused([Object.assign(Object.create(null), { a: 1, b: 2 }), { a: 3 }]).message).toContain(
        'has no field "b"'
      )
      expect(refused([{ a: 1 }, { a: 2 }]).message).toContain('has a field "b"')
    } finally {
      Reflect.deleteProperty(Object.prototype, "b")
    }
  })

  test("a field is read once, also where rows list their fields in another order", () => {
    let read = 0
    const counting = (names: ReadonlyArray<string>): object => {
      const sample = {}
      for (const name of names) {
        Object.defineProperty(sample, name, { get: () => ++read, enumerable: true, configurable: true })
      }
      return sample
    }
    collate([counting(["a", "b", "c"]), counting(["a", "c", "b"]), counting(["c", "b", "a"])])
    expect(read).toBe(9)
  })

  test("a batch of one", () => {
    expect(collated([{ x: 7 }])).toEqual({ x: ["float64", [1], [7]] })
  })
})

describe("dtypes", () => {
  const fits: ReadonlyArray<readonly [keyof typeof limits, number, number]> = Object.entries({
    int8: [-128, 127],
    uint8: [0, 255],
    int16: [-32768, 32767],
    uint16: [0, 65535],
    int32: [-(2 ** 31), 2 ** 31 - 1],
    uint32: [0, 2 ** 32 - 1]
  }).map(([dtype, [low = 0, high = 0]]) => [dtype as keyof typeof limits, low, high])
  const limits = { int8: 0, uint8: 0, int16: 0, uint16: 0, int32: 0, uint32: 0 }

  test.each(fits)("%s holds whole numbers from %s to %s, and refuses all else", (dtype, low, high) => {
    expect(collated([low, 0, high], { "": dtype })).toEqual([dtype, [3], [low, 0, high]])
    for (const value of [low - 1, high + 1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      expect(refused([1, value], { "": dtype })).toMatchObject({
        column: "",
        row: 1,
        reason: `holds ${value}, which does not fit ${dtype}`
      })
      expect(refused([{ a: 1 }, { a: value }], { a: dtype })).toMatchObject({ column: "a", row: 1 })
      expect(refused([[1], [value]], { "": dtype }).reason).toBe(`holds ${value}, which does not fit ${dtype}`)
    }
  })

  test("tell the first row that does not fit, of the first such column; rows of another form come before", () => {
    const dtypes: DTypes = { a: "uint8", b: "int8" }
    const rows = [
      { a: 1, b: 1 },
      { a: 2, b: 200 },
      { a: 0.5, b: 300 },
      { a: 300, b: 1 }
    ]
    expect(refused(rows, dtypes)).toMatchObject({ column: "a", row: 2, reason: "holds 0.5, which does not fit uint8" })
    expect(refused([...rows, { a: 1 }], dtypes)).toMatchObject({ column: "", row: 4 })
    expect(refused([{ a: 1 }, { a: "2" }, { a: 300 }], { a: "uint8" })).toMatchObject({ column: "a", row: 1 })
  })

  test("float32 rounds, and refuses what would become infinite", () => {
    const values = [0.1, 16777217, Number.NaN, Number.POSITIVE_INFINITY, 1e-50]
    expect(collated(values, { "": "float32" })).toEqual(["float32", [5], values.map(Math.fround)])
    expect(refused([1, -1e39], { "": "float32" }).message).toBe(
      "the samples cannot be batched: row 1 holds -1e+39, which does not fit float32"
    )
    expect(
      collated(
        values.map((a) => ({ a })),
        { a: "float32" }
      )
    ).toEqual({
      a: ["float32", [5], values.map(Math.fround)]
    })
    expect(refused([{ a: 1 }, { a: 2 }, { a: -1e39 }, { a: "b" }], { a: "float32" })).toMatchObject({
      column: "a",
      row: 2,
      reason: "holds -1e+39, which does not fit float32"
    })
  })

  test("float64 is the default by another name", () => {
    expect(collated([0.1, Number.NaN], { "": "float64" })).toEqual(collated([0.1, Number.NaN]))
  })

  test("go by the column's path", () => {
    const samples = [{ label: 3, tokens: [1, 2], meta: { label: 4, x: 0.5 } }]
    expect(collated(samples, { label: "uint8", tokens: "int32", "meta.label": "int16" })).toEqual({
      label: ["uint8", [1], [3]],
      tokens: ["int32", [1, 2], [1, 2]],
      meta: { label: ["int16", [1], [4]], x: ["float64", [1], [0.5]] }
    })
    expect(refused([{ meta: { label: 4.5 } }], { "meta.label": "int16" }).message).toBe(
      'column "meta.label" cannot be batched: row 0 holds 4.5, which does not fit int16'
    )
  })

  test("a column called constructor has no dtype by accident", () => {
    expect(collated([{ constructor: 1 }])).toEqual({ constructor: ["float64", [1], [1]] })
  })

  test.each([
    ["lable", "no column of that name"],
    ["name", "a column of strings"],
    ["image", "a column of typed arrays, which have their own"],
    ["meta", "a record"]
  ])("%s: %s", (name) => {
    const samples = [{ label: 1, name: "a", image: Uint8Array.of(1), meta: { size: 1 } }]
    expect(() => collate(samples, { label: "int32", [name]: "int16" })).toThrow(
      new InvalidOption({
        option: "a name in dtypes",
        value: name,
        expected: "that of a column of numbers: label, meta.size"
      })
    )
  })

  test("of samples that have no column of numbers", () => {
    expect(() => collate([{ name: "a" }], { label: "int32" })).toThrow(
      'a name in dtypes must be left out: the samples have no column of numbers, got "label"'
    )
    expect(() => collate([1, 2], { label: "int32" })).toThrow('a column of numbers: "" (the samples themselves)')
  })

  test("that are none are refused with those there are", () => {
    expect(() => checkDTypes({ a: "int32", b: "float32" })).not.toThrow()
    // From code without types.
    const none: unknown = { label: "int64" }
    expect(() => checkDTypes(none as DTypes)).toThrow(InvalidOption)
    expect(() => checkDTypes(none as DTypes)).toThrow(
      'dtypes.label must be one of int8, uint8, int16, uint16, int32, uint32, float32, float64, got "int64"'
    )
  })
})

describe("fields by names that objects have from birth", () => {
  const names = ["__proto__", "constructor", "toString", "hasOwnProperty", "10", "9", "b", ""]
  const sample = (value: number): object => Object.fromEntries(names.map((name) => [name, value]))

  test("are columns, in the order of the first sample's fields", () => {
    const made = collate(
      [sample(1), sample(2)],
      Object.fromEntries([
        ["__proto__", "int32"],
        ["constructor", "int16"]
      ])
    ) as object
    expect(Object.keys(made)).toEqual(Object.keys(sample(0)))
    expect(Object.getPrototypeOf(made)).toBe(Object.prototype)
    for (const name of names) {
      const own = Object.getOwnPropertyDescriptor(made, name)?.value
      expect(own).toBeInstanceOf(Tensor)
      expect([...own.data]).toEqual([1, 2])
      expect(own.dtype).toBe(name === "__proto__" ? "int32" : name === "constructor" ? "int16" : "float64")
    }
  })

  test("one row that lacks such a field, or has one more, is refused", () => {
    const bare = Object.fromEntries(names.filter((name) => name !== "__proto__").map((name) => [name, 1]))
    expect(refused([sample(1), bare]).message).toContain('has no field "__proto__"')
    expect(refused([bare, sample(1)]).message).toContain('has a field "__proto__"')
    expect(refused([{ a: 1 }, { a: 1, toString: 2 }]).message).toContain('has a field "toString"')
  })

  test("columns within columns", () => {
    const made = collate([{ meta: sample(1) }]) as { readonly meta: object }
    expect(Object.keys(made.meta)).toEqual(Object.keys(sample(0)))
  })
})

describe("rows that differ", () => {
  const form = "bring all samples to one form in a stage before batch"
  const shape = "bring them to one shape in a stage before batch, or use batchWith and a collate that pads"
  const cases: ReadonlyArray<readonly [string, ReadonlyArray<unknown>, string]> = [
    [
      "tensors of unequal shape",
      [make(new Uint8Array(6), [2, 3]), make(new Uint8Array(6), [2, 3]), make(new Uint8Array(6), [3, 2])],
      `the samples cannot be batched: row 2 has shape [3, 2], row 0 has [2, 3]; ${shape}`
    ],
    [
      "tensors of unequal rank",
      [{ image: make(new Uint8Array(6), [6]) }, { image: make(new Uint8Array(6), [6, 1]) }],
      `column "image" cannot be batched: row 1 has shape [6, 1], row 0 has [6]; ${shape}`
    ],
    [
      "typed arrays of unequal length",
      [{ a: { b: new Float32Array(2) } }, { a: { b: new Float32Array(3) } }],
      `column "a.b" cannot be batched: row 1 has shape [3], row 0 has [2]; ${shape}`
    ],
    [
      "lists of unequal length",
      [
        [1, 2],
        [1, 2, 3]
      ],
      `the samples cannot be batched: row 1 has shape [3], row 0 has [2]; ${shape}`
    ],
    [
      "tensors of unequal element type",
      [make(new Uint8Array(2), [2]), make(new Float32Array(2), [2])],
      `the samples cannot be batched: row 1 is Tensor(float32 [2]), row 0 is a Uint8Array; ${form}`
    ],
    [
      "typed arrays of unequal kind",
      [new Uint8Array(2), new Uint8ClampedArray(2)],
      `the samples cannot be batched: row 1 is a Uint8ClampedArray, row 0 is a Uint8Array; ${form}`
    ],
    ["a number among tensors", [new Int8Array(1), 3], `row 1 is a number, row 0 is a tensor; ${form}`],
    ["a list among tensors", [new Int8Array(1), [3]], `row 1 is an array, row 0 is a tensor; ${form}`],
    ["a string among numbers", [1, "2"], `row 1 is a string, row 0 is a number; ${form}`],
    ["a bigint among numbers", [1, 2n], `row 1 is a bigint, row 0 is a number; ${form}`],
    ["a number among bigints", [1n, 2], `row 1 is a number, row 0 is a bigint; ${form}`],
    ["a number among strings", ["a", 2], `row 1 is a number, row 0 is a string; ${form}`],
    ["a number among flags", [true, 1], `row 1 is a number, row 0 is a boolean; ${form}`],
    ["nothing among numbers", [1, undefined], `row 1 is undefined, row 0 is a number; ${form}`],
    ["null among strings", ["a", null], `row 1 is null, row 0 is a string; ${form}`],
    ["a record among lists", [[1], {}], `row 1 is an Object, row 0 is an array; ${form}`],
    ["a list among records", [{ a: 1 }, [1]], `row 1 is an array, row 0 is a record; ${form}`],
    ["a missing field", [{ a: 1, b: 2 }, { a: 1 }], `row 1 has no field "b", row 0 has; ${form}`],
    ["a field too many", [{ a: 1 }, { a: 1, c: 2 }], `row 1 has a field "c", row 0 has not; ${form}`],
    [
      "a missing field within a record",
      [{ m: { a: 1 } }, { m: {} }],
      `column "m" cannot be batched: row 1 has no field "a"`
    ],
    ["a field missing that Object has", [{ toString: 1 }, {}], `row 1 has no field "toString", row 0 has; ${form}`],
    [
      "a field too many that Object has",
      [{ a: 1 }, { a: 1, constructor: 2 }],
      `row 1 has a field "constructor", row 0 has not; ${form}`
    ],
    [
      "a bigint beyond 64 bits",
      [1n, 2n ** 63n],
      "row 1 holds 9223372036854775808n, which does not fit int64; map it, to BigInt.asIntN(64, value) with the same 64 bits"
    ]
  ]
  test.each(cases)("%s", (_, samples, message) => {
    expect(refused(samples).message).toContain(message)
  })
})

describe("values that make no column", () => {
  const out = "map it to numbers, strings, tensors or a record of these, or use batchWith and a collate of your own"
  class Person {
    readonly age = 1
  }
  const cases: ReadonlyArray<readonly [string, unknown]> = [
    ["undefined", undefined],
    ["null", null],
    ["a Date", new Date(0)],
    ["a Map", new Map()],
    ["a Set", new Set([1])],
    ["a function", () => 1],
    ["a symbol", Symbol("a")],
    ["a Promise", Promise.resolve(1)],
    ["a Person", new Person()],
    ["an ArrayBuffer", new ArrayBuffer(4)],
    ["a DataView", new DataView(new ArrayBuffer(4))]
  ]
  test.each(cases)("%s", (kind, value) => {
    expect(refused([value, value])).toMatchObject({ column: "", row: 0, reason: `is ${kind}; ${out}` })
    expect(refused([{ x: { y: value } }]).message).toBe(`column "x.y" cannot be batched: row 0 is ${kind}; ${out}`)
  })

  test("lists of anything but numbers", () => {
    expect(refused([[1], ["a"]]).message).toBe(
      "the samples cannot be batched: row 1 holds a string at place 0, where only arrays of numbers make a column; " +
        out
    )
    expect(refused([[[1]]]).message).toContain("row 0 holds an array at place 0")
    expect(refused([[1, undefined]]).message).toContain("row 0 holds undefined at place 1")
  })
})

describe("adoptable memory", () => {
  const fresh = () => Float32Array.from({ length: 12 }, (_, index) => index)
  const rowsOf = (data: Float32Array) => [0, 1, 2].map((row) => make(data.subarray(4 * row, 4 * row + 4), [2, 2]))

  test("is taken as it is when the rows fill it one behind the other", () => {
    const data = fresh()
    const made = tensorOf(collate(rowsOf(data), {}, data))
    expect(made.data.buffer).toBe(data.buffer)
    expect(plain(made)).toEqual(["float32", [3, 2, 2], Array.from(data)])
  })

  test("a stretch of it is enough", () => {
    const data = fresh()
    const made = tensorOf(collate(rowsOf(data).slice(1), {}, data))
    expect(made.data.buffer).toBe(data.buffer)
    expect(plain(made)).toEqual(["float32", [2, 2, 2], [4, 5, 6, 7, 8, 9, 10, 11]])
  })

  type Floats = Tensor<Float32Array>
  const copied: ReadonlyArray<readonly [string, (rows: ReadonlyArray<Floats>) => ReadonlyArray<Floats | undefined>]> = [
    ["a row is missing", ([first, , third]) => [first, third]],
    ["rows stand in another order", ([first, second, third]) => [second, first, third]],
    ["a row comes twice", ([first, , third]) => [first, first, third]],
    ["a row is from another buffer", ([first, second]) => [first, second, make(Float32Array.of(8, 9, 10, 11), [2, 2])]]
  ]
  test.each(copied)("is copied when %s", (_, choose) => {
    const data = fresh()
    const rows = choose(rowsOf(data))
    const made = tensorOf(collate(rows, {}, data))
    expect(made.data.buffer).not.toBe(data.buffer)
    expect(Array.from(made.data, Number)).toEqual(rows.flatMap((row) => Array.from(row?.data ?? [])))
  })

  test("is copied without leave", () => {
    const data = fresh()
    expect(tensorOf(collate(rowsOf(data))).data.buffer).not.toBe(data.buffer)
    expect(tensorOf(collate(rowsOf(data), {}, new Uint8Array(48))).data.buffer).not.toBe(data.buffer)
  })

  test("rows that lie beside it in its buffer are copied: they are somebody else's", () => {
    const data = fresh()
    const all = rowsOf(data)
    for (const [from, to] of [
      [0, 2],
      [1, 3]
    ] as const) {
      const adoptable = data.subarray(4 * from, 4 * to)
      expect(tensorOf(collate(all, {}, adoptable)).data.buffer).not.toBe(data.buffer)
      expect(tensorOf(collate(all.slice(from, to), {}, adoptable)).data.buffer).toBe(data.buffer)
    }
    // A column of the dataset's in the same memory comes first.
    const made = Object(collate([{ mask: data.subarray(0, 4), image: data.subarray(4, 8) }], {}, data.subarray(4, 8)))
    expect(made.mask.data.buffer).not.toBe(data.buffer)
    expect(made.image.data.buffer).toBe(data.buffer)
  })

  test("serves one column only: another over the same rows is a copy", () => {
    const data = fresh()
    const made = Object(
      collate(
        rowsOf(data).map((row) => ({ first: row, second: row, third: row })),
        {},
        data
      )
    )
    const buffers = [made.first, made.second, made.third].map((column: Tensor) => column.data.buffer)
    expect(buffers[0]).toBe(data.buffer)
    expect(new Set(buffers).size).toBe(3)
    expect(plain(made.second)).toEqual(plain(made.first))
  })

  test("makes the very column that a copy would, whatever the rows", () => {
    const rows = fc.array(fc.nat(9), { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(rows, fc.nat(3), (chosen, width) => {
        const data = Float32Array.from({ length: 10 * width }, (_, index) => index)
        const samples = chosen.map((row) => data.subarray(row * width, (row + 1) * width))
        expect(plain(collate(samples, {}, data))).toEqual(plain(collate(samples)))
      })
    )
  })
})

describe("what a run delivers", () => {
  const side = 4
  const digits = (count: number) => ({
    image: make(
      Uint8Array.from({ length: count * side * side }, (_, index) => (index * 37) % 251),
      [count, side, side, 1]
    ),
    vector: make(
      Float32Array.from({ length: 3 * count }, (_, index) => index / 7),
      [count, 3]
    ),
    label: Uint16Array.from({ length: count }, (_, index) => index)
  })
  type Digit = Dataset.Dataset<{
    readonly image: Tensor<Uint8Array>
    readonly vector: Tensor<Float32Array>
    readonly label: number
  }>
  const layer = Layer.merge(SeedPolicy.epochWorker({ seed: 42 }), Workers.fibers({ workers: 2 }))

  /** Every typed array in some columns. */
  const arrays = (column: unknown): Array<TypedArray> => {
    if (column instanceof Tensor) return [column.data]
    if (isTypedArray(column)) return [column]
    return typeof column === "object" && column !== null ? Object.values(column).flatMap(arrays) : []
  }

  const flip = randomHorizontalFlip()
  const half = normalize({ mean: 0.5, std: 0.5 })
  const most = ({ label }: { readonly label: number }): boolean => label % 5 !== 2
  type Compose = (dataset: Digit, size: number) => Pipeline.Pipeline<Batch<unknown>, never, SeedPolicy.SeedPolicy>
  const pipelines: Readonly<Record<string, Compose>> = {
    "no stage": (dataset, size) => Pipeline.from(dataset).pipe(Pipeline.batch(size)),
    "a map that gives the sample as it is": (dataset, size) =>
      Pipeline.from(dataset).pipe(
        Pipeline.map("same", (sample) => sample),
        Pipeline.batch(size)
      ),
    "one field of the sample": (dataset, size) =>
      Pipeline.from(dataset).pipe(
        Pipeline.map("image", ({ image }) => image),
        Pipeline.batch(size)
      ),
    "image stages": (dataset, size) =>
      Pipeline.from(dataset).pipe(
        Pipeline.augment("crop", randomCrop({ size: side, padding: 1 })),
        Pipeline.augment("flip", flip),
        Pipeline.batch(size)
      ),
    "a flip that never flips": (dataset, size) =>
      Pipeline.from(dataset).pipe(Pipeline.augment("never", randomHorizontalFlip({ p: 0 })), Pipeline.batch(size)),
    "image stages, and the image before and behind them": (dataset, size) =>
      Pipeline.from(dataset).pipe(
        Pipeline.map("keep", (sample) => ({ ...sample, before: sample.image })),
        Pipeline.augment("flip", flip),
        Pipeline.map("again", (sample) => ({ ...sample, again: sample.image })),
        Pipeline.batch(size)
      ),
    "a filter behind image stages": (dataset, size) =>
      Pipeline.from(dataset).pipe(
        Pipeline.augment("flip", flip),
        Pipeline.map("normalize", half),
        Pipeline.filter("most", most),
        Pipeline.batch(size)
      ),
    "a filter before image stages": (dataset, size) =>
      Pipeline.from(dataset).pipe(Pipeline.filter("most", most), Pipeline.augment("flip", flip), Pipeline.batch(size)),
    "an effectful stage": (dataset, size) =>
      Pipeline.from(dataset).pipe(
        Pipeline.mapEffect("same", (sample) => Effect.succeed(sample)),
        Pipeline.batch(size)
      )
  }

  const collected = async (
    pipeline: Pipeline.Pipeline<Batch<unknown>, never, SeedPolicy.SeedPolicy>,
    spoil: boolean
  ) => {
    const seen: Array<unknown> = []
    const buffers: Array<ArrayBufferLike> = []
    let count = 0
    for await (const { columns } of Scheduler.iterate(pipeline, layer, { replay: true, epochs: 1 })) {
      seen.push(plain(columns))
      for (const array of arrays(columns)) {
        count++
        buffers.push(array.buffer)
        if (spoil) array.fill(99 as never) // a number; none of these columns holds bigints
      }
    }
    expect(new Set(buffers).size).toBe(count)
    return seen
  }

  test.each(Object.entries(pipelines))("%s: is the consumer's own, to write to as it likes", async (_, compose) => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 13 }), fc.integer({ min: 1, max: 6 }), async (count, size) => {
        const source = digits(count)
        const before = plain(digits(count))
        const pipeline = compose(Dataset.fromColumns(source), size)
        const first = await collected(pipeline, true)
        expect(plain(source)).toEqual(before)
        expect(Array.from(source.label)).toEqual(Array.from(digits(count).label))
        // Nor did the spoiled batches shine through to those made ahead of them.
        expect(await collected(compose(Dataset.fromColumns(digits(count)), size), false)).toEqual(first)
      }),
      { numRuns: 12 }
    )
  })

  test("the samples of an array dataset are copied too", async () => {
    const rows = [Int32Array.of(1, 2), Int32Array.of(3, 4), Int32Array.of(5, 6)]
    await collected(Pipeline.from(Dataset.fromArray(rows)).pipe(Pipeline.batch(2)), true)
    expect(rows.map((row) => Array.from(row))).toEqual([
      [1, 2],
      [3, 4],
      [5, 6]
    ])
  })

  test("a batch of image stages lies in one buffer of its own size, which nobody copied", async () => {
    const pipeline = Pipeline.from(Dataset.fromColumns(digits(7))).pipe(
      Pipeline.augment("flip", flip),
      Pipeline.batch(3)
    )
    const sizes: Array<number> = []
    for await (const { columns } of Scheduler.iterate(pipeline, layer, { epochs: 1 }))
      sizes.push(columns.image.data.buffer.byteLength)
    expect(sizes).toEqual([3 * 16, 3 * 16, 16])
  })

  test("says where it is from", async () => {
    const pipeline = Pipeline.from(Dataset.range(5)).pipe(
      Pipeline.filter("not 1", (x) => x !== 1),
      Pipeline.batch(2, { dtypes: { "": "uint8" } })
    )
    const batches: Array<unknown> = []
    for await (const batch of Scheduler.iterate(pipeline, Workers.fibers({ workers: 2 }), { epochs: 1 })) {
      batches.push({ ...batch, indices: Array.from(batch.indices), columns: plain(batch.columns) })
    }
    expect(batches).toEqual([
      { epoch: 0, index: 0, rank: 0, worker: 0, size: 1, indices: [0], columns: ["uint8", [1], [0]] },
      { epoch: 0, index: 1, rank: 0, worker: 1, size: 2, indices: [2, 3], columns: ["uint8", [2], [2, 3]] },
      { epoch: 0, index: 2, rank: 0, worker: 0, size: 1, indices: [4], columns: ["uint8", [1], [4]] }
    ])
  })

  test("a record that holds itself is refused with its column", () => {
    const own: Record<string, unknown> = { a: 1 }
    own["self"] = own
    expect(refused([own, own])).toMatchObject({ row: 0, column: expect.stringMatching(/^self\.self\.self/) })
    expect(refused([own]).message).toContain("is nested too deep, or holds itself")
  })

  test("a collate that fails is an error of stage batch, with the CollateError as its cause", async () => {
    const pipeline = Pipeline.from(Dataset.range(6)).pipe(
      Pipeline.map("ragged", (x) => new Float32Array(x)),
      Pipeline.batch(3)
    )
    const error = await Stream.runDrain(Scheduler.stream(pipeline, { epochs: 1 })).pipe(
      Effect.flip,
      Effect.provide(Workers.fibers({ workers: 2 })),
      Effect.runPromise
    )
    expect(error).toBeInstanceOf(StageError)
    expect(error).toMatchObject({ stage: "batch", batch: 0, worker: 0, sample: undefined, position: undefined })
    expect(error).toMatchObject({ cause: { _tag: "CollateError", column: "", row: 1 } })
    expect(error.message).toContain("row 1 has shape [1], row 0 has [0]; bring them to one shape")
  })

  test("a sample that makes no column is named with its shard and its row there", async () => {
    const objects = { "a.jsonl": '{"n":0}\n{"n":1}\n{"n":2}\n', "b.jsonl": '{"n":3}\n{"n":4}\n{"n":null}\n' }
    const dataset = await Dataset.open("memory://*", { format: Format.jsonl<{ n: number }>(), index: false }).pipe(
      Effect.provide(Store.memory(objects)),
      Effect.runPromise
    )
    const pipeline = Pipeline.from(dataset).pipe(
      Pipeline.filter("but one", ({ n }) => n !== 3),
      Pipeline.batch(3)
    )
    const error = await Stream.runDrain(Scheduler.stream(pipeline, { epochs: 1 })).pipe(
      Effect.flip,
      Effect.provide(Workers.fibers({ workers: 1 })),
      Effect.runPromise
    )
    expect(error).toMatchObject({ stage: "batch", batch: 1, sample: undefined, cause: { column: "n", row: 1 } })
    expect(error.message).toContain('column "n" cannot be batched: row 1 is null, row 0 is a number; ')
    expect(error.message).toContain(" (row 1 is sample 5, row 2 of memory://b.jsonl)")
  })

  test("a collate of one's own is given the samples, and gives what it likes", async () => {
    const pipeline = Pipeline.from(Dataset.range(5)).pipe(
      Pipeline.map("words", (x) => "ab".repeat(x)),
      Pipeline.batchWith(
        2,
        (words) => ({ longest: Math.max(...words.map((word) => word.length)), words: words.slice() }),
        {
          dropLast: true
        }
      )
    )
    const seen: Array<unknown> = []
    for await (const { columns } of Scheduler.iterate(pipeline, Workers.fibers({ workers: 2 }), { epochs: 1 }))
      seen.push(columns)
    expect(seen).toEqual([
      { longest: 2, words: ["", "ab"] },
      { longest: 6, words: ["abab", "ababab"] }
    ])
  })
})
