/**
 * Python's own `random.Random`, number by number as CPython 3.11 has it: MT19937 seeded by an array of words.
 *
 * | algorithm of a seed | words |
 * |---|---|
 * | `python-mt19937` | the number's 32-bit words, lowest first, as `init_by_array` takes them |
 * | `python-mt19937-state` | 624 words, position, then 1 with a kept normal or 0, its low and high word |
 *
 * @since 0.1.0
 */

import { encodeHex } from "effect/Encoding"
import { finite, whole } from "../../core/Check.ts"
import { InvalidOption } from "../../core/InvalidOption.ts"
import { ln } from "../../core/math/Ln.ts"
import { type Direction, sincos } from "../../core/math/SinCos.ts"
import { sha512 } from "../../core/runtime.ts"
import { check, cumulative } from "../../random/distributions/Choice.ts"
import { type ChoiceOptions, Rng, registered } from "../../random/generators/Generator.ts"
import type { Seed } from "../../random/Seed.ts"
import { Mt19937 } from "../Mt19937.ts"

const TWO_POW_32 = 2 ** 32
const TWO_PI = 2 * Math.PI
const direction: Direction = { sin: 0, cos: 1 }

/** The most bits that a bigint has on every runtime. */
const MOST_BITS = 2 ** 20

/** The names by which seeds ask for this generator. @category constants @since 0.1.0 */
export const algorithms = /* @__PURE__ */ registered(
  { seed: "python-mt19937", state: "python-mt19937-state" },
  (seed) => make(seed)
)

/** What `random.seed` takes: a whole number of any size, text, or bytes. @category models @since 0.1.0 */
export type SeedInput = number | bigint | string | Uint8Array

/**
 * A generator of Python's. As an `Rng` it draws what Python would: `word` is `getrandbits(32)`, `float` and `double`
 * are `random()`, `integer(n)` is `randrange(n)`, `between` is `randint`, `uniform` is `uniform`, `normal` is `gauss`,
 * `shuffle` is `shuffle` and `permutation` the shuffle of a range, `bernoulli(p)` is `random() < p`. `choice` is
 * `sample` without replacement, `choices` with it ({@link pick} is Python's own `choice`). Weights without
 * replacement, `fill`, gamma and beta are Furrow's own on Python's draws.
 *
 * @example
 * import { CPython } from "furrow"
 *
 * const python = CPython.random(42)
 * console.assert(python.randint(0, 999) === 654)
 * console.assert(python.sample(["a", "b", "c"], 2).length === 2)
 *
 * @category models
 * @since 0.1.0
 */
export class Random extends Rng {
  readonly seed: Seed
  readonly #twister: Mt19937
  #kept: number | undefined

  constructor(seed: Seed, twister: Mt19937, kept?: number) {
    super()
    this.seed = seed
    this.#twister = twister
    this.#kept = kept
  }

