/**
 * Parquet as all kinds of writers have it, written by hand page by page after `parquet.thrift` and `Encodings.md`: the shapes of
 * apache/parquet-testing. They are read exactly, or refused with what is wrong.
 */
import { describe, expect, test } from "bun:test"
import * as zlib from "node:zlib"
import * as Format from "../../../../src/sources/formats/Formats.ts"
import { Tensor } from "../../../../src/wasm/Tensor.ts"
import {
  bool,
  byteArrays,
  type Column,
  concat,
  type Element,
  Encoding,
  levels,
  oneColumn,
  type Page,
  Physical,
  parquetOf,
  raw,
  struct
} from "../../../support/parquet.ts"
import { refusal, rowsOf } from "../../../support/shard.ts"

const { bytes, double, fixed, float, int32, int64, int96 } = Physical

const ints = (...values: ReadonlyArray<number>): Uint8Array => raw(Int32Array.from(values))
const longs = (...values: ReadonlyArray<bigint>): Uint8Array => raw(BigInt64Array.from(values))

/** A file of one column, of values that all are there. */
const one = (element: Omit<Element, "name">, values: number, data: Uint8Array, page: Partial<Page> = {}): Uint8Array =>
  oneColumn({ name: "a", ...element }, { values, data, ...page })

/** A chunk of one page with levels. */
const chunk = (
  values: number,
  data: Uint8Array,
  repetitions?: ReadonlyArray<number>,
  definitions?: ReadonlyArray<number>
): Column => ({
  values,
  pages: [
    {
      values,
      data,
      ...(repetitions === undefined ? {} : { repetitions: levels(repetitions) }),
      ...(definitions === undefined ? {} : { definitions: levels(definitions) })
    }
  ]
})

const file = (schema: ReadonlyArray<Element>, rows: number, ...columns: ReadonlyArray<Column>): Uint8Array =>
  parquetOf({ schema, groups: [{ rows, columns }] })

const group = (name: string, repetition: 0 | 1 | 2, children: ReadonlyArray<Element>, converted?: number): Element => ({
  name,
  repetition,
  children,
  ...(converted === undefined ? {} : { converted })
})

const LIST = 3
const MAP = 1
const optional = (name: string): Element => ({ name, type: int32, repetition: 1 })

/** Of one column `a`. */
const values = (...own: ReadonlyArray<unknown>): ReadonlyArray<unknown> => own.map((a) => ({ a }))

type Case = readonly [name: string, file: Uint8Array, rows: ReadonlyArray<unknown>, options?: Format.TableOptions]

const check = (cases: ReadonlyArray<Case>): void => {
  test.each(cases.map(([name, ...rest]) => [name, rest] as const))("%s", async (_, [bytes, rows, options]) => {
    expect<ReadonlyArray<unknown>>(await rowsOf(Format.parquet(options), bytes)).toEqual(rows)
  })
}

/** Compressed by a codec: of snappy and LZ4 what needs no compressor, literals alone. */
const literals = (plain: Uint8Array): Uint8Array => concat(Uint8Array.of(plain.length << 4), plain)
const bigEndian = (value: number): Uint8Array => Uint8Array.of(0, 0, 0, value)
const codecs: ReadonlyArray<readonly [name: string, codec: number, pack: (plain: Uint8Array) => Uint8Array]> = [
  ["not compressed", 0, (plain) => plain],
  ["snappy", 1, (plain) => concat(Uint8Array.of(plain.length, (plain.length - 1) << 2), plain)],
  ["gzip, two members", 2, (plain) => concat(zlib.gzipSync(plain.slice(0, 5)), zlib.gzipSync(plain.slice(5)))],
  ["brotli", 4, (plain) => zlib.brotliCompressSync(plain)],
  [
    "LZ4 as Hadoop frames it",
    5,
    (plain) => concat(bigEndian(plain.length), bigEndian(plain.length + 1), literals(plain))
  ],
  ["LZ4 as old Arrow wrote it", 5, literals],
  ["zstd", 6, (plain) => zlib.zstdCompressSync(plain)],
  ["LZ4 raw", 7, literals]
]

