/** Every key of the reference's PyTorch section, drawn by the generator itself. */
import { describe, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { PyTorch, Rng } from "../../../src/index.ts"

interface Draws {
  readonly initial_seed: string
  readonly random_int64: ReadonlyArray<string>
  readonly randint_1000: ReadonlyArray<number>
  readonly rand_f32: ReadonlyArray<number>
  readonly rand_f64: ReadonlyArray<number>
  readonly randn_scalar_f32: ReadonlyArray<number>
  readonly randn_5: ReadonlyArray<number>
  readonly randn_16: ReadonlyArray<number>
  readonly randn_20: ReadonlyArray<number>
  readonly randperm_10: ReadonlyArray<number>
  readonly randperm_100: ReadonlyArray<number>
  readonly multinomial_replace: ReadonlyArray<number>
}

// The seeds are keys, so text, and the 63-bit draws are text too: nothing is rounded.
const section: Readonly<Record<string, Draws>> = JSON.parse(
  readFileSync(new URL("../reference/generators.json", import.meta.url), "utf8")
).pytorch

const times = <A>(count: number, draw: () => A): Array<A> => Array.from({ length: count }, draw)

const expectNear = (own: ArrayLike<number>, real: ReadonlyArray<number>): void => {
  expect(own.length).toBe(real.length)
  expect(real.filter((value, index) => !(Math.abs((own[index] as number) - value) <= 1e-6 * Math.abs(value)))).toEqual(
    []
  )
}

test("has seeds below and above 2^53", () => {
  const seeds = Object.keys(section).map(BigInt)
  expect(seeds.length).toBeGreaterThan(5)
  expect(seeds.some((seed) => seed > 2n ** 53n)).toBe(true)
})

describe.each(Object.keys(section))("seed %s", (key) => {
  const draws = section[key] as Draws // a key of the section itself
  const make = () => PyTorch.manualSeed(BigInt(key))

  test("every key is known", () => {
    const known = [
      "initial_seed",
      "random_int64",
      "randint_1000",
      "rand_f32",
      "rand_f64",
      "randn_scalar_f32",
      "randn_5"
    ]
    known.push("randn_16", "randn_20", "randperm_10", "randperm_100", "multinomial_replace")
    expect(Object.keys(draws)).toEqual(known)
  })

  test("integers, uniforms and orders are equal", () => {
    expect(String(make().initialSeed)).toBe(draws.initial_seed)
    const random = make()
    expect(times(4, () => String(random.random()))).toEqual([...draws.random_int64])
    const randint = make()
    expect(times(24, () => randint.randint(0, 1000))).toEqual([...draws.randint_1000])
    expect(Array.from(make().rand(8))).toEqual([...draws.rand_f32])
    expect(Array.from(make().rand64(8))).toEqual([...draws.rand_f64])
    expect(Array.from(make().randperm(10))).toEqual([...draws.randperm_10])
    expect(Array.from(make().randperm(100))).toEqual([...draws.randperm_100])
    expect(make().multinomial([0.1, 0.2, 0.3, 0.4], 12)).toEqual([...draws.multinomial_replace])
  })

  test("normals are near", () => {
    const scalar = make()
    expectNear(
      times(6, () => Math.fround(scalar.standardNormal())),
      draws.randn_scalar_f32
    )
    expectNear(make().randn(5), draws.randn_5)
    expectNear(make().randn(16), draws.randn_16)
    expectNear(make().randn(20), draws.randn_20)
  })

  test("as any Rng, by its seed alone, it draws the same", () => {
    const rng = () => Rng.make(PyTorch.TorchGenerator.seed(BigInt(key)))
    const integers = rng()
    expect(times(24, () => integers.integer(1000))).toEqual([...draws.randint_1000])
    const floats = rng()
    expect(times(8, () => floats.float())).toEqual([...draws.rand_f32])
    const doubles = rng()
    expect(times(8, () => doubles.double())).toEqual([...draws.rand_f64])
    expect(Array.from(rng().fill(new Float32Array(8)))).toEqual([...draws.rand_f32])
    expect(Array.from(rng().permutation(100))).toEqual([...draws.randperm_100])
    expect(rng().choice(4, 12, { replace: true, weights: [0.1, 0.2, 0.3, 0.4] })).toEqual([
      ...draws.multinomial_replace
    ])
    expectNear(rng().fillNormal(new Float32Array(20)), draws.randn_20)
    expectNear(rng().fillNormal(new Float32Array(5)), draws.randn_5)
  })
})
