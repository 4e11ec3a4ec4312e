import { expect, test } from "bun:test"
import { at } from "../../support/rng.ts"
import { expectFit, expectMoments } from "./fit.ts"

const many = (draw: () => number): Float64Array => Float64Array.from({ length: 200_000 }, draw)

const same = (x: number): number => x

test("float and double are uniform in [0, 1)", () => {
  const rng = at(1)
  for (const draws of [many(() => rng.float()), many(() => rng.double()), rng.fill(new Float64Array(200_000))]) {
    expectFit(draws, same)
    expectMoments(draws, 1 / 2, 1 / 12, 1 / 80)
  }
  expectFit(Float64Array.from(rng.fill(new Float32Array(200_000))), same)
})

test("a double's lower half is uniform, too", () => {
  const rng = at(2)
  expectFit(
    many(() => (rng.double() * 2 ** 26) % 1),
    same
  )
  expectFit(
    many(() => (rng.double() * 2 ** 43) % 1),
    same
  )
})

test("uniform spans its bounds", () => {
  const rng = at(3)
  expectFit(
    many(() => rng.uniform(-3, 5)),
    (x) => (x + 3) / 8
  )
  expect(rng.uniform(4, 4)).toBe(4)
})

test("bernoulli comes true as often as it should", () => {
  const rng = at(4)
  for (const p of [0.001, 0.1, 0.5, 0.77, 0.999]) {
    let found = 0
    for (let draw = 0; draw < 200_000; draw++) if (rng.bernoulli(p)) found++
    expect(Math.abs(found - 200_000 * p) / Math.sqrt(200_000 * p * (1 - p))).toBeLessThan(4)
  }
  let halves = 0
  for (let draw = 0; draw < 200_000; draw++) if (rng.bernoulli()) halves++
  expect(Math.abs(halves - 100_000) / Math.sqrt(50_000)).toBeLessThan(4)
})
