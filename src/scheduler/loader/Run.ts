/**
 * Opens a run: puts its workers, its queues and its delivery together.
 *
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { whole } from "../../core/Check.ts"
import { checked, InvalidOption } from "../../core/InvalidOption.ts"
import type { Names } from "../../core/Options.ts"
import * as Ambient from "../../patches/Ambient.ts"
import type { Batch } from "../../pipeline/Batch.ts"
import type { Pipeline } from "../../pipeline/Pipeline.ts"
import type { Failure } from "../backends/Backend.ts"
import { Workers } from "../backends/Workers.ts"
import type { FailureRules } from "../build/FailureRules.ts"
import { together } from "../build/Observer.ts"
import * as RunPlan from "../plan/RunPlan.ts"
import { Breath } from "./Breath.ts"
import type { CallSite } from "./CallSite.ts"
import * as Cursor from "./Cursor.ts"
import * as Delivery from "./Delivery.ts"
import * as Digest from "./Digest.ts"
import { EmptyBatches } from "./EmptyBatch.ts"
import * as Epochs from "./Epochs.ts"
import * as FailureServices from "./FailureServices.ts"
import type { EpochPassed, Loader, LoaderError } from "./Loader.ts"
import * as Metrics from "./Metrics.ts"
import * as Profile from "./Profile.ts"
import * as Repeats from "./Repeats.ts"
import { NAMES, type Options, pipelineOf, resolve, settings } from "./RunOptions.ts"
import { Spans } from "./Spans.ts"
import * as Verify from "./Verify.ts"
import * as Building from "./WorkerFibers.ts"
import { WorkerQueues } from "./WorkerQueues.ts"

/** Opens a run for the code at `site`, which called the function `of`; `names` are its options. @since 0.1.0 */
export const open = <C, E, R>(
  pipeline: Pipeline<Batch<C>, E, R>,
  options: Options,
  site: CallSite,
  of: string,
  names: Names<object> = NAMES
): Effect.Effect<Loader<C, E>, LoaderError<E>, R | Scope.Scope> =>
  Effect.gen(function* () {
    const {
      digest,
      prefetch,
      range: asked,
      ready,
      replay,
      verify
    } = yield* checked(() => {
      pipelineOf(of, pipeline)
      return settings(options, of, names)
    })
    const { backend, count: workers, start } = yield* Workers
    const traced = yield* Ambient.traced
    // As many queues as there are queues; more are never asked.
    const recorder = options.profile === true ? new Profile.Recorder(ready ? 1 : workers, prefetch, workers) : undefined
    const spans = traced ? new Spans(yield* Effect.tracer, yield* Effect.clock) : undefined
    const runPlan = yield* RunPlan.make(pipeline, workers, options)
    const counting = yield* Metrics.counting
    const failures = yield* FailureServices.current
    const rules = FailureServices.rules(failures, counting.retried)
    yield* checked(() => onceOnly(runPlan, rules))
    const { batches } = runPlan.plan
    const from = options.from === undefined ? undefined : yield* Cursor.check(options.from, runPlan, options.allow)
    const range = yield* checked(() => {
      const own = resolve(asked, from)
      // Beyond one epoch alone there are others, which runs of their own deliver.
      if (from !== undefined && own.start === 0) Cursor.within(from, runPlan, own.end)
      return own
    })
    yield* checked(() => whole("the batches of all epochs up to the run's last one", range.end * batches, 0))
    const epochs = range.end - range.start
    const end = range.end * batches
    // The first place that is to be built, and those behind it that are not to be built again.
    const first = from === undefined ? range.start * batches : from.epoch * batches + from.batch
    const ahead = new Set(from?.ahead.map(([place]) => place).filter((place) => place < end))
    const queues = new WorkerQueues({ workers, batches, prefetch, ready, first, end, ahead })
    const breath = new Breath()
    const span = traced
      ? yield* Effect.makeSpanScoped("furrow.run", {
          attributes: { workers, backend, epochs, batches, policy: runPlan.policy?.name ?? "none" },
          captureStackTrace: false
        })
      : undefined

    yield* Ambient.installed(pipeline.ambient)
    const context = yield* Effect.context<R>()
    const making = {
      digest,
      failures: rules,
      prefetch,
      batches: Math.max(end - first - ahead.size, 0),
      observer: together([recorder?.times, spans]),
      times: recorder?.times
    }
    const looks = yield* fromPipeline<ReadonlyArray<Building.Look>, E, R>(
      Building.start({ breath, runPlan, queues, recorder, settings: making, span, start }),
      context
    )
    const chain = chainFrom(from, first, runPlan)
    const chosen = new Verify.Chosen(verify, runPlan)
    const repeats = Repeats.track(runPlan, site, { from: from !== undefined, replay, start: first })
    const delivery = Delivery.make({
      batches,
      breath,
      budget:
        failures.skip === undefined ? 0 : FailureServices.allowance(failures.skip.budget, runPlan.plan.count * epochs),
      chain,
      chosen,
      counting,
      // A rank that is alone delivers nothing where nothing is left of a batch; several have to stay in step.
      empty: runPlan.plan.world === 1 ? undefined : new EmptyBatches(runPlan.plan),
      queues,
      looks,
      range,
      ready,
      recorder,
      repeats,
      skip: failures.skip,
      skippedBefore: from?.skipped ?? 0
    })
    // The last to be added is the first to be run: whoever waits for a batch hears of it before the workers end.
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        queues.close()
        repeats?.end()
      })
    )

    // By Pipeline's types what comes out behind the last stage is a batch with columns C, and its effects fail with E;
    // a batch of no rows has the columns of one with rows, or, as `Batch` says, none where the rank has no rows.
    const typed = <Own>(taking: Effect.Effect<Option.Option<Batch<unknown>>, Delivery.DeliveryError | Own>) =>
      taking as Effect.Effect<Option.Option<Batch<C>>, LoaderError<E> | Own>
    const take = typed<never>(delivery.take)
    const { stats } = delivery
    return {
      batches,
      take,
      // As above.
      forEach: delivery.forEach as Loader<C, E>["forEach"],
      stream: Stream.repeatEffectOption(
        Effect.flatMap(Effect.mapError(take, Option.some), (batch) =>
          Option.isSome(batch) ? Effect.succeed(batch.value) : Effect.fail(Option.none())
        )
      ),
      epochs: Epochs.make<C, E>(
        {
          enter: delivery.enter as Epochs.Source<C, E>["enter"], // as above
          takeOf: (epoch) => typed<EpochPassed>(delivery.takeOf(epoch))
        },
        yield* Effect.runtime<never>()
      ),
      stats: Effect.sync(() => ({ ...stats })),
      verify: fromPipeline<ReadonlyArray<Verify.Verified>, E, R, Verify.ImpureBatch>(
        Effect.tap(
          chosen.again(runPlan, making, (count) => {
            stats.retried += count
          }),
          (again) => {
            stats.verified += again.length
          }
        ),
        context
      ),
      profile: Effect.sync(() => Option.fromNullable(recorder?.profile(stats.waited))),
      digest: Effect.sync(() => chain.value),
      cursor: Effect.sync(() =>
        Cursor.make(runPlan, {
          // A run of no batches stays at its start.
          epoch: batches === 0 ? (from?.epoch ?? range.start) : Math.floor(chain.next / batches),
          batch: batches === 0 ? 0 : chain.next % batches,
          end: range.end,
          ahead: chain.early.map(([place, hash]) => [place, hash === undefined ? null : Digest.hex(hash)]),
          batches: stats.batches + (from?.batches ?? 0),
          samples: stats.samples + (from?.samples ?? 0),
          skipped: stats.skipped + (from?.skipped ?? 0),
          digest: digest ? chain.value : null
        })
      )
    }
  })

