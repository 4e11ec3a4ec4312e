/**
 * The main job: digits through sample → augment → batch into a model. It knows no policy and no number of workers:
 * both come by layers.
 */
import { Effect, Option, Stream } from "effect"
import {
  type Batch,
  Image,
  Pipeline,
  Sampler,
  Scheduler,
  SeedAudit,
  SeedPolicy,
  type Tensor,
  Workers
} from "../../src/index.ts"
import { runtime } from "../../src/runtime.ts"
import type { Split } from "./Digits.ts"
import * as Model from "./Model.ts"
import type { Progress } from "./Progress.ts"

/** What the pipeline hangs on beside its data. */
export interface Loading {
  readonly batchSize: number
  /** Samples an epoch; `undefined` for all. */
  readonly limit: number | undefined
}

/** What a run is told. */
export interface Options {
  readonly epochs: number
  readonly batchSize: number
  readonly order: "plan" | "ready"
  readonly prefetch: number
  /** Samples an epoch; none for all. */
  readonly limit: Option.Option<number>
  /** Load and digest only, without a model. */
  readonly noTrain: boolean
  /** Keep a profile of the loader. */
  readonly profile: boolean
}

/** What a run came to: the fields of `--json`, and what the summary tells beside them. */
export interface Result {
  readonly runtime: string
  readonly policy: string
  readonly seed: string
  readonly epochs: number
  readonly workers: number
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
}

// The mean and the standard deviation of MNIST's training pixels in [0, 1].
const normalise = Image.normalise({ mean: 0.1307, std: 0.3081 })

/** The digits, shuffled, moved and turned a little, in batches. */
export const training = (digits: Split["train"], { batchSize, limit }: Loading) =>
  Pipeline.from(digits).pipe(
    Pipeline.sample(limit === undefined ? Sampler.shuffle : Sampler.limited(Sampler.shuffle, limit)),
    Pipeline.augment(
      "affine",
      Image.randomAffine({ degrees: 10, scale: [0.9, 1.1], shear: 5, interpolation: "bilinear" })
    ),
    Pipeline.augment("crop", Image.randomCrop({ size: 28, padding: 1 })),
    Pipeline.map("normalise", normalise),
    // The short batch at the end of an epoch is kept: with it the run delivers every digit that it was asked for.
    Pipeline.batch(batchSize, { dtypes: { label: "uint8" } })
  )

/** The digits that the model is tested on, in their order and as they are. */
const testing = (digits: Split["test"]) =>
  Pipeline.from(digits).pipe(Pipeline.map("normalise", normalise), Pipeline.batch(500, { dtypes: { label: "uint8" } }))

type Digits = Batch.Batch<{ readonly image: Tensor.Tensor<Float32Array>; readonly label: Tensor.Tensor<Uint8Array> }>

const input = ({ columns }: Digits): Model.Input => ({ images: columns.image.data, labels: columns.label.data })

/** The learning rate of the first batch; it falls to nothing, in equal steps, over the run. */
const RATE = 0.07

/**
 * Runs the job. `stop` calls it off between two batches: what was reached till then is the result.
 */
export const train = (options: Options, digits: Split, progress: Progress, stop: Effect.Effect<void> = Effect.never) =>
  Effect.gen(function* () {
    const policy = yield* SeedPolicy.SeedPolicy
    const workers = yield* Workers.Workers
    const audit = yield* SeedAudit.SeedAudit
    const model = options.noTrain ? undefined : yield* Effect.flatMap(SeedPolicy.stream("weights"), Model.make)
    const loading = { batchSize: options.batchSize, limit: Option.getOrUndefined(options.limit) }
    const loader = yield* Scheduler.open(training(digits.train, loading), {
      epochs: options.epochs,
      order: options.order,
      prefetch: options.prefetch,
      profile: options.profile,
      digest: true
    })
    const test = testing(digits.test)

    const started = performance.now()
    const total = options.epochs * loader.batches
    let taken = 0
    let samples = 0
    let inModel = 0
    let waited = 0
    let ended = started
    let losses = 0
    let accuracy: number | undefined

    /** Runs the model and counts the time it took. */
    const timed = <A>(run: () => A): A => {
      const from = performance.now()
      const result = run()
      inModel += performance.now() - from
      return result
    }

    const evaluate = (own: Model.Model) =>
      Scheduler.stream(test).pipe(
        Stream.runFold({ right: 0, all: 0 }, ({ all, right }, batch: Digits) => ({
          right: right + timed(() => own.correct(input(batch))),
          all: all + batch.size
        })),
        Effect.map(({ all, right }) => right / all)
      )

    const step = (batch: Digits) =>
      Effect.gen(function* () {
        waited += performance.now() - ended
        // Under order "ready" batches of two epochs can mix; progress goes by how many came.
        const place = taken % loader.batches
        if (place === 0) losses = 0
        if (model !== undefined) {
          const rate = RATE * (1 - taken / total)
          losses += timed(() => model.train(input(batch), rate))
        }
        taken++
        samples += batch.size
        const ends = place + 1 === loader.batches
        if (ends && model !== undefined) accuracy = yield* evaluate(model)
        yield* progress.show({
          epoch: Math.floor((taken - 1) / loader.batches),
          epochs: options.epochs,
          batch: place + 1,
          batches: loader.batches,
          samples,
          loss: model === undefined ? undefined : losses / (place + 1),
          accuracy
        })
        ended = performance.now()
      })

    yield* loader.stream.pipe(Stream.interruptWhen(stop), Stream.runForEach(step))
    yield* progress.done
    const seconds = (performance.now() - started) / 1000
    // Called off within an epoch, the model has learned since it was last tested.
    if (model !== undefined && taken % Math.max(loader.batches, 1) !== 0) accuracy = yield* evaluate(model)
    const profile = Option.getOrUndefined(yield* loader.profile)
    const report = yield* audit.report
    const chosen = workers.backend === "auto" ? Option.getOrUndefined(yield* workers.chosen) : undefined
    return {
      runtime: runtime.name,
      policy: policy.name,
      seed: policy.seed,
      epochs: options.epochs,
      workers: workers.count,
      backend: chosen?.backend ?? workers.backend,
      samples,
      batches: taken,
      samplesPerSecond: Math.round(samples / seconds),
      digest: yield* loader.digest,
      testAccuracy: accuracy ?? null,
      repeatedDraws: report.repeated,
      startedStates: report.started,
      seconds,
      secondsWaited: waited / 1000,
      secondsInModel: inModel / 1000,
      interrupted: taken < total,
      profile,
      chosen: chosen === undefined ? undefined : `${chosen.backend}, as ${chosen.reason}`
    } satisfies Outcome
  }).pipe(Effect.scoped)
