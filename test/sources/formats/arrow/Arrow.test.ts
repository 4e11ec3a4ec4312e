/**
 * Arrow as all kinds of writers have it, written by hand: the shapes of apache/arrow-testing. They are read exactly, from streams
 * and files alike, or refused with what is wrong.
 */
import { describe, expect, test } from "bun:test"
import { zstdCompressSync } from "node:zlib"
import * as Format from "../../../../src/sources/formats/Formats.ts"
import {
  type Batch,
  bits,
  type Field,
  fileOf,
  i16,
  i32,
  type Shape,
  streamOf,
  u8,
  type Values
} from "../../../support/arrow.ts"
import { refusal, rowsOf } from "../../../support/shard.ts"

const NONE = new Uint8Array(0)
const text = (own: string): Uint8Array => new TextEncoder().encode(own)

/** Values of which none is null: their buffers stand behind that of nulls. */
const plain = (length: number, ...buffers: ReadonlyArray<ArrayBufferView>): Values => ({
  length,
  buffers: [NONE, ...buffers]
})
const texts = (...own: ReadonlyArray<string>): Values => {
  const ends = own.map((_, at) => text(own.slice(0, at + 1).join("")).length)
  return plain(own.length, Int32Array.of(0, ...ends), text(own.join("")))
}

const int8: Field["type"] = [2, i32(8), u8(1)]
const int32: Field["type"] = [2, i32(32), u8(1)]
const int64: Field["type"] = [2, i32(64), u8(1)]
const utf8: Field["type"] = [5]
const field = (type: Field["type"], more: Partial<Field> = {}): Field => ({ name: "a", type, ...more })

const one = (own: Field, ...columns: ReadonlyArray<Values>): Shape => ({
  fields: [own],
  batches: columns.map((column): Batch => ({ rows: column.length, columns: [column] }))
})
const values = (...own: ReadonlyArray<unknown>): ReadonlyArray<unknown> => own.map((a) => ({ a }))

const ints = (...own: ReadonlyArray<number>): Values => plain(own.length, Int32Array.from(own))
/** Two words for each number of 128 bits, four for 256. */
const wide = (words: number, ...own: ReadonlyArray<bigint>): BigUint64Array =>
  BigUint64Array.from(
    own.flatMap((value) =>
      Array.from({ length: words }, (_, at) => BigInt.asUintN(64, BigInt.asIntN(64 * words, value) >> BigInt(64 * at)))
    )
  )
/** As `LENGTH BYTES` in a compressed body; −1 is bytes that are not compressed. */
const compressed = (bytes: Uint8Array, length: number): Uint8Array =>
  new Uint8Array(Buffer.concat([new Uint8Array(BigInt64Array.of(BigInt(length)).buffer), bytes]))

const item = (type: Field["type"]): Field => ({ name: "item", type })

type Case = readonly [name: string, shape: Shape, rows: ReadonlyArray<unknown>, options?: Format.TableOptions]

