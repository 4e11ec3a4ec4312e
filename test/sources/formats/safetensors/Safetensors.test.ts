/** Safetensors files. */
import { describe, expect, test } from "bun:test"
import { Effect } from "effect"
import { InvalidOption } from "../../../../src/core/InvalidOption.ts"
import { text } from "../../../../src/core/Parameters.ts"
import { Tensor } from "../../../../src/core/Tensor.ts"
import * as Format from "../../../../src/sources/formats/Formats.ts"
import { openShard, reference, refusal, rowsOf, shardOf } from "../../../support/shard.ts"
import { bytesOf, joined } from "../../../support/tar.ts"

/** A file with this header and these bytes behind it. */
const fileOf = (header: string | object, data: Uint8Array, length?: number): Uint8Array => {
  const own = bytesOf(typeof header === "string" ? header : JSON.stringify(header))
  const view = new DataView(new ArrayBuffer(8))
  view.setBigUint64(0, BigInt(length ?? own.length), true)
  return joined([new Uint8Array(view.buffer), own, data])
}

const tensor = (dtype: string, shape: ReadonlyArray<number>, from: number, to: number) => ({
  dtype,
  shape,
  data_offsets: [from, to]
})

describe("the library's own file", () => {
  const model = reference("model.safetensors")

  test("each tensor, by its rows", async () => {
    const i = await rowsOf(Format.safetensors({ columns: ["i"] }), model)
    expect(i.map((row) => row.i)).toEqual([0n, 1n, 2n, 3n, 4n, 5n])
    const w = await rowsOf(Format.safetensors({ columns: ["w"], blockBytes: 16 }), model)
    // As they stand in the file, at byte 224.
    const view = new DataView(model.buffer, model.byteOffset)
    const expected = Float32Array.from({ length: 12 }, (_, at) => view.getFloat32(224 + 4 * at, true))
    expect(w.map((row) => row.w)).toEqual([0, 4, 8].map((at) => new Tensor(expected.subarray(at, at + 4), [4])))
    const h = await rowsOf(Format.safetensors({ columns: ["h"] }), model)
    // What NumPy gives for the file's last ten bytes as float16.
    expect(h.map((row) => row.h)).toEqual([
      -0.9765625, 0.427978515625, -1.5576171875, 0.173095703125, -0.03070068359375
    ])
  })

  test("all of them have different lengths, so the file is one sample", async () => {
    const [sample, ...others] = await rowsOf(Format.safetensors(), model)
    expect(others).toEqual([])
    expect(Object.entries(sample ?? {}).map(([name, cell]) => [name, String(cell)])).toEqual([
      ["i", "Tensor(int64 [6])"],
      ["w", "Tensor(float32 [3, 4])"],
      ["h", "Tensor(float32 [5])"]
    ])
    expect(sample?.["i"]).toEqual(new Tensor(BigInt64Array.of(0n, 1n, 2n, 3n, 4n, 5n), [6]))
    const index = await Effect.runPromise(Format.safetensors().index(shardOf(model)))
    expect(index.schema).toBe('"i": int64[6], "w": float32[3, 4], "h": float32[5]')
  })

  test("what a sample is can be said", async () => {
    const error = await refusal(Format.safetensors({ sample: "row" }), model)
    expect(error.message).toMatch(/"i" has 6 rows, and "w" has 3; name arrays of one length in columns/)
    expect(await rowsOf(Format.safetensors({ columns: ["i"], sample: "file" }), model)).toHaveLength(1)
    const large = await refusal(Format.safetensors({ maxBlockBytes: 105 }), model)
    expect(large.message).toMatch(/one sample of 106 bytes, and a sample may have 105; name some in columns/)
  })
})