describe.each(codecs)("pages: %s", (_, codec, pack) => {
  const plain = ints(1, -2, 3)
  const page = { values: 3, data: plain, pack }
  const column = (own: Page, repetition: 0 | 1 = 0) => oneColumn({ name: "a", type: int32, repetition }, own, { codec })
  const second = { kind: "second", pack } as const
  check([
    ["the first version", column(page), values(1, -2, 3)],
    ["with its checksum", column({ ...page, crc: zlib.crc32(pack(plain)) }), values(1, -2, 3)],
    [
      "the second version, whose levels are not compressed",
      column({ ...second, values: 4, nulls: 1, definitions: levels([1, 0, 1, 1], true), data: plain }, 1),
      values(1, null, -2, 3)
    ],
    [
      "the second version, not compressed in spite of the codec",
      column({ kind: "second", values: 3, data: plain, isCompressed: false }),
      values(1, -2, 3)
    ],
    [
      "the second version, of nulls alone and without a byte of values",
      oneColumn(
        { name: "a", type: int32, repetition: 1 },
        { kind: "second", values: 2, nulls: 2, definitions: levels([0, 0], true), data: new Uint8Array(0) },
        { codec }
      ),
      values(null, null)
    ]
  ])

  test("a checksum that is another", async () => {
    const error = await refusal(Format.parquet(), column({ ...page, crc: zlib.crc32(pack(plain)) ^ 1 }))
    expect(error).toMatchObject({ byte: 4 })
    expect(error.message).toContain("a page does not have the checksum that it says")
  })
})

describe("encodings", () => {
  /** The first bytes of all values, then the second ones. */
  const split = (view: ArrayBufferView, width: number): Uint8Array => {
    const plain = raw(view)
    const count = plain.length / width
    return plain.map((_, at) => plain[(at % count) * width + Math.floor(at / count)] ?? 0)
  }
  const own = { encoding: Encoding.split }
  const dictionary: Page = { kind: "dictionary", values: 2, data: byteArrays(["x", "yy"]) }
  check([
    ["bytes apart: float", one({ type: float }, 3, split(Float32Array.of(1.5, -0, 3e9), 4), own), values(1.5, -0, 3e9)],
    [
      "bytes apart: double",
      one({ type: double }, 2, split(Float64Array.of(Math.PI, NaN), 8), own),
      values(Math.PI, NaN)
    ],
    ["bytes apart: int32", one({ type: int32 }, 3, split(ints(1, -2, 3), 4), own), values(1, -2, 3)],
    ["bytes apart: int64", one({ type: int64 }, 2, split(longs(-5n, 2n ** 62n), 8), own), values(-5n, 2n ** 62n)],
    [
      "bytes apart: fixed",
      one({ type: fixed, length: 3 }, 2, split(Uint8Array.of(1, 2, 3, 4, 5, 6), 3), own),
      values(Uint8Array.of(1, 2, 3), Uint8Array.of(4, 5, 6))
    ],
    // Blocks of 128 in 4 parts, 3 values: the first is 5, each next one is 2 less.
    [
      "deltas: int32",
      one({ type: int32 }, 3, Uint8Array.of(128, 1, 4, 3, 10, 3, 0, 0, 0, 0), { encoding: Encoding.deltaBinary }),
      values(5, 3, 1)
    ],
    [
      "deltas: int64, one value",
      one({ type: int64 }, 1, Uint8Array.of(128, 1, 4, 1, 13), { encoding: Encoding.deltaBinary }),
      values(-7n)
    ],
    [
      "deltas of lengths",
      one({ type: bytes, converted: 0 }, 2, concat(Uint8Array.of(128, 1, 4, 2, 2, 2, 0, 0, 0, 0), Buffer.from("abc")), {
        encoding: Encoding.deltaLength
      }),
      values("a", "bc")
    ],
    [
      "booleans: bits",
      one({ type: Physical.boolean }, 10, Uint8Array.of(0b10101101, 0b10)),
      values(true, false, true, true, false, true, false, true, false, true)
    ],
    [
      "booleans: runs",
      one({ type: Physical.boolean }, 3, Uint8Array.of(4, 0, 0, 0, 4, 1, 2, 0), { encoding: Encoding.rle }),
      values(true, true, false)
    ],
    [
      "a dictionary, and plain pages where it became too large",
      file([{ name: "a", type: bytes, converted: 0 }], 5, {
        values: 5,
        pages: [
          dictionary,
          { values: 3, data: Uint8Array.of(1, 6, 1), encoding: Encoding.rleDictionary },
          { values: 2, data: byteArrays(["new", "é"]) }
        ]
      }),
      values("yy", "yy", "yy", "new", "é")
    ],
    [
      "a dictionary under its old name",
      file([{ name: "a", type: bytes, converted: 0 }], 1, {
        values: 1,
        pages: [
          { ...dictionary, encoding: Encoding.plainDictionary },
          { values: 1, data: Uint8Array.of(1, 2, 0), encoding: Encoding.plainDictionary }
        ]
      }),
      values("x")
    ],
    ...codecs
      .filter(([, codec]) => codec < 4 || codec === 6)
      .map(
        ([name, codec, pack]): Case => [
          `a dictionary that the footer does not tell of: ${name}`,
          file([{ name: "a", type: bytes, converted: 0 }], 1, {
            values: 1,
            codec,
            isDictionaryTold: false,
            pages: [
              { ...dictionary, pack },
              { values: 1, data: Uint8Array.of(1, 2, 1), encoding: Encoding.rleDictionary, pack }
            ]
          }),
          values("yy")
        ]
      ),
    [
      "an offset of 0 where there is no dictionary",
      oneColumn({ name: "a", type: int32 }, { values: 1, data: ints(1) }, { dictionaryOffset: 0 }),
      values(1)
    ],
    [
      "thousands of pages, some of them empty",
      file([{ name: "a", type: int32 }], 1500, {
        values: 1500,
        pages: Array.from({ length: 3000 }, (_, at) =>
          at % 2 === 0 ? { kind: "second", values: 0, data: ints() } : { values: 1, data: ints(at) }
        )
      }),
      values(...Array.from({ length: 1500 }, (_, at) => 2 * at + 1))
    ]
  ])
})

