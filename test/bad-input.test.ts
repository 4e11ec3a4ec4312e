/**
 * Input that cannot be meant, in one table: what is done, the error it meets, and what its message must say. Each row
 * names the value that was given and the way out; none may be answered by a raw stack trace, or by nothing.
 */
import { describe, expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { BunContext } from "@effect/platform-bun"
import { ConfigProvider, Data, Effect, Layer, Option, Stream } from "effect"
import type { InvalidOption } from "../src/core/InvalidOption.ts"
import * as Tensor from "../src/core/Tensor.ts"
import { normalize, randomCrop, randomHorizontalFlip } from "../src/image/Image.ts"
import type { Batch } from "../src/pipeline/Batch.ts"
import * as Pipeline from "../src/pipeline/Pipeline.ts"
import type { Rng } from "../src/random/Rng.ts"
import type * as Seed from "../src/random/Seed.ts"
import * as Sampler from "../src/sampling/Sampler.ts"
import * as Workers from "../src/scheduler/backends/Workers.ts"
import { StageError } from "../src/scheduler/build/StageError.ts"
import * as Scheduler from "../src/scheduler/loader/Scheduler.ts"
import * as SeedPolicy from "../src/seeding/SeedPolicy.ts"
import * as Dataset from "../src/sources/Dataset.ts"
import * as Idx from "../src/sources/Idx.ts"
import type { PartialOptions } from "./support/options.ts"

type Needs = SeedPolicy.SeedPolicy
type Runnable = Pipeline.Pipeline<Batch<unknown>, unknown, Needs>

const seeded = SeedPolicy.epochWorker({ seed: 42 })

/** Runs a pipeline to its end. */
const run = (pipeline: Runnable, options: PartialOptions = {}, workers = 2) =>
  Stream.runDrain(Scheduler.stream(pipeline, { replay: true, epochs: 1, ...options })).pipe(
    Effect.provide(Layer.merge(seeded, Workers.fibers({ workers })))
  )

/** Calls what throws where it is called. */
const call = (make: () => unknown) => Effect.try({ try: make, catch: (error) => error })

const built = <A, E>(layer: Layer.Layer<A, E>) => Effect.scoped(Layer.build(layer))

const replay = (
  policy: Layer.Layer<SeedPolicy.SeedPolicy, Seed.SeedError | InvalidOption>,
  at: Scheduler.ReplayOptions
) => Effect.provide(Scheduler.replay(noisy, at), policy)

const numbersTo = (size: number) => Pipeline.from(Dataset.range(size))
const numbers = numbersTo(10)
const noise = Pipeline.augment("noise", (x: number, rng) => x + rng.float())
const plain = numbers.pipe(Pipeline.batch(4))
const noisy = numbers.pipe(noise, Pipeline.batch(4))

/** A pipeline with one stage that draws with options from somewhere else. */
const draws = (draw: (rng: Rng) => unknown): Runnable =>
  numbers.pipe(
    Pipeline.augment("draw", (_, rng) => Number(draw(rng))),
    Pipeline.batch(4)
  )

const stranger: Sampler.Sampler = {
  name: "stranger",
  draws: false,
  distinct: true,
  count: (size) => size,
  order: () => (position) => (position === 5 ? 99 : position)
}

/** A dataset of 10 samples that has 7 once the first batch was read. */
const shrinking = (): Dataset.Dataset<number> => {
  const inner = Dataset.range(10)
  let size = 10
  return {
    name: "shrinking",
    get size() {
      return size
    },
    get: inner.get,
    getMany: (indices) =>
      Effect.tap(inner.getMany(indices), () =>
        Effect.sync(() => {
          size = 7
        })
      ),
    pipe: inner.pipe
  }
}

const environment = (entries: Readonly<Record<string, string>>) =>
  Layer.provide(
    SeedPolicy.fromConfig,
    Layer.setConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(entries))))
  )

const mnist = (directory: string) => Effect.provide(Idx.mnist(directory), BunContext.layer)

const idx = (...bytes: ReadonlyArray<number>) =>
  Effect.suspend(() => Idx.parse(Uint8Array.from(bytes), { name: "train-labels" }))

const elsewhere = join(tmpdir(), "furrow-no-such-directory")
const empty = Effect.acquireUseRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "furrow-"))),
  mnist,
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true }))
)

