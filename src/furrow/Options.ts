/**
 * The options of `furrow`, and the layers that it builds from them.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { duration, whole } from "../core/Check.ts"
import { InvalidOption } from "../core/InvalidOption.ts"
import { functionOf, given, type Names, optionsOf } from "../core/Options.ts"
import { foreign } from "../patches/EffectVersion.ts"
import type { RootInput } from "../random/Seed.ts"
import * as Workers from "../scheduler/backends/Workers.ts"
import type { StageError } from "../scheduler/build/StageError.ts"
import * as FailurePolicy from "../scheduler/loader/FailurePolicy.ts"
import { type EpochOptions, NAMES, type RunOptions } from "../scheduler/loader/RunOptions.ts"
import * as SeedPolicy from "../seeding/SeedPolicy.ts"

/** The policies that can be given by name; each takes the run's `seed`. @category models @since 0.1.0 */
export type PolicyName = "epochWorker" | "elastic"

const policies: Readonly<
  Record<PolicyName, (options: SeedPolicy.Options) => Layer.Layer<SeedPolicy.SeedPolicy, unknown>>
> = { epochWorker: SeedPolicy.epochWorker, elastic: SeedPolicy.elastic }

/**
 * A policy as a value: what `SeedPolicy`, `Parity` and the doubles of `furrow/testing` make.
 *
 * @category models
 * @since 0.1.0
 */
export type PolicyLayer = Layer.Layer<SeedPolicy.SeedPolicy, unknown>

/** What happens to a sample that cannot be built. @category models @since 0.1.0 */
export interface Failures {
  /** Attempt it again, up to `times` times, after waits that start at `delay` (default 100 ms) and double each time. */
  readonly retry?: { readonly times: number; readonly delay?: Duration.DurationInput }
  /** If all attempts fail, leave it out, within a budget. */
  readonly skip?: {
    readonly budget: FailurePolicy.Budget
    /** Is called with what was left out of a batch when that batch is taken. Default: a warning in the log. */
    readonly report?: (skipped: FailurePolicy.Skipped) => void | Promise<void>
    /**
     * Which errors may be skipped. Default: all. Faults of the program are never skipped. It must return a boolean: anything
     * else, such as a promise, is a `StageError`.
     */
    readonly when?: (error: StageError) => boolean
    readonly fill?: "none" | "neighbor"
  }
  readonly timeout?: FailurePolicy.Timeouts
}

/** Options of a run other than its epochs, its seed and its services. @category options @since 0.1.0 */
export interface PlainOptions extends RunOptions {
  /**
   * How many workers build batches. Default 1. They are those of `Workers.auto`, or of `Workers.threads` with `threads`. Or a
   * value of `Workers`.
   */
  readonly workers?: number | Layer.Layer<Workers.Workers, unknown>
  /**
   * The module that exports the pipeline as `pipeline`, by URL: `import.meta.resolve("./digits.ts")`. With it, the run
   * moves to threads if the loop over its batches waits for them. Default: the run stays on fibers.
   */
  readonly module?: string | URL
  /**
   * Build batches on a pool of threads, each of which imports the pipeline from a module: `{ pipeline: import.meta.url }`;
   * as `Workers.threads`.
   */
  readonly threads?: Omit<Workers.ThreadOptions, "workers">
  /** What happens to what fails: plain options, or a value of `FailurePolicy`. Default: the first error ends the run. */
  readonly failures?: Failures | Layer.Layer<FailurePolicy.FailurePolicy, unknown>
  /** Ends the run: a pending call rejects with the signal's reason, once all workers have ended. */
  readonly signal?: AbortSignal
}

/**
 * A seed, with or without the name of a policy; the compiler shows the sentence as a part of this type's name.
 *
 * @since 0.1.0
 */
export interface SeedNeeded<_Sentence extends string> {
  /** The run's seed: a whole number from 0 to 2^53 - 1, a bigint below 2^64, or a string. */
  readonly seed: RootInput
  /** How seeds are derived from it: a policy's name, by default `"epochWorker"`; or a policy as a value, without `seed`. */
  readonly policy?: PolicyName | undefined
}

/** A policy as a value, which has a seed of its own. @since 0.1.0 */
export interface PolicyNeeded<_Sentence extends string> {
  /** A policy as a value, without `seed`. */
  readonly policy: PolicyLayer
  readonly seed?: undefined
}

/** A seed and the name of a policy, or a policy as a value; neither may be optional if the pipeline draws. @since 0.1.0 */
export type Seeded<R> = SeedPolicy.SeedPolicy extends R
  ? PolicyNeeded<NoSeed> | SeedNeeded<NoSeed>
  : PolicyNeeded<NoSeed> | Partial<SeedNeeded<NoSeed>>

type NoSeed = "This pipeline draws random numbers, so it needs a seed: give { seed: 42 }, or a policy as a value"

/** Requires a layer if the pipeline requires services. @since 0.1.0 */
export type Served<R> = [Exclude<R, SeedPolicy.SeedPolicy>] extends [never]
  ? { readonly layer?: Layer.Layer<never, unknown> | Layer.Layer<unknown, unknown> }
  : {
      /** The services that the pipeline requires. */ readonly layer: Layer.Layer<
        Exclude<R, SeedPolicy.SeedPolicy>,
        unknown
      >
    }

/** The options of `furrow` for a pipeline that requires `R`. @category options @since 0.1.0 */
export type FurrowOptions<R> = PlainOptions & EpochOptions & Served<R> & Seeded<R>

