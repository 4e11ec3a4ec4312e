/**
 * Keeps the last `keep` checkpoints in a store: which one is the newest that is whole, and which ones may go.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { Checkpoint, Entry, Saved } from "./Checkpoint.ts"
import { type CheckpointError, isDamage } from "./CheckpointError.ts"
import * as Frame from "./Frame.ts"
import type { Place, Store } from "./Store.ts"

/** What cannot even be asked for its id is looked at first: it may be the newest. */
const newestFirst = (a: Place, b: Place): number =>
  (b.id ?? Number.MAX_SAFE_INTEGER) - (a.id ?? Number.MAX_SAFE_INTEGER) || (a.path < b.path ? 1 : -1)

/** The service over a store. */
export const make = (store: Store, keep: number): Effect.Effect<Checkpoint["Type"]> =>
  Effect.gen(function* () {
    /** Those that were read and found whole, or written, by this keeper. */
    const whole = new Set<string>()
    let next: number | undefined

    const places = Effect.map(store.places, (all) => all.toSorted(newestFirst))

    const look = ({ path }: Place): Effect.Effect<Either.Either<Frame.Content, CheckpointError>, CheckpointError> =>
      Effect.flatMap(store.read(path), (frame) =>
        Effect.flatMap(Effect.either(Frame.decode(path, frame)), (content) => {
          if (Either.isRight(content)) whole.add(path)
          else whole.delete(path)
          return Either.isLeft(content) && !isDamage(content.left) ? Effect.fail(content.left) : Effect.succeed(content)
        })
      )

    const latest: Effect.Effect<Option.Option<Saved>, CheckpointError> = Effect.gen(function* () {
      const skipped: Array<CheckpointError> = []
      for (const place of yield* places) {
        const content = yield* look(place)
        if (Either.isRight(content)) return Option.some({ ...content.right, path: place.path, skipped })
        skipped.push(content.left)
      }
      const [newest] = skipped
      // To start afresh without a word would lose days of work.
      if (newest !== undefined) return yield* newest
      return Option.none()
    })

    const list: Effect.Effect<ReadonlyArray<Entry>, CheckpointError> = Effect.flatMap(
      places,
      Effect.forEach((place) =>
        Effect.map(
          Effect.either(Effect.flatMap(store.read(place.path), (frame) => Frame.decode(place.path, frame))),
          Either.match({
            onLeft: (error): Entry => ({ path: place.path, id: place.id, content: Either.left(error) }),
            onRight: ({ cursor, id }): Entry => ({ path: place.path, id, content: Either.right(cursor) })
          })
        )
      )
    )

    /** Removes what is older than the last `keep` that are whole. What is damaged stays: it is not ours to judge. */
    const prune = Effect.gen(function* () {
      let kept = 0
      for (const place of yield* places) {
        if (kept < keep && whole.has(place.path)) {
          kept++
          continue
        }
        const content = yield* Effect.option(look(place))
        if (Option.isNone(content) || Either.isLeft(content.value)) continue
        if (kept < keep) kept++
        else {
          whole.delete(place.path)
          yield* store.remove(place.path)
        }
      }
    })

    const save: Checkpoint["Type"]["save"] = ({ cursor, state = {} }) =>
      Effect.gen(function* () {
        if (next === undefined) {
          const ids = (yield* store.places).map(({ id }) => id ?? 0)
          next = ids.reduce((most, id) => Math.max(most, id), 0) + 1
        }
        const id = next
        const path = yield* store.place(id)
        const frame = yield* Frame.encode(path, id, cursor, state)
        yield* store.write(path, frame)
        next = id + 1
        whole.add(path)
        // What was saved is saved; that an old one cannot be removed now is tried again next time.
        yield* Effect.catchAll(prune, (error) => Effect.logWarning(error.message))
        return { path, id, content: Either.right(cursor) }
      })

    // One at a time; and one that has begun is ended, so that an interrupt leaves nothing half done.
    const one = yield* Effect.makeSemaphore(1)
    return {
      save: (part) => Effect.uninterruptible(one.withPermits(1)(save(part))),
      latest: one.withPermits(1)(latest),
      list: one.withPermits(1)(list)
    }
  })