interface Row {
  readonly what: string
  readonly act: () => Effect.Effect<unknown, unknown>
  readonly tag: string
  /** The tag of the error's cause, where the fault lies deeper. */
  readonly cause?: string
  /** What the message names: the value first, the way out last. */
  readonly says: ReadonlyArray<string>
}

const WHOLE = "must be a whole number"

const rows: Readonly<Record<string, ReadonlyArray<Row>>> = {
  "batch size": [0, -1, 2.5, Number.NaN, Number.POSITIVE_INFINITY].map((size) => ({
    what: String(size),
    act: () => call(() => Pipeline.batch(size)),
    tag: "InvalidOption",
    says: [`got ${size}`, `batch size ${WHOLE} from 1 to`]
  })),

  "no workers": [
    ...[0, -2, 1.5, Number.NaN, 5000].map((count) => ({
      what: String(count),
      act: () => run(plain, {}, count),
      tag: "InvalidOption",
      says: [`got ${count}`, `workers ${WHOLE} from 1 to 4096`]
    })),
    {
      what: "in a replay",
      act: () => replay(seeded, { epoch: 0, position: 0, workers: 0 }),
      tag: "InvalidOption",
      says: ["got 0", `workers ${WHOLE} of at least 1`]
    }
  ],

  "an empty dataset": [
    {
      what: "as it is",
      act: () => run(Pipeline.from(Dataset.fromArray<number>([], { name: "letters" })).pipe(Pipeline.batch(2))),
      tag: "InvalidOption",
      says: ["got 0", `the size of dataset letters ${WHOLE} of at least 1`]
    },
    {
      what: "of which a filter left nothing",
      act: () =>
        Dataset.range(9).pipe(
          Dataset.filter((x) => x > 8, { name: "large" }),
          Effect.flatMap((none) => run(Pipeline.from(none).pipe(Pipeline.sample(Sampler.shuffle), Pipeline.batch(2))))
        ),
      tag: "InvalidOption",
      says: ["got 0", `the size of dataset large ${WHOLE} of at least 1`]
    }
  ],

  "an index out of range": [
    {
      what: "asked of a dataset",
      act: () => Dataset.range(10).get(10),
      tag: "IndexError",
      says: ["no sample at index 10", "its indices are the whole numbers from 0 to 9"]
    },
    {
      what: "that is none",
      act: () => Dataset.range(10).getMany([1, 2.5]),
      tag: "IndexError",
      says: ["no sample at index 2.5", "the whole numbers from 0 to 9"]
    },
    {
      what: "given by a sampler",
      act: () => run(numbers.pipe(Pipeline.sample(stranger), Pipeline.batch(4))),
      tag: "StageError",
      cause: "IndexError",
      says: ['stage "dataset" failed at epoch 0, batch 1', "dataset range has no sample at index 99", "from 0 to 9"]
    },
    {
      what: "in a subset",
      act: () => run(numbers.pipe(Pipeline.sample(Sampler.subset([3, 10])), Pipeline.batch(4))),
      tag: "InvalidOption",
      says: ["got 10", "index at place 1 of the subset must be from 0 to 9"]
    },
    {
      what: "a position to replay",
      act: () => replay(seeded, { epoch: 0, position: 10, workers: 1 }),
      tag: "InvalidOption",
      says: ["got 10", `position ${WHOLE} from 0 to 9`]
    },
    {
      what: "a batch to replay",
      act: () => replay(seeded, { epoch: 0, batch: 3, workers: 1 }),
      tag: "InvalidOption",
      says: ["got 3", `batch ${WHOLE} from 0 to 2`]
    }
  ],

  "an IDX file": [
    {
      what: "of another kind",
      act: () => idx(0x89, 0x50, 0x4e, 0x47, 0, 0, 0, 0),
      tag: "IdxError",
      says: ["train-labels", "it begins with 89504e47", "where IDX has two bytes of 0"]
    },
    {
      what: "of an unknown element type",
      act: () => idx(0, 0, 0x0a, 1, 0, 0, 0, 1, 7),
      tag: "IdxError",
      says: ["element type 0A is unknown", "IDX has 08 uint8"]
    },
    {
      what: "cut off",
      act: () => idx(0, 0, 8, 1, 0, 0, 0, 9, 1, 2, 3),
      tag: "IdxError",
      says: ["it should hold uint8 [9], 17 bytes, and ends after 11", "fetch the file again"]
    },
    {
      what: "with a corrupt gzip stream",
      act: () => idx(0x1f, 0x8b, 8, 0, 1, 2, 3),
      tag: "IdxError",
      says: ["train-labels: its gzip stream is corrupt or cut short", "fetch the file again"]
    }
  ],

  "a dataset that changes its size": [
    {
      what: "while the run is open",
      act: () => run(Pipeline.from(shrinking()).pipe(Pipeline.batch(2))),
      tag: "DatasetChanged",
      says: ["shrinking had 10 samples", "has 7 at epoch 0, batch", "keep it as it is while a run is open"]
    }
  ],

  "a collate": [
    {
      what: "of unequal shapes",
      act: () =>
        run(
          numbers.pipe(
            Pipeline.map("ragged", (x) => ({ image: Tensor.make(new Uint8Array(6), x === 2 ? [3, 2] : [2, 3]) })),
            Pipeline.batch(4)
          )
        ),
      tag: "StageError",
      cause: "CollateError",
      says: ['column "image"', "row 2 has shape [3, 2], row 0 has [2, 3]", "a collate that pads"]
    },
    {
      what: "of a number that does not fit",
      act: () =>
        run(
          numbers.pipe(
            Pipeline.map("large", (x) => 100 * x),
            Pipeline.batch(4, { dtypes: { "": "uint8" } })
          )
        ),
      tag: "StageError",
      cause: "CollateError",
      says: ["row 3 holds 300, which does not fit uint8"]
    },
    {
      what: "of nothing",
      act: () =>
        run(
          numbers.pipe(
            Pipeline.map("forgot", () => undefined),
            Pipeline.batch(4)
          )
        ),
      tag: "StageError",
      cause: "CollateError",
      says: ["row 0 is undefined", "map it to numbers, strings, tensors or a record of these"]
    }
  ],

  "options of NaN and infinity": [
    ...[Number.NaN, Number.POSITIVE_INFINITY, -1, 1.5].flatMap(
      (value): ReadonlyArray<Row> => [
        {
          what: `epochs ${value}`,
          act: () => run(plain, { epochs: value }),
          tag: "InvalidOption",
          says: [`got ${value}`, `epochs ${WHOLE} of at least 0`]
        },
        {
          what: `prefetch ${value}`,
          act: () => run(plain, { prefetch: value }),
          tag: "InvalidOption",
          says: [`got ${value}`, `prefetch ${WHOLE} of at least 1`]
        },
        {
          what: `rank ${value}`,
          act: () => run(plain, { rank: value, world: 2 }),
          tag: "InvalidOption",
          says: [`got ${value}`, "rank must be"]
        },
        {
          what: `world ${value}`,
          act: () => run(plain, { world: value }),
          tag: "InvalidOption",
          says: [`got ${value}`, `world ${WHOLE} from 1 to 65536`]
        },
        {
          what: `concurrency ${value}`,
          act: () => call(() => Pipeline.mapEffect("load", Effect.succeed, { concurrency: value })(numbers)),
          tag: "InvalidOption",
          says: [`got ${value}`, `concurrency ${WHOLE} of at least 1`]
        },
        {
          what: `count ${value} of a sampler`,
          act: () => call(() => Sampler.withReplacement({ count: value })),
          tag: "InvalidOption",
          says: [`got ${value}`, `count ${WHOLE} of at least 1`]
        },
        {
          what: `size ${value} of a dataset`,
          act: () => call(() => Dataset.make({ size: value, get: (index) => index })),
          tag: "InvalidOption",
          says: [`got ${value}`, `size of dataset dataset ${WHOLE} of at least 0`]
        },
        {
          what: `probability ${value}`,
          act: () => call(() => randomHorizontalFlip({ p: value })),
          tag: "InvalidOption",
          says: [`got ${value}`, "p must be a number from 0 to 1"]
        },
        {
          what: `integer(${value}) in a stage`,
          act: () => run(draws((rng) => rng.integer(value))),
          tag: "StageError",
          cause: "InvalidOption",
          says: ['stage "draw"', `bound ${WHOLE} of at least 1, got ${value}`]
        },
        {
          what: `bernoulli(${value}) in a stage`,
          act: () => run(draws((rng) => rng.bernoulli(value))),
          tag: "StageError",
          cause: "InvalidOption",
          says: ['stage "draw"', `probability must be a number from 0 to 1, got ${value}`]
        }
      ]
    ),
    ...[Number.NaN, Number.POSITIVE_INFINITY].flatMap(
      (value): ReadonlyArray<Row> => [
        {
          what: `uniform to ${value} in a stage`,
          act: () => run(draws((rng) => rng.uniform(0, value))),
          tag: "StageError",
          cause: "InvalidOption",
          says: ['stage "draw"', `high must be a finite number of at least 0, got ${value}`]
        },
        {
          what: `normal around ${value} in a stage`,
          act: () => run(draws((rng) => rng.normal(value))),
          tag: "StageError",
          cause: "InvalidOption",
          says: ['stage "draw"', `mean must be a finite number, got ${value}`]
        },
        {
          what: `mean ${value} of normalize`,
          act: () => call(() => normalize({ mean: value, std: 1 })),
          tag: "InvalidOption",
          says: [`got ${value}`, "mean"]
        },
        {
          what: `padding ${value} of a crop`,
          act: () => call(() => randomCrop({ size: 28, padding: value })),
          tag: "InvalidOption",
          says: [`got ${value}`, "padding"]
        },
        {
          what: `weight ${value}`,
          act: () => call(() => Sampler.weighted([1, value])),
          tag: "InvalidOption",
          says: [`got ${value}`, "weight 1 must be a finite number of at least 0"]
        },
        {
          what: `an axis of ${value}`,
          act: () => call(() => Tensor.make(new Uint8Array(4), [value])),
          tag: "InvalidOption",
          says: [`got [${value}]`, "shape must be whole numbers of at least 0"]
        }
      ]
    ),
    {
      what: "an order that is none",
      // From code without types.
      act: () => run(plain, { order: "random" as "ready" }),
      tag: "InvalidOption",
      says: ['got "random"', 'order must be "plan" or "ready"']
    },
    {
      what: "a rank outside of the world",
      act: () => run(plain, { rank: 2, world: 2 }),
      tag: "InvalidOption",
      says: ["got 2", "rank must be below the world size, 0 to 1"]
    },
    {
      what: "a batch that the ranks cannot share",
      act: () => run(plain, { rank: 0, world: 3 }),
      tag: "InvalidOption",
      says: ["got 4", "batch size must be a multiple of the world size 3"]
    }
  ],

  "the environment": [
    {
      what: "an unknown policy",
      act: () => built(environment({ FURROW_SEED_POLICY: "lucky" })),
      tag: "ConfigError",
      says: [`FURROW_SEED_POLICY: "'lucky' is no seed policy`, "choose epochWorker or elastic"]
    },
    {
      what: "a policy in other letters",
      act: () => built(environment({ FURROW_SEED_POLICY: "Elastic" })),
      tag: "ConfigError",
      says: [`"'Elastic' is no seed policy`, "choose epochWorker or elastic"]
    },
    ...["-1", "2.5", "NaN", "Infinity", "1e3"].map((seed) => ({
      what: `seed ${seed}`,
      act: () => built(environment({ FURROW_SEED: seed })),
      tag: "ConfigError",
      says: [`FURROW_SEED: "'${seed}' cannot seed a run`, "a number must be whole and at least 0"]
    })),
    {
      what: "an empty seed",
      act: () => built(environment({ FURROW_SEED: " " })),
      tag: "ConfigError",
      says: ["FURROW_SEED", "cannot seed a run", "give digits or a name"]
    },
    {
      what: "a seed of more than 64 bits",
      act: () => built(environment({ FURROW_SEED: "18446744073709551616" })),
      tag: "ConfigError",
      says: [`"'18446744073709551616' cannot seed a run`, "from 0n to 2n ** 64n - 1n, or a string"]
    }
  ],

  "data that is not there": [
    {
      what: "a missing directory",
      act: () => mnist(elsewhere),
      tag: "IdxError",
      says: [elsewhere, "there is no such directory", "it should hold train-images-idx3-ubyte"]
    },
    {
      what: "an empty directory",
      act: () => empty,
      tag: "IdxError",
      says: ["it has no train-images-idx3-ubyte", "it should hold"]
    },
    {
      what: "a missing file",
      act: () => Effect.provide(Idx.read(join(elsewhere, "a.idx")), BunContext.layer),
      tag: "IdxError",
      says: [join(elsewhere, "a.idx"), "there is no such file; check the path"]
    }
  ],

  "a seed": [
    ...[-1, 2.5, Number.NaN, Number.POSITIVE_INFINITY].flatMap((seed) =>
      [SeedPolicy.epochWorker, SeedPolicy.elastic].map((policy) => ({
        what: `${seed} for ${policy === SeedPolicy.elastic ? "elastic" : "epochWorker"}`,
        act: () => built(policy({ seed })),
        tag: "SeedError",
        says: [`${seed} cannot seed a run`, "give a whole number of at least 0, a bigint or a string"]
      }))
    ),
    {
      what: "a number that is no longer exact",
      act: () => built(SeedPolicy.epochWorker({ seed: 2 ** 53 })),
      tag: "SeedError",
      says: ["9007199254740992 cannot seed a run", "give it as a bigint"]
    },
    ...[-1n, 2n ** 64n].map((seed) => ({
      what: `${seed}n`,
      act: () => built(SeedPolicy.elastic({ seed })),
      tag: "SeedError",
      says: [`${seed}n cannot seed a run`, "give a bigint from 0n to 2n ** 64n - 1n, or a string"]
    })),
    {
      what: "undefined, from code without types",
      // The cast stands in for a caller that TypeScript does not see.
      act: () => built(SeedPolicy.elastic({ seed: undefined as unknown as number })),
      tag: "SeedError",
      says: ["undefined cannot seed a run", "give a whole number, a bigint or a string"]
    }
  ],

  "coordinates that do not fit": [
    {
      what: "an epoch under epochWorker",
      act: () => replay(SeedPolicy.epochWorker({ seed: 42 }), { epoch: 2 ** 24, position: 9, workers: 2 }),
      tag: "CoordinatesError",
      says: ["epoch 16777216 does not fit", "policy epochWorker (seed 42)", 'stage "noise"', "it can be 0 to 2^24 - 1"]
    },
    {
      what: "a worker under epochWorker",
      act: () =>
        Effect.provide(
          Scheduler.replay(Pipeline.from(Dataset.range(5000)).pipe(noise, Pipeline.batch(1)), {
            epoch: 0,
            position: 4999,
            workers: 5000
          }),
          seeded
        ),
      tag: "CoordinatesError",
      says: ["worker 4999 does not fit", "sample 4999 (position 4999, ordinal 0)", "it can be 0 to 2^12 - 1"]
    },
    {
      what: "an epoch under elastic",
      act: () => replay(SeedPolicy.elastic({ seed: "a" }), { epoch: 2 ** 32, position: 0, workers: 1 }),
      tag: "CoordinatesError",
      says: ["epoch 4294967296 does not fit", 'policy elastic (seed "a")', "it can be 0 to 2^32 - 1"]
    },
    {
      what: "a policy of one's own that throws",
      act: () =>
        replay(
          SeedPolicy.fromFunction("mine", ({ index }) => {
            throw new Error(`no seed for ${index}; there are 7`)
          }),
          { epoch: 3, position: 7, workers: 2 }
        ),
      tag: "CoordinatesError",
      says: ["policy mine", "epoch 3", "sample 7 (position 7", "no seed for 7; there are 7"]
    }
  ],

  "a pipeline": [
    {
      what: "without batch",
      // The cast stands in for a caller that TypeScript does not see.
      act: () => run(numbers as unknown as Runnable),
      tag: "InvalidOption",
      says: ["got []", "the pipeline must be one with Pipeline.batch"]
    },
    {
      what: "that draws, without a policy",
      act: () => {
        const bare = Stream.runDrain(Scheduler.stream(noisy, { epochs: 1 })).pipe(
          Effect.provide(Workers.fibers({ workers: 1 }))
        )
        // As above.
        return bare as Effect.Effect<void, Scheduler.LoaderError>
      },
      tag: "InvalidOption",
      says: [
        "got undefined",
        "SeedPolicy must be given",
        "furrow(pipeline, { seed: 42",
        "Effect.provide(SeedPolicy.epochWorker({ seed: 42 }))"
      ]
    },
    {
      what: "that reaches for Math.random",
      act: () =>
        run(
          numbers.pipe(
            Pipeline.map("luck", () => Math.random()),
            Pipeline.batch(4)
          )
        ),
      tag: "StageError",
      cause: "AmbientRandomness",
      says: ['stage "luck" called Math.random', "Pipeline.augment", 'Pipeline.ambient("derive")']
    },
    {
      what: "whose batch cannot be digested",
      act: () => run(numbers.pipe(Pipeline.batchWith(4, () => ({ pad: () => 0 }))), { digest: true }),
      tag: "DigestError",
      says: ['column "pad" holds a function', "or run without a digest"]
    }
  ]
}

