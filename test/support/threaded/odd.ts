/** Pipelines that throw odd values, each in its own place: sample (or batch) n throws the n-th. */
import * as Effect from "effect/Effect"
import * as Pipeline from "../../../src/pipeline/Pipeline.ts"
import * as Sampler from "../../../src/sampling/Sampler.ts"
import * as Dataset from "../../../src/sources/Dataset.ts"
import { odd } from "../odd.ts"

export const SIZE = odd.length

const thrown = (at: number): unknown => odd[at]?.[1]()

const raise = (at: number): never => {
  throw thrown(at)
}

const numbers = Pipeline.from(Dataset.range(SIZE))

/** Every sample goes wrong on its own. */
export const samples = {
  dataset: Pipeline.from(Dataset.make({ size: SIZE, get: raise })).pipe(Pipeline.batch(16)),
  "dataset that fails": Pipeline.from(
    Dataset.effect({ size: SIZE, get: (at) => Effect.suspend(() => Effect.fail(thrown(at))) })
  ).pipe(Pipeline.batch(16)),
  "dataset that dies": Pipeline.from(
    Dataset.effect({ size: SIZE, get: (at) => Effect.suspend(() => Effect.die(thrown(at))) })
  ).pipe(Pipeline.batch(16)),
  "dataset whose get throws": Pipeline.from(Dataset.effect({ size: SIZE, get: raise })).pipe(Pipeline.batch(16)),
  map: numbers.pipe(Pipeline.map("own", raise), Pipeline.batch(16)),
  augment: numbers.pipe(
    Pipeline.augment("own", (at) => raise(at)),
    Pipeline.batch(16)
  ),
  filter: numbers.pipe(Pipeline.filter("own", raise), Pipeline.batch(16)),
  "effect that fails": numbers.pipe(
    Pipeline.mapEffect("own", (at) => Effect.suspend(() => Effect.fail(thrown(at)))),
    Pipeline.batch(16)
  ),
  "effect that dies": numbers.pipe(
    Pipeline.mapEffect("own", (at) => Effect.suspend(() => Effect.die(thrown(at)))),
    Pipeline.batch(16)
  ),
  "effect whose function throws": numbers.pipe(Pipeline.mapEffect("own", raise), Pipeline.batch(16)),
  "promise that rejects": numbers.pipe(
    Pipeline.mapEffect("own", (at) => Effect.tryPromise({ try: async () => raise(at), catch: (cause) => cause })),
    Pipeline.batch(16)
  )
}

/** Every batch goes wrong as a whole. */
export const batches = {
  collate: numbers.pipe(Pipeline.batchWith(1, ([at = 0]) => raise(at))),
  "map behind batch": numbers.pipe(
    Pipeline.batch(1),
    Pipeline.map("own", ({ index }) => raise(index))
  ),
  "effect behind batch": numbers.pipe(
    Pipeline.batch(1),
    Pipeline.mapEffect("own", ({ index }) => Effect.suspend(() => Effect.fail(thrown(index))))
  )
}

/** The pipeline of a place. */
export const pipeline = (place: keyof typeof samples | keyof typeof batches) =>
  place in samples ? samples[place as keyof typeof samples] : batches[place as keyof typeof batches] // it is in one

/** Throws the one that `which` says, which can be another one for each run. */
export const one = (which: SharedArrayBuffer) => {
  const at = new Int32Array(which)
  return numbers.pipe(
    Pipeline.map("own", (x) => (x === 5 ? raise(Atomics.load(at, 0)) : x)),
    Pipeline.batch(4)
  )
}

/** The same from the sampler's order. */
export const sampled = (which: SharedArrayBuffer) => {
  const at = new Int32Array(which)
  return numbers.pipe(
    Pipeline.sample({
      ...Sampler.sequential,
      name: "own",
      order: () => (position) => (position === 5 ? raise(Atomics.load(at, 0)) : position)
    }),
    Pipeline.batch(4)
  )
}
