/**
 * Workers that begin on fibers and move to threads when that pays.
 *
 * Batches are functions of their coordinates, so where one is made changes nothing in it: the first ones are made here
 * and measured, none is made in vain, and a thread takes over once it is ready.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import { cores } from "../../core/runtime.ts"
import type { RunPlan } from "../plan/RunPlan.ts"
import type { Asked, Maker, Start } from "./Backend.ts"

/** What workers run on, and why. @since 0.1.0 */
export interface Choice {
  readonly backend: "fibers" | "threads"
  readonly reason: string
}

/** From where on threads pay. @since 0.1.0 */
export interface Pays {
  /** Milliseconds that a batch takes: telling a thread of one takes some 0.05. */
  readonly batch: number
  /** Milliseconds that the rest of the run would take on one core: a thread takes some 500 to start and to warm up. */
  readonly run: number
}

/** How many batches are measured; the quickest counts, as the first ones run before the engine has compiled them. */
const MEASURED = 16

/** What a run's workers know of it together. */
interface Deciding {
  readonly times: Array<number>
  choice: Choice | undefined
}

/**
 * Starts workers on fibers, and moves them to threads when that pays. `said` is told what was chosen, once a run.
 *
 * @since 0.1.0
 */
export const onEither = (fiber: Start, thread: Start, pays: Pays, said: (choice: Choice) => void): Start => {
  const runs = new WeakMap<RunPlan, Deciding>()
  return (runPlan, worker, settings) =>
    Effect.gen(function* () {
      const known = runs.get(runPlan)
      const run: Deciding = known ?? { times: [], choice: undefined }
      if (known === undefined) {
        runs.set(runPlan, run)
        run.choice = beforehand(runPlan)
        if (run.choice !== undefined) yield* announce(run.choice, said)
      }
      const here = yield* fiber(runPlan, worker, settings)
      if (here._tag !== "Here") return here
      const scope = yield* Effect.scope
      let moved: Extract<Maker, { readonly _tag: "There" }> | undefined
      let moving = false

      /** A thread that cannot be had leaves the worker where it is: on a fiber the pipeline runs, too. */
      const move = Effect.matchEffect(thread(runPlan, worker, settings), {
        onFailure: (error) => Effect.logWarning(`worker ${worker} stays on a fiber: ${error.message}`),
        onSuccess: (maker) =>
          Effect.sync(() => {
            if (maker._tag === "There") moved = maker
          })
      })

      const measured = (batch: Asked): Asked =>
        Effect.suspend(() => {
          const started = performance.now()
          return Effect.tap(batch, () => {
            run.times.push(performance.now() - started)
            if (run.choice !== undefined || run.times.length < MEASURED) return Effect.void
            run.choice = byCost(Math.min(...run.times), settings.batches - run.times.length, pays)
            return announce(run.choice, said)
          })
        })

      return {
        _tag: "There",
        askNow: (epoch, batch, arrived) => moved?.askNow?.(epoch, batch, arrived),
        look: (wait) => moved?.look?.(wait),
        ask: (epoch, batch) =>
          Effect.gen(function* () {
            if (moved !== undefined) return yield* moved.ask(epoch, batch)
            if (run.choice?.backend === "threads" && !moving) {
              moving = true
              yield* Effect.forkIn(Effect.provideService(move, Scope.Scope, scope), scope)
            }
            const made = here.make(epoch, batch)
            return run.choice === undefined ? measured(made) : made
          })
      }
    })
}

const announce = (choice: Choice, said: (choice: Choice) => void): Effect.Effect<void> =>
  Effect.zipRight(
    Effect.sync(() => said(choice)),
    Effect.logDebug(`workers on ${choice.backend}: ${choice.reason}`)
  )

/** What can be told without a measurement. */
const beforehand = ({ pipeline, policy }: RunPlan): Choice | undefined => {
  const own = cores()
  if (own < 2) return { backend: "fibers", reason: "there is one core" }
  if (policy?.carries !== undefined) {
    return {
      backend: "fibers",
      reason: `policy ${policy.name} carries streams on, which a thread would have to make again`
    }
  }
  const waiting = pipeline.stages.find(({ _tag }) => _tag === "Effect")
  if (waiting !== undefined) {
    return { backend: "fibers", reason: `stage ${waiting.id.name} is an effect, and fibers wait for many at once` }
  }
  return undefined
}

const byCost = (milliseconds: number, left: number, pays: Pays): Choice => {
  const seconds = (milliseconds * left) / 1000
  const cost = `a batch takes ${milliseconds.toFixed(2)} ms, and what is left of the run ${seconds.toFixed(1)} s`
  return milliseconds < pays.batch || milliseconds * left < pays.run
    ? { backend: "fibers", reason: `${cost}: threads pay from ${pays.batch} ms and ${pays.run / 1000} s on` }
    : { backend: "threads", reason: `${cost}, on one of ${cores()} cores` }
}