describe.each(Object.entries(rows))("%s", (_, own) => {
  test.each(own.map((row) => [row.what, row] as const))("%s", async (__, { act, cause, says, tag }) => {
    // What is thrown outside of an error channel, or dies in one, fails the test here.
    const error = await Effect.runPromise(Effect.flip(act()))
    expect(error).toMatchObject(cause === undefined ? { _tag: tag } : { _tag: tag, cause: { _tag: cause } })
    const message = error instanceof Error ? error.message : String(error)
    for (const part of says) expect(message).toContain(part)
    // No line of a stack trace.
    expect(message).not.toMatch(/\n\s+at /)
  })
})

describe("a stage that throws", () => {
  const bad = (x: number): number => {
    if (x === 17) throw new RangeError("17 is not to my liking")
    return x
  }
  const kinds: Readonly<Record<string, Runnable>> = {
    map: numbersTo(30).pipe(Pipeline.sample(Sampler.shuffle), Pipeline.map("picky", bad), Pipeline.batch(4)),
    augment: numbersTo(30).pipe(Pipeline.sample(Sampler.shuffle), Pipeline.augment("picky", bad), Pipeline.batch(4)),
    filter: numbersTo(30).pipe(
      Pipeline.sample(Sampler.shuffle),
      Pipeline.filter("picky", (x) => bad(x) >= 0),
      Pipeline.batch(4)
    ),
    "mapEffect that throws": numbersTo(30).pipe(
      Pipeline.sample(Sampler.shuffle),
      Pipeline.mapEffect("picky", (x) => Effect.succeed(bad(x))),
      Pipeline.batch(4)
    ),
    "mapEffect that dies": numbersTo(30).pipe(
      Pipeline.sample(Sampler.shuffle),
      Pipeline.mapEffect("picky", (x) => Effect.sync(() => bad(x))),
      Pipeline.batch(4)
    ),
    "mapEffect that fails": numbersTo(30).pipe(
      Pipeline.sample(Sampler.shuffle),
      Pipeline.mapEffect("picky", (x) => Effect.try({ try: () => bad(x), catch: (error) => error })),
      Pipeline.batch(4)
    ),
    "map behind a filter": numbersTo(30).pipe(
      Pipeline.sample(Sampler.shuffle),
      Pipeline.filter("odd", (x) => x % 2 === 1),
      Pipeline.map("picky", bad),
      Pipeline.batch(4)
    )
  }

  test.each(Object.entries(kinds))(
    "%s: the error has all coordinates, and the call in it makes it again",
    async (_, pipeline) => {
      const failed = await Effect.runPromise(Effect.flip(run(pipeline, { epochs: 2, rank: 1, world: 2 }, 3)))
      if (!(failed instanceof StageError)) throw failed
      expect(failed).toMatchObject({
        stage: "picky",
        sample: 17,
        policy: "epochWorker",
        seed: "42",
        rank: 1,
        world: 2,
        workers: 3
      })
      const { batch, epoch, ordinal, position, worker } = failed
      expect(failed.message).toBe(
        `stage "picky" failed at epoch ${epoch}, batch ${batch}, sample 17 (position ${position}, ordinal ${ordinal}), ` +
          `worker ${worker} of 3, rank 1 of 2, policy epochWorker, seed 42: RangeError: 17 is not to my liking\n` +
          `  replay: Scheduler.replay(pipeline, { epoch: ${epoch}, position: ${position}, workers: 3, rank: 1, world: 2 })`
      )
      expect(failed.cause).toBeInstanceOf(RangeError)

      // The very call that the message spells out.
      const spelt = failed.message.split("replay: ")[1] ?? ""
      const call: (...of: ReadonlyArray<unknown>) => ReturnType<typeof Scheduler.replay<unknown, unknown, Needs>> =
        new Function("Scheduler", "pipeline", `return ${spelt}`) as never // gives what `Scheduler.replay` gives
      const again = call(Scheduler, pipeline)
      const repeated = await Effect.runPromise(Effect.flip(Effect.provide(again, seeded)))
      if (!(repeated instanceof StageError)) throw repeated
      expect(repeated.message).toBe(failed.message)
      const { batch: b, ordinal: o, position: p, rank, sample, worker: w } = repeated
      expect([b, o, p, rank, sample, w]).toEqual([batch, ordinal, position, 1, 17, worker])
    }
  )

  test("the sample that a replay makes is the one of the run", async () => {
    const words = numbersTo(30).pipe(
      Pipeline.sample(Sampler.shuffle),
      Pipeline.augment("noise", (x, rng) => [x, rng.word()]),
      Pipeline.batchWith(4, (samples) => samples.slice())
    )
    const layer = Layer.merge(seeded, Workers.fibers({ workers: 3 }))
    const delivered = await Stream.runCollect(Scheduler.stream(words, { epochs: 2 })).pipe(
      Effect.map((batches) => Array.from(batches).flatMap(({ columns }) => columns)),
      Effect.provide(layer),
      Effect.runPromise
    )
    for (const [epoch, position] of [
      [0, 0],
      [0, 29],
      [1, 13]
    ] as const) {
      const made = Scheduler.replay(words, { epoch, position, workers: 3 })
      expect(Option.getOrNull(await Effect.runPromise(Effect.provide(made, seeded)))).toEqual(
        delivered[30 * epoch + position]
      )
    }
  })

  test("behind batch it is the whole batch's fault, and the call makes the batch again", async () => {
    const pipeline = plain.pipe(
      Pipeline.map("whole", (batch) => {
        if (batch.index === 1) throw new Error("not this one")
        return batch
      })
    )
    const failed = await Effect.runPromise(Effect.flip(run(pipeline)))
    if (!(failed instanceof StageError)) throw failed
    expect(failed.message).toBe(
      'stage "whole" failed at epoch 0, batch 1, worker 1 of 2, policy epochWorker, seed 42: Error: not this one\n' +
        "  replay: Scheduler.replay(pipeline, { epoch: 0, batch: 1, workers: 2 })"
    )
    const again = Scheduler.replay(pipeline, { epoch: 0, batch: 1, workers: 2 })
    const repeated = await Effect.runPromise(Effect.flip(Effect.provide(again, seeded)))
    expect(repeated.message).toBe(failed.message)
  })

  test("what is no Error is shown too", async () => {
    const throwing = (thrown: unknown) =>
      numbers.pipe(
        Pipeline.map("odd", () => {
          throw thrown
        }),
        Pipeline.batch(4)
      )
    for (const [thrown, text] of [
      ["a string", "a string"],
      [undefined, "undefined"],
      [7, "7"]
    ] as const) {
      const failed = await Effect.runPromise(Effect.flip(run(throwing(thrown))))
      expect(failed instanceof Error && failed.message).toContain(`seed 42: ${text}\n  replay:`)
    }
  })

  test("a typed failure of an effectful stage keeps its type", async () => {
    class NotFound extends Data.TaggedError("NotFound")<{ readonly path: string }> {}
    const pipeline = numbers.pipe(
      Pipeline.mapEffect("load", (x) => (x === 3 ? Effect.fail(new NotFound({ path: "3.png" })) : Effect.succeed(x))),
      Pipeline.batch(4)
    )
    const failed = await Stream.runDrain(Scheduler.stream(pipeline, { epochs: 1 })).pipe(
      Effect.catchTag("StageError", ({ failure, stage }) => Effect.succeed([failure?._tag, failure?.path, stage])),
      Effect.provide(Workers.fibers({ workers: 2 })),
      Effect.runPromise
    )
    expect(failed).toEqual(["NotFound", "3.png", "load"])
  })

  test("batches before it are delivered, those after it are not", async () => {
    const pipeline = numbers.pipe(
      Pipeline.map("picky", (x) => {
        if (x === 6) throw new Error("6")
        return x
      }),
      Pipeline.batch(2)
    )
    const seen: Array<number> = []
    const loop = async () => {
      for await (const batch of Scheduler.iterate(pipeline, Workers.fibers({ workers: 3 }), { epochs: 1 }))
        seen.push(batch.index)
    }
    await expect(loop()).rejects.toMatchObject({ _tag: "StageError", batch: 3, sample: 6 })
    expect(seen).toEqual([0, 1, 2])
  })
})
