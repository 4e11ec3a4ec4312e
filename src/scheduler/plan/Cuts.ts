/**
 * Where the batches of an epoch begin and end. Four cases: batches of one size and a known number of them, which is
 * arithmetic; batches that the batch stage cuts itself, of varying size, whose number is known only at the epoch's end;
 * an epoch of a stream, whose end is found on the way; an epoch that continues with another batch
 * size, or among other workers or ranks.
 *
 * @since 0.1.0
 */
import { whole } from "../../core/Check.ts"
import { InvalidOption } from "../../core/InvalidOption.ts"
import type { Cut, EpochCuts } from "../../pipeline/BatchCuts.ts"

/** Where the batches of an epoch are counted from. @since 0.1.0 */
export interface Origin {
  /** The number of the first batch. */
  readonly batch: number
  /** Its first position. */
  readonly position: number
  /** No worker has had this ordinal, nor any above it, before the batch from which ordinals are counted. */
  readonly ordinal: number
  /** The batch from which ordinals are counted, if the epoch's first batches had other workers or ranks; default `batch`. */
  readonly numberedFrom?: number
}

/** The origin of an epoch that is delivered from its start. @since 0.1.0 */
export const START: Origin = { batch: 0, position: 0, ordinal: 0 }

/** The batches of all epochs of a run. Batches of an epoch are numbered without gaps. @since 0.1.0 */
export interface Cuts {
  /** How many batches each epoch has; `undefined` if epochs differ, or if the end is known only once it is reached. */
  readonly batches: number | undefined
  /** Whether they are arithmetic, so that an epoch's end is known before it is reached. */
  readonly isCounted: boolean
  /** Where an epoch is counted from. */
  readonly origin: (epoch: number) => Origin
  /** Returns the positions of a batch; `undefined` if the epoch ends before it. */
  readonly at: (epoch: number, batch: number) => Cut | undefined
  /** Returns the number of the batch that has a position. */
  readonly batchAt: (epoch: number, position: number) => number
}

/** Batches of `size` positions from 0 to `count`: `batches` of them, of which the last may be short. @since 0.1.0 */
export const uniform = (size: number, batches: number, count: number): Cuts => ({
  batches,
  isCounted: true,
  origin: () => START,
  at: (_, batch) => {
    if (batch >= batches) return undefined
    const position = batch * size
    return { position, size: Math.min(size, count - position) }
  },
  batchAt: (_, position) => Math.floor(position / size)
})

/**
 * Batches of `size` positions of a stream: as many as were declared, or without an end, as that of an epoch is found where its
 * stream ends.
 *
 * @since 0.1.0
 */
export const ofStream = (
  size: number,
  steps: number | undefined,
  resized?: { readonly epoch: number; readonly origin: Origin }
): Cuts => {
  const origin = (epoch: number): Origin => (epoch === resized?.epoch ? resized.origin : START)
  return {
    batches: steps,
    isCounted: steps !== undefined,
    origin,
    at: (epoch, batch) => {
      if (steps !== undefined && batch >= steps) return undefined
      const { batch: first, position } = origin(epoch)
      return { position: position + (batch - first) * size, size }
    },
    batchAt: (epoch, position) => {
      const { batch, position: first } = origin(epoch)
      return batch + Math.floor((position - first) / size)
    }
  }
}

/** Batches as the batch stage cuts each epoch; `cut` is called once for each epoch that is asked for. @since 0.1.0 */
export const byStage = (
  most: number,
  cut: (epoch: number, origin: Origin) => EpochCuts,
  resized?: { readonly epoch: number; readonly origin: Origin }
): Cuts => {
  const known = new Map<number, EpochCuts>()
  const origin = (epoch: number): Origin => (epoch === resized?.epoch ? resized.origin : START)
  const of = (epoch: number): EpochCuts => {
    const before = known.get(epoch)
    if (before !== undefined) return before
    const made = cut(epoch, origin(epoch))
    known.set(epoch, made)
    for (const oldest of known.keys()) {
      if (known.size <= KEPT) break
      known.delete(oldest)
    }
    return made
  }
  const at = (epoch: number, batch: number): Cut | undefined => {
    const own = of(epoch).at(batch - origin(epoch).batch)
    if (own === undefined) return undefined
    whole(`the size of batch ${batch} of epoch ${epoch}`, own.size, 1, most)
    return own
  }
  return {
    batches: undefined,
    isCounted: false,
    origin,
    at,
    batchAt: (epoch, position) => {
      for (let batch = origin(epoch).batch; ; batch++) {
        const own = at(epoch, batch)
        if (own === undefined) {
          throw new InvalidOption({ option: "position", value: position, expected: `one of the ${batch} batches' own` })
        }
        if (position < own.position + own.size) return batch
      }
    }
  }
}

/** How many epochs' cuts are kept: workers are at different epochs, and batches are verified. */
const KEPT = 64

/** The same batches, with the ordinals of one epoch counted from `origin`. @since 0.1.0 */
export const renumbered = (whole: Cuts, epoch: number, origin: Origin): Cuts => ({
  ...whole,
  origin: (own) => (own === epoch ? origin : START)
})

/** As `whole`, except that one epoch continues from `origin` on: with `rest`, whose batches are numbered from 0. @since 0.1.0 */
export const resized = (whole: Cuts, epoch: number, origin: Origin, rest: Cuts): Cuts => ({
  batches: undefined,
  isCounted: true,
  origin: (own) => (own === epoch ? origin : START),
  at: (own, batch) => {
    if (own !== epoch) return whole.at(own, batch)
    const cut = rest.at(own, batch - origin.batch)
    return cut === undefined ? undefined : { position: origin.position + cut.position, size: cut.size }
  },
  batchAt: (own, position) =>
    own === epoch ? origin.batch + rest.batchAt(own, position - origin.position) : whole.batchAt(own, position)
})
