/**
 * A dataset divided into parts: training, validation, test.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import { dual } from "effect/Function"
import { InvalidOption } from "../../core/InvalidOption.ts"
import { isOptions, optionsOf, setField, truth } from "../../core/Options.ts"
import { Made } from "../../core/Parameters.ts"
import * as Permutation from "../../random/Permutation.ts"
import * as Rng from "../../random/Rng.ts"
import * as Seed from "../../random/Seed.ts"
import { type Dataset, datasetOf, madeOf } from "../RandomAccess.ts"
import { blocksAmong, blocksBetween, datasetFirst, placed } from "./View.ts"

/** How a dataset is split. @category options @since 0.1.0 */
export interface SplitOptions {
  /** Which samples go where is drawn from this. Without it the parts are cut in the dataset's order. */
  readonly seed?: Seed.RootInput
  /**
   * Whether the parts that a seed draws keep the dataset's order, so that samples of one block stay together. It takes 4 bytes a
   * sample, of at most 2^32. Default `false`: each part stands in the order that was drawn, which takes no memory.
   */
  readonly keepOrder?: boolean
}

/**
 * The parts of a dataset: every sample in exactly one.
 *
 * Parts are given as sizes (whole numbers that add up to the dataset's size) or as shares (numbers of at least 0 that
 * add up to 1). With shares, the first k parts together have their share of the samples, rounded to the nearest whole
 * number, halves up: no part is off by a whole sample, and the sizes add up.
 *
 * Parts follow one another as JavaScript orders the record's keys: names in the order in which they were written, but
 * whole numbers (`{ 0: …, 1: … }`) first, the smallest first.
 *
 * With a seed the parts are drawn by one permutation of the dataset (see `Permutation`), which depends on the seed and
 * the dataset's size alone: each part stands in the permuted order, and the same seed gives the same parts on every
 * machine. The draw is apart from all that a run of the same seed draws. In that order the samples of a block lie apart; of
 * shards that do not fit into memory, give `keepOrder: true` as well: the parts have the same samples, in the dataset's order,
 * and its blocks, so that `Sampler.shuffleBlocks` and reading in sequence read each block once.
 *
 * Throws `InvalidOption` if the parts do not add up, if the seed is invalid, or if `keepOrder` is asked of more than 2^32 samples.
 *
 * @example
 * import { Dataset } from "furrow"
 *
 * const { test, train } = Dataset.range(10_000).pipe(Dataset.split({ train: 0.8, test: 0.2 }, { seed: 42 }))
 * console.assert(train.size === 8000 && test.size === 2000)
 *
 * @category views
 * @since 0.1.0
 */
export const split: {
  <const P extends Readonly<Record<string, number>>>(
    parts: P,
    options?: SplitOptions
  ): <A, E, R>(self: Dataset<A, E, R>) => { readonly [K in keyof P]: Dataset<A, E, R> }
  <A, E, R, const P extends Readonly<Record<string, number>>>(
    self: Dataset<A, E, R>,
    parts: P,
    options?: SplitOptions
  ): { readonly [K in keyof P]: Dataset<A, E, R> }
} = dual(
  datasetFirst((_: never, options: SplitOptions = {}) => checkedOptions(options)),
  <A, E, R, const P extends Readonly<Record<string, number>>>(
    self: Dataset<A, E, R>,
    parts: P,
    options: SplitOptions = {}
  ): { readonly [K in keyof P]: Dataset<A, E, R> } => {
    const { name, size } = datasetOf("the dataset to split", self)
    const { isKept } = checkedOptions(options)
    const ends = boundaries(parts, size)
    const root = options.seed === undefined ? undefined : rootOf(options.seed)
    const drawn = root === undefined ? undefined : permutation(size, root)
    // A drawn order is another one over another size.
    const order = isKept ? { keepOrder: true } : {}
    const draw = root === undefined ? {} : { seed: root.text, samples: size, ...order }
    const kept = isKept && drawn !== undefined ? keptOrders(drawn, size, ends) : undefined
    const views: Record<string, Dataset<A, E, R>> = {}
    let start = 0
    for (const [part, [key, end]] of ends.entries()) {
      const from = start
      const view = placed(self, {
        name: `${name}, ${key}`,
        made: new Made("split", { start: from, end, ...draw, of: madeOf(self) }),
        size: () => end - from,
        ...(drawn === undefined
          ? { blocks: blocksBetween(self, from, end), place: (index: number) => from + index }
          : (inOrder(self, kept?.[part]) ?? { isReordered: true, place: (index: number) => drawn.at(from + index) }))
      })
      setField(views, key, view)
      start = end
    }
    // `ends` has the keys of `parts`, each once.
    return views as { readonly [K in keyof P]: Dataset<A, E, R> }
  }
)

