import { describe, expect, test } from "bun:test"
import { ThriftReader, Type, type Value } from "../../../../src/sources/formats/parquet/Thrift.ts"

const { MAX_SAFE_INTEGER } = Number

describe("whole numbers", () => {
  const edges = [0, 1, 63, 64, 2 ** 13, 2 ** 20 - 1, 2 ** 27 - 1, 2 ** 27, 2 ** 28, 2 ** 31, 2 ** 34, MAX_SAFE_INTEGER]
  const numbers = edges.flatMap((edge) => [edge, -edge, -edge - 1]).filter(Number.isSafeInteger)

  /** As the protocol has them: the sign is the last bit, and seven bits stand in a byte. */
  const written = (value: number): ReadonlyArray<number> => {
    const bytes: Array<number> = []
    let rest = BigInt(value) < 0n ? -2n * BigInt(value) - 1n : 2n * BigInt(value)
    for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128)
    return [...bytes, Number(rest)]
  }

  test("come out as they went in, short and long", () => {
    for (const value of numbers) {
      const own = written(value)
      const reader = new ThriftReader(Uint8Array.of(0x16, ...own, 0))
      const fields = reader.struct(0)
      expect(reader.end).toBe(own.length + 2)
      expect(reader.int(fields.get(1) as Value)).toBe(value + 0)
    }
  })

  test("of more than 64 bits are refused, and those that are cut short", () => {
    const long = (bytes: number): Uint8Array => Uint8Array.of(0x16, ...new Uint8Array(bytes).fill(0x80), 1, 0)
    expect(new ThriftReader(long(9)).struct(0).size).toBe(1)
    expect(() => new ThriftReader(long(10)).struct(0)).toThrow(/64 bits/)
    for (let bytes = 0; bytes < 9; bytes++) {
      const cut = long(9).subarray(0, 1 + bytes)
      expect(() => new ThriftReader(cut).int({ type: Type.i64, start: 1, end: cut.length })).toThrow(RangeError)
    }
  })
})
