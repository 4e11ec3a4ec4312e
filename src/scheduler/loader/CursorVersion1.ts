/**
 * Cursors of version 1, which count batches: read, and never written.
 *
 * @since 0.1.0
 */
import { array, literal, matching, nullOr, optional, string, struct, tuple } from "../../core/SchemaValue.ts"
import { Count, checksum, fingerprints as fields, Hex, sizeOf } from "./CursorFields.ts"

/** A cursor of version 1. @since 0.1.0 */
export const Version1 = struct(
  {
    version: literal(1),
    /** The first batch, in the plan's order, that has not been taken. */
    epoch: Count,
    batch: Count,
    /** The epoch behind the last one of the run; the first cursors lack it. */
    end: optional(Count),
    /** Batches that were taken ahead of it, counted over all epochs. */
    ahead: array(tuple(Count, nullOr(Hex))),
    batches: Count,
    samples: Count,
    skipped: Count,
    digest: nullOr(Hex),
    fingerprints: struct({
      ...fields,
      /** The batch size, the number of batches, and that of samples of an epoch. */
      batch: matching(/^[1-9]\d* samples, \d+ batches of \d+$/)
    }),
    checksum: string
  },
  "Cursor"
)

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
