/**
 * What all views have in common. A view takes no memory to speak of and reads nothing when it is made; each sample is read
 * when it is asked for. One rule for the size: a view that has all samples of its dataset (`map`, `mapEffect`,
 * `withContent`) has its size, read each time; one that chooses or joins samples settles its size when it is made.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { concurrent } from "../../core/Concurrent.ts"
import type { Made } from "../../core/Parameters.ts"
import { effectful, readManyOrDie } from "../EffectDataset.ts"
import { type Parts, plain } from "../PlainDataset.ts"
import {
  type Content,
  check,
  type Dataset,
  type EachRead,
  gatherOf,
  getEachOf,
  isDataset,
  isPlain,
  knownContent,
  lineageAt,
  readAheadOf,
  readyOf
} from "../RandomAccess.ts"

/**
 * Tells, for `dual`, whether a view was given its dataset first. If not, `check` is called with the arguments, so that it
 * throws where they stand and not where the dataset comes in. Every view is `dual(datasetFirst(check), …)`.
 *
 * @since 0.1.0
 */
export const datasetFirst =
  (check: (...args: Array<never>) => unknown = () => undefined) =>
  (args: ArrayLike<unknown>): boolean => {
    if (isDataset(args[0])) return true
    check(...(Array.from(args) as Array<never>)) // as the caller gave them, who may not have types
    return false
  }

/** Returns its argument: the `place` of a view that has the samples of its dataset at their indices. @since 0.1.0 */
export const same = (index: number): number => index

/**
 * Returns the capabilities that a view passes on, whatever it makes of a sample: the one at `index` of the view is made of
 * the one at `place(index)` of `self`.
 *
 * @since 0.1.0
 */
export const passedOn = (self: Dataset<unknown, unknown, unknown>, place: (index: number) => number) => {
  const { batched, components, locations, readInWindows, reorderedBy } = self
  const { content } = knownContent(self)
  return {
    batched,
    // At other indices the blocks are others; the views that keep stretches of them say so themselves.
    blocks: place === same ? self.blocks : undefined,
    components,
    readAhead: aheadAt(self, place),
    content: typeof content === "function" ? (index: number) => content(place(index)) : content,
    lineage: (index: number) => lineageAt(self, place(index)),
    locate: locatedAt(self, place),
    locations,
    readInWindows: place === same ? readInWindows : undefined,
    reorderedBy
  } satisfies Partial<Parts>
}

/**
 * Takes each sample that was read through `apply`, up to `concurrency` at once; what that fails with is that sample's own.
 *
 * @since 0.1.0
 */
export const eachMapped = <A, E, B, E1, R1>(
  { failed, samples }: EachRead<A, E>,
  apply: (sample: A, row: number) => Effect.Effect<B, E1, R1>,
  concurrency = 1
): Effect.Effect<EachRead<B, E | E1>, never, R1> => {
  const own = new Map<number, E | E1>(failed)
  const rows = Array.from(samples.keys()).filter((row) => !failed.has(row))
  const mapped = new Array<B>(samples.length)
  const one = (row: number) =>
    Effect.match(apply(samples[row] as A, row), {
      // a row of the batch
      onFailure: (error) => void own.set(row, error),
      onSuccess: (sample) => {
        mapped[row] = sample
      }
    })
  return Effect.as(
    concurrent(
      rows.length,
      concurrency,
      (at) => one(rows[at] as number),
      (_, cause) => Exit.failCause(cause)
    ), // below the length
    { samples: mapped, failed: own }
  )
}

/** What finds the bytes of the samples of a view. */
const locatedAt = (self: Dataset<unknown, unknown, unknown>, place: (index: number) => number) => {
  const { locate } = self
  return locate && ((index: number) => locate(place(index)))
}

/** What reads the samples of a view ahead. */
const aheadAt = (
  self: Dataset<unknown, unknown, unknown>,
  place: (index: number) => number
): Dataset<unknown>["readAhead"] => {
  const ahead = readAheadOf(self)
  if (ahead === undefined || place === same) return ahead
  return Effect.map(ahead, ({ expect, narrow, ...others }) => ({
    ...others,
    expect: (index) => expect(place(index)),
    narrow: narrow && ((blocks, own) => narrow(blocks, (index) => place(own(index))))
  }))
}

/** @since 0.1.0 */
export interface PlacedParts {
  readonly name: string
  readonly made: Made
  readonly size: () => number
  /** Where in the dataset each sample of the view lies. */
  readonly place: (index: number) => number
  /** Default: the dataset's. */
  readonly content?: Content
  /** Where blocks begin. Default: the dataset's, if `place` is {@link same}. */
  readonly blocks?: Float64Array | undefined
  /** Whether samples that follow one another lie anywhere in the dataset. Default `false`. */
  readonly isReordered?: boolean | undefined
}

