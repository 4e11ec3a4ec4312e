import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import type { FileSystem } from "@effect/platform"
import { BunContext } from "@effect/platform-bun"
import { Effect } from "effect"
import * as fc from "fast-check"
import { InvalidOption } from "../../src/core/InvalidOption.ts"
import { Tensor, type TypedArray } from "../../src/core/Tensor.ts"
import * as Dataset from "../../src/sources/Dataset.ts"
import * as Idx from "../../src/sources/Idx.ts"
import * as Lineage from "../../src/sources/Lineage.ts"

const parsed = (bytes: Uint8Array): Tensor => Effect.runSync(Idx.parse(bytes, { name: "some.idx" }))

const refused = (bytes: Uint8Array): Idx.IdxError =>
  Effect.runSync(
    Effect.flip(Effect.catchTag(Idx.parse(bytes, { name: "some.idx" }), "InvalidOption", (error) => Effect.die(error)))
  )

/** An IDX file by hand: header bytes, axes, elements. */
const file = (code: number, shape: ReadonlyArray<number>, body: ReadonlyArray<number>): Uint8Array =>
  Uint8Array.of(0, 0, code, shape.length, ...shape.flatMap((axis) => [0, 0, axis >>> 8, axis & 0xff]), ...body)

describe("every element type, big-endian, worked out by hand", () => {
  test.each([
    ["uint8", 0x08, [7, 255], Uint8Array.of(7, 255)],
    ["int8", 0x09, [7, 255], Int8Array.of(7, -1)],
    ["int16", 0x0b, [1, 2, 255, 254], Int16Array.of(258, -2)],
    ["int32", 0x0c, [0, 1, 2, 3, 255, 255, 255, 253], Int32Array.of(66051, -3)],
    ["float32", 0x0d, [0x3f, 0x80, 0, 0, 0xc0, 0x20, 0, 0], Float32Array.of(1, -2.5)],
    ["float64", 0x0e, [0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 0xc0, 0x04, 0, 0, 0, 0, 0, 0], Float64Array.of(1, -2.5)]
  ] as ReadonlyArray<[string, number, Array<number>, TypedArray]>)("%s", (dtype, code, body, data) => {
    const bytes = file(code, [2], body)
    expect(parsed(bytes)).toEqual(new Tensor(data, [2]))
    expect(parsed(bytes).dtype as string).toBe(dtype)
    expect(Idx.encode(new Tensor(data, [2]))).toEqual(bytes)
  })
})

test("shapes: three axes, an axis of 0, none at all", () => {
  const cube = parsed(file(0x08, [2, 3, 1], [1, 2, 3, 4, 5, 6]))
  expect(cube.shape).toEqual([2, 3, 1])
  expect(Array.from(cube.data as Uint8Array)).toEqual([1, 2, 3, 4, 5, 6])
  expect(parsed(file(0x0c, [0, 300], []))).toEqual(new Tensor(new Int32Array(0), [0, 300]))
  expect(parsed(file(0x08, [], [9]))).toEqual(new Tensor(Uint8Array.of(9), []))
})

test("bytes that are themselves a view, at an odd place", () => {
  const bytes = file(0x0d, [1], [0x3f, 0x80, 0, 0])
  const inside = new Uint8Array(bytes.length + 3)
  inside.set(bytes, 3)
  expect(parsed(inside.subarray(3)).data).toEqual(Float32Array.of(1))
})

const tensors: fc.Arbitrary<Tensor> = fc
  .tuple(fc.array(fc.nat(5), { maxLength: 4 }), fc.nat(5), fc.nat())
  .map(([shape, kind, seed]) => {
    const length = shape.reduce((product, axis) => product * axis, 1)
    const numbers = Array.from({ length }, (_, index) => ((seed % 997) * (index + 1) * 7919) / 64)
    const makers = [Uint8Array, Int8Array, Int16Array, Int32Array, Float32Array, Float64Array] as const
    return new Tensor<TypedArray>((makers[kind] ?? Uint8Array).from(numbers), shape)
  })

