/**
 * PyTorch's CPU generator. The literals are draws of PyTorch 1.13.0; the reference file is replayed by
 * `test/pipelines/parity.test.ts`.
 */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { sha256 } from "../../../src/core/runtime.ts"
import { PyTorch, Rng } from "../../../src/index.ts"

const times = <A>(count: number, draw: () => A): Array<A> => Array.from({ length: count }, draw)

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")

const near = (own: ArrayLike<number>, real: ReadonlyArray<number>, tolerance = 1e-12): void => {
  expect(own.length).toBe(real.length)
  real.forEach((value, index) => {
    expect(Math.abs((own[index] ?? Number.NaN) - value)).toBeLessThanOrEqual(tolerance * Math.abs(value))
  })
}

describe("seeds", () => {
  test.each([
    [-1n, [371, 978, 476], 18446744073709551615n],
    [-5n, [30, 81, 355], 18446744073709551611n],
    [-(2n ** 63n), [44, 239, 933], 9223372036854775808n],
    [2n ** 64n - 1n, [371, 978, 476], 18446744073709551615n],
    // Only 32 bits seed the twister.
    [2n ** 32n + 7n, [615, 892, 721], 4294967303n],
    [7n, [615, 892, 721], 7n]
  ] as const)("%s is taken as PyTorch takes it", (seed, draws, initial) => {
    const torch = PyTorch.manualSeed(seed)
    expect(torch.initialSeed).toBe(initial)
    expect(times(3, () => torch.randint(0, 1000))).toEqual([...draws])
  })

  test("a number is what the bigint of its value is", () => {
    expect(PyTorch.manualSeed(-5).seed).toEqual(PyTorch.manualSeed(-5n).seed)
    expect(PyTorch.manualSeed(2 ** 53 - 1).initialSeed).toBe(2n ** 53n - 1n)
  })

  test.each([2n ** 64n, -(2n ** 63n) - 1n, 1.5, Number.NaN, 2 ** 53, Infinity])("%s is refused", (seed) => {
    expect(() => PyTorch.manualSeed(seed)).toThrow("-2^63 to 2^64 - 1")
  })

  test("as plain data they start the same generator, at the start and at any state", () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
        fc.nat(700),
        fc.nat(3),
        (seed, words, normals) => {
          const torch = PyTorch.manualSeed(seed)
          expect(Rng.make(JSON.parse(JSON.stringify(torch.seed))).word()).toBe(PyTorch.manualSeed(seed).word())
          for (let index = 0; index < words; index++) torch.word()
          for (let index = 0; index < normals; index++) torch.standardNormal()
          const other = PyTorch.TorchGenerator.make(JSON.parse(JSON.stringify(torch.state())))
          expect(other.initialSeed).toBe(torch.initialSeed)
          expect(times(5, () => [other.standardNormal(), other.word()])).toEqual(
            times(5, () => [torch.standardNormal(), torch.word()])
          )
        }
      ),
      { numRuns: 30 }
    )
  })

  test("words that are none of a seed are refused", () => {
    expect(() => Rng.make({ algorithm: "torch-mt19937", words: [1] })).toThrow("torch-mt19937")
    expect(() => Rng.make({ algorithm: "torch-mt19937-state", words: [1, 2] })).toThrow("torch-mt19937-state")
    expect(() => PyTorch.TorchGenerator.make({ algorithm: "xoshiro128**", words: [1, 2, 3, 4] })).toThrow(
      "xoshiro128**"
    )
  })
})

