/**
 * What a random access dataset is, and how one fails.
 *
 * Four fields make a dataset. The others are capabilities: a run over a dataset without them works, and is slower or
 * knows less. A view passes on those that hold for it.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Pipeable from "effect/Pipeable"
import type * as Scope from "effect/Scope"
import { InvalidOption } from "../core/InvalidOption.ts"
import { descriptionOf, madeFor } from "../core/MadeFor.ts"
import { optionsOf, textOf } from "../core/Options.ts"
import { Made } from "../core/Parameters.ts"
import { shown } from "../core/Show.ts"
import type { Columnar, Gather } from "./Columnar.ts"
import type { StreamSource } from "./stream/StreamSource.ts"

/**
 * Samples by index, from 0 to `size − 1`. `A` is a sample, `E` how reading one can fail (besides {@link IndexError}),
 * `R` what reading one requires.
 *
 * A dataset of your own is an object of this shape. With `read` it is as fast as the ones made here.
 *
 * @example
 * import { Effect } from "effect"
 * import { Dataset } from "furrow"
 *
 * const letters = Dataset.fromArray(["a", "b", "c"])
 * console.assert(letters.size === 3)
 * console.assert(Effect.runSync(letters.getMany([2, 0])).join("") === "ca")
 *
 * @category models
 * @since 0.1.0
 */
export interface Dataset<out A, out E = never, out R = never> extends Pipeable.Pipeable {
  /** Its name in errors and logs. */
  readonly name: string
  /** How many samples there are, at most 2^53 − 1. */
  readonly size: number
  /** The sample at `index`. */
  readonly get: (index: number) => Effect.Effect<A, E | IndexError, R>
  /** The samples at `indices`, in their order. The array is fresh and the caller's own. */
  readonly getMany: (indices: ArrayLike<number>) => Effect.Effect<Array<A>, E | IndexError, R>
  /**
   * Returns the sample at `index` without an effect; throws {@link IndexError} for an index that is out of range and
   * {@link DatasetError} for a sample that cannot be read. Default: samples are read by `get` and `getMany`.
   */
  readonly read?: ((index: number) => A) | undefined
  /**
   * The columns that the samples are rows of, if they lie in memory as columns. Stages that work on columns read these
   * instead of `read`, so both must give the same samples. `Pipeline.from` checks their form and length. Default: none.
   */
  readonly columnar?: Columnar | undefined
  /**
   * Returns the samples at `indices` as `getMany` would, if they can be read at once and no function of a user's has to be
   * called for it; otherwise `undefined`, and `getMany` reads them. Default: `getMany` reads all.
   */
  readonly ready?: ((indices: ArrayLike<number>) => Array<A> | undefined) | undefined
  /**
   * Reads the samples at `indices` as `getMany` would, of which those that cannot be read fail alone. What the `gather` of these
   * samples has failed with, `after`, is not read again. Default: where samples are to fail alone, and `getMany` fails, each of
   * them is read again by `get`.
   */
  readonly getEach?:
    | ((indices: ArrayLike<number>, after?: unknown) => Effect.Effect<EachRead<A, E | IndexError>, E | IndexError, R>)
    | undefined
  /**
   * Returns the samples at `indices` as rows of columns, if they are stored as such: the ones that `getMany` would read, without
   * an object for each. Default: `getMany` reads all.
   */
  readonly gather?: Gather<E | IndexError, R> | undefined
  /**
   * Opens what reads samples before batches ask for them, until the scope is closed. What cannot be read is told to who asks
   * for it. Default: nothing is read ahead.
   */
  readonly readAhead?: Effect.Effect<ReadAhead, never, Scope.Scope> | undefined
  /** Whether `getMany` is one read of its own (a query, a request) rather than a `get` for each. Default `false`. */
  readonly batched?: boolean | undefined
  /**
   * Where its blocks begin: the index of each one's first sample, ascending from 0, and behind the last one the size. A
   * block is what one read gives, so samples of one block are best read together. Default: not known.
   */
  readonly blocks?: Float64Array | undefined
  /** What tells its content from another of the same name and size. Default: not compared by cursors. */
  readonly content?: Content | undefined
  /** Where the sample at `index` came from. Default: row `index` of this dataset. */
  readonly lineage?: ((index: number) => Lineage) | undefined
  /**
   * Returns where the sample at `index` lies in its shard, or `undefined` if it is in no shard. Reads its block, and fails as that
   * does. Default: not known. See `Lineage.locate`.
   */
  readonly locate?: ((index: number) => Effect.Effect<RowPlace | undefined, unknown>) | undefined
  /** What its samples are read from in order, if they can be read in no other; set by `Pipeline.from` of a stream source. */
  readonly stream?: StreamSource<unknown, unknown, unknown> | undefined
  /** The locations that its samples are read from, as they were given: a sink does not write there. Default: not known. */
  readonly locations?: ReadonlyArray<string> | undefined
  /** Is told the name of a view in an order of its own before samples are read for that: warnings name it. Default: nobody is. */
  readonly reorderedBy?: ((view: string) => void) | undefined
  /**
   * Is told, when a run opens, in which windows of blocks it reads the samples; `undefined` if it is in none. Returns what
   * there is to warn of, each once: that a window does not fit into memory. Default: nobody is told.
   */
  readonly readInWindows?: ((windows: BlockWindows | undefined) => ReadonlyArray<string>) | undefined
  /** How many datasets are joined in this one; the `component` of a lineage is below it. Default 1. */
  readonly components?: number | undefined
  /** Of a source or view of this library: what it was made of, and by which parameters. */
  readonly made?: Made | undefined
}

