/**
 * Every constructor of samplers, datasets, views and stages declares what it was made with: a cursor of a run with one
 * parameter changed is refused. The constructors are listed from the modules' exports, so that a new one without an
 * entry here fails.
 */
import { describe, expect, test } from "bun:test"
import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { BunContext } from "@effect/platform-bun"
import { Effect, type Layer, Stream } from "effect"
import { runtime } from "../../../src/core/runtime.ts"
import { Tensor } from "../../../src/core/Tensor.ts"
import {
  Cursor,
  Dataset,
  Decode,
  Format,
  Idx,
  Image,
  Parity,
  Pipeline,
  PyTorch,
  Sampler,
  Scheduler,
  SeedPolicy,
  Workers
} from "../../../src/index.ts"
import type { Stage } from "../../../src/pipeline/Stage.ts"
import * as CursorCheck from "../../../src/scheduler/loader/CursorCheck.ts"
import * as CursorWrite from "../../../src/scheduler/loader/CursorWrite.ts"
import { differing, fingerprint } from "../../../src/scheduler/plan/Fingerprint.ts"
import * as RunPlan from "../../../src/scheduler/plan/RunPlan.ts"
import { memoryStore } from "../../support/shards/MemoryStore.ts"
import { own, reordered, scaled } from "../../support/threaded/subsets.ts"

type Any = Pipeline.Pipeline<unknown, unknown, unknown>

/** One way to make something, twice alike, and others that each differ in one parameter, named in words. */
interface Variants {
  readonly own: () => Any
  readonly others: Readonly<Record<string, () => Any>>
  readonly field?: Cursor.Field
  /** What the refusal says, besides the field. */
  readonly says?: string
}

const batched = <A>(pipeline: Pipeline.Pipeline<A, unknown, unknown>): Any =>
  pipeline.pipe(Pipeline.batchWith(4, (samples) => samples, { parameters: {} }))

const of = (dataset: Dataset.Dataset<unknown, unknown, unknown>): Any => batched(Pipeline.from(dataset))

const SIZE = 12
const numbers = Dataset.range(SIZE)

const sampled = (sampler: Sampler.Sampler<unknown>): Any =>
  batched(Pipeline.from(numbers).pipe(Pipeline.sample(sampler as Sampler.Sampler))) // its draws are nothing to types here

const samplers = (
  own: () => Sampler.Sampler<unknown>,
  others: Readonly<Record<string, () => Sampler.Sampler<unknown>>>
): Variants => ({
  own: () => sampled(own()),
  others: Object.fromEntries(Object.entries(others).map(([name, make]) => [name, () => sampled(make())])),
  says: "sample: "
})

const views = (
  own: () => Dataset.Dataset<unknown, unknown, unknown>,
  others: Readonly<Record<string, () => Dataset.Dataset<unknown, unknown, unknown>>>
): Variants => ({
  own: () => of(own()),
  others: Object.fromEntries(Object.entries(others).map(([name, make]) => [name, () => of(make())])),
  field: "dataset"
})

type Run = (sample: never, rng: never) => unknown

/** A pipeline with a function as its one stage; types are nothing to fingerprints. */
const staged = (run: Run): Any => batched(Pipeline.from(numbers).pipe(Pipeline.augment("stage", run as never)))

const stages = <O>(
  make: (options: O) => Run,
  own: NoInfer<O>,
  changes: ReadonlyArray<Partial<NoInfer<O>>>
): Variants => ({
  own: () => staged(make({ ...own })),
  others: Object.fromEntries(
    changes.map((change) => [JSON.stringify(change), () => staged(make({ ...own, ...change }))])
  ),
  says: "stage"
})

const nothing = (run: Run): Variants => ({ own: () => staged(run), others: {} })

const floats = (count: number, from = 0) => Float64Array.from({ length: count }, (_, index) => index + from)
const many = floats(1000)
const swapped = many.slice().reverse()
const last = many.slice().with(999, 0)

const filtered = (keep: (n: number) => boolean, options?: Dataset.NameOptions) =>
  Effect.runSync(numbers.pipe(Dataset.filter(keep, options)) as Effect.Effect<Dataset.Dataset<number>>) // it cannot fail

const twice = (n: number) => 2 * n
/** A dataset of shards, with formats whose blocks differ. */
const shards = async (text: string, blockBytes: number) =>
  Effect.runPromise(
    Dataset.open("a", { name: "shards", format: Format.jsonl({ blockBytes }), index: false }).pipe(
      Effect.provide(memoryStore({ a: text }).layer)
    )
  )
const opened = {
  own: await shards("1\n2\n3\n4\n", 4),
  size: await shards("1\n2\n3\n44\n", 4),
  blocks: await shards("1\n2\n3\n4\n", 100)
}

const feed = { name: "feed", parameters: { version: 1 } }

/** Shards in order. */
const streamed = async (
  text: string,
  format: Format.Format<unknown>,
  atOnce: number,
  ranks: "batches" | "shards" | "windows" = "batches"
) =>
  batched(
    Pipeline.from(
      await Effect.runPromise(
        Dataset.openStream("a", { name: "shards", format, atOnce, ranks }).pipe(
          Effect.provide(memoryStore({ a: text }).layer)
        )
      )
    )
  )
const inOrder = {
  own: await streamed("1\n2\n", Format.jsonl(), 2),
  content: await streamed("1\n22\n", Format.jsonl(), 2),
  format: await streamed("1\n2\n", Format.text(), 2),
  atOnce: await streamed("1\n2\n", Format.jsonl(), 3),
  ranks: await streamed("1\n2\n", Format.jsonl(), 2, "shards")
}

const effectful = () => Dataset.effect({ size: SIZE, get: Effect.succeed })

const size = [8, 8] as const

