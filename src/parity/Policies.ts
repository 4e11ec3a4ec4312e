/**
 * The seeding policies of the article and of the projects around it, flaws included: what each of them gives to NumPy
 * in a worker of PyTorch's DataLoader. They are here to be looked at, to be audited, and to keep a team's old draws
 * while it moves; for a run of your own take `SeedPolicy.epochWorker` or `SeedPolicy.elastic`.
 *
 * All of them carry a worker's stream on from sample to sample, as a process's global generator does, and seed torch and
 * Python's `random` in each worker with the loader's base seed plus the worker's number.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import { whole } from "../core/Check.ts"
import { checked, InvalidOption } from "../core/InvalidOption.ts"
import { isOptions, optionsOf } from "../core/Options.ts"
import type { Parameters } from "../core/Parameters.ts"
import { sha256, entropy as systemEntropy } from "../core/runtime.ts"
import * as Rng from "../random/Rng.ts"
import type { Seed } from "../random/Seed.ts"
import type { Request, Seeds } from "../seeding/Request.ts"
import { SeedPolicy } from "../seeding/SeedPolicy.ts"
import { asSound, ownPolicy } from "../seeding/Service.ts"
import * as Loader from "./Loader.ts"
import * as Generator from "./numpy/Generator.ts"
import * as RandomState from "./numpy/RandomState.ts"
import * as SeedSequence from "./numpy/SeedSequence.ts"

/**
 * How NumPy stood in the parent process when the loader was made: seeded by `np.random.seed(n)`, or at a state, such as
 * one that was saved (`RandomState.stateSeed`).
 *
 * @category options
 * @since 0.1.0
 */
export interface ParentOptions extends Loader.Options {
  /** A function gives each rank's process its own. */
  readonly numpy: number | Seed | ((rank: number) => number | Seed)
}

const TWO_POW_32 = 2 ** 32

/** The parent's state in a rank's process. */
const parents = (policy: string, options: ParentOptions): ((rank: number) => Seed) => {
  const { numpy } = optionsOf(`Parity.${policy}`, options, { ...Loader.NAMES, numpy: true })
  const of = (rank: number): Seed => {
    const own = typeof numpy === "function" ? numpy(rank) : numpy
    return typeof own === "number" ? RandomState.seed(own) : RandomState.make(own).seed
  }
  return ranked(of)
}

/** How the parent stood, for cursors; what a function gives cannot be seen. */
const parentOf = ({ numpy }: ParentOptions): Parameters => {
  if (typeof numpy === "function") return Loader.ofRanks("numpy", numpy)
  return { numpy: typeof numpy === "number" ? numpy : { ...numpy } }
}

/** `np.random.get_state()[1][0]`, which two of the fixes add to: the first word of the parent's state. */
const firstWords = (of: string, options: ParentOptions): ((rank: number) => number) => {
  const parent = parents(of, options)
  return ranked((rank) => RandomState.make(parent(rank)).state().words[0] ?? 0)
}

/** Makes what a rank has once; that of rank 0 at once, so that a wrong option shows when the layer is built. */
const ranked = <A>(make: (rank: number) => A): ((rank: number) => A) => {
  const known = new Map([[0, make(0)]])
  return (rank) => {
    const own = known.get(rank) ?? make(rank)
    known.set(rank, own)
    return own
  }
}

/**
 * The bug itself. Workers are forked, each inherits the parent's NumPy state and none is seeded: all workers draw the
 * same numbers, and each epoch, forked anew, draws them again. Every project that drew from NumPy in a `Dataset` under
 * PyTorch before 1.9 had it, PyTorch's own tutorial among them.
 *
 * @category layers
 * @since 0.1.0
 */
export const forked = (options: ParentOptions): Layer.Layer<SeedPolicy, InvalidOption> =>
  refusing(() => {
    const parent = parents("forked", options)
    return Loader.layer("forked", rest(options), ({ rank }) => parent(rank), undefined, parentOf(options))
  })