describe("element types", () => {
  const bytes = (...own: ReadonlyArray<number>) => Uint8Array.from(own)
  test.each([
    ["BOOL", bytes(0, 1, 2), [false, true, true]],
    ["U8", bytes(0, 255), [0, 255]],
    ["I8", bytes(0, 255), [0, -1]],
    ["U16", bytes(1, 2), [513]],
    ["I16", bytes(255, 255), [-1]],
    ["U32", bytes(255, 255, 255, 255), [4294967295]],
    ["I32", bytes(255, 255, 255, 255), [-1]],
    ["U64", bytes(255, 255, 255, 255, 255, 255, 255, 255), [18446744073709551615n]],
    ["I64", bytes(255, 255, 255, 255, 255, 255, 255, 255), [-1n]],
    ["F32", bytes(0, 0, 192, 63), [1.5]],
    ["F64", bytes(0, 0, 0, 0, 0, 0, 248, 63), [1.5]],
    ["F16", bytes(0, 62, 1, 0), [1.5, 2 ** -24]],
    ["BF16", bytes(0xc0, 0x3f, 0x80, 0xff, 1, 0), [1.5, -Infinity, Math.fround(2 ** -133)]],
    // By the formats' papers: sign, exponent, fraction.
    ["F8_E4M3", bytes(0x00, 0x01, 0x08, 0x38, 0x7e, 0x7f, 0xb8, 0xff), [0, 2 ** -9, 2 ** -6, 1, 448, NaN, -1, NaN]],
    [
      "F8_E5M2",
      bytes(0x01, 0x04, 0x3c, 0x7b, 0x7c, 0xfc, 0x7d),
      [2 ** -16, 2 ** -14, 1, 57344, Infinity, -Infinity, NaN]
    ],
    ["F8_E8M0", bytes(0, 127, 254, 255), [2 ** -127, 1, 2 ** 127, NaN]]
  ] as ReadonlyArray<readonly [string, Uint8Array, ReadonlyArray<number | bigint | boolean>]>)(
    "%s",
    async (dtype, data, values) => {
      const file = fileOf({ x: tensor(dtype, [values.length], 0, data.length), __metadata__: { format: "np" } }, data)
      expect((await rowsOf(Format.safetensors({ columns: ["x"] }), file)).map((row) => row.x)).toEqual([...values])
    }
  )
})

test("tensors may have names that JSON has escapes for, one file after another", async () => {
  for (const name of ["\\", "\n", '"']) {
    const file = fileOf({ a: tensor("U8", [1], 0, 1), [name]: tensor("U8", [1], 1, 2) }, Uint8Array.of(1, 2))
    expect(await rowsOf(Format.safetensors(), file)).toEqual([{ a: 1, [name]: 2 }])
  }
})

test("tensors of one length are columns of a row, in the file's order or the one that is asked for", async () => {
  const header = { b: tensor("U8", [4, 2], 4, 12), a: tensor("U8", [4], 0, 4), c: tensor("F32", [4, 0], 12, 12) }
  const file = fileOf(
    header,
    Uint8Array.from({ length: 12 }, (_, at) => at)
  )
  const { blocks, index, rows } = await Effect.runPromise(
    openShard(Format.safetensors({ blockBytes: 6 }), shardOf(file))
  )
  expect(rows().map((row) => Object.keys(row).join())[0]).toBe("a,b,c")
  expect(rows().map((row) => row["b"])).toEqual([4, 6, 8, 10].map((at) => new Tensor(Uint8Array.of(at, at + 1), [2])))
  expect(index.schema).toBe('"a": uint8[], "b": uint8[2], "c": float32[0]')
  expect(blocks.map(({ size }) => size)).toEqual([2, 2])
  const shard = shardOf(file)
  const { blocks: chosen } = await Effect.runPromise(openShard(Format.safetensors({ columns: ["b"] }), shard))
  expect(Array.from(chosen[0]?.columns?.keys() ?? [])).toEqual(["b"])
  expect(shard.reads.at(-1)?.[1]).toBe(8)
})

