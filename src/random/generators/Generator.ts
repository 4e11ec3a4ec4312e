/**
 * What every generator is: the class {@link Rng}, and the register by which a seed finds its generator.
 *
 * `Rng` gives every distribution from one thing only, the row of 32-bit words that {@link Rng.word} yields. A
 * generator says how it makes a word; one that must follow another library number by number overrides the
 * distributions too. All of it gives the same bits on Bun and on Deno: basic arithmetic and `Math.sqrt` are exact on
 * both, logarithms come from a portable implementation.
 *
 * @since 0.1.0
 */
import { finite, whole } from "../../core/Check.ts"
import { InvalidOption } from "../../core/InvalidOption.ts"
import { wordsOf } from "../../core/NameHash.ts"
import { isTypedArray, type TypedArray } from "../../core/Tensor.ts"
import * as Bounded from "../distributions/Bounded.ts"
import * as Choice from "../distributions/Choice.ts"
import { gamma } from "../distributions/Gamma.ts"
import { standardNormal } from "../distributions/Normal.ts"
import { format, type Seed } from "../Seed.ts"
import * as Philox from "./Philox.ts"

const TWO_POW_MINUS_32 = 2 ** -32
const TWO_POW_MINUS_53 = 2 ** -53
const TWO_POW_MINUS_24 = 2 ** -24

/** How {@link Rng.choice} picks. @category options @since 0.1.0 */
export interface ChoiceOptions {
  /** Whether one index may come twice. Default `false`, as most stages mean it. */
  readonly replace?: boolean
  /** One weight an index, at least 0, not all 0; they need not sum to 1. Default: all equal. */
  readonly weights?: ArrayLike<number>
}

/**
 * A generator that stands at a seed.
 *
 * An `Rng` handed to a stage is good for that one sample; the worker reseeds it for the next. Keep the numbers, not
 * the `Rng`.
 *
 * @example
 * import { Rng } from "furrow"
 *
 * const rng = Rng.make({ algorithm: "xoshiro128**", words: [1, 2, 3, 4] })
 * console.assert(rng.word() === 11520)
 * console.assert(rng.integer(6) < 6)
 *
 * @category models
 * @since 0.1.0
 */
export abstract class Rng {
  /** The seed this generator started from. */
  abstract readonly seed: Seed

  /** The next 32 random bits, from 0 to 2^32 − 1. */
  abstract word(): number

  /** Uniform in [0, 1) with 32 random bits: one word, so the multiples of 2^-32. */
  float(): number {
    return this.word() * TWO_POW_MINUS_32
  }

  /** Uniform in [0, 1) with 53 random bits, all that a float64 holds: two words. */
  double(): number {
    const high = this.word() >>> 5
    return (high * 67108864 + (this.word() >>> 6)) * TWO_POW_MINUS_53
  }

  /**
   * A whole number from 0 to `bound − 1`, each with exactly the same odds: Lemire, "Fast random integer generation in
   * an interval" (2019). Throws `InvalidOption` unless `bound` is a whole number from 1 to 2^53 − 1.
   */
  integer(bound: number): number {
    return Bounded.integer(this, bound)
  }

  /**
   * A whole number from `low` to `high`, both included, each with the same odds. Throws `InvalidOption` unless both are
   * safe integers with low ≤ high, fewer than 2^53 apart.
   */
  between(low: number, high: number): number {
    if (!Number.isSafeInteger(low)) throw new InvalidOption({ option: "low", value: low, expected: "a whole number" })
    whole("high", high, low)
    whole("the span from low to high", high - low + 1, 1)
    return low + this.integer(high - low + 1)
  }

  /**
   * `true` with probability `p`, by one word: `p` counts to the next multiple of 2^-32, and 0 is never, 1 always. Throws
   * `InvalidOption` unless 0 ≤ p ≤ 1.
   */
  bernoulli(p = 0.5): boolean {
    if (!(p >= 0 && p <= 1)) finite("probability", p, 0, 1)
    return this.float() < p
  }