/** Throws where what is made again would not be what it was. */
const onceOnly = ({ policy }: RunPlan.RunPlan, { retry, skip, timeout }: FailureRules): void => {
  if (policy?.carries === undefined || (retry === undefined && skip === undefined && timeout.sample === undefined))
    return
  throw new InvalidOption({
    option: "the failure policy",
    value: skip === undefined ? (retry === undefined ? "timeout.sample" : "retry") : "skip",
    expected: `FailurePolicy.fail under policy ${policy.name}: it carries streams on from sample to sample, so that a sample that is made again would draw what comes next`
  })
}

/** The chain where the cursor's run left it; a rank that was another one starts a chain of its own. */
const chainFrom = (from: Cursor.Cursor | undefined, first: number, { plan }: RunPlan.RunPlan): Digest.Chain => {
  if (from === undefined) return Digest.Chain.from(new Uint8Array(32), first, [])
  const same = from.fingerprints.ranks === `${plan.rank} of ${plan.world}`
  const head = same && from.digest !== null ? Digest.fromHex(from.digest) : new Uint8Array(32)
  return Digest.Chain.from(
    head,
    first,
    from.ahead.map(([place, hash]) => [place, hash === null ? undefined : Digest.fromHex(hash)])
  )
}

/**
 * An effect of a worker with what the pipeline's types say of it and a worker does not know: it requires R, which
 * `context` holds, and its stages fail with E.
 *
 * @since 0.1.0
 */
export const fromPipeline = <A, E, R, Own = never>(
  effect: Effect.Effect<unknown, Failure | Own, unknown>,
  context: Context.Context<R>
): Effect.Effect<A, LoaderError<E> | Own> =>
  Effect.provide(effect, context as Context.Context<unknown>) as Effect.Effect<A, LoaderError<E> | Own>
