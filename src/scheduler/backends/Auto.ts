/**
 * The backend that begins on fibers, and moves to threads when the consumer waits.
 *
 * Batches are functions of their coordinates, so where one is built changes nothing in it. The run begins at once, on
 * fibers; `Choice.ts` judges by what the consumer loses; threads take over once they are ready, also what was requested of
 * fibers before and is not begun, and none is built twice.
 * A long run starts its threads at once, while its consumer makes its first steps, and ends them if they are not needed.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import { isPlain } from "../../sources/RandomAccess.ts"
import type { RunPlan } from "../plan/RunPlan.ts"
import type { Backend, BuiltBatch, OpenBackend, RequestedBatch } from "./Backend.ts"
import { type Choice, Judge, type Loss, type Pays } from "./Choice.ts"
import { MovableBatches } from "./MovableBatch.ts"
import { changedOnArrival } from "./remote/NotSendable.ts"

/** @since 0.1.0 */
export interface AutoOptions {
  readonly fibers: Backend
  /** `undefined` if no module is given from which threads could build the pipeline. */
  readonly threads: Backend | undefined
  readonly pays: Pays
  /** How many cores there are. */
  readonly cores: number
  /** Milliseconds of a clock. */
  readonly now: () => number
  /** Is told what is chosen: when a run opens, and each time that it changes. */
  readonly said: (choice: Choice) => void
}