/**
 * The first fix that was passed on: `np.random.seed(np.random.get_state()[1][0] + worker_id)`. Workers differ, but each
 * epoch is the same again, as the parent's state never moves. And the first word of a state is hardly random: it is the
 * seed where NumPy was seeded with a number, 2^31 wherever it was not, so that all unseeded runs of all machines draw
 * alike; runs seeded 42 and 43 share all but one worker.
 *
 * @category layers
 * @since 0.1.0
 */
export const stateWorker = (options: ParentOptions): Layer.Layer<SeedPolicy, InvalidOption> =>
  refusing(() => {
    const word = firstWords("stateWorker", options)
    const seed = ({ rank, worker }: Loader.WorkerStart) => RandomState.seed((word(rank) + worker) % TWO_POW_32)
    return Loader.layer("stateWorker", rest(options), seed, undefined, parentOf(options))
  })

/**
 * The fix of the fix: `np.random.seed(np.random.get_state()[1][0] + epoch + worker_id)`. It repeats along the diagonal:
 * worker 1 of epoch 0 is worker 0 of epoch 1.
 *
 * @category layers
 * @since 0.1.0
 */
export const stateEpochWorker = (options: ParentOptions): Layer.Layer<SeedPolicy, InvalidOption> =>
  refusing(() => {
    const word = firstWords("stateEpochWorker", options)
    const seed = ({ epoch, rank, worker }: Loader.WorkerStart) =>
      RandomState.seed((word(rank) + epoch + worker) % TWO_POW_32)
    return Loader.layer("stateEpochWorker", rest(options), seed, undefined, parentOf(options))
  })

/** The options that all policies have. */
const rest = ({ libraries, persistentWorkers, shuffle, torch }: Loader.Options): Loader.Options => ({
  torch,
  ...(libraries === undefined ? {} : { libraries }),
  ...(persistentWorkers === undefined ? {} : { persistentWorkers }),
  ...(shuffle === undefined ? {} : { shuffle })
})

/** A layer whose making may refuse its options. */
const refusing = <A>(make: () => Layer.Layer<A, InvalidOption>): Layer.Layer<A, InvalidOption> =>
  Layer.unwrapEffect(checked(make))

/** The worker's seed in 32 bits, which is all that `np.random.seed` takes. */
const narrowed = ({ base, worker }: Loader.WorkerStart): Seed =>
  RandomState.seed(Number((base + BigInt(worker)) & 0xffffffffn))

/**
 * `np.random.seed(torch.initial_seed() % 2**32)`, the fix in PyTorch's own notes: base seed plus worker, new each epoch.
 * What is left: 64 bits are squeezed into 32, so two streams of a run of n meet with odds of about n² / 2^33.
 *
 * @category layers
 * @since 0.1.0
 */
export const initialSeed = (options: Loader.Options): Layer.Layer<SeedPolicy, InvalidOption> =>
  Loader.layer("initialSeed", options, narrowed, 32)

/**
 * `np.random.seed(torch.utils.data.get_worker_info().seed % 2**32)`, as pytorch-image-models has it. The same number as
 * {@link initialSeed} by another way, with the same odds.
 *
 * @category layers
 * @since 0.1.0
 */
export const workerInfoSeed = (options: Loader.Options): Layer.Layer<SeedPolicy, InvalidOption> =>
  Loader.layer("workerInfoSeed", options, narrowed, 32)

/** @category options @since 0.1.0 */
export interface GlobalStepOptions extends Loader.Options {
  /** `len(dataloader)`, the steps of an epoch: `PyTorch.loaderLength`. */
  readonly length: number
}

