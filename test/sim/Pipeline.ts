/**
 * The pipeline of a case, with the faults of a leg in it.
 */
import { Data, Effect, Schedule } from "effect"
import {
  type Batch,
  Dataset,
  Format,
  Pipeline,
  type Rng,
  Sampler,
  type SeedPolicy,
  Store,
  Tensor
} from "../../src/index.ts"
import { type Fusible, withFusible } from "../../src/pipeline/Fusible.ts"
import { shuffleWindow } from "../../src/sampling/ShuffleWindow.ts"
import { type Case, type Fault, isStream, type StageCase } from "./Case.ts"
import {
  BLOCK,
  batchesOf,
  keeps,
  LIMIT,
  mapped,
  mixed,
  placeOf,
  ROWS,
  SHARD,
  subsetOf,
  unevenOf,
  WINDOW
} from "./Oracle.ts"
import { type Opened, streamOf } from "./Streams.ts"
import { Dice } from "./World.ts"

/** What a simulated fault fails with. */
export class Broken extends Data.TaggedError("Broken")<{ readonly stage: string; readonly index: number }> {}

/** A sample on its way. */
export interface Traced {
  readonly index: number
  readonly trace: ReadonlyArray<number>
}

export interface Columns {
  readonly index: Tensor.Tensor<Float64Array>
  readonly trace: Tensor.Tensor<Float64Array>
}

type Failing = Broken | Dataset.DatasetError | Dataset.StreamError<Broken>

type Drawing<A> = Pipeline.Pipeline<A, Failing, SeedPolicy.SeedPolicy>

/** What happens on the way of the samples. */
export interface Happening {
  readonly event: () => void
  /** The batches that were begun, each by its place in the row of all. */
  readonly begun: Set<number>
  /** The faults that happened, each as stage and index, but for slow ones. */
  readonly broken: Array<string>
  /** How often its stream was opened and closed. */
  readonly stream: Opened
}

/** The faults of a leg, told which of them happen where. */
class Faults {
  readonly #left: Array<{ readonly stage: string; readonly index: number; readonly how: Fault["how"]; times: number }>
  readonly #happening: Happening

  constructor(own: Case, faults: ReadonlyArray<Fault>, happening: Happening) {
    this.#happening = happening
    const forGood = own.failures?.skip?.broken ?? []
    this.#left = [
      ...forGood.map((fault) => ({ ...placeOf(own, fault), how: "fail" as const, times: Number.POSITIVE_INFINITY })),
      ...faults.map((fault) => ({ ...placeOf(own, fault), how: fault.how, times: fault.times }))
    ]
  }

  /** What is to happen to a sample now. */
  next(stage: string, index: number, may: (how: Fault["how"]) => boolean = () => true): Fault["how"] | undefined {
    this.#happening.event()
    const fault = this.#left.find(
      (other) => other.stage === stage && other.index === index && other.times > 0 && may(other.how)
    )
    if (fault === undefined) return undefined
    fault.times--
    if (typeof fault.how === "string") this.#happening.broken.push(`${stage} ${index}`)
    return fault.how
  }

  /** In plain code: what breaks, throws. Nothing takes time there. */
  plain(stage: string, index: number): void {
    const how = this.next(stage, index)
    if (how === "fail" || how === "die") throw new Broken({ stage, index })
  }

  /** A row of a stream that is bad; what else happens to a row happens while it is read. */
  row(index: number): void {
    if (this.next("dataset", index, (how) => how === "fail") !== undefined)
      throw new Broken({ stage: "dataset", index })
  }

  effect(stage: string, index: number, may?: (how: Fault["how"]) => boolean): Effect.Effect<void, Broken> {
    return Effect.suspend(() => {
      const how = this.next(stage, index, may)
      if (how === undefined) return Effect.void
      if (how === "fail") return Effect.fail(new Broken({ stage, index }))
      if (how === "die") return Effect.die(new Broken({ stage, index }))
      return Effect.sleep(how.slow)
    })
  }
}

const added = ({ index, trace }: Traced, value: number): Traced => ({ index, trace: [...trace, value] })

