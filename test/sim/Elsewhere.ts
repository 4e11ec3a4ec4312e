/**
 * A backend that builds batches elsewhere, as threads do, on the simulated clock: some of its members are slower than
 * others, and one can die for good.
 */
import { Effect, Fiber, FiberSet, Layer } from "effect"
import { Scheduler, Workers } from "../../src/index.ts"
import type { Backend, BuiltBatch, Failure, RequestedBatch } from "../../src/scheduler/backends/Backend.ts"
import { fibers } from "../../src/scheduler/backends/Fibers.ts"

/** `count` workers; the `death`th batch that is requested for one of them kills it. */
export const elsewhere = (count: number, death: number | undefined): Layer.Layer<Workers.Workers> =>
  Layer.succeed(Workers.Workers, { count, backend: backend(death) })

const backend = (death: number | undefined): Backend => ({
  name: "simulated",
  open: (runPlan, settings) =>
    Effect.gen(function* () {
      const here = yield* fibers().open(runPlan, settings)
      // The pipeline's requirements are met by whoever opens the run.
      const fork = (yield* FiberSet.makeRuntime<never, BuiltBatch, Failure>()) as (
        effect: Effect.Effect<BuiltBatch, Failure, unknown>
      ) => Fiber.RuntimeFiber<BuiltBatch, Failure>
      const workers = Array.from({ length: runPlan.plan.workers }, () => ({
        one: Effect.unsafeMakeSemaphore(1),
        asked: 0,
        before: undefined as Fiber.RuntimeFiber<BuiltBatch, Failure> | undefined
      }))
      const isStream = runPlan.stream !== undefined
      return {
        request: ({ batch, epoch, worker }, arrived): RequestedBatch => {
          const own = workers[worker]
          if (own === undefined) throw new RangeError(`there is no worker ${worker}`)
          const reason = "it is no more"
          const built: Effect.Effect<BuiltBatch, Failure, unknown> =
            own.asked++ === death
              ? Effect.fail(
                  new Scheduler.BackendError({
                    backend: "simulated",
                    worker,
                    module: "simulated",
                    epoch,
                    batch,
                    stage: undefined,
                    reason
                  })
                )
              : Effect.zipRight(
                  Effect.sleep((worker * 5) % 7),
                  here.request({ epoch, batch, worker }, () => undefined).content
                )
          const { before } = own
          // A stream is read in the order of each worker's batches; of a dataset any of them may be built first.
          const inTurn = isStream && before !== undefined ? Effect.zipRight(Fiber.await(before), built) : built
          const fiber = fork(own.one.withPermits(isStream ? 0 : 1)(inTurn))
          own.before = fiber
          let isPending = true
          fiber.addObserver(() => {
            isPending = false
            arrived()
          })
          return {
            isLazy: false,
            isPending: () => isPending,
            want: () => undefined,
            take: () => undefined,
            content: fiber
          }
        },
        poll: () => undefined,
        over: here.over
      }
    })
})
