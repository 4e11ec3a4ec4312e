/**
 * A checkpoint's bytes: what goes in comes out, and whatever happens to them is noticed.
 */
import { describe, expect, test } from "bun:test"
import { Buffer } from "node:buffer"
import { createHash } from "node:crypto"
import { Effect, Either } from "effect"
import fc from "fast-check"
import type { CheckpointError, Kind } from "../../src/checkpoint/CheckpointError.ts"
import { decode, peek, take } from "../../src/checkpoint/Format.ts"
import type { Json, State } from "../../src/checkpoint/State.ts"
import type { Cursor } from "../../src/index.ts"
import { cursorAt } from "../support/cursors.ts"

const PATH = "folder/checkpoint-1"

const encode = (
  path: string,
  id: number,
  cursor: Cursor.Cursor,
  state: State
): Either.Either<Uint8Array, CheckpointError> =>
  Either.mapBoth(take(cursor, state), { onLeft: (refused) => refused(path), onRight: (taken) => taken.encode(id) })

const frameOf = (id: number, place: number, state: State): Uint8Array =>
  Either.getOrThrow(encode(PATH, id, cursorAt(place), state))

const read = (frame: Uint8Array) => Effect.runSync(Effect.either(decode(PATH, frame)))

/** What is said of a frame that is not accepted. */
const refused = (frame: Uint8Array): { readonly kind: Kind; readonly message: string } => {
  const result = read(frame)
  if (Either.isRight(result)) throw new Error("it was accepted")
  expect(result.left._tag).toBe("CheckpointError")
  expect(result.left.path).toBe(PATH)
  expect(result.left.message.startsWith(PATH)).toBe(true)
  return { kind: result.left.kind, message: result.left.message }
}

/** A frame with its checksum made to fit again. */
const sealed = (frame: Uint8Array): Uint8Array => {
  const end = frame.length - 32
  const copy = frame.slice()
  copy.set(createHash("sha256").update(copy.subarray(0, end)).digest(), end)
  return copy
}

/** JSON without -0, which JSON itself does not keep, and without `__proto__`, which is refused. */
const json = fc
  .jsonValue()
  .map((value) => JSON.stringify(value))
  .filter((text) => !text.includes('"__proto__":'))
  .map((text) => JSON.parse(text) as Json) // it comes from JSON.parse

const states: fc.Arbitrary<State> = fc.record({
  json,
  bytes: fc.dictionary(fc.string({ maxLength: 9 }), fc.uint8Array({ maxLength: 40 }), { maxKeys: 4 })
})

const frames = fc
  .record({ id: fc.integer({ min: 1, max: 1e12 }), place: fc.nat(), state: states })
  .map((content) => ({ ...content, frame: frameOf(content.id, content.place, content.state) }))