/** Fibers at first, and threads when the consumer waits. @since 0.1.0 */
export const auto = (options: AutoOptions): Backend => ({
  name: options.threads === undefined ? options.fibers.name : "auto",
  // As far ahead as the backend that it may move to.
  ...(options.threads?.prefetch === undefined ? {} : { prefetch: options.threads.prefetch }),
  open: (runPlan, settings) =>
    Effect.gen(function* () {
      const { cores, fibers, now, pays, said, threads } = options
      const here = yield* fibers.open(runPlan, settings)
      const choose = (backend: string, reason: string): string => {
        said({ backend, reason })
        settings.chosen?.({ backend, reason })
        return `workers on ${backend}: ${reason}`
      }
      const { consumer } = settings
      const reason = cores < 2 ? "there is one core" : beforehand(runPlan)
      yield* Effect.logDebug(
        choose(fibers.name, reason ?? "the run begins there, and its consumer has not waited long")
      )
      if (reason !== undefined || consumer === undefined) return here

      const judge = new Judge(pays, settings.batches)
      const measure = new Measure(now)
      const movable = new MovableBatches()
      const move = yield* Deferred.make<void>()
      /** What becomes of threads that were started at once is known. */
      const decided = yield* Deferred.make<void>()
      const back = yield* Deferred.make<void>()
      const left = yield* Deferred.make<void>()
      const began = now()
      const long = yield* Deferred.make<void>()
      /** Whether something is logged once the run is long. */
      let isUntold = false
      /** Where batches are requested, and what has to be polled. */
      let target: OpenBackend = here
      let polled: OpenBackend | undefined
      /** For each worker, how many more batches it requests of fibers until threads have none of it. */
      const leaving = new Map<number, number>()

      const look = (): void => {
        const { batches, waited } = consumer
        const verdict = judge.look({
          at: now(),
          batches,
          waited,
          built: measure.built,
          ...(target === here ? { each: measure.each } : {})
        })
        if (verdict === undefined) return
        if (verdict !== "back") Deferred.unsafeDone(decided, Effect.void)
        if (verdict !== "end") Deferred.unsafeDone(verdict === "move" ? move : back, Effect.void)
      }

      const scope = yield* Effect.scope
      /** Threads that start, in a scope of their own. */
      const starting = (backend: Backend) =>
        Effect.gen(function* () {
          const own = yield* Scope.fork(scope, ExecutionStrategy.sequential)
          const opened = Effect.exit(Scope.extend(backend.open(runPlan, settings), own))
          const ready = Effect.tap(opened, (exit) => {
            if (Exit.isFailure(exit)) return Deferred.succeed(decided, undefined)
            return Effect.sync(() => {
              judge.ready()
              // The consumer may take what was built before, and request nothing for a while.
              look()
            })
          })
          return { own, opened: yield* Effect.forkIn(Effect.interruptible(ready), own) }
        })
      let started = threads !== undefined && judge.startsAtOnce ? yield* starting(threads) : undefined
      const moving = Effect.gen(function* () {
        if (started !== undefined) {
          yield* Deferred.await(decided)
          const isMove = yield* Deferred.isDone(move)
          const failed = Option.exists(yield* Fiber.poll(started.opened), Exit.exists(Exit.isFailure))
          if (!(isMove || failed)) {
            yield* ended(started.own)
            started = undefined
          }
        }
        if (started === undefined) yield* Deferred.await(move)
        if (threads === undefined) {
          judge.stayed()
          const why = choose(fibers.name, `${lossOf(judge.onFibers)}, and ${NO_MODULE}`)
          isUntold = true
          yield* Deferred.await(long)
          return yield* Effect.logInfo(why)
        }
        /** What is built here would not arrive from a thread as it is: the run stays, since a backend changes nothing. */
        const stays = (): Effect.Effect<void> | undefined => {
          if (measure.changed === undefined) return undefined
          judge.stayed()
          return Effect.logInfo(choose(fibers.name, `${lossOf(judge.onFibers)}, and ${measure.changed}`))
        }
        const staying = stays()
        if (staying !== undefined) {
          if (started !== undefined) yield* ended(started.own)
          return yield* staying
        }
        const { opened: fiber, own } = started ?? (yield* starting(threads))
        const opened = yield* Fiber.join(fiber)
        if (Exit.isFailure(opened)) {
          const { message } = Cause.prettyErrors(opened.cause)[0] ?? { message: "its threads were interrupted" }
          judge.stayed()
          yield* ended(own)
          choose(fibers.name, `threads could not be started: ${message}`)
          yield* Effect.logWarning(`the run stays on fibers: ${message}`)
          return
        }
        const stayed = stays()
        if (stayed !== undefined) return yield* Effect.andThen(ended(own), stayed)
        target = opened.value
        movable.moveTo(target)
        polled = target
        judge.moved()
        yield* Effect.logDebug(choose(threads.name, `on fibers ${lossOf(judge.onFibers)}`))
        yield* Deferred.await(back)
        target = here
        for (let worker = 0; worker < runPlan.plan.workers; worker++) leaving.set(worker, settings.prefetch + 1)
        const why = `on threads ${lossOf(judge.onThreads)}, on fibers ${judge.onFibers.each.toFixed(2)} ms`
        yield* Effect.logDebug(choose(fibers.name, why))
        yield* Deferred.await(left)
        polled = undefined
        yield* ended(own)
      })
      yield* Effect.forkScoped(Effect.interruptible(moving))
      // They start before the consumer takes its first step, which may be a long one.
      if (started !== undefined) yield* Effect.yieldNow()

      /** A worker requests a batch of fibers again: those that it has of threads are fewer by one. */
      const leave = (worker: number): void => {
        const more = (leaving.get(worker) ?? 1) - 1
        if (more > 0) leaving.set(worker, more)
        else leaving.delete(worker)
        if (leaving.size === 0) Deferred.unsafeDone(left, Effect.void)
      }

      return {
        request: (coordinates, arrived) => {
          // Also while nothing is built, since all that is taken was built before.
          if (!judge.isSettled && (target !== here || !measure.isSeldom)) look()
          if (isUntold && now() - began > LONG_MS) {
            isUntold = false
            Deferred.unsafeDone(long, Effect.void)
          }
          if (target !== here) return target.request(coordinates, arrived)
          if (leaving.size > 0) leave(coordinates.worker)
          const requested = here.request(coordinates, arrived)
          if (judge.isSettled) return requested
          const own = measure.passes() && measure.hasSeen ? requested : measure.of(requested, look)
          return threads === undefined ? own : movable.of(coordinates, arrived, own)
        },
        poll: () => polled?.poll()
      }
    })
})

/** Closes a scope, all of it: what an interrupt leaves open of it nobody else closes. */
const ended = (scope: Scope.CloseableScope): Effect.Effect<void> =>
  Effect.uninterruptible(Scope.close(scope, Exit.void))

