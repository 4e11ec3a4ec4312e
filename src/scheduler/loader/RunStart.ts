/**
 * Where a run begins and ends: at the start of its epochs, or where a cursor stands.
 *
 * @since 0.1.0
 */

import * as Digest from "../plan/Digest.ts"
import type { RunPlan } from "../plan/RunPlan.ts"
import { Sequence } from "../plan/Sequence.ts"
import type * as Cursor from "./Cursor.ts"
import * as CursorCheck from "./CursorCheck.ts"
import { Delivered } from "./Delivered.ts"
import { DigestChain } from "./DigestChain.ts"
import { type Range, resolve } from "./RunOptions.ts"

/** @since 0.1.0 */
export interface RunStart {
  readonly runPlan: RunPlan
  /** The cursor that the run continues from. */
  readonly from: Cursor.Cursor | undefined
  readonly range: Range
  /** The first epoch that the counts of the cursor are of; without a cursor, the run's first. */
  readonly countedFrom: number
  readonly sequence: Sequence
  /** The first sequence number that is to be built, and the one behind the last. */
  readonly first: number
  readonly end: number
  /** Sequence numbers between the two that are not to be built again. */
  readonly ahead: ReadonlySet<number>
  /** The digest where it continues. */
  readonly chain: DigestChain
  /** What the cursor counts as delivered; adds to the digest what is delivered from here on. */
  readonly delivered: Delivered
}

/**
 * The start of a run over the epochs that were asked for, from a cursor if there is one. Throws `InvalidOption` if the epochs
 * are not those of the cursor's run, or too many to be counted.
 *
 * @since 0.1.0
 */
export const make = (asked: Range | undefined, checked: CursorCheck.Checked | undefined, plain: RunPlan): RunStart => {
  const from = checked?.cursor
  const range = resolve(asked, from)
  // Beyond one epoch alone there are others, which runs of their own deliver.
  if (from !== undefined && range.start === 0) CursorCheck.within(from, plain, range.end)
  const countedFrom = from === undefined ? range.start : (from.start ?? 0)
  const runPlan = checked?.resized === undefined ? plain : plain.resized(checked.resized)
  const sequence = new Sequence(runPlan.plan.cuts)
  const end = sequence.start(range.end)
  const first = from === undefined ? sequence.of(range.start, 0) : sequence.of(from.epoch, from.batch)
  const early = (from?.ahead ?? []).map(([epoch, batch, hash]) => [sequence.of(epoch, batch), bytes(hash)] as const)
  const ahead = new Set(early.map(([own]) => own).filter((own) => own < end))
  const chain = new DigestChain(headOf(from, runPlan))
  const delivered = new Delivered(chain, { next: first, early })
  return { runPlan, from, range, countedFrom, sequence, first, end, ahead, chain, delivered }
}

const bytes = (hash: string | null): Uint8Array | undefined => (hash === null ? undefined : Digest.fromHex(hash))

/** The digest's hash so far; a rank that was another one starts a digest of its own. */
const headOf = (from: Cursor.Cursor | undefined, { plan }: RunPlan): Uint8Array =>
  (from?.fingerprints.ranks === `${plan.rank} of ${plan.world}` ? bytes(from.digest) : undefined) ?? new Uint8Array(32)
