/**
 * Samples that come one by one, or in chunks: from an Effect Stream, an async iterable, an iterable.
 *
 * @since 0.1.0
 */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { shown } from "../../core/Show.ts"
import type { OpenShard, Piece, ShardOffset, SourceRank, StreamShard } from "./StreamSource.ts"

/** What gives samples in order. A function opens it again for each epoch, or where a run is resumed. @category models @since 0.1.0 */
export type Items<A, E = never, R = never> = Stream.Stream<A, E, R> | AsyncIterable<A> | Iterable<A>

/** How a source continues from where it was. @category options @since 0.1.0 */
export interface Seek<A, E = never, R = never> {
  /**
   * Returns where the source continues after a sample: a text that the source understands, such as the offset of a log. It is
   * called with the last sample before each window. At most 512 characters.
   */
  readonly after: (sample: A) => string
  /** Opens the source at that place; like the source, it is told whose rows to give. */
  readonly open: (offset: string, whose: SourceRank) => Items<A, E, R>
}

/** The most characters of an offset: a cursor holds it. */
const LONGEST = 512

/** The shard that gives the samples of `open`. @since 0.1.0 */
export const shardOf = <A, E, R>(
  open: (whose: SourceRank) => Items<A, E, R>,
  seek: Seek<A, E, R> | undefined
): StreamShard<A, R> => ({
  name: undefined,
  open: (from, whose) =>
    Effect.suspend(() => {
      const items = from === undefined || seek === undefined ? open(whose) : seek.open(from.offset, whose)
      return Effect.map(pulling(items), (pull) => inPieces(pull, seek, from))
    })
})

/** The next samples, about so many; `undefined` at the end. @since 0.1.0 */
export type Pull<A, R> = (most: number) => Effect.Effect<ReadonlyArray<A> | undefined, unknown, R>

const inPieces = <A, R>(
  pull: Pull<A, R>,
  seek: { readonly after: (sample: A) => string } | undefined,
  from: ShardOffset | undefined
): OpenShard<A, R> => {
  let last = from?.offset
  return {
    pull: (most) =>
      Effect.map(pull(most), (items) => {
        if (items === undefined) return undefined
        const before = last
        const offset = (place: number): string | undefined => {
          if (seek === undefined) return undefined
          return place === 0 ? before : offsetOf(seek.after(items[place - 1] as A)) // within the piece
        }
        const piece: Piece<A> = { size: items.length, row: (place) => items[place] as A, offset } // as above
        if (seek !== undefined && items.length > 0) last = offset(items.length)
        return piece
      })
  }
}

const offsetOf = (given: unknown): string => {
  if (typeof given === "string" && given.length <= LONGEST) return given
  throw new TypeError(`\`after\` gives a text of at most ${LONGEST} characters, and gave ${shown(given)}`)
}

/** Opens items; they are closed with the scope. @since 0.1.0 */
export const pulling = <A, E, R>(items: Items<A, E, R>): Effect.Effect<Pull<A, R>, unknown, R | Scope.Scope> => {
  const given: unknown = items
  if (typeof given !== "object" || given === null) return Effect.die(notItems(given))
  if (Stream.StreamTypeId in items) {
    return Effect.map(Stream.toPull(items), (pull) => () => {
      const next = Effect.map(pull, (chunk): ReadonlyArray<A> | undefined => Chunk.toReadonlyArray(chunk))
      return Effect.catchAll(next, (end) =>
        Option.isNone(end) ? Effect.succeed(undefined) : Effect.fail<unknown>(end.value)
      )
    })
  }
  if (Symbol.asyncIterator in items) return later(() => items[Symbol.asyncIterator]())
  if (Symbol.iterator in items) return atOnce(() => items[Symbol.iterator]())
  return Effect.die(notItems(given))
}

const notItems = (given: unknown): TypeError =>
  new TypeError(
    `a stream source gives a Stream, an AsyncIterable or an Iterable, and gave ${shown(given)}${isPromise(given) ? LATER : ""}`
  )

const isPromise = (given: unknown): boolean => typeof given === "object" && given !== null && "then" in given

