/** NumPy's archives of arrays, and the ZIP files that they are. */
import { describe, expect, test } from "bun:test"
import { Effect } from "effect"
import { InvalidOption } from "../../../../src/core/InvalidOption.ts"
import { text } from "../../../../src/core/Parameters.ts"
import { Tensor } from "../../../../src/core/Tensor.ts"
import * as Format from "../../../../src/sources/formats/Formats.ts"
import { headerOf, npyOf } from "../../../support/npy.ts"
import { openShard, reference, refusal, rowsOf, shardOf } from "../../../support/shard.ts"
import { type ZipMember, zipOf } from "../../../support/zip.ts"

const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, at) => at % 251)

/** A member of `rows` rows of `width` bytes. */
const member = (name: string, rows: number, width: number, fortran = false): ZipMember => ({
  name: `${name}.npy`,
  body: npyOf(headerOf("|u1", [rows, width], fortran), bytes(rows * width))
})

describe("NumPy's own archives", () => {
  test.each(["many.npz", "many-deflated.npz"])("%s", async (name) => {
    const rows = await rowsOf(Format.npz(), reference(name))
    const y = [1.5, -2, 3, 0]
    expect(rows).toEqual(
      y.map((own, row) => ({
        x: new Tensor(
          BigInt64Array.from([0, 1, 2], (n) => BigInt(n + 3 * row)),
          [3]
        ),
        y: own
      }))
    )
    const chosen = await rowsOf(Format.npz({ columns: ["y"] }), reference(name))
    expect(chosen).toEqual(y.map((own) => ({ y: own })))
  })
})

test("stored arrays are read by rows, and only those that are chosen", async () => {
  const file = zipOf([
    member("a", 100, 1000),
    member("b", 100, 10),
    member("c", 100, 500),
    { name: "notes.txt", body: bytes(9) }
  ])
  const shard = shardOf(file)
  const { index, rows } = await Effect.runPromise(
    openShard(Format.npz({ columns: ["c", "b"], blockBytes: 10_000 }), shard)
  )
  expect(index.blocks.map((block) => block.rows)).toEqual([19, 19, 19, 19, 19, 5])
  const all = rows()
  expect(Object.keys(all[0] ?? {})).toEqual(["c", "b"])
  for (const [row, { b, c }] of all.entries()) {
    expect(b).toEqual(new Tensor(bytes(1000).subarray(10 * row, 10 * row + 10), [10]))
    expect(c).toEqual(new Tensor(bytes(50_000).subarray(500 * row, 500 * row + 500), [500]))
  }
  expect(index.schema).toBe('"c": uint8[500], "b": uint8[10]')
})

test("ZIP64, data descriptors, a comment, deflated and in Fortran order", async () => {
  const members = [member("a", 3, 4), member("b", 3, 2)]
  const plain = await rowsOf(Format.npz(), zipOf(members))
  const others: ReadonlyArray<Uint8Array> = [
    zipOf(
      members.map((own) => ({ ...own, wide: true })),
      { wide: true }
    ),
    zipOf(members.map((own) => ({ ...own, described: true }))),
    zipOf(
      members.map((own) => ({ ...own, deflated: true, described: true })),
      { comment: "PK\x05\x06 no end" }
    ),
    zipOf(members, { wide: true, comment: "x".repeat(65_535) })
  ]
  for (const other of others) expect(await rowsOf(Format.npz(), other)).toEqual(plain)
  const turned = await rowsOf(Format.npz(), zipOf([member("a", 2, 3, true)]))
  expect(turned.map(({ a }) => (a instanceof Tensor ? Array.from(a.data, Number) : []))).toEqual([
    [0, 2, 4],
    [1, 3, 5]
  ])
})

test("an archive without rows has no blocks", async () => {
  expect(await rowsOf(Format.npz(), zipOf([member("a", 0, 3), member("b", 0, 1)]))).toEqual([])
})

