import { describe, expect, test } from "bun:test"
import { Chunk, Effect, Exit, Random } from "effect"
import { InvalidOption } from "../../src/core/InvalidOption.ts"
import * as Rng from "../../src/random/Rng.ts"

const seeds = {
  xoshiro: { algorithm: "xoshiro128**", words: [0x9e3779b9, 0x243f6a88, 0xb7e15162, 0x1] },
  philox: { algorithm: "philox4x32-10", words: [1, 2] }
}

const list = <A>(items: ArrayLike<A> | Iterable<A>): ReadonlyArray<A> => Array.from(items)

const times = <A>(count: number, draw: () => A): ReadonlyArray<A> => Array.from({ length: count }, draw)

/** Something of every method; the literals below are what it gave when it was written. To change one is to break. */
const draws = {
  word: (rng) => times(3, () => rng.word()),
  float: (rng) => times(3, () => rng.float()),
  double: (rng) => times(3, () => rng.double()),
  "integer below 10": (rng) => times(10, () => rng.integer(10)),
  "integer below 3 · 10^9": (rng) => times(5, () => rng.integer(3_000_000_000)),
  // Close to half of all words are rejected.
  "integer below 2^31 + 1": (rng) => times(5, () => rng.integer(2 ** 31 + 1)),
  "integer below 2^32": (rng) => times(2, () => rng.integer(2 ** 32)),
  "integer beyond 2^32": (rng) => [2 ** 32 + 1, 2 ** 53 - 1, 1e15].map((bound) => rng.integer(bound)),
  between: (rng) => times(8, () => rng.between(-3, 3)),
  bernoulli: (rng) => times(12, () => Number(rng.bernoulli(0.3))),
  uniform: (rng) => [rng.uniform(-1, 1), rng.uniform(5, 6), rng.uniform()],
  normal: (rng) => [rng.normal(), rng.normal(10, 2), rng.normal(-1, 0.5)],
  standardNormal: (rng) => times(6, () => rng.standardNormal()),
  gamma: (rng) => [rng.gamma(0.2), rng.gamma(1), rng.gamma(7.5)],
  beta: (rng) => [rng.beta(0.2, 0.2), rng.beta(1, 1), rng.beta(2, 5)],
  permutation: (rng) => list(rng.permutation(12)),
  "shuffle of an array": (rng) => rng.shuffle(["a", "b", "c", "d", "e", "f"]),
  "shuffle of a Float64Array": (rng) => list(rng.shuffle(Float64Array.of(0.5, 1.5, 2.5, 3.5))),
  choice: (rng) => rng.choice(100, 6),
  "choice with replacement": (rng) => rng.choice(5, 10, { replace: true }),
  "choice by weight": (rng) => rng.choice(6, 4, { weights: [1, 2, 3, 4, 5, 0] }),
  "choice by weight with replacement": (rng) => rng.choice(4, 10, { replace: true, weights: [1, 0, 2, 7] }),
  "fill Uint8Array": (rng) => list(rng.fill(new Uint8Array(6))),
  "fill Int8Array": (rng) => list(rng.fill(new Int8Array(6))),
  "fill Uint8ClampedArray": (rng) => list(rng.fill(new Uint8ClampedArray(6))),
  "fill Uint16Array": (rng) => list(rng.fill(new Uint16Array(3))),
  "fill Int16Array": (rng) => list(rng.fill(new Int16Array(3))),
  "fill Uint32Array": (rng) => list(rng.fill(new Uint32Array(2))),
  "fill Int32Array": (rng) => list(rng.fill(new Int32Array(2))),
  "fill BigUint64Array": (rng) => list(rng.fill(new BigUint64Array(2))).map(String),
  "fill BigInt64Array": (rng) => list(rng.fill(new BigInt64Array(2))).map(String),
  "fill Float32Array": (rng) => list(rng.fill(new Float32Array(3))),
  "fill Float64Array": (rng) => list(rng.fill(new Float64Array(3))),
  "fillNormal Float32Array": (rng) => list(rng.fillNormal(new Float32Array(3), 1, 0.25)),
  "fillNormal Float64Array": (rng) => list(rng.fillNormal(new Float64Array(3))),
  fork: (rng) => [rng.fork("mask").word(), rng.fork("").word(), rng.fork("mask").fork("mask").word(), rng.word()]
} satisfies Readonly<Record<string, (rng: Rng.Rng) => unknown>>