/** Bytes of a line, with what ends it. */
const LINE = 4
const SHARDS = 9

/** Lines with the numbers from 0 on, by shards; of a case each has as many as its size says. */
const bytesOf = (size: number): Readonly<Record<string, Uint8Array>> => {
  const rows = Array.from({ length: size }, (_, index) => `${String(index).padStart(LINE - 1)}\n`)
  return Object.fromEntries(
    Array.from({ length: SHARDS }, (_, shard) => [
      `memory://shard-${shard}`,
      new TextEncoder().encode(rows.slice(shard * SHARD, (shard + 1) * SHARD).join(""))
    ])
  )
}

/** How many blocks may be kept: about three. */
const CACHE = 2 ** 14

/**
 * The numbers as shards, of which a few blocks are kept. Their store takes its time, and now and then breaks off or has no
 * connection; then it is asked again.
 */
const shardsOf = ({ seed, size }: Pick<Case, "seed" | "size">, faulty: boolean) =>
  Effect.gen(function* () {
    const dice = new Dice(seed)
    let isOpen = false
    const breaks = (): Store.Fault | undefined => {
      if (!faulty || !isOpen) return undefined
      const faults: ReadonlyArray<Store.Fault | undefined> = [
        undefined,
        { _tag: "latency", duration: dice.roll(9) },
        { _tag: "reset" },
        { _tag: "short", bytes: 1 },
        { _tag: "status", status: 503 }
      ]
      return dice.roll(2) === 0 ? undefined : faults[dice.roll(faults.length)]
    }
    const store = yield* Store.Store.pipe(
      Effect.provide(Store.faulty(breaks)),
      Effect.provide(Store.memory(bytesOf(size)))
    )
    const patient: Store.StoreService = {
      ...store,
      read: (info, offset, length) => Effect.retry(store.read(info, offset, length), Schedule.spaced(1))
    }
    const dataset = yield* Dataset.open("memory://", {
      format: Format.jsonl<number>({ blockBytes: BLOCK * LINE }),
      index: false,
      name: "numbers",
      cacheBytes: CACHE
    }).pipe(Effect.provideService(Store.Store, patient))
    isOpen = true
    return dataset
  })

// Loads what reads lines: from then on nothing has to be waited for that is not simulated.
await Effect.runPromise(Effect.flatMap(shardsOf({ seed: 0, size: 9 }, false), (dataset) => dataset.get(0)))

const samplerOf = ({ batchSize, sampler, size }: Case) => {
  switch (sampler) {
    case "shuffleWindow":
      return shuffleWindow(ROWS)
    case "sequential":
      return Sampler.sequential
    case "shuffle":
      return Sampler.shuffle
    case "limited":
      return Sampler.limited(Sampler.shuffle, LIMIT)
    case "subset":
      return Sampler.subset(subsetOf(size), Sampler.shuffle)
    case "shuffleBlocks":
      return Sampler.shuffleBlocks({ window: WINDOW, lanes: batchSize, rows: BLOCK })
    case "withReplacement":
      return Sampler.withReplacement()
  }
}

type Drawn = (sample: Traced, rng: Rng.Rng) => Traced

const TRACED = Symbol("traced")

interface TracedFusible extends Fusible {
  readonly run: Drawn
}

const isTraced = (fusible: Fusible): fusible is TracedFusible => fusible.kind === TRACED

/** A stage's function that can run as one step with those behind it. */
const fusible = (run: Drawn): Drawn => {
  const own: TracedFusible = {
    kind: TRACED,
    run,
    accepts: () => undefined,
    fuse: (behind) => {
      const runs = [run, ...behind.filter(isTraced).map((next) => next.run)]
      return {
        length: runs.length,
        fields: [],
        userCode: true,
        run: (samples, rng) => {
          for (let row = 0; row < samples.length; row++) {
            for (const [stage, one] of runs.entries()) samples[row] = one(samples[row] as Traced, rng(stage, row)) // the pipeline's own
          }
          return undefined
        },
        fits: () => false,
        columns: () => new Map()
      }
    }
  }
  return withFusible(run, own)
}