const table: Readonly<Record<string, Readonly<Record<string, Variants | "not a constructor">>>> = {
  Sampler: {
    report: "not a constructor",
    sequential: { ...nothing(twice), own: () => sampled(Sampler.sequential) },
    shuffle: samplers(() => Sampler.shuffle, { sequential: () => Sampler.sequential }),
    withReplacement: samplers(() => Sampler.withReplacement(), { count: () => Sampler.withReplacement({ count: 11 }) }),
    weighted: samplers(() => Sampler.weighted([0, 1, 2, ...new Array(9).fill(1)]), {
      "a weight": () => Sampler.weighted([0, 1, 3, ...new Array(9).fill(1)]),
      "the order of weights": () => Sampler.weighted([1, 0, 2, ...new Array(9).fill(1)]),
      count: () => Sampler.weighted([0, 1, 2, ...new Array(9).fill(1)], { count: 11 })
    }),
    subset: samplers(() => Sampler.subset([3, 1, 2]), {
      "the order of indices": () => Sampler.subset([1, 3, 2]),
      "an index": () => Sampler.subset([3, 1, 4]),
      "a repeated index": () => Sampler.subset([3, 1, 1]),
      "the order within": () => Sampler.subset([3, 1, 2], Sampler.shuffle)
    }),
    shuffleBlocks: samplers(() => Sampler.shuffleBlocks({ window: 2 }), {
      window: () => Sampler.shuffleBlocks({ window: 3 }),
      lanes: () => Sampler.shuffleBlocks({ window: 2, lanes: 2 }),
      rows: () => Sampler.shuffleBlocks({ window: 2, rows: 7 })
    }),
    limited: samplers(() => Sampler.limited(Sampler.subset([3, 1, 2]), 2), {
      count: () => Sampler.limited(Sampler.subset([3, 1, 2]), 1),
      "what is limited": () => Sampler.limited(Sampler.subset([1, 3, 2]), 2)
    })
  },
  PyTorch: {
    randomSampler: samplers(() => PyTorch.randomSampler, { shuffle: () => Sampler.shuffle }),
    TorchGenerator: "not a constructor",
    epochSeeds: "not a constructor",
    loaderLength: "not a constructor",
    manualSeed: "not a constructor"
  },
  Dataset: {
    range: views(() => Dataset.range(5), { size: () => Dataset.range(6) }),
    make: views(() => Dataset.make({ size: 5, get: twice }).pipe(Dataset.withContent("1")), {
      size: () => Dataset.make({ size: 6, get: twice }).pipe(Dataset.withContent("1")),
      content: () => Dataset.make({ size: 5, get: twice }).pipe(Dataset.withContent("2"))
    }),
    effect: views(() => Dataset.effect({ size: 5, get: Effect.succeed }).pipe(Dataset.withContent("1")), {
      content: () => Dataset.effect({ size: 5, get: Effect.succeed }).pipe(Dataset.withContent("2"))
    }),
    fromArray: views(() => Dataset.fromArray(Array.from(many)), {
      "an item": () => Dataset.fromArray(Array.from(last)),
      "the order": () => Dataset.fromArray(Array.from(swapped)),
      "a string": () => Dataset.fromArray(Array.from(many, (n, at) => (at === 500 ? "500" : n)))
    }),
    fromColumns: views(() => Dataset.fromColumns({ x: many, s: Array.from(many, String) }), {
      "one number": () => Dataset.fromColumns({ x: last, s: Array.from(many, String) }),
      "one string": () => Dataset.fromColumns({ x: many, s: Array.from(last, String) }),
      "a column's name": () => Dataset.fromColumns({ y: many, s: Array.from(many, String) }),
      "an element type": () => Dataset.fromColumns({ x: Float32Array.from(many), s: Array.from(many, String) })
    }),
    openStream: {
      own: () => inOrder.own,
      others: {
        content: () => inOrder.content,
        format: () => inOrder.format,
        atOnce: () => inOrder.atOnce,
        ranks: () => inOrder.ranks
      },
      field: "dataset"
    },
    fromStream: {
      own: () => batched(Pipeline.from(Dataset.fromStream(many, { name: "feed", parameters: { version: 1 } }))),
      others: {
        format: () => batched(Pipeline.from(Dataset.fromStream([], { ...feed, format: Format.jsonl() }))),
        ranks: () => batched(Pipeline.from(Dataset.fromStream(many, { ...feed, ranks: "windows" }))),
        "the size of windows": () =>
          batched(Pipeline.from(Dataset.fromStream(many, { ...feed, ranks: { windows: 5 } }))),
        name: () => batched(Pipeline.from(Dataset.fromStream(many, { name: "other", parameters: { version: 1 } }))),
        parameters: () => batched(Pipeline.from(Dataset.fromStream(many, { name: "feed", parameters: { version: 2 } })))
      },
      field: "dataset"
    },
    map: views(() => numbers.pipe(Dataset.map(twice, { parameters: { factor: 2 } })), {
      "what was declared": () => numbers.pipe(Dataset.map(twice, { parameters: { factor: 3 } })),
      "what is mapped": () =>
        numbers.pipe(Dataset.slice(0, 12), Dataset.map(twice, { name: "range, mapped", parameters: { factor: 2 } }))
    }),
    mapEffect: views(() => numbers.pipe(Dataset.mapEffect(Effect.succeed, { parameters: { version: "1" } })), {
      "what was declared": () => numbers.pipe(Dataset.mapEffect(Effect.succeed, { parameters: { version: "2" } }))
    }),
    slice: views(() => numbers.pipe(Dataset.slice(1, 4), Dataset.map(twice, { name: "x", parameters: {} })), {
      start: () => numbers.pipe(Dataset.slice(2, 5), Dataset.map(twice, { name: "x", parameters: {} }))
    }),
    subset: views(() => effectful().pipe(Dataset.subset([0, 2, 1])), {
      "the order": () => effectful().pipe(Dataset.subset([0, 1, 2])),
      "an index": () => effectful().pipe(Dataset.subset([0, 2, 3]))
    }),
    filter: views(() => filtered((n) => n % 2 === 0), {
      predicate: () => filtered((n) => n % 2 === 1)
    }),
    split: views(() => numbers.pipe(Dataset.split({ a: 0.5, b: 0.5 }, { seed: 1 })).a, {
      seed: () => numbers.pipe(Dataset.split({ a: 0.5, b: 0.5 }, { seed: 2 })).a,
      "no seed": () => numbers.pipe(Dataset.split({ a: 0.5, b: 0.5 })).a,
      order: () => numbers.pipe(Dataset.split({ a: 0.5, b: 0.5 }, { seed: 1, keepOrder: true })).a,
      "another part": () => numbers.pipe(Dataset.split({ b: 0.5, a: 0.5 }, { seed: 1 })).a
    }),
    concat: views(() => Dataset.concat(effectful().pipe(Dataset.subset([0, 1])), effectful()), {
      "the view of a part": () => Dataset.concat(effectful().pipe(Dataset.subset([1, 0])), effectful()),
      "where a part ends": () =>
        Dataset.concat(
          Dataset.effect({ size: 3, get: Effect.succeed, name: "dataset, subset" }),
          Dataset.effect({ size: 11, get: Effect.succeed })
        )
    }),
    withContent: views(() => effectful().pipe(Dataset.withContent("1"), Dataset.slice(1, 3)), {
      content: () => effectful().pipe(Dataset.withContent("2"), Dataset.slice(1, 3)),
      "what it was declared of": () =>
        effectful().pipe(Dataset.subset([1, 2], { name: "dataset" }), Dataset.withContent("1"), Dataset.slice(0, 2))
    }),
    open: views(() => opened.own, { "the size of a shard": () => opened.size, blocks: () => opened.blocks }),
    DatasetError: "not a constructor",
    IndexError: "not a constructor",
    StreamError: "not a constructor"
  },
  Idx: {
    dataset: "not a constructor", // columns; below, with files
    mnist: "not a constructor", // as above
    encode: "not a constructor",
    parse: "not a constructor",
    read: "not a constructor",
    IdxError: "not a constructor"
  },
  Decode: {
    image: stages(Decode.image as (options: Decode.DecodeOptions<string>) => Run, { size: [4, 4] }, [
      { size: [4, 5] },
      { fit: "cover" },
      { interpolation: "nearest" },
      { shrinkOnLoad: false },
      { channels: 1 },
      { background: 7 },
      { orient: false },
      { lenient: true },
      { field: "photo" }
    ]),
    randomResizedCrop: stages(
      Decode.randomResizedCrop as (options: Decode.RandomResizedCropOptions<string>) => Run,
      { size: 4 },
      [
        { size: 5 },
        { scale: [0.1, 1] },
        { ratio: [1, 1] },
        { interpolation: "nearest" },
        { antialias: false },
        { shrinkOnLoad: false },
        { channels: 1 },
        { background: 7 },
        { orient: false },
        { lenient: true },
        { field: "photo" }
      ]
    ),
    folder: "not a constructor", // below, with files
    DecodeError: "not a constructor",
    DecoderMissing: "not a constructor",
    FolderError: "not a constructor"
  },
  Image: {
    randomCrop: stages(Image.randomCrop, { size }, [
      { size: [8, 9] },
      { padding: 2 },
      { padding: [0, 0, 0, 1] },
      { padIfNeeded: true },
      { fill: 1 },
      { paddingMode: "edge" }
    ]),
    centerCrop: stages(Image.centerCrop, { size }, [{ size: 9 }]),
    pad: stages(Image.pad, { padding: 1 }, [{ padding: [1, 2] }, { fill: [1, 2, 3] }, { paddingMode: "reflect" }]),
    randomHorizontalFlip: stages(Image.randomHorizontalFlip, {}, [{ p: 0.4 }]),
    randomVerticalFlip: stages(Image.randomVerticalFlip, {}, [{ p: 0.4 }]),
    randomRotation: stages(Image.randomRotation, { degrees: 10 }, [
      { degrees: 11 },
      { degrees: [-10, 11] },
      { interpolation: "bilinear" },
      { fill: 1 },
      { center: [1, 1] }
    ]),
    randomAffine: stages(Image.randomAffine, { degrees: 10 }, [
      { degrees: 11 },
      { translate: [0.1, 0.1] },
      { scale: [0.9, 1] },
      { shear: 5 },
      { shear: [0, 5, 0, 5] },
      { interpolation: "bilinear" },
      { fill: 1 },
      { center: [1, 1] }
    ]),
    colorJitter: stages(Image.colorJitter, {}, [
      { brightness: 0.1 },
      { contrast: 0.1 },
      { saturation: 0.1 },
      { hue: 0.1 }
    ]),
    gaussianNoise: stages(Image.gaussianNoise, {}, [{ mean: 0.1 }, { sigma: 0.2 }, { clip: false }]),
    randomErasing: stages(Image.randomErasing, {}, [
      { p: 0.4 },
      { scale: [0.02, 0.3] },
      { ratio: [0.3, 3] },
      { value: 1 },
      { value: "random" }
    ]),
    resize: stages(Image.resize, { size }, [{ size: 9 }, { interpolation: "area" }]),
    randomResizedCrop: stages(Image.randomResizedCrop, { size }, [
      { size: 9 },
      { scale: [0.1, 1] },
      { ratio: [1, 1] },
      { interpolation: "nearest" }
    ]),
    normalize: stages(Image.normalize, { mean: 0.5, std: 0.5 }, [
      { mean: 0.4 },
      { std: 0.4 },
      { mean: [0.5, 0.5, 0.4] }
    ]),
    toFloat: { ...nothing(Image.toFloat), others: { channelsFirst: () => staged(Image.channelsFirst) } },
    channelsFirst: nothing(Image.channelsFirst),
    on: {
      own: () => staged(Image.on("photo", Image.resize({ size: 8 }))),
      others: {
        field: () => staged(Image.on("image", Image.resize({ size: 8 }))),
        stage: () => staged(Image.on("photo", Image.resize({ size: 9 })))
      }
    },
    custom: stages(
      ({ parameters }: { readonly parameters: Pipeline.Parameters }) =>
        Image.custom({ name: "own", run: () => undefined, parameters }),
      { parameters: { levels: 3 } },
      [{ parameters: { levels: 4 } }, { parameters: { levels: "3" } }]
    ),
    kernelMemory: "not a constructor",
    ...Object.fromEntries(
      (["mixup", "cutMix"] as const).map((name) => [
        name,
        stages(Image[name] as (options: Image.MixupOptions<string, string>) => Run, { classes: 10 }, [
          { classes: 11 },
          { alpha: 0.5 },
          { image: "photo" },
          { label: "class" }
        ])
      ])
    )
  },
  Pipeline: Object.fromEntries<Variants | "not a constructor">([
    ...(["augment", "map", "filter", "augmentEffect", "mapEffect"] as const).map((name): [string, Variants] => {
      const make = (stage: string, parameters: Pipeline.Parameters) => () =>
        batched(Pipeline.from(numbers).pipe((Pipeline[name] as typeof Pipeline.map)(stage, twice, { parameters })))
      return [
        name,
        {
          own: make("own", { k: [1, 2], deep: { a: 1n } }),
          others: {
            name: make("other", { k: [1, 2], deep: { a: 1n } }),
            "a number": make("own", { k: [1, 3], deep: { a: 1n } }),
            "a bigint": make("own", { k: [1, 2], deep: { a: 2n } }),
            "a type": make("own", { k: [1, "2"], deep: { a: 1n } }),
            "a missing one": make("own", { k: [1, 2] })
          },
          says: `${name === "augmentEffect" || name === "mapEffect" ? name : name} own`
        }
      ]
    }),
    ["sample", "not a constructor"], // its samplers are above
    [
      "shuffleWindow",
      {
        own: () => batched(Pipeline.from(numbers).pipe(Pipeline.shuffleWindow(4))),
        others: { window: () => batched(Pipeline.from(numbers).pipe(Pipeline.shuffleWindow(5))) },
        says: "sample: "
      }
    ],
    ["from", "not a constructor"], // its datasets are above
    [
      "batch",
      {
        own: () => Pipeline.from(numbers).pipe(Pipeline.batch(4, { dtypes: { "": "int32" } })),
        others: {
          dtypes: () => Pipeline.from(numbers).pipe(Pipeline.batch(4, { dtypes: { "": "uint8" } })),
          dropLast: () => Pipeline.from(numbers).pipe(Pipeline.batch(4, { dtypes: { "": "int32" }, dropLast: true })),
          padLast: () => Pipeline.from(numbers).pipe(Pipeline.batch(4, { dtypes: { "": "int32" }, padLast: true }))
        }
      }
    ],
    [
      "batchWith",
      {
        own: () => Pipeline.from(numbers).pipe(Pipeline.batchWith(4, (all) => all, { parameters: { width: 3 } })),
        others: {
          "what was declared": () =>
            Pipeline.from(numbers).pipe(Pipeline.batchWith(4, (all) => all, { parameters: { width: 4 } }))
        }
      }
    ],
    [
      "ambient",
      {
        own: () => of(numbers),
        others: {
          derive: () => of(numbers).pipe(Pipeline.ambient("derive")),
          leave: () => of(numbers).pipe(Pipeline.ambient("leave"))
        },
        says: "ambient: "
      }
    ],
    ["DuplicateStage", "not a constructor"],
    ["TypeId", "not a constructor"]
  ])
}