const pinned: Readonly<Record<keyof typeof seeds, Readonly<Record<keyof typeof draws, unknown>>>> = {
  xoshiro: {
    word: [2463954730, 5524658, 3863653826],
    float: [0.5736841657198966, 0.0012863096781075, 0.899577007163316],
    double: [0.5736841634011738, 0.8995770109513056, 0.44920691408684443],
    "integer below 10": [5, 0, 8, 5, 4, 4, 1, 5, 1, 0],
    "integer below 3 · 10^9": [2698731021, 1712746108, 469161351, 1542691232, 224161340],
    "integer below 2^31 + 1": [1231977365, 1931826913, 881815756, 2049407443, 1751545108],
    "integer below 2^32": [2463954730, 5524658],
    "integer beyond 2^32": [3824088468, 8102669382622729, 46096181787526],
    between: [1, -3, 3, 0, 0, -1, -2, 0],
    bernoulli: [0, 1, 0, 0, 0, 0, 1, 0, 1, 1, 0, 0],
    uniform: [0.14736832680234757, 5.8995770109513055, 0.44920691408684443],
    normal: [-0.5271569460487997, 6.321543611055724, -1.3206952282085442],
    standardNormal: [
      -0.5271569460487997, -1.8392281944721378, -0.6413904564170887, 0.22538512003468777, 0.38227000752073914,
      0.6596671139084263
    ],
    gamma: [0.0004858400553810822, 0.8681450109628637, 9.081662178887157],
    beta: [0.0008920719829014204, 0.011539503288516035, 0.28845552619369375],
    permutation: [4, 1, 7, 9, 11, 10, 2, 3, 5, 8, 0, 6],
    "shuffle of an array": ["c", "e", "b", "f", "a", "d"],
    "shuffle of a Float64Array": [3.5, 1.5, 0.5, 2.5],
    choice: [57, 1, 90, 58, 47, 44],
    "choice with replacement": [2, 0, 4, 2, 2, 2, 0, 2, 0, 0],
    "choice by weight": [3, 4, 2, 0],
    "choice by weight with replacement": [3, 3, 3, 2, 2, 3, 3, 3, 3, 0],
    "fill Uint8Array": [42, 247, 220, 146, 178, 76],
    "fill Int8Array": [42, -9, -36, -110, -78, 76],
    "fill Uint8ClampedArray": [42, 247, 220, 146, 178, 76],
    "fill Uint16Array": [63274, 37596, 19634],
    "fill Int16Array": [-2262, -27940, 19634],
    "fill Uint32Array": [2463954730, 5524658],
    "fill Int32Array": [-1831012566, 5524658],
    "fill BigUint64Array": ["23728227895539498", "10531529713695501762"],
    "fill BigInt64Array": ["23728227895539498", "-7915214360014049854"],
    "fill Float32Array": [0.5736841559410095, 0.0012862682342529297, 0.8995769619941711],
    "fill Float64Array": [0.5736841634011738, 0.8995770109513056, 0.44920691408684443],
    "fillNormal Float32Array": [0.8682107925415039, 0.5401929616928101, 0.8396523594856262],
    "fillNormal Float64Array": [-0.5271569460487997, -1.8392281944721378, -0.6413904564170887],
    fork: [1660529744, 1658144154, 1543073069, 2463954730]
  },
  philox: {
    word: [93904442, 2563932206, 655331230],
    float: [0.02186383167281747, 0.5969619858078659, 0.15258119208738208],
    double: [0.021863830066934042, 0.15258119193356812, 0.3711316041398173],
    "integer below 10": [0, 5, 1, 9, 3, 6, 1, 6, 3, 2],
    "integer below 3 · 10^9": [1790885957, 2750566331, 1113394817, 2089925014, 472489531],
    "integer below 2^31 + 1": [1281966103, 1496026598, 1462933170, 423120593, 58557849],
    "integer below 2^32": [93904442, 2563932206],
    "integer beyond 2^32": [3328349925, 1374329198271527, 342856308218991],
    between: [-3, 1, -2, 3, -1, 1, -2, 1],
    bernoulli: [1, 0, 1, 0, 0, 0, 1, 0, 0, 1, 0, 0],
    uniform: [-0.9562723398661319, 5.152581191933568, 0.3711316041398173],
    normal: [0.022969955912883946, 9.46701922210926, -1.1491818109634768],
    standardNormal: [
      0.022969955912883946, -0.2664903889453699, -0.29836362192695365, 0.48564542810338207, 0.7161427538727071,
      0.5702074221544114
    ],
    gamma: [0.5743693608880626, 1.147007307572738, 8.804091666233338],
    beta: [0.4404602955954956, 0.5319568615417429, 0.5706179910270929],
    permutation: [10, 7, 5, 9, 3, 11, 4, 2, 8, 1, 6, 0],
    "shuffle of an array": ["b", "d", "e", "f", "c", "a"],
    "shuffle of a Float64Array": [2.5, 3.5, 1.5, 0.5],
    choice: [2, 60, 16, 91, 39, 71],
    "choice with replacement": [0, 2, 0, 4, 1, 3, 0, 3, 1, 1],
    "choice by weight": [0, 3, 1, 4],
    "choice by weight with replacement": [0, 2, 3, 2, 3, 3, 3, 3, 3, 3],
    "fill Uint8Array": [58, 222, 152, 5, 46, 128],
    "fill Int8Array": [58, -34, -104, 5, 46, -128],
    "fill Uint8ClampedArray": [58, 222, 152, 5, 46, 128],
    "fill Uint16Array": [56890, 1432, 32814],
    "fill Int16Array": [-8646, 1432, -32722],
    "fill Uint32Array": [93904442, 2563932206],
    "fill Int32Array": [93904442, -1731035090],
    "fill BigUint64Array": ["11012004974025039418", "16912997728111267742"],
    "fill BigInt64Array": ["-7434739099684512198", "-1533746345598283874"],
    "fill Float32Array": [0.021863818168640137, 0.5969619750976562, 0.15258115530014038],
    "fill Float64Array": [0.021863830066934042, 0.15258119193356812, 0.3711316041398173],
    "fillNormal Float32Array": [1.0057424306869507, 0.9333773851394653, 0.9254090785980225],
    "fillNormal Float64Array": [0.022969955912883946, -0.2664903889453699, -0.29836362192695365],
    fork: [4022813170, 2650545298, 1157303720, 93904442]
  }
}

