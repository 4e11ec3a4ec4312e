/**
 * PyTorch's DataLoader as a machine of seeds: what it draws from the main generator, in which order, and what each of
 * its workers starts from. After `torch/utils/data/dataloader.py` and `_utils/worker.py` of PyTorch 1.13, compared with
 * the real one.
 *
 * ```text
 * main generator:  base seed of epoch 0 │ order of epoch 0 │ base seed of epoch 1 │ order of epoch 1 │ …
 *                  (orders only with shuffle; with persistentWorkers the one base seed of the start, then orders)
 *
 * worker w of an epoch:  torch.manual_seed(base + w)   random.seed(base + w)   NumPy: as the policy has it
 * batch b:               made by worker b mod n, one sample after the other
 * ```
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import { whole } from "../core/Check.ts"
import { checked, InvalidOption } from "../core/InvalidOption.ts"
import { isOptions, type Names, optionsOf, truth } from "../core/Options.ts"
import { Made, type Parameters } from "../core/Parameters.ts"
import * as Rng from "../random/Rng.ts"
import type { Seed } from "../random/Seed.ts"
import type { Sampler } from "../sampling/Sampler.ts"
import type { Request, Seeds } from "../seeding/Request.ts"
import { SeedPolicy } from "../seeding/SeedPolicy.ts"
import { asSound, ownPolicy, type Service } from "../seeding/Service.ts"
import * as Python from "./cpython/Random.ts"
import * as Torch from "./pytorch/TorchGenerator.ts"

/** Whose generator a stage draws from. @category models @since 0.1.0 */
export type Library = "numpy" | "python" | "torch"

/** @category options @since 0.1.0 */
export interface Options {
  /**
   * What `torch.manual_seed` was given before the loader was first used, −2^63 to 2^64 − 1. A function gives each rank
   * its own: ranks that are all seeded alike, as many scripts do, draw alike.
   */
  readonly torch: number | bigint | ((rank: number) => number | bigint)
  /** Whether the loader shuffles: its order is then drawn from the main generator, between base seeds. Default `false`. */
  readonly shuffle?: boolean
  /** Whether workers live on from epoch to epoch; they are then seeded once. Default `false`. */
  readonly persistentWorkers?: boolean
  /** Which library's generator a stage draws from, by the stage's name. Default: NumPy's, for all. */
  readonly libraries?: Readonly<Record<string, Library>>
}

/** What is known where a worker is seeded. @since 0.1.0 */
export interface WorkerStart {
  readonly epoch: number
  readonly rank: number
  readonly worker: number
  /** The base seed that the loader drew, 0 to 2^63 − 1. */
  readonly base: bigint
}

/**
 * The two draws of an epoch from the main generator.
 *
 * @category models
 * @since 0.1.0
 */
export interface EpochSeeds {
  /** The seed of worker 0; worker w has `base + w`. */
  readonly base: bigint
  /** The seed of the order; `undefined` without shuffle. */
  readonly order: bigint | undefined
}

/**
 * What the main generator gives to each epoch. Epochs are drawn once and kept, 64 bytes each.
 *
 * @example
 * import { PyTorch } from "furrow"
 *
 * const seeds = PyTorch.epochSeeds({ torch: 0, shuffle: true })
 * console.assert(seeds(1).base !== seeds(0).base)
 *
 * @category getters
 * @since 0.1.0
 */
export const epochSeeds = (options: {
  readonly torch: number | bigint
  readonly shuffle?: boolean
  readonly persistentWorkers?: boolean
}): ((epoch: number) => EpochSeeds) => {
  optionsOf("PyTorch.epochSeeds", options, { torch: true, shuffle: true, persistentWorkers: true })
  const persistent = truth("persistentWorkers", options.persistentWorkers ?? false)
  const shuffles = truth("shuffle", options.shuffle ?? false)
  const main = Torch.manualSeed(options.torch)
  const known: Array<EpochSeeds> = []
  return (epoch) => {
    whole("epoch", epoch, 0)
    for (let next = known.length; next <= epoch; next++) {
      const first = known[0]
      const base = persistent && first !== undefined ? first.base : main.random()
      known.push({ base, order: shuffles ? main.random() : undefined })
    }
    return known[epoch] as EpochSeeds // filled up to here
  }
}

/**
 * PyTorch's `RandomSampler`: `torch.randperm` of the dataset's size, from the seed that the loader drew for the epoch.
 * It holds the whole order, 4 bytes a sample. Under a policy that is not PyTorch's it is an ordinary shuffle.
 *
 * @category constructors
 * @since 0.1.0
 */
