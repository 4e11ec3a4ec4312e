/**
 * Where a stream source stands, as the text that a cursor holds.
 *
 * @since 0.1.0
 */

/** Where one of the shards that are read at once stands. @since 0.1.0 */
export interface SlotState {
  /** The number of the shard; beyond the last one if this slot has none left. */
  readonly shard: number
  /** How many of its rows were read. */
  readonly rows: number
  /** Where it can be continued; `null` if it has to be read again. */
  readonly offset: string | null
}

/** Where a source stands. @since 0.1.0 */
export interface Checkpoint {
  /** How many rows of all shards were read. */
  readonly row: number
  /** The slot whose turn it is. */
  readonly turn: number
  readonly slots: ReadonlyArray<SlotState>
}

/** @since 0.1.0 */
export const encode = ({ row, slots, turn }: Checkpoint): string =>
  JSON.stringify([row, turn, slots.map(({ offset, rows, shard }) => [shard, rows, offset])])

const isCount = (value: unknown): value is number =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0

/** Returns what {@link encode} has made a text of; `undefined` for another text. @since 0.1.0 */
export const decode = (text: string): Checkpoint | undefined => {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!Array.isArray(value)) return undefined
  const [row, turn, list]: ReadonlyArray<unknown> = value
  if (!(isCount(row) && isCount(turn) && Array.isArray(list) && turn < list.length)) return undefined
  const slots: Array<SlotState> = []
  for (const own of list) {
    if (!Array.isArray(own)) return undefined
    const [shard, rows, offset]: ReadonlyArray<unknown> = own
    if (!(isCount(shard) && isCount(rows) && (offset === null || typeof offset === "string"))) return undefined
    slots.push({ shard, rows, offset })
  }
  return { row, turn, slots }
}

/** How many checkpoints of an epoch are kept before the first window that is still read: batches wait for the consumer. */
const KEPT = 64

/**
 * The checkpoints of a run, by epoch and window: a cursor takes one, and a source that has to be read again starts at one.
 *
 * @since 0.1.0
 */
export class Checkpoints {
  readonly #known = new Map<number, Map<number, Checkpoint>>()

  /** Keeps where the source stood before a window. */
  add(epoch: number, window: number, checkpoint: Checkpoint): void {
    const own = this.#known.get(epoch) ?? new Map<number, Checkpoint>()
    this.#known.set(epoch, own)
    own.set(window, checkpoint)
  }

  /** Returns the last one before the first row of a window of `size` rows, or at it. */
  best(epoch: number, window: number, size: number): Checkpoint | undefined {
    let best: Checkpoint | undefined
    for (const own of this.#known.get(epoch)?.values() ?? []) {
      if (own.row <= window * size && (best === undefined || own.row > best.row)) best = own
    }
    return best
  }

  /** Drops those that no batch from a window of an epoch on needs; batches before it may still wait for the consumer. */
  keepFrom(epoch: number, window: number, waiting: number): void {
    for (const own of this.#known.keys()) if (own < epoch - 1) this.#known.delete(own)
    const all = this.#known.get(epoch)
    for (const own of all?.keys() ?? []) {
      if (all === undefined || own >= window - waiting - KEPT) break
      all.delete(own)
    }
  }
}