describe("integers", () => {
  test("of a word below 2^32, of two from there on", () => {
    const of = (bound: number) => {
      const torch = PyTorch.manualSeed(3)
      return times(4, () => torch.randint(0, bound))
    }
    expect(of(2 ** 32 - 1)).toEqual([2365658986, 303761048, 3041471737, 3607553667])
    expect(of(2 ** 32)).toEqual([303761048, 3607553667, 521102280, 2445173525])
    expect(of(2 ** 32 + 1)).toEqual([2233069359, 566081930, 3566643217, 251185685])
    expect(of(2 ** 53 - 1)).toEqual([307219314445056, 2582726356429869, 6961798910535195, 1575602607777579])
  })

  test("over all of int64", () => {
    const torch = PyTorch.manualSeed(3)
    expect(times(4, () => torch.randintBig(-(2n ** 62n), 2n ** 62n))).toEqual([
      -3674630076619880808n,
      -772036409551296893n,
      754559337054036936n,
      -4411952032215309547n
    ])
    const narrow = PyTorch.manualSeed(7)
    expect(times(3, () => narrow.randintBig(0n, 1000n))).toEqual([615n, 892n, 721n])
  })

  test("ranges that are none are refused", () => {
    const torch = PyTorch.manualSeed(0)
    expect(() => torch.randint(3, 3)).toThrow("high")
    expect(() => torch.randint(0.5, 3)).toThrow("low")
    expect(() => torch.integer(0)).toThrow("bound")
    expect(() => torch.randintBig(0n, 2n ** 63n)).toThrow("2^63 - 1")
    expect(() => torch.randintBig(5n, 5n)).toThrow("low < high")
  })
})

describe("uniforms and normals", () => {
  test("bernoulli, uniform and normal of float64, one by one", () => {
    const bernoulli = PyTorch.manualSeed(42)
    expect(times(12, () => Number(bernoulli.bernoulli(0.3)))).toEqual([1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 0])
    const uniform = PyTorch.manualSeed(42)
    expect(times(4, () => uniform.uniform(-2, 3))).toEqual([
      -1.7092275701928514, -1.6854491628771122, -1.3820696361279547, -1.7370991781946148
    ])
    const normal = PyTorch.manualSeed(42)
    near(
      times(4, () => normal.normal(2, 3)),
      [3.0100710631515764, 2.386428215409769, 2.703387090084595, 2.6909990837438356]
    )
  })

  test("a second normal is kept over other draws", () => {
    const torch = PyTorch.manualSeed(9)
    near(
      [torch.standardNormal(), torch.double(), torch.standardNormal()],
      [0.04472753863654923, 0.34371471764712336, 1.911239043445692]
    )
  })

  test("sixteen and more of float64 are filled another way, the tail over what was there", () => {
    near(
      PyTorch.manualSeed(5).randn64(16),
      [
        0.8235713931461853, -0.7421276044281208, -0.5944275099013685, -0.39852699134689623, 0.2491457740153924,
        0.3827385882444269, 1.008406428869996, -0.7606449897368237, -1.1731404788951871, 0.2253943832589722,
        0.7360829607679963, 0.7734573893671803, -0.7461488381862522, 1.914912987024627, 0.8454443631808117,
        1.4027405738090546
      ]
    )
    near(
      PyTorch.manualSeed(5).randn64(23),
      [
        0.8235713931461853, -0.7421276044281208, -0.5944275099013685, -0.39852699134689623, 0.2491457740153924,
        0.3827385882444269, 1.008406428869996, 0.8372184336887067, -0.3622047240956292, -0.7125441318799689,
        0.6072116526437173, 0.4976028987866376, -0.8182379732109293, -0.7730302607371595, -0.5428884267121882,
        -0.3955216105396746, 1.9172346797519741, 0.2521633133845829, -0.12785490061203628, 0.17401661386364128,
        0.949970222654445, -1.8795589359432419, 1.6528860480290781
      ]
    )
  })

  test("the same bits on every runtime", () => {
    const bytes = new Uint8Array(PyTorch.manualSeed(1).randn(10_007).buffer)
    expect(hex(sha256(bytes))).toBe("f0bbcdcb8e8c053882b0ab457e8e4a8b1af67af41f42bd6059f0050ef002e575")
    expect(hex(sha256(new Uint8Array(PyTorch.manualSeed(1).randn64(10_007).buffer)))).toBe(
      "627b73735cbeec38f311a17f7b690011458224553360a8df8f808b7dded1b2ac"
    )
  })

  test("a tensor of none, and sizes that are none", () => {
    const torch = PyTorch.manualSeed(0)
    for (const draw of ["rand", "rand64", "randn", "randn64"] as const) {
      expect(torch[draw](0)).toHaveLength(0)
      expect(() => torch[draw](-1)).toThrow("count")
      expect(() => torch[draw](2.5)).toThrow("2.5")
    }
  })
})

