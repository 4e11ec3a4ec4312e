/**
 * Random words by position: a sampler draws with these where the index at a position must be the same whether or not the
 * positions before it were asked for.
 *
 * @since 0.1.0
 */
import * as Philox from "../random/generators/Philox.ts"
import type { Rng } from "../random/Rng.ts"

const TWO_POW_32 = 2 ** 32
const TWO_POW_MINUS_53 = 2 ** -53

/**
 * A row of words for every position from 0 to 2^53 − 1: the Philox4x32-10 blocks at a counter that holds the position,
 * under a key drawn once from the epoch's rng. Its only state is the current position.
 *
 * ```text
 * key          c3      c2      c1                               c0
 * two words    word    word    block 11 | position high 21      position low 32
 * ```
 */
export class PositionRng {
  readonly #key0: number
  readonly #key1: number
  readonly #c2: number
  readonly #c3: number
  readonly #block = new Uint32Array(4)
  #low = 0
  #high = 0
  #next = 0
  #used = 4

  /** Draws four words from `rng`, all its seed's worth, and keeps nothing else of it. */
  constructor(rng: Rng) {
    this.#key0 = rng.word()
    this.#key1 = rng.word()
    this.#c2 = rng.word()
    this.#c3 = rng.word()
  }

  /** Moves to the first word of `position`. */
  at(position: number): this {
    this.#low = position >>> 0
    this.#high = Math.floor(position / TWO_POW_32)
    this.#next = 0
    this.#used = 4
    return this
  }

  /**
   * The next word of the position. 8192 of them differ in place, then they come round; no rejection loop gets that far
   * (each turn of one is left with odds of at least a half).
   */
  word(): number {
    if (this.#used === 4) {
      const c1 = this.#high | (this.#next << 21)
      Philox.block(this.#low, c1, this.#c2, this.#c3, this.#key0, this.#key1, this.#block, 0)
      this.#next++
      this.#used = 0
    }
    return this.#block[this.#used++] as number
  }

  /** Uniform in [0, 1) with 53 bits. */
  double(): number {
    const high = this.word() >>> 5
    return (high * 67108864 + (this.word() >>> 6)) * TWO_POW_MINUS_53
  }
}
