/**
 * The garbage that rows become. Bun's engine lets garbage pile up to twice the memory that is in use, and blocks that are kept
 * are in use: beside a window of 20 MB of them and Furrow's own 20 MB, 80 MB of rows. It is asked to collect earlier, beside the
 * program, once the process has grown: a collection looks at all that is in use, and one after each 3 MiB of rows takes as long
 * as half of their parsing, or as all of it in a large program. V8 collects young garbage by itself at each 32 MB, and offers
 * nothing of the kind.
 *
 * @since 0.1.0
 */
import { collectSoon, resident } from "../../core/runtime.ts"

/** Rows of so many bytes are given before garbage is collected, and of a seventh of what is kept if that is more. */
const LEAST = 3 * 2 ** 20
const SHARE = 1 / 7

/**
 * By how many bytes the process may grow before garbage is collected: by 24 MiB beyond what is kept, and by 40 MiB in any case. A
 * heap that has grown once stays as large.
 */
const growth = (kept: number): number => Math.max(40 * MB, kept + 24 * MB)

const MB = 2 ** 20

/** @since 0.1.0 */
export interface Engine {
  /** Asks for a collection. */
  readonly collect: () => void
  /** How many bytes the process takes. */
  readonly resident: () => number
}

const ofRuntime: Engine | undefined = collectSoon && { collect: collectSoon, resident }

/** @since 0.1.0 */
export class Garbage {
  readonly #kept: () => number
  readonly #engine: Engine | undefined
  #given = 0
  #most = LEAST
  /** What the process took when the run began. */
  #before: number

  /** `kept` returns how many bytes of blocks are kept; without an engine there is nothing that could be asked. */
  constructor(kept: () => number, engine: Engine | undefined = ofRuntime) {
    this.#kept = kept
    this.#engine = engine
    this.#before = engine?.resident() ?? 0
  }

  /** A run begins. */
  begin(): void {
    this.#before = this.#engine?.resident() ?? 0
  }

  /** Counts bytes of rows that were given. */
  given(bytes: number): void {
    this.#given += bytes
    if (this.#given < this.#most || this.#engine === undefined) return
    const kept = this.#kept()
    this.#most = Math.max(LEAST, SHARE * kept)
    if (this.#given < this.#most) return
    this.#given = 0
    if (this.#engine.resident() - this.#before >= growth(kept)) this.#engine.collect()
  }
}
