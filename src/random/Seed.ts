/**
 * Seeds as plain data.
 *
 * A {@link Seed} is what starts one generator: the algorithm's name and its words. It is a Schema value, so it can be
 * logged, sent to a thread, stored and compared. A {@link Root} is what a person gives for a whole run (`42`, a 64-bit
 * bigint, a string), brought to the 64-bit key under which every seed of the run is derived.
 *
 * @since 0.1.0
 */
import { validateSync } from "@effect/schema/ParseResult"
import * as Data from "effect/Data"
import * as Either from "effect/Either"
import { wordsOf } from "../core/NameHash.ts"
import { array, nonEmptyString, struct, wholeBetween } from "../core/SchemaValue.ts"

/**
 * The start of one generator: the algorithm's name and its 32-bit words, lowest first.
 *
 * @category models
 * @since 0.1.0
 */
export const Seed = struct({ algorithm: nonEmptyString, words: array(wholeBetween(0, 0xffffffff)) }, "Seed")

/** @since 0.1.0 */
export type Seed = typeof Seed.Type

/**
 * `value` when it is a seed by the schema. Throws the schema's `ParseError`, which names what is off.
 *
 * @category conversions
 * @since 0.1.0
 */
export const validate: (value: unknown) => Seed = validateSync(Seed)

/**
 * A seed as one short line, `xoshiro128**:0123abcd…`, for logs and error messages.
 *
 * @category conversions
 * @since 0.1.0
 */
export const format = (seed: Seed): string =>
  `${seed.algorithm}:${seed.words.map((word) => word.toString(16).padStart(8, "0")).join("")}`

/**
 * What a run can be seeded with: a whole number from 0 to 2^53 − 1, a bigint from 0 to 2^64 − 1, or any string.
 *
 * @category models
 * @since 0.1.0
 */
export type RootInput = number | bigint | string

/**
 * A value that cannot seed a run.
 *
 * @category errors
 * @since 0.1.0
 */
export class SeedError extends Data.TaggedError("SeedError")<{
  readonly value: unknown
  readonly reason: string
}> {
  override get message(): string {
    return `${show(this.value)} cannot seed a run: ${this.reason}`
  }
}

const show = (value: unknown): string => {
  if (typeof value === "bigint") return `${value}n`
  if (typeof value === "string") return JSON.stringify(value)
  if (typeof value === "function") return "a function"
  return typeof value === "object" && value !== null ? "an object" : String(value)
}

/**
 * The seed of a whole run: the 64-bit key and the text it goes by in logs and errors.
 *
 * @category models
 * @since 0.1.0
 */
export interface Root {
  readonly text: string
  /** The key's low 32 bits. */
  readonly low: number
  /** The key's high 32 bits. */
  readonly high: number
}

/**
 * The root for what a person gave. Numbers and bigints of one value give one root; a string is taken by the first
 * eight bytes of its SHA-256 (UTF-8, little-endian), so `"42"` is not `42`.
 *
 * @example
 * import { Seed } from "furrow"
 * import { Either } from "effect"
 *
 * console.assert(Either.getOrThrow(Seed.root(42)).low === 42)
 * console.assert(Either.isLeft(Seed.root(-1)))
 *
 * @category constructors
 * @since 0.1.0
 */
export const root = (value: RootInput): Either.Either<Root, SeedError> => {
  if (typeof value === "string") {
    const [low, high] = wordsOf(value)
    return Either.right({ text: JSON.stringify(value), low, high })
  }
  if (typeof value === "number") {
    if (!Number.isSafeInteger(value) || value < 0) {
      const reason =
        value > Number.MAX_SAFE_INTEGER && Number.isFinite(value)
          ? "numbers hold whole values only up to 2^53 - 1; give it as a bigint (with an n behind it) or as a string"
          : "give a whole number of at least 0, a bigint or a string"
      return Either.left(new SeedError({ value, reason }))
    }
    return Either.right({ text: String(value), low: value >>> 0, high: Math.floor(value / 2 ** 32) >>> 0 })
  }
  if (typeof value === "bigint") {
    if (value < 0n || value >= 1n << 64n) {
      return Either.left(new SeedError({ value, reason: "give a bigint from 0n to 2n ** 64n - 1n, or a string" }))
    }
    return Either.right({
      text: String(value),
      low: Number(value & 0xffffffffn),
      high: Number(value >> 32n)
    })
  }
  return Either.left(new SeedError({ value, reason: "give a whole number, a bigint or a string" }))
}

/**
 * The root for a text from the environment or the command line: decimal digits are the number they spell, all else is
 * taken as a string. So `FURROW_SEED=42` is `seed: 42`.
 *
 * @category conversions
 * @since 0.1.0
 */
export const parse = (text: string): Either.Either<Root, SeedError> => {
  const trimmed = text.trim()
  if (trimmed === "") return Either.left(new SeedError({ value: text, reason: "it is empty; give digits or a name" }))
  if (/^\d+$/.test(trimmed)) return root(BigInt(trimmed))
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$|^[+-]?(nan|inf(inity)?)$/i.test(trimmed)) {
    return Either.left(new SeedError({ value: text, reason: "a number must be whole and at least 0" }))
  }
  return root(trimmed)
}
