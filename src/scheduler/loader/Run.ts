/**
 * Opens a run: puts its workers, its queues and its delivery together.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { whole } from "../../core/Check.ts"
import { EventLoop } from "../../core/EventLoop.ts"
import { checked, InvalidOption } from "../../core/InvalidOption.ts"
import { type Names, textOf } from "../../core/Options.ts"
import * as Ambient from "../../patches/Ambient.ts"
import type { Batch } from "../../pipeline/Batch.ts"
import type { Pipeline } from "../../pipeline/Pipeline.ts"
import { isUncounted } from "../../sources/stream/Dealing.ts"
import type { Choice } from "../backends/Choice.ts"
import * as ProvidedPlan from "../backends/ProvidedPlan.ts"
import * as Workers from "../backends/Workers.ts"
import type { FailureRules } from "../build/FailureRules.ts"
import { together } from "../build/Observer.ts"
import { tellWindows } from "../plan/BlockWindows.ts"
import { look } from "../plan/Content.ts"
import type * as RunPlan from "../plan/RunPlan.ts"
import type { CallSite } from "./CallSite.ts"
import * as CursorCheck from "./CursorCheck.ts"
import { Delivery } from "./Delivery.ts"
import { EmptyBatches } from "./EmptyBatch.ts"
import type * as FailurePolicy from "./FailurePolicy.ts"
import * as FailureServices from "./FailureServices.ts"
import type { LoaderError } from "./Loader.ts"
import * as Metrics from "./Metrics.ts"
import { fromPipeline, OpenRun } from "./OpenRun.ts"
import * as Profile from "./Profile.ts"
import * as Repeats from "./Repeats.ts"
import { NAMES, type Options, pipelineOf, settings } from "./RunOptions.ts"
import * as RunStart from "./RunStart.ts"
import { Spans, traceparentOf } from "./Spans.ts"
import * as Verify from "./Verify.ts"
import * as WorkerFibers from "./WorkerFibers.ts"
import { WorkerQueues } from "./WorkerQueues.ts"

/** Opens a run for the code at `site`, which called the function `of`; `names` are its options. @since 0.1.0 */
export const open = <C, E, R>(
  pipeline: Pipeline<Batch<C>, E, R>,
  options: Options,
  site: CallSite,
  of: string,
  names: Names<object> = NAMES
): Effect.Effect<OpenRun<C, E, R>, LoaderError<E>, R | Scope.Scope> =>
  Effect.gen(function* () {
    const own = yield* checked(() => {
      pipelineOf(of, pipeline)
      return settings(options, of, names)
    })
    const { digest, ready } = own
    const workers = yield* Effect.flatMap(Workers.Workers, (given) => checked(() => valid(given)))
    const prefetch = own.prefetch ?? workers.backend.prefetch ?? 2
    const traced = yield* Ambient.traced
    // Under order "ready" all workers share one queue.
    const recorder =
      options.profile === true ? new Profile.Recorder(ready ? 1 : workers.count, prefetch, workers.count) : undefined
    const spans = traced ? new Spans(yield* Effect.tracer, yield* Effect.clock) : undefined
    const counting = yield* Metrics.counting
    const failures = yield* FailureServices.current
    const rules = FailureServices.rules(failures, counting.retried)

    const planned = yield* ProvidedPlan.make(pipeline, workers.count, options)
    yield* checked(() => {
      onceOnly(planned, rules)
      inStep(planned)
      // A function `content` that throws is told of here, not where the first batch is delivered.
      look(pipeline.dataset, planned.size, Repeats.extentOf(planned.size))
    })
    for (const warning of tellWindows(planned)) yield* Effect.logWarning(warning)
    const cursor =
      options.from === undefined ? undefined : yield* CursorCheck.check(options.from, planned, options.allow)
    const start = yield* checked(() => RunStart.make(own.range, cursor, planned))
    const { ahead, delivered, end, first, from, range, runPlan, sequence } = start
    const { plan } = runPlan

    const epochs = range.end - range.start
    const span = traced
      ? yield* Effect.makeSpanScoped("furrow.run", {
          attributes: {
            workers: workers.count,
            backend: workers.backend.name,
            epochs,
            batches: plan.batches ?? "unknown",
            policy: runPlan.policy?.name ?? "none"
          },
          captureStackTrace: false
        })
      : undefined
    yield* Ambient.installed(pipeline.ambient)
    const context = yield* Effect.context<R>()

    const queues = new WorkerQueues({ workers: workers.count, sequence, prefetch, ready, first, end, ahead })
    const eventLoop = new EventLoop()
    // The workers begin before there is a delivery.
    let delivery: Delivery | undefined
    const consumer = {
      get batches() {
        return delivery?.stats.batches ?? 0
      },
      get waited() {
        return delivery?.stats.waited ?? 0
      }
    }
    const building = {
      digest,
      failures: rules,
      prefetch,
      consumer,
      chosen: (choice: Choice) => recorder?.chose(choice),
      replaced: counting.replaced,
      traceparent: span === undefined ? undefined : traceparentOf(span),
      batches: remaining(start),
      start: { epoch: sequence.epochOf(first), batch: sequence.batchOf(first) },
      observer: together([recorder?.times, spans]),
      times: recorder?.times
    }
    const wants = yield* fromPipeline<ReadonlyArray<WorkerFibers.Want>, E, R>(
      WorkerFibers.start({ backend: workers.backend, eventLoop, runPlan, queues, recorder, settings: building, span }),
      context
    )
    const chosen = new Verify.Chosen(own.verify, runPlan)
    const repeats = Repeats.track(runPlan, sequence, site, {
      from: from !== undefined,
      replay: own.replay,
      start: first
    })
    const { skip } = failures
    yield* checked(() => countedBudget(planned, skip?.budget))
    delivery = new Delivery({
      budget:
        skip === undefined ? 0 : FailureServices.allowance(skip.budget, plan.count * (range.end - start.countedFrom)),
      chosen,
      counting,
      cuts: plan.cuts,
      delivered,
      // A rank that is alone delivers nothing where nothing is left of a batch; several have to stay in step.
      empty: plan.world === 1 ? undefined : new EmptyBatches(plan, sequence),
      eventLoop,
      lends: own.lends,
      queues,
      range,
      ready,
      recorder,
      repeats,
      sequence,
      skip,
      skippedBefore: from?.skipped ?? 0,
      wants
    })
    // Finalizers run in reverse order: consumers that wait for a batch are told before the workers end.
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        queues.close()
        delivery?.loan.close()
        repeats?.end()
        counting.ended()
      })
    )
    const runtime = yield* Effect.runtime<never>()
    return new OpenRun<C, E, R>({ start, delivery, chosen, recorder, settings: building, context, runtime })
  })

