/**
 * NumPy's `Generator`, what `np.random.default_rng` makes, on PCG64 and on Philox, as in NumPy 1.24. Seeds, raw
 * words, integers, uniforms, orders and choices are equal to the last bit; normals too, but that a draw from the tails
 * (three in ten thousand) ends in another last bit now and then.
 *
 * Seeds of four forms, all plain data:
 *
 * | algorithm            | words                                                                            |
 * | -------------------- | -------------------------------------------------------------------------------- |
 * | `numpy-pcg64`        | a `SeedSequence`: how many words of entropy, these, the spawn key                |
 * | `numpy-philox`       | the same                                                                         |
 * | `numpy-pcg64-state`  | state (4 words), increment (4), has_uint32 (0 or 1), uinteger                    |
 * | `numpy-philox-state` | counter (8), key (4), buffer (8), buffer_pos (0 to 4), has_uint32, uinteger      |
 *
 * @since 0.1.0
 */
import { whole } from "../../core/Check.ts"
import { InvalidOption } from "../../core/InvalidOption.ts"
import * as Bounded from "../../random/distributions/Bounded.ts"
import { check } from "../../random/distributions/Choice.ts"
import { type ChoiceOptions, Rng, registered } from "../../random/generators/Generator.ts"
import type { Seed } from "../../random/Seed.ts"
import type { BitGenerator, Kind } from "./BitGenerator.ts"
import * as Masked from "./Masked.ts"
import * as Pcg64 from "./Pcg64.ts"
import * as Philox4x64 from "./Philox4x64.ts"
import * as SeedSequence from "./SeedSequence.ts"
import { span64 } from "./Span.ts"
import * as Weighted from "./Weighted.ts"
import { standardNormal } from "./Ziggurat.ts"

const TWO_POW_32 = 2 ** 32
const TWO_POW_MINUS_24 = 2 ** -24

/** All that a {@link Generator} starts from. @category models @since 0.1.0 */
export interface Start {
  readonly seed: Seed
  readonly kind: Kind
  readonly bits: BitGenerator
  /** What children are spawned from; none when started from a state. */
  readonly sequence?: SeedSequence.SeedSequence
  /** The high half of a 64-bit word whose low half was drawn as a `uint32`. */
  readonly buffered?: number | undefined
}

/**
 * `np.random.Generator`. As an `Rng` it can drive any pipeline, and draws what NumPy would: `word` is a `uint32` (half a
 * 64-bit word, the other half is kept for the next), `float` and `double` are `random`, `integer(n)` is `integers(n)`,
 * `choice` is `choice` (without replacement by default, as in all of Furrow). Gamma and beta are Furrow's own methods on
 * NumPy's words and normals.
 *
 * @example
 * import { NumPy } from "furrow"
 *
 * const numpy = NumPy.defaultRng(42)
 * console.assert(numpy.integers(0, 1000) === 89)
 *
 * @category models
 * @since 0.1.0
 */
export class Generator extends Rng {
  /** What it started from. */
  readonly seed: Seed
  readonly #kind: Kind
  readonly #bits: BitGenerator
  readonly #sequence: SeedSequence.SeedSequence | undefined
  #buffered: number | undefined

  constructor({ bits, buffered, kind, seed, sequence }: Start) {
    super()
    this.seed = seed
    this.#kind = kind
    this.#bits = bits
    this.#sequence = sequence
    this.#buffered = buffered
  }