/** The windows of blocks that a run reads a dataset in. @category models @since 0.1.0 */
export interface BlockWindows {
  /** The sampler's name. */
  readonly sampler: string
  /** How many blocks of a lane have their rows mixed. */
  readonly window: number
  /** How many lanes the order has, and how many of them this rank reads. */
  readonly lanes: number
  readonly ownLanes: number
  /** How many blocks of the dataset the samples lie in. */
  readonly blocks: number
  /** The share of a window's blocks that are the dataset's: less than 1 where datasets are joined. */
  readonly share: number
}

/**
 * What a dataset holds: a text that its user declared, or a function that returns what lies at an index, at once and
 * without side effects, of which some are hashed. If the function throws, the run fails with `InvalidOption`.
 *
 * @category models
 * @since 0.1.0
 */
export type Content = string | ((index: number) => unknown)

/** Samples that were read together, each of which may have failed alone. @category models @since 0.1.0 */
export interface EachRead<out A, out E> {
  /** The samples, in the order of their indices. What stands in the place of one that failed is no sample. */
  readonly samples: Array<A>
  /** Why samples failed, by their places. */
  readonly failed: ReadonlyMap<number, E>
}

/** Reads samples before batches ask for them. @category models @since 0.1.0 */
export interface ReadAhead {
  /**
   * Says that the sample at `index` will be asked for, behind those that this was called with before. Begins to read it, if
   * that is not done; returns `false` if there is nothing to read, or no room for it: it is to be called again later then.
   */
  readonly expect: (index: number) => boolean
  /**
   * Says where the blocks of the run's dataset begin, whose samples are at `place(index)`: a part of a split has some rows of each
   * block, and nothing of a block is needed any more once these were given.
   */
  readonly narrow?: ((blocks: Float64Array, place: (index: number) => number) => void) | undefined
  /** Says that it is this run that reads from here on: others may read other samples of the same blocks. */
  readonly turn?: (() => void) | undefined
  /** Whether all samples are kept, so that there is nothing to read. Default: never. */
  readonly isComplete?: (() => boolean) | undefined
}

/** Where a sample came from: the source below all views. @category models @since 0.1.0 */
export interface Lineage {
  /** The name of the dataset that it was read from. */
  readonly dataset: string
  /** Where datasets were joined: the place of that dataset among them, from 0; all parts of nested joins are counted. */
  readonly component?: number | undefined
  /** The file or object that it was read from, if the dataset is made of such. */
  readonly shard?: string | undefined
  /** Its row in the shard; without a shard, its index in the dataset. */
  readonly row: number
  /** Its number among the samples that a stage made of one. */
  readonly child?: number | undefined
}

