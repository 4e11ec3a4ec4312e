/**
 * What shared memory remembers of a block that was dropped: with rows left, how many blocks had been decoded by then.
 *
 * @since 0.1.0
 */

/** Counts wrap around here, so that a mark fits into 32 bits. */
const COUNTED = 2 ** 30

/** The mark of a block that was dropped once all of its rows had been given. @since 0.1.0 */
export const FINISHED = -(2 ** 31)

/** The mark of one that is dropped now with rows left, below 0. @since 0.1.0 */
export const droppedMark = (decoded: number): number => -1 - (decoded % COUNTED)

/**
 * Whether a block with this mark was dropped with rows left in this epoch: behind half of all `blocks` that were ever decoded it is
 * the next epoch that asks for it, since others may read the rest of each block.
 *
 * @since 0.1.0
 */
export const isSameEpoch = (mark: number, decoded: number, blocks: number): boolean => {
  if (mark >= 0 || mark === FINISHED) return false
  const since = (decoded % COUNTED) - (-1 - mark)
  return (since < 0 ? since + COUNTED : since) <= blocks / 2
}