test("a long header is read by itself", async () => {
  const names = Array.from({ length: 2000 }, (_, at) => [`layer.${at}.weight`, tensor("U8", [1], at, at + 1)] as const)
  const file = fileOf(Object.fromEntries(names), new Uint8Array(2000))
  const rows = await rowsOf(Format.safetensors(), file)
  expect(Object.keys(rows[0] ?? {})).toHaveLength(2000)
})

describe("what is refused", () => {
  const x = tensor("U8", [2], 0, 2)
  const data = new Uint8Array(2)
  const cases: ReadonlyArray<readonly [string, Uint8Array, RegExp]> = [
    ["empty", new Uint8Array(0), /it has 0 bytes/],
    ["cut in the header", fileOf({ x }, data).subarray(0, 30), /within its header of/],
    ["cut in a tensor", fileOf({ x }, data).subarray(0, -1), /tensors end after .* it was cut short/],
    ["more than its tensors", fileOf({ x }, new Uint8Array(3)), /belong to no tensor/],
    ["a header's length that lies", fileOf({ x }, data, 2 ** 40), /may have 33554432/],
    ["a header that is no JSON", fileOf("{x}", data), /is not JSON/],
    ["a header that is no object", fileOf("[1]", data), /not a JSON object/],
    [
      "a header that is not UTF-8",
      joined([fileOf("", new Uint8Array(0), 2), Uint8Array.of(0x7b, 0xff)]),
      /is not JSON/
    ],
    ["no tensors", fileOf({}, new Uint8Array(0)), /has no arrays/],
    ["a tensor that is not described", fileOf({ x: 1 }, data), /is not described/],
    ["a dtype of the future", fileOf({ x: tensor("F4", [4], 0, 2) }, data), /has dtype "F4"; known are BOOL/],
    ["no shape", fileOf({ x: { ...x, shape: [-2] } }, data), /has no shape/],
    ["no offsets", fileOf({ x: { ...x, data_offsets: [0] } }, data), /has no data_offsets/],
    [
      "offsets that do not fit",
      fileOf({ x: tensor("U8", [3], 0, 2) }, data),
      /should have 3 bytes by its shape \[3\], and has 2/
    ],
    ["a shape beyond all numbers", fileOf({ x: tensor("U8", [2 ** 50, 2 ** 50], 0, 2) }, data), /should have/],
    ["tensors that overlap", fileOf({ x, y: tensor("U8", [2], 1, 3) }, new Uint8Array(3)), /"y" overlaps/],
    ["tensors with a gap", fileOf({ x, y: tensor("U8", [2], 3, 5) }, new Uint8Array(5)), /"y" has 1 unused bytes/]
  ]
  test.each(cases.map(([name, ...rest]) => [name, rest] as const))("%s", async (_, [file, reason]) => {
    expect((await refusal(Format.safetensors(), file)).message).toMatch(reason)
  })

  test("a tensor without axes, where a sample is a row", async () => {
    const file = fileOf({ x: tensor("U8", [], 0, 1) }, Uint8Array.of(7))
    expect((await refusal(Format.safetensors({ sample: "row" }), file)).message).toMatch(/"x" has no axes/)
    expect(await rowsOf(Format.safetensors(), file)).toEqual([{ x: new Tensor(Uint8Array.of(7), []) }])
  })

  test("a column that is not there", async () => {
    const error = await refusal(Format.safetensors({ columns: ["z"] }), fileOf({ x }, data))
    expect(error.message).toMatch(/no array "z"; it has "x"/)
  })
})

test("options are checked, and part of the fingerprint", () => {
  for (const options of [
    { columns: [] },
    { columns: [1] },
    { blockBytes: 0 },
    { field: "x" },
    { sample: "rows" },
    null
  ]) {
    expect(() => Format.safetensors(options as Format.SafetensorsOptions)).toThrow(InvalidOption)
  }
  const formats = [
    Format.safetensors(),
    Format.safetensors({ columns: ["a"] }),
    Format.safetensors({ blockBytes: 9 }),
    Format.safetensors({ sample: "file" })
  ]
  expect(new Set(formats.map(({ made }) => text(made))).size).toBe(4)
})