const cases: ReadonlyArray<Case> = [
  ["no columns", { fields: [], batches: [{ rows: 3, columns: [] }] }, [{}, {}, {}]],
  ["no batches", { fields: [field(int32)], batches: [] }, []],
  ["batches without rows among others", one(field(int32), ints(), ints(1, 2), ints(), ints(3)), values(1, 2, 3)],
  ["texts of which none is there", one(field(utf8), plain(0, NONE, NONE)), []],
  ["version 4 of the metadata", { ...one(field(int32), ints(1)), version: 3 }, values(1)],
  ["a stream without an end", { ...one(field(int32), ints(1)), end: false }, values(1)],
  [
    "nulls",
    one(field(int32), { length: 3, nulls: 1, buffers: [bits(1, 0, 1), Int32Array.of(1, 9, 3)] }),
    values(1, null, 3)
  ],
  ["nulls alone", one(field([1]), { length: 2, nulls: 2 }), values(null, null)],
  ["booleans", one(field([6]), plain(3, bits(1, 0, 1))), values(true, false, true)],
  [
    "decimal of 32 bits",
    one(field([7, i32(9), i32(2), i32(32)]), plain(2, Int32Array.of(1230, -5))),
    values("12.30", "-0.05")
  ],
  ["decimal of 64 bits", one(field([7, i32(18), i32(0), i32(64)]), plain(1, BigInt64Array.of(-7n))), values("-7")],
  [
    "decimal of 128 bits, of which nothing is said",
    one(field([7, i32(38), i32(3)]), plain(2, wide(2, -(10n ** 30n), 1n))),
    values("-1000000000000000000000000000.000", "0.001")
  ],
  [
    "decimal of 256 bits and a negative scale",
    one(field([7, i32(76), i32(-2), i32(256)]), plain(1, wide(4, -(10n ** 60n)))),
    values(`-1${"0".repeat(62)}`)
  ],
  ["date of days", one(field([8, i16(0)]), plain(2, Int32Array.of(-1, 20_000))), values("1969-12-31", "2024-10-04")],
  ["date of milliseconds", one(field([8, i16(1)]), plain(1, BigInt64Array.of(86_400_000n))), values("1970-01-02")],
  ["time in s", one(field([9, i16(0), i32(32)]), plain(1, Int32Array.of(3661))), values("01:01:01")],
  ["time in ns", one(field([9, i16(3), i32(64)]), plain(1, BigInt64Array.of(1n))), values("00:00:00.000000001")],
  [
    "timestamp in s",
    one(field([10, i16(0), { text: "Europe/Berlin" }]), plain(1, BigInt64Array.of(-1n))),
    values(new Date(-1000))
  ],
  [
    "timestamp in ns",
    one(field([10, i16(3)]), plain(2, BigInt64Array.of(-1n, 2n ** 62n))),
    values("1969-12-31T23:59:59.999999999Z", "2116-02-20T23:53:38.427387904Z")
  ],
  ["duration", one(field([18, i16(2)]), plain(1, BigInt64Array.of(-(2n ** 60n)))), values(-(2n ** 60n))],
  ["interval of months", one(field([11, i16(0)]), plain(1, Int32Array.of(-3))), values({ months: -3 })],
  [
    "interval of days and milliseconds",
    one(field([11, i16(1)]), plain(1, Int32Array.of(1, -2))),
    values({ days: 1, milliseconds: -2 })
  ],
  [
    "interval of all",
    one(field([11, i16(2)]), plain(1, BigInt64Array.of(1n | (2n << 32n), -3n))),
    values({ months: 1, days: 2, nanoseconds: -3n })
  ],
  [
    "sparse union",
    one(
      field([14, i16(0), { structs: new Uint8Array(Int32Array.of(5, 7).buffer), count: 2, align: 4 }], {
        children: [
          { name: "i", type: int32 },
          { name: "s", type: utf8 }
        ]
      }),
      {
        length: 2,
        buffers: [Int8Array.of(7, 5)],
        children: [ints(1, 2), texts("x", "y")]
      }
    ),
    values("x", 2)
  ],
  [
    "dense union",
    one(
      field([14, i16(1)], {
        children: [
          { name: "i", type: int32 },
          { name: "s", type: utf8 }
        ]
      }),
      {
        length: 3,
        buffers: [Int8Array.of(0, 1, 0), Int32Array.of(1, 0, 0)],
        children: [ints(1, 2), texts("x")]
      }
    ),
    values(2, "x", 1)
  ],
  [
    "union of version 4, which has nulls of its own",
    {
      ...one(field([14, i16(0)], { children: [{ name: "i", type: int32 }] }), {
        length: 2,
        nulls: 1,
        buffers: [bits(1, 0), Int8Array.of(0, 0)],
        children: [ints(1, 2)]
      }),
      version: 3
    },
    values(1, null)
  ],
  [
    "extension type: the type below it",
    one(
      field([15, i32(2)], { metadata: { "ARROW:extension:name": "arrow.uuid", "ARROW:extension:metadata": "" } }),
      plain(2, Uint8Array.of(1, 2, 3, 4))
    ),
    values(Uint8Array.of(1, 2), Uint8Array.of(3, 4))
  ],
  ["wide texts", one(field([20]), plain(2, BigInt64Array.of(0n, 1n, 3n), text("xyz"))), values("x", "yz")],
  [
    "views of texts, short and long",
    one(field([24]), {
      length: 2,
      views: 1,
      buffers: [
        NONE,
        new Uint8Array(
          Buffer.concat([
            Buffer.from(Int32Array.of(2).buffer),
            Buffer.from("hi".padEnd(12, "\0")),
            Buffer.from(Int32Array.of(14).buffer),
            Buffer.from("four"),
            Buffer.from(Int32Array.of(0, 1).buffer)
          ])
        ),
        text("?fourteen bytes")
      ]
    }),
    values("hi", "fourteen bytes")
  ],
  [
    "lists of fixed size",
    one(field([16, i32(2)], { children: [item(int32)] }), { length: 2, buffers: [NONE], children: [ints(1, 2, 3, 4)] }),
    values(Int32Array.of(1, 2), Int32Array.of(3, 4))
  ],
  [
    "lists, one of them empty and one null",
    one(field([12], { children: [item(utf8)] }), {
      length: 3,
      nulls: 1,
      buffers: [bits(1, 1, 0), Int32Array.of(0, 2, 2, 2)],
      children: [texts("a", "b")]
    }),
    values(["a", "b"], [], null)
  ],
  [
    "views of lists, out of order",
    one(field([25], { children: [item(int32)] }), {
      length: 2,
      buffers: [NONE, Int32Array.of(1, 0), Int32Array.of(2, 1)],
      children: [ints(1, 2, 3)]
    }),
    values(Int32Array.of(2, 3), Int32Array.of(1))
  ],
  [
    "maps",
    one(
      field([17], {
        children: [
          {
            name: "entries",
            type: [13],
            children: [
              { name: "key", type: utf8 },
              { name: "value", type: int32 }
            ]
          }
        ]
      }),
      {
        length: 2,
        buffers: [NONE, Int32Array.of(0, 1, 1)],
        children: [{ length: 1, buffers: [NONE], children: [texts("k"), ints(1)] }]
      }
    ),
    values([["k", 1]], [])
  ],
  [
    "runs",
    one(
      field([22], {
        children: [
          { name: "run_ends", type: int32 },
          { name: "values", type: utf8 }
        ]
      }),
      { length: 5, children: [ints(2, 5), texts("x", "y")] }
    ),
    values("x", "x", "y", "y", "y")
  ],
  [
    "a compressed body: zstd, and buffers that it did not make smaller",
    {
      fields: [field(int64)],
      batches: [
        {
          rows: 2,
          columns: [{ length: 2, buffers: [NONE, compressed(zstdCompressSync(new Uint8Array(16).fill(1)), 16)] }],
          codec: 1
        },
        { rows: 1, columns: [{ length: 1, buffers: [NONE, compressed(new Uint8Array(8).fill(2), -1)] }], codec: 1 }
      ]
    },
    values(0x0101010101010101n, 0x0101010101010101n, 0x0202020202020202n)
  ],
  [
    "a column that is chosen among others",
    {
      fields: [{ name: "b", type: utf8 }, field(int32)],
      batches: [{ rows: 2, columns: [texts("x", "y"), ints(1, 2)] }]
    },
    values(1, 2),
    { columns: ["a"] }
  ]
]

