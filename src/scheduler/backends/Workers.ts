/**
 * How many workers make batches, and on what: the service that a run takes its workers from.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { duration, finite, whole } from "../../core/Check.ts"
import { checked, InvalidOption } from "../../core/InvalidOption.ts"
import { type Names, optionsOf, textOf, truth } from "../../core/Options.ts"
import { cores } from "../../core/runtime.ts"
import { Tensor } from "../../core/Tensor.ts"
import { auto as autoOf } from "./Auto.ts"
import type { Backend } from "./Backend.ts"
import type * as Choices from "./Choice.ts"
import * as Fibers from "./Fibers.ts"
import { notChanged, notMissing } from "./threads/ModuleFile.ts"
import * as Threads from "./threads/Threads.ts"

export type { Backend, BuiltBatch, OpenBackend, RequestedBatch } from "./Backend.ts"

/** What `auto` chose, and why. @category models @since 0.1.0 */
export type Choice = Choices.Choice

/** @category models @since 0.1.0 */
export interface Service {
  /** How many workers the run has. */
  readonly count: number
  /** Where their batches are built. */
  readonly backend: Backend
  /** What {@link chosen} returns; left out by a backend that chooses nothing. */
  readonly chosen?: Effect.Effect<Option.Option<Choice>>
}

/**
 * The tag of the workers. A run that is given none has one worker, as {@link auto} builds its batches without a module.
 *
 * @category services
 * @since 0.1.0
 */
export class Workers extends Context.Reference<Workers>()("furrow/Workers", {
  defaultValue: () => choosing({ workers: 1 })
}) {}

/**
 * Which backend builds the batches of the last run that was opened, and why: none before one is opened, and none if the
 * workers are not {@link auto}'s, which are the ones that choose.
 *
 * @category services
 * @since 0.1.0
 */
export const chosen: Effect.Effect<Option.Option<Choice>> = Effect.flatMap(
  Workers,
  (own) => own.chosen ?? Effect.succeedNone
)

/** The most workers a run can have: what the seed packing has room for. @category constants @since 0.1.0 */
export const MAX = 4096

/** How fibers build batches. @category options @since 0.1.0 */
export interface FiberOptions extends Fibers.FiberMemory {
  /** How many workers: a whole number from 1 to 4096. */
  readonly workers: number
}

/**
 * Workers whose batches are built by fibers of this thread. Fails with `InvalidOption` if an option is invalid.
 *
 * @example
 * import { Effect, Exit } from "effect"
 * import { Workers } from "furrow"
 *
 * const count = Workers.Workers.pipe(Effect.map((workers) => workers.count))
 * console.assert(Effect.runSync(count.pipe(Effect.provide(Workers.fibers({ workers: 4 })))) === 4)
 * console.assert(Exit.isFailure(Effect.runSyncExit(count.pipe(Effect.provide(Workers.fibers({ workers: 0 }))))))
 *
 * @category layers
 * @since 0.1.0
 */
export const fibers = (options: FiberOptions): Layer.Layer<Workers, InvalidOption> =>
  Layer.effect(
    Workers,
    checked(() => {
      const { debug, workers } = optionsOf("Workers.fibers", options, { workers: true, debug: true })
      return {
        count: whole("workers", workers, 1, MAX),
        backend: Fibers.fibers({ debug: truth("debug", debug ?? false) })
      }
    })
  )

/** The most threads a run can have. @category constants @since 0.1.0 */
export const MAX_THREADS = 256

/** How threads build batches. @category options @since 0.1.0 */
export interface ThreadOptions {
  /** How many workers: a whole number from 1 to 4096. */
  readonly workers: number
  /**
   * How many threads build their batches: any free thread builds the next batch that is requested, so their number changes
   * no batch. From 1 to 256. Default: as many as workers, but not more than the cores of the machine.
   */
  readonly threads?: number
  /** The module that exports the pipeline: `import.meta.resolve("./digits.ts")`, or a URL. */
  readonly pipeline: string | URL
  /** The export's name: a pipeline, or a function that returns one or promises one. Default `pipeline`. */
  readonly name?: string
  /**
   * What a function is called with, in each thread: plain data, as it is sent there, and tensors. Data that lies in a
   * `SharedArrayBuffer`, or comes from `Tensor.resident`, exists once for all threads; of all else each has a copy.
   */
  readonly config?: unknown
  /**
   * How often threads are replaced that died or hung at batches of one worker, or without a batch, before the run fails.
   * Default 3.
   */
  readonly restarts?: number
  /** How long a thread may take to load the module and to build the pipeline and its services. Default 2 minutes. */
  readonly loading?: Duration.DurationInput
  /** How long a thread may be at one batch before it is replaced. Default: no limit. */
  readonly timeout?: Duration.DurationInput
  /**
   * How many bytes of batches may be built and not given back: beyond them threads begin only what the consumer waits for.
   * `prefetch` bounds their number. Default 64 MiB for each thread.
   */
  readonly prefetchBytes?: number
  /** Overwrite the memory of a batch as soon as it is given back, so that late reads show. Default `false`. */
  readonly debug?: boolean
}