  /**
   * Uniform in [low, high) with 53 random bits: `low` and a share of the span. Where the span is small beside `low` the
   * sum is rounded, and that can give `high` itself. Throws `InvalidOption` unless both are finite and low ≤ high.
   */
  uniform(low = 0, high = 1): number {
    if (!(high - low >= 0 && high - low < Infinity)) {
      finite("low", low)
      finite("high", high, low)
      finite("high - low", high - low)
    }
    return low + (high - low) * this.double()
  }

  /**
   * Normal with mean `mean` and standard deviation `deviation` (Marsaglia and Tsang's ziggurat, 53-bit). Throws
   * `InvalidOption` unless both are finite and the deviation is at least 0.
   */
  normal(mean = 0, deviation = 1): number {
    if (!(deviation >= 0 && deviation < Infinity && mean - mean === 0)) {
      finite("mean", mean)
      finite("deviation", deviation, 0)
    }
    return mean + deviation * this.standardNormal()
  }

  /** Normal with mean 0 and standard deviation 1; {@link normal} is this, scaled. */
  standardNormal(): number {
    return standardNormal(this)
  }

  /** Gamma with shape `shape` > 0 and scale 1 (Marsaglia and Tsang, 2000). */
  gamma(shape: number): number {
    return gamma(this, shape)
  }

  /** Beta(`a`, `b`), in [0, 1]; both greater than 0. */
  beta(a: number, b: number): number {
    const x = this.gamma(a)
    const y = this.gamma(b)
    const sum = x + y
    // The sum of two of the largest is none any more; a quarter of each is.
    if (sum === Infinity) return x / 4 / (x / 4 + y / 4)
    // Both underflow only for shapes so small that the distribution is two points.
    return sum > 0 ? x / sum : Number(this.bernoulli(a / (a + b)))
  }

  /** The numbers 0 … `size − 1` in random order, each order with the same odds (Fisher and Yates). */
  permutation(size: number): Uint32Array {
    const order = new Uint32Array(whole("size", size, 0, 2 ** 32 - 1))
    for (let index = 0; index < order.length; index++) order[index] = index
    return this.shuffle(order)
  }

  /** Puts `items` in random order, in place, and returns it. */
  shuffle<A extends Uint32Array | Float64Array | Array<unknown>>(items: A): A {
    Bounded.shuffle(this, items)
    return items
  }

  /**
   * `count` indices below `size`. Without replacement (the default) all differ and come in random order; with weights
   * and without replacement each next one is drawn from the rest in proportion to its weight (Efraimidis and Spirakis,
   * 2006). Throws `InvalidOption` when there are not so many to choose from.
   */
  choice(size: number, count: number, options: ChoiceOptions = {}): Array<number> {
    return Choice.choice(this, size, count, options.replace ?? false, options.weights)
  }

  /**
   * Fills `target` and returns it: integer types with uniform bits over their whole range, `Float32Array` with [0, 1)
   * of 24 bits, `Float64Array` with [0, 1) of 53 bits. Words are used whole: four bytes a word for 8-bit types, two
   * halves for 16-bit types, low first.
   */
  fill<A extends TypedArray>(target: A): A {
    if (!isTypedArray(target)) throw new InvalidOption({ option: "target", value: target, expected: "a typed array" })
    fill(this, target)
    return target
  }

  /** Fills `target` with normals of mean `mean` and standard deviation `deviation`, and returns it. */
  fillNormal<A extends Float32Array | Float64Array>(target: A, mean = 0, deviation = 1): A {
    for (let index = 0; index < target.length; index++) target[index] = this.normal(mean, deviation)
    return target
  }

