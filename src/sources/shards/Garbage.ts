/**
 * The garbage that rows become. Bun's engine lets garbage pile up to twice the memory that is in use, and blocks that are kept
 * are in use: beside a window of 20 MB of them and Furrow's own 20 MB, 80 MB of rows. It is asked to collect earlier, beside the
 * program. V8 collects young garbage by itself at each 32 MB, and offers nothing of the kind.
 *
 * @since 0.1.0
 */
import { collectSoon } from "../../core/runtime.ts"

/** Rows of so many bytes are given before garbage is collected, and of a seventh of what is kept if that is more. */
const LEAST = 3 * 2 ** 20
const SHARE = 1 / 7

/** @since 0.1.0 */
export class Garbage {
  readonly #kept: () => number
  readonly #collect: (() => void) | undefined
  #given = 0
  #most = LEAST

  /** `kept` returns how many bytes of blocks are kept; `collect` asks for a collection, if anything can. */
  constructor(kept: () => number, collect: (() => void) | undefined = collectSoon) {
    this.#kept = kept
    this.#collect = collect
  }

  /** Counts bytes of rows that were given. */
  given(bytes: number): void {
    this.#given += bytes
    if (this.#given < this.#most) return
    this.#most = Math.max(LEAST, SHARE * this.#kept())
    if (this.#given < this.#most) return
    this.#given = 0
    this.#collect?.()
  }
}
