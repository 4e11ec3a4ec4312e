/**
 * `torch.Generator` on the CPU: MT19937 seeded with the low 32 bits of a 64-bit seed, and PyTorch's own distributions
 * on it, number for number as PyTorch 1.13 has them on x86-64 with AVX2, built without Intel's MKL: a build with it
 * draws `bernoulli` in another way. What later releases changed is said where it matters.
 *
 * | algorithm of a seed | words |
 * |---|---|
 * | `torch-mt19937` | the 64-bit seed: low, high |
 * | `torch-mt19937-state` | 624 words, position, 1 with a kept normal or 0, its low and high word, the seed's two |
 *
 * @since 0.1.0
 */

import { finite, whole } from "../../core/Check.ts"
import { InvalidOption } from "../../core/InvalidOption.ts"
import { ln } from "../../core/math/Ln.ts"
import { type Direction, sincos } from "../../core/math/SinCos.ts"
import type { TypedArray } from "../../core/Tensor.ts"
import { check, cumulative } from "../../random/distributions/Choice.ts"
import { type ChoiceOptions, Rng, registered } from "../../random/generators/Generator.ts"
import type { Seed } from "../../random/Seed.ts"
import { Mt19937 } from "../Mt19937.ts"
import { multiplyAdd } from "./MultiplyAdd.ts"

const TWO_POW_32 = 2 ** 32
const TWO_POW_MINUS_24 = 2 ** -24
const TWO_POW_MINUS_53 = 2 ** -53
const TWO_PI = 2 * Math.PI
const direction: Direction = { sin: 0, cos: 1 }

/** The names by which seeds ask for this generator. @category constants @since 0.1.0 */
export const algorithms = /* @__PURE__ */ registered({ seed: "torch-mt19937", state: "torch-mt19937-state" }, (seed) =>
  make(seed)
)

/** Tensors of at least so many normals are filled in another way than smaller ones. */
const FILLED = 16

/**
 * A generator of PyTorch's. As an `Rng` it draws what PyTorch draws one scalar at a time: `word` is the twister's,
 * `float` is `rand` of float32 (24 bits), `double` of float64 (53 bits), `integer(n)` is `randint(0, n)`,
 * `uniform` is `uniform_` and `normal` is `normal_` of a float64 scalar, `standardNormal` is `randn` in float64,
 * `permutation` is `randperm`, `shuffle` puts items in the order of a `randperm`. `choice` with weights is
 * `multinomial`, with replacement and without; without weights it is the start of a `randperm`, or with replacement
 * `randint`. `fillNormal` is `normal_` of a whole tensor and `fill` of floats is `rand`; `fill` of integers, gamma and
 * beta are Furrow's own on these words.
 *
 * @example
 * import { PyTorch } from "furrow"
 *
 * const torch = PyTorch.manualSeed(42)
 * console.assert(torch.initialSeed === 42n)
 * console.assert(torch.randperm(10).length === 10)
 *
 * @category models
 * @since 0.1.0
 */
export class TorchGenerator extends Rng {
  readonly seed: Seed
  /** What `manual_seed` was given, 0 to 2^64 − 1; negative seeds count from 2^64 down. */
  readonly initialSeed: bigint
  readonly #twister: Mt19937
  #kept: number | undefined

  constructor(seed: Seed, initialSeed: bigint, twister: Mt19937, kept?: number) {
    super()
    this.seed = seed
    this.initialSeed = initialSeed
    this.#twister = twister
    this.#kept = kept
  }

