/**
 * A stream source of values that come in order.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { InvalidOption } from "../../core/InvalidOption.ts"
import { functionOf, optionsOf, textOf } from "../../core/Options.ts"
import { Made, type ParametersOption, valid } from "../../core/Parameters.ts"
import type { Format, Shard, ShardError } from "../formats/Format.ts"
import { contentOf } from "../RandomAccess.ts"
import { StoreError } from "../store/Store.ts"
import { blockShard } from "./BlockShard.ts"
import { dealingOf } from "./Dealing.ts"
import { type Items, type Seek, shardOf } from "./Items.ts"
import type { StreamError } from "./StreamError.ts"
import { type SourceRank, type StreamShard, type StreamSource, TypeId } from "./StreamSource.ts"
import { open as windows } from "./WindowReader.ts"

/** @category options @since 0.1.0 */
export interface FromStreamOptions<A, E = never, R = never> extends ParametersOption {
  /** Its name in errors, logs and cursors. Default `"stream"`. */
  readonly name?: string
  /** How it is read on when a run is resumed. Default: it is read again from the start. */
  readonly seek?: Seek<A, E, R>
  /** What ranks are dealt; see {@link SourceRanks}. Default `"batches"`. */
  readonly ranks?: SourceRanks
}

/**
 * What ranks are dealt of a source. `"batches"`: each rank reads all of it, and has its share of each batch, so that batches do
 * not depend on the number of ranks. `"windows"`: each of n ranks reads all of it, and delivers every n-th window, of
 * `Pipeline.shuffleWindow`, or of as many rows as `{ windows: n }` says, or of a batch. `"source"`: the source is a function,
 * which is called with the rank and the number of ranks, and gives the rows of that rank alone, as a consumer of some partitions
 * does; `steps` of the run says how many batches an epoch has then.
 *
 * @category options
 * @since 0.1.0
 */
export type SourceRanks = "batches" | "windows" | "source" | { readonly windows: number }

/** @category options @since 0.1.0 */
export interface FromBytesOptions<Row> extends ParametersOption {
  /** How the bytes are read, plain or compressed by gzip or zstd: `Format.jsonl`, `text`, `csv`, `tsv` or `tar`. */
  readonly format: Format<Row>
  /** Its name in errors, logs and cursors. Default `"stream"`. */
  readonly name?: string
  /** What ranks are dealt; see {@link SourceRanks}. Default `"batches"`. */
  readonly ranks?: SourceRanks
}

/**
 * Samples that can only be read in order, as a source of a pipeline. An epoch ends where the stream ends, if it does.
 *
 * What is given is an Effect `Stream`, an `AsyncIterable` (a generator, a `ReadableStream`), an `Iterable`, or a function that
 * returns one of these. A function is called each time that the source is opened: once an epoch, and when a run is resumed or
 * batches are verified. What can be iterated once only (an async iterable, a generator) serves one epoch; opening it again
 * fails with `StreamError`, also if a function returns it again.
 *
 * With `format` the items are chunks of bytes, such as those of `process.stdin`, and the samples are the rows in them.
 *
 * The run reads it in one fiber, once for all workers, one window ahead of the batches, and closes it at its end, upon a
 * failure, and when the run is closed. Rows are numbered as they come: row k is the sample of index k, by which seeds and
 * errors know it. With several ranks each reads all of it, and delivers its share of each batch, unless `ranks` says otherwise. A
 * function is called with `{ rank, world }`: whose rows it is to give, with `ranks: "source"`, and else `{ rank: 0, world: 1 }`.
 *
 * @example
 * import { Dataset, furrow, Pipeline } from "furrow"
 *
 * const lines = async function* () {
 *   for (let line = 0; line < 10; line++) yield { line }
 * }
 * const source = Dataset.fromStream(lines, { name: "lines" })
 * const pipeline = Pipeline.from(source).pipe(Pipeline.shuffleWindow(5), Pipeline.batch(5))
 * let rows = 0
 * for await (const { columns } of furrow(pipeline, { epochs: 2, seed: 42 })) rows += columns.line.data.length
 * console.assert(rows === 20)
 *
 * @category constructors
 * @since 0.1.0
 */