/**
 * `np.random.seed(global_step + worker_id)` with the steps made so far, ggggnui's `WorkerInit`. Epochs stay apart only
 * while `length >= workers`: with fewer, an epoch seeds its workers as the one before has seeded its own. (Workers beyond
 * the batches stand idle, so nothing is drawn twice yet; where steps are counted otherwise, by optimizer steps under
 * gradient accumulation say, they do draw.) And as nothing of the run is in it, all runs draw alike, and all ranks.
 *
 * @category layers
 * @since 0.1.0
 */
export const globalStep = (options: GlobalStepOptions): Layer.Layer<SeedPolicy, InvalidOption> =>
  refusing(() => {
    optionsOf("Parity.globalStep", options, { ...Loader.NAMES, length: true })
    const length = whole("length", options.length, 0)
    const seed = ({ epoch, worker }: Loader.WorkerStart) => RandomState.seed((epoch * length + worker) % TWO_POW_32)
    return Loader.layer("globalStep", rest(options), seed, undefined, { length })
  })

/**
 * Whether {@link globalStep} keeps epochs apart: `len(dataloader) >= num_workers`.
 *
 * @category predicates
 * @since 0.1.0
 */
export const globalStepHolds = (options: { readonly length: number; readonly workers: number }): boolean => {
  const { length, workers } = optionsOf("Parity.globalStepHolds", options, { length: true, workers: true })
  return whole("length", length, 0) >= whole("workers", workers, 1)
}

/**
 * PyTorch 1.9 and later: each worker's NumPy is seeded by four words that NumPy's `SeedSequence` makes of the worker's
 * number and the base seed. No repeats within a run; but the main generator that draws the base seeds is seeded with
 * the low 32 bits of `torch.manual_seed`, and so are torch's generators in the workers.
 *
 * @category layers
 * @since 0.1.0
 */
export const pytorch = (options: Loader.Options): Layer.Layer<SeedPolicy, InvalidOption> =>
  Loader.layer("pytorch", options, ({ base, worker }) => RandomState.arraySeed(workerWords(base, worker)), 32)

/** The words that PyTorch 1.9 and later seed NumPy with in a worker. */
const workerWords = (base: bigint, worker: number): ReadonlyArray<number> =>
  Array.from(SeedSequence.make([worker, Number(base & 0xffffffffn), Number(base >> 32n), 0]).generateState(4))

/**
 * The entropy that a worker was started with, as it is to be given back.
 *
 * @category models
 * @since 0.1.0
 */
export interface Recorded {
  readonly epoch: number
  readonly rank: number
  readonly worker: number
  /** 128 bits, in decimal. */
  readonly entropy: string
}

/**
 * What the operating system gave to workers so far.
 *
 * @category services
 * @since 0.1.0
 */
export class Entropy extends Context.Tag("furrow/parity/Entropy")<
  Entropy,
  { readonly recorded: Effect.Effect<ReadonlyArray<Recorded>> }
>() {}

/** @category options @since 0.1.0 */
export interface EntropyOptions extends Loader.Options {
  /** What an earlier run recorded; workers that it names start from it again. */
  readonly recorded?: ReadonlyArray<Recorded>
}

/**
 * `np.random.default_rng()` in each worker, 晚星's fix: 128 bits from the operating system. Nothing repeats, and nothing
 * can be replayed, unless the entropy is recorded, as here: {@link Entropy} tells what each worker was given, and
 * `recorded` gives it back. The operating system is asked once, when the layer is built; what each worker gets is the
 * start of SHA-256 of its answer and the worker's place, so one instance of the layer gives the same seeds whenever it is
 * asked.
 *
 * @category layers
 * @since 0.1.0
 */
export const osEntropy = (options: EntropyOptions): Layer.Layer<SeedPolicy | Entropy, InvalidOption> =>
  fromEntropy("osEntropy", options, Generator.pcg64Seed)

/**
 * Workers that are spawned, not forked (Windows, and macOS since Python 3.8): each imports NumPy afresh, which seeds
 * itself by 128 bits from the operating system. Nothing repeats, nothing can be replayed, and the same code had the bug
 * of {@link forked} on Linux. Its entropy is recorded and given back like that of {@link osEntropy}.
 *
 * @category layers
 * @since 0.1.0
 */