/** Where a row lies in its shard. @category models @since 0.1.0 */
export interface RowPlace {
  /** The location of the shard. */
  readonly shard: string
  /** Its number in the shard. */
  readonly row: number
  /** The number of its block among those of the shard that have rows: of Parquet the row group, of Arrow the record batch. */
  readonly block: number
  /** Its number in the block. */
  readonly blockRow: number
  /**
   * The offset of its first byte in the decompressed shard. `undefined` for formats that store columns.
   */
  readonly byte: number | undefined
  /** How many bytes it has, without a newline at the end. `undefined` where `byte` is. */
  readonly length: number | undefined
}

/**
 * An index at which a dataset has no sample: negative, too large, or not whole.
 *
 * @category errors
 * @since 0.1.0
 */
export class IndexError extends Data.TaggedError("IndexError")<{
  /** The dataset's name. */
  readonly dataset: string
  readonly index: number
  /** The dataset's size when it was asked. */
  readonly size: number
}> {
  override get message(): string {
    const range = this.size === 0 ? "it is empty" : `its indices are the whole numbers from 0 to ${this.size - 1}`
    return `dataset ${this.dataset} has no sample at index ${this.index}: ${range}`
  }
}

/**
 * A dataset's own code failed at one sample: it threw, or it did not return what it was asked for.
 *
 * @category errors
 * @since 0.1.0
 */
export class DatasetError extends Data.TaggedError("DatasetError")<{
  /** The dataset's name; of a view, the view's. */
  readonly dataset: string
  readonly index: number
  /** What was thrown. */
  readonly cause: unknown
}> {
  override get message(): string {
    return `sample ${this.index} of dataset ${this.dataset} cannot be read: ${reasonOf(this.cause)}`
  }
}

/** What was thrown may be anything: its message may throw in turn, and an array of 2^32 holes takes minutes as text. */
const reasonOf = (cause: unknown): string => {
  try {
    return cause instanceof Error ? String(cause.message) : shown(cause)
  } catch {
    return shown(cause)
  }
}

/** Throws {@link IndexError} unless `index` is a whole number from 0 to `size − 1`. @since 0.1.0 */
export const check = (dataset: string, index: number, size: number): void => {
  if (!(index >= 0 && index < size && Number.isInteger(index))) throw new IndexError({ dataset, index, size })
}

/** A dataset that is read without effects. @since 0.1.0 */
export interface Plain<out A, out E = never, out R = never> extends Dataset<A, E, R> {
  readonly read: (index: number) => A
}

/** Whether a dataset is read without effects. @since 0.1.0 */
export const isPlain = <A, E, R>(dataset: Dataset<A, E, R>): dataset is Plain<A, E, R> =>
  typeof dataset.read === "function"

/** Returns where the sample at an index that is in range came from. @since 0.1.0 */
export const lineageAt = (dataset: Dataset<unknown, unknown, unknown>, index: number): Lineage =>
  dataset.lineage?.(index) ?? { dataset: dataset.name, row: index }

/**
 * Returns where a sample came from for the report of an error: `undefined` if the dataset does not know, or if its function
 * throws or gives something else, which must not take the place of that error. It is a copy, which can be sent to a thread.
 *
 * @since 0.1.0
 */
export const lineageOf = (
  dataset: Dataset<unknown, unknown, unknown>,
  index: number | undefined
): Lineage | undefined => {
  try {
    if (dataset.lineage === undefined || index === undefined) return undefined
    check(dataset.name, index, dataset.size)
    const { child, component, dataset: name, row, shard } = dataset.lineage(index)
    const own = {
      dataset: name,
      ...(component === undefined ? {} : { component }),
      ...(shard === undefined ? {} : { shard }),
      row,
      ...(child === undefined ? {} : { child })
    }
    return isLineage(own) ? own : undefined
  } catch {
    return undefined
  }
}

/** Whether a record is a lineage: its fields are of their types, and it has a dataset and a row. @since 0.1.0 */
export const isLineage = ({
  child,
  component,
  dataset,
  row,
  shard
}: { readonly [Key in keyof Lineage]?: unknown }): boolean =>
  typeof dataset === "string" &&
  typeof row === "number" &&
  (shard === undefined || typeof shard === "string") &&
  [component, child].every((own) => own === undefined || typeof own === "number")

