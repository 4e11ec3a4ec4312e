/**
 * What every public function does with options that are none: `null`, a number, a text, a list, a function, an effect, a
 * misspelt name. Each is an `InvalidOption` that names the function: thrown by what makes a plain value, failed with by
 * effects and layers, never a defect. All exports are listed, so that a new one cannot be forgotten.
 */
import { describe, expect, test } from "bun:test"
import { KeyValueStore } from "@effect/platform"
import { BunContext } from "@effect/platform-bun"
import { Effect, Layer, Predicate, Stream } from "effect"
import * as Furrow from "../src/index.ts"
import { Dataset, Pipeline, Sampler, SeedPolicy, Workers } from "../src/index.ts"
import * as testing from "../src/testing.ts"

/** A call with options from code without types. */
type Call = (given: never) => unknown

const numbers = Dataset.range(4)
const samples = Pipeline.from(numbers)
const batched = samples.pipe(Pipeline.batch(2))
const layer = Layer.merge(SeedPolicy.epochWorker({ seed: 1 }), Workers.fibers({ workers: 1 }))
const script = { pipeline: "file:///app/pipeline.ts" }

/** What takes options, and how: by the function's name, with what is given in their place. */
const takes: Readonly<Record<string, Call>> = {
  "Checkpoint.file": (given) => Furrow.Checkpoint.file(given),
  "Checkpoint.keyValue": (given) => Furrow.Checkpoint.keyValue(given),
  "Checkpoint.open": (given) =>
    Effect.tryPromise({ try: () => Furrow.Checkpoint.open(given), catch: (error) => error }),
  "Checkpoint.memory": (given) => Furrow.Checkpoint.memory(given),
  "Dataset.effect": (given) => Dataset.effect(given),
  "Dataset.filter": (given) => numbers.pipe(Dataset.filter(() => true, given)),
  "Dataset.fromArray": (given) => Dataset.fromArray([1], given),
  "Dataset.fromColumns": (given) => Dataset.fromColumns({ x: [1] }, given),
  "Dataset.fromStream": (given) => Dataset.fromStream([1], given),
  "Dataset.make": (given) => Dataset.make(given),
  "Dataset.map": (given) => numbers.pipe(Dataset.map((x) => x, given)),
  "Dataset.mapEffect": (given) => numbers.pipe(Dataset.mapEffect(Effect.succeed, given)),
  "Dataset.open": (given) => Dataset.open("a", given),
  "Dataset.openStream": (given) => Dataset.openStream("a", given),
  "Dataset.range": (given) => Dataset.range(1, given),
  "Dataset.split": (given) => numbers.pipe(Dataset.split({ a: 1 }, given)),
  "Dataset.subset": (given) => numbers.pipe(Dataset.subset([0], given)),
  "Decode.folder": (given) => Furrow.Decode.folder("photos", given),
  "Decode.image": (given) => Furrow.Decode.image(given),
  "Decode.randomResizedCrop": (given) => Furrow.Decode.randomResizedCrop(given),
  "FailurePolicy.skip": (given) => Furrow.FailurePolicy.skip(given),
  "FailurePolicy.timeout": (given) => Furrow.FailurePolicy.timeout(given),
  "Format.csv": (given) => Furrow.Format.csv(given),
  "Format.arrow": (given) => Furrow.Format.arrow(given),
  "Format.jsonl": (given) => Furrow.Format.jsonl(given),
  "Format.npy": (given) => Furrow.Format.npy(given),
  "Format.npz": (given) => Furrow.Format.npz(given),
  "Format.parquet": (given) => Furrow.Format.parquet(given),
  "Format.safetensors": (given) => Furrow.Format.safetensors(given),
  "Format.tar": (given) => Furrow.Format.tar(given),
  "Format.text": (given) => Furrow.Format.text(given),
  "Format.tsv": (given) => Furrow.Format.tsv(given),
  "Idx.dataset": (given) => Furrow.Idx.dataset(given),
  "Idx.mnist": (given) => Furrow.Idx.mnist("mnist", given),
  "Idx.parse": (given) => Furrow.Idx.parse(new Uint8Array(4), given),
  "Image.centerCrop": (given) => Furrow.Image.centerCrop(given),
  "Image.colorJitter": (given) => Furrow.Image.colorJitter(given),
  "Image.custom": (given) => Furrow.Image.custom(given),
  "Image.gaussianNoise": (given) => Furrow.Image.gaussianNoise(given),
  "Image.normalize": (given) => Furrow.Image.normalize(given),
  "Image.pad": (given) => Furrow.Image.pad(given),
  "Image.randomAffine": (given) => Furrow.Image.randomAffine(given),
  "Image.randomCrop": (given) => Furrow.Image.randomCrop(given),
  "Image.randomErasing": (given) => Furrow.Image.randomErasing(given),
  "Image.randomHorizontalFlip": (given) => Furrow.Image.randomHorizontalFlip(given),
  "Image.randomResizedCrop": (given) => Furrow.Image.randomResizedCrop(given),
  "Image.randomRotation": (given) => Furrow.Image.randomRotation(given),
  "Image.randomVerticalFlip": (given) => Furrow.Image.randomVerticalFlip(given),
  "Image.resize": (given) => Furrow.Image.resize(given),
  "Image.cutMix": (given) => Furrow.Image.cutMix(given),
  "Image.mixup": (given) => Furrow.Image.mixup(given),
  "Parity.additive": (given) => Furrow.Parity.additive(given),
  "Parity.forked": (given) => Furrow.Parity.forked(given),
  "Parity.globalStep": (given) => Furrow.Parity.globalStep(given),
  "Parity.globalStepHolds": (given) => Furrow.Parity.globalStepHolds(given),
  "Parity.initialSeed": (given) => Furrow.Parity.initialSeed(given),
  "Parity.osEntropy": (given) => Furrow.Parity.osEntropy(given),
  "Parity.pytorch": (given) => Furrow.Parity.pytorch(given),
  "Parity.spawned": (given) => Furrow.Parity.spawned(given),
  "Parity.stateEpochWorker": (given) => Furrow.Parity.stateEpochWorker(given),
  "Parity.stateWorker": (given) => Furrow.Parity.stateWorker(given),
  "Parity.workerInfoSeed": (given) => Furrow.Parity.workerInfoSeed(given),
  "Pipeline.augment": (given) => samples.pipe(Pipeline.augment("mine", (x) => x, given)),
  "Pipeline.filter": (given) => samples.pipe(Pipeline.filter("mine", () => true, given)),
  "Pipeline.map": (given) => samples.pipe(Pipeline.map("mine", (x) => x, given)),
  "Pipeline.augmentEffect": (given) => samples.pipe(Pipeline.augmentEffect("a", Effect.succeed, given)),
  "Pipeline.batch": (given) => samples.pipe(Pipeline.batch(2, given)),
  "Pipeline.batchWith": (given) => samples.pipe(Pipeline.batchWith(2, (all) => all, given)),
  "Pipeline.mapEffect": (given) => samples.pipe(Pipeline.mapEffect("a", Effect.succeed, given)),
  "PyTorch.epochSeeds": (given) => Furrow.PyTorch.epochSeeds(given),
  "PyTorch.loaderLength": (given) => Furrow.PyTorch.loaderLength(given),
  "Sampler.report": (given) => Sampler.report(Sampler.shuffle, Dataset.range(3), given),
  "Sampler.shuffleBlocks": (given) => Sampler.shuffleBlocks(given),
  "Sampler.weighted": (given) => Sampler.weighted([1, 1], given),
  "Sampler.withReplacement": (given) => Sampler.withReplacement(given),
  "Scheduler.iterate": (given) => {
    const batches = Furrow.Scheduler.iterate(batched, layer, given)
    return Effect.tryPromise({ try: () => batches[Symbol.asyncIterator]().next(), catch: (error) => error })
  },
  "Scheduler.open": (given) => Effect.provide(Effect.scoped(Furrow.Scheduler.open(batched, given)), layer),
  "Scheduler.replay": (given) => Effect.provide(Furrow.Scheduler.replay(batched, given), layer),
  "Scheduler.stream": (given) => Effect.provide(Stream.runDrain(Furrow.Scheduler.stream(batched, given)), layer),
  "SeedAudit.run": (given) => Furrow.SeedAudit.run(batched, SeedPolicy.epochWorker({ seed: 1 }), given),
  "SeedPolicy.elastic": (given) => SeedPolicy.elastic(given),
  "SeedPolicy.epochWorker": (given) => SeedPolicy.epochWorker(given),
  "SeedPolicy.fromFunction": (given) =>
    SeedPolicy.fromFunction("mine", () => ({ algorithm: "xoshiro128**", words: [1] }), given),
  "Sink.arrow": (given) => Furrow.Sink.arrow("out", given),
  "Sink.csv": (given) => Furrow.Sink.csv("out", given),
  "Sink.npy": (given) => Furrow.Sink.npy("out", given),
  "Sink.parquet": (given) => Furrow.Sink.parquet("out", given),
  "Sink.safetensors": (given) => Furrow.Sink.safetensors("out", given),
  "Sink.tar": (given) => Furrow.Sink.tar("out", given),
  "Sink.tsv": (given) => Furrow.Sink.tsv("out", given),
  "Sink.jsonl": (given) => Furrow.Sink.jsonl("out", given),
  "Sink.run": (given) => Furrow.Sink.run(samples, Furrow.Sink.jsonl("out"), given),
  "Sink.write": (given) => Furrow.Sink.write(Stream.empty, Furrow.Sink.jsonl("out"), given),
  "Store.cached": (given) => Furrow.Store.cached("/nowhere", given),
  "Store.http": (given) => Furrow.Store.http(given),
  "Store.huggingFace": (given) => Furrow.Store.huggingFace(given),
  "Store.reading": (given) => Furrow.Store.reading(given),
  "Store.s3": (given) => Furrow.Store.s3(given),
  "Workers.auto": (given) => Workers.auto(given),
  "Workers.fibers": (given) => Workers.fibers(given),
  "Workers.threads": (given) => Workers.threads(given),
  furrow: (given) => Furrow.furrow(batched, given),
  "testing.failing": (given) => testing.failing(given),
  "testing.scripted": (given) => testing.scripted(given)
}

