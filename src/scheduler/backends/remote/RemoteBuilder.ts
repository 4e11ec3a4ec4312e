/**
 * What a member of a pool runs: it builds the pipeline from its module, and then the batches that it is told to, with the
 * indices and the seeds that come with each.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { shown } from "../../../core/Show.ts"
import * as Ambient from "../../../patches/Ambient.ts"
import type { Batch } from "../../../pipeline/Batch.ts"
import type { Pipeline } from "../../../pipeline/Pipeline.ts"
import type { Order } from "../../../sampling/EpochOrder.ts"
import { derived } from "../../../seeding/PackedPolicies.ts"
import type { RowCoordinates, Seeds } from "../../../seeding/Request.ts"
import { SeedPolicy } from "../../../seeding/SeedPolicy.ts"
import { asSound, type Draw, refused, type Service } from "../../../seeding/Service.ts"
import type { Place } from "../../../wasm/Place.ts"
import type { BatchBuilder } from "../../build/BatchBuilder.ts"
import { type BatchObserver, type Observer, together } from "../../build/Observer.ts"
import type { StreamedRows } from "../../build/RowRange.ts"
import { SamplesFailed } from "../../build/StageError.ts"
import { StageTimes } from "../../build/StageTimes.ts"
import { Later, settled } from "../../build/Work.ts"
import { Worker } from "../../build/Worker.ts"
import { tellWindows } from "../../plan/BlockWindows.ts"
import { differing, fingerprint } from "../../plan/Fingerprint.ts"
import type * as RunPlan from "../../plan/RunPlan.ts"
import { hashOf } from "../Fibers.ts"
import * as ProvidedPlan from "../ProvidedPlan.ts"
import { encodeError } from "./ErrorCodec.ts"
import { differingFile, loadedCode } from "./ModuleCode.ts"
import { notSendable } from "./NotSendable.ts"
import * as PipelineModule from "./PipelineModule.ts"
import { type BatchRequest, batchKey, type EncodedBatch, type MemberStart, type Reply } from "./Protocol.ts"
import { decodeSamples } from "./SampleCodec.ts"

/** Where it is kept which stage runs. @since 0.1.0 */
export interface StageMarks {
  /** Returns what {@link enter} is told of a stage. */
  readonly mark: (stage: string) => number
  /** A stage begins, for a batch or for one of its samples. */
  readonly enter: (mark: number) => void
}

/** @since 0.1.0 */
export interface RemoteBuilderOptions {
  readonly start: MemberStart
  /** Encodes a batch, which lies in `places` of the arena as far as it lies there, or throws. */
  readonly encode: (batch: Batch<unknown> | undefined, places: ReadonlyArray<Place>) => EncodedBatch
  /** The pipeline as it is to be run. */
  readonly prepare?: (pipeline: Pipeline<unknown, unknown, unknown>) => Pipeline<unknown, unknown, unknown>
  /** Is told of each stage before it runs. */
  readonly stages?: StageMarks | undefined
  /** What helps if the module cannot be loaded. */
  readonly hint?: string
}

/** @since 0.1.0 */
export interface RemoteBuilder {
  /**
   * Builds a batch and hands over what came of it: at once, or by the effect that is returned. One batch at a time.
   */
  readonly build: (request: BatchRequest, reply: (reply: Reply) => void) => Effect.Effect<void> | undefined
  /** Drops what is kept of a batch of which an attempt has failed, by its `batchKey`. */
  readonly drop: (key: string) => void
}

/** What is known of the batch that is being built. */
interface Current {
  position: number
  indices: Float64Array
  rows: RowCoordinates | undefined
  seeds: ReadonlyMap<string, Seeds>
  draws: ReadonlyArray<Draw>
  /** The seeds that were derived for it, where they are reported. */
  observed: Array<readonly [stage: string, seeds: Seeds]>
}

