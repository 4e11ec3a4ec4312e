import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { InvalidOption } from "../../../src/core/InvalidOption.ts"
import * as Generator from "../../../src/parity/numpy/Generator.ts"
import * as Rng from "../../../src/random/Rng.ts"
import type { Seed } from "../../../src/random/Seed.ts"
import { expectNormals, reference, sha256, times } from "./reference.ts"

const KINDS = [
  ["PCG64", Generator.pcg64Seed, reference.numpy_pcg64],
  ["Philox", Generator.philoxSeed, reference.numpy_philox]
] as const

describe.each(KINDS)("Generator on %s draws NumPy's numbers", (_, seedOf, section) => {
  test("the reference has seeds beyond 2^53", () => {
    expect(Object.keys(section).filter((seed) => BigInt(seed) > 2n ** 53n).length).toBeGreaterThan(1)
  })

  test.each(Object.entries(section))("seeded with %s", (seed, own) => {
    const draws = <A>(count: number, draw: (numpy: Generator.Generator) => A): Array<A> => {
      const numpy = Generator.make(seedOf(BigInt(seed)))
      return times(count, () => draw(numpy))
    }
    expect(draws(9, (numpy) => String(numpy.raw()))).toEqual([...own.raw])
    expect(draws(24, (numpy) => numpy.integers(0, 1000))).toEqual([...own.integers_1000])
    expect(draws(24, (numpy) => numpy.integer(1000))).toEqual([...own.integers_1000])
    expect(draws(24, (numpy) => Number(numpy.integersBig(-7n, 993n)) + 7)).toEqual([...own.integers_1000])
    expect(draws(8, (numpy) => numpy.integers(0, 2 ** 32))).toEqual([...own.integers_u32])
    expect(draws(8, (numpy) => numpy.word())).toEqual([...own.integers_u32])
    expect(draws(8, (numpy) => numpy.double())).toEqual([...own.random])
    expect(draws(8, (numpy) => numpy.float())).toEqual([...own.random])
    expect(draws(8, (numpy) => numpy.random32())).toEqual([...own.random_f32])
    const [halves] = draws(1, (numpy) => numpy.fill(new Float32Array(8)))
    expect(Array.from(halves ?? [])).toEqual([...own.random_f32])
    expectNormals(
      draws(12, (numpy) => numpy.standardNormal()),
      own.standard_normal
    )
    const [order] = draws(1, (numpy) => numpy.permutation(17))
    expect(Array.from(order ?? [])).toEqual([...own.permutation])
  })
})

/** Drawn by NumPy 1.24.2 from generators seeded with 99. */
const EDGES = [
  {
    name: "PCG64",
    seedOf: Generator.pcg64Seed,
    bounds: [
      [1n, [0n, 0n, 0n]],
      [2n, [1n, 1n, 1n]],
      [2n ** 31n, [1213525038n, 381859589n, 1099331152n]],
      [2n ** 32n - 1n, [4045518373n, 4175508672n, 4144779698n]],
      [2n ** 32n, [2640988884n, 1347284218n, 2440759038n]],
      [2n ** 32n + 1n, [1231739595n, 2381608557n, 2007998252n]],
      [2n ** 63n, [5626791972025802781n, 8581817314999948095n, 2267892371740479789n]]
    ],
    int64: [111246309986067096n, 1200728672868593958n, 219810658831920649n],
    uint64: [9334618346840842905n, 10424100709723369767n],
    weighted: [3, 4, 1, 0],
    weightedAgain: [3, 3, 3, 4, 4, 3, 1, 3, 3, 4, 4, 1],
    few: [7, 4, 2, 6, 9],
    tenThousand: [7233, 5575, 7110, 7188, 4073],
    all: "0a323a943b47d52e8c11cea04ec6fb39afd70ceb7351c6281b91e5e98ec04e87",
    end: [5701, 3690, 7984, 1301, 4324],
    floyd: [1433, 6189, 7234, 3859, 6570],
    again: [6, 3, 5, 3, 1, 3, 6, 6, 6, 4],
    shuffled: [4, 6, 0, 3, 8, 1, 2, 5, 7, 9],
    children: [
      [358, 32, 546, 845],
      [801, 784, 430, 60],
      [710, 791, 136, 976],
      [697, 378, 265, 575]
    ],
    mixed: [958, 0.5650916317844883, 506, 0.1778172254562378, 0.6862308196812632, 511],
    normals: "f00dc1c6bc271dad98523b140e0b6378c50674d4d7be52fa38040452396d6590",
    tails: [
      [11409, 3.8994585111713485],
      [13893, 3.817585176225911],
      [16224, 3.702116067750479],
      [19064, -3.9592577277204652]
    ]
  },
  {
    name: "Philox",
    seedOf: Generator.philoxSeed,
    bounds: [
      [1n, [0n, 0n, 0n]],
      [2n, [0n, 0n, 1n]],
      [2n ** 31n, [294104866n, 1714070902n, 1236471722n]],
      [2n ** 32n - 1n, [314732515n, 613163538n, 2601359666n]],
      [2n ** 32n, [805554167n, 1140557700n, 3007516860n]],
      [2n ** 32n + 1n, [3446352556n, 4136348875n, 919652495n]],
      [2n ** 63n, [3359659775666595790n, 2141387930688465511n, 5479112219294443818n]]
    ],
    int64: [-7334191577918189260n, -6697030467450620867n, 1397839183410973419n],
    uint64: [1889180458936586549n, 2526341569404154942n],
    weighted: [1, 3, 4, 0],
    weightedAgain: [1, 1, 3, 1, 1, 4, 4, 4, 1, 3, 1, 3],
    few: [9, 0, 10, 1, 6],
    tenThousand: [9389, 3354, 4793, 2278, 5348],
    all: "579c16e1f5ce0c4d3756fd0470e228bd68438ad0a62e446bb9a40644312837c0",
    end: [4250, 8910, 8934, 7770, 3558],
    floyd: [2290, 5385, 7420, 3633, 9147],
    again: [1, 0, 4, 0, 5, 4, 0, 0, 4, 1],
    shuffled: [1, 2, 0, 8, 3, 6, 7, 4, 9, 5],
    children: [
      [830, 767, 468, 724],
      [880, 208, 888, 308],
      [512, 423, 839, 952],
      [590, 730, 515, 45]
    ],
    mixed: [232, 0.13695325089942112, 102, 0.7981764078140259, -0.34946849085130355, 575],
    normals: "ebd9affe9e73133c34c48f3c069042bb0c67ef15cd4f7fbad071fc28d4f68416",
    tails: [
      [37, -3.7796212763923034],
      [2411, 3.733062666411722],
      [6298, -3.689695339080929],
      [9143, 3.9399173429405367]
    ]
  }
] as const

