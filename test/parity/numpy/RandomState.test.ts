import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { InvalidOption } from "../../../src/core/InvalidOption.ts"
import * as RandomState from "../../../src/parity/numpy/RandomState.ts"
import * as Rng from "../../../src/random/Rng.ts"
import { expectNormals, reference, sha256, times } from "./reference.ts"

const sections = [
  ...Object.entries(reference.numpy_legacy).map(([seed, own]) => [seed, RandomState.seed(Number(seed)), own] as const),
  ...reference.numpy_legacy_array.map((own) => [`[${own.seed}]`, RandomState.arraySeed(own.seed), own] as const)
]

const upTo = (size: number): Uint32Array => Uint32Array.from({ length: size }, (_, index) => index)

describe("RandomState draws NumPy's numbers", () => {
  test("the reference has seeds of both kinds", () => {
    expect(Object.keys(reference.numpy_legacy).length).toBeGreaterThan(4)
    expect(reference.numpy_legacy_array.length).toBeGreaterThan(1)
  })

  test.each(sections)("seeded with %s", (_, seed, own) => {
    const make = () => RandomState.make(seed)
    const twenty = (draw: (numpy: RandomState.RandomState) => number, count = 24): Array<number> => {
      const numpy = make()
      return times(count, () => draw(numpy))
    }
    expect(make().state().words[0]).toBe(own.state0)
    expect(twenty((numpy) => numpy.randint(0, 1000))).toEqual([...own.randint_1000])
    expect(twenty((numpy) => numpy.integer(1000))).toEqual([...own.randint_1000])
    expect(twenty((numpy) => numpy.randint(-5, 6))).toEqual([...own.randint_small])
    expect(twenty((numpy) => numpy.between(-5, 5))).toEqual([...own.randint_small])
    expect(twenty((numpy) => numpy.randint(0, 2 ** 32), 8)).toEqual([...own.randint_full_u32])
    expect(twenty((numpy) => numpy.word(), 8)).toEqual([...own.randint_full_u32])
    expect(twenty((numpy) => numpy.word(), 1300).slice(-4)).toEqual([...own.random_u32])
    expect(twenty((numpy) => numpy.randint(0, 2 ** 40 + 3), 8).map(String)).toEqual([...own.randint_pow40])
    expect(twenty((numpy) => Number(numpy.randintBig(0n, 2n ** 40n + 3n)), 8).map(String)).toEqual([
      ...own.randint_pow40
    ])
    expect(twenty((numpy) => numpy.double(), 8)).toEqual([...own.random_sample])
    expect(twenty((numpy) => numpy.float(), 8)).toEqual([...own.random_sample])
    expect(Array.from(make().fill(new Float64Array(8)))).toEqual([...own.random_sample])
    expect(twenty((numpy) => numpy.uniform(-2, 3), 8)).toEqual([...own.uniform])
    expectNormals(
      twenty((numpy) => numpy.standardNormal(), 9),
      own.standard_normal
    )
    expectNormals(Array.from(make().fillNormal(new Float64Array(9))), own.standard_normal)
    expect(Array.from(make().permutation(17))).toEqual([...own.permutation])
    expect(Array.from(make().shuffle(upTo(17)))).toEqual([...own.shuffle])
    expect(make().shuffle(Array.from(upTo(17)))).toEqual([...own.shuffle])
    expect(make().choice(50, 10, { replace: true })).toEqual([...own.choice_replace])
    expect(make().choice(50, 10)).toEqual([...own.choice_no_replace])
    expect(make().choice(4, 10, { replace: true, weights: [0.1, 0.2, 0.3, 0.4] })).toEqual([...own.choice_p])
  })
})