/** What takes none: its arguments are values, and what they must be is tested where it is. */
const none: ReadonlySet<string> = new Set(
  [
    "Batch.copy Batch.hold CPython.random Coordinates.format Coordinates.stageId",
    "Cursor.unseen",
    "Cursor.decode Dataset.concat Dataset.slice Dataset.withContent Digest.fromHex Digest.hex",
    "Digest.append Digest.ofColumns FailurePolicy.retry Idx.encode Idx.read Image.channelsFirst",
    "Image.kernelMemory Image.on Lineage.at Lineage.format Lineage.locate Lineage.ofBatch Image.toFloat InvalidOption.checked",
    "NumPy.defaultRng NumPy.randomState Permutation.make",
    "Pipeline.ambient Pipeline.from Pipeline.shuffleWindow",
    "Pipeline.sample PyTorch.manualSeed Rng.make Rng.register Rng.toRandom Sampler.limited Sampler.subset",
    "Scheduler.formatProfile Scheduler.ranksFromEnvironment Seed.format Seed.parse Seed.root Seed.validate SeedAudit.counting",
    "SeedPolicy.byName SeedPolicy.stream Store.faulty Store.make Store.memory Store.resolve Tensor.dtypeOf Tensor.isTypedArray Tensor.make Tensor.resident",
    "testing.constant testing.recorded testing.recording"
  ].flatMap((names) => names.split(" "))
)

