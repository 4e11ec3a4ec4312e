/**
 * What cursors of all versions have in common: the kinds of their fields, the fingerprints of a run, the checksum.
 *
 * @since 0.1.0
 */
import { sha256 } from "../../core/runtime.ts"
import { matching, otherThan, type RecordOf, string, wholeBetween } from "../../core/SchemaValue.ts"
import { hex } from "../plan/Digest.ts"

/** @since 0.1.0 */
export const Count = wholeBetween(0, Number.MAX_SAFE_INTEGER)

/** @since 0.1.0 */
export const Hex = matching(/^[0-9a-f]{64}$/)

/** What schemas lose of a record. @since 0.1.0 */
export const LOST_KEY = "__proto__"

/** The name of a source. @since 0.1.0 */
export const SourceName = otherThan(LOST_KEY)

/** What a run is, field by field. @since 0.1.0 */
export const fingerprints = {
  /** The stages, with their names and parameters, in a line each; hashed where they are long. */
  pipeline: string,
  /** The dataset's name, size, content and views. */
  dataset: string,
  policy: string,
  seed: string,
  batch: string,
  workers: string,
  ranks: string
}

/** Returns the batch size in a fingerprint. @since 0.1.0 */
export const sizeOf = ({ batch }: RecordOf<typeof fingerprints>): number => Number.parseInt(batch, 10)

/** Returns the 16 digits by which a change to a cursor is noticed. @since 0.1.0 */
export const checksum = ({ checksum: _, ...rest }: { readonly checksum: string }): string =>
  hex(sha256(JSON.stringify(rest))).slice(0, 16)
