/**
 * The rows of a stream as a source that resumes by reading from the start: a mark is the number of rows before it.
 *
 * @since 0.1.0
 */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { listed, type Rewindable, type RowSource } from "./RowSource.ts"

/** @since 0.1.0 */
export const streamRows = <A, E, R>(stream: Stream.Stream<A, E, R>): Rewindable<E, R> => ({
  size: undefined,
  open: (mark): Effect.Effect<RowSource<E, R>, E, R | Scope.Scope> =>
    Effect.gen(function* () {
      let before = typeof mark === "number" ? mark : 0
      const pull = yield* Stream.toPull(Stream.drop(stream, before))
      return {
        next: Effect.matchEffect(pull, {
          onFailure: Option.match({ onNone: () => Effect.succeedNone, onSome: (error) => Effect.fail(error) }),
          onSuccess: (chunk) => {
            const rows = Chunk.toReadonlyArray(chunk)
            before += rows.length
            return Effect.succeedSome(listed(rows))
          }
        }),
        mark: Effect.sync(() => before)
      }
    })
})
