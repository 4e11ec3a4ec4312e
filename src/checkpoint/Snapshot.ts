/**
 * What is handed to `save`, looked at and copied before anything is written: a cursor that can be resumed from, and a state
 * that can be read back as it is.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { isProxy } from "../core/runtime.ts"
import * as Cursor from "../scheduler/loader/Cursor.ts"
import { CheckpointError } from "./CheckpointError.ts"
import * as Format from "./Format.ts"
import type * as State from "./State.ts"

/** What is saved as one piece. @category models @since 0.1.0 */
export interface Snapshot {
  /** `loader.cursor` or `run.cursor`, read when the trainer is done with the batch that it took last. */
  readonly cursor: Cursor.Cursor
  /** What the trainer adds. */
  readonly state?: State.State
}

const NAMES: ReadonlyArray<string | symbol> = ["cursor", "state"]

/**
 * Copies a snapshot, at once: a save may have to wait for its turn, and the trainer goes on meanwhile. Gives the error,
 * `cursor` for what is no cursor, `state` for what cannot be stored.
 */
export const take = (snapshot: unknown): Either.Either<Format.Taken, State.Refused> =>
  Either.gen(function* () {
    const refused = (wrong: string) =>
      Either.left<State.Refused>(
        (path) =>
          new CheckpointError({
            kind: "cursor",
            path,
            wrong: `cannot be written: ${wrong}`,
            remedy:
              "write save({ cursor: run.cursor, state }), with Effect save({ cursor: yield* loader.cursor, state }); the checkpoints before it are as they were"
          })
      )
    if (typeof snapshot !== "object" || snapshot === null || isProxy(snapshot)) {
      return yield* refused(
        `save was given ${snapshot === null ? "null" : isProxy(snapshot) ? "a Proxy" : `a ${typeof snapshot}`}`
      )
    }
    const stray = Reflect.ownKeys(snapshot).find((key) => !NAMES.includes(key))
    if (Effect.isEffect(snapshot)) return yield* refused("save was given an Effect that was not run")
    if (stray !== undefined) {
      return yield* refused(
        `save was given ${String(stray).slice(0, 40)}, which would not be kept: only cursor and state are`
      )
    }
    // A getter is read here once, and what it throws is a CursorError below or no snapshot.
    const { cursor, state } = yield* read(snapshot) ?? refused("reading what save was given threw")
    if (cursor === undefined) return yield* refused("save was given no cursor")
    const own = Effect.runSync(Effect.either(Cursor.decode(cursor)))
    if (Either.isLeft(own)) return yield* refused(`what save was given as the cursor is none: ${own.left.reason}`)
    return yield* Format.take(own.right, state)
  })

/** The parts of a snapshot, each read once; nothing if reading them throws. */
const read = (snapshot: object): Either.Either<{ readonly cursor?: unknown; readonly state?: unknown }> | undefined => {
  try {
    return Either.right({ ...snapshot })
  } catch {
    return undefined
  }
}