describe("orders and choices", () => {
  test.each([
    [0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
    [1, "df3f619804a92fdb4057192dc43dd748ea778adc52bc498ce80524c014b81119"],
    [2, "7c9fa136d4413fa6173637e883b6998d32e1d675f88cddff9dcbcf331820f4b8"],
    [1000, "2b82585349b834a7c438120119fc8b7e2bb9e542797060cfd7d234fbf01e1298"],
    [65537, "2bb0ae050d940d7d316bda7dc8a3eea326e1bf48510041e1d0b8a2a5f2d353bb"]
  ])("randperm of %s, as a whole", (size, digest) => {
    expect(hex(sha256(new Uint8Array(PyTorch.manualSeed(11).randperm(size).buffer)))).toBe(digest)
  })

  test("shuffle, permutation and choice go by randperm", () => {
    const order = Array.from(PyTorch.manualSeed(4).randperm(9))
    expect(Array.from(PyTorch.manualSeed(4).permutation(9))).toEqual(order)
    expect(PyTorch.manualSeed(4).shuffle(Array.from("abcdefghi"))).toEqual(
      order.map((place) => "abcdefghi".charAt(place))
    )
    expect(PyTorch.manualSeed(4).choice(9, 4)).toEqual(order.slice(0, 4))
    const torch = PyTorch.manualSeed(4)
    expect(PyTorch.manualSeed(4).choice(9, 4, { replace: true })).toEqual(times(4, () => torch.randint(0, 9)))
    expect(() => torch.choice(3, 4)).toThrow("count")
  })

  test("multinomial never gives what has no weight", () => {
    const weights = [0, 3, 0, 1, 0]
    const real = [1, 1, 1, 1, 1, 3, 1, 1, 3, 1]
    expect(PyTorch.manualSeed(5).multinomial(weights, 10)).toEqual(real)
    expect(PyTorch.manualSeed(5).choice(5, 10, { replace: true, weights })).toEqual(real)
    expect(() => PyTorch.manualSeed(5).multinomial([0, 0], 1)).toThrow("weights")
    expect(new Set(PyTorch.manualSeed(5).choice(5, 2, { weights }))).toEqual(new Set([1, 3]))
  })
})

describe("what PyTorch's build for AVX2 rounds once", () => {
  test("uniform_ of float64", () => {
    const torch = PyTorch.manualSeed(0)
    const real = [2.8502650090327655, 1.5390993219989397, 0.29691471563725436, 2.6037384206098015, 1.225120600613824]
    expect(times(5, () => torch.uniform(-2, 3))).toEqual(real)
    const plain = PyTorch.manualSeed(0)
    expect(times(5, () => plain.double() * 5 - 2)).not.toEqual(real)
    expect(times(3, () => torch.uniform(5, 5))).toEqual([5, 5, 5])
  })

  test("a span that is none is refused", () => {
    const torch = PyTorch.manualSeed(0)
    expect(() => torch.uniform(1, 0)).toThrow("high")
    expect(() => torch.uniform(-1e308, 1e308)).toThrow("high - low")
    expect(() => torch.uniform(Number.NaN, 1)).toThrow("low")
    expect(() => torch.uniform(0, Infinity)).toThrow("high")
    expect(() => torch.bernoulli(1.5)).toThrow("probability")
    expect(() => torch.randint(-1, Number.MAX_SAFE_INTEGER)).toThrow("high - low")
  })
})

describe("tensors of normals", () => {
  // The last two of randn(count) of seed 8: in float64, in float32.
  test.each([
    [15, [2.202733343339411, 1.1013968686551623], [2.202733278274536, 1.101396918296814]],
    [17, [1.604289049594508, 0.7945518663680966], [1.2106316089630127, 0.035561785101890564]],
    [31, [0.7650545749063621, -1.019294378143558], [-0.4486686587333679, 0.03490624949336052]],
    [32, [-1.6187637473845764, 1.604289049594508], [0.22766442596912384, 1.2106316089630127]],
    [33, [-0.12366445170001714, -1.406708439557952], [-1.0177773237228394, 1.644760251045227]]
  ] as const)("the end of %s of them", (count, float64, float32) => {
    near(PyTorch.manualSeed(8).randn64(count).subarray(-2), float64)
    near(PyTorch.manualSeed(8).randn(count).subarray(-2), float32, 1e-6)
  })

  test("one kept from a small tensor outlasts a large one", () => {
    const torch = PyTorch.manualSeed(6)
    near(torch.randn64(3), [-1.8743985917469141, -0.9936632303547206, 0.7184672290178716])
    near(torch.randn64(16).subarray(0, 2), [1.0608518118958832, -1.482073790290103])
    near(torch.randn64(2), [-0.6984538692354079, -1.5764417174948337])
  })

  test("normal_ of a small and of a large tensor", () => {
    near(
      PyTorch.manualSeed(6).fillNormal(new Float32Array(5), 2.5, 0.3),
      [1.9376803636550903, 2.2019009590148926, 2.7155401706695557, 2.290463924407959, 2.0585334300994873],
      1e-6
    )
    near(
      PyTorch.manualSeed(6).fillNormal(new Float64Array(18), 2.5, 0.3),
      [
        2.839347924404073, 3.057320031120307, 2.242316606201163, 2.492320808034665, 2.762594973336027, 2.29312808428084,
        3.0754445948551172, 2.6159328686396823, 2.245721899453861, 2.812228541543265, 2.188860248014176,
        2.6046288498779, 2.216495043217435, 2.970129083961395, 2.4307149174655223, 2.634589522625918, 2.503852276482466,
        2.0194775484761305
      ]
    )
    near(
      PyTorch.manualSeed(6).fillNormal(new Float32Array(18), 2.5, 0.3).subarray(0, 3),
      [2.136608600616455, 2.689107656478882, 2.6089043617248535],
      1e-6
    )
    expect(() => PyTorch.manualSeed(6).fillNormal(new Float32Array(18), 0, -1)).toThrow("deviation")
    expect(() => PyTorch.manualSeed(6).fillNormal(new Float32Array(18), Number.NaN)).toThrow("mean")
  })

  test("fill of float32 is rand", () => {
    const real = [0.5721975564956665, 0.5538755059242249, 0.986829936504364, 0.6080296039581299, 0.2346559762954712]
    expect(Array.from(PyTorch.manualSeed(6).fill(new Float32Array(5)))).toEqual(real)
    expect(Array.from(PyTorch.manualSeed(6).rand(5))).toEqual(real)
  })
})

describe("randperm", () => {
  test.each([
    [3, [1, 0, 2]],
    [4, [2, 3, 1, 0]],
    [
      31,
      [6, 9, 24, 14, 3, 15, 21, 12, 25, 28, 23, 22, 7, 2, 5, 20, 16, 29, 18, 27, 11, 30, 1, 17, 26, 19, 4, 10, 8, 13, 0]
    ]
  ])("of %s, from a seed over 2^63", (size, real) => {
    expect(Array.from(PyTorch.manualSeed(2n ** 63n + 3n).randperm(size))).toEqual(real)
  })

  test("takes a word a place but the last", () => {
    for (const size of [0, 1, 2, 3, 700]) {
      const torch = PyTorch.manualSeed(1)
      torch.randperm(size)
      const words = PyTorch.manualSeed(1)
      times(Math.max(0, size - 1), () => words.word())
      expect(torch.word()).toBe(words.word())
    }
  })

  // No PyTorch of 2.6 was at hand: these are of its source's two lines, written in Python on NumPy's twister.
  test("large, as PyTorch 2.6 and later have it", () => {
    expect(Array.from(PyTorch.manualSeed(42).randpermLarge(12))).toEqual([6, 0, 5, 11, 10, 2, 3, 1, 9, 4, 7, 8])
    expect(hex(sha256(new Uint8Array(PyTorch.manualSeed(42).randpermLarge(5000).buffer)))).toBe(
      "aec0aa8ce8759834e8ea5edb87b1869c0e9b186dbe134c25832d3705efcbeba5"
    )
    expect(PyTorch.manualSeed(42).randpermLarge(0)).toHaveLength(0)
  })

  test("sizes that are none are refused", () => {
    const torch = PyTorch.manualSeed(1)
    for (const size of [-1, 1.5, Number.NaN, 2 ** 32]) {
      expect(() => torch.randperm(size)).toThrow("size")
      expect(() => torch.randpermLarge(size)).toThrow("size")
    }
  })
})

describe("multinomial", () => {
  const weights = [1, 0, 5, 2, 3]

  test("without replacement", () => {
    expect(PyTorch.manualSeed(17).multinomial(weights, 4, false)).toEqual([3, 2, 4, 0])
    expect(PyTorch.manualSeed(17).multinomial(weights, 1, false)).toEqual([3])
    expect(PyTorch.manualSeed(17).choice(5, 4, { weights })).toEqual([3, 2, 4, 0])
    // One uniform a weight, however many are asked for.
    const torch = PyTorch.manualSeed(17)
    torch.multinomial(weights, 2, false)
    expect(torch.randint(0, 1000)).toBe(12)
  })

  test("of one draw, of one weight, of none", () => {
    expect(PyTorch.manualSeed(17).multinomial(weights, 1)).toEqual([2])
    expect(PyTorch.manualSeed(17).multinomial([7], 3)).toEqual([0, 0, 0])
    expect(PyTorch.manualSeed(17).multinomial(weights, 0)).toEqual([])
  })

  test.each([
    ["no weight", []],
    ["only weights of 0", [0, 0]],
    ["a negative weight", [1, -1]],
    ["an infinite one", [1, Infinity]],
    ["one that is no number", [1, Number.NaN]]
  ])("%s is refused", (_, own) => {
    for (const replacement of [true, false]) {
      expect(() => PyTorch.manualSeed(1).multinomial(own, 1, replacement)).toThrow(/weight|size/)
    }
  })

  test("more than there are weights over 0, or counts that are none", () => {
    const torch = PyTorch.manualSeed(1)
    expect(() => torch.multinomial(weights, 5, false)).toThrow("weights over 0, 4")
    expect(() => torch.multinomial(weights, 1.5)).toThrow("count")
    expect(() => torch.multinomial(weights, -1, false)).toThrow("count")
    expect(() => torch.choice(4, 2, { replace: true, weights })).toThrow("weights")
  })
})

describe("clone", () => {
  test("draws what the first would, and leaves it where it is", () => {
    const torch = PyTorch.manualSeed(2n ** 40n + 1n)
    torch.standardNormal()
    const other = torch.clone()
    const own = times(700, () => [other.standardNormal(), other.word()])
    expect(times(700, () => [torch.standardNormal(), torch.word()])).toEqual(own)
    expect(other.initialSeed).toBe(2n ** 40n + 1n)
    expect(other.fork("a").word()).toBe(torch.fork("a").word())
  })
})

describe("words of a seed that are none", () => {
  const { algorithms, make } = PyTorch.TorchGenerator
  test.each([-1, 1.5, 2 ** 32, Number.NaN])("%s", (word) => {
    expect(() => make({ algorithm: algorithms.seed, words: [word, 0] })).toThrow(String(word))
    expect(() => make({ algorithm: algorithms.seed, words: [0, word] })).toThrow(String(word))
    const { words } = PyTorch.manualSeed(1).state()
    for (const at of [0, 624, 625, 626, 628, 629]) {
      expect(() => make({ algorithm: algorithms.state, words: words.with(at, word) })).toThrow(String(word))
    }
  })

  test("a flag, a position and a kept normal that cannot be", () => {
    const { words } = PyTorch.manualSeed(1).state()
    expect(() => make({ algorithm: algorithms.state, words: words.with(624, 625) })).toThrow("625")
    expect(() => make({ algorithm: algorithms.state, words: words.with(625, 2) })).toThrow("kept normal")
    const infinite = words.with(625, 1).with(626, 0).with(627, 0x7ff00000)
    expect(() => make({ algorithm: algorithms.state, words: infinite })).toThrow("Infinity")
  })
})
