import { describe, expect, test } from "bun:test"
import { InvalidOption } from "../../../src/core/InvalidOption.ts"
import * as SeedSequence from "../../../src/parity/numpy/SeedSequence.ts"
import { reference } from "./reference.ts"

const words = (sequence: SeedSequence.SeedSequence, count: number): Array<number> =>
  Array.from(sequence.generateState(count))

describe("SeedSequence", () => {
  test.each(reference.seed_sequence.map((own) => [`${own.entropy} at [${own.spawn_key}]`, own] as const))(
    "generates what NumPy does from %s",
    (_, { entropy, spawn_key, u32, u64 }) => {
      const sequence = SeedSequence.make(entropy.map(BigInt), spawn_key)
      expect(words(sequence, 8)).toEqual([...u32])
      expect(Array.from(sequence.generateState64(4), String)).toEqual([...u64])
    }
  )

  // From here on the literals are NumPy 1.24.2's.
  test("takes lists, numbers of many words, and keys of more than 32 bits", () => {
    const sequence = SeedSequence.make([2n ** 100n + 7n, 0, 5], [2n ** 40n, 1])
    expect(words(sequence, 6)).toEqual([2838351049, 3563937234, 2459122768, 1030732443, 3986422927, 3615689212])
    expect(words(SeedSequence.make([]), 4)).toEqual([2968811710, 3677149159, 745650761, 2884920346])
    const nine = SeedSequence.make([0, 1, 2, 3, 4, 5, 6, 7, 8])
    expect(words(nine, 4)).toEqual([2209029221, 620930096, 140378095, 2576881953])
  })

  test("a number and a bigint of one value are one", () => {
    expect(words(SeedSequence.make(2 ** 40), 8)).toEqual(words(SeedSequence.make(2n ** 40n), 8))
    expect(words(SeedSequence.make([2 ** 40]), 8)).toEqual(words(SeedSequence.make(2n ** 40n), 8))
  })

  test("spawns on from the children that it has, and no child comes twice", () => {
    const parent = SeedSequence.make(7)
    const children = [...parent.spawn(1), ...parent.spawn(2)]
    expect(parent.spawned).toBe(3)
    expect(children.map((child) => words(child, 2))).toEqual([
      [1201125462, 788422957],
      [3618983171, 941218350],
      [3831650445, 4088273801]
    ])
    expect(children.map((child) => child.spawnKey)).toEqual([[0], [1], [2]])
  })

  test("generating does not depend on what was generated or spawned before", () => {
    const sequence = SeedSequence.make(42, [3])
    const first = words(sequence, 8)
    sequence.spawn(2)
    expect(words(sequence, 8)).toEqual(first)
    expect(words(sequence, 3)).toEqual(first.slice(0, 3))
  })

  test("goes to words and back", () => {
    const sequence = SeedSequence.make(2n ** 70n + 1n, [4, 2n ** 33n])
    expect(SeedSequence.toWords(sequence)).toEqual([3, 1, 0, 64, 4, 0, 2])
    expect(words(SeedSequence.fromWords(SeedSequence.toWords(sequence)), 8)).toEqual(words(sequence, 8))
  })

  test.each([
    ["a negative number", () => SeedSequence.make(-1), "-1"],
    ["a negative bigint", () => SeedSequence.make(-1n), "-1n"],
    ["a fraction", () => SeedSequence.make(0.5), "0.5"],
    ["a number that float64 rounds", () => SeedSequence.make(2 ** 53), "9007199254740992"],
    ["a negative key", () => SeedSequence.make(1, [-2]), "-2"],
    ["a negative count", () => SeedSequence.make(1).generateState(-1), "-1"],
    ["no words", () => SeedSequence.fromWords([]), "not empty"],
    ["fewer words than it says", () => SeedSequence.fromWords([2, 1]), "got 2"]
  ])("refuses %s", (_, make, named) => {
    expect(make).toThrow(InvalidOption)
    expect(make).toThrow(named)
  })
})
