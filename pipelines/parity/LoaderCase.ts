/**
 * One run of PyTorch's DataLoader as a reference file has it, made again by Furrow's own scheduler: a dataset that gives
 * its index, three stages that draw from three libraries, a batch.
 */
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import {
  Dataset,
  InvalidOption,
  Parity,
  Pipeline,
  PyTorch,
  Sampler,
  Scheduler,
  type SeedPolicy,
  Workers
} from "../../src/index.ts"

/** The policies by the names that reference files have for them. */
export const policies = [
  "fork",
  "state_worker",
  "state_epoch_worker",
  "initial_seed",
  "worker_info_seed",
  "global_step",
  "pytorch_1_9"
] as const

/** What was run. */
export interface LoaderCase {
  readonly policy: (typeof policies)[number]
  readonly torch_seed: number | bigint
  /** `null` for a NumPy that nobody seeded. */
  readonly numpy_seed: number | bigint | null
  readonly length: number
  readonly batch_size: number
  readonly num_workers: number
  readonly epochs: number
  readonly shuffle: boolean
  readonly drop_last: boolean
  readonly persistent_workers: boolean
}

/** One batch. */
export interface Row {
  readonly epoch: number
  readonly batch: number
  readonly worker: number
  readonly indices: ReadonlyArray<number>
  readonly numpy: ReadonlyArray<ReadonlyArray<number>>
  readonly python: ReadonlyArray<number>
  readonly torch: ReadonlyArray<ReadonlyArray<number>>
}

/** Any NumPy that nobody seeded has this as its state's first word, whatever the rest of it. */
const UNSEEDED_WORD = 0x80000000

const layer = (own: LoaderCase): Layer.Layer<SeedPolicy.SeedPolicy, InvalidOption.InvalidOption> => {
  const options = {
    torch: own.torch_seed,
    shuffle: own.shuffle,
    persistentWorkers: own.persistent_workers,
    libraries: { python: "python", torch: "torch" }
  } as const
  if (own.policy === "initial_seed") return Parity.initialSeed(options)
  if (own.policy === "worker_info_seed") return Parity.workerInfoSeed(options)
  if (own.policy === "pytorch_1_9") return Parity.pytorch(options)
  if (own.policy === "global_step") return Parity.globalStep({ ...options, length: PyTorch.loaderLength(sizes(own)) })
  if (own.numpy_seed === null && own.policy === "fork") {
    const expected = "a seed: workers inherit the parent's state, and that of a NumPy nobody seeded is known to nobody"
    throw new InvalidOption.InvalidOption({ option: "numpy_seed of a case under fork", value: null, expected })
  }
  const numpy = Number(own.numpy_seed ?? UNSEEDED_WORD)
  if (own.policy === "fork") return Parity.forked({ ...options, numpy })
  return (own.policy === "state_worker" ? Parity.stateWorker : Parity.stateEpochWorker)({ ...options, numpy })
}

const sizes = ({ batch_size, drop_last, length }: LoaderCase) => ({
  size: length,
  batchSize: batch_size,
  dropLast: drop_last
})

const pipeline = (own: LoaderCase) =>
  Pipeline.from(Dataset.range(own.length)).pipe(
    Pipeline.sample(own.shuffle ? PyTorch.randomSampler : Sampler.sequential),
    Pipeline.augment("numpy", (index, rng) => ({ index, numpy: draws(3, rng) })),
    Pipeline.augment("python", (sample, rng) => ({ ...sample, python: rng.integer(1000) })),
    Pipeline.augment("torch", (sample, rng) => ({ ...sample, torch: draws(2, rng) })),
    Pipeline.batchWith(own.batch_size, (samples) => samples, { dropLast: own.drop_last })
  )

const draws = (count: number, rng: { readonly integer: (bound: number) => number }): ReadonlyArray<number> =>
  Array.from({ length: count }, () => rng.integer(1000))

/** The batches of a case, in the loader's order. */
export const rows = (own: LoaderCase): Effect.Effect<ReadonlyArray<Row>, Error> =>
  Effect.suspend(() =>
    Scheduler.stream(pipeline(own), { epochs: own.epochs, replay: true }).pipe(
      Stream.map(
        ({ columns, epoch, index, indices, worker }): Row => ({
          epoch,
          batch: index,
          worker,
          indices: Array.from(indices),
          numpy: columns.map((sample) => sample.numpy),
          python: columns.map((sample) => sample.python),
          torch: columns.map((sample) => sample.torch)
        })
      ),
      Stream.runCollect,
      Effect.map((chunk) => Array.from(chunk)),
      Effect.provide(layer(own)),
      Effect.provide(Workers.fibers({ workers: own.num_workers }))
    )
  )