describe("files in and out", () => {
  test("what is encoded is parsed, with and without gzip", () => {
    fc.assert(
      fc.property(tensors, (tensor) => {
        const bytes = Idx.encode(tensor)
        expect(parsed(bytes)).toEqual(tensor)
        expect(parsed(gzipSync(bytes))).toEqual(tensor)
      })
    )
  })

  test("cut anywhere, a file is refused", () => {
    fc.assert(
      fc.property(tensors, (tensor) => {
        const bytes = Idx.encode(tensor)
        for (const whole of [bytes, gzipSync(bytes)]) {
          for (let length = 0; length < whole.length; length++) {
            const error = refused(whole.subarray(0, length))
            expect(error._tag).toBe("IdxError")
            expect(error.path).toBe("some.idx")
          }
        }
      }),
      { numRuns: 30 }
    )
  })

  test("with bytes left over, a file is refused", () => {
    fc.assert(
      fc.property(tensors, fc.uint8Array({ minLength: 1, maxLength: 9 }), (tensor, rest) => {
        const bytes = Idx.encode(tensor)
        expect(refused(Uint8Array.of(...bytes, ...rest))).toMatchObject({ offset: bytes.length })
      })
    )
  })

  test("one bit turned in a gzipped file is noticed, or changes nothing", () => {
    const tensor = new Tensor(
      Uint8Array.from({ length: 300 }, (_, index) => (index * index) & 255),
      [3, 100]
    )
    const whole = gzipSync(Idx.encode(tensor))
    let noticed = 0
    for (let bit = 8 * 2; bit < 8 * whole.length; bit++) {
      const changed = Uint8Array.from(whole)
      changed[bit >>> 3] = (changed[bit >>> 3] ?? 0) ^ (1 << (bit & 7))
      const outcome = Effect.runSync(Effect.either(Idx.parse(changed)))
      if (outcome._tag === "Left") noticed++
      else expect(outcome.right).toEqual(tensor)
    }
    // All but the time stamp, the flags and the padding.
    expect(noticed).toBeGreaterThan(8 * whole.length - 120)
  })

  test("any bytes whatever are a tensor or an IdxError", () => {
    const head = fc.tuple(fc.constantFrom(8, 9, 11, 12, 13, 14), fc.nat(255), fc.uint8Array({ maxLength: 40 }))
    fc.assert(
      fc.property(head, ([code, rank, rest]) => {
        const outcome = Effect.runSync(Effect.either(Idx.parse(Uint8Array.of(0, 0, code, rank, ...rest))))
        if (outcome._tag === "Left") {
          expect(outcome.left._tag).toBe("IdxError")
          expect(outcome.left.message).not.toContain("NaN")
        } else expect(outcome.right.data.length).toBe(outcome.right.shape.reduce((product, axis) => product * axis, 1))
      })
    )
  })
})

describe("what is wrong is said, and where", () => {
  test("no IDX magic", () => {
    const error = refused(Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 1, 2, 3))
    expect(error.offset).toBe(0)
    expect(error.message).toBe(
      "some.idx: it is no IDX file: it begins with 89504e47 (hexadecimal), where IDX has two bytes of 0 (at byte 0)"
    )
  })

  test("an unknown element type", () => {
    const error = refused(file(0x0a, [1], [1, 1]))
    expect(error.offset).toBe(2)
    expect(error.message).toContain("element type 0A is unknown; IDX has 08 uint8, 09 int8, 0B int16")
  })

  test("a file cut short", () => {
    expect(refused(new Uint8Array(0)).message).toContain("the 4 bytes of its magic number, and ends after 0")
    expect(refused(file(0x08, [2, 3], []).subarray(0, 9)).message).toContain("2 axes, a header of 12 bytes")
    const error = refused(file(0x0b, [2, 3], [1, 2, 3]))
    expect(error.offset).toBe(15)
    expect(error.message).toContain("it should hold int16 [2, 3], 24 bytes, and ends after 15")
  })

  test("bytes left over", () => {
    const error = refused(file(0x08, [2], [1, 2, 3, 4]))
    expect(error.offset).toBe(10)
    expect(error.message).toContain("it should hold uint8 [2], 10 bytes, and has 2 bytes more")
  })

  test("a corrupt gzip stream", () => {
    const error = refused(Uint8Array.of(0x1f, 0x8b, 8, 0, 1, 2, 3))
    expect(error.message).toBe("some.idx: its gzip stream is corrupt or cut short; fetch the file again")
    expect(error.cause).toBeInstanceOf(Error)
  })

  test("axes that multiply beyond all numbers", () => {
    const huge = new Uint8Array(4 + 4 * 40).fill(255)
    huge.set([0, 0, 0x0e, 40])
    expect(refused(huge)._tag).toBe("IdxError")
    huge.fill(0, 4 + 4 * 39)
    expect(parsed(huge).data.length).toBe(0)
    expect(refused(Uint8Array.of(...huge, 1)).offset).toBe(huge.length)
  })
})

