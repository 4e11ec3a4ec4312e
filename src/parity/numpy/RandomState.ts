/**
 * NumPy's legacy generator, `np.random.RandomState`, which also stands behind `np.random.seed` and the functions of
 * `np.random`: MT19937 and the draws that NumPy froze in 1.17. Seeds, words, integers, uniforms, orders and choices are
 * equal to the last bit; normals differ from NumPy's by at most a few units in the last place, as logarithms do between
 * C libraries.
 *
 * Seeds of four forms, all plain data:
 *
 * | algorithm                | words                                                                           |
 * | ------------------------ | ------------------------------------------------------------------------------- |
 * | `numpy-mt19937`          | the seed                                                                        |
 * | `numpy-mt19937-array`    | the key                                                                         |
 * | `numpy-mt19937-state`    | 624 words, position, has_gauss (0 or 1), cached_gaussian's low and high 32 bits |
 * | `numpy-mt19937-sequence` | a `SeedSequence`: how many words of entropy, these, the spawn key               |
 *
 * @since 0.1.0
 */

import { finite, whole } from "../../core/Check.ts"
import { InvalidOption } from "../../core/InvalidOption.ts"
import { ln } from "../../core/math/Ln.ts"
import { check } from "../../random/distributions/Choice.ts"
import { type ChoiceOptions, Rng, registered } from "../../random/generators/Generator.ts"
import type { Seed } from "../../random/Seed.ts"
import { Mt19937 } from "../Mt19937.ts"
import * as Masked from "./Masked.ts"
import * as SeedSequence from "./SeedSequence.ts"
import { span64 } from "./Span.ts"
import * as Weighted from "./Weighted.ts"

const SIZE = 624
const TWO_POW_32 = 2 ** 32

/** The algorithms of {@link RandomState}'s seeds. @category constants @since 0.1.0 */
export const algorithms = /* @__PURE__ */ registered(
  {
    seed: "numpy-mt19937",
    array: "numpy-mt19937-array",
    state: "numpy-mt19937-state",
    sequence: "numpy-mt19937-sequence"
  },
  (seed) => make(seed)
)

/** What `get_state()` gives and `set_state()` takes. @category models @since 0.1.0 */
export interface State {
  /** 624 words of 32 bits. */
  readonly words: Uint32Array
  /** From 0 to 624: how many of the words are used up. */
  readonly position: number
  /** Whether the second normal of a pair waits to be drawn. */
  readonly hasGauss: boolean
  /** That normal, or 0. */
  readonly cachedGaussian: number
}

/**
 * `np.random.RandomState`. As an `Rng` it can drive any pipeline, and draws what NumPy would: `word` is a `uint32`,
 * `float` and `double` are `random_sample`, `integer(n)` is `randint(n)`, `choice` is `choice` (without replacement by
 * default, as in all of Furrow). Gamma and beta are Furrow's own methods on NumPy's words and normals.
 *
 * @example
 * import { NumPy } from "furrow"
 *
 * const numpy = NumPy.randomState(42)
 * console.assert(numpy.randint(0, 1000) === 102)
 *
 * @category models
 * @since 0.1.0
 */
export class RandomState extends Rng {
  #seed: Seed
  #twister: Mt19937
  #hasGauss = false
  #gauss = 0

  constructor(seed: Seed, twister: Mt19937, hasGauss = false, cachedGaussian = 0) {
    super()
    this.#seed = seed
    this.#twister = twister
    this.#hasGauss = hasGauss
    this.#gauss = cachedGaussian
  }

  /** What it started from, or was last set to. */
  get seed(): Seed {
    return this.#seed
  }