describe.each(EDGES.map((own) => [own.name, own] as const))("Generator on %s at its edges", (_, own) => {
  const make = (): Generator.Generator => Generator.make(own.seedOf(99))
  const WEIGHTS = [0.05, 0.3, 0, 0.25, 0.4]

  test("bounds around those where its ways change, drawn one after the other", () => {
    const big = make()
    for (const [bound, values] of own.bounds) expect(times(3, () => big.integersBig(0n, bound))).toEqual([...values])
    const small = make()
    for (const [bound, values] of own.bounds.slice(0, -1)) {
      expect(times(3, () => small.integer(Number(bound)))).toEqual(Array.from(values, Number))
    }
  })

  test("all of int64 and of uint64", () => {
    const int64 = make()
    expect(times(3, () => int64.integersBig(-(2n ** 63n), 2n ** 63n - 1n))).toEqual([...own.int64])
    const uint64 = make()
    expect(times(2, () => uint64.integersBig(0n, 2n ** 64n))).toEqual([...own.uint64])
  })

  test("a hundred thousand normals, and those in the tails", () => {
    expect(sha256(make().fillNormal(new Float32Array(100000)))).toBe(own.normals)
    const normals = make().fillNormal(new Float64Array(20000))
    expectNormals(
      own.tails.map(([at]) => normals[at] as number),
      own.tails.map(([, value]) => value)
    )
  })

  test("choice", () => {
    expect(make().choice(5, 4, { weights: WEIGHTS })).toEqual([...own.weighted])
    expect(make().choice(5, 12, { weights: WEIGHTS, replace: true })).toEqual([...own.weightedAgain])
    expect(make().choice(12, 5)).toEqual([...own.few])
    expect(make().choice(10000, 201).slice(0, 5)).toEqual([...own.tenThousand])
    expect(sha256(Uint32Array.from(make().choice(10001, 10001)))).toBe(own.all)
    expect(make().choice(10001, 201).slice(0, 5)).toEqual([...own.end])
    expect(make().choice(10001, 200).slice(0, 5)).toEqual([...own.floyd])
    expect(make().choice(7, 10, { replace: true })).toEqual([...own.again])
    expect(make().choice(3, 0, { weights: [1, 0, 0] })).toEqual([])
  })

  test("a uniform that equals a share of the weights goes to the next index", () => {
    const first = make().double()
    expect(make().choice(2, 1, { weights: [first, 1 - first] })).toEqual([1])
  })

  test("shuffle", () => {
    expect(make().shuffle([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])).toEqual([...own.shuffled])
    expect(Array.from(make().permutation(10))).toEqual([...own.shuffled])
  })

  test("spawn", () => {
    const numpy = make()
    const children = [...numpy.spawn(2), ...numpy.spawn(1)]
    const grandchildren = children[1]?.spawn(1) ?? []
    const drawn = [...children, ...grandchildren].map((child) => times(4, () => child.integers(0, 1000)))
    expect(drawn).toEqual(own.children.map((values) => [...values]))
    expect(own.seedOf(99, [1, 0])).toEqual(grandchildren[0]?.seed as Seed)
  })

  test("halves of a word wait while whole words are drawn", () => {
    const numpy = make()
    const integers = (): number => numpy.integers(0, 1000)
    const drawn = [integers(), numpy.double(), integers(), numpy.random32(), numpy.standardNormal(), integers()]
    expectNormals(drawn, own.mixed)
  })

  const draws = (rng: Rng.Rng): ReadonlyArray<unknown> => [
    times(5, () => rng.word()),
    rng.standardNormal(),
    rng.integer(1000),
    rng.integer(2 ** 45),
    rng.double(),
    rng.choice(20, 4),
    rng.permutation(9)
  ]

  test("a seed and the seed of any state start twins", () => {
    const entropies = fc.bigInt({ min: 0n, max: 2n ** 200n })
    const keys = fc.array(fc.nat(), { maxLength: 3 })
    fc.assert(
      fc.property(entropies, keys, fc.nat(20), fc.nat(20), (entropy, key, words, doubles) => {
        const seed = own.seedOf(entropy, key)
        const numpy = Generator.make(seed)
        const twin = Rng.make(JSON.parse(JSON.stringify(seed)))
        for (const rng of [numpy, twin]) {
          times(words, () => rng.word())
          times(doubles, () => rng.double())
        }
        const again = Rng.make(JSON.parse(JSON.stringify(numpy.state())))
        expect(again.seed).toEqual(numpy.state())
        expect(numpy.seed).toEqual(seed)
        const expected = draws(numpy)
        expect(draws(again)).toEqual(expected)
        expect(draws(twin)).toEqual(expected)
      }),
      { numRuns: 40 }
    )
  })

  test("from a state it spawns nothing", () => {
    const numpy = Generator.make(make().state())
    expect(() => numpy.spawn(1)).toThrow(InvalidOption)
    expect(() => numpy.spawn(1)).toThrow("seed sequence")
  })
})