const policy = { name: "none", seed: "none", parameters: {}, elastic: true } as RunPlan.RunPlan["policy"]

/** A runPlan without its policy's work: only its figures are looked at. */
const planOf = (pipeline: Any): RunPlan.RunPlan => {
  const plain = {
    dataset: pipeline.dataset,
    stages: pipeline.stages.map((stage): Stage => ({ ...stage, draws: false }) as Stage),
    ambient: "refuse"
  }
  const runPlan = RunPlan.make(plain as unknown as Any, 1, {}, undefined) // it has what is read of a pipeline
  return { ...runPlan, pipeline, policy }
}

const start = { epoch: 0, batch: 0, ahead: [], batches: 0, samples: 0, skipped: 0, digest: null }

/** What a cursor of one pipeline comes to for another one. */
const compared = async (own: Any, other: Any, allow: ReadonlyArray<Cursor.Field> = []) => {
  const cursor = CursorWrite.make(planOf(own), start)
  expect(JSON.stringify(cursor).length).toBeLessThan(800)
  return Effect.runPromise(Effect.either(CursorCheck.check(JSON.parse(JSON.stringify(cursor)), planOf(other), allow)))
}

const modules = { Sampler, PyTorch, Dataset, Idx, Decode, Image, Pipeline }

for (const [name, module] of Object.entries(modules)) {
  describe(`the fingerprint of ${name}`, () => {
    test("has an entry here for every export", () => {
      expect(Object.keys(table[name] ?? {}).toSorted()).toEqual(Object.keys(module).toSorted())
    })

    for (const [maker, variants] of Object.entries(table[name] ?? {})) {
      if (variants === "not a constructor") continue
      const { field = "pipeline", others, own, says } = variants

      test(`${maker}: made alike it is accepted, and all of it is seen`, async () => {
        expect(await compared(own(), own())).toMatchObject({ _tag: "Right" })
        const open = maker === "subset" || maker === "concat" ? [expect.stringContaining("dataset")] : []
        if (name === "Dataset") expect([[], open]).toContainEqual([...Cursor.unseen(own())])
        else expect(Cursor.unseen(own())).toEqual([])
      })

      for (const [what, make] of Object.entries(others)) {
        test(`${maker}: another ${what} is refused, and allowed by name`, async () => {
          const refused = await compared(own(), make())
          if (refused._tag === "Right") throw new Error("it was accepted")
          const error = refused.left
          if (error._tag !== "CursorMismatch") throw error
          const fields = error.differences.map((own) => own.field)
          expect(fields).toContain(field)
          if (says !== undefined) expect(error.message).toContain(says)
          for (const { from, to } of error.differences) expect(from).not.toBe(to)
          expect(await compared(own(), make(), fields)).toMatchObject({ _tag: "Right" })
        })
      }
    }
  })
}

