/** Bodies as zstd: what is read is what was written, nothing comes so unasked, and lies about sizes are refused. */
import { describe, expect, test } from "bun:test"
import { zstdCompressSync } from "node:zlib"
import { Effect } from "effect"
import { Dataset, Pipeline } from "../../src/index.ts"
import { BodyCompressor, compressionOf } from "../../src/service/Compression.ts"
import { FrameBytesReader, joined, pieces, withPacked } from "../../src/service/FrameBytes.ts"
import { FrameError, seal } from "../../src/service/FrameLead.ts"
import { Service } from "../../src/service.ts"

const body = Float32Array.from({ length: 5000 }, (_, at) => at % 50)
const [first, ...rest] = pieces({ kind: "built" }, [{ data: body, shape: [5000] }])
const plain = joined(rest)

/** A frame whose lead says that its body of so many bytes is packed so. */
const framed = (packed: Uint8Array, length = plain.length) => {
  const frame = joined(withPacked(first, packed))
  new DataView(frame.buffer).setUint32(8, length, true)
  seal(frame)
  return frame
}

const read = (frame: Uint8Array, options = {}) => {
  const reader = new FrameBytesReader({ compression: "zstd", ...options })
  const found = []
  for (let at = 0; at < frame.length; at += 700) found.push(...reader.take(frame.subarray(at, at + 700)))
  return found
}

const noise = (length: number) => {
  let state = 7
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state >>> 24
  })
}

const compressed = (compressor: BodyCompressor, own: Uint8Array) =>
  new Promise<Uint8Array | undefined>((resolve) => compressor.compress(own, resolve))

describe("a body as zstd", () => {
  test("is what it was, in the memory that the reader gives", async () => {
    const packed = (await compressed(new BodyCompressor(), plain)) ?? plain
    expect(packed.length).toBeLessThan(plain.length / 4)
    const memory = new Uint8Array(plain.length)
    const [frame] = read(framed(packed), { memory: () => memory })
    expect(frame?.body).toBe(memory)
    expect(Buffer.compare(memory, plain)).toBe(0)
    // Those that nobody has compressed come beside it.
    expect(read(joined([framed(packed), first, plain, framed(packed)]))).toHaveLength(3)
  })

  test("is refused where nobody has asked for it", () => {
    const frame = framed(zstdCompressSync(plain))
    expect(() => read(frame, { compression: "none" })).toThrow("compressed, which nobody asked for")
  })

  test("is refused if it is not of the length that it says, before more is unpacked", () => {
    const bomb = zstdCompressSync(new Uint8Array(2 ** 26))
    expect(() => read(framed(bomb))).toThrow("its body is zstd of more than 20000 bytes")
    expect(() => read(framed(zstdCompressSync(plain.subarray(8))))).toThrow("19992 bytes of zstd, and not 20000")
    expect(() => read(framed(zstdCompressSync(plain), 50))).toThrow("its body of 50 bytes is compressed to")
    expect(() => read(framed(bomb, 2 ** 31), { longestBody: 2 ** 20 })).toThrow("at most 1048576 are taken")
    // Several frames of zstd, of which each by itself would fit.
    const twice = joined([zstdCompressSync(plain), zstdCompressSync(plain)])
    expect(() => read(framed(twice))).toThrow("more than 20000 bytes")
  })

  test("is a FrameError if it was changed or cut, whatever bit", () => {
    const own = framed(zstdCompressSync(plain))
    for (let at = first.length; at < own.length; at++) {
      const changed = own.slice()
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8))
      // Some bits of zstd mean nothing.
      const found = ((): boolean => {
        try {
          return read(changed).every(({ body: own }) => Buffer.compare(own, plain) === 0)
        } catch (error) {
          return error instanceof FrameError
        }
      })()
      expect(found).toBe(true)
    }
    expect(() => read(framed(zstdCompressSync(plain.toReversed())))).toThrow("checksum")
  })

  test("is sent only if it is shorter, and what does not shrink is tried less and less", async () => {
    const compressor = new BodyCompressor()
    expect(compressor.tries(1000)).toBe(false)
    const dull = noise(5000)
    let tried = 0
    for (let at = 0; at < 200; at++) {
      if (!compressor.tries(dull.length)) continue
      tried++
      expect(await compressed(compressor, dull)).toBeUndefined()
    }
    expect(tried).toBeLessThan(10)
    while (!compressor.tries(plain.length)) tried++
    expect(await compressed(compressor, plain)).toBeDefined()
    expect(compressor.tries(plain.length)).toBe(true)
  })
})

test("zstd is refused by name where the runtime has none, and so is anything else", () => {
  expect(compressionOf(undefined, false)).toBe("none")
  expect(compressionOf("zstd", true)).toBe("zstd")
  expect(() => compressionOf("zstd", false)).toThrow("has no zstd, which Bun, Deno, and Node from 22.15 on have")
  expect(() => compressionOf("gzip" as "zstd")).toThrow('"none" or "zstd"')
})

test("a service sends fewer bytes to who asks for zstd, and the same batches", async () => {
  const texts = Pipeline.from(Dataset.range(2000)).pipe(
    Pipeline.map("text", (id: number) => ({ id, text: `the text of sample ${id}, which is not short at all` })),
    Pipeline.batch(500)
  )
  await Effect.gen(function* () {
    const { url } = yield* Service.serve({ pipelines: { texts } })
    const sent = Effect.promise(async () => {
      const text = await (await fetch(`${url}/metrics`)).text()
      return Number(/^furrow_service_sent_bytes_total (\d+)$/m.exec(text)?.[1])
    })
    const run = (compression?: "zstd") =>
      Effect.scoped(
        Effect.gen(function* () {
          const loader = yield* Service.connect(url, { epochs: 2, digest: true, ...(compression && { compression }) })
          yield* loader.forEach(() => Effect.void)
          return yield* loader.digest
        })
      )
    const expected = yield* run()
    const asTheyAre = yield* sent
    expect(yield* run("zstd")).toBe(expected)
    expect((yield* sent) - asTheyAre).toBeLessThan(asTheyAre / 2)
    const refused = yield* Effect.promise(() => fetch(`${url}/batches?epochs=1&compression=zstd&format=ndjson`))
    expect(refused.status).toBe(400)
    const unknown = yield* Effect.promise(() => fetch(`${url}/batches?epochs=1&compression=gzip`))
    expect(yield* Effect.promise(() => unknown.text())).toContain("InvalidOption")
  }).pipe(Effect.scoped, Effect.runPromise)
}, 30_000)
