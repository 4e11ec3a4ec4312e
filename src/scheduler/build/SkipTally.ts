/**
 * Counts samples that were left out, or reads that failed, by what was wrong with them, and says which are worth a line of a
 * log: a block that cannot be read has as many bad samples as rows, and all of them have one reason.
 *
 * @since 0.1.0
 */
import { shown } from "../../core/Show.ts"
import type { Skipped } from "./Retry.ts"

/** How many reasons are remembered: the latest. */
const REASONS = 256

/** What went wrong; of a dataset whose error names the sample, what that is caused by. */
const reasonOf = ({ cause }: Skipped["error"]): string => {
  try {
    // By its tag: an error that comes from a thread is not an instance of the class here.
    const isOfSample = typeof cause === "object" && cause !== null && "_tag" in cause && cause._tag === "DatasetError"
    return shown(isOfSample && "cause" in cause ? cause.cause : cause)
  } catch {
    return shown(cause) // a Proxy of which nothing can be asked
  }
}

/** @since 0.1.0 */
export interface Counted {
  /** What was wrong, without the sample's coordinates. */
  readonly reason: string
  /** How many samples were left out for it by now. */
  readonly samples: number
  /** Whether it is the first time. */
  readonly isNew: boolean
}

/** @since 0.1.0 */
export class SkipTally {
  /** By reason, the latest last. */
  readonly #counts = new Map<string, number>()

  /** Counts what was left out. Returns what to say of it: at the first time, and at 10, 100, 1000 … samples. */
  count({ error, samples }: Pick<Skipped, "error" | "samples">): Counted | undefined {
    const reason = reasonOf(error)
    const before = this.#counts.get(reason) ?? 0
    const after = before + samples
    this.#counts.delete(reason)
    this.#counts.set(reason, after)
    if (this.#counts.size > REASONS) for (const oldest of this.#counts.keys()) if (this.#counts.delete(oldest)) break
    const isNew = before === 0
    return isNew || String(after).length > String(before).length ? { reason, samples: after, isNew } : undefined
  }
}
