/**
 * What can be wrong with a checkpoint, or with the place where checkpoints are kept.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"

/**
 * What is wrong, in a word:
 *
 * - `empty`: nothing is in it; `foreign`: it is something else; `truncated`: its end is missing;
 *   `damaged`: bytes of it were changed; `content`: it is whole, but holds what this library cannot have written
 * - `newer`: a later version of the library wrote it
 * - `cursor`: what was to be saved is no cursor, or one of another rank; `state`: the trainer's part cannot be stored
 * - `ranks`: there is no step that all ranks have kept
 * - `locked`: another process writes to the folder
 * - `full`: no space is left; `denied`: reading or writing is not allowed; `missing`: it is no longer there;
 *   `io`: the store failed in another way
 *
 * @category models
 * @since 0.1.0
 */
export type Kind =
  | "empty"
  | "foreign"
  | "truncated"
  | "damaged"
  | "content"
  | "newer"
  | "cursor"
  | "state"
  | "ranks"
  | "locked"
  | "full"
  | "denied"
  | "missing"
  | "io"

/**
 * A checkpoint cannot be read or written. Whatever is there is left as it is.
 *
 * @category errors
 * @since 0.1.0
 */
export class CheckpointError extends Data.TaggedError("CheckpointError")<{
  readonly kind: Kind
  /** The file or folder; in other stores, the key. */
  readonly path: string
  /** What is wrong with it. */
  readonly wrong: string
  /** The way out. */
  readonly remedy: string
}> {
  override get message(): string {
    return `${this.path} ${this.wrong}; ${this.remedy}`
  }
}

/** The kinds of what is left out when the newest valid checkpoint is looked for. */
const DAMAGED: ReadonlyArray<Kind> = ["empty", "foreign", "truncated", "damaged", "content"]

/** Whether an error is of the checkpoint itself, and an older one may do instead. */
export const isDamage = ({ kind }: CheckpointError): boolean => DAMAGED.includes(kind)
