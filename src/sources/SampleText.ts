/**
 * A sample in the words of errors.
 *
 * @since 0.1.0
 */
import { format } from "./Lineage.ts"
import type { Lineage } from "./RandomAccess.ts"

/** The index of a sample, and where it came from if that says more: `sample 7, row 7 of data/a.jsonl`. @since 0.1.0 */
export const sampleText = (sample: number, known: Lineage | undefined): string =>
  `sample ${sample}${known?.shard === undefined ? "" : `, ${format(known)}`}`
