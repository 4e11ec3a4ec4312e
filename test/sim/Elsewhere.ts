/**
 * Workers that make batches as threads do, on the simulated clock: they are asked for batches ahead, make them one by
 * one, some slower than others, and can die for good.
 */
import { Deferred, Effect, Layer, Option } from "effect"
import { Scheduler, Workers } from "../../src/index.ts"
import { type Content, type Failure, onFiber } from "../../src/scheduler/backends/Backend.ts"

/** `count` workers; the `death`th batch that one of them is asked for kills it. */
export const elsewhere = (count: number, death: number | undefined): Layer.Layer<Workers.Workers> =>
  Layer.succeed(Workers.Workers, {
    backend: "threads",
    count,
    chosen: Effect.succeed(Option.none()),
    start: (runPlan, worker, settings) =>
      Effect.gen(function* () {
        const here = yield* onFiber()(runPlan, worker, settings)
        if (here._tag !== "Here") return here
        const scope = yield* Effect.scope
        const one = yield* Effect.makeSemaphore(1)
        let asked = 0
        return {
          _tag: "There",
          ask: (epoch, batch) =>
            Effect.gen(function* () {
              const answered = yield* Deferred.make<Content, Failure>()
              const dead = asked === death
              asked++
              const reason = "it is no more"
              const made = dead
                ? Effect.fail(
                    new Scheduler.ThreadError({ worker, module: "simulated", epoch, batch, stage: undefined, reason })
                  )
                : Effect.zipRight(Effect.sleep((worker * 5) % 7), here.make(epoch, batch))
              yield* Effect.forkIn(one.withPermits(1)(Effect.intoDeferred(made, answered)), scope)
              return Deferred.await(answered)
            })
        }
      })
  })
