/**
 * What goes wrong while images are decoded. In a run these are the `failure` of a `StageError`, which names the sample.
 *
 * @since 0.1.0
 */

import * as Data from "effect/Data"
import { executableAdvice } from "../../core/Install.ts"
import { plural } from "../../core/Plural.ts"
import { shown } from "../../core/Show.ts"
import type { Format } from "./Format.ts"

/**
 * Bytes that are no image, or none that can be decoded to the last pixel that is asked for.
 *
 * @category errors
 * @since 0.1.0
 */
export class DecodeError extends Data.TaggedError("DecodeError")<{
  /** What the first bytes say that it is; `undefined` where they say nothing that is known. */
  readonly format: Format | undefined
  /** How many bytes there are. */
  readonly bytes: number
  /** What is wrong, and the way out where there is one. */
  readonly reason: string
  /** What the decoder threw, if it did. */
  readonly cause?: unknown
}> {
  override get message(): string {
    const what =
      this.format === undefined ? plural(this.bytes, "byte") : `${this.format} image of ${plural(this.bytes, "byte")}`
    return `${what} cannot be decoded: ${this.reason}`
  }
}

/**
 * The package `sharp` is not installed, or has no binary for this machine.
 *
 * @category errors
 * @since 0.1.0
 */
export class DecoderMissing extends Data.TaggedError("DecoderMissing")<{
  /** The command that installs it. */
  readonly command: string
  /** Why it could not be loaded. */
  readonly cause: unknown
}> {
  override get message(): string {
    const [why] = shown(this.cause).split("\n")
    // Of Deno: it is there, and may not be loaded.
    const isDenied = this.cause instanceof Error && this.cause.name === "NotCapable"
    const way = isDenied
      ? "give Deno --allow-read --allow-env --allow-ffi"
      : `run \`${this.command}\`${executableAdvice}`
    return `images are decoded by the package sharp, which could not be loaded; ${way} (${why})`
  }
}
