/**
 * zstd by the runtime and by the package `fzstd`, which Node 20 needs: both give the same, and are bounded alike.
 */
import { describe, expect, test } from "bun:test"
import { zstdCompressSync } from "node:zlib"
import { Effect } from "effect"
import * as fzstd from "fzstd"
import { runtime } from "../../../src/core/runtime.ts"
import { library } from "../../../src/sources/formats/LibraryMissing.ts"
import { Malformed } from "../../../src/sources/formats/Malformed.ts"
import { fromPackage, runtimeZstd, type Zstd } from "../../../src/sources/formats/Zstd.ts"

if (runtimeZstd === undefined) throw new Error("both runtimes of the tests have zstd")

const decoders: ReadonlyArray<readonly [name: string, Zstd]> = [
  ["the runtime", runtimeZstd],
  ["fzstd", fromPackage(fzstd)]
]

const text = new TextEncoder().encode("furrow ".repeat(60_000))
const noise = Uint8Array.from({ length: 300_000 }, (_, at) => Math.imul(at, 2654435761) >>> 11)
const packed = (bytes: Uint8Array) => new Uint8Array(zstdCompressSync(bytes))

describe.each(decoders)("zstd by %s", (_, zstd) => {
  test("gives what a frame holds", () => {
    for (const plain of [text, noise, text.subarray(0, 1), text.subarray(0, 0)]) {
      expect(Buffer.compare(zstd.exactly(packed(plain), plain.length), plain)).toBe(0)
      expect(zstd.upTo(packed(plain), plain.length)).toHaveLength(plain.length)
    }
  })

  test("gives what several frames hold", () => {
    const both = new Uint8Array(Buffer.concat([packed(text), packed(noise), packed(text.subarray(0, 0))]))
    expect(Buffer.compare(zstd.exactly(both, text.length + noise.length), Buffer.concat([text, noise]))).toBe(0)
    expect(zstd.upTo(both, text.length + noise.length - 1)).toBe("large")
  })

  test("takes frames of exactly the length that they are to have", () => {
    expect(zstd.upTo(packed(text), text.length - 1)).toBe("large")
    expect(zstd.upTo(packed(text.subarray(0, 1)), 0)).toBe("large")
    for (const length of [text.length - 1, text.length + 1, 0]) {
      expect(() => zstd.exactly(packed(text), length)).toThrow(Malformed)
    }
  })

  test("stops a bomb at its bound", () => {
    const bomb = packed(new Uint8Array(2 ** 26))
    expect(bomb.length).toBeLessThan(2 ** 13)
    const before = process.memoryUsage().arrayBuffers
    expect(zstd.upTo(bomb, 1000)).toBe("large")
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 25)
  })

  test("refuses what is cut, is no frame, or asks for a window of a gigabyte", () => {
    const frame = packed(text)
    // A window of 1 GiB, and a block that is raw, empty and the last.
    const wide = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 20 << 3, 1, 0, 0)
    for (const bytes of [frame.subarray(0, frame.length - 8), text.subarray(0, 50), new Uint8Array(0), wide]) {
      expect(() => zstd.upTo(bytes, 2 ** 20)).toThrow("corrupt")
    }
  })
})

test("a package that is not installed is named, with what it is for and how it is installed", async () => {
  const load = library("no-such-package", "decodes nothing", () => import(["no-such", "package"].join("-")))
  const { message, place } = await Effect.runPromise(Effect.flip(load))
  const command = { bun: "bun add no-such-package", deno: "deno add npm:no-such-package", node: "" }[runtime.name]
  expect(message).toBe(`the package no-such-package, which decodes nothing, cannot be loaded; install it: ${command}`)
  expect(place.cause).toBeInstanceOf(Error)
})