/** A run that is over by then has lost nothing that is worth a line. */
const LONG_MS = 1000

const NO_MODULE =
  "there is no module from which threads could build the pipeline: name the one that exports it, " +
  'as in { module: import.meta.resolve("./digits.ts") }'

/** What can be decided without a measurement. */
const beforehand = ({ pipeline, policy }: RunPlan): string | undefined => {
  if (policy?.carries !== undefined) {
    return `policy ${policy.name} carries streams on, which a thread would have to build again`
  }
  if (pipeline.dataset.stream !== undefined) {
    return `${pipeline.dataset.name} is a stream, which is read by this thread`
  }
  const waiting = pipeline.stages.find(({ _tag }) => _tag === "Effect")
  if (waiting !== undefined) return `stage ${waiting.id.name} is an effect, and fibers wait for many at once`
  if (!isPlain(pipeline.dataset)) {
    return `dataset ${pipeline.dataset.name} is read by effects, and fibers wait for many at once`
  }
  return undefined
}

const lossOf = ({ each, isAhead, share }: Loss): string =>
  `the consumer ${isAhead === true ? "would wait" : "waited"} ${Math.round(100 * share)} % of the time, ${each.toFixed(2)} ms a batch`

/** A batch that is built in less than so many milliseconds is measured only once in so many. */
const QUICK_MS = 0.25
const SELDOM = 16

/** How long batches are built on this thread, and whether they would arrive from another one as they are here. */
class Measure {
  /** Milliseconds in all. */
  built = 0
  /** What would not, and why. */
  changed: string | undefined
  /** How long the first one took; how many batches the rest of `built` stands for. */
  #first = 0
  #count = 0
  /** Batches that were measured, and are not empty. */
  #seen = 0
  readonly #now: () => number
  #passed = 0
  #every = 1

  constructor(now: () => number) {
    this.#now = now
  }

  /** Milliseconds a batch, but for the first one, which is built by code that no compiler has seen; 0 if none was built. */
  get each(): number {
    return this.#count === 0 ? 0 : (this.built - this.#first) / this.#count
  }

  /** Whether most batches are passed over, so that what is measured tells nothing until the next one is. */
  get isSeldom(): boolean {
    return this.#every > 1
  }

  /** Whether a batch was looked at that is not empty. */
  get hasSeen(): boolean {
    return this.#seen > 0
  }

  /** Looks at the first batch, and at the second, the fourth, the eighth and so on. */
  #look({ batch }: BuiltBatch): void {
    if (batch === undefined || this.changed !== undefined) return
    this.#seen++
    if ((this.#seen & (this.#seen - 1)) === 0) this.changed = changedOnArrival(batch)
  }

  /** Whether the next batch is passed over; the next one that is measured then counts for it, too. */
  passes(): boolean {
    this.#passed++
    return this.#passed < this.#every
  }

  /** The batch, measured; `seen` is called once it is, and so over all batches that were passed over before it. */
  of(requested: RequestedBatch, seen: () => void): RequestedBatch {
    const weight = this.#passed
    this.#passed = 0
    let from = 0
    const ended = (batch: BuiltBatch): void => {
      const milliseconds = this.#now() - from
      if (this.built === 0) this.#first = weight * milliseconds
      else this.#count += weight
      this.built += weight * milliseconds
      this.#every = milliseconds < QUICK_MS ? SELDOM : 1
      this.#look(batch)
      seen()
    }
    return {
      isLazy: requested.isLazy,
      isPending: requested.isPending,
      want: () => requested.want(),
      take: () => {
        from = this.#now()
        const taken = requested.take()
        if (taken !== undefined) ended(taken)
        return taken
      },
      ...(requested.build === undefined
        ? {}
        : {
            build: () => {
              from = this.#now()
              const built = requested.build?.()
              if (built !== undefined) ended(built)
              return built
            }
          }),
      content: Effect.suspend(() => {
        from = this.#now()
        return Effect.tap(requested.content, (batch) => Effect.sync(() => ended(batch)))
      })
    }
  }
}