describe("RandomState at its edges, as NumPy 1.24.2", () => {
  const WEIGHTS = [0.05, 0.3, 0, 0.25, 0.4]

  test("bounds around its masks, drawn one after the other", () => {
    const expected: ReadonlyArray<readonly [bigint, ReadonlyArray<bigint>]> = [
      [1n, [0n, 0n, 0n]],
      [2n, [1n, 1n, 1n]],
      [2n ** 31n, [1425706152n, 1397991113n, 1005291240n]],
      [2n ** 32n - 1n, [135061202n, 3010810948n, 3470548165n]],
      [2n ** 32n, [830273460n, 2429308289n, 4197677975n]],
      [2n ** 32n + 1n, [2481315619n, 1176364395n, 2751362263n]],
      [2n ** 63n, [6962519404892231872n, 9115411592865297832n, 7912701162116563988n]]
    ]
    const big = RandomState.randomState(99)
    for (const [bound, values] of expected) expect(times(3, () => big.randintBig(0n, bound))).toEqual([...values])
    const small = RandomState.randomState(99)
    for (const [bound, values] of expected.slice(0, -1)) {
      expect(times(3, () => small.integer(Number(bound)))).toEqual(values.map(Number))
    }
  })

  test("all of int64 and of uint64", () => {
    const int64 = RandomState.randomState(99)
    expect(times(3, () => int64.randintBig(-(2n ** 63n), 2n ** 63n - 1n))).toEqual([
      3177978388542938147n,
      -219914721552593752n,
      6004326113586415336n
    ])
    const uint64 = RandomState.randomState(99)
    expect(times(2, () => uint64.randintBig(0n, 2n ** 64n))).toEqual([12401350425397713955n, 9003457315302182056n])
  })

  test("a hundred thousand normals", () => {
    const normals = RandomState.randomState(99).fillNormal(new Float32Array(100000))
    expect(sha256(normals)).toBe("47a50831689913aeaa40d3208b353982fc9097ed4744ac67a0aefaeab71d0213")
  })

  test("normals end in the same bits on every runtime", () => {
    // Not NumPy's digest: their last bits differ with the C library's logarithm.
    const normals = RandomState.randomState(99).fillNormal(new Float64Array(20000))
    expect(sha256(normals)).toBe("22b051a07041ffbfcf1cc832ab144cd582c8eefc67a4a0be291feba0b615f179")
  })

  test("choice", () => {
    const make = () => RandomState.randomState(99)
    expect(make().choice(5, 4, { weights: WEIGHTS })).toEqual([4, 3, 0, 1])
    expect(make().choice(5, 12, { weights: WEIGHTS, replace: true })).toEqual([4, 3, 4, 0, 4, 3, 1, 0, 4, 0, 4, 4])
    expect(make().choice(12, 5)).toEqual([5, 10, 6, 7, 4])
    expect(make().choice(3, 0, { weights: [1, 0, 0] })).toEqual([])
  })

  test("weights count by their share", () => {
    const make = () => RandomState.randomState(99)
    const doubled = [0.1, 0.6, 0, 0.5, 0.8]
    expect(make().choice(5, 12, { weights: doubled, replace: true })).toEqual(
      make().choice(5, 12, { weights: WEIGHTS, replace: true })
    )
  })

  test("unseeded, with the entropy given back", () => {
    const numpy = RandomState.make(RandomState.unseeded(2n ** 127n + 5n))
    expect(numpy.state().words[0]).toBe(2 ** 31)
    expect(times(3, () => numpy.word())).toEqual([2533460887, 3260107120, 2645130892])
    expect(numpy.state().position).toBe(2)
  })
})

describe("RandomState's state", () => {
  test("keeps the second normal of a pair", () => {
    const numpy = RandomState.randomState(99)
    numpy.standardNormal()
    const state = numpy.state()
    expect(state).toMatchObject({ position: 4, hasGauss: true })
    expectNormals([state.cachedGaussian], [2.0572217375814947])
    const other = RandomState.randomState(1).setState(state)
    expect(other.standardNormal()).toBe(state.cachedGaussian)
    expect(other.seed).toEqual(RandomState.stateSeed(state))
    expect(other.state()).toMatchObject({ position: 4, hasGauss: false, cachedGaussian: 0 })
    expect(numpy.standardNormal()).toBe(state.cachedGaussian)
    expect(numpy.standardNormal()).toBe(other.standardNormal())
  })

  test("uniforms leave the kept normal where it is", () => {
    const numpy = RandomState.randomState(99)
    numpy.standardNormal()
    const kept = numpy.state().cachedGaussian
    numpy.double()
    expect(numpy.standardNormal()).toBe(kept)
  })

  const draws = (rng: Rng.Rng): ReadonlyArray<unknown> => [
    times(300, () => rng.word()),
    rng.standardNormal(),
    rng.integer(1000),
    rng.integer(2 ** 45),
    rng.standardNormal(),
    rng.double(),
    rng.choice(20, 4),
    rng.permutation(9)
  ]

  test("a clone, the state's seed, and a twin each draw the same", () => {
    const seeds = fc.oneof(
      fc.integer({ min: 0, max: 2 ** 32 - 1 }).map(RandomState.seed),
      fc.array(fc.integer({ min: 0, max: 2 ** 32 - 1 }), { minLength: 1, maxLength: 700 }).map((key) => {
        return RandomState.arraySeed(key)
      }),
      fc.bigInt({ min: 0n, max: 2n ** 200n }).map((entropy) => RandomState.unseeded(entropy, [1]))
    )
    fc.assert(
      fc.property(seeds, fc.nat(1300), fc.nat(3), (seed, words, normals) => {
        const numpy = RandomState.make(seed)
        const twin = Rng.make(JSON.parse(JSON.stringify(seed)))
        for (const rng of [numpy, twin]) {
          times(words, () => rng.word())
          times(normals, () => rng.standardNormal())
        }
        const clone = numpy.clone()
        const again = Rng.make(JSON.parse(JSON.stringify(RandomState.stateSeed(numpy.state()))))
        expect(numpy.seed).toEqual(seed)
        const expected = draws(numpy)
        expect(draws(clone)).toEqual(expected)
        expect(draws(again)).toEqual(expected)
        expect(draws(twin)).toEqual(expected)
      }),
      { numRuns: 40 }
    )
  })

  test("a state is a copy", () => {
    const numpy = RandomState.randomState(3)
    const expected = numpy.clone().word()
    numpy.state().words.fill(0)
    expect(numpy.word()).toBe(expected)
  })
})

