/**
 * Keeps the threads of a runner after their run: they have loaded its module, built its pipeline and opened its data, so the
 * first batch of the next run of the same pipeline comes at once.
 *
 * A run reuses threads only if module, export, config, fingerprint, workers, ranks, policy, seed and the code of the module are
 * equal. Runs whose policy carries streams get new threads, since their streams start anew.
 *
 * @since 0.1.0
 */
import { createHash } from "node:crypto"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import { cores } from "../core/runtime.ts"
import { codeOf } from "../scheduler/backends/remote/ModuleCode.ts"
import type { MemberStart } from "../scheduler/backends/remote/Protocol.ts"
import { Packing, pack } from "../service/WireValue.ts"
import type { BuilderEvents, Builders } from "./Builders.ts"
import { packableStart } from "./RunnerMessages.ts"
import { ThreadPool, type ThreadPoolOptions } from "./ThreadPool.ts"

/** How many runs' threads are kept at most. */
const MOST_KEPT = 2

/** How long threads may take to finish batches of a run that is over, in milliseconds; the second if another run waits for them. */
const SETTLE_MS = 5000
const SETTLE_WANTED_MS = 500

/** How long threads may take to answer before they are reused. One where a timer of a stage loops for ever does not answer. */
const ANSWER_MS = 1000

/** The longest time that a timer waits for, about 25 days. */
const LONGEST_MS = 2 ** 31 - 1

/** @since 0.1.0 */
export interface WarmThreadsOptions extends Pick<ThreadPoolOptions, "threads" | "loading"> {
  /** For how long. */
  readonly keep: Duration.Duration
}

/** Threads that wait for a run. */
interface Kept {
  readonly key: string
  readonly pool: ThreadPool
  readonly timers: ReadonlyArray<ReturnType<typeof setTimeout>>
  /** Is called once they have nothing to do. */
  free: () => void
}

/** @since 0.1.0 */
export class WarmThreads {
  readonly #options: WarmThreadsOptions
  readonly #fork: ThreadPoolOptions["fork"]
  readonly #kept: Array<Kept> = []
  /**
   * As many threads start at once as there are cores. If many loaders come together, more would take the time of the thread that
   * answers these, and none of them would be ready before its loader gives up.
   */
  readonly #starts = Effect.unsafeMakeSemaphore(cores())
  #isClosed = false

  private constructor(options: WarmThreadsOptions, fork: ThreadPoolOptions["fork"]) {
    this.#options = options
    this.#fork = fork
  }

  /** All threads that are kept end with the scope. */
  static make(options: WarmThreadsOptions): Effect.Effect<WarmThreads, never, Scope.Scope> {
    return Effect.gen(function* () {
      const fork = yield* FiberSet.makeRuntime<never>()
      const own = new WarmThreads(options, (effect) => void fork(effect))
      yield* Effect.addFinalizer(() => Effect.promise(() => own.close()))
      return own
    })
  }

  /** Keeps none any more. */
  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.all(this.#kept.slice().map((own) => this.#drop(own)))
  }

  /** Builds a run until the scope closes. Fails with an error whose message says why it cannot be built. */
  builders(start: MemberStart, events: BuilderEvents): Effect.Effect<Builders, Error, Scope.Scope> {
    return Effect.gen(this, function* () {
      const { loading, threads } = this.#options
      const key = this.#key(start)
      const warm = key === undefined ? undefined : yield* this.#take(key)
      if (warm !== undefined) return warm.attach(events)
      let kept = key
      const pool = new ThreadPool({ start, threads, loading, fork: this.#fork, starts: this.#starts })
      yield* Effect.addFinalizer(() => Effect.promise(() => this.#leave(kept, pool)))
      yield* pool.start
      // It may have changed while they loaded it.
      if (this.#key(start) !== key) kept = undefined
      return pool.attach(events)
    })
  }

  /** What a run must have in common with another one to get its threads; `undefined` if none is kept for it. */
  #key({ traceparent: _, ...start }: MemberStart): string | undefined {
    if (start.policy?.carries !== undefined || Duration.toMillis(this.#options.keep) === 0) return undefined
    const code = codeOf(start.module)
    if (code?.isWhole !== true) return undefined
    const packing = new Packing()
    const hash = createHash("sha256").update(code.hash)
    hash.update(JSON.stringify(pack(packableStart(start), packing)))
    for (const { data, shape } of packing.parts) {
      hash.update(`${data.constructor.name} ${shape} `)
      hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    }
    return hash.digest("hex")
  }

  /** Takes threads that are kept, until the scope closes. Those that do not come to an end, or do not answer, are ended. */
  #take(key: string): Effect.Effect<ThreadPool | undefined, never, Scope.Scope> {
    return Effect.gen(this, function* () {
      const found = this.#kept.find((own) => own.key === key)
      if (found === undefined) return undefined
      const { pool } = found
      this.#remove(found)
      yield* Effect.addFinalizer(() => Effect.promise(() => this.#leave(key, pool)))
      const free = Effect.async<void>((resume) => {
        found.free = () => resume(Effect.void)
        if (pool.isFree || !pool.isSound) resume(Effect.void)
      })
      const settled = Effect.zipRight(Effect.timeout(free, SETTLE_WANTED_MS), Effect.timeout(pool.answers, ANSWER_MS))
      const isSettled = yield* Effect.interruptible(Effect.isSuccess(settled))
      if (isSettled && pool.isFree && pool.isSound) return pool
      void pool.end()
      return undefined
    }).pipe(Effect.uninterruptible)
  }

  /** A run is over: its threads are kept if they can be. */
  async #leave(key: string | undefined, pool: ThreadPool): Promise<void> {
    if (key === undefined || this.#isClosed || !pool.isSound) {
      pool.detach(() => undefined)
      return pool.end()
    }
    const ends = setTimeout(() => void this.#drop(own), Math.min(Duration.toMillis(this.#options.keep), LONGEST_MS))
    const settles = setTimeout(() => pool.isFree || void this.#drop(own), SETTLE_MS)
    const own: Kept = { key, pool, timers: [ends, settles], free: () => undefined }
    for (const timer of own.timers) timer.unref()
    pool.detach(() => {
      if (!pool.isSound) void this.#drop(own)
      own.free()
    })
    this.#kept.push(own)
    const [oldest] = this.#kept
    if (this.#kept.length > MOST_KEPT && oldest !== undefined) await this.#drop(oldest)
  }

  #remove(own: Kept): void {
    for (const timer of own.timers) clearTimeout(timer)
    const place = this.#kept.indexOf(own)
    if (place !== -1) this.#kept.splice(place, 1)
  }

  #drop(own: Kept): Promise<void> {
    this.#remove(own)
    return own.pool.end()
  }
}