  /** The seed of where it stands now: `Rng.make` of it goes on from here. */
  state(): Seed {
    const kept = [Number(this.#buffered !== undefined), this.#buffered ?? 0]
    return { algorithm: stateOf(this.#kind), words: [...this.#bits.state(), ...kept] }
  }

  /** `spawn(count)`: generators of the same kind on the next `count` children of the seed sequence. */
  spawn(count: number): ReadonlyArray<Generator> {
    if (this.#sequence === undefined) {
      const expected = "one that started from a seed sequence, not from a state"
      throw new InvalidOption({ option: "a generator that spawns", value: this.seed.algorithm, expected })
    }
    return this.#sequence.spawn(count).map((sequence) => onSequence(this.#kind, sequence))
  }

  /** `bit_generator.random_raw()`: the next 64 bits. */
  raw(): bigint {
    this.#bits.next()
    return (BigInt(this.#bits.high) << 32n) | BigInt(this.#bits.low)
  }

  word(): number {
    const kept = this.#buffered
    if (kept !== undefined) {
      this.#buffered = undefined
      return kept
    }
    this.#bits.next()
    this.#buffered = this.#bits.high
    return this.#bits.low
  }

  /** `random()`: uniform in [0, 1) with 53 random bits. */
  override double(): number {
    this.#bits.next()
    return (this.#bits.high * 2097152 + (this.#bits.low >>> 11)) / 9007199254740992
  }

  /** `random()`, like {@link Rng.double}; {@link random32} gives that of float32. */
  override float(): number {
    return this.double()
  }

  /** `random(dtype=np.float32)`: uniform in [0, 1) with 24 random bits, of half a 64-bit word. */
  random32(): number {
    return (this.word() >>> 8) * TWO_POW_MINUS_24
  }

  /**
   * `integers(bound)`: Lemire's multiplication on `uint32` halves, on whole 64-bit words for bounds over 2^32. A bound
   * of 1 takes no bits.
   */
  override integer(bound: number): number {
    if (bound === 1) return 0
    if (bound > 1 && bound <= TWO_POW_32) return Bounded.integer(this, bound)
    return Number(this.#wide(BigInt(whole("bound", bound, 1))))
  }

  #wide(bound: bigint): bigint {
    if (bound === 1n << 64n) return this.raw()
    // Words whose product falls below this in its low half would make some results likelier than others.
    const threshold = (1n << 64n) % bound
    for (;;) {
      const product = this.raw() * bound
      if (BigInt.asUintN(64, product) >= threshold) return product >> 64n
    }
  }

  /**
   * `integers(low, high)`: whole numbers from `low` to `high − 1`. The dtypes of 32 and of 64 bits draw alike. Throws
   * `InvalidOption` unless both are safe integers with low < high, at most 2^53 − 1 apart.
   */
  integers(low: number, high: number): number {
    whole("low", low, Number.MIN_SAFE_INTEGER)
    whole("high", high, low + 1)
    return low + this.integer(high - low)
  }

  /**
   * {@link integers} over all of `int64` or `uint64`: from `low` to `high − 1`. Throws `InvalidOption` unless
   * low < high, both within −2^63 … 2^63 or within 0 … 2^64.
   */
  integersBig(low: bigint, high: bigint): bigint {
    const span = span64(low, high)
    return low + (span <= BigInt(TWO_POW_32) ? BigInt(this.integer(Number(span))) : this.#wide(span))
  }

  /** `standard_normal()`: NumPy's ziggurat. */
  override standardNormal(): number {
    return standardNormal(this.#bits)
  }

  /** `shuffle(items)`: in place, by masked rejection instead of `integer`'s multiplication, as NumPy does here. */
  override shuffle<A extends Uint32Array | Float64Array | Array<unknown>>(items: A): A {
    Bounded.shuffle({ integer: (bound) => Masked.upTo(this, bound - 1) }, items)
    return items
  }

  /**
   * `choice(size, count, replace, p)`. Weights that sum to 1 are NumPy's p; others count by their share of the sum,
   * where NumPy would refuse them. Without replacement and without weights it goes by Floyd's method (Bentley and Floyd,
   * 1987), or shuffles the end of 0 … `size − 1` when more than a fiftieth of over 10,000 is wanted, as NumPy does.
   */
  override choice(size: number, count: number, options: ChoiceOptions = {}): Array<number> {
    const { replace = false, weights } = options
    check(size, count, replace)
    if (weights !== undefined && count > 0) return Weighted.choice(this, size, count, replace, weights)
    if (replace) return Array.from({ length: count }, () => this.integer(size))
    return size > 10000 && count > Math.floor(size / 50) ? this.#end(size, count) : this.#floyd(size, count)
  }

  #end(size: number, count: number): Array<number> {
    const order = Float64Array.from({ length: size }, (_, index) => index)
    for (let last = size - 1; last >= Math.max(size - count, 1); last--) {
      const other = this.integer(last + 1)
      const item = order[last] as number
      order[last] = order[other] as number
      order[other] = item
    }
    return Array.from(order.subarray(size - count))
  }

  #floyd(size: number, count: number): Array<number> {
    const chosen = new Set<number>()
    for (let last = size - count; last < size; last++) {
      const value = this.integer(last + 1)
      chosen.add(chosen.has(value) ? last : value)
    }
    const order = [...chosen]
    // By multiplication here, unlike NumPy's own shuffle.
    Bounded.shuffle(this, order)
    return order
  }
}

const stateOf = ({ algorithm }: Kind): string => `${algorithm}-state`

const onSequence = (kind: Kind, sequence: SeedSequence.SeedSequence): Generator =>
  new Generator({
    seed: { algorithm: kind.algorithm, words: SeedSequence.toWords(sequence) },
    kind,
    bits: kind.fromSequence(sequence),
    sequence
  })

const onState = (kind: Kind, seed: Seed): Generator => {
  const count = kind.stateWords + 2
  whole(`the number of words of ${seed.algorithm}`, seed.words.length, count, count)
  // Two more words than the state has, by the line above.
  const [has, kept] = seed.words.slice(kind.stateWords) as [number, number]
  const buffered = whole("has_uint32", has, 0, 1) === 1 ? kept : undefined
  return new Generator({ seed, kind, bits: kind.fromState(seed.words), buffered })
}

const KINDS = [Pcg64.kind, Philox4x64.kind]

/** The algorithms of {@link Generator}'s seeds. @category constants @since 0.1.0 */
export const algorithms: ReadonlyArray<string> = /* @__PURE__ */ registered(
  /* @__PURE__ */ KINDS.flatMap((kind) => [kind.algorithm, stateOf(kind)]),
  (seed) => make(seed)
)

const sequenceSeed = (kind: Kind, entropy: SeedSequence.Entropy, spawnKey: ArrayLike<SeedSequence.Whole>): Seed => ({
  algorithm: kind.algorithm,
  words: SeedSequence.toWords(SeedSequence.make(entropy, spawnKey))
})

/**
 * The seed of `default_rng(SeedSequence(entropy, spawn_key=spawnKey))`. Throws `InvalidOption` for anything but whole
 * numbers of at least 0; those beyond 2^53 − 1 are given as bigints.
 *
 * @category constructors
 * @since 0.1.0
 */
export const pcg64Seed = (entropy: SeedSequence.Entropy, spawnKey: ArrayLike<SeedSequence.Whole> = []): Seed =>
  sequenceSeed(Pcg64.kind, entropy, spawnKey)

/**
 * The seed of `Generator(Philox(SeedSequence(entropy, spawn_key=spawnKey)))`. Throws as {@link pcg64Seed} does.
 *
 * @category constructors
 * @since 0.1.0
 */
export const philoxSeed = (entropy: SeedSequence.Entropy, spawnKey: ArrayLike<SeedSequence.Whole> = []): Seed =>
  sequenceSeed(Philox4x64.kind, entropy, spawnKey)

/**
 * The generator at `seed`. Throws `InvalidOption` unless it is of one of the {@link algorithms} and its words are as the
 * table above says.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (seed: Seed): Generator => {
  for (const kind of KINDS) {
    if (seed.algorithm === kind.algorithm) return onSequence(kind, SeedSequence.fromWords(seed.words))
    if (seed.algorithm === stateOf(kind)) return onState(kind, seed)
  }
  const expected = `one of ${algorithms.join(", ")}`
  throw new InvalidOption({ option: "a NumPy Generator's algorithm", value: seed.algorithm, expected })
}

/**
 * `np.random.default_rng(entropy)`: a generator on PCG64. Throws as {@link pcg64Seed} does.
 *
 * @category constructors
 * @since 0.1.0
 */
export const defaultRng = (entropy: SeedSequence.Entropy): Generator => make(pcg64Seed(entropy))
