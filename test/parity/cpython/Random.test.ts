/**
 * Python's own `random`. The literals are draws of CPython 3.11.2; the reference file is replayed by
 * `test/pipelines/parity.test.ts`.
 */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { sha256 } from "../../../src/core/runtime.ts"
import { CPython, Rng } from "../../../src/index.ts"

const times = <A>(count: number, draw: () => A): Array<A> => Array.from({ length: count }, draw)

const range = (size: number) => Array.from({ length: size }, (_, index) => index)

describe("seeds", () => {
  test.each([
    ["", 0.9602256525641875, 4124137760],
    ["furrow", 0.12853121523554611, 552037345],
    ["naïve 晚星", 0.26532571212000555, 1139565268]
  ])("the text %j", (seed, random, bits) => {
    expect(CPython.random(seed).random()).toBe(random)
    expect(CPython.random(seed).getrandbits(32)).toBe(BigInt(bits))
  })

  test("bytes, and numbers of any size and sign", () => {
    expect(CPython.random(Uint8Array.of(0, 255)).random()).toBe(0.09579186693672392)
    expect(CPython.random(new TextEncoder().encode("furrow")).random()).toBe(0.12853121523554611)
    expect(CPython.random(2n ** 200n + 12345n).random()).toBe(0.14734203971452786)
    for (const five of [5, -5, 5n, -5n]) expect(CPython.random(five).random()).toBe(0.6229016948897019)
  })

  test.each([1.5, Number.NaN, 2 ** 53, Infinity])("%s is refused", (seed) => {
    expect(() => CPython.random(seed)).toThrow("whole number")
  })

  test("as plain data they start the same generator, at the start and at any state", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 100n }), fc.nat(700), fc.nat(3), (seed, words, normals) => {
        const python = CPython.random(seed)
        expect(Rng.make(JSON.parse(JSON.stringify(python.seed))).word()).toBe(CPython.random(seed).word())
        for (let index = 0; index < words; index++) python.word()
        for (let index = 0; index < normals; index++) python.gauss()
        const other = Rng.make(JSON.parse(JSON.stringify(python.state())))
        expect(times(5, () => [other.standardNormal(), other.word()])).toEqual(
          times(5, () => [python.standardNormal(), python.word()])
        )
      }),
      { numRuns: 30 }
    )
  })

  test("words that are none of a seed are refused", () => {
    expect(() => Rng.make({ algorithm: "python-mt19937", words: [] })).toThrow("word")
    expect(() => Rng.make({ algorithm: "python-mt19937-state", words: [1] })).toThrow("python-mt19937-state")
    expect(() => CPython.Random.make({ algorithm: "xoshiro128**", words: [1, 2, 3, 4] })).toThrow("xoshiro128**")
  })
})

describe("integers", () => {
  test("getrandbits of any width", () => {
    expect([0, 1, 31, 32, 33, 53, 64, 100].map((bits) => CPython.random(1).getrandbits(bits))).toEqual([
      0n,
      0n,
      288545018n,
      577090037n,
      4872057333n,
      5126933103096309n,
      10499958131665514997n,
      1017878568110080782349472477685n
    ])
    expect(() => CPython.random(1).getrandbits(-1)).toThrow("bits")
  })

  test("randrange and randint, by numbers and by bigints", () => {
    const of = (bound: number) => CPython.random(3).integer(bound)
    expect([2 ** 53 - 1, 2 ** 32, 2 ** 32 + 1, 1].map(of)).toEqual([5338035485622269, 2337446730, 2337446730, 0])
    expect(CPython.random(3).integerBig(2n ** 53n)).toBe(2349486887312202n)
    expect(CPython.random(3).randintBig(-(2n ** 70n), 2n ** 70n)).toBe(1061603317711433258613n)
    const python = CPython.random(4)
    expect([...times(6, () => python.randrange(10, 100, 7)), ...times(4, () => python.randrange(5, -6, -2))]).toEqual([
      31, 38, 17, 87, 52, 59, 3, 5, 5, 5
    ])
  })

  test("numbers and bigints draw alike", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), fc.nat(), (bound, seed) => {
        expect(CPython.random(seed).integerBig(BigInt(bound))).toBe(BigInt(CPython.random(seed).integer(bound)))
      })
    )
  })

  test("ranges that are none are refused", () => {
    const python = CPython.random(0)
    expect(() => python.randrange(3, 3)).toThrow("not empty")
    expect(() => python.randrange(0, 9, 0)).toThrow("step")
    expect(() => python.randint(3, 2)).toThrow("high")
    expect(() => python.randintBig(3n, 2n)).toThrow("high")
    expect(() => python.integer(2.5)).toThrow("bound")
    expect(() => python.integerBig(0n)).toThrow("bound")
  })
})