/** Classes, of errors and services among them, are no functions that take options. */
const isClass = (value: unknown): boolean => /^class\b/.test(Function.prototype.toString.call(value))

const isPlain = (value: unknown): boolean =>
  typeof value === "function" && !isClass(value) && !Predicate.hasProperty(value, "ast")

const exported = Object.entries({ ...Furrow, testing }).flatMap(([module, members]) =>
  typeof members === "function"
    ? [module].filter(() => isPlain(members))
    : Object.entries(members)
        .filter(([, value]) => isPlain(value))
        .map(([name]) => `${module}.${name}`)
)

test("every exported function is in one of the two lists", () => {
  const listed = [...Object.keys(takes), ...none]
  // Tags of services are functions that are called with `new` alone.
  const functions = exported.filter((name) => !/\.[A-Z]/.test(name))
  expect(listed.toSorted()).toEqual(functions.toSorted())
})

/** The error that a call ends with, wherever it arises; what dies, and what succeeds, fails the test. */
const refusal = async (call: () => unknown): Promise<unknown> => {
  let value: unknown
  try {
    value = call()
  } catch (thrown) {
    return thrown
  }
  // What these require is provided; the types of a table cannot say so.
  const provided = Layer.merge(BunContext.layer, KeyValueStore.layerMemory)
  if (Layer.isLayer(value)) {
    const own = value as unknown as Layer.Layer<never, unknown, never>
    return Effect.runPromise(Effect.flip(Effect.scoped(Layer.build(Layer.provide(own, provided)))))
  }
  if (Effect.isEffect(value)) {
    return Effect.runPromise(Effect.flip(Effect.provide(value as Effect.Effect<unknown, unknown>, provided)))
  }
  throw new Error(`taken: ${String(value)}`)
}