for (const name of ["xoshiro", "philox"] as const) {
  describe(`pinned draws of ${name}`, () => {
    // The keys of `draws` are strings that name one of them.
    for (const method of Object.keys(draws) as Array<keyof typeof draws>) {
      test(method, () => {
        const drawn: unknown = draws[method](Rng.make(seeds[name]))
        expect(drawn).toEqual(pinned[name][method])
      })
    }
  })
}

describe("fill", () => {
  /** Words 0x04030201, 0x08070605 … */
  class Bytes extends Rng.Rng {
    readonly seed = { algorithm: "bytes", words: [] }
    #next = 0
    word(): number {
      const first = 4 * this.#next++ + 1
      return first + (first + 1) * 2 ** 8 + (first + 2) * 2 ** 16 + (first + 3) * 2 ** 24
    }
  }

  test("takes words whole: four bytes a word, two halves, low first", () => {
    const bytes = [1, 2, 3, 4, 5, 6, 7, 8, 9]
    expect(list(new Bytes().fill(new Uint8Array(9)))).toEqual(bytes)
    expect(list(new Bytes().fill(new Int8Array(9)))).toEqual(bytes)
    expect(list(new Bytes().fill(new Uint8ClampedArray(9)))).toEqual(bytes)
    expect(list(new Bytes().fill(new Uint16Array(3)))).toEqual([0x0201, 0x0403, 0x0605])
    expect(list(new Bytes().fill(new Int16Array(3)))).toEqual([0x0201, 0x0403, 0x0605])
    expect(list(new Bytes().fill(new Uint32Array(2)))).toEqual([0x04030201, 0x08070605])
    expect(list(new Bytes().fill(new Int32Array(2)))).toEqual([0x04030201, 0x08070605])
    expect(list(new Bytes().fill(new BigUint64Array(1)))).toEqual([0x0807060504030201n])
    expect(list(new Bytes().fill(new BigInt64Array(1)))).toEqual([0x0807060504030201n])
    expect(list(new Bytes().fill(new Float32Array(1)))).toEqual([0x040302 / 2 ** 24])
    expect(list(new Bytes().fill(new Float64Array(1)))).toEqual([
      ((0x04030201 >>> 5) * 2 ** 26 + (0x08070605 >>> 6)) / 2 ** 53
    ])
  })

  test("gives the very array, and leaves what lies around a view alone", () => {
    const whole = new Uint8Array(8)
    const view = whole.subarray(2, 5)
    expect(new Bytes().fill(view)).toBe(view)
    expect(list(whole)).toEqual([0, 0, 1, 2, 3, 0, 0, 0])
    const normals = new Float32Array(2)
    expect(new Bytes().fillNormal(normals)).toBe(normals)
  })

  test("an array of nothing takes no word", () => {
    const rng = new Bytes()
    rng.fill(new Uint8Array(0))
    expect(rng.word()).toBe(0x04030201)
  })

  test("the largest words stay below 1", () => {
    class Ones extends Rng.Rng {
      readonly seed = { algorithm: "ones", words: [] }
      word(): number {
        return 0xffffffff
      }
    }
    const ones = new Ones()
    expect(ones.float()).toBe(1 - 2 ** -32)
    expect(ones.double()).toBe(1 - 2 ** -53)
    expect(list(ones.fill(new Float32Array(1)))).toEqual([1 - 2 ** -24])
    expect(list(ones.fill(new Float64Array(1)))).toEqual([1 - 2 ** -53])
    expect(list(ones.fill(new Uint8ClampedArray(2)))).toEqual([255, 255])
    expect(list(ones.fill(new Int16Array(1)))).toEqual([-1])
    expect(list(ones.fill(new BigInt64Array(1)))).toEqual([-1n])
  })
})

