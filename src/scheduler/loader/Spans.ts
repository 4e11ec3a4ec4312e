/**
 * Makes spans of the steps of batches.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import type { BatchObserver, Observer } from "../build/Observer.ts"
import { around, Later } from "../build/Work.ts"

const done = Exit.void
const failed = Exit.fail("the step failed; the span of the batch has the error")

/** A span as other hosts are told of it: `traceparent` of W3C Trace Context. @since 0.1.0 */
export const traceparentOf = ({ sampled, spanId, traceId }: Tracer.Span): string =>
  `00-${traceId}-${spanId}-${sampled ? "01" : "00"}`

/**
 * Makes a span of each step, as a child of the span that the fiber which begins the batch is in. Effects of the step find
 * it as their parent.
 *
 * @since 0.1.0
 */
export class Spans implements Observer {
  readonly #tracer: Tracer.Tracer
  readonly #clock: Clock.Clock

  constructor(tracer: Tracer.Tracer, clock: Clock.Clock) {
    this.#tracer = tracer
    this.#clock = clock
  }

  batch(): BatchObserver {
    const parent = Option.flatMap(Fiber.getCurrentFiber(), (fiber) =>
      Context.getOption(fiber.getFiberRef(FiberRef.currentContext), Tracer.ParentSpan)
    )
    let span: Tracer.Span | undefined
    return {
      begin: (step) => {
        span = this.#tracer.span(step, parent, Context.empty(), [], this.#clock.unsafeCurrentTimeNanos(), "internal")
      },
      end: (hasFailed) => span?.end(this.#clock.unsafeCurrentTimeNanos(), hasFailed ? failed : done),
      around: (rest) => {
        const own = span
        if (own === undefined || !Later.is(rest)) return rest
        return around(rest, Effect.provideService(Tracer.ParentSpan, own))
      }
    }
  }
}
