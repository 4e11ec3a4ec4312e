/**
 * Frames: what is read is what was written, however it arrives; anything else is a FrameError.
 */
import { describe, expect, test } from "bun:test"
import { isDeepStrictEqual } from "node:util"
import { crc32 } from "node:zlib"
import fc from "fast-check"
import { type Batch, type Cursor, Tensor } from "../../src/index.ts"
import { encode, type Frame, FrameError, FrameReader } from "../../src/service/Frame.ts"
import { pieces as piecesOf } from "../../src/service/FrameBytes.ts"
import { seal } from "../../src/service/FrameLead.ts"
import { NotSendable } from "../../src/service/WireValue.ts"

/** No reader of frames looks into a cursor. */
const cursor = { version: 2, epoch: 0, batch: 1, digest: null } as unknown as Cursor.Cursor

const kinds = [Uint8Array, Int16Array, Int32Array, Float32Array, Float64Array, BigInt64Array] as const

const tensor = fc
  .tuple(fc.constantFrom(...kinds), fc.array(fc.nat(4), { maxLength: 3 }), fc.nat(100))
  .map(([kind, shape, first]) => {
    const data = new kind(shape.reduce((product, axis) => product * axis, 1))
    for (let at = 0; at < data.length; at++) {
      const value = (first + 7 * at) % 120
      data[at] = data instanceof BigInt64Array ? BigInt(value) : value
    }
    return new Tensor.Tensor(data, shape)
  })

const column = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    tensor,
    fc.string({ unit: "grapheme" }),
    fc.double(),
    fc.bigInt(),
    fc.boolean(),
    fc.constantFrom(null, undefined),
    fc.date({ noInvalidDate: true }),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.oneof(fc.string(), fc.constantFrom("$tensor", "$record", "$x", "__proto__")), tie("value"), {
      maxKeys: 3,
      noNullPrototype: true
    })
  )
})).value

const frames = column.map((columns): Frame => {
  const batch: Batch.Batch<unknown> = {
    epoch: 1,
    index: 2,
    rank: 0,
    worker: 3,
    size: 4,
    indices: Float64Array.of(4, 3, 2, 1),
    columns
  }
  return { kind: "batch", batch, cursor }
})

const joined = (parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

/** Reads bytes that arrive in pieces of these lengths, over and over. */
const read = (bytes: Uint8Array, pieces: ReadonlyArray<number>, longest?: number): ReadonlyArray<Frame> => {
  const reader = new FrameReader(longest)
  const found: Array<Frame> = []
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const length = pieces[turn % pieces.length] ?? 1
    found.push(...reader.take(bytes.subarray(at, at + length)))
    at += length
  }
  return found
}

const pieces = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 })