describe("as Effect's Random", () => {
  const drawn = <A>(effect: Effect.Effect<A>, rng = Rng.make(seeds.xoshiro)): A =>
    Effect.runSync(Effect.withRandom(effect, Rng.toRandom(rng)))

  const twin = (): Rng.Rng => Rng.make(seeds.xoshiro)

  test("each method draws what the rng itself would", () => {
    expect(drawn(Random.next)).toBe(twin().double())
    expect(drawn(Random.nextBoolean)).toBe(twin().bernoulli(0.5))
    expect(drawn(Random.nextInt)).toBe(twin().integer(Number.MAX_SAFE_INTEGER))
    expect(drawn(Random.nextRange(-2, 5))).toBe(twin().uniform(-2, 5))
    expect(drawn(Random.nextIntBetween(10, 20))).toBe(10 + twin().integer(10))
    expect(Chunk.toReadonlyArray(drawn(Random.shuffle([1, 2, 3, 4, 5])))).toEqual(twin().shuffle([1, 2, 3, 4, 5]))
    expect(drawn(Random.choice([..."abcdef"]).pipe(Effect.orDie))).toBe("abcdef"[twin().integer(6)] ?? "")
  })

  test("pinned", () => {
    const all = Effect.all([
      Random.next,
      Random.nextBoolean,
      Random.nextInt,
      Random.nextRange(0, 10),
      Random.nextIntBetween(-5, 5),
      Effect.map(Random.shuffle([1, 2, 3, 4, 5]), Chunk.toReadonlyArray)
    ])
    expect(drawn(all)).toEqual([0.5736841634011738, false, 5142348468845797, 4.106274556844466, 0, [4, 2, 3, 5, 1]])
  })

  test("draws on the one stream, from effect to effect", () => {
    const rng = twin()
    const first = drawn(Random.next, rng)
    expect([first, rng.double(), drawn(Random.next, rng)]).toEqual([
      ...times(
        3,
        (
          (own) => () =>
            own.double()
        )(twin())
      )
    ])
  })

  test("whole numbers leave out the upper end, and reach the rest", () => {
    const found = new Set(drawn(Effect.all(times(200, () => Random.nextIntBetween(-1, 3)))))
    expect([...found].sort((a, b) => a - b)).toEqual([-1, 0, 1, 2])
  })

  test("what is shuffled is left as it was", () => {
    const items = [1, 2, 3, 4, 5, 6, 7, 8]
    drawn(Random.shuffle(items))
    expect(items).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  })

  test("bounds that are none are a defect that names them", () => {
    const exit = Effect.runSyncExit(Effect.withRandom(Random.nextIntBetween(5, 5), Rng.toRandom(twin())))
    expect(Exit.isFailure(exit) && exit.cause._tag === "Die" && exit.cause.defect).toBeInstanceOf(InvalidOption)
  })
})
