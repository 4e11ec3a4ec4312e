/**
 * `forEach`: a step for each batch, which is lent to it.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import { hasMessages, isSuccess } from "../../patches/EffectInternals.ts"
import type { DeliveredBatch } from "../../pipeline/DeliveredBatch.ts"
import { begin, toEffect, type Work } from "../build/Work.ts"
import type { Loan } from "./Loan.ts"
import type { TakeOptions } from "./TakeOptions.ts"

/** What batches are taken from. @since 0.1.0 */
export interface Lender<E> {
  /** The next batch, by plain code as far as that goes; `undefined` at the end. What is waited for requires nothing. */
  readonly next: (asked: TakeOptions) => Work<DeliveredBatch | undefined, E>
  readonly limit: number
  readonly loan: Loan
}

/** So many steps at most follow one another without Effect, so that other fibers have their turn. */
const TOGETHER = 16

/**
 * Calls `step` with each batch. If the next one is there without a wait, the step's own effect is all that there is to run:
 * the effects around each batch took 13 µs, as much as its seeds. If the step leaves nothing to run, as with `Effect.void`,
 * the next one follows without Effect, whose run loop takes 1.2 µs.
 *
 * An interrupt takes effect before a batch is taken, or while it is waited for; never between a batch and its step.
 *
 * @since 0.1.0
 */
export const forEach = <X, E, R, E2>(
  { limit, loan, next }: Lender<E2>,
  step: (batch: DeliveredBatch) => Effect.Effect<X, E, R>
): Effect.Effect<void, E | E2, R> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.withFiberRuntime<void, E | E2, R>((fiber) => {
      loan.beginSteps()
      let goesOn = true
      const deliver = (batch: DeliveredBatch | undefined): Effect.Effect<X | undefined, E, R> => {
        if (batch !== undefined) return step(batch)
        goesOn = false
        return Effect.succeed(undefined)
      }
      const asked: TakeOptions = { limit, wait: restore, lends: true }
      const ask = (): Work<DeliveredBatch | undefined, E2> => next(asked)
      const asking = toEffect(ask) as Waited<E2> // requires nothing, as `next` says
      const interrupted = Effect.flatMap(Effect.zipRight(restore(Effect.void), asking), deliver)
      // An effect, so that Effect sees an interrupt that the step before has brought about.
      const one = Effect.suspend((): Effect.Effect<X | undefined, E | E2, R> => {
        if (!Cause.isEmpty(fiber.getFiberRef(FiberRef.interruptedCause))) return interrupted
        for (let left = TOGETHER; ; ) {
          const own = begin(ask)
          if (Effect.isEffect(own)) return Effect.flatMap(own as Waited<E2>, deliver) // as above
          const done = deliver(own)
          // An interrupt is a message: it is seen by Effect.
          if (!(goesOn && isSuccess(done)) || --left === 0 || hasMessages(fiber)) return done
          loan.end()
        }
      })
      const all = Effect.whileLoop({ while: () => goesOn, body: () => one, step: () => loan.end() })
      return Effect.ensuring(
        all,
        Effect.sync(() => loan.endSteps())
      )
    })
  )

type Waited<E> = Effect.Effect<DeliveredBatch | undefined, E>

/** Batches that are lent, each to a step that is called elsewhere. @since 0.1.0 */
export interface Lending<A, E> {
  /** The next batch, by plain code as far as that goes; `undefined` at the end. The step of the one before is over. */
  readonly next: () => Work<A | undefined, E>
  /** There will be no more steps. */
  readonly end: () => void
}

/** Lends batches as {@link forEach} does; whoever calls the steps asks for each batch. @since 0.1.0 */
export const lending = <E>({ limit, loan, next }: Lender<E>): Lending<DeliveredBatch, E> => {
  const asked: TakeOptions = { limit, wait: (waiting) => waiting, lends: true }
  loan.beginSteps()
  return { next: () => next(asked), end: () => loan.endSteps() }
}