describe("a frame", () => {
  test("gives back what it was made of", () => {
    fc.assert(
      fc.property(frames, ({ frame, id, place, state }) => {
        const { bytes = {}, json = null } = state
        const content = Either.getOrThrow(read(frame))
        expect(content.id).toBe(id)
        expect(peek(frame)).toBe(id)
        expect(content.cursor).toEqual(cursorAt(place))
        expect(JSON.stringify(content.state.json)).toBe(JSON.stringify(json))
        expect(Object.keys(content.state.bytes)).toEqual(Object.keys(bytes))
        for (const [name, record] of Object.entries(bytes)) {
          expect(Array.from(content.state.bytes[name] ?? [])).toEqual(Array.from(record))
        }
      })
    )
  })

  test("gives back names that JSON has escapes for, one frame after another", () => {
    for (const name of ["\\", "\n", '"']) {
      const json = { step: 1, [name]: 2 }
      expect(Either.getOrThrow(read(frameOf(1, 1, { json }))).state.json).toEqual(json)
    }
  })

  test("is what it is: these bytes are read by every version to come", () => {
    const frame = frameOf(7, 3, {
      json: { step: 3 },
      bytes: { weights: Uint8Array.of(1, 2, 3), none: new Uint8Array() }
    })
    expect(Array.from(frame.subarray(0, 12))).toEqual([0x89, 0x46, 0x55, 0x52, 0x52, 0x4f, 0x57, 0x0a, 1, 0, 0, 0])
    expect(Array.from(frame.subarray(16, 24))).toEqual([3, 0, 0, 0, 0, 0, 0, 0])
    expect(Array.from(frame.subarray(-35, -32))).toEqual([1, 2, 3])
    const head = new TextDecoder().decode(frame.subarray(24, -35))
    expect(JSON.parse(head)).toEqual({
      id: 7,
      cursor: cursorAt(3),
      json: { step: 3 },
      bytes: [
        ["weights", 3],
        ["none", 0]
      ]
    })
  })

  test("gives records that are copies, and keeps none that it was given", () => {
    const weights = Uint8Array.of(1, 2, 3)
    const frame = frameOf(1, 0, { bytes: { weights } })
    weights.fill(9)
    // File systems give Buffers, whose own ways of copying share the memory.
    for (const given of [frame, Buffer.from(frame)]) {
      const first = Either.getOrThrow(read(given)).state.bytes["weights"]
      expect(first?.byteOffset).toBe(0)
      expect(first?.buffer.byteLength).toBe(3)
      first?.fill(8)
      expect(Array.from(Either.getOrThrow(read(given)).state.bytes["weights"] ?? [])).toEqual([1, 2, 3])
    }
  })

  test("notices any flipped bit", () => {
    fc.assert(
      fc.property(frames, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), ({ frame }, share) => {
        const bit = Math.floor(share * frame.length * 8)
        const copy = frame.slice()
        const at = bit >> 3
        copy[at] = (copy[at] ?? 0) ^ (1 << (bit & 7))
        expect(["foreign", "truncated", "damaged"]).toContain(refused(copy).kind)
      }),
      { numRuns: 500 }
    )
  })

  test("notices every flipped bit and every cut of one", () => {
    const frame = frameOf(1, 2, { json: 1, bytes: { w: Uint8Array.of(0, 255) } })
    for (let bit = 0; bit < frame.length * 8; bit++) {
      const copy = frame.slice()
      const at = bit >> 3
      copy[at] = (copy[at] ?? 0) ^ (1 << (bit & 7))
      if (Either.isRight(read(copy))) throw new Error(`bit ${bit} was not noticed`)
    }
    for (let length = 0; length < frame.length; length++) {
      const { kind } = refused(frame.subarray(0, length))
      expect(kind).toBe(length === 0 ? "empty" : "truncated")
    }
  })

  test("notices what was torn, spliced, swapped or appended", () => {
    fc.assert(
      fc.property(frames, frames, fc.nat(), (a, b, cut) => {
        const at = cut % a.frame.length
        // The beginning of one write, and zeros or an older file behind it.
        const zeroed = a.frame.slice().fill(0, at)
        if (zeroed.some((byte, place) => byte !== a.frame[place])) expect(Either.isLeft(read(zeroed))).toBe(true)
        const spliced = Uint8Array.from([...a.frame.subarray(0, at), ...b.frame.subarray(at)])
        const same = [a.frame, b.frame].some(
          (frame) => frame.length === spliced.length && frame.every((byte, place) => byte === spliced[place])
        )
        if (!same) expect(Either.isLeft(read(spliced))).toBe(true)
        expect(refused(Uint8Array.from([...a.frame, 0])).kind).toBe("damaged")
      })
    )
  })

  test("says of a newer version that it is one, and not that it is damaged", () => {
    const frame = frameOf(1, 1, {})
    frame[8] = 2
    const { kind, message } = refused(sealed(frame))
    expect(kind).toBe("newer")
    expect(message).toContain("is of version 2, and this library reads version 1; go on with the library that wrote it")
    // One whose checksum does not fit is damaged, whatever version it says.
    expect(refused(frame).kind).toBe("damaged")
    frame[8] = 0
    expect(refused(sealed(frame)).kind).toBe("content")
  })

  test("says of what was never one that it is none", () => {
    expect(refused(new Uint8Array(0)).message).toContain("is empty; it was left as it is")
    expect(refused(new TextEncoder().encode('{"version":1}')).message).toContain("is no checkpoint")
    // Text mode writes "\r\n".
    const frame = frameOf(1, 1, {})
    expect(refused(Uint8Array.from([...frame.subarray(0, 7), 13, ...frame.subarray(7)])).kind).toBe("foreign")
  })

  test("of wrong parts is refused, even when it is sealed", () => {
    const replaced = (from: string, to: string): Uint8Array => {
      const frame = frameOf(1, 1, { json: "text", bytes: { w: Uint8Array.of(1) } })
      const text = Array.from(frame, (byte) => String.fromCharCode(byte)).join("")
      expect(text).toContain(from)
      expect(to).toHaveLength(from.length)
      return sealed(Uint8Array.from(text.replace(from, to), (char) => char.charCodeAt(0)))
    }
    for (const [from, to, says] of [
      ['["w",1]', '["w",2]', "its records are of 2 bytes, and 1 are there"],
      ['["w",1]', '["w"  ]', "holds what is no checkpoint"],
      ['{"id":1', '{"id":"', "holds what is no checkpoint"],
      ['"epoch":0', '"epoch":1', "its checksum does not fit"],
      ['"cursor"', '"cursoR"', "holds what is no checkpoint"]
    ] as const) {
      const { kind, message } = refused(replaced(from, to))
      expect(kind).toBe("content")
      expect(message).toContain(says)
    }
  })
})

describe("the trainer's part", () => {
  const circle: Record<string, unknown> = {}
  circle["self"] = circle
  test.each([
    ["NaN", { loss: Number.NaN }, "state.json.loss is NaN"],
    ["an infinity", [1, [Number.POSITIVE_INFINITY]], "state.json.1.0 is Infinity"],
    ["undefined", { a: undefined }, "state.json.a is undefined"],
    ["a hole", new Array(1), "state.json.0 is undefined"],
    ["a function", { f: () => 1 }, "state.json.f is a function"],
    ["a bigint", 1n, "state.json is a bigint"],
    ["a date", { at: new Date(0) }, "state.json.at is an object of Date"],
    ["a typed array", { w: new Float32Array(2) }, "state.json.w is an object of Float32Array"],
    ["a circle", circle, "lies deeper than 512 levels"]
  ])("cannot hold %s as JSON", (_, value, says) => {
    // What a program without types can hand over.
    const result = encode(PATH, 1, cursorAt(0), { json: value as Json })
    const error = Either.getOrThrow(Either.flip(result))
    expect(error.kind).toBe("state")
    expect(error.message).toContain(says)
    expect(error.message).toContain("all else as Uint8Array in bytes")
  })

  test("holds bytes as Uint8Array only", () => {
    // What a program without types can hand over.
    const bytes = { w: new Float32Array(2) } as unknown as Record<string, Uint8Array>
    const error = Either.getOrThrow(Either.flip(encode(PATH, 1, cursorAt(0), { bytes })))
    expect(error.message).toContain("state.bytes.w is no Uint8Array")
  })
})