/**
 * Workers whose batches are built by a pool of threads. The pipeline is not sent there: each thread imports the module and
 * builds it again, and is refused if it is not the one that is run. Order and seeds come from this side, so that the
 * batches are those of {@link fibers}, to the bit, on any number of threads.
 *
 * A free thread builds the next batch requested, of any worker: one that is slow or dies holds up only the batch that it
 * is at. Under a policy that carries streams, thread w mod `threads` builds all batches of worker w.
 *
 * A module may export `services`, a layer with what the pipeline's stages require.
 *
 * Fails with `InvalidOption` if an option is invalid: for example a module that is not a URL.
 *
 * @category layers
 * @since 0.1.0
 */
export const threads = (options: ThreadOptions): Layer.Layer<Workers, InvalidOption> =>
  Layer.effect(
    Workers,
    checked(() => ({
      backend: threadsOf("Workers.threads", optionsOf("Workers.threads", options, THREADS)),
      count: whole("workers", options.workers, 1, MAX)
    }))
  )

const THREADS: Names<ThreadOptions> = {
  workers: true,
  threads: true,
  pipeline: true,
  name: true,
  config: true,
  restarts: true,
  loading: true,
  timeout: true,
  prefetchBytes: true,
  debug: true
}

/** How workers choose. @category options @since 0.1.0 */
export interface AutoOptions extends Omit<ThreadOptions, "pipeline"> {
  /** The module that exports the pipeline, as for {@link threads}. Without one, the run stays on fibers. */
  readonly pipeline?: string | URL
  /** How many threads build batches, as for {@link threads}, but by default one core is left to the consumer. */
  readonly threads?: number
  /**
   * From which loss on the run moves to threads: if the consumer loses more than this share of the time, 0 … 1, by waiting,
   * and would lose at least this long in the rest of the run. Default: 0.05 and 1 s.
   */
  readonly pays?: { readonly share?: number; readonly rest?: Duration.DurationInput }
}

/**
 * Workers that begin on fibers, so that the first batch comes at once, and move to threads if the consumer waits for
 * batches: for more than 5 % of the time, and, at that rate, for a second or more in the rest of the run. That is looked at
 * from the second batch on, every 0.1 s, or every 10 ms once threads are ready. What a batch takes to build on the consumer's
 * own thread counts as waiting, also if it was built before the consumer's first step. A run of so many batches that a
 * millisecond each would be long enough (1000 by default) starts its threads at once, so that they are ready when it moves,
 * and ends them two seconds later if the consumer does not wait. When it moves, threads also build what was requested of
 * fibers and is not begun, but for the next batch of each worker. By default there is a
 * thread less than there are cores, and at least one: the consumer has a core to itself.
 *
 * If the consumer waits no less on threads than it did on fibers, the run goes back to fibers for good, two seconds
 * after it moved. If it no longer waits on threads, it stays there.
 *
 * Without a module in `pipeline` the run stays on fibers, and if threads would pay, says so in the log, once a run. It stays
 * on fibers as well where there is one core, if the dataset is read by effects or a stage is one (fibers wait for many at
 * once), if the policy carries streams on, and if threads cannot start or the module was changed after this process began, so that threads could
 * build by other code, which is logged as a warning. A module whose file is
 * not there is a `BackendError` when the run opens.
 *
 * Where a batch is built changes nothing in it, so all give the same batches, to the bit. {@link chosen} and the profile of
 * the run say what was chosen and why; it is logged at level debug, too.
 *
 * Fails as {@link threads} does.
 *
 * @example
 * import { Effect, Option } from "effect"
 * import { Workers } from "furrow"
 *
 * const workers = Workers.auto({ workers: 2, pipeline: "file:///app/digits.ts" })
 * const chosen = Workers.chosen.pipe(Effect.provide(workers))
 * console.assert(Option.isNone(Effect.runSync(chosen))) // no run has been opened
 *
 * @category layers
 * @since 0.1.0
 */
