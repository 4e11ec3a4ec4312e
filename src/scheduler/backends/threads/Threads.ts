/**
 * The backend of threads: a pool of threads that take requests from shared memory and write batches into it.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as Runtime from "effect/Runtime"
import type { Backend } from "../Backend.ts"
import { BackendError } from "../BackendError.ts"
import { memberStart } from "../remote/MemberStart.ts"
import { loadedCode } from "../remote/ModuleCode.ts"
import * as Pool from "../remote/Pool.ts"
import { refuse } from "./NestedThreads.ts"
import { SharedQueue } from "./SharedQueue.ts"
import { ThreadBlocks } from "./ThreadBlocks.ts"
import { type Logged, logged } from "./ThreadLogs.ts"
import { ThreadMember } from "./ThreadMember.ts"

/** @since 0.1.0 */
export interface ThreadPoolOptions {
  /** How many threads at most; a run of fewer workers has as many as workers. */
  readonly threads: number
  /** The module that exports the pipeline, by URL. */
  readonly module: string
  /** The export's name. */
  readonly name: string
  /** What an export that is a function is called with. */
  readonly config: unknown
  /** How often threads are replaced that died or hung at batches of one worker. */
  readonly restarts: number
  /** How long a thread may take to load the module and build the pipeline and its services. */
  readonly loading: Duration.Duration
  /** How long a batch may take; `undefined` for as long as it likes. */
  readonly timeout: Duration.Duration | undefined
  /** How many bytes of batches may be built and not given back before threads begin only what is waited for. */
  readonly prefetchBytes: number | undefined
  /** Whether memory is overwritten as soon as it is given back, so that late reads show. */
  readonly debug: boolean
}

/** How many bytes each thread may be ahead, if nothing else is said: three batches of 32 large images, 160 of 128 small ones. */
const BYTES = 2 ** 26

/** How many batches each worker builds ahead, if nothing else is said: threads that build small batches never wait then. */
const PREFETCH = 8

/** @since 0.1.0 */
export const threads = (options: ThreadPoolOptions): Backend => {
  loadedCode(options.module) // close to when the program has loaded it
  return backend(options)
}

const backend = (options: ThreadPoolOptions): Backend => ({
  name: "threads",
  prefetch: PREFETCH,
  open: (runPlan, settings) =>
    Effect.gen(function* () {
      yield* notNested(options)
      const { plan, policy } = runPlan
      const workers = Math.min(plan.workers, Math.max(plan.batches ?? plan.workers, 1))
      const size = Math.min(options.threads, workers)
      const queue =
        policy?.carries === undefined
          ? SharedQueue.make({
              cells: workers * settings.prefetch,
              rows: Math.ceil(Math.min(plan.batchSize, plan.count) / plan.world),
              stages: runPlan.pipeline.stages.map(({ id }) => id.name),
              most: Math.ceil((options.prefetchBytes ?? size * BYTES) / 1024)
            })
          : undefined
      const code = loadedCode(options.module)
      const start = memberStart(runPlan, settings, { ...options, code: code?.hash })
      const members: Array<ThreadMember | undefined> = []
      if (queue !== undefined) {
        queue.onAnswer = (thread, id, request, answer) => members[thread]?.laidOut(id, request, answer) ?? false
      }
      const { debug, loading } = options
      const { _tag: level } = yield* FiberRef.get(FiberRef.currentMinimumLogLevel)
      const runtime = yield* Effect.runtime<never>()
      const relay = (own: Logged) => void Runtime.runFork(runtime)(logged(own))
      const blocks = new ThreadBlocks(size)
      return yield* Pool.open(runPlan, settings, {
        ...options,
        backend: "threads",
        size,
        queue,
        member: (thread, events) => {
          const member = new ThreadMember({
            start,
            thread,
            queue,
            blocks,
            debug,
            loading,
            events,
            level,
            logged: relay
          })
          members[thread] = member
          return member
        }
      })
    })
})

/** Fails inside a thread of Furrow's, which imports the module, too, and must not run its program. @since 0.1.0 */
export const notNested = ({ module }: Pick<ThreadPoolOptions, "module">): Effect.Effect<void, BackendError> =>
  Effect.suspend(() => {
    const reason = refuse()
    const nowhere = { epoch: undefined, batch: undefined, stage: undefined }
    return reason === undefined
      ? Effect.void
      : new BackendError({ backend: "threads", worker: 0, module, ...nowhere, reason })
  })
