/**
 * What a random access dataset is, and the ways to make one.
 *
 * A dataset over plain code (an array, a function) keeps that code as a function from index to sample, and its views
 * compose such functions. Reading a batch is then one Effect around one loop; a sample costs a call, not an Effect.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Pipeable from "effect/Pipeable"
import { whole } from "../core/Check.ts"
import { concurrent } from "../core/Concurrent.ts"
import { InvalidOption } from "../core/InvalidOption.ts"
import { functionOf, optionsOf, textOf } from "../core/Options.ts"
import { Made, type Parameters } from "../core/Parameters.ts"
import { shown } from "../core/Show.ts"
import { ownEffect } from "../patches/EffectVersion.ts"
import type { Columnar } from "./Columnar.ts"

/**
 * Samples by index, from 0 to `size − 1`. `A` is a sample, `E` how reading one can fail (besides {@link IndexError}),
 * `R` what reading one requires.
 *
 * @example
 * import { Effect } from "effect"
 * import { Dataset } from "furrow"
 *
 * const letters = Dataset.fromArray(["a", "b", "c"])
 * console.assert(letters.size === 3)
 * console.assert(Effect.runSync(letters.getMany([2, 0])).join("") === "ca")
 *
 * @since 0.1.0
 */
export interface Dataset<out A, out E = never, out R = never> extends Pipeable.Pipeable {
  /** What it goes by in errors and logs. */
  readonly name: string
  /** How many samples there are, at most 2^53 − 1. */
  readonly size: number
  /** The sample at `index`. */
  readonly get: (index: number) => Effect.Effect<A, E | IndexError, R>
  /** What tells its content from another one of the same name and size, where that can be told. */
  readonly content?: Content | undefined
  /** Of what it is a view, and by which parameters: of one of this library's. */
  readonly made?: Made | undefined
  /** Whether `getMany` is a read of its own (one query, one request) rather than `get` for each. Default `false`. */
  readonly batched?: boolean | undefined
  /** The samples at `indices`, in their order. The array is fresh and the caller's own. */
  readonly getMany: (indices: ArrayLike<number>) => Effect.Effect<Array<A>, E | IndexError, R>
}

/**
 * What a dataset holds: as its user has declared it, or a function that gives what lies at an index in no time and
 * without a side effect, of which some are looked at.
 *
 * @since 0.1.0
 */
export type Content = string | ((index: number) => unknown)

/**
 * An index at which a dataset has no sample: negative, too large, or not whole.
 *
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
 * A dataset's own code failed at one sample: it threw, or it did not give what it was asked for.
 *
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

/** Throws {@link IndexError} unless `index` is a whole number from 0 to `size − 1`. */
export const check = (dataset: string, index: number, size: number): void => {
  if (!(index >= 0 && index < size && Number.isInteger(index))) throw new IndexError({ dataset, index, size })
}

/**
 * A dataset that is a plain function. `read` checks its index and throws nothing but `IndexError` and `E`; whatever a
 * caller's function throws is put into a `DatasetError` where that function is called.
 */
export class Plain<A, E> implements Dataset<A, E> {
  readonly name: string
  readonly read: (index: number) => A
  /** What `read` reads from, where that is columns. */
  readonly columnar: Columnar | undefined
  readonly content: Content | undefined
  readonly made: Made
  readonly #size: () => number

  constructor(
    name: string,
    size: () => number,
    made: Made,
    read: (index: number) => A,
    columnar?: Columnar,
    content?: Content
  ) {
    this.content = content
    this.made = made
    this.name = name
    this.read = read
    this.columnar = columnar
    this.#size = size
  }

  get size(): number {
    return this.#size()
  }

  readonly get = (index: number): Effect.Effect<A, E | IndexError> =>
    Effect.suspend(() => attempt<A, E>(() => this.read(index)))

  readonly getMany = (indices: ArrayLike<number>): Effect.Effect<Array<A>, E | IndexError> =>
    Effect.suspend(() =>
      attempt<Array<A>, E>(() => {
        const { read } = this
        const items = new Array<A>(indices.length)
        // `row` is below the length, so the index is there.
        for (let row = 0; row < items.length; row++) items[row] = read(indices[row] as number)
        return items
      })
    )

  pipe() {
    // biome-ignore lint/complexity/noArguments: Effect's own way to pass a pipe's arguments on.
    return Pipeable.pipeArguments(this, arguments)
  }
}

/** `run`'s value, or what it threw as a failure where that is one of a dataset's errors. Anything else is a defect. */
export const attempt = <A, E>(run: () => A): Effect.Effect<A, E | IndexError> => {
  try {
    return Effect.succeed(run())
  } catch (error) {
    // By the contract of `Plain.read`: an error of these classes is an IndexError or the dataset's own E.
    if (error instanceof IndexError || error instanceof DatasetError) return Effect.fail(error as E | IndexError)
    throw error
  }
}

