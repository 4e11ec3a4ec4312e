/**
 * Reads checkpoints from a store: one, all of them, and the one that was written a moment ago.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { sameBytes } from "../core/runtime.ts"
import { CheckpointError, isDamage } from "./CheckpointError.ts"
import * as Format from "./Format.ts"
import type { Entry, Manager } from "./Service.ts"
import type { Location, Store, View } from "./Store.ts"

/** What cannot even be asked for its id is looked at first: it may be the newest. */
export const newestFirst = (a: Location, b: Location): number =>
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

/** A checkpoint, or what is damaged about it. Fails where it cannot be read, or a newer version of the library wrote it. */
export const look = (
  store: View,
  path: string
): Effect.Effect<Either.Either<Format.Content, CheckpointError>, CheckpointError> =>
  Effect.catchIf(
    Effect.flatMap(store.read(path), (bytes) => Effect.map(Format.decode(path, bytes), Either.right)),
    isDamage,
    (error) => Effect.succeed(Either.left(error))
  )

/** All checkpoints of a store, newest first, damaged ones included. */
export const list = (store: View): Effect.Effect<ReadonlyArray<Entry>, CheckpointError> =>
  Effect.flatMap(store.locations, (all) =>
    Effect.forEach(all.toSorted(newestFirst), ({ id, path }) =>
      Effect.map(
        Effect.either(Effect.flatMap(store.read(path), (bytes) => Format.decode(path, bytes))),
        Either.match({
          onLeft: (error): Entry => ({ path, id, content: Either.left(error) }),
          onRight: (content): Entry => ({ path, id: content.id, content: Either.right(content.cursor) })
        })
      )
    )
  )

/** One call at a time; and a save that has begun is ended, so that an interrupt leaves nothing half done. */
export const inTurn = ({ latest, list, write }: Manager): Effect.Effect<Manager> =>
  Effect.map(Effect.makeSemaphore(1), (one) => ({
    write: (taken) => Effect.uninterruptible(one.withPermits(1)(write(taken))),
    latest: one.withPermits(1)(latest),
    list: one.withPermits(1)(list)
  }))
