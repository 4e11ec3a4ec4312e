/**
 * Work that somebody looks on at: timed for a profile, traced, told of before it begins.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { Watch } from "../plan/RunPlan.ts"
import { suspended, type Work } from "./Work.ts"

/** A trace of the stack for each span would cost more than the span. */
const SPAN = { captureStackTrace: false } as const

/** `work` as a span of this name, where a tracer looks on. @since 0.1.0 */
export const traced = <E>({ traced }: Watch, name: string, work: () => Work<E>): Work<E> =>
  traced ? Effect.withSpan(suspended(work), name, SPAN) : work()

/** `work` under this name, timed and traced where somebody looks on. @since 0.1.0 */
export const watched = <E>(watch: Watch, name: string, work: () => Work<E>): Work<E> => {
  const { enter, times } = watch
  return traced(watch, name, () => {
    enter?.(name)
    if (times === undefined) return work()
    const started = performance.now()
    const ended = (): void => times.add(name, performance.now() - started)
    let rest: Work<E>
    try {
      rest = work()
    } catch (thrown) {
      ended()
      throw thrown
    }
    if (rest !== undefined) return Effect.ensuring(rest, Effect.sync(ended))
    ended()
    return undefined
  })
}