const wrong: Readonly<Record<string, unknown>> = {
  null: null,
  "a number": 7,
  "a text": "fast",
  "a flag": true,
  "a list": [{ size: 2 }],
  "a generator": [1].values(),
  "an effect": Effect.succeed({}),
  "a promise": Promise.resolve({}),
  "a Map": new Map([["size", 2]])
}

/** Where a list or a function is one of the things that are taken. */
const alternatives: Readonly<Record<string, ReadonlyArray<string>>> = {
  "testing.failing": ["a function"],
  "testing.scripted": ["a function"]
}

/** Whose names are the caller's own, or may be more than it knows of. */
const open: ReadonlySet<string> = new Set(["testing.scripted"])

describe.each(Object.entries(takes))("%s", (name, call) => {
  const values = Object.entries({ ...wrong, "a function": () => ({}) })
  const own = values.filter(([what]) => !alternatives[name]?.includes(what))
  test.each(own)("%s", async (_, value) => {
    const error = await refusal(() => call(value as never)) // from code without types
    expect(error).toMatchObject({ _tag: "InvalidOption" })
    // Not a generator's, promise's or effect's own words.
    expect(String(error)).toContain(" must be ")
  })

  if (!open.has(name)) {
    test("a misspelt option is refused with those there are", async () => {
      const error = await refusal(() => call({ sise: 2 } as never)) // as above
      expect(error).toMatchObject({ _tag: "InvalidOption" })
      expect(String(error)).toContain("sise")
    })
  }
})

describe("options within options", () => {
  const within: Readonly<Record<string, Call>> = {
    "FailurePolicy.retry schedule": (schedule) => Furrow.FailurePolicy.retry(schedule),
    "FailurePolicy.skip budget": (budget) => Furrow.FailurePolicy.skip({ budget }),
    "Parity.pytorch libraries": (libraries) => Furrow.Parity.pytorch({ torch: 1, libraries }),
    "Pipeline.batch dtypes": (dtypes) => samples.pipe(Pipeline.batch(2, { dtypes })),
    "Dataset.split parts": (parts) => numbers.pipe(Dataset.split(parts)),
    "Dataset.fromColumns columns": (columns) => Dataset.fromColumns(columns),
    "Workers.auto pays": (pays) => Workers.auto({ workers: 1, ...script, pays }),
    "testing.scripted draws": (draws) => testing.scripted({ crop: draws })
  }
  const cases = Object.entries(within).flatMap(([what, call]) =>
    Object.entries({ ...wrong, "a function": () => ({}) }).map(([given, value]) => [what, given, call, value] as const)
  )
  test.each(cases)("%s: %s", async (_, __, call, value) => {
    expect(await refusal(() => call(value as never))).toMatchObject({ _tag: "InvalidOption" }) // from code without types
  })
})

/** How runs are opened, with a pipeline and options from code without types. */
const doors: Readonly<Record<string, (pipeline: never, options: never) => unknown>> = {
  "Scheduler.open": (pipeline, options) =>
    Effect.provide(Effect.scoped(Furrow.Scheduler.open(pipeline, options)), layer),
  "Scheduler.stream": (pipeline, options) =>
    Effect.provide(Stream.runDrain(Furrow.Scheduler.stream(pipeline, options)), layer),
  "Scheduler.iterate": (pipeline, options) => {
    const batches = Furrow.Scheduler.iterate(pipeline, layer as never, options)
    return Effect.tryPromise({ try: () => batches[Symbol.asyncIterator]().next(), catch: (error) => error })
  },
  "the epochs of Scheduler.iterate": (pipeline, options) => {
    const { epochs } = Furrow.Scheduler.iterate(pipeline, layer as never, options)
    return Effect.tryPromise({ try: () => epochs[Symbol.asyncIterator]().next(), catch: (error) => error })
  },
  furrow: (pipeline, options) => Furrow.furrow(pipeline, options)
}