describe("datasets of files", () => {
  const folder = mkdtempSync(join(tmpdir(), "furrow-fingerprint-"))
  const run = <A>(effect: Effect.Effect<A, unknown, BunContext.BunContext>) =>
    Effect.runPromise(Effect.provide(effect, BunContext.layer))

  test("Decode.folder is known by its files' names, wherever it lies; what is in them is said to be unseen", async () => {
    const make = (at: string, files: ReadonlyArray<string>) => {
      for (const file of files) {
        mkdirSync(join(folder, at, file, ".."), { recursive: true })
        writeFileSync(join(folder, at, file), "")
      }
      return run(Decode.folder(join(folder, at), { name: "photos" }))
    }
    const own = await make("a", ["cat/1.jpg", "dog/2.jpg"])
    expect(await compared(of(own), of(await make("b", ["cat/1.jpg", "dog/2.jpg"])))).toMatchObject({ _tag: "Right" })
    for (const [at, files] of [
      ["c", ["cat/1.jpg", "dog/3.jpg"]],
      ["d", ["cat/1.jpg", "cow/2.jpg"]]
    ] as const) {
      expect(await compared(of(own), of(await make(at, files)))).toMatchObject({
        left: { differences: [{ field: "dataset" }] }
      })
    }
    expect(Cursor.unseen(of(own))).toEqual(['the content of dataset "photos"'])
    expect(Cursor.unseen(of(own.pipe(Dataset.withContent("v1"))))).toEqual([])
  })

  test("Idx.dataset is known by all of its pixels and labels", async () => {
    const make = (at: string, pixel: number, label: number) => {
      const images = new Uint8Array(100 * 4).with(250, pixel)
      const labels = new Uint8Array(100).with(63, label)
      writeFileSync(join(folder, `${at}-i`), Idx.encode(new Tensor(images, [100, 2, 2])))
      writeFileSync(join(folder, `${at}-l`), Idx.encode(new Tensor(labels, [100])))
      return run(Idx.dataset({ images: join(folder, `${at}-i`), labels: join(folder, `${at}-l`), name: "set" }))
    }
    const own = of(await make("a", 1, 1))
    expect(await compared(own, of(await make("b", 1, 1)))).toMatchObject({ _tag: "Right" })
    expect(await compared(own, of(await make("c", 2, 1)))).toMatchObject({
      left: { differences: [{ field: "dataset" }] }
    })
    expect(await compared(own, of(await make("d", 1, 2)))).toMatchObject({
      left: { differences: [{ field: "dataset" }] }
    })
    expect(Cursor.unseen(own)).toEqual([])
    rmSync(folder, { recursive: true, force: true })
  })
})

