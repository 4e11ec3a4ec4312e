/**
 * What cursors of all versions have in common: the kinds of their fields, the fingerprints of a run, the checksum.
 *
 * @since 0.1.0
 */
import * as Schema from "@effect/schema/Schema"
import { sha256 } from "../../core/runtime.ts"
import { hex } from "../plan/Digest.ts"

/** @since 0.1.0 */
export const Count = Schema.Number.pipe(Schema.int(), Schema.between(0, Number.MAX_SAFE_INTEGER))

/** @since 0.1.0 */
export const Hex = Schema.String.pipe(Schema.pattern(/^[0-9a-f]{64}$/))

/** What a run is. @since 0.1.0 */
export const Fingerprints = Schema.Struct({
  /** The stages, with their names and parameters, in a line each; hashed where they are long. */
  pipeline: Schema.String,
  /** The dataset's name, size, content and views. */
  dataset: Schema.String,
  policy: Schema.String,
  seed: Schema.String,
  batch: Schema.String,
  workers: Schema.String,
  ranks: Schema.String
})

/** Returns the batch size that a fingerprint tells of. @since 0.1.0 */
export const sizeOf = ({ batch }: typeof Fingerprints.Type): number => Number.parseInt(batch, 10)

/** Returns the 16 digits by which a change to a cursor is noticed. @since 0.1.0 */
export const checksum = ({ checksum: _, ...rest }: { readonly checksum: string }): string =>
  hex(sha256(JSON.stringify(rest))).slice(0, 16)