  /**
   * A stream of its own, addressed by name: it depends on where this one *started*, not on how much was drawn since, so
   * adding a fork changes no other draw. Forks of one name from two different seeds of four words start from different
   * states by construction (Philox under the name's key is a bijection of the seed). Seeds of another length are hashed
   * to four words first, so theirs differ but for odds of about 2^-128 a pair; the forks of two names under one seed but
   * for odds of 2^-64.
   */
  fork(name: string): Rng {
    const [low, high] = wordsOf(name)
    const [w0, w1, w2, w3] = fourWords(this.seed)
    const words = new Uint32Array(4)
    Philox.block(w0, w1, w2, w3, low, high, words, 0)
    return make({ algorithm: "xoshiro128**", words: Array.from(words) })
  }
}

const fourWords = (seed: Seed): readonly [number, number, number, number] => {
  const [w0 = 0, w1 = 0, w2 = 0, w3 = 0] = seed.words
  if (seed.words.length === 4) return [w0, w1, w2, w3]
  const text = format(seed)
  return [...wordsOf(`${text}/0`), ...wordsOf(`${text}/1`)]
}

const fill = (rng: Rng, target: TypedArray): void => {
  if (target instanceof Float32Array) {
    for (let i = 0; i < target.length; i++) target[i] = (rng.word() >>> 8) * TWO_POW_MINUS_24
  } else if (target instanceof Float64Array) {
    for (let i = 0; i < target.length; i++) target[i] = rng.double()
  } else if (target instanceof BigInt64Array || target instanceof BigUint64Array) {
    for (let i = 0; i < target.length; i++) {
      const low = BigInt(rng.word())
      target[i] = (BigInt(rng.word()) << 32n) | low
    }
  } else {
    const size = target.BYTES_PER_ELEMENT
    const parts = 4 / size
    for (let i = 0; i < target.length; ) {
      let word = rng.word()
      for (let part = 0; part < parts && i < target.length; part++) {
        // Clamped arrays round to their range instead of wrapping, so the byte is cut out first.
        target[i++] = size === 1 ? word & 0xff : word
        word >>>= 8 * size === 32 ? 0 : 8 * size
      }
    }
  }
}

const makers = new Map<string, (seed: Seed) => Rng>()

/**
 * Makes an algorithm known by name, so that {@link make} can start it from a seed. A later registration replaces an
 * earlier one.
 *
 * @category registry
 * @since 0.1.0
 */
export const register = (algorithm: string, maker: (seed: Seed) => Rng): void => {
  makers.set(algorithm, maker)
}

/**
 * Registers all algorithms of a table and returns it. Modules name their algorithms by what this returns, so a bundle that
 * holds a name holds its generator, and one that holds none leaves the generator out.
 *
 * @since 0.1.0
 */
export const registered = <const A extends string | ReadonlyArray<string> | Readonly<Record<string, string>>>(
  algorithms: A,
  maker: (seed: Seed) => Rng
): A => {
  for (const algorithm of typeof algorithms === "string" ? [algorithms] : Object.values(algorithms)) {
    register(algorithm, maker)
  }
  return algorithms
}

const unknown = (algorithm: string): InvalidOption => {
  const expected = `one that is registered (${[...makers.keys()].toSorted().join(", ")})`
  return new InvalidOption({ option: "the seed's algorithm", value: algorithm, expected })
}

/** The generator that `seed` starts; see `Rng.make`. @since 0.1.0 */
export const make = (seed: Seed): Rng => {
  const maker = makers.get(seed.algorithm)
  if (maker === undefined) throw unknown(seed.algorithm)
  // A word too wide would be cut to 32 bits further on, and two seeds would start one stream.
  for (const word of seed.words) {
    if (word >>> 0 !== word) whole(`a word of ${seed.algorithm}'s seed`, word, 0, 2 ** 32 - 1)
  }
  return maker(seed)
}

/**
 * Returns {@link make}, for a module that relies on `algorithms`: a bundle that holds the result holds their generators.
 * Throws `InvalidOption` if one of them is not registered.
 *
 * @since 0.1.0
 */
export const making = (...algorithms: ReadonlyArray<string>): typeof make => {
  for (const algorithm of algorithms) if (!makers.has(algorithm)) throw unknown(algorithm)
  return make
}