describe.each(Object.entries(doors))("a run of %s", (door, call) => {
  const own = { epochs: 1, ...(door === "furrow" ? { seed: 1 } : {}) }
  const options: ReadonlyArray<readonly [name: string, values: ReadonlyArray<unknown>]> = [
    ["digest", ["no", Number.NaN, {}, 0, 1, null]],
    ["profile", ["no", Number.NaN, {}, 0, 1, null]],
    ["replay", ["no", Number.NaN, {}, 0, 1, null]],
    ["lend", ["no", Number.NaN, {}, 0, 1, null]],
    ["order", [null, "fast"]],
    ["prefetch", [null, 0, "2"]],
    ["verify", [null, -1, true]],
    ["rank", [null, 1, "0"]],
    ["world", [null, 0, "1"]],
    ["uneven", [null, "fill"]],
    ["steps", [null, 0, 1.5, "3"]],
    ["allow", [null, "seed", ["sed"], {}]],
    ["epochs", [null, 1.5, "1"]]
  ]
  const cases = options.flatMap(([name, values]) => values.map((value) => [name, value] as const))
  test.each(cases)("refuses %s: %p", async (name, value) => {
    const error = await refusal(() => call(batched as never, { ...own, [name]: value } as never))
    expect(error).toMatchObject({ _tag: "InvalidOption" })
    expect(String(error)).toContain(name)
  })

  test.each(["prefech", "shuffle", "failure", "timeout", "workrs"])("refuses %s, which is no option", async (name) => {
    const error = await refusal(() => call(batched as never, { ...own, [name]: 3 } as never))
    expect(error).toMatchObject({ _tag: "InvalidOption", value: name })
    expect(String(error)).toContain(
      `an option of ${door.replace("the epochs of ", "")} must be one of epochs, epoch, from`
    )
  })

  const pipelines = { ...wrong, "an object": {}, "a dataset": numbers, "a function": () => batched, nothing: undefined }
  test.each(Object.entries(pipelines))("refuses %s in the place of its pipeline", async (_, value) => {
    const error = await refusal(() => call(value as never, own as never))
    expect(error).toMatchObject({ _tag: "InvalidOption" })
    expect(String(error)).toContain(`the pipeline of ${door.replace("the epochs of ", "")} must be a pipeline`)
    expect(String(error)).toContain("Pipeline.from(dataset)")
  })
})

test.each(Object.entries({ ...wrong, "an object": {}, "a dataset": numbers, nothing: undefined }))(
  "Scheduler.replay refuses %s in the place of its pipeline",
  async (_, value) => {
    const options = { epoch: 0, position: 0, workers: 1 }
    const error = await refusal(() => Effect.provide(Furrow.Scheduler.replay(value as never, options), layer))
    expect(error).toMatchObject({ _tag: "InvalidOption", option: "the pipeline of Scheduler.replay" })
  }
)

test("Scheduler.replay refuses null and names that are no options", async () => {
  const options = { epoch: 0, position: 0, workers: 1 }
  for (const [name, value] of Object.entries({ rank: null, world: null, uneven: null, seed: 1, epochs: 1 })) {
    const error = await refusal(() =>
      Effect.provide(Furrow.Scheduler.replay(batched, { ...options, [name]: value } as never), layer)
    )
    expect(error).toMatchObject({ _tag: "InvalidOption" })
    expect(String(error)).toContain(name)
  }
})

test("FailurePolicy.skip refuses a budget of samples and of a share at once", async () => {
  for (const budget of [{ samples: 1, share: 0.5 }, { samples: 1, shre: 0.5 }, {}]) {
    const error = await refusal(() => Furrow.FailurePolicy.skip({ budget } as never))
    expect(error).toMatchObject({ _tag: "InvalidOption" })
    expect(String(error)).toContain("budget")
  }
})

describe("flags that are texts", () => {
  const flags: Readonly<Record<string, Call>> = {
    dropLast: (dropLast) => Pipeline.batch(2, { dropLast }),
    padLast: (padLast) => Pipeline.batchWith(2, (all) => all, { padLast }),
    padIfNeeded: (padIfNeeded) => Furrow.Image.randomCrop({ size: 2, padIfNeeded }),
    clip: (clip) => Furrow.Image.gaussianNoise({ clip }),
    debug: (debug) => Workers.threads({ workers: 1, ...script, debug }),
    elastic: (elastic) =>
      SeedPolicy.fromFunction("mine", () => ({ algorithm: "xoshiro128**", words: [1] }), { elastic }),
    shuffle: (shuffle) => Furrow.PyTorch.epochSeeds({ torch: 1, shuffle })
  }
  test.each(Object.entries(flags))("%s", async (option, call) => {
    for (const value of ["no", 0, 1, []]) {
      const error = await refusal(() => call(value as never)) // from code without types
      expect(error).toMatchObject({ _tag: "InvalidOption", option, expected: "true or false" })
    }
  })
})