describe("normals", () => {
  test("a second one is kept over other draws", () => {
    const python = CPython.random(6)
    const own = [python.gauss(2, 3), python.random(), python.gauss(0, 1), python.gauss(0, 1)]
    const real = [3.4990267794074317, 0.4850346279309453, -1.7893438594145739, -0.0021930658120974896]
    real.forEach((value, index) => {
      expect(Math.abs((own[index] ?? Number.NaN) - value)).toBeLessThanOrEqual(1e-12 * Math.abs(value))
    })
  })

  test("the same bits on every runtime", () => {
    const python = CPython.random(1)
    const bytes = new Uint8Array(Float64Array.from({ length: 10_000 }, () => python.gauss()).buffer)
    expect(Array.from(sha256(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("")).toBe(
      "93e679c9a70d0d3ecf2c6990a4eb3e025ec6021640754558dba24d4d48e1280e"
    )
  })
})

describe("orders and choices", () => {
  test.each([
    [21, 5, [7, 11, 12, 4, 6]],
    [22, 5, [7, 11, 12, 4, 6]],
    [21, 0, []],
    [85, 6, [29, 47, 48, 16, 24, 5]],
    [86, 6, [29, 47, 48, 16, 24, 5]],
    [1000, 20, [232, 379, 985, 384, 129, 197, 721, 44, 87, 140, 253, 830, 518, 214, 410, 657, 31, 470, 499, 464]],
    [5, 5, [1, 2, 4, 0, 3]]
  ] as const)("a sample of range(%s), %s of it", (size, count, real) => {
    expect(CPython.random(8).sample(range(size), count)).toEqual([...real])
    expect(CPython.random(8).choice(size, count)).toEqual([...real])
  })

  test("a sample from a set draws again what it has, one from a list does not", () => {
    // In a range of 86 for 6 places the set is taken: a place that comes twice is drawn again.
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 0, max: 40 }), fc.integer({ min: 40, max: 300 }), (seed, count, size) => {
        const own = CPython.random(seed).sample(range(size), count)
        expect(own).toHaveLength(count)
        expect(new Set(own).size).toBe(count)
        expect(own.every((item) => item >= 0 && item < size)).toBe(true)
      })
    )
  })

  test("choices, even and weighted", () => {
    expect(CPython.random(8).choices(range(50), 8)).toEqual([11, 48, 6, 35, 4, 12, 49, 10])
    const weights = [0, 3, 0, 1, 2]
    const real = [1, 4, 1, 4, 1, 1, 4, 1, 3, 1, 1, 1]
    expect(CPython.random(8).choices(range(5), 12, weights)).toEqual(real)
    expect(CPython.random(8).choice(5, 12, { replace: true, weights })).toEqual(real)
    expect(new Set(CPython.random(8).choice(5, 3, { weights }))).toEqual(new Set([1, 3, 4]))
  })

  test("shuffle", () => {
    expect(CPython.random(9).shuffle(Array.from("abcdefg")).join("")).toBe("bgafced")
  })

  test("more than there are, or from nothing, is refused", () => {
    const python = CPython.random(0)
    expect(() => python.sample([1, 2], 3)).toThrow("count")
    expect(() => python.choices([], 1)).toThrow("choose from")
    expect(() => python.choices([1, 2], 1, [0, 0])).toThrow("weights")
    expect(() => python.choices([1, 2], 1, [1])).toThrow("weights")
    expect(python.choice(0, 0)).toEqual([])
  })
})

describe("seeds of any length", () => {
  test.each([
    [2n ** 200n + 1n, 36002008],
    [-(2n ** 200n) - 1n, 36002008],
    [2n ** 32n - 1n, 2728839433],
    [2n ** 32n, 485306839],
    [2n ** 64n, 4198958755],
    [10n ** 300n, 2900876247]
  ])("the number %s", (seed, bits) => {
    expect(CPython.random(seed).word()).toBe(bits)
  })

  test("text and bytes beyond what a bigint holds, and bytes of 0 in front", () => {
    expect(CPython.random("x".repeat(300_000)).getrandbits(64)).toBe(15177915352003268377n)
    expect(CPython.random(new Uint8Array(3)).getrandbits(64)).toBe(7120592704054477214n)
    expect(CPython.random(new Uint8Array(0)).getrandbits(64)).toBe(8383724746567670048n)
  })

  test("a view is taken for what it shows", () => {
    const whole = Uint8Array.of(9, 0, 255, 9)
    expect(CPython.random(whole.subarray(1, 3)).random()).toBe(0.09579186693672392)
  })

  // An encoder writes both as U+FFFD, and they would be one seed.
  test.each(["\ud800", "a\udfff"])("the text %j is no text to Python either", (seed) => {
    expect(() => CPython.random(seed)).toThrow("surrogate")
  })

  test("a pair of surrogates is", () => {
    expect(CPython.random("🎲").random()).toBe(CPython.random(new TextEncoder().encode("🎲")).random())
  })
})