/** Returns a dataset of this library, whose `made`, content and columns describe what its functions read. @since 0.1.0 */
export const ownDataset = <D extends Dataset<unknown, unknown, unknown>>(dataset: D): D =>
  madeFor<Dataset<unknown, unknown, unknown>>(
    dataset,
    ["read", "get", "getMany", "columnar"],
    ["made", "content", "columnar", "ready", "getEach", "gather", "readAhead"]
  ) as D // the same object

/** Returns a dataset's function `ready`; none that was copied from a dataset that is read otherwise. @since 0.1.0 */
export const readyOf = <A>(dataset: Dataset<A, unknown, unknown>): Dataset<A>["ready"] => {
  // Most datasets have none.
  const { ready } = dataset
  return ready === undefined ? undefined : descriptionOf(dataset, "ready")
}

/** Returns a dataset's function `getEach`; none that was copied from a dataset that is read otherwise. @since 0.1.0 */
export const getEachOf = <A, E, R>(dataset: Dataset<A, E, R>): Dataset<A, E, R>["getEach"] =>
  dataset.getEach === undefined ? undefined : descriptionOf(dataset, "getEach")

/** Returns a dataset's function `gather`; none that was copied from a dataset that is read otherwise. @since 0.1.0 */
export const gatherOf = <A, E, R>(dataset: Dataset<A, E, R>): Dataset<A, E, R>["gather"] =>
  dataset.gather === undefined ? undefined : descriptionOf(dataset, "gather")

/** Returns what reads a dataset ahead; none that was copied from a dataset that is read otherwise. @since 0.1.0 */
export const readAheadOf = (dataset: Dataset<unknown, unknown, unknown>): Dataset<unknown>["readAhead"] =>
  dataset.readAhead === undefined ? undefined : descriptionOf(dataset, "readAhead")

/** What is known of a dataset's content: columns, or a text or function that tells it. @since 0.1.0 */
export interface KnownContent {
  readonly columnar: Columnar | undefined
  readonly content: Content | undefined
}

/** Returns what is known of a dataset's content; nothing that was copied from a dataset that is read otherwise. @since 0.1.0 */
export const knownContent = (dataset: Dataset<unknown, unknown, unknown>): KnownContent => ({
  columnar: descriptionOf(dataset, "columnar"),
  content: descriptionOf(dataset, "content")
})

/** Returns what a dataset was made of. @since 0.1.0 */
export const madeOf = (dataset: Dataset<unknown, unknown, unknown>): Made => {
  const { name } = dataset
  const { columnar, content } = knownContent(dataset)
  const unseen = (content ?? columnar) === undefined ? contentOf(name) : undefined
  const { made } = dataset
  if (made === undefined) return new Made("dataset", { name }, unseen)
  return descriptionOf(dataset, "made") ?? new Made("copied", { name, of: made.name }, unseen)
}

/** Returns, in words, what cannot be seen of a dataset that functions read. @since 0.1.0 */
export const contentOf = (name: string): string => `the content of dataset ${JSON.stringify(name)}`

/** Whether a value is a dataset: of this library, or a caller's own. @since 0.1.0 */
export const isDataset = (value: unknown): value is Dataset<unknown, unknown, unknown> =>
  typeof value === "object" &&
  value !== null &&
  "size" in value &&
  "get" in value &&
  typeof value.get === "function" &&
  "getMany" in value &&
  typeof value.getMany === "function"

/** Returns `value` if it is a dataset; otherwise throws `InvalidOption`. @since 0.1.0 */
export const datasetOf = <D>(option: string, value: D): D => {
  if (isDataset(value)) return value
  throw new InvalidOption({ option, value, expected: "a dataset, such as Dataset.fromArray([1, 2, 3])" })
}

/** The option of most sources and views. @category options @since 0.1.0 */
export interface NameOptions {
  /** Its name in errors. */
  readonly name?: string
}

/** Returns the name in a function's options; throws `InvalidOption` if they are invalid. @since 0.1.0 */
export const nameOf = (of: string, options: NameOptions): string | undefined => {
  const { name } = optionsOf(of, options, { name: true })
  return name === undefined ? undefined : textOf(`name of ${of}`, name)
}