export const spawned = (options: EntropyOptions): Layer.Layer<SeedPolicy | Entropy, InvalidOption> =>
  fromEntropy("spawned", options, RandomState.unseeded)

const fromEntropy = (name: string, options: EntropyOptions, seed: (entropy: bigint) => Seed) =>
  refusing(() => {
    optionsOf(`Parity.${name}`, options, { ...Loader.NAMES, recorded: true })
    const given = new Map<string, Recorded>()
    const place = ({ epoch, rank, worker }: Omit<Recorded, "entropy">): string => [epoch, rank, worker].join()
    const root = systemEntropy()
    const before = new Map(recordsOf(options.recorded ?? []).map((own) => [place(own), valid(own)]))
    const entropyAt = ({ epoch, rank, worker }: Loader.WorkerStart): bigint => {
      const key = place({ epoch, rank, worker })
      const own = given.get(key) ?? before.get(key) ?? { epoch, rank, worker, entropy: derived(root, key) }
      given.set(key, own)
      return BigInt(own.entropy)
    }
    return Layer.merge(
      Loader.layer(name, rest(options), (start) => seed(entropyAt(start)), undefined, {
        recorded: Array.from(before.values(), (own) => [place(own), own.entropy])
      }),
      Layer.succeed(Entropy, { recorded: Effect.sync(() => [...given.values()]) })
    )
  })

/** 128 bits for a place, in decimal. */
const derived = (root: bigint, place: string): string => {
  const bytes = sha256(`${root}: ${place}`)
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  return String((view.getBigUint64(0) << 64n) | view.getBigUint64(8))
}

const recordsOf = (recorded: ReadonlyArray<Recorded>): ReadonlyArray<Recorded> => {
  if (Array.isArray(recorded) && !recorded.some((own) => !isOptions(own))) return recorded
  throw new InvalidOption({ option: "recorded", value: recorded, expected: "the list that Entropy gave" })
}

const valid = (recorded: Recorded): Recorded => {
  if (/^\d+$/.test(recorded.entropy) && BigInt(recorded.entropy) < 1n << 128n) return recorded
  throw new InvalidOption({
    option: "entropy",
    value: recorded.entropy,
    expected: "a whole number below 2^128, as text"
  })
}

/**
 * `seed + epoch`, as Grain's and MosaicML's shuffles do: the order of an epoch is drawn by
 * `np.random.default_rng(seed + epoch)`, and the workers' streams are spawned from the same sum. Within a run nothing
 * repeats. Between runs nearly all of it does: epoch 1 of run 42 is epoch 0 of run 43, so an ensemble over neighboring
 * seeds sees the same orders and the same augmentations, an epoch apart.
 *
 * @category layers
 * @since 0.1.0
 */
export const additive = (options: { readonly seed: number | bigint }): Layer.Layer<SeedPolicy, InvalidOption> =>
  Layer.effect(
    SeedPolicy,
    checked(() => {
      const seed = SeedSequence.entropyOf(optionsOf("Parity.additive", options, { seed: true }).seed)
      const seeds = ({ epoch, rank, scope, stage, worker }: Request): Seeds => {
        const sum = seed + BigInt(epoch)
        if (scope !== "epoch") return { _tag: "Carried", slot: "numpy", seed: Generator.pcg64Seed(sum, [rank, worker]) }
        const own = Generator.pcg64Seed(sum)
        return { _tag: "Listed", seeds: [stage.name === "sample" ? own : Rng.make(own).fork(stage.name).seed] }
      }
      return ownPolicy({
        name: "additive",
        seed: String(options.seed),
        parameters: {},
        elastic: false,
        carries: "epoch",
        seeds: asSound((request) => Either.right(seeds(request)))
      })
    })
  )
