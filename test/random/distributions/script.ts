/** Words that are written down instead of drawn, for the rare branches. */
import { Rng } from "../../../src/random/Rng.ts"

export class Script extends Rng {
  readonly seed = { algorithm: "script", words: [] }
  readonly #words: ReadonlyArray<number>
  used = 0

  constructor(words: ReadonlyArray<number>) {
    super()
    this.#words = words
  }

  word(): number {
    const word = this.#words[this.used++]
    if (word === undefined) throw new Error(`only ${this.#words.length} words were expected to be drawn`)
    return word
  }
}