describe("footers of old writers", () => {
  const schema = [
    { name: "a", type: int32, converted: 17 },
    { name: "b", type: int32 }
  ]
  const column = (value: number, shorter: number, codec = 0): Column => {
    const pack = codec === 0 ? (plain: Uint8Array) => plain : (plain: Uint8Array) => zlib.gzipSync(plain)
    const pages: ReadonlyArray<Page> = [
      { kind: "dictionary", values: 1, data: ints(value), pack },
      { values: 2, data: Uint8Array.of(1, 4, 0), encoding: Encoding.rleDictionary, pack }
    ]
    return { values: 2, codec, shorter, pages }
  }
  const short = (writtenBy: string, codec = 0): Uint8Array => {
    const columns = [column(7, 9, codec), column(8, 9, codec)]
    return parquetOf({ schema, writtenBy, groups: [{ rows: 2, columns }] })
  }
  const rows = [
    { a: 7, b: 8 },
    { a: 7, b: 8 }
  ]
  check([
    [
      "no rows, as parquet-rs 0.3 says",
      parquetOf({ schema, rows: 0, groups: [{ rows: 2, columns: [column(7, 0), column(8, 0)] }] }),
      rows
    ],
    ["lengths without the header of the dictionary: parquet-mr of no version", short("parquet-mr"), rows],
    [
      "lengths without the header of the dictionary: parquet-mr 1.2.8",
      short("parquet-mr version 1.2.8 (build x)", 2),
      rows
    ],
    [
      "no rows, whose columns are to lie at 0",
      parquetOf({
        schema,
        groups: [
          {
            rows: 0,
            columns: [
              { start: 0, values: 0, pages: [] },
              { start: 0, values: 0, pages: [] }
            ]
          }
        ]
      }),
      []
    ]
  ])

  test("lengths that are too short are damage where a later writer says them", async () => {
    for (const writtenBy of ["parquet-mr version 1.2.9 (build x)", "parquet-cpp version 1.0.0"]) {
      expect((await refusal(Format.parquet(), short(writtenBy)))._tag).toBe("ShardError")
    }
  })
})

