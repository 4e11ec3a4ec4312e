/**
 * The chain of hashes behind a run's digest.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { identity } from "effect/Function"
import { InvalidOption } from "../../core/InvalidOption.ts"
import { sha256Stream } from "../../core/runtime.ts"
import { hex } from "../plan/Digest.ts"

/** The length of a hash, and how many of them are added to the chain in one go: code that runs once a batch is never warm. */
const HASH = 32
const TOGETHER = 32

/** Takes the hashes of a run's batches in the plan's order. @since 0.1.0 */
export class DigestChain {
  #head: Uint8Array
  /** Hashes that are not in the chain yet. */
  readonly #added = new Uint8Array(HASH * TOGETHER)
  #count = 0

  /** Continues behind `head`, the hash over all batches before. */
  constructor(head: Uint8Array = new Uint8Array(HASH)) {
    this.#head = head
  }

  /** Adds the hash of the next batch; `undefined` if nothing was left of the batch. */
  add(hash: Uint8Array | undefined): void {
    if (hash === undefined) return
    this.#added.set(hash, HASH * this.#count)
    this.#count++
    if (this.#count === TOGETHER) this.#link()
  }

  /** The digest so far: 64 hexadecimal digits. */
  get value(): string {
    this.#link()
    return hex(this.#head)
  }

  #link(): void {
    for (let at = 0; at < this.#count; at++) {
      const hash = this.#added.subarray(HASH * at, HASH * (at + 1))
      this.#head = sha256Stream().update(this.#head).update(hash).digest()
    }
    this.#count = 0
  }
}

/**
 * The digest of a run that keeps none. It would be that of an empty run, and so equal to that of any other run without one.
 *
 * @since 0.1.0
 */
export const noDigest: Effect.Effect<never, InvalidOption> = Effect.failSync(
  () => new InvalidOption({ option: "digest", value: false, expected: "true to be read" })
)

/** The digest of a run as plain code reads it. Throws `InvalidOption` if the run keeps none. @since 0.1.0 */
export const readDigest = (digest: Effect.Effect<string, InvalidOption>): string =>
  Either.getOrThrowWith(Effect.runSync(Effect.either(digest)), identity)