  /** `get_state()`; a copy. */
  state(): State {
    return { ...this.#twister.state(), hasGauss: this.#hasGauss, cachedGaussian: this.#gauss }
  }

  /** `set_state()`. Throws `InvalidOption` as {@link stateSeed} does. */
  setState(state: State): this {
    this.#seed = stateSeed(state)
    this.#twister = Mt19937.fromState(state.words, state.position)
    this.#hasGauss = state.hasGauss
    this.#gauss = state.cachedGaussian
    return this
  }

  /** Another one that will draw what this one would. */
  clone(): RandomState {
    return new RandomState(this.#seed, this.#twister.clone(), this.#hasGauss, this.#gauss)
  }

  word(): number {
    return this.#twister.word()
  }

  /** `random_sample()`: uniform in [0, 1) with 53 random bits, like {@link Rng.double}. */
  override float(): number {
    return this.double()
  }

  /**
   * `randint(bound)`: words are cut to as many bits as the bound needs, and drawn again until one is below it. Bounds
   * over 2^32 take two words at a time, high first; a bound of 1 takes none.
   */
  override integer(bound: number): number {
    if (!(bound >= 1 && bound <= TWO_POW_32 && bound === Math.floor(bound))) return this.#wide(bound)
    return Masked.upTo(this.#twister, bound - 1)
  }

  #wide(bound: number): number {
    const last = whole("bound", bound, 1) - 1
    const mask = 0xffffffff >>> Math.clz32(Math.floor(last / TWO_POW_32))
    for (;;) {
      const high = (this.#twister.word() & mask) >>> 0
      const value = high * TWO_POW_32 + this.#twister.word()
      // A mask of 21 bits and 32 more are all that a float64 holds, so the sum is exact.
      if (value <= last) return value
    }
  }

  /**
   * `randint(low, high)`: whole numbers from `low` to `high − 1`. The dtypes of 32 and of 64 bits draw alike. Throws
   * `InvalidOption` unless both are safe integers with low < high, at most 2^53 − 1 apart.
   */
  randint(low: number, high: number): number {
    whole("low", low, Number.MIN_SAFE_INTEGER)
    whole("high", high, low + 1)
    return low + this.integer(high - low)
  }

  /**
   * {@link randint} over all of `int64` or `uint64`: from `low` to `high − 1`. Throws `InvalidOption` unless
   * low < high, both within −2^63 … 2^63 or within 0 … 2^64.
   */
  randintBig(low: bigint, high: bigint): bigint {
    const last = span64(low, high) - 1n
    if (last <= 0xffffffffn) return low + BigInt(this.integer(Number(last) + 1))
    const mask = (1n << BigInt(last.toString(2).length)) - 1n
    for (;;) {
      const upper = BigInt(this.word())
      const value = ((upper << 32n) | BigInt(this.word())) & mask
      if (value <= last) return low + value
    }
  }

  /** `standard_normal()`: the polar method, two at a time; the second is kept for the next call. */
  override standardNormal(): number {
    if (this.#hasGauss) {
      const kept = this.#gauss
      this.#hasGauss = false
      this.#gauss = 0
      return kept
    }
    for (;;) {
      const x = 2 * this.double() - 1
      const y = 2 * this.double() - 1
      const square = x * x + y * y
      if (square >= 1 || square === 0) continue
      const scale = Math.sqrt((-2 * ln(square)) / square)
      this.#gauss = scale * x
      this.#hasGauss = true
      return scale * y
    }
  }

  /**
   * `choice(size, count, replace, p)`. Weights that sum to 1 are NumPy's p; others count by their share of the sum,
   * where NumPy would refuse them. Without replacement and without weights a whole permutation is drawn, as NumPy does.
   */
  override choice(size: number, count: number, options: ChoiceOptions = {}): Array<number> {
    const { replace = false, weights } = options
    check(size, count, replace)
    if (weights !== undefined && count > 0) return Weighted.choice(this, size, count, replace, weights)
    if (replace) return Array.from({ length: count }, () => this.integer(size))
    return Array.from(this.permutation(size).subarray(0, count))
  }
}

/**
 * The seed that `np.random.seed(value)` and `RandomState(value)` stand for. Throws `InvalidOption` unless `value` is a
 * whole number from 0 to 2^32 − 1, which is all that NumPy takes here.
 *
 * @category constructors
 * @since 0.1.0
 */
export const seed = (value: number): Seed => ({
  algorithm: algorithms.seed,
  words: [whole("a seed of NumPy's RandomState", value, 0, TWO_POW_32 - 1)]
})

/**
 * The seed that `RandomState([…])` stands for. Throws `InvalidOption` for an empty list or words that are not whole
 * numbers from 0 to 2^32 − 1.
 *
 * @category constructors
 * @since 0.1.0
 */
export const arraySeed = (key: ArrayLike<number>): Seed => {
  const words = Array.from(key)
  if (words.length === 0) throw new InvalidOption({ option: "an array seed", value: words, expected: "not empty" })
  for (const word of words) whole("a word of an array seed", word, 0, TWO_POW_32 - 1)
  return { algorithm: algorithms.array, words }
}

/**
 * The seed that starts where `state` stands, such as one saved from `np.random.get_state()`. Throws `InvalidOption`
 * unless there are 624 words of 32 bits, a position from 0 to 624 and a finite cached normal.
 *
 * @category constructors
 * @since 0.1.0
 */
export const stateSeed = ({ cachedGaussian, hasGauss, position, words }: State): Seed => {
  const twister = Mt19937.fromState(words, position).state()
  const halves = new DataView(new ArrayBuffer(8))
  halves.setFloat64(0, finite("cached_gaussian", cachedGaussian), true)
  const kept = [Number(hasGauss), halves.getUint32(0, true), halves.getUint32(4, true)]
  return { algorithm: algorithms.state, words: [...twister.words, position, ...kept] }
}

/**
 * The seed of a `RandomState()` that nobody seeded, given the entropy that the operating system gave to NumPy: that of
 * `RandomState(MT19937(SeedSequence(entropy, spawn_key=spawnKey)))`. Throws `InvalidOption` for anything but whole
 * numbers of at least 0.
 *
 * @category constructors
 * @since 0.1.0
 */
export const unseeded = (entropy: SeedSequence.Entropy, spawnKey: ArrayLike<SeedSequence.Whole> = []): Seed => ({
  algorithm: algorithms.sequence,
  words: SeedSequence.toWords(SeedSequence.make(entropy, spawnKey))
})

const fromState = (own: Seed): RandomState => {
  const { words } = own
  whole("the number of words of a RandomState's state", words.length, SIZE + 4, SIZE + 4)
  // Four more words than the state has, by the line above.
  const [position, hasGauss, low, high] = words.slice(SIZE) as [number, number, number, number]
  const halves = new DataView(new ArrayBuffer(8))
  halves.setUint32(0, low, true)
  halves.setUint32(4, high, true)
  const gauss = finite("cached_gaussian", halves.getFloat64(0, true))
  const twister = Mt19937.fromState(words.slice(0, SIZE), position)
  return new RandomState(own, twister, whole("has_gauss", hasGauss, 0, 1) === 1, gauss)
}

const fromSequence = (own: Seed): RandomState => {
  const words = SeedSequence.fromWords(own.words).generateState(SIZE)
  words[0] = 0x80000000
  return new RandomState(own, Mt19937.fromState(words, SIZE - 1))
}

/**
 * The generator at `seed`. Throws `InvalidOption` unless it is of one of the {@link algorithms} and its words are as the
 * table above says.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (own: Seed): RandomState => {
  const { algorithm, words } = own
  switch (algorithm) {
    case algorithms.seed: {
      whole(`the number of words of ${algorithm}`, words.length, 1, 1)
      return new RandomState(own, Mt19937.fromSeed(words[0] as number))
    }
    case algorithms.array:
      return new RandomState(own, Mt19937.fromArray(words))
    case algorithms.state:
      return fromState(own)
    case algorithms.sequence:
      return fromSequence(own)
    default: {
      const expected = `one of ${Object.values(algorithms).join(", ")}`
      throw new InvalidOption({ option: "a RandomState's algorithm", value: algorithm, expected })
    }
  }
}

/**
 * `np.random.RandomState(value)`: by a whole number from 0 to 2^32 − 1, or by a list of such. Throws `InvalidOption`
 * for anything else.
 *
 * @category constructors
 * @since 0.1.0
 */
export const randomState = (value: number | ArrayLike<number>): RandomState =>
  make(typeof value === "number" ? seed(value) : arraySeed(value))