describe("row groups", () => {
  const group = (...own: ReadonlyArray<number>) => ({
    rows: own.length,
    columns: [own.length === 0 ? { pages: [], values: 0 } : chunk(own.length, ints(...own))]
  })
  const schema = [{ name: "a", type: int32 }]
  check([
    [
      "empty ones among others",
      parquetOf({ schema, groups: [group(), group(1), group(), group(2, 3), group()] }),
      values(1, 2, 3)
    ],
    ["only empty ones", parquetOf({ schema, groups: [group(), group()] }), []],
    ["none", parquetOf({ schema, groups: [] }), []],
    ["no columns", file([], 3), [{}, {}, {}]]
  ])
})

describe("types", () => {
  const big = (value: bigint, width: number): Uint8Array =>
    Uint8Array.from({ length: width }, (_, at) => Number(BigInt.asUintN(8, value >> BigInt(8 * (width - 1 - at)))))
  const decimal = (scale: number, precision: number) => ({ converted: 5, scale, precision })
  /** Nanoseconds of a day, and the day; 2440588 is that of 1970-01-01. */
  const spark = (day: number, nanoseconds: bigint): Uint8Array => concat(longs(nanoseconds), ints(day))
  const times = concat(
    spark(2440588, 0n),
    spark(2460588, 123456789n),
    spark(5373484, 86399999999999n),
    spark(1721426, 0n)
  )
  const timed = (unit: 1 | 2 | 3, isUtc: boolean) => struct({ 1: bool(isUtc), 2: struct({ [unit]: struct({}) }) })
  check([
    [
      "decimal in int32",
      one({ type: int32, ...decimal(2, 9) }, 3, ints(1230, -5, 0)),
      values("12.30", "-0.05", "0.00")
    ],
    [
      "decimal in int64",
      one({ type: int64, ...decimal(3, 18) }, 2, longs(-999999999999999999n, 1n)),
      values("-999999999999999.999", "0.001")
    ],
    [
      "decimal in 5 bytes",
      one({ type: fixed, length: 5, ...decimal(0, 10) }, 2, concat(big(-12n, 5), big(9999999999n, 5))),
      values("-12", "9999999999")
    ],
    [
      "decimal of 38 digits",
      one({ type: fixed, length: 16, ...decimal(10, 38) }, 1, big(-(10n ** 37n), 16)),
      values(`-1${"0".repeat(27)}.${"0".repeat(10)}`)
    ],
    [
      "decimal of 76 digits",
      one({ type: fixed, length: 32, ...decimal(1, 76) }, 1, big(-(10n ** 70n) - 7n, 32)),
      values(`-1${"0".repeat(69)}.7`)
    ],
    [
      "decimal in bytes of any length",
      one({ type: bytes, ...decimal(2, 20) }, 3, byteArrays([big(-1n, 1), big(12345n, 2), big(0n, 0)])),
      values("-0.01", "123.45", "0.00")
    ],
    [
      "int96, of any year",
      one({ type: int96 }, 4, times),
      values(
        "1970-01-01T00:00:00.000Z",
        "2024-10-04T00:00:00.123456789Z",
        "9999-12-31T23:59:59.999999999Z",
        "0001-01-01T00:00:00.000Z"
      )
    ],
    [
      "int96 as bigint",
      one({ type: int96 }, 4, times),
      values(0n, 1728000000123456789n, 253402300799999999999n, -62135596800000000000n),
      { timestamps: "bigint" }
    ],
    [
      "int96 of Spark beyond its 64 bits of microseconds, wrapped around: the year 290000",
      one({ type: int96 }, 1, spark(-105_862_232, -32_509_551_616_000n)),
      values(9_089_380_393_200_000_000_000n),
      { timestamps: "bigint" }
    ],
    [
      "int96 as Date",
      one({ type: int96 }, 3, times.slice(0, 36)),
      values(new Date(0), new Date(1728000000123), new Date(253402300799999)),
      { timestamps: "date" }
    ],
    [
      "int96 in a list, and of a dictionary",
      file(
        [
          group("l", 1, [group("list", 2, [{ name: "element", type: int96, repetition: 1 }])], LIST),
          { name: "t", type: int96 }
        ],
        2,
        chunk(3, times.slice(0, 24), [0, 1, 0], [3, 3, 2]),
        {
          values: 2,
          pages: [
            { kind: "dictionary", values: 1, data: spark(5373484, 1n) },
            { values: 2, data: Uint8Array.of(1, 4, 0), encoding: Encoding.rleDictionary }
          ]
        }
      ),
      [
        { l: ["1970-01-01T00:00:00.000Z", "2024-10-04T00:00:00.123456789Z"], t: "9999-12-31T00:00:00.000000001Z" },
        { l: [null], t: "9999-12-31T00:00:00.000000001Z" }
      ]
    ],
    [
      "interval, with its months",
      one({ type: fixed, length: 12, converted: 21 }, 1, ints(1, 2, -1)),
      values({ months: 1, days: 2, milliseconds: 2 ** 32 - 1 })
    ],
    ["uint8", one({ type: int32, converted: 11 }, 1, ints(200)), values(200)],
    ["uint32", one({ type: int32, converted: 13 }, 1, ints(-1)), values(2 ** 32 - 1)],
    ["uint64", one({ type: int64, converted: 14 }, 1, longs(-1n)), values(2n ** 64n - 1n)],
    ["int16", one({ type: int32, converted: 16 }, 1, ints(-200)), values(-200)],
    ["date", one({ type: int32, converted: 6 }, 2, ints(200, -1)), values("1970-07-20", "1969-12-31")],
    ["time in ms", one({ type: int32, converted: 7 }, 1, ints(86399999)), values("23:59:59.999")],
    ["time in µs", one({ type: int64, converted: 8 }, 1, longs(1234567n)), values("00:00:01.234567")],
    [
      "time in ns",
      one({ type: int64, logical: struct({ 7: timed(3, true) }) }, 1, longs(86399999999999n)),
      values("23:59:59.999999999")
    ],
    ["timestamp in ms", one({ type: int64, converted: 9 }, 1, longs(-1n)), values(new Date(-1))],
    [
      "timestamp in µs",
      one({ type: int64, converted: 10 }, 2, longs(1234567n, 1000n)),
      values("1970-01-01T00:00:01.234567Z", "1970-01-01T00:00:00.001Z")
    ],
    [
      "timestamp in ns, without a zone",
      one({ type: int64, logical: struct({ 8: timed(3, false) }) }, 1, longs(-1n)),
      values("1969-12-31T23:59:59.999999999Z")
    ],
    [
      "float16",
      one(
        { type: fixed, length: 2, logical: struct({ 15: struct({}) }) },
        3,
        raw(Uint16Array.of(0x3c00, 0x8000, 0x7e00))
      ),
      values(1, -0, NaN)
    ],
    [
      "uuid",
      one({ type: fixed, length: 16, logical: struct({ 14: struct({}) }) }, 1, new Uint8Array(16).fill(7)),
      values(new Uint8Array(16).fill(7))
    ],
    ["JSON", one({ type: bytes, converted: 19 }, 1, byteArrays(["{}"])), values("{}")],
    ["text", one({ type: bytes, converted: 0 }, 2, byteArrays(["é", ""])), values("é", "")],
    ["bytes", one({ type: bytes }, 1, byteArrays(["é"])), values(Uint8Array.of(0xc3, 0xa9))],
    [
      "a logical type that nobody knows",
      one({ type: bytes, logical: struct({ 99: struct({}) }) }, 1, byteArrays(["x"])),
      values(Uint8Array.of(120))
    ],
    [
      "nulls of no type",
      one({ type: int32, repetition: 1, logical: struct({ 11: struct({}) }) }, 2, ints(), {
        definitions: levels([0, 0])
      }),
      values(null, null)
    ]
  ])
})

