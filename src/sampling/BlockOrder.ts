/**
 * Blocks in a random order, and where each begins in it.
 *
 * @since 0.1.0
 */
import { segmentIn } from "../core/Segments.ts"
import * as Permutation from "../random/Permutation.ts"
import type { Rng } from "../random/Rng.ts"

/** @since 0.1.0 */
export interface BlockOrder {
  /** How many rows all blocks have. */
  readonly size: number
  /** How many blocks there are. */
  readonly count: number
  /** The position of the first row of the block at a place from 0 to `count`; at `count` the size. */
  readonly startOf: (place: number) => number
  /** The place of the block that a position lies in. */
  readonly placeAt: (position: number) => number
  /** The dataset index at a position, where each block has its rows in their order. */
  readonly indexAt: (position: number) => number
}

/**
 * The blocks that begin at `starts`, behind which the size stands; or, without these, blocks of `rows` rows, of which the
 * last may have fewer.
 *
 * @since 0.1.0
 */
export const make = (size: number, starts: Float64Array | undefined, rows: number, rng: Rng): BlockOrder => {
  const own = starts === undefined ? rows : equalRows(starts)
  if (own !== undefined) return ofEqual(size, own, rng)
  return ofAny(starts ?? new Float64Array(1), rng)
}

/** How many rows each block has but the last, which may have fewer; `undefined` if they differ. */
const equalRows = (starts: Float64Array): number | undefined => {
  const rows = starts[1] ?? 1
  const last = starts.length - 1
  for (let block = 2; block < last; block++) {
    if (starts[block] !== block * rows) return undefined
  }
  const size = starts[last] ?? 0
  return size - (last - 1) * rows <= rows ? rows : undefined
}

/** O(1) a position. */
const ofEqual = (size: number, rows: number, rng: Rng): BlockOrder => {
  const count = Math.ceil(size / rows)
  const order = Permutation.make(count, rng)
  // Where the last block is, and how many rows it has fewer.
  const lastAt = count === 0 ? 0 : order.positionOf(count - 1)
  const fewer = count * rows - size
  const startOf = (place: number): number => place * rows - (place > lastAt ? fewer : 0)
  const placeAt = (position: number): number =>
    Math.floor((position >= startOf(lastAt + 1) ? position + fewer : position) / rows)
  return {
    size,
    count,
    startOf,
    placeAt,
    indexAt: (position) => {
      const place = placeAt(position)
      return order.at(place) * rows + position - startOf(place)
    }
  }
}

/** O(log blocks) a position; O(1) where blocks are of about one size. */
const ofAny = (starts: Float64Array, rng: Rng): BlockOrder => {
  const count = starts.length - 1
  const order = Permutation.make(count, rng)
  const places = new Float64Array(count + 1)
  /** How far the index of a row in the block at a place is behind its position. */
  const shifts = new Float64Array(count)
  for (let place = 0; place < count; place++) {
    const block = order.at(place)
    const first = starts[block] as number // both ends of a block are there, here and below
    shifts[place] = first - (places[place] as number)
    places[place + 1] = (places[place] as number) + (starts[block + 1] as number) - first
  }
  const placeAt = segmentIn(places)
  return {
    size: places[count] as number, // the last
    count,
    startOf: (place) => places[place] as number, // up to `count`
    placeAt,
    indexAt: (position) => position + (shifts[placeAt(position)] as number) // a place that there is
  }
}