export const randomSampler: Sampler<SeedPolicy> = {
  name: "randomSampler",
  draws: true,
  distinct: true,
  parameters: {},
  count: (size) => size,
  order: (size, rng) => {
    const order = rng.permutation(size)
    return (position) => order[position] as number // the sampler's contract: a position of the order
  }
}

/**
 * How many batches PyTorch's loader has: `len(dataloader)`.
 *
 * @category getters
 * @since 0.1.0
 */
export const loaderLength = (options: {
  readonly size: number
  readonly batchSize: number
  readonly dropLast?: boolean
}): number => {
  optionsOf("PyTorch.loaderLength", options, { size: true, batchSize: true, dropLast: true })
  const dropLast = truth("dropLast", options.dropLast ?? false)
  const batches = whole("size", options.size, 0) / whole("batchSize", options.batchSize, 1)
  return dropLast ? Math.floor(batches) : Math.ceil(batches)
}

/** The names of {@link Options}. @since 0.1.0 */
export const NAMES: Names<Options> = { torch: true, shuffle: true, persistentWorkers: true, libraries: true }

/**
 * A policy that seeds workers as PyTorch's loader does, and NumPy in them by `numpy`, called at each worker's start.
 *
 * @since 0.1.0
 */
export const layer = (
  name: string,
  options: Options,
  numpy: (start: WorkerStart) => Seed,
  narrow?: number,
  parameters: Parameters = {},
  names: Names<Options> = NAMES
): Layer.Layer<SeedPolicy, InvalidOption> =>
  Layer.effect(
    SeedPolicy,
    checked(() => service(name, optionsOf(`Parity.${name}`, options, names), numpy, narrow, parameters))
  )

/** What a function gives each rank cannot be seen. */
export const ofRanks = (option: string, value: unknown): Parameters =>
  typeof value === "function"
    ? { [option]: new Made("function", undefined, `the function of option ${option} of the policy`) }
    : {}

const service = (
  name: string,
  options: Options,
  numpy: (start: WorkerStart) => Seed,
  narrow: number | undefined,
  parameters: Parameters
): Service => {
  const { libraries = {}, torch } = options
  const { persistentWorkers = false, shuffle = false } = options
  const drawing = { persistentWorkers, shuffle }
  if (!isOptions(libraries)) {
    const expected = 'generators by stage, such as { crop: "python" }'
    throw new InvalidOption({ option: "libraries", value: libraries, expected })
  }
  for (const [stage, library] of Object.entries(libraries)) {
    if (library === "numpy" || library === "python" || library === "torch") continue
    throw new InvalidOption({ option: `libraries.${stage}`, value: library, expected: '"numpy", "python" or "torch"' })
  }
  const seedOf = typeof torch === "function" ? torch : () => torch
  const ranks = new Map<number, (epoch: number) => EpochSeeds>()
  const at = (rank: number) => {
    const seeds = ranks.get(rank) ?? epochSeeds({ ...drawing, torch: seedOf(rank) })
    ranks.set(rank, seeds)
    return seeds
  }
  // Checked when the layer is built, not when the first batch is made.
  at(0)(0)

  const seeds = (request: Request): Seeds => {
    const { epoch, rank, scope, stage, worker } = request
    if (scope === "epoch") {
      const { base, order } = at(0)(epoch)
      const own = Torch.seed(order ?? base)
      // One sampler and one only is the loader's; all else that is drawn once an epoch is Furrow's own.
      if (stage.name === "sample" && order !== undefined) return { _tag: "Listed", seeds: [own] }
      return { _tag: "Listed", seeds: [Rng.make(own).fork(`epoch ${epoch}, ${stage.name}`).seed] }
    }
    const start = { epoch: options.persistentWorkers === true ? 0 : epoch, rank, worker }
    const base = at(rank)(start.epoch).base
    const slot = Object.hasOwn(libraries, stage.name) ? (libraries[stage.name] ?? "numpy") : "numpy"
    if (slot === "torch") return { _tag: "Carried", slot, seed: Torch.seed(base + BigInt(worker)) }
    if (slot === "python") return { _tag: "Carried", slot, seed: Python.seed(base + BigInt(worker)) }
    return { _tag: "Carried", slot, seed: numpy({ ...start, base }) }
  }

  const seed = String(seedOf(0))
  return ownPolicy({
    name,
    seed,
    parameters: { ...parameters, libraries, persistentWorkers, shuffle, ...ofRanks("torch", torch) },
    elastic: false,
    carries: options.persistentWorkers === true ? "run" : "epoch",
    ...(narrow === undefined ? {} : { bits: narrow }),
    seeds: asSound((request) => Either.right(seeds(request)))
  })
}