describe("nesting", () => {
  const view = (...own: ReadonlyArray<number>) => Int32Array.from(own)
  const pair = (key: Element, value?: Element) => group("key_value", 2, value === undefined ? [key] : [key, value])
  check([
    [
      "lists of lists",
      file(
        [
          group(
            "l",
            1,
            [group("list", 2, [group("element", 1, [group("list", 2, [optional("element")])], LIST)])],
            LIST
          )
        ],
        3,
        chunk(6, ints(1, 2, 3), [0, 2, 1, 1, 0, 0], [5, 5, 2, 5, 0, 1])
      ),
      [{ l: [view(1, 2), null, view(3)] }, { l: null }, { l: [] }]
    ],
    [
      "lists of two levels, as they once were",
      file(
        [group("l", 1, [{ name: "array", type: int32, repetition: 2 }], LIST)],
        3,
        chunk(4, ints(1, 2, 3), [0, 1, 0, 0], [2, 2, 0, 2])
      ),
      [{ l: view(1, 2) }, { l: null }, { l: view(3) }]
    ],
    [
      "repeated values that are called no list",
      file(
        [
          { name: "l", type: int32, repetition: 2 },
          { name: "x", type: int32 }
        ],
        3,
        chunk(4, ints(1, 2, 3), [0, 1, 0, 0], [1, 1, 0, 1]),
        chunk(3, ints(7, 8, 9))
      ),
      [
        { l: view(1, 2), x: 7 },
        { l: view(), x: 8 },
        { l: view(3), x: 9 }
      ]
    ],
    [
      "repeated groups that are called no list",
      file(
        [group("l", 2, [{ name: "a", type: int32 }, optional("b")])],
        2,
        chunk(3, ints(1, 2, 3), [0, 1, 0], [1, 1, 1]),
        chunk(3, ints(5, 6), [0, 1, 0], [2, 1, 2])
      ),
      [
        {
          l: [
            { a: 1, b: 5 },
            { a: 2, b: null }
          ]
        },
        { l: [{ a: 3, b: 6 }] }
      ]
    ],
    [
      "structs and nulls",
      file(
        [group("s", 1, [optional("a"), group("b", 1, [{ name: "c", type: int32 }])])],
        3,
        chunk(3, ints(1), undefined, [2, 1, 0]),
        chunk(3, ints(9), undefined, [1, 2, 0])
      ),
      [{ s: { a: 1, b: null } }, { s: { a: null, b: { c: 9 } } }, { s: null }]
    ],
    [
      "maps",
      file(
        [group("m", 1, [pair({ name: "key", type: bytes, converted: 0 }, optional("value"))], MAP)],
        3,
        chunk(4, byteArrays(["a", "b"]), [0, 1, 0, 0], [2, 2, 1, 0]),
        chunk(4, ints(1), [0, 1, 0, 0], [3, 2, 1, 0])
      ),
      [
        {
          m: [
            ["a", 1],
            ["b", null]
          ]
        },
        { m: [] },
        { m: null }
      ]
    ],
    [
      "maps under their old names",
      file(
        [group("m", 1, [group("map", 2, [{ name: "key", type: int32 }, optional("value")], 2)], 2)],
        1,
        chunk(1, ints(4), [0], [2]),
        chunk(1, ints(5), [0], [3])
      ),
      [{ m: [[4, 5]] }]
    ],
    [
      "maps without values",
      file([group("m", 1, [pair({ name: "key", type: int32 })], MAP)], 1, chunk(2, ints(1, 2), [0, 1], [2, 2])),
      [{ m: view(1, 2) }]
    ],
    [
      "lists of bytes",
      file(
        [group("l", 1, [group("list", 2, [{ name: "element", type: int32, converted: 11 }])], LIST)],
        1,
        chunk(2, ints(1, 255), [0, 1], [2, 2])
      ),
      [{ l: new Tensor(Uint8Array.of(1, 255), [2]) }]
    ]
  ])
})