describe("what cannot be seen", () => {
  test("is said, in the order of the pipeline", () => {
    const backwards: Sampler.Sampler = {
      name: "backwards",
      draws: false,
      distinct: true,
      count: (size) => size,
      order: (size) => (position) => size - 1 - position
    }
    const pipeline = Pipeline.from(Dataset.make({ name: "photos", size: 9, get: twice }).pipe(Dataset.map(twice))).pipe(
      Pipeline.sample(Sampler.limited(backwards, 5)),
      Pipeline.map("own", twice),
      Pipeline.batchWith(3, (all) => all)
    )
    expect(Cursor.unseen(pipeline)).toEqual([
      'the function of dataset "photos, mapped"',
      'the content of dataset "photos"',
      'the order of sampler "backwards"',
      'the function of stage "own"',
      'the function of stage "batch"'
    ])
    expect(Cursor.unseen(sampled({ ...backwards, parameters: { version: 1 } }))).toEqual([])
  })

  test("is part of the refusal", async () => {
    const refused = await compared(
      batched(Pipeline.from(numbers).pipe(Pipeline.map("own", twice), Pipeline.map("scale", Image.toFloat as never))),
      batched(Pipeline.from(numbers).pipe(Pipeline.map("own", twice)))
    )
    expect(String(refused._tag === "Left" ? refused.left : "")).toContain(
      'not compared, as it cannot be seen: the function of stage "own"'
    )
    expect(refused).toMatchObject({
      left: { differences: [{ from: 'map scale: toFloat(field: "image")', to: "nothing there" }] }
    })
  })

  test("of a sampler of one's own is what it declares", async () => {
    const own = (version: number): Any => sampled({ ...Sampler.sequential, name: "own", parameters: { version } })
    expect(await compared(own(1), own(1))).toMatchObject({ _tag: "Right" })
    expect(await compared(own(1), own(2))).toMatchObject({
      left: { differences: [{ field: "pipeline", from: "sample: own(version: 1)", to: "sample: own(version: 2)" }] }
    })
  })

  test("large datasets are looked at in part, which is said", async () => {
    const items = Array.from({ length: 10_000 }, (_, n) => ({ n }))
    const pipeline = of(Dataset.fromArray(items, { name: "rows" }))
    expect(Cursor.unseen(pipeline)).toEqual(['the content of dataset "rows" but for 4096 samples'])
  })
})