const codes = (...own: ReadonlyArray<number>): Values => plain(own.length, Int8Array.from(own))
const dictionary = (values: Values, delta = false, id = 3): Batch => ({
  rows: values.length,
  columns: [values],
  dictionary: { id, delta }
})
const rows = (...own: ReadonlyArray<number>): Batch => ({ rows: own.length, columns: [codes(...own)] })

const dictionaries: ReadonlyArray<Case> = [
  [
    "a dictionary",
    { fields: [field(utf8, { dictionary: 3 })], batches: [dictionary(texts("x", "y")), rows(1, 0, 1)] },
    values("y", "x", "y")
  ],
  [
    "a dictionary that is added to",
    {
      fields: [field(utf8, { dictionary: 3 })],
      batches: [dictionary(texts("x", "y")), rows(1, 0), dictionary(texts("z"), true), rows(2, 0)]
    },
    values("y", "x", "z", "x")
  ],
  [
    "a dictionary of lists of another dictionary's texts",
    {
      fields: [field([12], { dictionary: 1, children: [{ name: "item", type: utf8, dictionary: 2 }] })],
      batches: [
        dictionary(texts("x", "y"), false, 2),
        dictionary({ length: 2, buffers: [NONE, Int32Array.of(0, 1, 3)], children: [codes(1, 0, 0)] }, false, 1),
        rows(1, 0)
      ]
    },
    values(["x", "x"], ["y"])
  ],
  [
    "a null in a dictionary",
    {
      fields: [field(int32, { dictionary: 3 })],
      batches: [dictionary({ length: 2, nulls: 1, buffers: [bits(1, 0), Int32Array.of(5, 0)] }), rows(0, 1)]
    },
    values(5, null)
  ]
]

