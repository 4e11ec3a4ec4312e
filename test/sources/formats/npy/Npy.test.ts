/** NumPy's files of one array. */
import { describe, expect, test } from "bun:test"
import { Effect } from "effect"
import { InvalidOption } from "../../../../src/core/InvalidOption.ts"
import { text } from "../../../../src/core/Parameters.ts"
import { Tensor } from "../../../../src/core/Tensor.ts"
import * as Format from "../../../../src/sources/formats/Formats.ts"
import { headerOf, npyOf } from "../../../support/npy.ts"
import { openShard, reference, refusal, rowsOf, shardOf } from "../../../support/shard.ts"
import { joined } from "../../../support/tar.ts"

interface Expected {
  readonly npy: Readonly<
    Record<string, { readonly shape: ReadonlyArray<number>; readonly values: ReadonlyArray<number | boolean> }>
  >
}

const { npy: files }: Expected = JSON.parse(new TextDecoder().decode(reference("archives.json")))

/** The elements of a row, as JSON has them. */
const plain = (cell: Format.Cell): ReadonlyArray<number | boolean> => {
  if (cell instanceof Tensor) return Array.from<number | bigint, number>(cell.data, Number)
  return [typeof cell === "bigint" ? Number(cell) : cell]
}

describe("NumPy's own files, to the last bit", () => {
  test.each(Object.keys(files))("%s", async (name) => {
    const { shape = [], values = [] } = files[name] ?? {}
    const rows = await rowsOf(Format.npy({ blockBytes: 48 }), reference(name))
    expect(rows).toHaveLength(shape[0] ?? -1)
    expect(rows.flatMap(({ array }) => plain(array))).toEqual([...values])
    for (const { array } of rows) if (array instanceof Tensor) expect(array.shape).toEqual(shape.slice(1))
  })

  test("columns stay columns", async () => {
    const { blocks, index } = await Effect.runPromise(openShard(Format.npy(), shardOf(reference("a.npy"))))
    expect(blocks[0]?.columns?.get("array")).toMatchObject({ _tag: "Tensors", shape: [3, 2], width: 6 })
    expect(index.schema).toBe('"array": float32[3, 2]')
    expect(blocks[0]?.bytes).toBe(480)
  })
})

const elements = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 128, 254, 255, 255, 255, 255, 255, 255, 127)

describe("element types", () => {
  test.each([
    ["|u1", 2, [1, 0]],
    ["|i1", 2, [1, 0]],
    ["<u2", 2, [1, 0]],
    [">u2", 2, [256, 0]],
    ["<i2", 4, [1, 0, 0, -32768]],
    [">i4", 2, [16777216, 128]],
    ["<u4", 2, [1, 2147483648]],
    ["<i8", 2, [-9223372036854775807n, 9223372036854775806n]],
    [">i8", 2, [72057594037928064n, -72057594037928065n]],
    ["<u8", 2, [9223372036854775809n, 9223372036854775806n]],
    ["<f4", 2, [1.401298464324817e-45, -0]],
    ["<f8", 1, [-4.94065645841247e-324]],
    ["<f2", 3, [2 ** -24, 0, 0]],
    ["|b1", 3, [true, false, false]]
  ] as ReadonlyArray<readonly [string, number, ReadonlyArray<number | bigint | boolean>]>)(
    "%s",
    async (descr, count, values) => {
      const size = Number(descr.slice(2)) * count
      const bytes = npyOf(headerOf(descr, [count]), elements.subarray(0, size))
      expect((await rowsOf(Format.npy({ field: "x" }), bytes)).map(({ x }) => x)).toEqual([...values])
    }
  )

  test("float16: subnormal, largest, infinities, NaN", async () => {
    const bits = Uint16Array.of(0x0001, 0x03ff, 0x0400, 0x7bff, 0x7c00, 0xfc00, 0x7e00, 0x8000, 0x3555)
    const bytes = npyOf(headerOf("<f2", [9]), new Uint8Array(bits.buffer))
    const values = (await rowsOf(Format.npy(), bytes)).map(({ array }) => array)
    // What NumPy gives for these bits.
    const subnormal = [2 ** -24, 6.097555160522461e-5, 6.103515625e-5]
    expect(values).toEqual([...subnormal, 65504, Infinity, -Infinity, NaN, -0, 0.333251953125])
  })
})

test("headers of versions 2 and 3, other orders of keys, one axis in parentheses, long integers", async () => {
  const own = Uint8Array.of(1, 2)
  const headers = [
    [headerOf("|u1", [2]), 2],
    [headerOf("|u1", [2]), 3],
    [`{"shape": (2L,), "fortran_order": True, "descr": "|u1"}`, 1],
    ["{'descr':'|u1','shape':[2],'fortran_order':False}\n", 1]
  ] as const
  for (const [header, version] of headers) {
    expect((await rowsOf(Format.npy(), npyOf(header, own, version))).map(({ array }) => array)).toEqual([1, 2])
  }
})

test("Fortran order of three axes", async () => {
  // np.asfortranarray(np.arange(24).reshape(2, 3, 4)), as NumPy saves it.
  const order = Array.from({ length: 24 }, (_, at) => 12 * (at % 2) + 4 * (Math.floor(at / 2) % 3) + Math.floor(at / 6))
  const rows = await rowsOf(Format.npy(), npyOf(headerOf("|u1", [2, 3, 4], true), Uint8Array.from(order)))
  expect(rows.flatMap(({ array }) => plain(array))).toEqual(Array.from({ length: 24 }, (_, at) => at))
})

