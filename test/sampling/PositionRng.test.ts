import { expect, test } from "bun:test"
import * as Philox from "../../src/random/generators/Philox.ts"
import { PositionRng } from "../../src/sampling/PositionRng.ts"
import * as Sampler from "../../src/sampling/Sampler.ts"
import { at } from "../support/rng.ts"

const words = (places: PositionRng, position: number, count: number): Array<number> => {
  places.at(position)
  return Array.from({ length: count }, () => places.word())
}

test("a position's words are the Philox blocks at the counter that holds it", () => {
  const rng = at(3)
  const [k0 = 0, k1 = 0, c2 = 0, c3 = 0] = [rng.word(), rng.word(), rng.word(), rng.word()]
  const places = new PositionRng(at(3))
  for (const [position, low, high] of [
    [0, 0, 0],
    [5, 5, 0],
    [2 ** 32 + 5, 5, 1],
    [2 ** 53 - 1, 2 ** 32 - 1, 2 ** 21 - 1]
  ] as const) {
    const expected = new Uint32Array(12)
    for (let block = 0; block < 3; block++) {
      Philox.block(low, high + block * 2 ** 21, c2, c3, k0, k1, expected, 4 * block)
    }
    expect(words(places, position, 12)).toEqual(Array.from(expected))
  }
})

test("a position begins anew each time it is asked", () => {
  const places = new PositionRng(at(1))
  const first = words(places, 7, 6)
  words(places, 8, 3)
  expect(words(places, 7, 6)).toEqual(first)
})

test("a bound that half of all words are rejected for comes to an end", () => {
  const size = 2 ** 31 + 1
  const order = Sampler.withReplacement().order(size, at(2))
  for (let position = 0; position < 2000; position++) expect(order(position)).toBeLessThan(size)
})
