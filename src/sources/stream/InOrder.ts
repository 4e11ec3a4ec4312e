/**
 * A stream source in the place of a pipeline's dataset.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Pipeable from "effect/Pipeable"
import { type Dataset, IndexError } from "../RandomAccess.ts"
import type { StreamSource } from "./StreamSource.ts"

/** More samples than a stream ever has. @since 0.1.0 */
export const SIZE = Number.MAX_SAFE_INTEGER

/**
 * Returns the dataset of a pipeline over a stream source. Its size is unknown ({@link SIZE} stands for that), and no sample of it
 * can be read by its index: a run reads its `stream`.
 *
 * @since 0.1.0
 */
export const inOrder = <A, E, R>(stream: StreamSource<A, E, R>): Dataset<A, E, R> => {
  const { content, locations, made, name } = stream
  const refused = (index: number): Effect.Effect<never, IndexError> =>
    Effect.fail(new IndexError({ dataset: `${name}, which is a stream`, index, size: 0 }))
  return {
    name,
    size: SIZE,
    made,
    content,
    locations,
    stream,
    get: refused,
    getMany: (indices) => (indices.length === 0 ? Effect.succeed([]) : refused(indices[0] as number)), // there is one
    pipe: Pipeable.Prototype.pipe
  }
}
