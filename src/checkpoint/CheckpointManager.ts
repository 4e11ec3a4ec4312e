/**
 * Keeps the last `keep` checkpoints in a store: which one is the newest that is whole, and which ones may go.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { sameBytes } from "../core/runtime.ts"
import { CheckpointError, isDamage } from "./CheckpointError.ts"
import * as Format from "./Format.ts"
import type { Entry, Saved, Service } from "./Service.ts"
import * as Snapshot from "./Snapshot.ts"
import type { Location, Store } from "./Store.ts"

/** What cannot even be asked for its id is looked at first: it may be the newest. */
const newestFirst = (a: Location, b: Location): number =>
  (b.id ?? Number.MAX_SAFE_INTEGER) - (a.id ?? Number.MAX_SAFE_INTEGER) || (a.path < b.path ? 1 : -1)

/** Fails unless what was written is what is there. */
export const readBack = (store: Store, path: string, bytes: Uint8Array): Effect.Effect<void, CheckpointError> =>
  Effect.gen(function* () {
    const found = yield* store.read(path)
    if (sameBytes(found, bytes)) return
    const content = yield* Effect.either(Format.decode(path, found))
    return yield* new CheckpointError({
      kind: Either.isLeft(content) ? content.left.kind : "damaged",
      path,
      wrong: `was written and does not read back: ${Either.isLeft(content) ? content.left.wrong : "something else is there"}`,
      remedy: "look after the store, or name another one; the checkpoints before it are as they were"
    })
  })

/** The service over a store. */
export const make = (store: Store, keep: number): Effect.Effect<Service> =>
  Effect.gen(function* () {
    /** Those that were read and found whole by this manager, with the stamp that they had then. */
    const whole = new Map<string, string | undefined>()
    let next: number | undefined

    const locations = Effect.map(store.locations, (all) => all.toSorted(newestFirst))

    const look = ({
      path,
      stamp
    }: Location): Effect.Effect<Either.Either<Format.Content, CheckpointError>, CheckpointError> =>
      Effect.flatMap(
        Effect.either(Effect.flatMap(store.read(path), (bytes) => Format.decode(path, bytes))),
        (content) => {
          if (Either.isRight(content)) whole.set(path, stamp)
          else whole.delete(path)
          return Either.isLeft(content) && !isDamage(content.left) ? Effect.fail(content.left) : Effect.succeed(content)
        }
      )

    const latest: Effect.Effect<Option.Option<Saved>, CheckpointError> = Effect.gen(function* () {
      const skipped: Array<CheckpointError> = []
      for (const location of yield* locations) {
        const content = yield* look(location)
        if (Either.isRight(content)) return Option.some({ ...content.right, path: location.path, skipped })
        skipped.push(content.left)
      }
      const [newest] = skipped
      // To start afresh without a word would lose days of work.
      if (newest !== undefined) return yield* newest
      return Option.none()
    })

    const list: Effect.Effect<ReadonlyArray<Entry>, CheckpointError> = Effect.flatMap(
      locations,
      Effect.forEach((location) =>
        Effect.map(
          Effect.either(Effect.flatMap(store.read(location.path), (bytes) => Format.decode(location.path, bytes))),
          Either.match({
            onLeft: (error): Entry => ({ path: location.path, id: location.id, content: Either.left(error) }),
            onRight: ({ cursor, id }): Entry => ({ path: location.path, id, content: Either.right(cursor) })
          })
        )
      )
    )

    /**
     * Removes what is older than the last `keep` that are whole, now and not only when they were written. What is damaged
     * stays: it is not ours to judge. `written` was read back a moment ago.
     */
    const prune = (written: string) =>
      Effect.gen(function* () {
        let kept = 0
        for (const location of yield* locations) {
          const { path, stamp } = location
          if (path === written) whole.set(path, stamp)
          const known = path === written || (stamp !== undefined && whole.get(path) === stamp)
          if (kept < keep && known) {
            kept++
            continue
          }
          const content = yield* Effect.option(look(location))
          if (Option.isNone(content) || Either.isLeft(content.value)) continue
          if (kept < keep) kept++
          else {
            whole.delete(path)
            yield* store.remove(path)
          }
        }
      })

    const save: Service["save"] = (snapshot) =>
      Effect.gen(function* () {
        if (next === undefined) {
          const ids = (yield* store.locations).map(({ id }) => id ?? 0)
          next = ids.reduce((most, id) => Math.max(most, id), 0) + 1
        }
        const { id, path } = yield* store.vacant(next)
        const { cursor, state } = yield* Snapshot.check(path, snapshot)
        const bytes = yield* Format.encode(path, id, cursor, state)
        yield* store.write(path, bytes)
        next = id + 1
        yield* readBack(store, path, bytes)
        // What was saved is saved; that an old one cannot be removed now is tried again next time.
        yield* Effect.catchAll(prune(path), (error) => Effect.logWarning(error.message))
        return { path, id, content: Either.right(cursor) }
      })

    // One at a time; and one that has begun is ended, so that an interrupt leaves nothing half done.
    const one = yield* Effect.makeSemaphore(1)
    return {
      save: (snapshot) => Effect.uninterruptible(one.withPermits(1)(save(snapshot))),
      latest: one.withPermits(1)(latest),
      list: one.withPermits(1)(list)
    }
  })
