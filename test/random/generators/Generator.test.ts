import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { InvalidOption } from "../../../src/core/InvalidOption.ts"
import * as Rng from "../../../src/random/Rng.ts"
import type { Seed } from "../../../src/random/Seed.ts"
import type { Coordinates } from "../../../src/seeding/Coordinates.ts"
import { RecordingRng } from "../../../src/seeding/RecordingRng.ts"
import { laws } from "./laws.ts"

const word = fc.nat(0xffffffff)

const xoshiro: fc.Arbitrary<Seed> = fc
  .tuple(word, word, word, word)
  .filter((words) => words.some((own) => own !== 0))
  .map((words) => ({ algorithm: "xoshiro128**", words }))

const philox: fc.Arbitrary<Seed> = fc
  .oneof(fc.tuple(word, word), fc.tuple(word, word, word, word, word, word))
  // A counter of 0 is the same start as none.
  .filter((words) => words.length === 2 || words.slice(2).some((own) => own !== 0))
  .map((words) => ({ algorithm: "philox4x32-10", words }))

const fixed = { algorithm: "xoshiro128**", words: [0x9e3779b9, 0x243f6a88, 0xb7e15162, 0x1] }

laws("xoshiro128**", xoshiro, Rng.make, fixed)
laws("philox4x32-10", philox, Rng.make, { algorithm: "philox4x32-10", words: [1, 2] })

const at: Coordinates = {
  scope: "sample",
  stage: { name: "crop", id: 1 },
  epoch: 0,
  rank: 0,
  world: 1,
  worker: 0,
  workers: 1,
  batch: 0,
  ordinal: 0,
  position: 0,
  index: 0,
  distinct: true
}
laws("a recording of xoshiro128**", xoshiro, (seed) => new RecordingRng(Rng.make(seed), at, []), fixed)

describe("make", () => {
  test("an algorithm that nobody registered is refused, and those that are there are named", () => {
    const run = () => Rng.make({ algorithm: "xorshift", words: [1] })
    expect(run).toThrow(InvalidOption)
    // Others may be registered in between: tests share a process.
    expect(run).toThrow(/^the seed's algorithm must be one that is registered \(.*philox4x32-10, .*xoshiro128\*\*.*\)/)
    expect(run).toThrow('got "xorshift"')
  })

  test.each([2 ** 32, -1, 0.5, Number.NaN])("a word of %s is refused, not cut to 32 bits", (own) => {
    const run = () => Rng.make({ algorithm: "xoshiro128**", words: [own, 0, 0, 0] })
    expect(run).toThrow(InvalidOption)
    expect(run).toThrow(`a word of xoshiro128**'s seed must be a whole number from 0 to 4294967295, got ${own}`)
  })

  test("an algorithm of one's own starts from its words, by the words alone", () => {
    class Counting extends Rng.Rng {
      readonly seed: Seed
      #next: number
      constructor(seed: Seed) {
        super()
        this.seed = seed
        this.#next = seed.words[0] ?? 0
      }
      word(): number {
        return this.#next++
      }
    }
    Rng.register("test/counting", (seed) => new Counting(seed))
    const rng = Rng.make({ algorithm: "test/counting", words: [2 ** 31] })
    expect(rng.float()).toBe(0.5)
    expect(rng.word()).toBe(2 ** 31 + 1)
    // (2^31 + 2 >>> 5) * 2^26 + (2^31 + 3 >>> 6), in units of 2^-53
    expect(rng.double()).toBe((67108864 * 67108864 + 33554432) / 2 ** 53)
    expect(rng.fork("a").word()).toBe(
      Rng.make({ algorithm: "test/counting", words: [2 ** 31] })
        .fork("a")
        .word()
    )
  })
})

describe("forks of seeds that are not four words", () => {
  const state = (algorithm: string, words: ReadonlyArray<number>) => Rng.make({ algorithm, words }).fork("a").seed.words

  test("are not those of the seed filled up with zeros", () => {
    const philox2 = state("philox4x32-10", [1, 2])
    const xoshiro4 = state("xoshiro128**", [1, 2, 0, 0])
    const philox6 = state("philox4x32-10", [1, 2, 0, 0, 0, 0])
    expect(new Set([philox2, xoshiro4, philox6].map((words) => words.join())).size).toBe(3)
  })

  test("take 128 bits of hash, though the words read the same from both ends", () => {
    const [w0, w1, w2, w3] = state("philox4x32-10", [7, 7])
    expect([w0, w1]).not.toEqual([w2, w3])
  })
})

describe("odd arguments", () => {
  const rng = () => Rng.make({ algorithm: "xoshiro128**", words: [1, 2, 3, 4] })

  test("fill takes typed arrays and nothing else: an array would grow for ever", () => {
    // Callers without types can hand over anything.
    for (const target of [[1, 2, 3], new DataView(new ArrayBuffer(4)), null]) {
      expect(() => rng().fill(target as unknown as Uint8Array)).toThrow(InvalidOption)
    }
  })

  test("names with halves of surrogate pairs are names of their own", () => {
    const words = ["\ud800", "\ud801", "\ufffd"].map((name) => rng().fork(name).word())
    expect(new Set(words).size).toBe(3)
  })

  test("a beta of the largest shapes stands near its mean", () => {
    expect(Math.abs(rng().beta(1e308, 1e308) - 0.5)).toBeLessThan(1e-6)
  })
})
