/**
 * Finds the segment that a position is in, where segments of any size follow one another.
 *
 * @since 0.1.0
 */

/** A table of 16 KB at most. */
const MOST = 4096

/** So many parts of equal size a segment: most of them lie in one segment. */
const PARTS = 4

/**
 * Returns what returns the number of the last of `starts`, behind which the end stands, that is at most `position`: 0 if there
 * is none. Positions are cut into parts of equal size, and a table says which segments each part meets: in a random order a
 * search among all of them takes longer, since it goes another way each time.
 *
 * @since 0.1.0
 */
export const segmentIn = (starts: Float64Array): ((position: number) => number) => {
  const last = starts.length - 2
  const parts = Math.max(1, Math.min(MOST, PARTS * (last + 1)))
  const scale = parts / Math.max(1, starts[last + 1] ?? 1)
  /** The last segment that begins before each part, and behind them the last one that begins before the end. */
  const before = new Uint32Array(parts + 1)
  for (let segment = 1; segment <= last; segment++) {
    const part = Math.floor((starts[segment] as number) * scale) // up to `last`
    if (part < parts) before[part + 1] = segment
  }
  for (let part = 1; part <= parts; part++) {
    before[part] = Math.max(before[part] as number, before[part - 1] as number) // up to `parts`
  }
  return (position) => {
    const part = Math.floor(position * scale)
    let low = before[part] ?? 0
    let high = part < parts ? (before[part + 1] ?? last) : last
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if ((starts[middle] as number) <= position)
        low = middle // between 0 and `last`
      else high = middle - 1
    }
    return low
  }
}