test("axes of 0", async () => {
  expect(await rowsOf(Format.npy(), npyOf(headerOf("<f4", [0, 3]), new Uint8Array(0)))).toEqual([])
  const none = await rowsOf(Format.npy({ blockBytes: 1 }), npyOf(headerOf("<f4", [3, 0]), new Uint8Array(0)))
  expect(none).toEqual(Array.from({ length: 3 }, () => ({ array: new Tensor(new Float32Array(0), [0]) })))
  // Rows that take no bytes are no reason for a million blocks.
  const index = await Effect.runPromise(
    Format.npy().index(shardOf(npyOf(headerOf("<f4", [2 ** 40, 0]), new Uint8Array(0))))
  )
  expect(index.blocks).toHaveLength(1)
})

test("blocks of about blockBytes, read by themselves", async () => {
  const bytes = npyOf(headerOf("<u2", [100, 5]), new Uint8Array(1000))
  const shard = shardOf(bytes)
  const { index } = await Effect.runPromise(openShard(Format.npy({ blockBytes: 95 }), shard))
  expect(index.blocks.map(({ rows }) => rows)).toEqual([...new Array<number>(11).fill(9), 1])
  expect(Math.max(...shard.reads.slice(1).map(([, length]) => length))).toBe(90)
})

describe("what is refused", () => {
  const good = npyOf(headerOf("|u1", [4]), new Uint8Array(4))
  const cases: ReadonlyArray<readonly [string, Uint8Array, RegExp]> = [
    ["empty", new Uint8Array(0), /it is empty/],
    ["another kind of file", joined([new Uint8Array(20), good]), /does not begin as a NumPy file/],
    ["cut in the magic", good.subarray(0, 4), /ends after 4 bytes, before the end of its header/],
    ["cut in the header", good.subarray(0, 40), /ends after 40 bytes/],
    ["cut in the array", good.subarray(0, -1), /before the end of an array of shape \[4\] \(4 bytes\)/],
    ["more than the array", joined([good, good]), /bytes? behind it; save one array a file/],
    ["a version of the future", npyOf(headerOf("|u1", [4]), new Uint8Array(4), 4), /version 4\.0/],
    ["a header of no literal", npyOf("import os", new Uint8Array(0)), /not a Python dictionary/],
    [
      "a header that calls",
      npyOf("{'descr': f(), 'fortran_order': False, 'shape': ()}", new Uint8Array(0)),
      /not a Python dictionary/
    ],
    ["a header that is deep", npyOf("(".repeat(60_000), new Uint8Array(0)), /not a Python dictionary/],
    [
      "a header without a shape",
      npyOf("{'descr': '|u1', 'fortran_order': False}", new Uint8Array(0)),
      /should have descr/
    ],
    ["a negative axis", npyOf(headerOf("|u1", [-4]), new Uint8Array(0)), /should have descr/],
    [
      "a shape that lies",
      npyOf(headerOf("<f8", [2 ** 40, 2 ** 40]), new Uint8Array(8)),
      /shape \[1099511627776, 1099511627776\]/
    ],
    [
      "a shape beyond all numbers",
      npyOf(headerOf("<f8", new Array<number>(40).fill(2 ** 50)), new Uint8Array(8)),
      /ends after/
    ],
    ["no axes", npyOf(headerOf("|u1", []), new Uint8Array(1)), /has no axes/],
    [
      "records",
      npyOf("{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (1,)}", new Uint8Array(4)),
      /structured dtype/
    ],
    ["objects", npyOf(headerOf("|O", [1]), new Uint8Array(4)), /"\|O", Python objects/],
    ["text", npyOf(headerOf("<U3", [1]), new Uint8Array(12)), /"<U3", text/],
    ["times", npyOf(headerOf("<M8[ns]", [1]), new Uint8Array(8)), /times; save/],
    ["complex numbers", npyOf(headerOf("<c8", [1]), new Uint8Array(8)), /have no typed array/],
    ["raw bytes", npyOf(headerOf("<V2", [1]), new Uint8Array(2)), /not supported|raw bytes/],
    ["a type that is none", npyOf(headerOf("constructor", [1]), new Uint8Array(2)), /not supported/]
  ]
  test.each(cases.map(([name, ...rest]) => [name, rest] as const))("%s", async (_, [bytes, reason]) => {
    expect((await refusal(Format.npy(), bytes)).message).toMatch(reason)
  })

  test("a header that is too long to be one", async () => {
    const bytes = npyOf(headerOf("|u1", [4]), new Uint8Array(2 ** 20), 2)
    new DataView(bytes.buffer).setUint32(8, 2 ** 19, true)
    expect((await refusal(Format.npy(), bytes)).message).toMatch(/has 524288 bytes, and may have/)
  })

  test("Fortran order above maxBlockBytes", async () => {
    const bytes = npyOf(headerOf("|u1", [10, 10], true), new Uint8Array(100))
    expect((await refusal(Format.npy({ maxBlockBytes: 99 }), bytes)).message).toMatch(
      /Fortran order.*ascontiguousarray/
    )
  })
})

test("options are checked, and part of the fingerprint", () => {
  for (const options of [{ field: "" }, { blockBytes: 0 }, { maxBlockBytes: NaN }, { fields: ["x"] }, null]) {
    expect(() => Format.npy(options as Format.NpyOptions)).toThrow(InvalidOption)
  }
  const made = [Format.npy(), Format.npy({ field: "x" }), Format.npy({ blockBytes: 9 })].map(({ made }) => text(made))
  expect(new Set(made).size).toBe(3)
})