  /** The seed of where it stands now: `Rng.make` of it goes on from here. */
  state(): Seed {
    const { position, words } = this.#twister.state()
    const halves = new DataView(new ArrayBuffer(8))
    halves.setFloat64(0, this.#kept ?? 0, true)
    const kept = [Number(this.#kept !== undefined), halves.getUint32(0, true), halves.getUint32(4, true)]
    return { algorithm: algorithms.state, words: [...words, position, ...kept] }
  }

  /** Another one that will draw what this one would; it has this one's seed, so its forks are this one's too. */
  clone(): Random {
    return new Random(this.seed, this.#twister.clone(), this.#kept)
  }

  word(): number {
    return this.#twister.word()
  }

  /** `random()`: uniform in [0, 1) with 53 random bits. */
  random(): number {
    return this.double()
  }

  override float(): number {
    return this.double()
  }

  /** `getrandbits(bits)`: a whole number of so many random bits. Throws `InvalidOption` unless they are 0 to 2^20. */
  getrandbits(bits: number): bigint {
    whole("bits", bits, 0, MOST_BITS)
    let value = 0n
    for (let done = 0; done < bits; done += 32) {
      const word = this.word() >>> Math.max(0, 32 - (bits - done))
      value |= BigInt(word) << BigInt(done)
    }
    return value
  }

  /** `randrange(bound)`: as many bits as the bound has, drawn again until they are below it. */
  override integer(bound: number): number {
    if (!(bound >= 1 && bound < TWO_POW_32 && bound === Math.floor(bound))) return this.#wide(bound)
    const shift = Math.clz32(bound)
    for (;;) {
      const value = this.word() >>> shift
      if (value < bound) return value
    }
  }

  #wide(bound: number): number {
    const shift = Math.clz32(Math.floor(whole("bound", bound, 1) / TWO_POW_32))
    for (;;) {
      const low = this.word()
      const value = (this.word() >>> shift) * TWO_POW_32 + low
      // At most 53 bits, so the sum is exact.
      if (value < bound) return value
    }
  }

  /** {@link integer} for bounds of any size. */
  integerBig(bound: bigint): bigint {
    if (bound < 1n) throw new InvalidOption({ option: "bound", value: bound, expected: "at least 1" })
    const bits = bound.toString(2).length
    for (;;) {
      const value = this.getrandbits(bits)
      if (value < bound) return value
    }
  }

  /**
   * `randrange(low, high, step)`. Throws `InvalidOption` for values that are no safe integers, a step of 0, an empty
   * range or one of 2^53 and more.
   */
  randrange(low: number, high: number, step = 1): number {
    whole("low", low, Number.MIN_SAFE_INTEGER)
    whole("high", high, Number.MIN_SAFE_INTEGER)
    whole("step", step, Number.MIN_SAFE_INTEGER)
    if (step === 0) throw new InvalidOption({ option: "step", value: step, expected: "not 0" })
    const span = step > 0 ? high - low : low - high
    if (span < 1) throw new InvalidOption({ option: "the range", value: [low, high, step], expected: "not empty" })
    const last = whole("the span of the range", span, 1) - 1
    const stride = Math.abs(step)
    // Whole at every step, where a plain quotient would be rounded.
    return low + step * this.integer((last - (last % stride)) / stride + 1)
  }

  /** `randint(low, high)`: both included. Throws `InvalidOption` unless low ≤ high, fewer than 2^53 apart. */
  randint(low: number, high: number): number {
    return this.between(low, high)
  }

  /** {@link randint} for numbers of any size. */
  randintBig(low: bigint, high: bigint): bigint {
    if (low > high) throw new InvalidOption({ option: "high", value: high, expected: `at least low, ${low}` })
    return low + this.integerBig(high - low + 1n)
  }

  /** `gauss(0, 1)`: two at a time; the second is kept for the next call. */
  override standardNormal(): number {
    const kept = this.#kept
    if (kept !== undefined) {
      this.#kept = undefined
      return kept
    }
    const angle = TWO_PI * this.double()
    const radius = Math.sqrt(-2 * ln(1 - this.double()))
    sincos(angle, direction)
    this.#kept = direction.sin * radius
    return direction.cos * radius
  }

  /** `gauss(mu, sigma)`. */
  gauss(mu = 0, sigma = 1): number {
    return this.normal(mu, sigma)
  }

  /**
   * `sample(items, count)`: that many of the items, none twice, in random order. Throws `InvalidOption` for more than
   * there are.
   */
  sample<A>(items: ReadonlyArray<A>, count: number): Array<A> {
    return this.#places(items.length, count).map((place) => items[place] as A) // places are below the length
  }

  #places(size: number, count: number): Array<number> {
    whole("count", count, 0, size)
    // By the room that a set takes beside a list, as Python reckons it.
    let room = 21
    if (count > 5) {
      let power = 1
      while (power < 3 * count) power *= 4
      room += power
    }
    if (size <= room) {
      const pool = Array.from({ length: size }, (_, index) => index)
      return Array.from({ length: count }, (_, index) => {
        const place = this.integer(size - index)
        const own = pool[place] as number // below the size
        pool[place] = pool[size - index - 1] as number
        return own
      })
    }
    const chosen = new Set<number>()
    while (chosen.size < count) {
      // A set leaves out what it has, which is what drawing again comes to.
      chosen.add(this.integer(size))
    }
    return [...chosen]
  }

  /** `choice(items)`: one of them. Throws `InvalidOption` for no items. */
  pick<A>(items: ReadonlyArray<A>): A {
    return items[this.integer(whole("the number of items to choose from", items.length, 1))] as A // below the length
  }

  /**
   * `choices(items, weights, k=count)`: independent draws. Throws `InvalidOption` for no items, or weights that are
   * none.
   */
  choices<A>(items: ReadonlyArray<A>, count: number, weights?: ArrayLike<number>): Array<A> {
    return this.#chosen(items.length, count, weights).map((place) => items[place] as A) // places are below the length
  }

  #chosen(size: number, count: number, weights: ArrayLike<number> | undefined): Array<number> {
    whole("count", count, 0)
    whole("the number of items to choose from", size, count === 0 ? 0 : 1)
    if (weights === undefined) return Array.from({ length: count }, () => Math.floor(this.double() * size))
    const sums = cumulative(weights, size)
    const total = sums[size - 1] as number
    return Array.from({ length: count }, () => {
      const target = this.double() * total
      let low = 0
      let high = size - 1
      while (low < high) {
        const middle = (low + high) >>> 1
        if (target < (sums[middle] as number)) high = middle
        else low = middle + 1
      }
      return low
    })
  }

  override choice(size: number, count: number, options: ChoiceOptions = {}): Array<number> {
    const { replace = false, weights } = options
    if (!replace && weights !== undefined) return super.choice(size, count, options)
    check(size, count, replace)
    if (count === 0) return []
    return replace ? this.#chosen(size, count, weights) : this.#places(size, count)
  }
}

/** A whole number, given as hexadecimal digits, in 32-bit words, lowest first; at least one, none of 0 at the end. */
const wordsOf = (digits: string): ReadonlyArray<number> => {
  const words: Array<number> = []
  for (let end = digits.length; end > 0; end -= 8) {
    words.push(Number.parseInt(digits.slice(Math.max(0, end - 8), end), 16))
  }
  while (words.length > 1 && words[words.length - 1] === 0) words.pop()
  return words
}

const digitsOf = (value: SeedInput): string => {
  if (typeof value === "bigint") return (value < 0n ? -value : value).toString(16)
  if (typeof value === "number") {
    if (!Number.isSafeInteger(value)) {
      const expected = "a whole number (beyond 2^53 - 1 as a bigint), text or bytes"
      throw new InvalidOption({ option: "a seed of Python's random", value, expected })
    }
    return Math.abs(value).toString(16)
  }
  // An encoder would write all halves of a pair alike, and different texts would be one seed; Python refuses them too.
  if (typeof value === "string" && /\p{Surrogate}/u.test(value)) {
    const expected = "text that UTF-8 can hold, without halves of surrogate pairs"
    throw new InvalidOption({ option: "a seed of Python's random", value, expected })
  }
  const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value
  // By digits, as long texts make numbers that no bigint holds.
  return encodeHex(bytes) + encodeHex(sha512(bytes))
}

/**
 * The seed that `random.seed(value)` stands for (version 2): whole numbers by their size alone, so −5 is 5; text and
 * bytes with their SHA-512 behind them. Throws `InvalidOption` for a number that is not whole, or too large to be
 * exact, and for text that UTF-8 cannot hold.
 *
 * @category constructors
 * @since 0.1.0
 */
export const seed = (value: SeedInput): Seed => ({ algorithm: algorithms.seed, words: wordsOf(digitsOf(value)) })

/**
 * `random.Random(value)`. Throws as {@link seed} does.
 *
 * @category constructors
 * @since 0.1.0
 */
export const random = (value: SeedInput): Random => make(seed(value))

/**
 * The generator at `seed`. Throws `InvalidOption` unless it is of one of the {@link algorithms} and its words are as
 * the table above says.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (own: Seed): Random => {
  const { algorithm, words } = own
  for (const word of words) whole(`a word of ${algorithm}`, word, 0, TWO_POW_32 - 1)
  if (algorithm === algorithms.seed) return new Random(own, Mt19937.fromArray(words))
  if (algorithm !== algorithms.state) {
    const expected = `one of ${Object.values(algorithms).join(", ")}`
    throw new InvalidOption({ option: "a Python generator's algorithm", value: algorithm, expected })
  }
  whole(`the number of words of ${algorithm}`, words.length, 628, 628)
  const [position, has, low, high] = words.slice(624) as [number, number, number, number] // by the line above
  const halves = new DataView(new ArrayBuffer(8))
  halves.setUint32(0, low, true)
  halves.setUint32(4, high, true)
  const kept =
    whole("whether there is a kept normal", has, 0, 1) === 1 ? finite("kept", halves.getFloat64(0, true)) : undefined
  return new Random(own, Mt19937.fromState(words.slice(0, 624), position), kept)
}
