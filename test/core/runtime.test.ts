import { describe, expect, test } from "bun:test"
import { gzipSync } from "node:zlib"
import { afterEvents, entropy, gather, gunzip, runtime, sha256, sha256Stream, sha512 } from "../../src/core/runtime.ts"

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

test("knows which runtime it is", () => {
  expect(runtime.name).toBe("Deno" in globalThis ? "deno" : "Bun" in globalThis ? "bun" : "node")
  expect(runtime.version).toMatch(/^\d+\.\d+\.\d+/)
})

describe("sha256", () => {
  // FIPS 180-4's examples, as NIST gives them.
  const cases: ReadonlyArray<readonly [string, string]> = [
    ["", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
    ["abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
    [
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ]
  ]
  test.each(cases)("of %s", (text, digest) => {
    expect(hex(sha256(text))).toBe(digest)
    expect(hex(sha256(bytes(text)))).toBe(digest)
  })

  test("takes strings as UTF-8", () => {
    expect(hex(sha256("Größe ∞"))).toBe(hex(sha256(bytes("Größe ∞"))))
  })

  test("takes a view for what it shows, not for its buffer", () => {
    expect(hex(sha256(bytes("xabcx").subarray(1, 4)))).toBe(hex(sha256("abc")))
  })

  test("takes its input in parts", () => {
    expect(hex(sha256Stream().update("a").update(bytes("bc")).digest())).toBe(hex(sha256("abc")))
  })
})

describe("gunzip", () => {
  test("gives back what was zipped", () => {
    const data = Uint8Array.from({ length: 10_000 }, (_, index) => index % 251)
    expect(gunzip(gzipSync(data), data.length)).toEqual(Uint8Array.from(data))
    expect(gunzip(gzipSync(new Uint8Array(0)), 1)).toHaveLength(0)
  })

  test("throws on what is cut off or corrupt", () => {
    const zipped = new Uint8Array(gzipSync(bytes("one two three four five six")))
    expect(() => gunzip(zipped.subarray(0, 15), 1000)).toThrow()
    expect(() => gunzip(bytes("no gzip at all"), 1000)).toThrow()
    const flipped = Uint8Array.from(zipped)
    flipped[flipped.length - 5] = (flipped[flipped.length - 5] ?? 0) ^ 1
    expect(() => gunzip(flipped, 1000)).toThrow()
  })
})

test("sha512 is FIPS 180-4's", () => {
  const hash = sha512(new TextEncoder().encode("abc"))
  expect(Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("")).toBe(
    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
  )
})

test("entropy has 128 bits, others each time", () => {
  const all = Array.from({ length: 64 }, entropy)
  expect(new Set(all).size).toBe(64)
  expect(all.every((own) => own >= 0n && own < 1n << 128n)).toBe(true)
  // Each bit is 1 in one of 64 draws but for odds of 2^-64.
  expect(all.reduce((bits, own) => bits | own)).toBe((1n << 128n) - 1n)
})

describe("afterEvents", () => {
  test("resumes later, once", async () => {
    let calls = 0
    await new Promise<void>((resolve) => {
      afterEvents(() => {
        calls++
        resolve()
      })
      expect(calls).toBe(0)
    })
    await new Promise<void>((resolve) => void afterEvents(resolve))
    expect(calls).toBe(1)
  })

  test("does not resume when it is called off", async () => {
    let called = false
    afterEvents(() => {
      called = true
    })()
    await new Promise<void>((resolve) => void afterEvents(resolve))
    await new Promise<void>((resolve) => void afterEvents(resolve))
    expect(called).toBe(false)
  })

  test("lets a timer that is due go first", async () => {
    const order: Array<string> = []
    const timer = new Promise<void>((resolve) =>
      setTimeout(() => {
        order.push("timer")
        resolve()
      }, 0)
    )
    let turns = 0
    // As the scheduler does between batches: without a turn for events the timer would never come.
    while (order.length === 0 && turns < 1_000_000) {
      turns++
      await new Promise<void>((resolve) => void afterEvents(resolve))
    }
    await timer
    expect(order).toEqual(["timer"])
  })
})

describe("gather", () => {
  const source = Uint8Array.from({ length: 60 }, (_, at) => at + 1)
  const gathered = (rows: ReadonlyArray<number>, width: number, to: number): ReadonlyArray<number> => {
    const target = new Uint8Array(40).fill(255)
    gather(source.subarray(4), Float64Array.from(rows), width, target, to)
    return Array.from(target)
  }

  test.each([1, 2, 3, 7])("copies rows of %i bytes one behind the other, and nothing else", (width) => {
    const rows = [5, 0, 5, 7, 1]
    const own = rows.flatMap((row) => Array.from({ length: width }, (_, at) => 5 + row * width + at))
    const before = new Array<number>(3).fill(255)
    expect(gathered(rows, width, 3)).toEqual([...before, ...own, ...new Array(37 - own.length).fill(255)])
  })

  test("copies more rows than are read at once, of several cache lines", () => {
    const [count, width, to] = [50, 150, 5]
    const all = Uint8Array.from({ length: count * width }, (_, at) => (at * 31) % 251)
    const rows = Float64Array.from({ length: 37 }, (_, row) => (row * 17) % count)
    const target = new Uint8Array(to + rows.length * width + 9).fill(255)
    gather(all, rows, width, target, to)
    const own = Array.from(rows).flatMap((row) => Array.from(all.subarray(row * width, (row + 1) * width)))
    expect(Array.from(target)).toEqual([...new Array(to).fill(255), ...own, ...new Array(9).fill(255)])
  })

  test("copies nothing of rows that are empty, or of no rows", () => {
    expect(gathered([0, 1], 0, 3)).toEqual(new Array(40).fill(255))
    expect(gathered([], 7, 3)).toEqual(new Array(40).fill(255))
  })
})