/** The policy of the run, which derives its seeds, or gives those that came with the request. */
const policyOf = ({ observes, policy, records }: MemberStart, current: Current): Service | undefined => {
  if (policy === undefined) return undefined
  const { derivation, ...described } = policy
  const sent = asSound((request) => {
    const seeds = current.seeds.get(request.stage.name)
    return seeds === undefined ? refused(policy, request, "no seeds were sent for this stage") : Either.right(seeds)
  })
  return {
    ...described,
    seeds: derivation === undefined ? sent : derived(derivation),
    ...(records
      ? {
          record: (draws) => {
            current.draws = draws
          }
        }
      : {}),
    ...(observes
      ? {
          observe: ({ stage }, seeds) => {
            current.observed.push([stage.name, seeds])
          }
        }
      : {})
  }
}

const otherCode = (module: string, file: string): string =>
  `the code of ${file}${file === module ? "" : `, which ${module} imports,`} is not what the run's own process has loaded, so ` +
  "batches could differ. Deploy one version everywhere, and restart processes that loaded an older one. Read files that the " +
  'program itself writes, instead of importing them. On a cluster, take `code: "any"` if both do the same'

/** Builds the pipeline. Fails with an error whose message says why it cannot serve. @since 0.1.0 */
export const make = ({
  encode,
  stages,
  hint,
  prepare,
  start
}: RemoteBuilderOptions): Effect.Effect<RemoteBuilder, Error, Scope.Scope> =>
  Effect.gen(function* () {
    const code = start.code === undefined ? undefined : loadedCode(start.module)
    const module = yield* PipelineModule.load(start, hint)
    const pipeline = prepare === undefined ? module.pipeline : prepare(module.pipeline)
    const current: Current = {
      position: 0,
      indices: new Float64Array(0),
      rows: undefined,
      seeds: new Map(),
      draws: [],
      observed: []
    }
    const policy = policyOf(start, current)
    // What is in it cannot be known here: the pipeline's own module says what it requires and provides.
    const context = (yield* Layer.build(
      policy === undefined ? module.services : Layer.merge(module.services, Layer.succeed(SeedPolicy, policy))
    ).pipe(
      Effect.catchAllCause((cause) =>
        Effect.fail(new Error(`the layer \`services\` of ${start.module} failed: ${shown(Cause.squash(cause))}`))
      )
    )) as Context.Context<unknown>
    const planned = yield* Effect.provide(ProvidedPlan.make(pipeline, start.workers, start), context)
    const runPlan = start.resized === undefined ? planned : planned.resized(start.resized)
    const differ = differing(fingerprint(runPlan), start.fingerprint)
    if (differ !== undefined) {
      const reason = `the pipeline that ${start.module} exports as \`${start.name}\` is not the one that is run: they differ in ${differ}`
      return yield* Effect.fail(new Error(reason))
    }
    if (code !== undefined && start.code !== undefined && code.hash !== start.code) {
      return yield* Effect.fail(new Error(otherCode(start.module, differingFile(code, start.code))))
    }
    yield* Ambient.installed(pipeline.ambient)
    // The run that asks for the batches has warned of windows that do not fit.
    tellWindows(runPlan)
    // The pool has asked for the order of the epoch; here are only the positions of this batch.
    const order = (): Order => {
      const { indices, position: first, rows } = current
      const indexAt: Order = (position) => indices[position - first] ?? Number.NaN
      return rows === undefined ? indexAt : Object.assign(indexAt, { rows: () => rows })
    }
    const { limits } = start
    const times = start.times ? new StageTimes() : undefined
    const observer = together([times, stages === undefined ? undefined : entering(stages)])
    const ordered: RunPlan.RunPlan = { ...runPlan, order: () => Either.right(order()) }
    const workers = new Map<number, Worker>()
    const workerOf = (number: number): Worker => {
      const known = workers.get(number)
      if (known !== undefined) return known
      const own = new Worker(ordered, number, { lends: true, limits, observer })
      workers.set(number, own)
      return own
    }

    /** Batches of which an attempt has failed, with the places that their samples lie in: another one may follow. */
    const unfinished = new Map<string, { readonly builder: BatchBuilder; readonly places: ReadonlyArray<Place> }>()

    const build: RemoteBuilder["build"] = (request, reply) => {
      const { batch, epoch, indices, left, ordinal, position, rows, samples, seeds, worker } = request
      current.position = position
      current.indices = indices
      current.rows = rows
      current.seeds = new Map(seeds)
      current.draws = []
      current.observed = []
      const key = batchKey(request)
      const known = unfinished.get(key)
      unfinished.delete(key)
      const builder =
        known?.builder ??
        workerOf(worker).builder({
          epoch,
          batch,
          position,
          size: indices.length,
          ordinal,
          streamed: samples === undefined ? undefined : streamedOf(request, decodeSamples(samples))
        })
      const places = (): ReadonlyArray<Place> => [...(known?.places ?? []), ...workerOf(worker).output.lent()]
      const retriedBefore = builder.retried
      const retried = (): number => builder.retried - retriedBefore
      const observed = () => (start.observes ? { observed: current.observed } : {})
      const ended = (built: Batch<unknown> | undefined): void => {
        const hash = start.digest && built !== undefined ? hashOf(built, builder.observer) : undefined
        // The run has asked for the order, and measured that.
        const measured = times?.take().filter(([name]) => name !== "sample")
        const count = retried()
        try {
          reply({
            _tag: "Built",
            ...encode(built, places()),
            hash,
            draws: current.draws,
            ...observed(),
            ...(count === 0 ? {} : { retried: count }),
            ...(measured === undefined ? {} : { times: measured })
          })
        } catch (thrown) {
          throw notSendable(built, thrown)
        }
      }
      const lost = (failure: unknown): void => {
        if (limits.careful) unfinished.set(key, { builder, places: places() })
        else for (const place of places()) place.give()
        reply({ _tag: "Failed", errors: errorsOf(failure).map(encodeError), retried: retried(), ...observed() })
      }
      const rest = settled(() => builder.build(left === undefined ? undefined : new Set(left)), ended, lost)
      return Later.is(rest) ? Effect.provide(Later.effect(rest), context) : undefined
    }

    return {
      build,
      drop: (key) => {
        for (const place of unfinished.get(key)?.places ?? []) place.give()
        unfinished.delete(key)
      }
    }
  })

