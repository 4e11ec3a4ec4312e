/**
 * Philox4x32-10 as a generator of its own: the blocks at counter, counter + 1, … under the key, word by word. Slower
 * than xoshiro128** at drawing, but it can start anywhere in its row.
 *
 * @since 0.1.0
 */
import { InvalidOption } from "../../core/InvalidOption.ts"
import type { Seed } from "../Seed.ts"
import { Rng, registered } from "./Generator.ts"
import { block } from "./Philox.ts"

/** The name by which a {@link Seed} asks for this generator. @since 0.1.0 */
export const algorithm = /* @__PURE__ */ registered("philox4x32-10", (seed) => new Philox4x32(seed.words))

/**
 * The words of a seed are the key (2 words), then, if it does not start at 0, the counter (4 words, lowest first).
 *
 * @since 0.1.0
 */
export class Philox4x32 extends Rng {
  readonly seed: Seed
  readonly #key: readonly [number, number]
  readonly #counter: Uint32Array
  readonly #block = new Uint32Array(4)
  #used = 4

  constructor(words: ReadonlyArray<number>) {
    super()
    if (words.length !== 2 && words.length !== 6) {
      throw new InvalidOption({
        option: `words of ${algorithm}`,
        value: words,
        expected: "two for the key, or six for key and counter"
      })
    }
    this.seed = { algorithm, words }
    this.#key = [words[0] ?? 0, words[1] ?? 0]
    this.#counter = Uint32Array.from({ length: 4 }, (_, index) => words[index + 2] ?? 0)
  }

  word(): number {
    const counter = this.#counter
    if (this.#used === 4) {
      const [c0 = 0, c1 = 0, c2 = 0, c3 = 0] = counter
      block(c0, c1, c2, c3, this.#key[0], this.#key[1], this.#block, 0)
      this.#used = 0
      // A typed array wraps at 2^32 by itself; a 0 after the increment is a carry into the next word.
      for (let index = 0; index < 4; index++) {
        const next = (counter[index] ?? 0) + 1
        counter[index] = next
        if (next < 2 ** 32) break
      }
    }
    return this.#block[this.#used++] as number
  }
}