/** Indices of more samples than this do not fit into 4 bytes each. */
const MOST_KEPT = 2 ** 32

const checkedOptions = (options: SplitOptions): { readonly isKept: boolean } => {
  const { keepOrder = false } = optionsOf("Dataset.split", options, { seed: true, keepOrder: true })
  return { isKept: truth("keepOrder", keepOrder) }
}

/** The indices of the samples of each part, ascending. */
const keptOrders = (
  drawn: Permutation.Permutation,
  size: number,
  ends: ReadonlyArray<readonly [string, number]>
): ReadonlyArray<Uint32Array> => {
  if (size > MOST_KEPT) {
    const expected = `left out: it keeps 4 bytes a sample of at most 2^32, and the dataset has ${size}`
    throw new InvalidOption({ option: "keepOrder", value: true, expected })
  }
  const starts = [0, ...ends.map(([, end]) => end)]
  const partOf = ends.length <= 2 ** 8 ? new Uint8Array(size) : new Uint32Array(size)
  for (const [part, [, end]] of ends.entries()) {
    for (let at = starts[part] as number; at < end; at++) partOf[drawn.at(at)] = part // a start for each part
  }
  const orders = ends.map(([, end], part) => new Uint32Array(end - (starts[part] as number))) // as above
  const filled = new Float64Array(ends.length)
  for (let index = 0; index < size; index++) {
    const part = partOf[index] as number // below the size
    const place = filled[part] as number // one of the parts
    const order = orders[part] as Uint32Array // as above
    order[place] = index
    filled[part] = place + 1
  }
  return orders
}

/** The places of a part that keeps the dataset's order, with its blocks. */
const inOrder = (self: Dataset<unknown, unknown, unknown>, indices: Uint32Array | undefined) =>
  indices && {
    blocks: blocksAmong(self, indices),
    // The view asks for places below its size only, which is how many indices there are.
    place: (index: number) => indices[index] as number
  }

const boundaries = (parts: Readonly<Record<string, number>>, size: number): Array<readonly [string, number]> => {
  if (!isOptions(parts)) {
    throw new InvalidOption({
      option: "parts",
      value: parts,
      expected: "sizes or shares by name, such as { train: 0.8, test: 0.2 }"
    })
  }
  const entries = Object.entries(parts)
  for (const [key, part] of entries) {
    if (part >= 0 && part < Infinity) continue
    throw new InvalidOption({ option: `part "${key}"`, value: part, expected: "a size or a share, at least 0" })
  }
  const total = entries.reduce((sum, [, part]) => sum + part, 0)
  const sizes = total === size && entries.every(([, part]) => Number.isSafeInteger(part))
  // Shares such as 0.7 + 0.2 + 0.1 come to 1 but for rounding.
  if (!sizes && !(Math.abs(total - 1) <= 1e-9)) {
    const expected = `sizes that add up to ${size}, or shares that add up to 1 (they add up to ${total})`
    throw new InvalidOption({ option: "parts", value: parts, expected })
  }
  let sum = 0
  return entries.map(([key, part], at) => {
    sum += part
    if (sizes) return [key, sum]
    // The last ends at the end whatever the rounding of the sum.
    return [key, at === entries.length - 1 ? size : Math.min(size, Math.round((sum / total) * size))]
  })
}

const rootOf = (seed: Seed.RootInput): Seed.Root => {
  const root = Seed.root(seed)
  if (Either.isLeft(root)) {
    const { reason, value } = root.left
    throw new InvalidOption({ option: "seed", value, expected: `one that can seed a split: ${reason}` })
  }
  return root.right
}

const permutation = (size: number, { high, low }: Seed.Root): Permutation.Permutation =>
  // A fork by name, so that the split shares no draw with a run that has the same seed.
  Permutation.make(size, Rng.make({ algorithm: "philox4x32-10", words: [low, high] }).fork("Dataset.split"))
