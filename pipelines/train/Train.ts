/**
 * The main job: digits through sample → augment → batch into a model. It knows no policy and no number of workers:
 * both come by layers.
 */
import * as Chunk from "effect/Chunk"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { runtime } from "../../src/core/runtime.ts"
import {
  type Batch,
  type Checkpoint,
  Pipeline,
  Scheduler,
  SeedAudit,
  SeedPolicy,
  type Tensor,
  Workers
} from "../../src/index.ts"
import type { Split } from "./Digits.ts"
import { normalize, training } from "./Loading.ts"
import * as Model from "./Model.ts"
import type { Progress } from "./Progress.ts"
import { type Every, foreign, type Setup, type Stored, stored } from "./Saving.ts"

/** This process, of all that share each batch. */
type Ranks = Pick<Scheduler.RunOptions, "rank" | "world">

/** What a run is told. */
export interface Options {
  readonly epochs: number
  readonly batchSize: number
  readonly order: "plan" | "ready"
  /** How many batches each worker makes ahead; none for as many as suit what makes them. */
  readonly prefetch: Option.Option<number>
  /** Samples an epoch; none for all. */
  readonly limit: Option.Option<number>
  /** Which part of each batch is made here. */
  readonly ranks: Required<Ranks>
  /** What becomes of an epoch's short last batch. Default `"error"`. */
  readonly uneven?: Scheduler.Options["uneven"]
  /** Load and digest only, without a model. */
  readonly noTrain: boolean
  /** Keep a profile of the loader. */
  readonly profile: boolean
  /** How many batches are made again at the end. */
  readonly verify: Option.Option<number>
}

/** Where a run keeps its checkpoints, and how often. */
export interface Keeping {
  readonly checkpoint: Checkpoint.Service
  readonly every: Every
  /** Where the digits come from: a run goes on with the same ones. */
  readonly data: string
  /** Says something to whoever started the run. */
  readonly tell: (line: string) => Effect.Effect<void>
}

/** What a run came to: the fields of `--json`, and what the summary tells beside them. */
export interface Result {
  readonly runtime: string
  readonly policy: string
  readonly seed: string
  readonly epochs: number
  readonly workers: number
  /** Which part of each batch this was, where there are several. */
  readonly rank?: number
  readonly world?: number
  readonly backend: string
  readonly samples: number
  readonly batches: number
  readonly samplesPerSecond: number
  readonly digest: string
  readonly testAccuracy: number | null
  readonly repeatedDraws: number
}

/** What the summary tells beyond {@link Result}. */
export interface Outcome extends Result {
  readonly startedStates: number
  readonly seconds: number
  readonly secondsWaited: number
  readonly secondsInModel: number
  /** Whether it was called off before its end. */
  readonly interrupted: boolean
  /** Why the workers run on what they do; none where it was said. */
  readonly chosen: string | undefined
  readonly profile: Scheduler.Profile | undefined
  /** How many batches were made again, and came out the same. */
  readonly verified: number
  /** The checkpoint that a next start goes on from. */
  readonly checkpoint: string | undefined
}

/** The digits that the model is tested on, in their order and as they are. */
const testing = (digits: Split["test"]) =>
  Pipeline.from(digits).pipe(Pipeline.map("normalize", normalize), Pipeline.batch(500, { dtypes: { label: "uint8" } }))

type Digits = Batch.Batch<{ readonly image: Tensor.Tensor<Float32Array>; readonly label: Tensor.Tensor<Uint8Array> }>

const input = ({ columns }: Digits): Model.Input => ({ images: columns.image.data, labels: columns.label.data })

/** That the run was called off between two batches. */
class CalledOff extends Data.TaggedError("CalledOff") {}

/** The run was called off while it opened: there is nothing that it reached. */
export class NotBegun extends Data.TaggedError("NotBegun")<{ readonly message: string }> {}

/** Whether a run is called off. */
export interface Stop {
  readonly came: () => boolean
  /** Ends once it is. */
  readonly comes: Effect.Effect<void>
}

/** The learning rate of the first batch; it falls to nothing, in equal steps, over the run. */
const RATE = 0.07