describe("declared parameters", () => {
  const loop: { self?: unknown } = {}
  loop.self = loop
  test.each([
    [{ f: () => 1 }, 'parameters of stage "own".f must be a number, string'],
    [{ a: [new Date(0)] }, 'parameters of stage "own".a[0] must be a number, string'],
    [{ m: { n: new Map() } }, 'parameters of stage "own".m.n must be'],
    [{ s: Symbol("x") }, 'parameters of stage "own".s must be'],
    [loop, "no more than 32 levels deep"],
    [null, "parameters must be left out of the options of Pipeline.map"],
    [[1], 'parameters of stage "own" must be a record'],
    ["v2", 'parameters of stage "own" must be a record']
  ])("that cannot be compared are refused where they are given: %#", (parameters, says) => {
    expect(() => Pipeline.map("own", twice, { parameters: parameters as never })).not.toThrow("furrow")
    expect(() => Pipeline.from(numbers).pipe(Pipeline.map("own", twice, { parameters: parameters as never }))).toThrow(
      says
    )
  })

  test("of samplers, datasets and image stages are refused likewise", () => {
    const parameters = { f: twice } as never
    expect(() => sampled({ ...Sampler.sequential, parameters })).toThrow("parameters of sampler sequential.f must be")
    expect(() => numbers.pipe(Dataset.map(twice, { parameters }))).toThrow(
      "parameters of dataset range, mapped.f must be"
    )
    expect(() => Image.custom({ name: "own", run: () => undefined, parameters })).toThrow(
      "parameters of image stage own.f must be"
    )
  })

  test("tell -0 from 0, one NaN from none, typed arrays by type, and long arrays by each element", async () => {
    const own = (k: Pipeline.Parameter): Any =>
      batched(Pipeline.from(numbers).pipe(Pipeline.map("own", twice, { parameters: { k } })))
    const values: ReadonlyArray<Pipeline.Parameter> = [
      0,
      -0,
      Number.NaN,
      null,
      undefined,
      "",
      "0",
      0n,
      [],
      [[]],
      {},
      false,
      many,
      last,
      Float32Array.from(many),
      Array.from(many),
      Array.from(last),
      Array.from(many, String),
      Uint8Array.of(1, 2),
      Int8Array.of(1, 2),
      "x".repeat(500),
      `${"x".repeat(499)}y`
    ]
    for (const [a, one] of values.entries()) {
      for (const [b, other] of values.entries()) {
        const { _tag } = await compared(own(one), own(other))
        expect([a, b, _tag]).toEqual([a, b, a === b ? "Right" : "Left"])
      }
    }
  })
})

test("threads and runners are compared by all that a cursor sees of the data, not by a few samples of it", () => {
  const kinds: ReadonlyArray<(values: ReadonlyArray<number>) => Dataset.Dataset<unknown>> = [
    Dataset.fromArray,
    (values) => Dataset.fromArray(values.map((value) => ({ value }))),
    (values) => Dataset.fromColumns({ value: Float32Array.from(values) })
  ]
  for (const kind of kinds) {
    const printOf = (values: ReadonlyArray<number>) => fingerprint(RunPlan.make(of(kind(values)), 1, {}, undefined))
    const values = Array.from({ length: 4000 }, (_, n) => n)
    const own = printOf(values)
    expect(printOf(values.slice())).toBe(own)
    expect(differing(printOf(values.with(1777, -1)), own)).toBe("its dataset")
  }
})

describe("a fingerprint", () => {
  const program = `
    import { Cursor, Dataset, Image, Pipeline, Sampler, Tensor } from ${JSON.stringify(new URL("../../../src/index.ts", import.meta.url).href)}
    import { linesOf, datasetText } from ${JSON.stringify(new URL("../../../src/scheduler/plan/Fingerprint.ts", import.meta.url).href)}
    const weights = Float64Array.from({ length: 5000 }, (_, n) => (n * 7919) % 101)
    const dataset = Dataset.fromColumns({
      image: Tensor.make(Float32Array.from({ length: 40_000 }, (_, n) => n === 7 ? NaN : n / 3), [5000, 8]),
      label: Uint8Array.from({ length: 5000 }, (_, n) => n % 10),
      name: Array.from({ length: 5000 }, (_, n) => "n" + n)
    }).pipe(Dataset.split({ a: 0.5, b: 0.5 }, { seed: "split" })).b
    const pipeline = Pipeline.from(dataset).pipe(
      Pipeline.sample(Sampler.subset([5, 3, 1], Sampler.weighted([1, 0.1, 1e-9]))),
      Pipeline.augment("crop", Image.randomCrop({ size: 3, padding: 1 })),
      Pipeline.map("own", (x) => x, { parameters: { weights, z: -0, big: 2n ** 70n } }),
      Pipeline.batch(2, { dtypes: { label: "int32" } })
    )
    console.log(JSON.stringify([linesOf(pipeline), datasetText(dataset, dataset.size, "full")]))
  `
  const expected = [
    [
      "sample: subset, weighted(indices: float64 [5, 3, 1], order: weighted(count: undefined, weights: [1, 0.1, 1e-9]))",
      'augment crop: randomCrop(field: "image", fill: [0], padIfNeeded: false, padding: [1, 1, 1, 1], paddingMode: "constant", size: [3, 3])',
      "map own: function(big: 1180591620717411303424n, weights: float64 [5000] #be7981f03c2b, z: -0)",
      'batch: 2, columns(dtypes: {label: "int32"})'
    ],
    'columns, b, 2500 samples, content 3b3b77882e79450c, split(end: 5000, samples: 5000, seed: "\\"split\\"", start: 2500, of: columns(name: "columns"))'
  ]

  test("is the same in every process and on every runtime: a literal", () => {
    const folder = mkdtempSync(join(tmpdir(), "furrow-print-"))
    const file = join(folder, "print.ts")
    writeFileSync(file, program)
    const args =
      runtime.name === "deno"
        ? ["run", "-A", "--no-check", "--config", new URL("../../../deno.json", import.meta.url).pathname, file]
        : [file]
    const { stderr, stdout } = spawnSync(process.execPath, args, { encoding: "utf8" })
    rmSync(folder, { recursive: true, force: true })
    expect(stderr).toBe("")
    expect(JSON.parse(stdout)).toEqual(expected)
  })
})

