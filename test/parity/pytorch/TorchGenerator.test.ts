/**
 * PyTorch's CPU generator. The literals are draws of PyTorch 1.13.0; the reference file is replayed by
 * `test/pipelines/parity.test.ts`.
 */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { PyTorch, Rng } from "../../../src/index.ts"
import { sha256 } from "../../../src/runtime.ts"

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
