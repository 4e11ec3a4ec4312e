/**
 * The backend that begins on fibers and moves to threads when that pays.
 *
 * Batches are functions of their coordinates, so where one is built changes nothing in it: the first ones are built here
 * and measured, none is built twice, and threads take over once they are ready.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import { cores } from "../../core/runtime.ts"
import type { RunPlan } from "../plan/RunPlan.ts"
import type { Backend, OpenBackend, RequestedBatch } from "./Backend.ts"

/** Which backend a run was found to run best on, and why. @since 0.1.0 */
export interface Choice {
  /** The name of the backend. */
  readonly backend: string
  readonly reason: string
}

/** From which amount of work on threads pay. @since 0.1.0 */
export interface Pays {
  /** Milliseconds that a batch takes: telling a thread of one takes some 0.05. */
  readonly batch: number
  /** Milliseconds that the rest of the run would take on one core: a thread takes some 500 to start and to warm up. */
  readonly run: number
}

/** How many batches are measured; the quickest counts, as the first ones run before the engine has compiled them. */
const MEASURED = 16

/**
 * Fibers at first, and threads when that pays. `said` is told what was chosen, once a run.
 *
 * @since 0.1.0
 */
export const auto = (fibers: Backend, threads: Backend, pays: Pays, said: (choice: Choice) => void): Backend => ({
  name: "auto",
  open: (runPlan, settings) =>
    Effect.gen(function* () {
      const here = yield* fibers.open(runPlan, settings)
      const scope = yield* Effect.scope
      const times: Array<number> = []
      let choice = beforehand(runPlan, fibers.name)
      if (choice !== undefined) yield* announce(choice, said)
      let moved: OpenBackend | undefined
      let moving = false

      /** If there can be no threads, the run stays where it is: the pipeline runs on fibers, too. */
      const move = Effect.matchEffect(threads.open(runPlan, settings), {
        onFailure: (error) => Effect.logWarning(`the run stays on fibers: ${error.message}`),
        onSuccess: (open) =>
          Effect.sync(() => {
            moved = open
          })
      })

      const measured = (content: RequestedBatch["content"]): typeof content =>
        Effect.suspend(() => {
          const started = performance.now()
          return Effect.tap(content, () => {
            times.push(performance.now() - started)
            if (choice !== undefined || times.length < MEASURED) return Effect.void
            choice = byCost(fibers.name, threads.name, Math.min(...times), settings.batches - times.length, pays)
            return announce(choice, said)
          })
        })

      const begun = (content: RequestedBatch["content"]): typeof content =>
        Effect.suspend(() => {
          if (choice === undefined) return measured(content)
          if (choice.backend === fibers.name || moving) return content
          moving = true
          return Effect.zipRight(Effect.forkIn(Effect.provideService(move, Scope.Scope, scope), scope), content)
        })

      return {
        request: (coordinates, arrived) => {
          if (moved !== undefined) return moved.request(coordinates, arrived)
          const requested = here.request(coordinates, arrived)
          return { ...requested, content: begun(requested.content) }
        },
        poll: () => moved?.poll()
      }
    })
})

const announce = (choice: Choice, said: (choice: Choice) => void): Effect.Effect<void> =>
  Effect.zipRight(
    Effect.sync(() => said(choice)),
    Effect.logDebug(`workers on ${choice.backend}: ${choice.reason}`)
  )

/** What can be decided without a measurement. */
const beforehand = ({ pipeline, policy }: RunPlan, fibers: string): Choice | undefined => {
  const own = cores()
  if (own < 2) return { backend: fibers, reason: "there is one core" }
  if (policy?.carries !== undefined) {
    return {
      backend: fibers,
      reason: `policy ${policy.name} carries streams on, which a thread would have to build again`
    }
  }
  const waiting = pipeline.stages.find(({ _tag }) => _tag === "Effect")
  if (waiting !== undefined) {
    return { backend: fibers, reason: `stage ${waiting.id.name} is an effect, and fibers wait for many at once` }
  }
  return undefined
}

const byCost = (fibers: string, threads: string, milliseconds: number, left: number, pays: Pays): Choice => {
  const seconds = (milliseconds * left) / 1000
  const cost = `a batch takes ${milliseconds.toFixed(2)} ms, and what is left of the run ${seconds.toFixed(1)} s`
  return milliseconds < pays.batch || milliseconds * left < pays.run
    ? { backend: fibers, reason: `${cost}: threads pay from ${pays.batch} ms and ${pays.run / 1000} s on` }
    : { backend: threads, reason: `${cost}, on one of ${cores()} cores` }
}