describe("a cursor", () => {
  test("stays under 1 KB, whatever goes into it", async () => {
    const long = "ü".repeat(3000)
    const pipeline = Array.from({ length: 60 }, (_, n) => n).reduce<Pipeline.Pipeline<number>>(
      (own, n) => own.pipe(Pipeline.map(`${long} ${n}`, twice, { parameters: { long, many } })),
      Pipeline.from(Dataset.range(2 ** 52, { name: long }))
    )
    const runPlan = planOf(batched(pipeline))
    const most = Number.MAX_SAFE_INTEGER
    const policy = { ...runPlan.policy, name: long, seed: long } as RunPlan.RunPlan["policy"]
    const plan = { ...runPlan.plan, workers: 65_535, world: 65_535, rank: 65_534, batchSize: 2 ** 32 - 1 }
    const cursor = CursorWrite.make(
      { ...runPlan, policy, plan },
      { ...start, epoch: most, batch: most, batches: most, samples: most, skipped: most, digest: "a".repeat(64) }
    )
    expect(new TextEncoder().encode(JSON.stringify(cursor)).length).toBeLessThan(1024)
  })

  test("of a pipeline of many stages still names the one that differs", async () => {
    const make = (k: number): Any =>
      batched(
        Array.from({ length: 9 }, (_, n) => n).reduce<Pipeline.Pipeline<number>>(
          (own, n) => own.pipe(Pipeline.map(`stage ${n}`, twice, { parameters: { n, k: n === 5 ? k : 0 } })),
          Pipeline.from(numbers)
        )
      )
    const refused = await compared(make(1), make(2))
    expect(refused).toMatchObject({
      left: { differences: [{ field: "pipeline", to: "map stage 5: function(k: 2, n: 5)" }] }
    })
    expect(String(refused._tag === "Left" ? refused.left : "")).toContain(
      "is map stage 5: function(k: 2, n: 5) (if allowed: "
    )
  })

  test("of an older library, whose pipeline was a hash, is refused by name and can be allowed", async () => {
    const runPlan = planOf(of(numbers))
    const cursor = CursorWrite.make(runPlan, start)
    const { createHash } = await import("node:crypto")
    const { checksum: _, ...rest } = {
      ...cursor,
      fingerprints: { ...cursor.fingerprints, pipeline: "0123456789abcdef" }
    }
    const old = { ...rest, checksum: createHash("sha256").update(JSON.stringify(rest)).digest("hex").slice(0, 16) }
    const refused = await Effect.runPromise(Effect.flip(CursorCheck.check(old, runPlan, [])))
    expect(refused).toMatchObject({
      _tag: "CursorMismatch",
      differences: [{ field: "pipeline", from: "0123456789abcdef" }]
    })
    expect((await Effect.runPromise(CursorCheck.check(old, runPlan, ["pipeline"]))).cursor.epoch).toBe(0)
  })
})

describe("through the scheduler, on fibers", () => {
  test("a subset in another order is refused by `from`, with the indices in words", async () => {
    const make = (indices: ReadonlyArray<number>) =>
      Pipeline.from(Dataset.range(9)).pipe(Pipeline.sample(Sampler.subset(indices)), Pipeline.batch(1))
    const opened = (indices: ReadonlyArray<number>, from?: unknown) =>
      Effect.gen(function* () {
        const loader = yield* Scheduler.open(make(indices), { epochs: 1, ...(from === undefined ? {} : { from }) })
        yield* Stream.runDrain(Stream.take(loader.stream, 1))
        return yield* loader.cursor
      }).pipe(Effect.scoped, Effect.provide(Workers.fibers({ workers: 1 })), Effect.either, Effect.runPromise)
    const cursor = await opened([3, 1, 2])
    if (cursor._tag === "Left") throw cursor.left
    expect((await opened([3, 1, 2], cursor.right))._tag).toBe("Right")
    expect(await opened([1, 3, 2], cursor.right)).toMatchObject({
      left: {
        differences: [
          {
            field: "pipeline",
            from: "sample: subset(indices: float64 [3, 1, 2], order: sequential())",
            to: "sample: subset(indices: float64 [1, 3, 2], order: sequential())"
          }
        ]
      }
    })
  })
})

describe("through the scheduler, on threads", () => {
  const module = new URL("../../support/threaded/subsets.ts", import.meta.url)
  const subsets = { own, reordered, scaled }
  const opened = (name: keyof typeof subsets, workers: Layer.Layer<Workers.Workers, unknown>, from?: unknown) =>
    Effect.gen(function* () {
      const loader = yield* Scheduler.open(subsets[name], { epochs: 1, from })
      const batch = yield* Effect.flatten(loader.take)
      return { data: Array.from(batch.columns.data), cursor: yield* loader.cursor }
    }).pipe(Effect.scoped, Effect.provide(workers), Effect.either, Effect.runPromise)
  const threads = (name: string) => Workers.threads({ workers: 1, pipeline: module, name })

  test("cursors are those of fibers, and refused for the same parameters", async () => {
    const first = await opened("own", Workers.fibers({ workers: 1 }))
    if (first._tag === "Left") throw first.left
    const { cursor, data } = first.right
    expect(data).toEqual([6])
    expect(await opened("own", threads("own"), cursor)).toMatchObject({ right: { data: [2] } })
    for (const [name, to] of [
      ["reordered", "sample: subset(indices: float64 [1, 3, 2], order: sequential())"],
      ["scaled", "map scale: function(factor: 3)"]
    ] as const) {
      expect(await opened(name, threads(name), cursor)).toMatchObject({
        left: { _tag: "CursorMismatch", differences: [{ field: "pipeline", to }] }
      })
    }
  }, 60_000)

  test("a thread that builds the pipeline with other parameters is refused", async () => {
    for (const name of ["reordered", "scaled"] as const) {
      const refused = await opened("own", threads(name))
      expect(refused).toMatchObject({ _tag: "Left", left: { _tag: "BackendError" } })
      expect(String(refused._tag === "Left" ? refused.left : "")).toContain("is not the one that is run")
    }
  }, 60_000)
})

