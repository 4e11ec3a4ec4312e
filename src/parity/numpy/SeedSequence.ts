/**
 * NumPy's `SeedSequence`: entropy of any size, mixed into a pool of 128 bits, from which generators take their start
 * states and children are spawned. O'Neill's `randutils` seeding (2015), as NumPy 1.17 and later have it.
 *
 * @since 0.1.0
 */
import { whole } from "../../core/Check.ts"
import { InvalidOption } from "../../core/InvalidOption.ts"

const POOL = 4

const INIT_A = 0x43b0d7e5
const MULT_A = 0x931e8875
const INIT_B = 0x8b51f9dd
const MULT_B = 0x58f38ded
const MIX_L = 0xca01f9dd
const MIX_R = 0x4973f715

/** A whole number of any size, at least 0; a `number` only up to 2^53 − 1. @category models @since 0.1.0 */
export type Whole = number | bigint

/** What a sequence can be made of: one whole number of any size, or a list of them. @category models @since 0.1.0 */
export type Entropy = Whole | ArrayLike<Whole>

/**
 * `value` as a bigint. Throws `InvalidOption` unless it is whole and at least 0; a number beyond 2^53 − 1 is refused,
 * as it may not be the one that was written.
 *
 * @category conversions
 * @since 0.1.0
 */
export const entropyOf = (value: Whole): bigint => {
  if (typeof value !== "bigint") return BigInt(whole("NumPy entropy", value, 0))
  if (value >= 0n) return value
  throw new InvalidOption({ option: "NumPy entropy", value, expected: "a whole number of at least 0" })
}

/** The 32-bit words of a number, lowest first; 0 is one word. */
const append = (words: Array<number>, value: Whole): void => {
  let rest = entropyOf(value)
  do {
    words.push(Number(rest & 0xffffffffn))
    rest >>= 32n
  } while (rest > 0n)
}

const wordsOf = (entropy: Entropy): ReadonlyArray<number> => {
  const words: Array<number> = []
  if (typeof entropy === "number" || typeof entropy === "bigint") append(words, entropy)
  else for (let index = 0; index < entropy.length; index++) append(words, entropy[index] as Whole)
  return words
}

/**
 * A sequence. What it generates depends on its entropy and its spawn key alone, not on how much was generated or
 * spawned before; only {@link SeedSequence.spawn} counts, so that no child comes twice.
 *
 * @category models
 * @since 0.1.0
 */
export class SeedSequence {
  /** The entropy as 32-bit words, lowest first. */
  readonly entropy: ReadonlyArray<number>
  /** The place in the tree of children as 32-bit words; none at the root. */
  readonly spawnKey: ReadonlyArray<number>
  readonly #pool: Uint32Array
  #spawned = 0

  constructor(entropy: ReadonlyArray<number>, spawnKey: ReadonlyArray<number>) {
    this.entropy = entropy
    this.spawnKey = spawnKey
    this.#pool = mixed(entropy, spawnKey)
  }

  /** How many children were spawned so far. */
  get spawned(): number {
    return this.#spawned
  }

  /** `generate_state(count)`: `count` words of 32 bits. */
  generateState(count: number): Uint32Array {
    const state = new Uint32Array(whole("count", count, 0))
    let constant = INIT_B
    for (let index = 0; index < count; index++) {
      const word = (this.#pool[index % POOL] as number) ^ constant
      constant = Math.imul(constant, MULT_B)
      const hashed = Math.imul(word, constant)
      state[index] = hashed ^ (hashed >>> 16)
    }
    return state
  }

  /** `generate_state(count, np.uint64)`: `count` words of 64 bits. */
  generateState64(count: number): BigUint64Array {
    const halves = this.generateState(2 * whole("count", count, 0))
    const low = (index: number): bigint => BigInt(halves[2 * index] as number)
    const high = (index: number): bigint => BigInt(halves[2 * index + 1] as number)
    return BigUint64Array.from({ length: count }, (_, index) => (high(index) << 32n) | low(index))
  }

  /** `spawn(count)`: the next `count` children, each with the spawn key of its own that comes next. */
  spawn(count: number): ReadonlyArray<SeedSequence> {
    const first = this.#spawned
    this.#spawned += whole("count", count, 0)
    return Array.from(
      { length: count },
      (_, index) => new SeedSequence(this.entropy, [...this.spawnKey, ...wordsOf(first + index)])
    )
  }
}

/** The pool: all words hashed, each into all of the pool. */
const mixed = (entropy: ReadonlyArray<number>, spawnKey: ReadonlyArray<number>): Uint32Array => {
  const words = [...entropy]
  // NumPy pads short entropy before a spawn key, so that a child is no root of longer entropy.
  if (spawnKey.length > 0) while (words.length < POOL) words.push(0)
  words.push(...spawnKey)
  let constant = INIT_A
  const hash = (word: number): number => {
    const salted = word ^ constant
    constant = Math.imul(constant, MULT_A)
    const hashed = Math.imul(salted, constant)
    return hashed ^ (hashed >>> 16)
  }
  const pool = new Uint32Array(POOL)
  const mix = (at: number, word: number): void => {
    const sum = (Math.imul(MIX_L, pool[at] as number) - Math.imul(MIX_R, word)) | 0
    pool[at] = sum ^ (sum >>> 16)
  }
  for (let at = 0; at < POOL; at++) pool[at] = hash(words[at] ?? 0)
  for (let from = 0; from < POOL; from++) {
    for (let to = 0; to < POOL; to++) {
      if (from !== to) mix(to, hash(pool[from] as number))
    }
  }
  for (let from = POOL; from < words.length; from++) {
    for (let to = 0; to < POOL; to++) mix(to, hash(words[from] as number))
  }
  return pool
}

/**
 * `np.random.SeedSequence(entropy, spawn_key=spawnKey)`. Throws `InvalidOption` for anything but whole numbers of at
 * least 0.
 *
 * @example
 * import { NumPy } from "furrow"
 *
 * const sequence = NumPy.SeedSequence.make(42, [3])
 * console.assert(sequence.generateState(2).length === 2)
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (entropy: Entropy, spawnKey: ArrayLike<Whole> = []): SeedSequence =>
  new SeedSequence(wordsOf(entropy), wordsOf(spawnKey))

/**
 * A sequence as the words of a `Seed`: how many words of entropy there are, these words, and those of the spawn key.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toWords = ({ entropy, spawnKey }: SeedSequence): ReadonlyArray<number> => [
  entropy.length,
  ...entropy,
  ...spawnKey
]

/**
 * The sequence that {@link toWords} wrote down. Throws `InvalidOption` when there are fewer words than the first says.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromWords = (words: ReadonlyArray<number>): SeedSequence => {
  const [count] = words
  if (count === undefined) throw new InvalidOption({ option: "a NumPy seed", value: words, expected: "not empty" })
  whole("the first word of a NumPy seed, its words of entropy,", count, 0, words.length - 1)
  return new SeedSequence(words.slice(1, count + 1), words.slice(count + 1))
}
