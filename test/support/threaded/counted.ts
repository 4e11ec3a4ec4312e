/**
 * Pipelines of all kinds of user code, each of whose calls is counted in shared memory, so that threads count, too.
 * The first calls at chosen places throw.
 */
import * as Effect from "effect/Effect"
import type * as Batch from "../../../src/pipeline/Batch.ts"
import * as Pipeline from "../../../src/pipeline/Pipeline.ts"
import type * as SeedPolicy from "../../../src/seeding/SeedPolicy.ts"
import * as Dataset from "../../../src/sources/Dataset.ts"

export type Kind = "map" | "augment" | "filter" | "mapEffect" | "augmentEffect"
export type Source = "make" | "mapped" | "effect" | "many"

export interface Fault {
  /** The place of the stage; −1 is the dataset, −2 the collate, −3 the stage behind `batch`. */
  readonly stage: number
  /** The sample, or for a whole batch any of its samples. */
  readonly index: number
  /** How many of its calls throw. */
  readonly times: number
}

export interface Config {
  readonly size: number
  readonly batch: number
  readonly source: Source
  readonly stages: ReadonlyArray<Kind>
  readonly faults: ReadonlyArray<Fault>
  /** Int32 counts: for the dataset, the collate, the stage behind `batch` and each stage, one a sample. */
  readonly calls: SharedArrayBuffer
}

/** The row of counts of a stage. */
export const rowOf = (stage: number): number => (stage < 0 ? -1 - stage : 3 + stage)

export const callsFor = (stages: number, size: number): SharedArrayBuffer =>
  new SharedArrayBuffer(4 * (3 + stages) * size)

/** Which samples the filter at a place leaves out. */
export const leavesOut = (stage: number, index: number): boolean => (index + stage) % 5 === 2

export const counted = (
  config: Config
): Pipeline.Pipeline<Batch.Batch<Float64Array>, unknown, SeedPolicy.SeedPolicy> => {
  const { batch, faults, size, source, stages } = config
  const calls = new Int32Array(config.calls)
  const call = (stage: number, index: number): void => {
    const before = Atomics.add(calls, rowOf(stage) * size + index, 1)
    const fault = faults.find((own) => own.stage === stage && own.index === index)
    if (fault !== undefined && before < fault.times) throw new Error(`fault at ${stage}, ${index}, call ${before}`)
  }
  const read = (index: number): number => {
    call(-1, index)
    return index
  }
  const effect = (index: number) => Effect.try({ try: () => read(index), catch: (cause) => cause })
  const datasets: { readonly [S in Source]: () => Dataset.Dataset<number, unknown> } = {
    make: () => Dataset.make({ size, get: read }),
    mapped: () => Dataset.range(size).pipe(Dataset.map(read)),
    effect: () => Dataset.effect({ size, get: effect, concurrency: 3 }),
    // One that gives all or nothing, and does not say which sample is at fault.
    many: () => Dataset.effect({ size, get: effect, getMany: (all) => Effect.forEach(all, effect) })
  }
  let own: Pipeline.Pipeline<number, unknown, SeedPolicy.SeedPolicy> = Pipeline.from(datasets[source]())
  for (const [place, kind] of stages.entries()) {
    const name = `${kind} ${place}`
    const run = (value: number, draw: number): number => {
      call(place, Math.trunc(value))
      return Math.trunc(value) + draw
    }
    const late = (value: number, draw: number) =>
      Effect.zipRight(Effect.yieldNow(), Effect.try({ try: () => run(value, draw), catch: (cause) => cause }))
    if (kind === "map") own = own.pipe(Pipeline.map(name, (value) => run(value, 0)))
    if (kind === "augment") own = own.pipe(Pipeline.augment(name, (value, rng) => run(value, rng.double() / 2)))
    if (kind === "mapEffect") own = own.pipe(Pipeline.mapEffect(name, (value) => late(value, 0), { concurrency: 3 }))
    if (kind === "augmentEffect") {
      own = own.pipe(Pipeline.augmentEffect(name, (value, rng) => late(value, rng.double() / 2)))
    }
    if (kind === "filter") {
      own = own.pipe(
        Pipeline.filter(name, (value) => {
          run(value, 0)
          return !leavesOut(place, Math.trunc(value))
        })
      )
    }
  }
  const whole = (stage: number, values: Iterable<number>): void => {
    for (const value of values) call(stage, Math.trunc(value))
  }
  return own.pipe(
    Pipeline.batchWith(batch, (values: ReadonlyArray<number>) => {
      whole(-2, values)
      return Float64Array.from(values)
    }),
    Pipeline.augment("behind", (made, rng) => {
      whole(-3, made.columns)
      return { ...made, columns: made.columns.map((value) => value + rng.double() / 4) }
    })
  )
}