describe("RandomState refuses", () => {
  const state = RandomState.randomState(1).state()
  const words = RandomState.stateSeed(state).words
  const numpy = RandomState.randomState(1)

  test.each([
    ["a negative seed", () => RandomState.seed(-1), "from 0 to 4294967295, got -1"],
    ["a seed of 33 bits", () => RandomState.seed(2 ** 32), "from 0 to 4294967295, got 4294967296"],
    ["a fraction", () => RandomState.randomState(1.5), "1.5"],
    ["NaN", () => RandomState.randomState(Number.NaN), "NaN"],
    ["an empty array", () => RandomState.arraySeed([]), "not empty"],
    ["an array with a negative word", () => RandomState.arraySeed([1, -1]), "-1"],
    ["another algorithm", () => RandomState.make({ algorithm: "numpy-pcg64", words: [0] }), "numpy-pcg64"],
    ["two words for one", () => RandomState.make({ algorithm: "numpy-mt19937", words: [1, 2] }), "got 2"],
    ["no words", () => Rng.make({ algorithm: "numpy-mt19937", words: [] }), "got 0"],
    ["a wide word", () => Rng.make({ algorithm: "numpy-mt19937", words: [2 ** 32] }), "4294967296"],
    ["a short state", () => RandomState.stateSeed({ ...state, words: new Uint32Array(5) }), "got 5"],
    ["a position past the end", () => numpy.clone().setState({ ...state, position: 625 }), "625"],
    ["an infinite normal", () => numpy.clone().setState({ ...state, cachedGaussian: Infinity }), "Infinity"],
    ["a state seed cut short", () => Rng.make({ algorithm: "numpy-mt19937-state", words: words.slice(1) }), "got 627"],
    [
      "a has_gauss of 2",
      () => Rng.make({ algorithm: "numpy-mt19937-state", words: [...words.slice(0, 625), 2, 0, 0] }),
      "got 2"
    ],
    ["a bound of 0", () => numpy.integer(0), "got 0"],
    ["a bound of 2.5", () => numpy.integer(2.5), "2.5"],
    ["a bound of 2^53", () => numpy.integer(2 ** 53), "9007199254740992"],
    ["an empty range", () => numpy.randint(5, 5), "got 5"],
    ["an empty range of bigints", () => numpy.randintBig(5n, 5n), "5n"],
    ["a range over uint64", () => numpy.randintBig(0n, 2n ** 64n + 1n), "18446744073709551617n"],
    ["a range over int64", () => numpy.randintBig(-1n, 2n ** 63n + 1n), "9223372036854775809n"],
    ["a range under int64", () => numpy.randintBig(-(2n ** 63n) - 1n, 0n), "-9223372036854775809n"],
    ["more than there are", () => numpy.choice(3, 4), "got 4"],
    ["none to choose from", () => numpy.choice(0, 1, { replace: true }), "got 0"],
    ["more than weigh anything", () => numpy.choice(3, 2, { weights: [1, 0, 0] }), "at most"],
    ["weights of another number", () => numpy.choice(3, 2, { weights: [1, 1] }), "got 2"],
    ["a negative weight", () => numpy.choice(2, 1, { weights: [1, -1] }), "-1"]
  ])("%s", (_, run, named) => {
    expect(run).toThrow(InvalidOption)
    expect(run).toThrow(named)
  })
})
