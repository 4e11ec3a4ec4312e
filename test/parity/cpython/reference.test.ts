/** Every key of the reference's CPython section, drawn by the generator itself. */
import { describe, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { CPython, Rng } from "../../../src/index.ts"

interface Draws {
  readonly random: ReadonlyArray<number>
  readonly randint_0_999: ReadonlyArray<number>
  readonly getrandbits_32: ReadonlyArray<number>
  readonly uniform: ReadonlyArray<number>
  readonly shuffle: ReadonlyArray<number>
  readonly sample: ReadonlyArray<number>
  readonly gauss: ReadonlyArray<number>
}

// The seeds are keys, so text: nothing is rounded.
const section: Readonly<Record<string, Draws>> = JSON.parse(
  readFileSync(new URL("../reference/generators.json", import.meta.url), "utf8")
).cpython

const times = <A>(count: number, draw: () => A): Array<A> => Array.from({ length: count }, draw)

const range = (size: number): Array<number> => Array.from({ length: size }, (_, index) => index)

const expectNear = (own: ReadonlyArray<number>, real: ReadonlyArray<number>): void => {
  expect(own).toHaveLength(real.length)
  expect(real.filter((value, index) => !(Math.abs((own[index] as number) - value) <= 1e-12 * Math.abs(value)))).toEqual(
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
  const make = () => CPython.random(BigInt(key))

  test("every key is known", () => {
    const known = ["random", "randint_0_999", "getrandbits_32", "uniform", "shuffle", "sample", "gauss"]
    expect(Object.keys(draws)).toEqual(known)
  })

  test("integers, uniforms and orders are equal", () => {
    const random = make()
    expect(times(6, () => random.random())).toEqual([...draws.random])
    const randint = make()
    expect(times(24, () => randint.randint(0, 999))).toEqual([...draws.randint_0_999])
    const bits = make()
    expect(times(6, () => Number(bits.getrandbits(32)))).toEqual([...draws.getrandbits_32])
    const uniform = make()
    expect(times(4, () => uniform.uniform(-1, 2))).toEqual([...draws.uniform])
    expect(make().shuffle(range(17))).toEqual([...draws.shuffle])
    expect(make().sample(range(100), 10)).toEqual([...draws.sample])
  })

  test("normals are near", () => {
    const python = make()
    expectNear(
      times(5, () => python.gauss(0, 1)),
      draws.gauss
    )
  })

  test("as any Rng, by its seed alone, it draws the same", () => {
    const rng = () => Rng.make(CPython.Random.seed(BigInt(key)))
    const words = rng()
    expect(times(6, () => words.word())).toEqual([...draws.getrandbits_32])
    const doubles = rng()
    expect(times(6, () => doubles.double())).toEqual([...draws.random])
    const floats = rng()
    expect(times(6, () => floats.float())).toEqual([...draws.random])
    const between = rng()
    expect(times(24, () => between.between(0, 999))).toEqual([...draws.randint_0_999])
    const integers = rng()
    expect(times(24, () => integers.integer(1000))).toEqual([...draws.randint_0_999])
    expect(Array.from(rng().permutation(17))).toEqual([...draws.shuffle])
    expect(rng().choice(100, 10)).toEqual([...draws.sample])
    const normals = rng()
    expectNear(
      times(5, () => normals.standardNormal()),
      draws.gauss
    )
  })
})