describe.each([
  ["stream", streamOf],
  ["file", fileOf]
] as const)("an Arrow %s", (_, write) => {
  test.each([...cases, ...dictionaries].map(([name, ...rest]) => [name, rest] as const))(
    "%s",
    async (_, [shape, rows, options]) => {
      expect<ReadonlyArray<unknown>>(await rowsOf(Format.arrow(options), write(shape))).toEqual(rows)
    }
  )

  test.each([
    [
      "big-endian",
      { ...one(field(int32), ints(1)), bigEndian: true },
      "its numbers are big-endian, which is not supported; write it on a little-endian machine"
    ],
    ["an unknown type", one(field([99]), ints(1)), "an unknown type, number 99; write it with the types of Arrow 1.5"],
    [
      "an unknown codec",
      { fields: [field(int32)], batches: [{ rows: 1, columns: [ints(1)], codec: 9 }] },
      "an unknown codec, number 9; write it with zstd or lz4"
    ],
    [
      "a dictionary that is not there",
      { fields: [field(utf8, { dictionary: 3 })], batches: [rows(0)] },
      "has index 0 in a dictionary of 0 values"
    ],
    [
      "an index beyond its dictionary",
      { fields: [field(utf8, { dictionary: 3 })], batches: [dictionary(texts("x")), rows(0, 1)] },
      "has index 1 in a dictionary of 1 value"
    ],
    [
      "a negative index",
      { fields: [field(utf8, { dictionary: 3 })], batches: [dictionary(texts("x")), rows(-1)] },
      "has index -1"
    ],
    ["text that is not UTF-8", one(field(utf8), plain(1, Int32Array.of(0, 1), Uint8Array.of(0xff))), "not UTF-8"],
    [
      "a text that begins within a character",
      one(field(utf8), plain(2, Int32Array.of(0, 1, 2), text("é"))),
      "not UTF-8"
    ],
    ["offsets that go back", one(field(utf8), plain(2, Int32Array.of(0, 2, 1), text("ab"))), "offsets that go back"],
    ["offsets beyond the end", one(field(utf8), plain(1, Int32Array.of(0, 9), text("ab"))), "offsets up to 9"],
    [
      "a buffer that is too short",
      one(field(int32), { length: 3, buffers: [NONE, Int32Array.of(1, 2)] }),
      "has 8 bytes, and needs 12"
    ],
    [
      "a batch that lacks a column",
      { fields: [field(int32), { name: "b", type: int8 }], batches: [{ rows: 1, columns: [ints(1)] }] },
      'lacks field "b"'
    ],
    [
      "a column of another length",
      { fields: [field(int32)], batches: [{ rows: 2, columns: [ints(1)] }] },
      "1 value in a batch of 2 rows"
    ],
    [
      "more rows than any body holds",
      { fields: [field([1])], batches: [{ rows: 2 ** 40, columns: [{ length: 2 ** 40, nulls: 2 ** 40 }] }] },
      "too many for its 0 bytes"
    ],
    [
      "a buffer that is to be larger than all",
      {
        fields: [field(int64)],
        batches: [
          { rows: 1, columns: [{ length: 1, buffers: [NONE, compressed(new Uint8Array(8), 2 ** 40)] }], codec: 1 }
        ]
      },
      "blockBytes"
    ],
    [
      "a union without such a child",
      one(field([14, i16(0)], { children: [{ name: "i", type: int32 }] }), {
        length: 1,
        buffers: [Int8Array.of(4)],
        children: [ints(1)]
      }),
      "type 4 that it does not have"
    ],
    [
      "two columns of one name",
      { fields: [field(int32), field(int32)], batches: [{ rows: 1, columns: [ints(1), ints(2)] }] },
      'two columns of the name "a"; choose others by the option columns'
    ],
    [
      "two fields of one name in a struct",
      one(
        field([13], {
          children: [
            { name: "x", type: int32 },
            { name: "x", type: int32 }
          ]
        }),
        {
          length: 1,
          buffers: [NONE],
          children: [ints(1), ints(2)]
        }
      ),
      'struct "a" has two fields of the name "x"; choose other columns'
    ]
  ] as ReadonlyArray<readonly [string, Shape, string]>)("refuses %s", async (_, shape, reason) => {
    const error = await refusal(Format.arrow(), write(shape))
    expect(error).toMatchObject({ _tag: "ShardError", shard: "some.shard", format: "arrow" })
    expect(error.message).toContain(reason)
  })
})