describe("what is refused", () => {
  const a = member("a", 3, 4)
  const deflated = { ...a, deflated: true }
  const file = zipOf([a])
  const damaged = (change: (own: Uint8Array) => void, own = file): Uint8Array => {
    const copy = own.slice()
    change(copy)
    return copy
  }
  const cases: ReadonlyArray<readonly [string, Uint8Array, RegExp]> = [
    ["empty", new Uint8Array(0), /does not end as a ZIP file/],
    ["another kind of file", bytes(500), /does not end as a ZIP file/],
    ["cut", file.subarray(0, -1), /does not end as a ZIP file/],
    ["cut at its beginning", file.subarray(5), /directory is not where its end says/],
    ["no arrays", zipOf([]), /has no arrays/],
    ["something else", zipOf([a, { name: "a.txt", body: bytes(3) }]), /"a\.txt" is not named as an array/],
    ["a member twice", zipOf([a, a]), /two members "a\.npy"/],
    ["an encrypted member", zipOf([{ ...a, flags: 1 }]), /is encrypted/],
    ["another method", zipOf([{ ...a, method: 12 }]), /packed by method 12/],
    ["a directory elsewhere", zipOf([a], { offset: 3 }), /directory is not where its end says/],
    ["a count that lies", zipOf([a], { count: 2 }), /no entry here|directory is not where/],
    ["a member elsewhere", zipOf([{ ...a, claims: { offset: 20 } }]), /no header of its own|beyond the members/],
    ["a member beyond the file", zipOf([{ ...a, claims: { offset: 2 ** 30 } }]), /beyond the members/],
    [
      "a size that lies",
      zipOf([{ ...a, claims: { size: 2 ** 31 } }]),
      /is stored in 85 bytes, and should have 2147483648/
    ],
    ["a packed size that lies", zipOf([{ ...a, claims: { packed: 2 ** 31 } }]), /beyond the members/],
    ["another name in its header", zipOf([{ ...a, localName: "b.npy" }]), /another name in its own header/],
    ["a checksum that does not fit", zipOf([{ ...a, claims: { crc: 1 } }]), /checksum does not fit/],
    ["a deflated one that does not fit", zipOf([{ ...deflated, claims: { crc: 1 } }]), /checksum does not fit/],
    [
      "a bomb",
      zipOf([{ ...deflated, body: npyOf(headerOf("|u1", [3, 4]), bytes(50_000)), claims: { size: a.body.length } }]),
      /should unpack to/
    ],
    ["no array", zipOf([{ name: "a.npy", body: bytes(30) }]), /member "a\.npy": it does not begin as a NumPy file/],
    ["deflate that is none", damaged((own) => own.fill(0xff, 39, 50), zipOf([deflated])), /deflate stream is corrupt/]
  ]
  test.each(cases.map(([name, ...rest]) => [name, rest] as const))("%s", async (_, [own, reason]) => {
    expect((await refusal(Format.npz(), own)).message).toMatch(reason)
  })

  test("arrays of different lengths, or without axes, where a sample is a row; else the archive is one", async () => {
    const uneven = zipOf([a, member("b", 2, 4)])
    const point = zipOf([{ name: "p.npy", body: npyOf(headerOf("|u1", []), Uint8Array.of(7)) }])
    const format = Format.npz({ sample: "row" })
    expect((await refusal(format, uneven)).message).toMatch(/"a" has 3 rows, and "b" has 2; name arrays/)
    expect((await refusal(format, point)).message).toMatch(/"p" has no axes/)
    const both = { a: new Tensor(bytes(12), [3, 4]), b: new Tensor(bytes(8), [2, 4]) }
    expect(await rowsOf(Format.npz({ blockBytes: 4 }), uneven)).toEqual([both])
    expect(await rowsOf(Format.npz(), point)).toEqual([{ p: new Tensor(Uint8Array.of(7), []) }])
    const large = await refusal(Format.npz({ maxBlockBytes: 9 }), uneven)
    expect(large.message).toMatch(/the archive is one sample.*more than 9/)
  })

  test("rows of a stored array beyond its own bytes: those are of another array", async () => {
    const short = { ...a, body: npyOf(headerOf("|u1", [6, 4]), bytes(12)), claims: { size: a.body.length + 12 } }
    const own = zipOf([short, member("b", 6, 4)])
    const reason = /"a\.npy" is stored in 85 bytes, and should have 97; the file is damaged/
    expect((await refusal(Format.npz({ blockBytes: 4 }), own)).message).toMatch(reason)
    expect((await refusal(Format.npz(), own)).message).toMatch(reason)
  })

  test("a column that is not there", async () => {
    expect((await refusal(Format.npz({ columns: ["z"] }), file)).message).toMatch(/no array "z"; it has "a"/)
  })

  test("deflated arrays above maxBlockBytes; stored ones are no matter", async () => {
    const large = member("a", 100, 100)
    const format = Format.npz({ maxBlockBytes: 5000, blockBytes: 1000 })
    expect((await refusal(format, zipOf([{ ...large, deflated: true }]))).message).toMatch(
      /is deflated.*more than 5000/
    )
    expect(await rowsOf(format, zipOf([large]))).toHaveLength(100)
  })
})

test("options are checked, and part of the fingerprint", () => {
  for (const options of [
    { columns: [] },
    { columns: ["a", "a"] },
    { columns: "a" },
    { blockBytes: -1 },
    { sample: "array" },
    { field: "x" }
  ]) {
    expect(() => Format.npz(options as Format.NpzOptions)).toThrow(InvalidOption)
  }
  const formats = [
    Format.npz(),
    Format.npz({ columns: ["a"] }),
    Format.npz({ columns: ["a", "b"] }),
    Format.npz({ columns: ["b", "a"] }),
    Format.npz({ sample: "file" }),
    Format.npz({ blockBytes: 9 })
  ]
  expect(new Set(formats.map(({ made }) => text(made))).size).toBe(formats.length)
})
