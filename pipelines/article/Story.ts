/**
 * The article's story as runs: one pipeline, and a layer a chapter.
 */
import type * as Layer from "effect/Layer"
import { NumPy, Parity, type Seed, SeedPolicy } from "../../src/index.ts"

/** How a chapter is run: the article's 8 samples in batches of 2. */
export interface Chapter {
  readonly name: string
  readonly title: string
  readonly text: ReadonlyArray<string>
  readonly workers: number
  readonly epochs: number
  readonly layer: Layer.Layer<SeedPolicy.SeedPolicy, unknown>
  /** What is to be said of its repeats. */
  readonly flaw: string
}

export const SIZE = 8
export const BATCH = 2
const BATCHES = SIZE / BATCH

/** The chapters, for the state that NumPy has in the parent process, and the seed that the cure is given. */
export const chapters = (parent: Seed.Seed, seed: bigint, own: boolean): ReadonlyArray<Chapter> => {
  const machine = { torch: seed, shuffle: false }
  const state = { ...machine, numpy: parent }
  return [
    {
      name: "forked",
      title: "The bug",
      text: [
        "A PyTorch dataset draws with np.random.randint(0, 1000, 3) for each sample. DataLoader forks its workers, and each",
        "inherits the parent's NumPy state. Nobody seeds it.",
        own
          ? "(The state is the one you gave.)"
          : "(The article's first table, 116 760 679 …, came from a state that nobody knows. This is its structure, from the\n state of an unseeded NumPy whose entropy was 0; --numpy-state FILE shows your own.)"
      ],
      workers: 2,
      epochs: 2,
      layer: Parity.forked(state),
      flaw: "both workers draw the same, and each epoch, forked anew, the same again"
    },
    {
      name: "stateWorker",
      title: "Fix 1: np.random.seed(np.random.get_state()[1][0] + worker_id)",
      text: [
        "Workers differ now. But an unseeded NumPy has 2147483648 as the first word of its state, always and everywhere:",
        own
          ? "a state of your own has its own word."
          : "these are the article's own numbers, and those of every unseeded run on every machine."
      ],
      workers: 2,
      epochs: 1,
      layer: Parity.stateWorker(state),
      flaw: "nothing repeats within an epoch"
    },
    {
      name: "stateWorkerEpochs",
      title: "Fix 1, for three epochs",
      text: [
        "The parent's state never moves, so workers are seeded alike in each epoch (four workers; the article's numbers)."
      ],
      workers: 4,
      epochs: 3,
      layer: Parity.stateWorker(state),
      flaw: "each epoch is the first one again"
    },
    {
      name: "stateEpochWorker",
      title: "Fix 2: np.random.seed(np.random.get_state()[1][0] + epoch + worker_id)",
      text: ["Epochs differ from themselves, and repeat each other along the diagonal:"],
      workers: 4,
      epochs: 3,
      layer: Parity.stateEpochWorker(state),
      flaw: "worker 1 of an epoch is worker 0 of the next"
    },
    {
      name: "globalStep",
      title: "Fix 3: np.random.seed(global_step + worker_id)",
      text: [
        `With len(dataloader) ${BATCHES} >= num_workers 4 epochs stay apart. But no seed of the run is in it:`,
        "every run, of every project, draws these."
      ],
      workers: 4,
      epochs: 3,
      layer: Parity.globalStep({ ...machine, length: BATCHES }),
      flaw: "nothing repeats within the run; all runs are one"
    },
    {
      name: "initialSeed",
      title: "Fix 4: np.random.seed(torch.initial_seed() % 2**32)",
      text: [
        "PyTorch's own seed for the worker, drawn anew each epoch, cut to 32 bits. So is get_worker_info().seed % 2**32."
      ],
      workers: 4,
      epochs: 3,
      layer: Parity.initialSeed(machine),
      flaw: "none seen here; by chance once in about n² / 2^33"
    },
    {
      name: "pytorch",
      title: "PyTorch 1.9 and later",
      text: [
        "Workers seed NumPy through a SeedSequence of worker number and base seed. JAX, CuPy and your own RNG: not."
      ],
      workers: 4,
      epochs: 3,
      layer: Parity.pytorch(machine),
      flaw: "none seen here; base seeds stand on 32 bits of the main generator's seed"
    },
    {
      name: "epochWorker",
      title: "The cure: swap the layer",
      text: [
        "The same pipeline under SeedPolicy.epochWorker: epoch, rank, worker, sample and stage are packed into the counter of",
        "Philox4x32-10, a bijection. Two places cannot start from one state, and any run can be replayed."
      ],
      workers: 4,
      epochs: 3,
      layer: SeedPolicy.epochWorker({ seed }),
      flaw: "none, by construction"
    }
  ]
}

/** What a NumPy that nobody seeded starts from, here with entropy 0 so that the story is always the same. */
export const unseeded: Seed.Seed = NumPy.RandomState.unseeded(0)