describe("seed policies", () => {
  type Policy = Layer.Layer<SeedPolicy.SeedPolicy, unknown>
  const make = (() => ({ algorithm: "philox4x32-10", words: [1, 2] })) as Parameters<typeof SeedPolicy.fromFunction>[1]
  const torch = { torch: 7 }
  const numpy = { ...torch, numpy: 1 }
  const entropy = (text: string) => [{ epoch: 0, rank: 0, worker: 0, entropy: text }]
  /** By the names of the modules' exports: one policy, and others that differ in one parameter each. */
  const table: Readonly<Record<string, Readonly<Record<string, ReadonlyArray<Policy> | "not a constructor">>>> = {
    SeedPolicy: {
      epochWorker: [SeedPolicy.epochWorker({ seed: 1 }), SeedPolicy.epochWorker({ seed: 2 })],
      elastic: [SeedPolicy.elastic({ seed: 1 }), SeedPolicy.elastic({ seed: "1" })],
      fromFunction: [
        SeedPolicy.fromFunction("own", make, { parameters: { v: 1 } }),
        SeedPolicy.fromFunction("own", make, { parameters: { v: 2 } }),
        SeedPolicy.fromFunction("other", make, { parameters: { v: 1 } }),
        SeedPolicy.fromFunction("own", make, { parameters: { v: 1 }, seed: "2" })
      ]
    },
    Parity: {
      ...Object.fromEntries(
        (["initialSeed", "workerInfoSeed", "pytorch"] as const).map((name) => [
          name,
          [
            Parity[name](torch),
            Parity[name]({ torch: 8 }),
            Parity[name]({ ...torch, shuffle: true }),
            Parity[name]({ ...torch, persistentWorkers: true }),
            Parity[name]({ ...torch, libraries: { noise: "torch" } })
          ]
        ])
      ),
      ...Object.fromEntries(
        (["forked", "stateWorker", "stateEpochWorker"] as const).map((name) => [
          name,
          [Parity[name](numpy), Parity[name]({ ...numpy, numpy: 2 }), Parity[name]({ ...numpy, torch: 8 })]
        ])
      ),
      ...Object.fromEntries(
        (["osEntropy", "spawned"] as const).map((name) => [
          name,
          [
            Parity[name]({ ...torch, recorded: entropy("12") }),
            Parity[name]({ ...torch, recorded: entropy("13") }),
            Parity[name]({ ...torch, recorded: entropy("12"), shuffle: true })
          ]
        ])
      ),
      globalStep: [Parity.globalStep({ ...torch, length: 5 }), Parity.globalStep({ ...torch, length: 6 })],
      additive: [Parity.additive({ seed: 1 }), Parity.additive({ seed: 2 })]
    }
  }

  const cursorOf = (layer: Policy, from?: unknown, allow: ReadonlyArray<Cursor.Field> = []) =>
    Effect.flatMap(
      Scheduler.open(Pipeline.from(numbers).pipe(Pipeline.sample(Sampler.shuffle), Pipeline.batch(4)), {
        epochs: 1,
        from,
        allow
      }),
      ({ cursor }) => cursor
    ).pipe(
      Effect.scoped,
      Effect.provide(layer),
      Effect.provide(Workers.fibers({ workers: 1 })),
      Effect.either,
      Effect.runPromise
    )

  for (const [name, module] of Object.entries({ SeedPolicy, Parity })) {
    test(`${name}: every export that makes one is listed here`, () => {
      const listed = new Set(Object.keys(table[name] ?? {}))
      const others =
        name === "SeedPolicy"
          ? ["SeedPolicy", "byName", "fromConfig", "names", "stream"]
          : ["Entropy", "globalStepHolds"]
      expect(Object.keys(module).toSorted()).toEqual([...listed, ...others].toSorted())
    })

    for (const [maker, policies] of Object.entries(table[name] ?? {})) {
      if (policies === "not a constructor") continue
      test(`${maker}: made alike it is accepted, otherwise refused by its field`, async () => {
        const [own, ...others] = policies
        if (own === undefined) throw new Error("nothing to compare")
        const cursor = await cursorOf(own)
        if (cursor._tag === "Left") throw cursor.left
        expect(JSON.stringify(cursor.right).length).toBeLessThan(700)
        expect((await cursorOf(own, cursor.right))._tag).toBe("Right")
        expect(others.length).toBeGreaterThan(0)
        for (const [at, other] of others.entries()) {
          const refused = await cursorOf(other, cursor.right)
          if (refused._tag === "Right") throw new Error(`${maker} ${at} was accepted`)
          if (!(refused.left instanceof Cursor.CursorMismatch)) throw refused.left
          const fields = refused.left.differences.map(({ field }) => field)
          expect(["policy", "seed"]).toContain(fields[0] ?? "")
          expect(refused.left.unseen).toEqual([])
          expect((await cursorOf(other, cursor.right, fields))._tag).toBe("Right")
        }
      })
    }
  }

  test("of one's own, and functions of ranks, are said to be unseen", async () => {
    const own = SeedPolicy.fromFunction("own", make)
    const cursor = await cursorOf(own)
    if (cursor._tag === "Left") throw cursor.left
    expect(await cursorOf(SeedPolicy.fromFunction("own", make, { seed: "2" }), cursor.right)).toMatchObject({
      left: { unseen: ['the seeds of policy "own"'] }
    })
    expect(await cursorOf(Parity.pytorch({ torch: (rank) => rank }), cursor.right)).toMatchObject({
      left: { unseen: ["the function of option torch of the policy"] }
    })
    expect(() => SeedPolicy.fromFunction("own", make, { parameters: { f: twice } as never })).toThrow(
      "parameters of policy own.f must be"
    )
  })
})