describe("a gzip stream that does not hold what its header says", () => {
  const idx = (length: number): Uint8Array =>
    file(
      0x08,
      [length],
      Array.from({ length }, (_, at) => at % 7)
    )
  const joined = (...parts: ReadonlyArray<Uint8Array>): Uint8Array => new Uint8Array(Buffer.concat(parts))

  test("several members are one stream, wherever they are cut", () => {
    const bytes = idx(40)
    for (const cut of [1, 3, 7, 8, 20]) {
      expect(parsed(joined(gzipSync(bytes.subarray(0, cut)), gzipSync(bytes.subarray(cut))))).toEqual(parsed(bytes))
    }
    expect(parsed(joined(gzipSync(new Uint8Array(0)), gzipSync(bytes)))).toEqual(parsed(bytes))
  })

  test("padding of zeros behind it changes nothing; other bytes are refused", () => {
    const whole = gzipSync(idx(40))
    expect(parsed(joined(whole, new Uint8Array(512)))).toEqual(parsed(idx(40)))
    const followed = refused(joined(whole, new TextEncoder().encode("junk")))
    expect(followed.message).toBe(
      "some.idx: bytes that are no gzip stream follow its gzip stream; fetch the file again"
    )
    expect(refused(joined(whole, whole.subarray(0, 5))).message).toContain("corrupt or cut short")
  })

  test("a bomb of gigabytes is refused once it goes beyond the header's size", () => {
    const member = gzipSync(new Uint8Array(2 ** 24))
    // 6.4 GB, more than either engine puts into one array.
    const bomb = joined(gzipSync(idx(40)), ...Array.from({ length: 400 }, () => member))
    expect(refused(bomb)).toMatchObject({
      message: "some.idx: it should hold uint8 [40], 48 bytes, and has more bytes (at byte 48)",
      offset: 48
    })
    // Not an IDX file at all: the beginning says so.
    expect(refused(joined(...Array.from({ length: 400 }, () => member))).offset).toBe(2)
  })

  test("a header that tells more than the stream can hold is refused before anything is unpacked", () => {
    const header = Uint8Array.of(0, 0, 8, 2, 0, 1, 0, 0, 0, 1, 0, 0)
    const error = refused(gzipSync(header))
    expect(error.message).toContain("it should hold uint8 [65536, 65536], 4294967308 bytes, and is a gzip stream of")
  })

  test("fewer elements than the header tells", () => {
    const bytes = idx(40)
    const error = refused(gzipSync(bytes.subarray(0, 30)))
    expect(error.message).toContain("it should hold uint8 [40], 48 bytes, and ends after 30")
  })

  test("a lying size or checksum in its trailer is a corrupt stream", () => {
    const whole = gzipSync(idx(40))
    for (const at of [whole.length - 1, whole.length - 8]) {
      const lying = Uint8Array.from(whole)
      lying[at] = (lying[at] ?? 0) ^ 0x55
      expect(refused(lying).message).toContain("corrupt or cut short")
    }
  })

  test("a long name in its header", () => {
    const whole = gzipSync(idx(40))
    const name = new Uint8Array(20_001).fill(97)
    name[20_000] = 0
    const named = joined(Uint8Array.of(0x1f, 0x8b, 8, 8), whole.subarray(4, 10), name, whole.subarray(10))
    expect(parsed(named)).toEqual(parsed(idx(40)))
    expect(refused(named.subarray(0, 10_000)).message).toContain("corrupt or cut short")
  })
})