test("a column of a name that another one has, too, cannot be chosen; others can", async () => {
  const fields = [field(int32), { name: "b", type: int32 }, field(int32)]
  const shape = { fields, batches: [{ rows: 1, columns: [ints(1), ints(2), ints(3)] }] }
  for (const bytes of [fileOf(shape), streamOf(shape)]) {
    expect((await refusal(Format.arrow({ columns: ["b", "a"] }), bytes)).message).toContain(
      'two columns of the name "a"'
    )
    expect(await rowsOf(Format.arrow({ columns: ["b"] }), bytes)).toEqual([{ b: 2 }])
  }
})

test("chosen columns whose buffers lie outside of their batch", async () => {
  const bytes = fileOf({
    fields: [field(int32), { name: "b", type: int32 }],
    batches: [{ rows: 2, columns: [ints(1, 2), ints(3, 4)] }]
  })
  const view = new DataView(bytes.buffer)
  // Of the two lengths of 8 in the metadata the last is that of `b`'s values.
  const at = Array.from({ length: bytes.length / 8 }, (_, place) => 8 * place).findLast(
    (place) => view.getBigInt64(place, true) === 8n
  )
  view.setBigInt64(at ?? 0, 2n ** 40n, true)
  const error = await refusal(Format.arrow({ columns: ["b"] }), bytes)
  expect(error.message).toContain('a buffer of field "b" lies outside of the 16 bytes of its batch')
})

test("streams as they were before Arrow 0.15, and dictionaries that are replaced", async () => {
  const old = streamOf({ ...one(field(int32), ints(1, 2), ints(3)), old: true, version: 3 })
  expect<ReadonlyArray<unknown>>(await rowsOf(Format.arrow(), old)).toEqual(values(1, 2, 3))
  const replaced = streamOf({
    fields: [field(utf8, { dictionary: 3 })],
    batches: [dictionary(texts("x", "y")), rows(1), dictionary(texts("new")), rows(0)]
  })
  expect<ReadonlyArray<unknown>>(await rowsOf(Format.arrow(), replaced)).toEqual(values("y", "new"))
})