/** What cannot be changed halfway. */
const setupOf = (options: Options, data: string, policy: SeedPolicy.SeedPolicy["Type"], workers: number): Setup => ({
  "--seed": policy.seed,
  "--policy": policy.name,
  "--epochs": String(options.epochs),
  "--batch-size": String(options.batchSize),
  "--limit": Option.match(options.limit, { onNone: () => "none", onSome: String }),
  "--data": data,
  "--no-train": options.noTrain ? "set" : "not set",
  ...(options.uneven === undefined || options.uneven === "error" ? {} : { "--uneven": options.uneven }),
  // The order of batches is that of the model's steps.
  ...(options.noTrain ? {} : { "--order": options.order, "the model": Model.KIND }),
  ...(policy.elastic ? {} : { "--workers": String(workers) })
})

/**
 * Runs the job. It is called off between two batches, or while it waits for one, once `stop` says so: what was reached till
 * then is the result. Called off while it opens, which waits for the runners of a cluster, it fails with {@link NotBegun}.
 * With `keeping` it goes on from the newest checkpoint, and the result is that of the whole run.
 */
export const train = (
  options: Options,
  digits: Split,
  progress: Progress,
  stop: Stop = { came: () => false, comes: Effect.never },
  keeping?: Keeping
) =>
  Effect.gen(function* () {
    const policy = yield* SeedPolicy.SeedPolicy
    const workers = yield* Workers.Workers
    const audit = yield* SeedAudit.SeedAudit
    const setup = setupOf(options, keeping?.data ?? "", policy, workers.count)
    const saved = keeping === undefined ? undefined : Option.getOrUndefined(yield* keeping.checkpoint.latest)
    const before = saved === undefined ? undefined : yield* stored(saved, setup)

    const loading = { batchSize: options.batchSize, limit: Option.getOrUndefined(options.limit) }
    const opening = Scheduler.open(training(digits.train, loading), {
      ...options.ranks,
      uneven: options.uneven,
      epochs: options.epochs,
      order: options.order,
      ...Option.match(options.prefetch, { onNone: () => ({}), onSome: (prefetch) => ({ prefetch }) }),
      profile: options.profile,
      verify: Option.getOrElse(options.verify, () => 0),
      digest: true,
      from: saved?.cursor
    })
    const notBegun = new NotBegun({ message: "Called off before the first batch." })
    const loader = yield* Effect.raceFirst(opening, Effect.zipRight(stop.comes, notBegun))
    // The first batches are built while the model is made.
    const model = options.noTrain ? undefined : yield* Effect.flatMap(SeedPolicy.stream("weights"), Model.make)
    if (saved !== undefined && model?.restore(saved.state.bytes) === false) return yield* foreign(saved.path)
    // Kept for the test after each epoch, and made while the training's threads start, which make no others.
    const tested =
      model === undefined
        ? Chunk.empty<Digits>()
        : yield* Stream.runCollect(Scheduler.stream(testing(digits.test), { epochs: 1 })).pipe(
            Effect.provide(Workers.fibers({ workers: 1 }))
          )
    if (keeping !== undefined && saved !== undefined) {
      yield* Effect.forEach(saved.skipped, ({ message }) => keeping.tell(`Passed over: ${message}`))
      const { batch, epoch } = saved.cursor
      const place = epoch < options.epochs ? `epoch ${epoch + 1}, batch ${batch + 1}` : "the end"
      yield* keeping.tell(`Going on from ${saved.path}: ${place}`)
    }

    const started = performance.now()
    // Its batches are of one size, so their number is known.
    const { batches = 0 } = loader
    const total = options.epochs * batches
    const earlier = { taken: before?.taken ?? 0, samples: before?.samples ?? 0 }
    const log = [...(before?.epochs ?? [])]
    let { samples, taken } = earlier
    let losses = before?.losses ?? 0
    let accuracy = before?.accuracy ?? undefined
    let inModel = 0
    let waited = 0
    let ended = started

    /** Runs the model and counts the time it took. */
    const timed = <A>(run: () => A): A => {
      const from = performance.now()
      const result = run()
      inModel += performance.now() - from
      return result
    }

    /** The share of the test digits that it reads right. */
    const evaluate = (own: Model.Model): number => {
      let [right, all] = [0, 0]
      for (const batch of tested) {
        right += timed(() => own.correct(input(batch)))
        all += batch.size
      }
      return right / all
    }

    /** Runs the model on a batch, which it copies as soon as it is given one. */
    const learn = (batch: Digits): void => {
      // A rank of several can have no rows of a batch; it takes the step without them.
      if (model === undefined || batch.size === 0) return
      const rate = RATE * (1 - taken / total)
      losses += timed(() => model.train(input(batch), rate))
    }

    const show = (place: number): void =>
      progress.show({
        epoch: Math.floor((taken - 1) / batches),
        epochs: options.epochs,
        batch: place + 1,
        batches,
        samples: samples - earlier.samples,
        before: earlier.taken,
        loss: model === undefined ? undefined : losses / (place + 1),
        accuracy
      })

    let newest = saved?.path
    // A start is no news; where it went on from is written already.
    let last = { taken: earlier.taken, at: started }
    /** Data and model in one piece: the step of the last batch taken is done. */
    const save = ({ checkpoint }: Keeping) =>
      Effect.gen(function* () {
        const json: Stored = { setup, taken, samples, losses, accuracy: accuracy ?? null, epochs: log }
        const cursor = yield* loader.cursor
        const { path } = yield* checkpoint.save({ cursor, state: { json, bytes: model?.state() ?? {} } })
        newest = path
        last = { taken, at: performance.now() }
      })
    const due = (every: Every): boolean =>
      "batches" in every ? taken - last.taken >= every.batches : performance.now() - last.at >= every.milliseconds

    /** What comes after some steps: the test at an epoch's end, a checkpoint, the end of a run that is called off. */
    const after = (place: number) =>
      Effect.gen(function* () {
        if (place + 1 === batches && model !== undefined) {
          accuracy = evaluate(model)
          log.push({ loss: losses / batches, accuracy })
        }
        show(place)
        if (keeping !== undefined && due(keeping.every)) yield* save(keeping)
        if (stop.came()) yield* new CalledOff()
        ended = performance.now()
      })

    /** A step is plain code where nothing comes after it: between two steps the model waits. */
    const step = (batch: Digits): ReturnType<typeof after> => {
      waited += performance.now() - ended
      // Under order "ready" batches of two epochs can mix; progress goes by how many came.
      const place = taken % batches
      if (place === 0) losses = 0
      learn(batch)
      taken++
      samples += batch.size
      if (place + 1 === batches || stop.came() || (keeping !== undefined && due(keeping.every))) return after(place)
      show(place)
      ended = performance.now()
      return Effect.void
    }

    // It may wait for a batch that nobody builds, if all runners of a cluster are gone. A step is not interrupted.
    const called = Effect.catchTag(loader.forEach(step), "CalledOff", () => Effect.void)
    if (!stop.came()) yield* Effect.raceFirst(called, stop.comes)
    if (keeping !== undefined && last.taken < taken) yield* save(keeping)
    progress.done()
    const seconds = (performance.now() - started) / 1000
    // Called off within an epoch, the model has learned since it was last tested.
    if (model !== undefined && taken % Math.max(batches, 1) !== 0) accuracy = evaluate(model)
    const profile = Option.getOrUndefined(yield* loader.profile)
    // Before batches are made again, whose draws are no others.
    const report = yield* audit.report
    const verified = yield* loader.verify
    const chosen = Option.getOrUndefined(yield* Workers.chosen)
    return {
      runtime: runtime.name,
      policy: policy.name,
      seed: policy.seed,
      epochs: options.epochs,
      workers: workers.count,
      ...(options.ranks.world === 1 ? {} : options.ranks),
      backend: chosen?.backend ?? workers.backend.name,
      samples,
      batches: taken,
      samplesPerSecond: Math.round((samples - earlier.samples) / seconds),
      digest: yield* loader.digest,
      testAccuracy: accuracy ?? null,
      repeatedDraws: report.repeated,
      startedStates: report.started,
      seconds,
      secondsWaited: waited / 1000,
      secondsInModel: inModel / 1000,
      interrupted: taken < total,
      profile,
      chosen: chosen === undefined ? undefined : `${chosen.backend}, as ${chosen.reason}`,
      verified: verified.length,
      checkpoint: newest
    } satisfies Outcome
  }).pipe(Effect.scoped)
