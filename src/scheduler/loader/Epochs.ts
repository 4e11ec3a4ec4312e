/**
 * The epochs of a run: a stream of streams, and the same for `for await`.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import * as Stream from "effect/Stream"
import type { Delivered } from "../../pipeline/Batch.ts"
import type { Epoch, EpochPassed, Epochs, LoaderError } from "./Loader.ts"
import { END, type Pull, stream } from "./Pull.ts"

/** How batches are taken, epoch by epoch. @since 0.1.0 */
export interface Source<C, E> {
  readonly enter: (behind: number | undefined) => Pull<number, LoaderError<E>>
  readonly takeOf: (epoch: number) => Pull<Delivered<C>, LoaderError<E> | EpochPassed>
}

/** An iterator over what is pulled. What a pull fails with, it rejects with. */
const iterator = <A, E>(pull: Pull<A, E>, runtime: Runtime.Runtime<never>): AsyncIterator<A, undefined> => {
  let over = false
  return {
    next: async () => {
      if (over) return END
      const exit = await Runtime.runPromiseExit(runtime)(pull)
      if (Exit.isSuccess(exit) && Option.isSome(exit.value)) return { done: false, value: exit.value.value }
      over = true
      if (Exit.isSuccess(exit)) return END
      throw Cause.squash(exit.cause)
    },
    return: async () => {
      over = true
      return END
    }
  }
}

/** @since 0.1.0 */
export const make = <C, E>({ enter, takeOf }: Source<C, E>, runtime: Runtime.Runtime<never>): Epochs<C, E> => {
  const epoch = (number: number): Epoch<C, E> => {
    const pull = takeOf(number)
    return { number, take: pull, stream: stream(pull), [Symbol.asyncIterator]: () => iterator(pull, runtime) }
  }
  /** Each iteration begins with the epoch at hand. */
  const epochs = (): Pull<Epoch<C, E>, LoaderError<E>> => {
    let behind: number | undefined
    return Effect.map(
      Effect.suspend(() => enter(behind)),
      Option.map((number) => {
        behind = number
        return epoch(number)
      })
    )
  }
  return Object.assign(
    Stream.suspend(() => stream(epochs())),
    { [Symbol.asyncIterator]: () => iterator(epochs(), runtime) }
  )
}