describe("arguments that are none", () => {
  const calls: Readonly<Record<string, Call>> = {
    "Dataset.concat": (given) => Dataset.concat(numbers, given),
    "Dataset.filter of": (given) => Dataset.filter(() => true)(given),
    "Dataset.filter by": (given) => numbers.pipe(Dataset.filter(given)),
    "Dataset.map of": (given) => Dataset.map((x) => x)(given),
    "Dataset.map by": (given) => Dataset.map(given),
    "Dataset.mapEffect of": (given) => Dataset.mapEffect(Effect.succeed)(given),
    "Dataset.slice of": (given) => Dataset.slice(0)(given),
    "Dataset.split of": (given) => Dataset.split({ a: 1 })(given),
    "Dataset.subset of": (given) => Dataset.subset([0])(given),
    "Dataset.withContent of": (given) => Dataset.withContent("1")(given),
    "Idx.mnist": (given) => Furrow.Idx.mnist(given),
    "Idx.read": (given) => Furrow.Idx.read(given),
    "Image.on": (given) => Furrow.Image.on("image", given),
    "Pipeline.augment": (given) => Pipeline.augment("a", given)(samples),
    "Pipeline.augmentEffect": (given) => Pipeline.augmentEffect("a", given)(samples),
    "Pipeline.batch of": (given) => Pipeline.batch(2)(given),
    "Pipeline.batchWith": (given) => Pipeline.batchWith(2, given),
    "Pipeline.filter": (given) => Pipeline.filter("a", given)(samples),
    "Pipeline.from": (given) => Pipeline.from(given),
    "Pipeline.map": (given) => Pipeline.map("a", given)(samples),
    "Pipeline.map of": (given) => Pipeline.map("a", (x) => x)(given),
    "Pipeline.mapEffect": (given) => Pipeline.mapEffect("a", given)(samples),
    "Pipeline.sample": (given) => Pipeline.sample(given)(samples),
    "Sampler.limited": (given) => Sampler.limited(given, 2),
    "Tensor.make shape": (given) => Furrow.Tensor.make(new Uint8Array(2), given),
    "Tensor.make data": (given) => Furrow.Tensor.make(given, [2])
  }
  const cases = Object.entries(calls).flatMap(([what, call]) =>
    [null, undefined, 7, {}].map((value) => [what, String(value), call, value] as const)
  )
  test.each(cases)("%s: %s", async (_, __, call, value) => {
    expect(await refusal(() => call(value as never))).toMatchObject({ _tag: "InvalidOption" }) // from code without types
  })
})

describe("Pipeline.from names what makes a dataset of what it was given", () => {
  function* generator() {
    yield 1
  }
  async function* asynchronous() {
    yield 1
  }
  const values: ReadonlyArray<readonly [string, unknown, string]> = [
    ["an array", [1, 2, 3], "Dataset.fromArray(items)"],
    ["a typed array", Float32Array.of(1), "Dataset.fromColumns({ x: data })"],
    ["a generator", generator(), "Dataset.fromArray(Array.from(items))"],
    ["a generator function", generator, "Dataset.make({ size, get })"],
    ["an asynchronous generator", asynchronous(), "Dataset.fromStream(items)"],
    ["an effect", Effect.succeed(numbers), "Effect.runPromise(effect)"],
    ["a stream", Stream.make(1, 2), "Dataset.fromStream(stream)"],
    ["a promise", Promise.resolve(numbers), "await the promise first"],
    ["a Set", new Set([1]), "Dataset.fromArray(Array.from(items))"],
    ["a function", () => numbers, "Dataset.make({ size, get })"],
    ["a pipeline", samples, "this is a pipeline already"],
    ["null", null, "Dataset.make({ size, get })"],
    ["a text", "data.csv", "Dataset.fromArray(items)"],
    ["a record", { size: 3 }, "Dataset.make({ size, get })"]
  ]
  test.each(values)("%s", (_, value, cure) => {
    const from: (value: unknown) => unknown = Pipeline.from as never // from code without types
    expect(() => from(value)).toThrow("the dataset of Pipeline.from must be a dataset")
    expect(() => from(value)).toThrow(cure)
    expect(() => from(value)).toThrow(Furrow.InvalidOption.InvalidOption)
  })
})
