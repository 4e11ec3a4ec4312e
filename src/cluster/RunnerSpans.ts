/**
 * Spans of what a runner builds, as children of the run's span on the loader's host: W3C Trace Context carries it there.
 *
 * @since 0.1.0
 */
import * as Headers from "@effect/platform/Headers"
import * as HttpTraceContext from "@effect/platform/HttpTraceContext"
import type * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Tracer from "effect/Tracer"
import * as Ambient from "../patches/Ambient.ts"
import type { BatchRequest } from "../scheduler/backends/remote/Protocol.ts"

/** What becomes of a batch at a runner. @since 0.1.0 */
export type Ending = "built" | "failed" | "cancelled"

const EXITS: Readonly<Record<Ending, Exit.Exit<void, string>>> = {
  built: Exit.void,
  failed: Exit.fail("the batch failed; the loader has the error"),
  cancelled: Exit.fail("nobody wants the batch any more")
}

/** The spans of one run. @since 0.1.0 */
export class RunnerSpans {
  readonly #parent: Option.Option<Tracer.AnySpan>
  readonly #tracer: Tracer.Tracer
  readonly #clock: Clock.Clock
  readonly #open = new Map<number, Tracer.Span>()

  private constructor(parent: Tracer.AnySpan, tracer: Tracer.Tracer, clock: Clock.Clock) {
    this.#parent = Option.some(parent)
    this.#tracer = tracer
    this.#clock = clock
  }

  /** Returns `undefined` unless the loader traces its run, and the runner has a tracer, too. */
  static make(traceparent: unknown): Effect.Effect<RunnerSpans | undefined> {
    return Effect.gen(function* () {
      if (typeof traceparent !== "string" || !(yield* Ambient.traced)) return undefined
      const parent = HttpTraceContext.w3c(Headers.fromInput({ traceparent }))
      if (Option.isNone(parent)) return undefined
      return new RunnerSpans(parent.value, yield* Effect.tracer, yield* Effect.clock)
    })
  }

  /** A request has come. */
  begin(id: number, { batch, epoch, worker }: BatchRequest): void {
    const now = this.#clock.unsafeCurrentTimeNanos()
    const span = this.#tracer.span("furrow.runner", this.#parent, Context.empty(), [], now, "server")
    for (const [name, value] of Object.entries({ epoch, batch, worker })) span.attribute(name, value)
    this.#open.set(id, span)
  }

  end(id: number, ending: Ending): void {
    this.#open.get(id)?.end(this.#clock.unsafeCurrentTimeNanos(), EXITS[ending])
    this.#open.delete(id)
  }

  /** The loader is gone. */
  close(): void {
    for (const id of this.#open.keys()) this.end(id, "cancelled")
  }
}