export const auto = (options: AutoOptions): Layer.Layer<Workers, InvalidOption> =>
  Layer.effect(
    Workers,
    checked(() => choosing(optionsOf("Workers.auto", options, { ...THREADS, pays: true })))
  )

/** Throws `InvalidOption`. */
const choosing = ({ pipeline, ...options }: AutoOptions): Service => {
  const { pays = {}, workers } = options
  optionsOf("pays", pays, { share: true, rest: true })
  let choice: Choice | undefined
  const fibersAtFirst = Fibers.fibers({ debug: truth("debug", options.debug ?? false) })
  const pool = { ...options, threads: options.threads ?? Math.min(Math.max(cores() - 1, 1), MAX_THREADS) }
  const threads =
    pipeline === undefined ? undefined : unchanged(threadsOf("Workers.auto", { ...pool, pipeline }), url(pipeline))
  const backend = autoOf({
    fibers: fibersAtFirst,
    threads,
    pays: {
      share: finite("pays.share", pays.share ?? 0.05, 0, 1),
      rest: Duration.toMillis(duration("pays.rest", pays.rest ?? "1 second"))
    },
    cores: cores(),
    now: () => performance.now(),
    said: (own) => {
      choice = own
    }
  })
  return {
    backend: pipeline === undefined ? backend : startable(backend, url(pipeline)),
    count: whole("workers", workers, 1, MAX),
    chosen: Effect.sync(() => Option.fromNullable(choice))
  }
}

/** What could never move to threads fails at once, not when it moves: within a thread, it would run the whole program on fibers. */
const startable = (backend: Backend, module: string): Backend => ({
  ...backend,
  open: (runPlan, settings) =>
    Effect.zipRight(Effect.zipRight(Threads.notNested({ module }), notMissing(module)), backend.open(runPlan, settings))
})

/** A run that has begun on fibers goes on by the code that built its first batches. */
const unchanged = (backend: Backend, module: string): Backend => ({
  ...backend,
  open: (runPlan, settings) => Effect.zipRight(notChanged(module), backend.open(runPlan, settings))
})

const threadsOf = (of: string, options: ThreadOptions): Backend =>
  Threads.threads({
    module: url(options.pipeline),
    threads: whole("threads", options.threads ?? Math.min(cores(), MAX_THREADS), 1, MAX_THREADS),
    name: textOf(`name of ${of}`, options.name ?? "pipeline", "the name of an export"),
    config: plain("config", options.config),
    restarts: whole("restarts", options.restarts ?? 3, 0),
    loading: duration("loading", options.loading ?? "2 minutes"),
    timeout: options.timeout === undefined ? undefined : duration("timeout", options.timeout),
    prefetchBytes:
      options.prefetchBytes === undefined ? undefined : whole("prefetchBytes", options.prefetchBytes, 1, 2 ** 40),
    debug: truth("debug", options.debug ?? false)
  })

const url = (value: string | URL): string => {
  const text = String(value)
  if (URL.canParse(text)) return text
  const expected = 'a URL, such as import.meta.resolve("./digits.ts") gives'
  throw new InvalidOption({ option: "the module of the pipeline", value: text, expected })
}

/** `value` when it can be sent to a thread; else the part of it that cannot is named by its path. */
const plain = (path: string, value: unknown): unknown => {
  if (value instanceof Tensor) {
    plain(`${path}.shape`, value.shape)
    return value
  }
  // Nothing of it is looked at, and a copy of a dataset would be costly.
  if (ArrayBuffer.isView(value)) return value
  if (typeof value === "object" && value !== null) {
    const prototype: unknown = Object.getPrototypeOf(value)
    if (Array.isArray(value) || prototype === Object.prototype || prototype === null) {
      for (const [key, own] of Object.entries(value)) plain(`${path}.${key}`, own)
      return value
    }
  }
  try {
    structuredClone(value)
    return value
  } catch {
    const expected = "plain data that can be sent to a thread: no functions, symbols, promises or open resources"
    throw new InvalidOption({ option: path, value, expected })
  }
}
