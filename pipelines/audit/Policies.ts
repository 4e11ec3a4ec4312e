/**
 * The policies that are audited, each as a run seeded by a number has it.
 */
import * as Either from "effect/Either"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { Dataset, Parity, Pipeline, Sampler, Seed, SeedPolicy } from "../../src/index.ts"

/** What the policies are to seed. */
export interface Setting {
  readonly workers: number
  /** Batches an epoch. */
  readonly batches: number
  /** Whether each rank's process is given a seed of its own; otherwise all have the run's. */
  readonly ownRankSeeds: boolean
}

export interface Audited {
  readonly name: string
  readonly note: string
  /** The bits of the number that seeds it; none where a name does, too. */
  readonly bits: 32 | 64 | undefined
  readonly layer: (seed: Seed.RootInput) => Layer.Layer<SeedPolicy.SeedPolicy, unknown>
}

/** A policy as {@link all} lists it, seeded by a kind of number. */
interface Of<Input> {
  readonly name: string
  readonly note: string
  readonly layer: (seed: Input) => Layer.Layer<SeedPolicy.SeedPolicy, unknown>
}

/** A pipeline that draws for its order and for each sample: all that a policy has to seed. */
export const pipeline = (batches: number, ranks: number) =>
  Pipeline.from(Dataset.range(batches * ranks)).pipe(
    Pipeline.sample(Sampler.shuffle),
    Pipeline.augment("augment", (value, rng) => value + rng.float()),
    Pipeline.batch(ranks)
  )

/** A seed of 32 bits for each rank's process, far from the run's and its neighbors'; rank 0 has the run's own. */
const rankSeed = (seed: bigint, own: boolean) => (rank: number) =>
  rank === 0 || !own ? Number(seed & 0xffffffffn) : Either.getOrThrow(Seed.root(`rank ${rank} of run ${seed}`)).low

/** All policies that can be audited. */
export const all = ({ batches, ownRankSeeds, workers }: Setting): ReadonlyArray<Audited> => {
  const parent = (seed: bigint) => {
    const of = rankSeed(seed, ownRankSeeds)
    return { torch: of, numpy: of, shuffle: true }
  }
  const torch = (seed: bigint) => ({ torch: rankSeed(seed, ownRankSeeds), shuffle: true })
  const short = Math.max(1, Math.floor(workers / 2))
  const article: ReadonlyArray<Of<bigint>> = [
    {
      name: "forked",
      note: "workers inherit the parent's NumPy state, each epoch again",
      layer: (seed) => Parity.forked(parent(seed))
    },
    {
      name: "spawned",
      note: "each worker imports NumPy afresh: the system's entropy",
      layer: (seed) => Parity.spawned(torch(seed))
    },
    {
      name: "stateWorker",
      note: "first word of the parent's state + worker",
      layer: (seed) => Parity.stateWorker(parent(seed))
    },
    {
      name: "stateEpochWorker",
      note: "first word of the parent's state + epoch + worker",
      layer: (seed) => Parity.stateEpochWorker(parent(seed))
    },
    { name: "initialSeed", note: "torch.initial_seed() % 2^32", layer: (seed) => Parity.initialSeed(torch(seed)) },
    {
      name: "workerInfoSeed",
      note: "get_worker_info().seed % 2^32",
      layer: (seed) => Parity.workerInfoSeed(torch(seed))
    },
    {
      name: "globalStep",
      note: `steps so far + worker, ${holds(batches, workers)}`,
      layer: (seed) => Parity.globalStep({ ...torch(seed), length: batches })
    },
    {
      name: "globalStepShort",
      note: `steps so far + worker, ${holds(short, workers)}`,
      layer: (seed) => Parity.globalStep({ ...torch(seed), length: short })
    },
    {
      name: "osEntropy",
      note: "np.random.default_rng(): the system's entropy",
      layer: (seed) => Parity.osEntropy(torch(seed))
    },
    {
      name: "pytorch",
      note: "PyTorch 1.9 and later: SeedSequence of worker and base seed",
      layer: (seed) => Parity.pytorch(torch(seed))
    }
  ]
  const own: ReadonlyArray<Of<Seed.RootInput>> = [
    {
      name: "epochWorker",
      note: "Furrow's default: epoch, worker and ordinal packed into a Philox counter",
      layer: (seed) => SeedPolicy.epochWorker({ seed })
    },
    {
      name: "elastic",
      note: "epoch and sample index packed into a Philox counter",
      layer: (seed) => SeedPolicy.elastic({ seed })
    }
  ]
  return [
    ...article.map((one) => ({ ...one, bits: 32 as const, layer: (seed: Seed.RootInput) => one.layer(BigInt(seed)) })),
    {
      name: "additive",
      note: "seed + epoch",
      bits: 64,
      layer: (seed) => Parity.additive({ seed: BigInt(seed) })
    },
    ...own.map((one) => ({ ...one, bits: undefined }))
  ]
}

const holds = (length: number, workers: number): string => {
  const sign = Parity.globalStepHolds({ length, workers }) ? ">=" : "<"
  return `len(dataloader) ${length} ${sign} num_workers ${workers}`
}

/** The names of all policies. */
export const names = all({ workers: 1, batches: 1, ownRankSeeds: true }).map(({ name }) => name)

/** The policy of a name. */
export const byName = (name: string, setting: Setting): Option.Option<Audited> =>
  Option.fromNullable(all(setting).find((one) => one.name === name))