describe("a sample from a list and from a set", () => {
  // Seeds whose first draws repeat a place: a list gives the place's new item, a set draws again.
  test.each([
    [2, 21, [1, 2, 19, 11, 5]],
    [2, 22, [1, 2, 11, 5, 21]],
    [10, 85, [73, 4, 54, 61, 84, 1]],
    [10, 86, [73, 4, 54, 61, 1, 26]]
  ])("seed %s, size %s", (seed, size, real) => {
    expect(CPython.random(seed).choice(size, real.length)).toEqual(real)
  })

  test("at the next size of a set's table", () => {
    const head = [197, 215, 20, 132, 261, 248, 207, 155, 244, 183, 111, 258, 71, 144]
    expect(CPython.random(0).choice(277, 22)).toEqual([...head, 264, 48, 128, 75, 158, 50, 37, 169])
    expect(CPython.random(0).choice(278, 22)).toEqual([...head, 48, 128, 272, 75, 158, 50, 37, 169])
  })

  test("of a range beyond 2^32", () => {
    expect(CPython.random(8).choice(2 ** 41, 3)).toEqual([1628766299443, 1653400467367, 846651144401])
  })
})

describe("wide ranges", () => {
  test("randrange counts their steps without rounding", () => {
    const up = CPython.random(5)
    expect(times(3, () => up.randrange(-(2 ** 52), 2 ** 52 - 1, 7))).toEqual([
      -477126369384989, 1147848016544815, 3851217529630560
    ])
    const down = CPython.random(5)
    expect(times(3, () => down.randrange(2 ** 52, -(2 ** 52) + 2, -3))).toEqual([
      1052331975936817, -340501680177611, -4305868866583163
    ])
    expect(() => up.randrange(-(2 ** 52), 2 ** 52, 7)).toThrow("span")
    expect(() => up.randrange(0.5, 2)).toThrow("0.5")
    expect(() => up.randrange(2, 5, -1)).toThrow("not empty")
    expect(() => up.getrandbits(2 ** 20 + 1)).toThrow("bits")
  })

  test("getrandbits of 1,000 bits", () => {
    expect(CPython.random(5).getrandbits(1000) % 10n ** 20n).toBe(13294762527603194949n)
  })
})

describe("choices", () => {
  test("pick is Python's choice", () => {
    const python = CPython.random(12)
    expect(times(10, () => python.pick(Array.from("abcdefgh"))).join("")).toBe("hefcgafheh")
    expect(() => python.pick([])).toThrow("choose from")
  })

  test("with a weight of 0, and none of nothing", () => {
    expect(CPython.random(8).choices(["a", "b", "c"], 6, [0.2, 0, 0.8]).join("")).toBe("ccacac")
    expect(CPython.random(8).choices([], 0)).toEqual([])
    expect(() => CPython.random(8).choices(["a"], 1, [Number.NaN])).toThrow("weight 0")
    expect(() => CPython.random(8).choices(["a"], -1)).toThrow("count")
  })
})

describe("clone", () => {
  test("draws what the first would, and leaves it where it is", () => {
    const python = CPython.random("furrow")
    python.gauss()
    const other = python.clone()
    const own = times(700, () => [other.gauss(), other.word()])
    expect(times(700, () => [python.gauss(), python.word()])).toEqual(own)
    expect(other.fork("a").word()).toBe(python.fork("a").word())
  })
})

describe("words of a seed that are none", () => {
  const { algorithms, make } = CPython.Random
  test.each([-1, 1.5, 2 ** 32, Number.NaN])("%s", (word) => {
    expect(() => make({ algorithm: algorithms.seed, words: [0, word] })).toThrow(String(word))
    const { words } = CPython.random(1).state()
    for (const at of [0, 624, 625, 626, 627]) {
      expect(() => make({ algorithm: algorithms.state, words: words.with(at, word) })).toThrow(String(word))
    }
  })

  test("a flag, a position and a kept normal that cannot be", () => {
    const { words } = CPython.random(1).state()
    expect(() => make({ algorithm: algorithms.state, words: words.with(624, 625) })).toThrow("625")
    expect(() => make({ algorithm: algorithms.state, words: words.with(625, 2) })).toThrow("kept normal")
    const infinite = words.with(625, 1).with(626, 0).with(627, 0x7ff00000)
    expect(() => make({ algorithm: algorithms.state, words: infinite })).toThrow("Infinity")
  })
})