/** Returns workers of a caller's own if they are valid; else throws `InvalidOption`. */
const valid = (workers: Workers.Service): Workers.Service => {
  const { backend, count } = workers
  whole("count of the workers", count, 1, Workers.MAX)
  if (typeof backend === "object" && backend !== null && typeof backend.open === "function") {
    textOf("name of the workers' backend", backend.name)
    if (backend.prefetch !== undefined) whole("prefetch of the workers' backend", backend.prefetch, 1)
    return workers
  }
  const expected = "a Backend, { name, open }, such as that of Workers.fibers({ workers: 2 })"
  throw new InvalidOption({ option: "backend of the workers", value: backend, expected })
}

/** How many batches are left of the run; where epochs end early, at most so many. */
const remaining = ({ ahead, end, first, range, runPlan: { plan }, sequence }: RunStart.RunStart): number => {
  const each = Math.ceil(plan.count / plan.batchSize)
  const left = plan.cuts.batches === undefined ? (range.end - sequence.epochOf(first)) * each : end - first
  return Math.max(left - ahead.size, 0)
}

/** Throws `InvalidOption` for a budget that is a share of a stream, whose number of samples is unknown. */
const countedBudget = ({ stream }: RunPlan.RunPlan, budget: FailurePolicy.Budget | undefined): void => {
  if (stream === undefined || budget === undefined || !("share" in budget)) return
  const expected = `{ samples: n }: how many samples stream ${stream.source.name} has is not known`
  throw new InvalidOption({ option: "the budget of FailurePolicy.skip", value: budget, expected })
}

/** Throws `InvalidOption` if ranks cannot know how many batches the others deliver. */
const inStep = ({ plan: { batches, world }, stream }: RunPlan.RunPlan): void => {
  if (batches !== undefined || stream === undefined || !isUncounted(stream.part)) return
  const expected =
    `given, how many batches each of the ${world} ranks delivers an epoch, since they read different rows of stream ` +
    `${stream.source.name}, and none knows how many the others have; or leave out \`ranks\` of the source, so that each reads all`
  throw new InvalidOption({ option: "steps", value: undefined, expected })
}

/** Throws `InvalidOption` if a batch that is built again would not be what it was. */
const onceOnly = ({ policy }: RunPlan.RunPlan, { retry, skip, timeout }: FailureRules): void => {
  if (policy?.carries === undefined || (retry === undefined && skip === undefined && timeout.sample === undefined))
    return
  throw new InvalidOption({
    option: "the failure policy",
    value: skip === undefined ? (retry === undefined ? "timeout.sample" : "retry") : "skip",
    expected: `FailurePolicy.fail under policy ${policy.name}: it carries streams on from sample to sample, so that a sample that is made again would draw what comes next`
  })
}
