/**
 * Cursors of version 1, which count batches, and what both versions have in common.
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

/** A cursor of version 1. @since 0.1.0 */
export const Version1 = Schema.Struct({
  version: Schema.Literal(1),
  /** The first batch, in the plan's order, that has not been taken. */
  epoch: Count,
  batch: Count,
  /** The epoch behind the last one of the run; the first cursors lack it. */
  end: Schema.optionalWith(Count, { exact: true }),
  /** Batches that were taken ahead of it, counted over all epochs. */
  ahead: Schema.Array(Schema.Tuple(Count, Schema.NullOr(Hex))),
  batches: Count,
  samples: Count,
  skipped: Count,
  digest: Schema.NullOr(Hex),
  fingerprints: Schema.Struct({
    ...Fingerprints.fields,
    /** The batch size, the number of batches, and that of samples of an epoch. */
    batch: Schema.String.pipe(Schema.pattern(/^[1-9]\d* samples, \d+ batches of \d+$/))
  }),
  checksum: Schema.String
}).annotations({ identifier: "Cursor" })

/** Returns the batch size that a fingerprint tells of. @since 0.1.0 */
export const sizeOf = ({ batch }: typeof Fingerprints.Type): number => Number.parseInt(batch, 10)

/** Returns the 16 digits by which a change to a cursor is noticed. @since 0.1.0 */
export const checksum = ({ checksum: _, ...rest }: { readonly checksum: string }): string =>
  hex(sha256(JSON.stringify(rest))).slice(0, 16)

/** Returns the cursor of version 2 that stands where one of version 1 does, with its fields in that version's order. @since 0.1.0 */
export const upgrade = (old: typeof Version1.Type) => {
  const { ahead, batch, batches, digest, end, epoch, fingerprints, samples, skipped } = old
  const size = sizeOf(fingerprints)
  const each = Number(/, (\d+) batches/.exec(fingerprints.batch)?.[1])
  const split = (sequence: number, hash: string | null): readonly [number, number, string | null] => [
    Math.floor(sequence / each),
    sequence % each,
    hash
  ]
  const open = {
    version: 2 as const,
    epoch,
    position: batch * size,
    batch,
    ...(end === undefined ? {} : { end }),
    ahead: ahead.map(([sequence, hash]) => split(sequence, hash)),
    batches,
    samples,
    skipped,
    digest,
    fingerprints,
    checksum: ""
  }
  return { ...open, checksum: checksum(open) }
}