/** The blocks of the samples from `start` up to `end`, of which the first and the last may be cut. @since 0.1.0 */
export const blocksBetween = (
  { blocks }: Dataset<unknown, unknown, unknown>,
  start: number,
  end: number
): Float64Array | undefined => {
  if (blocks === undefined || start === end) return undefined
  const inside = blocks.filter((own) => own > start && own < end)
  const own = new Float64Array(inside.length + 2)
  for (const [place, first] of inside.entries()) own[place + 1] = first - start
  own[own.length - 1] = end - start
  return own
}

/** The blocks of the samples at ascending indices: those parts of the dataset's that have any. @since 0.1.0 */
export const blocksAmong = (
  { blocks }: Dataset<unknown, unknown, unknown>,
  indices: Uint32Array | Float64Array
): Float64Array | undefined => {
  if (blocks === undefined || indices.length === 0) return undefined
  const starts: Array<number> = []
  let block = 0
  for (let at = 0; at < indices.length; at++) {
    const index = indices[at] as number // below the length
    if (at > 0 && index < (blocks[block + 1] as number)) continue // every index lies before the end of the last block
    while (index >= (blocks[block + 1] as number)) block++ // as above
    starts.push(at)
  }
  starts.push(indices.length)
  return Float64Array.from(starts)
}

/** Where the samples of a view lie in its dataset; `undefined` if the view does not have one of them. */
const placesOf = (indices: ArrayLike<number>, { place, size }: PlacedParts): Float64Array | undefined => {
  const end = size()
  const places = new Float64Array(indices.length)
  for (let at = 0; at < places.length; at++) {
    const index = indices[at] as number // below the length
    if (!(index >= 0 && index < end && Number.isInteger(index))) return undefined
    places[at] = place(index)
  }
  return places
}

/** The samples of a view that are ready. */
const readyAt = <A>(self: Dataset<A, unknown, unknown>, parts: PlacedParts): Dataset<A>["ready"] => {
  const ready = readyOf(self)
  if (ready === undefined) return undefined
  return (indices) => {
    const places = placesOf(indices, parts)
    return places === undefined ? undefined : ready(places)
  }
}

/** The samples of a view as rows of its dataset's columns. Those that the view does not have are left to its `getMany`. */
const gatherAt = <A, E, R>(self: Dataset<A, E, R>, parts: PlacedParts): Dataset<A, E, R>["gather"] => {
  const gather = gatherOf(self)
  if (gather === undefined) return undefined
  const told = telling(self, parts)
  return (indices, arrays) => {
    const places = placesOf(indices, parts)
    told()
    return places === undefined ? undefined : gather(places, arrays)
  }
}

/** Tells the dataset of a view in an order of its own that samples are read for this. */
const telling =
  ({ reorderedBy }: Dataset<unknown, unknown, unknown>, { isReordered, name }: PlacedParts) =>
  (): void => {
    if (isReordered === true) reorderedBy?.(name)
  }

/** Returns the view of samples as they are, at other indices. @since 0.1.0 */
export const placed = <A, E, R>(self: Dataset<A, E, R>, all: PlacedParts): Dataset<A, E, R> => {
  const { isReordered: _, place, ...own } = all
  const passed = passedOn(self, place)
  const parts = {
    ...passed,
    ...own,
    // The blocks of a view are parts of the dataset's, each of which is read and kept as a whole.
    readInWindows: own.blocks === undefined ? passed.readInWindows : self.readInWindows
  }
  const { columnar } = self
  const columns = columnar && { fields: columnar.fields, place: (index: number) => columnar.place(place(index)) }
  if (!isPlain(self)) {
    const getEach = getEachOf(self)
    const told = telling(self, all)
    const placesIn = (indices: ReadonlyArray<number>): Array<number> => {
      told()
      return indices.map(place)
    }
    return effectful<A, E, R>({
      ...parts,
      columnar: columns,
      ready: readyAt(self, all),
      gather: gatherAt(self, all),
      get: (index) => self.get(place(index)),
      getMany: (indices) => readManyOrDie(self, placesIn(indices)),
      getEach: getEach && ((indices, after) => getEach(placesIn(indices), after))
    })
  }
  const { name, size } = own
  return plain<A, E>({
    ...parts,
    columnar: columns,
    read: (index) => {
      check(name, index, size())
      return self.read(place(index))
    }
  })
}
