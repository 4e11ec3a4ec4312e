/**
 * Keeps the last `keep` checkpoints in a store: which one is the newest that is whole, and which ones may go.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { CheckpointError } from "./CheckpointError.ts"
import * as Reading from "./Reading.ts"
import type { Manager, Saved } from "./Service.ts"
import type { Location, Store } from "./Store.ts"

/** The checkpoints of one process in a store. */
export const make = (store: Store, keep: number): Effect.Effect<Manager> =>
  Effect.gen(function* () {
    /** Those that were read and found whole by this manager, with the stamp that they had then. */
    const whole = new Map<string, string | undefined>()
    let next: number | undefined

    const locations = Effect.map(store.locations, (all) => all.toSorted(Reading.newestFirst))

    const look = ({ path, stamp }: Location) =>
      Effect.tap(Reading.look(store, path), (content) => {
        if (Either.isRight(content)) whole.set(path, stamp)
        else whole.delete(path)
      })

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

    const write: Manager["write"] = (taken) =>
      Effect.gen(function* () {
        if (next === undefined) {
          const ids = (yield* store.locations).map(({ id }) => id ?? 0)
          next = ids.reduce((most, id) => Math.max(most, id), 0) + 1
        }
        const { id, path } = yield* store.vacant(next)
        const { cursor, encode } = yield* Either.mapLeft(taken, (refused) => refused(path))
        const bytes = encode(id)
        yield* store.write(path, bytes)
        next = id + 1
        yield* Reading.readBack(store, path, bytes)
        // What was saved is saved; that an old one cannot be removed now is tried again next time.
        yield* Effect.catchAll(prune(path), (error) => Effect.logWarning(error.message))
        return { path, id, content: Either.right(cursor) }
      })

    return yield* Reading.inTurn({ write, latest, list: Reading.list(store) })
  })