describe("what cannot be read says why", () => {
  const schema: ReadonlyArray<Element> = [{ name: "a", type: int32 }]
  const damaged: Uint8Array = oneColumn({ name: "a", type: int32 }, { values: 3, data: ints(1, 2, 3) }, { codec: 3 })
  test.each([
    ["LZO", damaged, "compressed by lzo, which is not supported; write it with zstd or snappy"],
    [
      "an unknown codec",
      oneColumn({ name: "a", type: int32 }, { values: 1, data: ints(1) }, { codec: 99 }),
      "compressed by number 99"
    ],
    ["text that is not UTF-8", one({ type: bytes, converted: 0 }, 1, byteArrays([Uint8Array.of(0xff)])), "non UTF-8"],
    ["an unknown encoding", one({ type: int32 }, 1, ints(1), { encoding: 55 }), "Encoding 55"],
    [
      "levels that are bit-packed, which is long deprecated",
      one({ type: int32 }, 1, ints(1), { encoding: 4 }),
      "BIT_PACKED is not supported; write it again without that"
    ],
    ["an unknown type", one({ type: 9 }, 1, ints(1)), "Type 9"],
    ["a negative length", one({ type: fixed, length: -4 }, 1, ints(1)), "length: -4"],
    ["more values than there are bytes", one({ type: int32 }, 1000, ints(1)), "ends before its values do"],
    ["fewer values than rows", file(schema, 5, chunk(3, ints(1, 2, 3))), "3 rows, not 5"],
    [
      "an index beyond the dictionary",
      file(schema, 2, {
        values: 2,
        pages: [
          { kind: "dictionary", values: 1, data: ints(1) },
          { values: 2, data: Uint8Array.of(2, 4, 3), encoding: Encoding.rleDictionary }
        ]
      }),
      "has index 3 in a dictionary of 1 value"
    ],
    [
      "a packed index beyond the dictionary",
      file(schema, 2, {
        values: 2,
        pages: [
          { kind: "dictionary", values: 1, data: ints(1) },
          { values: 2, data: Uint8Array.of(2, 3, 12, 0), encoding: Encoding.rleDictionary }
        ]
      }),
      "has index 3 in a dictionary of 1 value"
    ],
    [
      "a dictionary that lies",
      file(schema, 2, {
        values: 2,
        pages: [
          { kind: "dictionary", values: 500_000_000, data: ints(1) },
          { values: 2, data: Uint8Array.of(1, 4, 0), encoding: Encoding.rleDictionary }
        ]
      }),
      "a dictionary is to have 500000000 values in 4 bytes"
    ],
    [
      "two columns of one name",
      file([...schema, ...schema], 1, chunk(1, ints(1)), chunk(1, ints(2))),
      'two columns of the name "a"; choose others by the option columns'
    ],
    [
      "two fields of one name in a struct",
      file(
        [group("s", 0, [optional("x"), optional("x")])],
        1,
        chunk(1, ints(1), undefined, [1]),
        chunk(1, ints(2), undefined, [1])
      ),
      'struct "s" has two fields of the name "x"; choose other columns'
    ],
    ["a time beyond Date", one({ type: int96 }, 1, concat(longs(0n), ints(-105_862_232))), "beyond those of Date"]
  ] as ReadonlyArray<readonly [string, Uint8Array, string]>)("%s", async (_, bytes, reason) => {
    const error = await refusal(Format.parquet(), bytes)
    expect(error).toMatchObject({ _tag: "ShardError", shard: "some.shard", format: "parquet" })
    expect(error.message).toContain(reason)
  })

  test("a page that unpacks to more than it says is stopped there", async () => {
    const bomb = (codec: number, pack: (plain: Uint8Array) => Uint8Array) =>
      oneColumn(
        { name: "a", type: int32 },
        { values: 1, data: ints(1), pack: () => pack(new Uint8Array(2 ** 26)) },
        { codec }
      )
    for (const [codec, pack] of [
      [2, zlib.gzipSync],
      [
        4,
        (plain: Uint8Array) => zlib.brotliCompressSync(plain, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 1 } })
      ],
      [6, zlib.zstdCompressSync]
    ] as const) {
      const before = process.memoryUsage().rss
      expect(
        (
          await refusal(
            Format.parquet(),
            bomb(codec, (plain) => new Uint8Array(pack(plain)))
          )
        ).message
      ).toMatch(/more/)
      expect(process.memoryUsage().rss - before).toBeLessThan(2 ** 27)
    }
  })
})
