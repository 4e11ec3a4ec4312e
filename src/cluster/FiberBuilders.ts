/**
 * Builds the batches of one run on a fiber of this thread, one after the other.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import { afterEvents } from "../core/runtime.ts"
import type { Batch } from "../pipeline/Batch.ts"
import { takeTensors } from "../scheduler/backends/remote/BatchCodec.ts"
import { reasonOf } from "../scheduler/backends/remote/PipelineModule.ts"
import type { EncodedBatch, MemberStart, Reply } from "../scheduler/backends/remote/Protocol.ts"
import * as RemoteBuilder from "../scheduler/backends/remote/RemoteBuilder.ts"
import type { Place } from "../wasm/Place.ts"
import type { Answer, BuilderEvents, Builders, Ordered } from "./Builders.ts"

/** Other sessions, signs of life and answers have their turn. */
const breath = Effect.async<void>((resume) => {
  const cancel = afterEvents(() => resume(Effect.void))
  return Effect.sync(cancel)
})

/** Fails with an error whose message says why the run cannot be built. @since 0.1.0 */
export const make = (start: MemberStart, events: BuilderEvents): Effect.Effect<Builders, Error, Scope.Scope> =>
  Effect.gen(function* () {
    /** The batch that the builder has just built, and where it lies. */
    let built: { readonly batch: Batch<unknown> | undefined; readonly places: ReadonlyArray<Place> } | undefined
    const builder = yield* RemoteBuilder.make({
      start,
      encode: (batch, places): EncodedBatch => {
        takeTensors(batch, []) // throws for what threads do not send either
        built = { batch, places }
        return { batch: undefined, tensors: [], slots: [] }
      }
    })
    const orders: Array<Ordered> = []
    const cancelled = new Set<number>()
    let current: number | undefined
    let resume: (() => void) | undefined

    const answerOf = (reply: Reply): Answer => {
      if (reply._tag === "Failed") return reply
      const { draws, hash, observed, retried, times } = reply
      const { batch, places = [] } = built ?? {}
      return {
        _tag: "Built",
        batch,
        hash,
        observed,
        draws,
        retried,
        times,
        release: () => {
          for (const place of places) place.give()
        }
      }
    }
    const build = ({ id, request }: Ordered): Effect.Effect<void> =>
      Effect.suspend(() => {
        current = id
        return (
          builder.build(request, (reply) => {
            const answer = answerOf(reply)
            built = undefined
            if (!cancelled.delete(id)) events.answered(id, answer)
            else if (answer._tag === "Built") answer.release()
          }) ?? Effect.void
        )
      })
    const next = Effect.async<Ordered>((found) => {
      const look = (): void => {
        const own = events.hasRoom() ? orders.shift() : undefined
        if (own === undefined) return
        resume = undefined
        found(Effect.succeed(own))
      }
      resume = look
      look()
      return Effect.sync(() => {
        resume = undefined
      })
    })
    const loop = Effect.forever(Effect.zipRight(Effect.flatMap(next, build), breath))
    yield* Effect.forkScoped(
      Effect.interruptible(
        Effect.onExit(loop, (exit) =>
          Effect.sync(() => {
            if (Exit.isFailure(exit) && !Cause.isInterruptedOnly(exit.cause)) {
              events.failed(reasonOf(Cause.squash(exit.cause)))
            }
          })
        )
      )
    )
    const cancel = (id: number): void => {
      const place = orders.findIndex((own) => own.id === id)
      if (place !== -1) orders.splice(place, 1)
      else if (current === id) cancelled.add(id)
    }
    return {
      add: (ordered) => {
        orders.push(ordered)
        resume?.()
      },
      cancel,
      // Plain code of this thread cannot be ended.
      kill: cancel,
      drop: builder.drop,
      wake: () => resume?.()
    }
  })