const LATER = "; to wait for it, make the function a generator: async function* () { yield* await … }"

/** How long an iterator may go on after its `return` was called, in milliseconds. */
const CLOSING = 5000

/** How far an iterator has come. */
interface Progress {
  /** Whether it has ended or failed, so that its `return` is not called. */
  isOver: boolean
  isPending: boolean
  failure: { readonly thrown: unknown } | undefined
}

const begun = (): Progress => ({ isOver: false, isPending: false, failure: undefined })

/** What was read, or else what it failed with after that. */
const outcome = <A>(
  progress: Progress,
  read: ReadonlyArray<A>
): Effect.Effect<ReadonlyArray<A> | undefined, unknown> => {
  if (read.length > 0) return Effect.succeed(read)
  if (progress.failure !== undefined) return Effect.fail(progress.failure.thrown)
  return Effect.succeed(undefined)
}

const later = <A>(open: () => AsyncIterator<A>): Effect.Effect<Pull<A, never>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const progress = begun()
    const iterator = yield* Effect.acquireRelease(Effect.sync(open), (own) =>
      Effect.suspend(() => {
        if (progress.isOver || own.return === undefined) return Effect.void
        const { isPending } = progress
        const closing = Effect.promise(() => closed(own))
        // A generator that is waiting sees `return` only once it continues, and nobody else would report what it then fails with.
        return Effect.flatMap(Effect.timeoutOption(Effect.interruptible(closing), CLOSING), (ended) =>
          Option.isNone(ended) ? stillOpen : unclosed(ended.value ?? (isPending ? progress.failure : undefined))
        )
      })
    )
    return (most) =>
      Effect.async<ReadonlyArray<A> | undefined, unknown>((resume) => {
        let isAsked = true
        const read: Array<A> = []
        const step = async (): Promise<void> => {
          progress.isPending = true
          try {
            while (!progress.isOver && read.length < most && isAsked) {
              const next = await iterator.next()
              if (next.done === true) progress.isOver = true
              else read.push(next.value)
            }
          } catch (thrown) {
            progress.isOver = true
            progress.failure = { thrown }
          }
          progress.isPending = false
          resume(outcome(progress, read))
        }
        void step()
        return Effect.sync(() => {
          isAsked = false
        })
      })
  })

const atOnce = <A>(open: () => Iterator<A>): Effect.Effect<Pull<A, never>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const progress = begun()
    const iterator = yield* Effect.acquireRelease(Effect.sync(open), (own) =>
      Effect.suspend(() => {
        if (progress.isOver) return Effect.void
        try {
          return unclosed(own.return === undefined ? undefined : misfit(own.return()))
        } catch (thrown) {
          return unclosed({ thrown })
        }
      })
    )
    return (most) =>
      Effect.suspend(() => {
        const read: Array<A> = []
        try {
          while (!progress.isOver && read.length < most) {
            const next = iterator.next()
            if (next.done === true) progress.isOver = true
            else read.push(next.value)
          }
        } catch (thrown) {
          progress.isOver = true
          progress.failure = { thrown }
        }
        return outcome(progress, read)
      })
  })

/** Calls the `return` of an iterator; returns what it failed with. */
const closed = async (iterator: AsyncIterator<unknown>): Promise<Progress["failure"]> => {
  try {
    return misfit(await iterator.return?.())
  } catch (thrown) {
    return { thrown }
  }
}

/** What a `for` loop throws if `return` of an iterator gives no object. */
const misfit = (result: unknown): Progress["failure"] =>
  typeof result === "object" && result !== null
    ? undefined
    : { thrown: new TypeError(`\`return\` of an iterator gives an object, and gave ${shown(result)}`) }

/** Logs that a source failed when it was closed: what was read from it is delivered all the same. */
const unclosed = (failure: Progress["failure"]): Effect.Effect<void> =>
  failure === undefined
    ? Effect.void
    : Effect.logWarning(`a stream source failed when it was closed: ${shown(failure.thrown)}`)

const stillOpen = Effect.logWarning(
  `a stream source is not closed ${CLOSING / 1000} seconds after it was told to, so it is left to itself: it waits for its next sample, or its \`return\` does not end`
)