test("encode refuses what IDX does not have", () => {
  for (const data of [new Uint16Array(1), new Uint32Array(1), new BigInt64Array(1), new BigUint64Array(1)]) {
    expect(() => Idx.encode(new Tensor<TypedArray>(data, [1]))).toThrow(InvalidOption)
  }
  expect(() => Idx.encode(new Tensor(new Uint16Array(1), [1]))).toThrow("element type must be one that IDX has: uint8")
  expect(() => Idx.encode(new Tensor(new Uint8Array(1), Array(256).fill(1)))).toThrow("at most 255 axes")
})

describe("from disk", () => {
  let folder = ""
  const path = (name: string): string => join(folder, name)
  const run = <A, E>(effect: Effect.Effect<A, E, FileSystem.FileSystem>): Promise<A> =>
    Effect.runPromise(Effect.provide(effect, BunContext.layer))
  const failed = <A, E>(effect: Effect.Effect<A, E, FileSystem.FileSystem>): Promise<E> => run(Effect.flip(effect))

  const images = (count: number) =>
    Idx.encode(
      new Tensor(
        Uint8Array.from({ length: count * 6 }, (_, index) => index),
        [count, 2, 3]
      )
    )
  const labels = (count: number) =>
    Idx.encode(
      new Tensor(
        Uint8Array.from({ length: count }, (_, index) => index % 10),
        [count]
      )
    )

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "furrow-idx-"))
    writeFileSync(path("images"), images(5))
    writeFileSync(path("labels.gz"), gzipSync(labels(5)))
    writeFileSync(path("four"), labels(4))
    writeFileSync(path("color"), Idx.encode(new Tensor(new Uint8Array(5 * 2 * 2 * 3), [5, 2, 2, 3])))
    writeFileSync(path("floats"), Idx.encode(new Tensor(new Float32Array(5), [5])))
  })

  afterAll(() => {
    rmSync(folder, { recursive: true, force: true })
  })

  test("read", async () => {
    const tensor = await run(Idx.read(path("labels.gz")))
    expect(tensor).toEqual(new Tensor(Uint8Array.of(0, 1, 2, 3, 4), [5]))
  })

  test("a missing file is an IdxError that names it", async () => {
    const error = await run(Effect.flip(Idx.read(path("nowhere"))))
    expect(error).toMatchObject({ _tag: "IdxError", path: path("nowhere") })
    expect(error.message).toBe(`${path("nowhere")}: there is no such file; check the path`)
  })

  test("what cannot be read for another reason is the platform's error", async () => {
    expect((await run(Effect.flip(Idx.read(folder))))._tag).toBe("SystemError")
  })

  test("dataset: images with a channel axis, labels as numbers", async () => {
    const digits = await run(Idx.dataset({ images: path("images"), labels: path("labels.gz"), name: "digits" }))
    expect([digits.name, digits.size]).toEqual(["digits", 5])
    const [last] = await Effect.runPromise(digits.getMany([4]))
    expect(last).toEqual({ image: new Tensor(Uint8Array.of(24, 25, 26, 27, 28, 29), [2, 3, 1]), label: 4 })
    const color = await run(Idx.dataset({ images: path("color"), labels: path("labels.gz") }))
    expect((await Effect.runPromise(color.get(0))).image.shape).toEqual([2, 2, 3])
    expect(color.name).toBe(path("color"))
    const middle = Dataset.slice(digits, 2, 4)
    expect(Lineage.at(middle, 1)).toEqual({ dataset: "digits", shard: path("images"), row: 3 })
  })

  test("dataset: a label beyond the classes is an error with file, row and label", async () => {
    writeFileSync(path("beyond"), Idx.encode(new Tensor(Int16Array.of(3, 9, 10, 4, 2), [5])))
    const files = { images: path("images"), labels: path("beyond") }
    const error = await failed(Idx.dataset({ ...files, classes: 10 }))
    expect(error).toMatchObject({ _tag: "IdxError", path: path("beyond"), offset: 12 })
    expect(String(error)).toContain("row 2 has label 10, but there are 10 classes, 0 to 9")
    writeFileSync(path("beyond"), Idx.encode(new Tensor(Int8Array.of(3, 9, -1, 4, 2), [5])))
    expect(String(await failed(Idx.dataset({ ...files, classes: 10 })))).toContain("row 2 has label -1")
    expect((await run(Idx.dataset({ ...files, labels: path("labels.gz"), classes: 5 }))).size).toBe(5)
  })

  test("what is no file is not read", async () => {
    expect(await failed(Idx.read("/dev/zero"))).toMatchObject({ _tag: "IdxError", path: "/dev/zero" })
  })

  test("dataset: images and labels of two lengths", async () => {
    const error = await run(Effect.flip(Idx.dataset({ images: path("images"), labels: path("four") })))
    expect(error).toMatchObject({ _tag: "IdxError", path: path("images") })
    expect(error.message).toContain(`it holds 5 images, and ${path("four")} holds 4 labels`)
  })

  test("dataset: files that hold something else", async () => {
    const swapped = await run(Effect.flip(Idx.dataset({ images: path("four"), labels: path("images") })))
    expect(swapped.message).toContain("it should hold images, uint8 [samples, height, width]")
    expect(swapped.message).toContain("and holds Tensor(uint8 [4])")
    const floats = await run(Effect.flip(Idx.dataset({ images: path("images"), labels: path("floats") })))
    expect(floats.message).toContain("it should hold labels, whole numbers [samples], and holds Tensor(float32 [5])")
  })

  const standard = [
    ["train-images-idx3-ubyte", images(5)],
    ["train-labels-idx1-ubyte", labels(5)],
    ["t10k-images-idx3-ubyte", images(2)],
    ["t10k-labels-idx1-ubyte", labels(2)]
  ] as const

  test.each([
    ["plain", (name: string) => name, false],
    ["gzipped", (name: string) => `${name}.gz`, true],
    ["dotted", (name: string) => name.replace("-idx", ".idx"), false],
    ["dotted-gzipped", (name: string) => `${name.replace("-idx", ".idx")}.gz`, true]
  ] as ReadonlyArray<[string, (name: string) => string, boolean]>)("mnist: %s", async (kind, rename, zip) => {
    mkdirSync(path(kind))
    for (const [name, bytes] of standard) writeFileSync(join(path(kind), rename(name)), zip ? gzipSync(bytes) : bytes)
    // A slash at the end is a way to write a directory.
    for (const directory of [path(kind), `${path(kind)}/`]) {
      const { test: held, train } = await run(Idx.mnist(directory))
      expect([train.size, held.size]).toEqual([5, 2])
      expect((await Effect.runPromise(train.get(3))).label).toBe(3)
    }
  })

  test("mnist: a missing directory names itself and the four files", async () => {
    const error = await run(Effect.flip(Idx.mnist(path("no/such"))))
    expect(error).toMatchObject({ _tag: "IdxError", path: path("no/such") })
    expect(error.message).toContain("there is no such directory")
    for (const [name] of standard) expect(error.message).toContain(name)
  })

  test("mnist: a missing file names the names that were looked for", async () => {
    mkdirSync(path("partial"))
    for (const [name, bytes] of standard.slice(0, 3)) writeFileSync(join(path("partial"), name), bytes)
    const error = await run(Effect.flip(Idx.mnist(path("partial"))))
    expect(error).toMatchObject({ _tag: "IdxError", path: path("partial") })
    expect(error.message).toContain("it has no t10k-labels-idx1-ubyte (looked for t10k-labels-idx1-ubyte, ")
    expect(error.message).toContain("t10k-labels.idx1-ubyte.gz")
  })
})
