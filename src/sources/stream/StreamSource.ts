/**
 * What can only be read in order: a pipe, a socket, a service, shards without an index.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Made } from "../../core/Parameters.ts"
import { plural } from "../../core/Plural.ts"
import type { Checkpoints } from "./Checkpoint.ts"
import type { Dealing, RankPart } from "./Dealing.ts"
import type { StreamError } from "./StreamError.ts"

/** @category constants @since 0.1.0 */
export const TypeId: unique symbol = Symbol.for("furrow/StreamSource")

/** Samples that were read one after another. @since 0.1.0 */
export interface Piece<out A> {
  readonly size: number
  /** The sample at a place. Throws if that one is bad, which leaves the others as they are. */
  readonly row: (place: number) => A
  /** Where reading can continue at the sample at a place, or at `size` after the last one; `undefined` if the source cannot. */
  readonly offset: (place: number) => string | undefined
}

/** A shard that is being read. @since 0.1.0 */
export interface OpenShard<out A, out R> {
  /** The next samples, about `most` of them where the source has them one by one; `undefined` at the end. */
  readonly pull: (most: number) => Effect.Effect<Piece<A> | undefined, unknown, R>
  /** The byte up to which it has been turned into rows, if that is known. */
  readonly byte?: () => number | undefined
}

/** Whose rows a source gives: all of them, as rank 0 of 1, or those of a rank. @category models @since 0.1.0 */
export interface SourceRank {
  readonly rank: number
  readonly world: number
}

/** Where reading a shard continues: an offset of its own, and the number of rows before it. @since 0.1.0 */
export interface ShardOffset {
  readonly offset: string
  readonly row: number
}

/** A shard of a stream source. @since 0.1.0 */
export interface StreamShard<out A, out R> {
  /** Its name or location, if it has one. */
  readonly name: string | undefined
  /** Opens it at its start, or where it was; it is closed with the scope. */
  readonly open: (
    from: ShardOffset | undefined,
    whose: SourceRank
  ) => Effect.Effect<OpenShard<A, R>, unknown, R | Scope.Scope>
}

/**
 * Samples that are read in order. It has no size and no index, so no views; `Pipeline.from` takes it where it takes a
 * dataset. `A` is a sample, `E` how reading fails, `R` what it requires.
 *
 * @category models
 * @since 0.1.0
 */
export interface StreamSource<out A, out E = never, out R = never> {
  readonly [TypeId]: { readonly _E?: (_: never) => E }
  /** Its name in errors, logs and cursors. */
  readonly name: string
  /** Whether it was given that name, so that another one of the same name is taken for the same. */
  readonly isNamed: boolean
  readonly made: Made
  /** What tells its content from another of the same name, if it is known. */
  readonly content: string | undefined
  readonly shards: ReadonlyArray<StreamShard<A, R>>
  /** The locations that it is read from, as they were given: a sink does not write there. Default: not known. */
  readonly locations?: ReadonlyArray<string> | undefined
  /** How many shards are read at once: their samples come in turns. */
  readonly atOnce: number
  /** What ranks are dealt. */
  readonly ranks: Dealing
  /** Opens what reads it window by window; what that has open is closed with the scope. */
  readonly windows: (options: WindowsOptions) => Effect.Effect<Windows, never, Scope.Scope>
}

/** Consecutive rows of a source. @since 0.1.0 */
export interface RowWindow {
  readonly size: number
  /** The sample at a place. Throws if it is bad. */
  readonly row: (place: number) => unknown
  /** The index of the row at a place; default: how many rows come before it. */
  readonly index?: (place: number) => number
  /** Where the row at a place lies, if that is in a shard with a name. */
  readonly origin?: ((place: number) => RowOrigin | undefined) | undefined
  /** How many rows there are, if the epoch ends with this window or before it. */
  readonly total?: TotalRows
}

/** A row of a shard, from 0. @since 0.1.0 */
export interface RowOrigin {
  readonly shard: string
  readonly row: number
}

/** How many rows an epoch has: of this rank, and of those that have the fewest and the most. @since 0.1.0 */
export interface TotalRows {
  readonly own: number
  readonly least: number
  readonly most: number
}

/** How the windows of a source are read. @since 0.1.0 */
export interface WindowsOptions {
  readonly source: StreamSource<unknown, unknown, unknown>
  /** How many rows a window has. */
  readonly size: number
  /** Which rows are read; default: all of them. */
  readonly part: RankPart | undefined
  readonly checkpoints: Checkpoints
  /** How many windows may be read before the first one that a batch may still need is done with. */
  readonly most: number
  /** How many windows from an epoch's start on are kept to its end. */
  readonly first: number
  /** Where batches begin, if they are those of a run; else each is built on its own. */
  readonly from: { readonly epoch: number; readonly window: number } | undefined
}

/** The windows of a source, as they are read. @since 0.1.0 */
export interface Windows {
  readonly size: number
  /**
   * Returns a window if it has been read: all of its rows are there, and fewer than its size only at the epoch's end. That one,
   * and those after it, which have no rows, have a `total`.
   */
  readonly peek: (epoch: number, number: number) => RowWindow | undefined
  /** Waits until a window has been read. It requires what the source requires. */
  readonly window: (epoch: number, number: number) => Effect.Effect<RowWindow, StreamError, unknown>
  /** No batch needs windows before one of an epoch, nor those of earlier epochs; `waiting` of them may be in batches that wait. */
  readonly keepFrom: (epoch: number, number: number, waiting: number) => Effect.Effect<void> | undefined
}

/** Whether a value is a stream source. @since 0.1.0 */
export const isStreamSource = <A, E, R>(value: unknown): value is StreamSource<A, E, R> =>
  typeof value === "object" && value !== null && TypeId in value

/**
 * What is wrong with a source that ends after so many rows, where more were given before: whoever goes on would take its end for
 * that of the epoch.
 *
 * @since 0.1.0
 */
export const earlyEnd = (rows: number, before: number): string =>
  `it ended after ${plural(rows, "row")}, and ${before} had been given before: it holds something else now, or its end is missing`