  /** The seed of where it stands now: `Rng.make` of it goes on from here. */
  state(): Seed {
    const { position, words } = this.#twister.state()
    const halves = new DataView(new ArrayBuffer(8))
    halves.setFloat64(0, this.#kept ?? 0, true)
    const kept = [Number(this.#kept !== undefined), halves.getUint32(0, true), halves.getUint32(4, true)]
    return { algorithm: algorithms.state, words: [...words, position, ...kept, ...halvesOf(this.initialSeed)] }
  }

  /** Another one that will draw what this one would; it has this one's seed, so its forks are this one's too. */
  clone(): TorchGenerator {
    return new TorchGenerator(this.seed, this.initialSeed, this.#twister.clone(), this.#kept)
  }

  word(): number {
    return this.#twister.word()
  }

  /** 64 bits of two words, high first. */
  random64(): bigint {
    const high = BigInt(this.word())
    return (high << 32n) | BigInt(this.word())
  }

  /** `torch.empty((), dtype=torch.int64).random_()`: a whole number from 0 to 2^63 − 1. */
  random(): bigint {
    return BigInt.asUintN(63, this.random64())
  }

  /** `rand(())`: uniform in [0, 1), float32 with 24 random bits. */
  override float(): number {
    return (this.word() & 0xffffff) * TWO_POW_MINUS_24
  }

  /** `rand((), dtype=torch.float64)`: uniform in [0, 1) with 53 random bits. */
  override double(): number {
    const high = this.word() & 0x1fffff
    return (high * TWO_POW_32 + this.word()) * TWO_POW_MINUS_53
  }

  /** `randint(0, bound)`: a remainder, so not quite even; of one word below 2^32, of two from there on. */
  override integer(bound: number): number {
    if (bound >= 1 && bound < TWO_POW_32 && bound === Math.floor(bound)) return this.word() % bound
    return Number(this.random64() % BigInt(whole("bound", bound, 1)))
  }

  /**
   * `randint(low, high, ())`: whole numbers from `low` to `high − 1`. Throws `InvalidOption` unless both are safe
   * integers with low < high, at most 2^53 − 1 apart.
   */
  randint(low: number, high: number): number {
    whole("low", low, Number.MIN_SAFE_INTEGER)
    whole("high", high, low + 1)
    return low + this.integer(whole("high - low", high - low, 1))
  }

  /** {@link randint} over all of `int64`: −2^63 ≤ low < high ≤ 2^63 − 1. */
  randintBig(low: bigint, high: bigint): bigint {
    if (low < -(1n << 63n) || high <= low || high >= 1n << 63n) {
      const expected = "with -2^63 <= low < high <= 2^63 - 1"
      throw new InvalidOption({ option: "low and high", value: `${low}, ${high}`, expected })
    }
    const range = high - low
    return low + (range < BigInt(TWO_POW_32) ? BigInt(this.word()) % range : this.random64() % range)
  }

  /** `bernoulli`: `double() < p`. */
  override bernoulli(p = 0.5): boolean {
    return this.double() < finite("probability", p, 0, 1)
  }

  /**
   * `uniform_(low, high)` of a float64 scalar; scaled and moved with one rounding, as PyTorch's build for AVX2 does.
   * Throws `InvalidOption` unless both are finite and low ≤ high, with a finite span.
   */
  override uniform(low = 0, high = 1): number {
    finite("low", low)
    finite("high", high, low)
    return multiplyAdd(this.double(), finite("high - low", high - low), low)
  }

  /** `randn(())` in float64: Box and Muller's two at a time; the second is kept for the next call. */
  override standardNormal(): number {
    const kept = this.#kept
    if (kept !== undefined) {
      this.#kept = undefined
      return kept
    }
    const angle = TWO_PI * this.double()
    const radius = Math.sqrt(-2 * ln(1 - this.double()))
    sincos(angle, direction)
    this.#kept = radius * direction.sin
    return radius * direction.cos
  }

  /** `rand(count)`: float32. */
  rand(count: number): Float32Array {
    return Float32Array.from({ length: whole("count", count, 0) }, () => this.float())
  }

  /** `rand(count, dtype=torch.float64)`. */
  rand64(count: number): Float64Array {
    return Float64Array.from({ length: whole("count", count, 0) }, () => this.double())
  }

  /** `randn(count)`: float32, to about 1e-6 of PyTorch's, whose vector code rounds in its own ways. */
  randn(count: number): Float32Array {
    return this.#normals(new Float32Array(whole("count", count, 0)), () => this.float())
  }

  /** `randn(count, dtype=torch.float64)`. */
  randn64(count: number): Float64Array {
    return this.#normals(new Float64Array(whole("count", count, 0)), () => this.double())
  }

  #normals<A extends Float32Array | Float64Array>(target: A, uniform: () => number): A {
    const size = target.length
    if (size < FILLED) {
      for (let index = 0; index < size; index++) target[index] = this.standardNormal()
      return target
    }
    for (let index = 0; index < size; index++) target[index] = uniform()
    for (let start = 0; start + FILLED <= size; start += FILLED) transform(target, start)
    if (size % FILLED !== 0) {
      // The last sixteen are drawn anew, over some that were done already.
      for (let index = size - FILLED; index < size; index++) target[index] = uniform()
      transform(target, size - FILLED)
    }
    return target
  }

  /**
   * `target.normal_(mean, deviation)`: of fewer than 16 one by one, of more in PyTorch's other way. Throws
   * `InvalidOption` unless both are finite and the deviation is at least 0.
   */
  override fillNormal<A extends Float32Array | Float64Array>(target: A, mean = 0, deviation = 1): A {
    finite("mean", mean)
    finite("deviation", deviation, 0)
    if (target.length < FILLED) return super.fillNormal(target, mean, deviation)
    this.#normals(target, target instanceof Float32Array ? () => this.float() : () => this.double())
    if (mean === 0 && deviation === 1) return target
    for (let index = 0; index < target.length; index++) target[index] = (target[index] as number) * deviation + mean
    return target
  }

  override fill<A extends TypedArray>(target: A): A {
    if (!(target instanceof Float32Array)) return super.fill(target)
    for (let index = 0; index < target.length; index++) target[index] = this.float()
    return target
  }

  /**
   * `randperm(size)`: Fisher and Yates from the front, by the remainders of one word a place, at every size.
   * {@link randpermLarge} has what PyTorch 2.6 and later draw from 214,748,364 places on. Throws `InvalidOption` unless
   * `size` is a whole number from 0 to 2^32 − 1.
   */
  randperm(size: number): Uint32Array {
    const order = new Uint32Array(whole("size", size, 0, TWO_POW_32 - 1))
    for (let index = 0; index < size; index++) order[index] = index
    for (let index = 0; index < size - 1; index++) {
      const other = index + (this.word() % (size - index))
      const item = order[index] as number
      order[index] = order[other] as number
      order[other] = item
    }
    return order
  }

  /**
   * `randperm(size)` as PyTorch has it since 2.6 where `size` is 214,748,364 (2^32 / 20) or more: built up from the
   * first place, by the remainders of two words a place. From PyTorch's source (pull request 143682). Throws
   * `InvalidOption` as {@link randperm} does; smaller sizes are taken too, but PyTorch draws those in the other way.
   */
  randpermLarge(size: number): Uint32Array {
    const order = new Uint32Array(whole("size", size, 0, TWO_POW_32 - 1))
    for (let index = 0; index < size; index++) {
      const high = this.word()
      const other = remainder(high, this.word(), index + 1)
      order[index] = order[other] as number
      order[other] = index
    }
    return order
  }

  override permutation(size: number): Uint32Array {
    return this.randperm(size)
  }

  /** Puts items in the order of a `randperm`, in place: `items[randperm(len(items))]`. */
  override shuffle<A extends Uint32Array | Float64Array | Array<unknown>>(items: A): A {
    const before = items.slice()
    this.randperm(items.length).forEach((from, to) => {
      items[to] = before[from] as number
    })
    return items
  }

  /**
   * `multinomial(weights, count, replacement)` of float64 weights, which need not sum to 1; with replacement unless
   * told otherwise. As in PyTorch, a first weight of 0 is drawn by a uniform of exactly 0, odds of 2^-53. Throws
   * `InvalidOption` if the weights are invalid, and without replacement for more than there are weights over 0, where
   * PyTorch would give those of weight 0.
   */
  multinomial(weights: ArrayLike<number>, count: number, replacement = true): Array<number> {
    // The largest of weight / exponential are the smallest of exponential / weight, which is how Furrow draws them too.
    if (!replacement) return super.choice(weights.length, count, { weights })
    const sums = cumulative(weights, weights.length)
    const last = sums.length - 1
    const total = sums[last] as number
    for (let index = 0; index < last; index++) sums[index] = (sums[index] as number) / total
    sums[last] = 1
    return Array.from({ length: whole("count", count, 0) }, () => {
      const unit = this.double()
      let low = 0
      let high = sums.length
      while (low < high) {
        const middle = (low + high) >>> 1
        if ((sums[middle] as number) < unit) low = middle + 1
        else high = middle
      }
      return low
    })
  }

  override choice(size: number, count: number, options: ChoiceOptions = {}): Array<number> {
    const { replace = false, weights } = options
    check(size, count, replace || weights !== undefined)
    if (count === 0) return []
    if (weights !== undefined) {
      // Held against the size, which `multinomial` does not know.
      cumulative(weights, size)
      return this.multinomial(weights, count, replace)
    }
    if (replace) return Array.from({ length: count }, () => this.integer(size))
    return Array.from(this.randperm(size).subarray(0, count))
  }
}

/**
 * Makes sixteen uniforms normals, in place: the first eight give radii, the others angles. In float32 each step is
 * rounded, as PyTorch's vector code does: the rounding of an angle alone moves small sines by more than 1e-6.
 */
const transform = (target: Float32Array | Float64Array, start: number): void => {
  const round = target instanceof Float32Array ? Math.fround : exact
  const half = FILLED / 2
  for (let index = start; index < start + half; index++) {
    const radius = round(Math.sqrt(round(-2 * round(ln(round(1 - (target[index] as number)))))))
    sincos(round(round(TWO_PI) * (target[index + half] as number)), direction)
    target[index] = radius * round(direction.cos)
    target[index + half] = radius * round(direction.sin)
  }
}

const exact = (value: number): number => value

/** The remainder of high * 2^32 + low, 16 bits at a time so that all stays exact; `divisor` is at most 2^32. */
const remainder = (high: number, low: number, divisor: number): number => {
  const upper = ((high % divisor) * 65536 + (low >>> 16)) % divisor
  return (upper * 65536 + (low & 0xffff)) % divisor
}

const halvesOf = (value: bigint): ReadonlyArray<number> => [Number(value & 0xffffffffn), Number(value >> 32n)]

const joined = (low: number, high: number): bigint => (BigInt(high) << 32n) | BigInt(low)

/** A seed as PyTorch takes it, as a number from 0 to 2^64 − 1. */
const mapped = (value: number | bigint): bigint => {
  const own = typeof value === "bigint" ? value : Number.isSafeInteger(value) ? BigInt(value) : undefined
  if (own === undefined || own < -(1n << 63n) || own >= 1n << 64n) {
    const expected = "a whole number from -2^63 to 2^64 - 1 (beyond 2^53 - 1 as a bigint)"
    throw new InvalidOption({ option: "a seed of PyTorch's", value, expected })
  }
  return BigInt.asUintN(64, own)
}

/**
 * The seed that `torch.manual_seed(value)` stands for. Throws `InvalidOption` unless `value` is a whole number from
 * −2^63 to 2^64 − 1, given as a bigint where a number cannot hold it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const seed = (value: number | bigint): Seed => ({ algorithm: algorithms.seed, words: halvesOf(mapped(value)) })

/**
 * `torch.Generator().manual_seed(value)`. Throws as {@link seed} does.
 *
 * @category constructors
 * @since 0.1.0
 */
export const manualSeed = (value: number | bigint): TorchGenerator => make(seed(value))

/**
 * The generator at `seed`. Throws `InvalidOption` unless it is of one of the {@link algorithms} and its words are as
 * the table above says.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (own: Seed): TorchGenerator => {
  const { algorithm, words } = own
  for (const word of words) whole(`a word of ${algorithm}`, word, 0, TWO_POW_32 - 1)
  if (algorithm === algorithms.seed) {
    whole(`the number of words of ${algorithm}`, words.length, 2, 2)
    const [low, high] = words as [number, number] // two, by the line above
    return new TorchGenerator(own, joined(low, high), Mt19937.fromSeed(low))
  }
  if (algorithm !== algorithms.state) {
    const expected = `one of ${Object.values(algorithms).join(", ")}`
    throw new InvalidOption({ option: "a PyTorch generator's algorithm", value: algorithm, expected })
  }
  whole(`the number of words of ${algorithm}`, words.length, 630, 630)
  // Six more than the state, by the line above.
  const [position, has, keptLow, keptHigh, low, high] = words.slice(624) as [
    number,
    number,
    number,
    number,
    number,
    number
  ]
  const halves = new DataView(new ArrayBuffer(8))
  halves.setUint32(0, keptLow, true)
  halves.setUint32(4, keptHigh, true)
  const kept = whole("whether there is a kept normal", has, 0, 1) === 1 ? halves.getFloat64(0, true) : undefined
  const twister = Mt19937.fromState(words.slice(0, 624), position)
  return new TorchGenerator(own, joined(low, high), twister, kept === undefined ? undefined : finite("kept", kept))
}