const stageOf =
  (faults: Faults, fused: boolean) =>
  (pipeline: Drawing<Traced>, { kind, name }: StageCase): Drawing<Traced> => {
    switch (kind) {
      case "augment": {
        const run = (sample: Traced, rng: Rng.Rng): Traced => {
          const word = rng.word()
          faults.plain(name, sample.index)
          return added(sample, word)
        }
        return pipeline.pipe(Pipeline.augment(name, fused ? fusible(run) : run))
      }
      case "map":
        return pipeline.pipe(
          Pipeline.map(name, (sample, { epoch }) => {
            faults.plain(name, sample.index)
            return added(sample, mapped(sample.index, epoch))
          })
        )
      case "filter":
        return pipeline.pipe(
          Pipeline.filter(name, ({ index }) => {
            faults.plain(name, index)
            return keeps(index)
          })
        )
      case "augmentEffect":
        return pipeline.pipe(
          Pipeline.augmentEffect(
            name,
            (sample, rng) =>
              Effect.gen(function* () {
                yield* Effect.sleep(sample.index % 3)
                const word = rng.word()
                yield* faults.effect(name, sample.index)
                return added(sample, word)
              }),
            { concurrency: 3 }
          )
        )
      case "mapEffect":
        return pipeline.pipe(
          Pipeline.mapEffect(name, (sample, { epoch }) =>
            Effect.gen(function* () {
              yield* faults.effect(name, sample.index)
              yield* Effect.yieldNow()
              return added(sample, mapped(sample.index, epoch))
            })
          )
        )
    }
  }

/** The pipeline, and the dataset's name in faults is `dataset`. */
export const pipelineOf = (
  own: Case,
  broken: ReadonlyArray<Fault>,
  happening: Happening
): Drawing<Batch.Batch<Columns>> => {
  const faults = new Faults(own, broken, happening)
  const start: Drawing<number> = isStream(own)
    ? Pipeline.from(
        streamOf(
          own,
          {
            reading: (index) => faults.effect("dataset", index, (how) => how !== "fail"),
            row: (index) => faults.row(index)
          },
          happening.stream
        )
      )
    : own.dataset === "shards"
      ? Pipeline.from(
          // Its store breaks, but is asked until it answers.
          Dataset.mapEffect(
            Effect.runSync(shardsOf(own, true)) as unknown as Dataset.Dataset<number>,
            (index) => Effect.as(faults.effect("dataset", index), index),
            { name: "numbers" }
          )
        )
      : own.dataset === "plain"
        ? Pipeline.from(
            Dataset.make({
              name: "numbers",
              size: own.size,
              get: (index) => {
                faults.plain("dataset", index)
                return index
              }
            })
          )
        : Pipeline.from(
            Dataset.effect({
              name: "numbers",
              size: own.size,
              concurrency: 4,
              get: (index) => Effect.as(faults.effect("dataset", index), index)
            })
          )
  // A stream has its own order.
  const isAsItIs = isStream(own) && own.sampler === "sequential"
  const sampled = isAsItIs ? start : start.pipe(Pipeline.sample(samplerOf(own)))
  const begun: Drawing<Traced> = sampled.pipe(
    Pipeline.map("begin", (index, { batch, epoch }): Traced => {
      happening.begun.add(epoch * batchesOf(own) + batch)
      return { index, trace: [0] }
    })
  )
  const last = unevenOf(own) === undefined ? own.last : "keep"
  let batched: Drawing<Batch.Batch<Columns>> = own.stages
    .reduce(stageOf(faults, own.size % 2 === 0), begun)
    .pipe(Pipeline.batch(own.batchSize, { dropLast: last === "drop", padLast: last === "pad" }))
  for (let stage = 0; stage < own.behind; stage++) {
    batched = batched.pipe(
      Pipeline.augment(`mix ${stage}`, (batch, rng): Batch.Batch<Columns> => {
        happening.event()
        const word = rng.word()
        const { index, trace } = batch.columns
        const data = trace.data.map((value) => mixed(value, word))
        return { ...batch, columns: { index, trace: Tensor.make(data, trace.shape) } }
      })
    )
  }
  return batched
}