/** A dataset that is read by Effects. Both functions are given indices that have been checked. */
export class Effectful<A, E, R> implements Dataset<A, E, R> {
  readonly name: string
  readonly #size: () => number
  readonly #get: (index: number) => Effect.Effect<A, E | IndexError, R>
  readonly #getMany: (indices: ReadonlyArray<number>) => Effect.Effect<Array<A>, E | IndexError, R>
  readonly content: Content | undefined
  readonly made: Made
  readonly batched: boolean

  constructor(
    name: string,
    size: () => number,
    made: Made,
    get: (index: number) => Effect.Effect<A, E | IndexError, R>,
    getMany: (indices: ReadonlyArray<number>) => Effect.Effect<Array<A>, E | IndexError, R>,
    content?: Content,
    batched = false
  ) {
    this.content = content
    this.made = made
    this.batched = batched
    this.name = name
    this.#size = size
    this.#get = get
    this.#getMany = getMany
  }

  get size(): number {
    return this.#size()
  }

  readonly get = (index: number): Effect.Effect<A, E | IndexError, R> =>
    Effect.flatMap(this.#checked([index]), () => this.#get(index))

  readonly getMany = (indices: ArrayLike<number>): Effect.Effect<Array<A>, E | IndexError, R> =>
    Effect.suspend(() => {
      // A copy, because the caller may reuse its buffer while the effects of this batch still run.
      const own = Array.from(indices)
      return Effect.flatMap(this.#checked(own), () => this.#getMany(own))
    })

  readonly #checked = (indices: ReadonlyArray<number>): Effect.Effect<void, IndexError> =>
    Effect.suspend(() =>
      attempt<void, never>(() => {
        const { name, size } = this
        for (const index of indices) check(name, index, size)
      })
    )

  pipe() {
    // biome-ignore lint/complexity/noArguments: Effect's own way to pass a pipe's arguments on.
    return Pipeable.pipeArguments(this, arguments)
  }
}

/** @since 0.1.0 */
export interface MakeOptions<A> {
  /** What it goes by in errors. Default `dataset`. */
  readonly name?: string
  readonly size: number
  /** The sample at an index, which is always a whole number from 0 to `size − 1`. Must give the same each time. */
  readonly get: (index: number) => A
}

/**
 * A dataset from a plain function. What the function throws becomes a {@link DatasetError}. Throws `InvalidOption`
 * unless `size` is a whole number from 0 to 2^53 − 1.
 *
 * @example
 * import { Effect } from "effect"
 * import { Dataset } from "furrow"
 *
 * const squares = Dataset.make({ name: "squares", size: 1000, get: (index) => index * index })
 * console.assert(Effect.runSync(squares.get(12)) === 144)
 *
 * @since 0.1.0
 */
export const make = <A>(options: MakeOptions<A>): Dataset<A, DatasetError> => {
  optionsOf("Dataset.make", options, { name: true, size: true, get: true })
  const name = textOf("name of Dataset.make", options.name ?? "dataset")
  const get = functionOf(`get of dataset ${name}`, options.get)
  const size = whole(`size of dataset ${name}`, options.size, 0)
  return new Plain(name, () => size, new Made("make", { name }, contentOf(name)), guarded(name, size, get))
}

const guarded =
  <A>(name: string, size: number, get: (index: number) => A) =>
  (index: number): A => {
    check(name, index, size)
    try {
      return get(index)
    } catch (cause) {
      throw new DatasetError({ dataset: name, index, cause })
    }
  }

/** Of a dataset that functions read. */
export const contentOf = (name: string): string => `the content of dataset ${JSON.stringify(name)}`

/** @since 0.1.0 */
export interface EffectOptions<A, E, R> {
  /** What it goes by in errors. Default `dataset`. */
  readonly name?: string
  readonly size: number
  /** The sample at an index, which is always a whole number from 0 to `size − 1`. */
  readonly get: (index: number) => Effect.Effect<A, E, R>
  /** How many samples of one batch are read at once. Default 16. Of no account when `getMany` is given. */
  readonly concurrency?: number
  /** Reads a whole batch at once (one query, one request). Default: `get` for each. */
  readonly getMany?: (indices: ReadonlyArray<number>) => Effect.Effect<ReadonlyArray<A>, E, R>
}

/**
 * A dataset whose samples are read by Effects: files, a database, a service. What the functions throw instead of
 * failing, and a `getMany` that gives another number of samples than it was asked for, become a {@link DatasetError}.
 * Throws `InvalidOption` unless `size` is a whole number of at least 0 and `concurrency` one of at least 1.
 *
 * @since 0.1.0
 */
export const effect = <A, E = never, R = never>(options: EffectOptions<A, E, R>): Dataset<A, E | DatasetError, R> => {
  optionsOf("Dataset.effect", options, { name: true, size: true, get: true, concurrency: true, getMany: true })
  return effectful(options, "effect", {})
}

/** The same, of which more is known than that a user's functions read it. */
export const effectful = <A, E, R>(
  options: EffectOptions<A, E, R>,
  kind: string,
  parameters: Parameters
): Dataset<A, E | DatasetError, R> => {
  const name = textOf(`name of Dataset.${kind}`, options.name ?? "dataset")
  functionOf(`get of dataset ${name}`, options.get)
  const { getMany } = options
  if (getMany !== undefined) functionOf(`getMany of dataset ${name}`, getMany)
  const size = whole(`size of dataset ${name}`, options.size, 0)
  const concurrency = whole("concurrency", options.concurrency ?? 16, 1)
  const get = (index: number): Effect.Effect<A, E | DatasetError, R> => called(name, index, () => options.get(index))
  const many = (indices: ReadonlyArray<number>): Effect.Effect<Array<A>, E | DatasetError, R> => {
    if (getMany === undefined) {
      // As many as there are places.
      return concurrent(
        indices.length,
        concurrency,
        (place) => get(indices[place] as number),
        (_, cause) => Exit.failCause(cause)
      )
    }
    if (indices.length === 0) return Effect.succeed([])
    const index = indices[0] ?? 0
    return Effect.flatMap(
      called(name, index, () => getMany(indices)),
      (items) => {
        if (items.length === indices.length) return Effect.succeed(Array.from(items))
        const cause = new Error(`getMany was asked for ${indices.length} samples and gave ${items.length}`)
        return Effect.fail(new DatasetError({ dataset: name, index, cause }))
      }
    )
  }
  return new Effectful(
    name,
    () => size,
    new Made(kind, { name, ...parameters }, contentOf(name)),
    get,
    many,
    undefined,
    getMany !== undefined
  )
}

/** The effect that a caller's function gives, or a `DatasetError` where it throws instead. */
export const called = <A, E, R>(
  dataset: string,
  index: number,
  run: () => Effect.Effect<A, E, R>
): Effect.Effect<A, E | DatasetError, R> =>
  Effect.flatten(
    Effect.try({
      try: () => ownEffect("the dataset's effect", run()),
      catch: (cause) => new DatasetError({ dataset, index, cause })
    })
  )

/** @since 0.1.0 */
export interface NameOptions {
  /** What it goes by in errors. */
  readonly name?: string
}

/** The name in a function's options; throws `InvalidOption` for options that are not as said. */
export const nameOf = (of: string, options: NameOptions): string | undefined => {
  const { name } = optionsOf(of, options, { name: true })
  return name === undefined ? undefined : textOf(`name of ${of}`, name)
}

/** Whether a value is a dataset: of this module, or a caller's own. */
export const isDataset = (value: unknown): value is Dataset<unknown, unknown, unknown> =>
  typeof value === "object" &&
  value !== null &&
  "size" in value &&
  "get" in value &&
  typeof value.get === "function" &&
  "getMany" in value &&
  typeof value.getMany === "function"

/** `value` when it is a dataset, else throws `InvalidOption`. */
export const datasetOf = <D>(option: string, value: D): D => {
  if (isDataset(value)) return value
  throw new InvalidOption({ option, value, expected: "a dataset, such as Dataset.fromArray([1, 2, 3])" })
}

/**
 * A dataset of an array's items. The array is kept, not copied, and its length is read anew each time: leave it as it
 * is while a run is under way (a run that sees the size change ends with a typed error).
 *
 * @since 0.1.0
 */
export const fromArray = <A>(items: ReadonlyArray<A>, options: NameOptions = {}): Dataset<A> => {
  if (!Array.isArray(items)) throw new InvalidOption({ option: "items", value: items, expected: "an array" })
  const name = nameOf("Dataset.fromArray", options) ?? "array"
  return new Plain<A, never>(
    name,
    () => items.length,
    new Made("array", { name }),
    (index) => {
      check(name, index, items.length)
      // The index is below the length; what an array holds there is an A, `undefined` included.
      return items[index] as A
    },
    undefined,
    (index) => items[index]
  )
}

/**
 * The dataset whose sample at an index is the index: 0 … `size − 1`, in no memory. A start for `map`, and a stand-in
 * for a dataset of any size in tests. Throws `InvalidOption` unless `size` is a whole number from 0 to 2^53 − 1.
 *
 * @since 0.1.0
 */
export const range = (size: number, options: NameOptions = {}): Dataset<number> => {
  const name = nameOf("Dataset.range", options) ?? "range"
  whole(`size of dataset ${name}`, size, 0)
  return new Plain<number, never>(
    name,
    () => size,
    new Made("range", { name }),
    (index) => {
      check(name, index, size)
      return index
    }
  )
}