/** Tells of each stage before it runs. */
const entering = (stages: StageMarks): Observer => {
  const known = new Map<ReadonlyArray<string>, ReadonlyArray<number>>()
  const marksOf = (names: ReadonlyArray<string>): ReadonlyArray<number> => {
    let marks = known.get(names)
    if (marks === undefined) {
      marks = names.map((name) => stages.mark(name))
      known.set(names, marks)
    }
    return marks
  }
  let marks: ReadonlyArray<number> = []
  const own: BatchObserver = {
    begin: (step, _, several) => {
      if (several === undefined) stages.enter(stages.mark(step))
      else {
        marks = marksOf(several)
        stages.enter(marks[0] as number) // there are several
      }
    },
    enter: (place) => stages.enter(marks[place] as number), // one for each stage
    end: () => undefined
  }
  return { batch: () => own }
}

/** The rows of a stream, which came with the request. */
const streamedOf = ({ indices, position: first }: BatchRequest, sampleOf: (row: number) => unknown): StreamedRows => ({
  indexAt: (position) => indices[position - first] as number, // a row of the batch
  sampleAt: (position) => sampleOf(position - first)
})

/** What a batch failed with: one error, or one for each of its samples. */
const errorsOf = (failure: unknown): ReadonlyArray<unknown> => {
  try {
    return failure instanceof SamplesFailed ? failure.errors : [failure]
  } catch {
    return [failure] // a Proxy of which nothing can be asked
  }
}