describe("Generator refuses", () => {
  const numpy = Generator.defaultRng(1)
  const pcg = numpy.state().words
  const philox = Generator.make(Generator.philoxSeed(1)).state().words

  test.each([
    ["a negative seed", () => Generator.defaultRng(-1), "at least 0, got -1"],
    ["a seed that float64 rounds", () => Generator.pcg64Seed(2 ** 60), "1152921504606847000"],
    ["a fraction", () => Generator.philoxSeed(0.5), "0.5"],
    ["another algorithm", () => Generator.make({ algorithm: "numpy-mt19937", words: [1] }), "numpy-mt19937"],
    ["a seed without words", () => Rng.make({ algorithm: "numpy-pcg64", words: [] }), "not empty"],
    ["fewer words than it says", () => Rng.make({ algorithm: "numpy-philox", words: [3, 1] }), "got 3"],
    ["a state cut short", () => Rng.make({ algorithm: "numpy-pcg64-state", words: pcg.slice(1) }), "got 9"],
    [
      "an even increment",
      () => Rng.make({ algorithm: "numpy-pcg64-state", words: pcg.map((word, at) => (at === 4 ? 2 : word)) }),
      "odd"
    ],
    [
      "a has_uint32 of 2",
      () => Rng.make({ algorithm: "numpy-pcg64-state", words: pcg.map((word, at) => (at === 8 ? 2 : word)) }),
      "got 2"
    ],
    [
      "a place past Philox's block",
      () => Rng.make({ algorithm: "numpy-philox-state", words: philox.map((word, at) => (at === 20 ? 5 : word)) }),
      "got 5"
    ],
    ["a bound of 0", () => numpy.integer(0), "got 0"],
    ["a bound of 2.5", () => numpy.integer(2.5), "2.5"],
    ["a bound of NaN", () => numpy.integer(Number.NaN), "NaN"],
    ["a bound of 2^53", () => numpy.integer(2 ** 53), "9007199254740992"],
    ["an empty range", () => numpy.integers(5, 5), "got 5"],
    ["an empty range of bigints", () => numpy.integersBig(5n, 5n), "5n"],
    ["a range over uint64", () => numpy.integersBig(0n, 2n ** 64n + 1n), "18446744073709551617n"],
    ["more than there are", () => numpy.choice(3, 4), "got 4"],
    ["none to choose from", () => numpy.choice(0, 1, { replace: true }), "got 0"],
    ["more than weigh anything", () => numpy.choice(3, 2, { weights: [1, 0, 0] }), "at most"],
    ["a negative count of children", () => numpy.spawn(-1), "-1"]
  ])("%s", (_, run, named) => {
    expect(run).toThrow(InvalidOption)
    expect(run).toThrow(named)
  })
})