describe("frames", () => {
  test("arrive as they were written, in whatever pieces", () => {
    fc.assert(
      fc.property(fc.array(frames, { minLength: 1, maxLength: 3 }), pieces, (sent, lengths) => {
        expect(isDeepStrictEqual(read(joined(sent.map((frame) => encode(frame))), lengths), sent)).toBe(true)
      }),
      { numRuns: 200 }
    )
  })

  test("keep the holes of lists, which are not part of a digest", () => {
    const list: Array<unknown> = [1, 2, 3]
    delete list[1]
    const batch = { epoch: 0, index: 0, rank: 0, worker: 0, size: 3, indices: new Float64Array(3), columns: { list } }
    const [frame] = read(encode({ kind: "batch", batch, cursor }), [1000])
    expect(isDeepStrictEqual(frame?.kind === "batch" && frame.batch.columns, { list })).toBe(true)
  })

  test("keep names that JSON has escapes for, one frame after another", () => {
    for (const name of ["\\", "\n", '"']) {
      const columns = { a: "text", [name]: "text" }
      const batch = { epoch: 0, index: 0, rank: 0, worker: 0, size: 1, indices: new Float64Array(1), columns }
      const [frame] = read(encode({ kind: "batch", batch, cursor }), [1000])
      expect(frame?.kind === "batch" && frame.batch.columns).toEqual(columns)
    }
  })

  test("that were changed in one bit, or cut, are refused or not given at all", () => {
    const damage = fc.tuple(fc.nat(), fc.nat(7), fc.boolean())
    fc.assert(
      fc.property(frames, damage, pieces, (frame, [place, bit, isCut], lengths) => {
        const bytes = encode(frame)
        const at = place % bytes.length
        if (isCut) return expect(read(bytes.subarray(0, at), lengths)).toEqual([])
        bytes[at] = (bytes[at] ?? 0) ^ (1 << bit)
        // A longer head or body waits for what never comes.
        const found = ((): ReadonlyArray<Frame> | FrameError => {
          try {
            return read(bytes, lengths, 2 ** 20)
          } catch (error) {
            if (error instanceof FrameError) return error
            throw error
          }
        })()
        if (found instanceof FrameError) return
        expect(found).toEqual([])
      }),
      { numRuns: 500 }
    )
  })

  test("carry long texts and lists in their bodies, whatever stands in them", () => {
    const rows = Array.from({ length: 3000 }, (_, at) => `row ${at} of some length, \ud800 and №`)
    delete rows[7]
    const columns = {
      rows,
      text: "né".repeat(50_000),
      records: rows.map((text, at) => ({ text, tensor: new Tensor.Tensor(Float32Array.of(at), [1]), $odd: -0 })),
      lists: [rows, ["short"], rows],
      short: ["a", undefined, 12n]
    }
    const batch = { epoch: 0, index: 0, rank: 0, worker: 0, size: 3, indices: new Float64Array(3), columns }
    const bytes = encode({ kind: "batch", batch, cursor })
    expect(new DataView(bytes.buffer).getUint32(4, true)).toBeLessThan(2 ** 17)
    const [frame] = read(bytes, [70_001])
    expect(isDeepStrictEqual(frame?.kind === "batch" && frame.batch.columns, columns)).toBe(true)
  })

  test("carry columns of texts beyond what a head may hold", () => {
    const text = Array.from({ length: 96 }, (_, at) => String.fromCharCode(97 + (at % 26)).repeat(2 ** 20))
    const batch = { epoch: 0, index: 0, rank: 0, worker: 0, size: 96, indices: new Float64Array(96), columns: { text } }
    const [frame] = read(encode({ kind: "batch", batch, cursor }), [2 ** 20])
    expect(isDeepStrictEqual(frame?.kind === "batch" && frame.batch.columns, { text })).toBe(true)
  }, 30_000)

  test("that name a part with JSON twice are refused: it could come to any size", () => {
    const data = new TextEncoder().encode('[{"$list":[0,0]},{"$list":[0,0]}]')
    const packed = { $list: [0] }
    const batch = { epoch: 0, index: 0, rank: 0, worker: 0, size: 1, indices: { $array: 1 }, columns: { packed } }
    const parts = [
      { data, shape: [data.length] },
      { data: new Float64Array(1), shape: [1] }
    ]
    const bytes = joined(piecesOf({ kind: "batch", batch, cursor }, parts))
    expect(() => read(bytes, [1000])).toThrow("a part with JSON is named twice")
    const odd = joined(piecesOf({ kind: "batch", batch: { ...batch, columns: { $text: 0 } }, cursor }, parts))
    expect(() => read(odd, [1000])).toThrow("is no list or no text")
  })

  test("of bytes that anybody may send are a FrameError, with a checksum that fits, too", () => {
    fc.assert(
      fc.property(fc.json(), fc.uint8Array({ maxLength: 64 }), (head, body) => {
        // The head is anything, and its checksum right.
        const text = new TextEncoder().encode(head)
        const bytes = encode({ kind: "alive" }).slice(0, 24)
        const view = new DataView(bytes.buffer)
        const padded = new Uint8Array(8 * Math.ceil(text.length / 8)).fill(32)
        padded.set(text)
        view.setUint32(4, padded.length, true)
        view.setUint32(8, body.length, true)
        const rest = joined([padded, body])
        view.setUint32(16, crc32(rest), true)
        seal(bytes)
        expect(() => read(joined([bytes, rest]), [1024])).toThrow(FrameError)
      }),
      { numRuns: 200 }
    )
  })

  test("of which one bit of the lengths was changed are refused at once: nobody waits for what never comes", () => {
    const batch = { epoch: 0, index: 0, rank: 0, worker: 0, size: 1, indices: new Float64Array(1), columns: {} }
    const bytes = encode({ kind: "batch", batch, cursor })
    for (let bit = 0; bit < 8 * 24; bit++) {
      const lead = bytes.slice(0, 24)
      lead[bit >> 3] = (lead[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(() => read(lead, [24])).toThrow(FrameError)
    }
  })

  test("that are too long are refused before anything is kept of them", () => {
    const lead = encode({ kind: "alive" }).slice(0, 24)
    new DataView(lead.buffer).setUint32(8, 2 ** 32 - 1, true)
    seal(lead)
    expect(() => read(lead, [24])).toThrow("its body is 4294967295 bytes long; at most 2147483648 are taken")
  })

  test("do not hold what has no bytes, and say where it stands", () => {
    const batch = { epoch: 0, index: 0, rank: 0, worker: 0, size: 1, indices: new Float64Array(1) }
    const of = (columns: unknown) => () => encode({ kind: "batch", batch: { ...batch, columns }, cursor })
    expect(of({ image: [{ f: () => 0 }] })).toThrow("batch.columns.image[0].f holds a function")
    expect(of({ when: new Map() })).toThrow(NotSendable)
    const columns = { short: ["a"], text: ["x".repeat(2000)] }
    expect(() => piecesOf({ batch: { columns } }, [], 1000)).toThrow("columns.text holds most of more than 1000 bytes")
    expect(piecesOf({ batch: { columns } }, [], 3000).length).toBe(1)
    expect(of({ [Symbol("key")]: 1 })).toThrow(NotSendable)
    expect(of({ long: 10n ** 5000n })).toThrow("columns.long holds a bigint of 5001 digits")
    const own: Record<string, unknown> = {}
    own["own"] = own
    expect(of(own)).toThrow("without end")
  })
})