/** The same options after they have been type-checked. @since 0.1.0 */
export type AnyOptions = PlainOptions &
  EpochOptions & {
    readonly seed?: RootInput | undefined
    readonly policy?: PolicyName | PolicyLayer | undefined
    readonly layer?: Layer.Layer<never, unknown> | undefined
  }

/** The names of all options of `furrow`. @since 0.1.0 */
export const FURROW: Names<AnyOptions> = {
  ...NAMES,
  workers: true,
  module: true,
  threads: true,
  failures: true,
  signal: true,
  seed: true,
  policy: true,
  layer: true
}

/**
 * Builds a layer that checks its options and does nothing else, so that an invalid one is thrown where it is given and not
 * when the run opens.
 */
const built = <A>(layer: Layer.Layer<A, InvalidOption>): Layer.Layer<A> => {
  const exit = Effect.runSyncExit(Effect.scoped(Layer.build(layer)))
  if (Exit.isSuccess(exit)) return Layer.succeedContext(exit.value)
  throw Cause.squash(exit.cause)
}

/** Whether an option is a layer. Throws `ForeignEffect` for one that another copy of `effect` made. */
const isLayer = <A, V>(value: V | Layer.Layer<A, unknown>): value is Layer.Layer<A, unknown> => {
  const wrong = foreign("a layer among furrow's options", value)
  if (wrong !== undefined) throw wrong
  return Layer.isLayer(value)
}

const seeding = ({ policy, seed }: AnyOptions): Layer.Layer<never, unknown> => {
  if (isLayer(policy)) {
    if (seed === undefined) return policy
    const expected = "left out beside a policy that is a value, which has its seed already"
    throw new InvalidOption({ option: "seed", value: seed, expected })
  }
  if (policy !== undefined && !Object.hasOwn(policies, policy)) {
    const expected = `${Object.keys(policies)
      .map((name) => JSON.stringify(name))
      .join(", ")}, or a policy as a value`
    throw new InvalidOption({ option: "policy", value: policy, expected })
  }
  if (seed !== undefined) return policies[policy ?? "epochWorker"]({ seed })
  if (policy === undefined) return Layer.empty
  throw new InvalidOption({ option: "seed", value: seed, expected: `given with policy ${JSON.stringify(policy)}` })
}

const working = ({ module, threads, workers = 1 }: AnyOptions): Layer.Layer<never, unknown> => {
  if (isLayer(workers)) {
    const expected = "left out beside workers that are a value"
    if (threads !== undefined) throw new InvalidOption({ option: "threads", value: threads, expected })
    if (module !== undefined) throw new InvalidOption({ option: "module", value: module, expected })
    return workers
  }
  const count = whole("workers", workers, 1, Workers.MAX)
  if (threads === undefined) {
    return built(Workers.auto(module === undefined ? { workers: count } : { workers: count, pipeline: module }))
  }
  if (module !== undefined) {
    const expected = "left out beside `threads`, which names the module in its option `pipeline`"
    throw new InvalidOption({ option: "module", value: module, expected })
  }
  given("threads", threads, 'an object such as { pipeline: import.meta.resolve("./digits.ts") }')
  optionsOf("threads", threads, THREADS)
  return built(Workers.threads({ ...threads, workers: count }))
}

/** The number of workers stands beside them. */
const THREADS: Names<NonNullable<PlainOptions["threads"]>> = {
  threads: true,
  pipeline: true,
  name: true,
  config: "own",
  restarts: true,
  loading: true,
  timeout: true,
  prefetchBytes: true,
  debug: true
}

const retrying = (retry: NonNullable<Failures["retry"]>): Schedule.Schedule<unknown, StageError> => {
  const { delay = "100 millis", times } = optionsOf("failures.retry", retry, { times: "own", delay: "own" })
  return Schedule.intersect(
    Schedule.recurs(whole("failures.retry.times", times, 0)),
    Schedule.exponential(duration("failures.retry.delay", delay))
  )
}

const failing = ({ failures }: AnyOptions): Layer.Layer<never, unknown> => {
  if (failures === undefined) return Layer.empty
  if (isLayer(failures)) return failures
  given("failures", failures, "an object such as { retry: { times: 3 } }, or a value of FailurePolicy")
  const { skip, timeout } = optionsOf("failures", failures, { retry: true, skip: true, timeout: true })
  const retry = failures.retry === undefined ? Layer.empty : built(FailurePolicy.retry(retrying(failures.retry)))
  const timed = timeout === undefined ? Layer.empty : built(FailurePolicy.timeout(timeout))
  return Layer.mergeAll(retry, timed, skipping(skip))
}

const skipping = (skip: Failures["skip"]): Layer.Layer<never, unknown> => {
  if (skip === undefined) return Layer.empty
  const { report, ...rest } = optionsOf("failures.skip", skip, {
    budget: "own",
    report: true,
    when: true,
    fill: true
  })
  if (report !== undefined) functionOf("failures.skip.report", report)
  return built(
    FailurePolicy.skip({
      ...rest,
      ...(report === undefined ? {} : { report: (own) => Effect.promise(async () => report(own)) })
    })
  )
}

/** Returns all services of a run. Throws `InvalidOption` and `ForeignEffect`. @since 0.1.0 */
export const layers = (options: AnyOptions): Layer.Layer<never, unknown> => {
  const { layer, signal } = options
  if (layer !== undefined && !isLayer(layer)) {
    throw new InvalidOption({
      option: "layer",
      value: layer,
      expected: "a Layer with the services that the pipeline requires"
    })
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new InvalidOption({ option: "signal", value: signal, expected: "an AbortSignal" })
  }
  return Layer.mergeAll(layer ?? Layer.empty, working(options), failing(options), seeding(options))
}