export function fromStream<A, E = never, R = never>(
  items: Items<A, E, R> | ((whose: SourceRank) => Items<A, E, R>),
  options?: FromStreamOptions<A, E, R>
): StreamSource<A, StreamError<E>, R>
export function fromStream<Row, E = never, R = never>(
  bytes: Items<Uint8Array, E, R> | ((whose: SourceRank) => Items<Uint8Array, E, R>),
  options: FromBytesOptions<Row>
): StreamSource<Row, StreamError<E | ShardError>, R>
export function fromStream(
  items: Items<unknown, unknown, unknown> | ((whose: SourceRank) => Items<unknown, unknown, unknown>),
  options: FromStreamOptions<unknown, unknown, unknown> & { readonly format?: Format<unknown> } = {}
): StreamSource<unknown, unknown, unknown> {
  const own = optionsOf("Dataset.fromStream", options, {
    name: true,
    seek: true,
    format: true,
    parameters: true,
    ranks: true
  } as const)
  const name = own.name === undefined ? "stream" : textOf("name of Dataset.fromStream", own.name)
  const { format, seek } = own
  if (seek !== undefined) {
    if (format !== undefined) {
      const expected = "left out beside format: Dataset.openStream reads shards that are read on where they were"
      throw new InvalidOption({ option: "seek", value: seek, expected })
    }
    functionOf("seek.after", seek.after)
    functionOf("seek.open", seek.open)
  }
  const parameters = valid("parameters of Dataset.fromStream", own.parameters)
  const open = openOf(items)
  const ranks = dealingOf("Dataset.fromStream", own.ranks, ["batches", "windows", "source"])
  if (ranks.by === "source" && typeof items !== "function") {
    const expected = '"batches" or "windows", or the source a function, which is told its rank'
    throw new InvalidOption({ option: "ranks of Dataset.fromStream", value: own.ranks, expected })
  }
  // A source that shares batches is the one that it was before there was the option.
  const dealt = own.ranks === undefined || own.ranks === "batches" ? {} : { ranks: own.ranks }
  const made = { name, ...(format === undefined ? {} : { format: format.made }), parameters, ...dealt }
  return {
    [TypeId]: {},
    name,
    isNamed: own.name !== undefined,
    made: new Made("fromStream", made, parameters === undefined ? contentOf(name) : undefined),
    content: undefined,
    // By the overloads the items are bytes where there is a format.
    shards: [
      format === undefined
        ? shardOf(open, seek)
        : bytesOf(format, name, open as (whose: SourceRank) => Items<Uint8Array, unknown, unknown>)
    ],
    atOnce: 1,
    ranks,
    windows
  }
}

/** The rows of bytes that come in order. */
const bytesOf = <Row, E, R>(
  format: Format<Row>,
  name: string,
  open: (whose: SourceRank) => Items<Uint8Array, E, R>
): StreamShard<Row, R> => {
  // What reads in order asks for nothing else.
  const reason = "a shard that is read in order has no other bytes than those that come"
  const none = Effect.fail(new StoreError({ location: name, kind: "unsupported", reason }))
  const shard: Shard = {
    info: { location: name, size: 0, version: "" },
    read: () => none,
    stream: () => Stream.fromEffect(none)
  }
  return blockShard<Row, Row, E, R>({
    format,
    shard,
    name: undefined,
    open: (_, whose) => open(whose),
    isChecked: true,
    seeks: false,
    validate: undefined
  })
}

const openOf = <A, E, R>(
  items: Items<A, E, R> | ((whose: SourceRank) => Items<A, E, R>)
): ((whose: SourceRank) => Items<A, E, R>) => {
  if (typeof items === "function") return eachTime(items)
  const given: unknown = items
  const isGiven = typeof given === "object" && given !== null
  if (isGiven && Stream.StreamTypeId in given) return () => items
  if (isGiven && Symbol.asyncIterator in given) return once(items)
  if (isGiven && Symbol.iterator in given && typeof given[Symbol.iterator] === "function") {
    return isOwnIterator(items) ? once(items) : () => items
  }
  const expected = "a Stream, an AsyncIterable, an Iterable, or a function that returns one"
  throw new InvalidOption({ option: "the source of Dataset.fromStream", value: given, expected })
}

/** Whether an iterable has been begun already, as a generator has. */
const isOwnIterator = (items: unknown): items is object =>
  typeof items === "object" && items !== null && "next" in items && typeof items.next === "function"

/** Whether it is a stream of bytes or objects that is read once: of the web, or of Node. */
const isReadable = (items: unknown): items is object =>
  items instanceof ReadableStream ||
  (typeof items === "object" && items !== null && "pipe" in items && "readable" in items)

/** Refuses what a function gives once more although it can be read once only: it would be an empty epoch. */
const eachTime = <A, E, R>(open: (whose: SourceRank) => Items<A, E, R>): ((whose: SourceRank) => Items<A, E, R>) => {
  const given = new WeakSet()
  return (whose) => {
    const items = open(whose)
    const own: unknown = items
    if (!isOwnIterator(own) && !isReadable(own)) return items
    if (given.has(own)) {
      throw new Error(
        "its function returned the same iterator again, which can be read once only; create it inside of the function"
      )
    }
    given.add(own)
    return items
  }
}

const once = <A, E, R>(items: Items<A, E, R>): (() => Items<A, E, R>) => {
  let isRead = false
  return () => {
    if (isRead) throw new Error("it can be read once only; give Dataset.fromStream a function that opens it again")
    isRead = true
    return items
  }
}
