import { describe, expect, test } from "bun:test"
import { Effect, Layer, Stream } from "effect"
import { InvalidOption } from "../../src/core/InvalidOption.ts"
import { make, type Tensor } from "../../src/core/Tensor.ts"
import type { Batch } from "../../src/pipeline/Batch.ts"
import * as Pipeline from "../../src/pipeline/Pipeline.ts"
import type { Rng } from "../../src/random/Rng.ts"
import * as Sampler from "../../src/sampling/Sampler.ts"
import * as Workers from "../../src/scheduler/backends/Workers.ts"
import * as Scheduler from "../../src/scheduler/loader/Scheduler.ts"
import { stageId } from "../../src/seeding/Coordinates.ts"
import * as SeedPolicy from "../../src/seeding/SeedPolicy.ts"
import * as Dataset from "../../src/sources/Dataset.ts"

type Numbers = Batch<Tensor<Float64Array>>

/** All values that a pipeline of numbers delivers in two epochs. */
const values = (pipeline: Pipeline.Pipeline<Numbers, unknown, SeedPolicy.SeedPolicy>): Promise<Array<number>> =>
  Stream.runCollect(Scheduler.stream(pipeline, { replay: true, epochs: 2 })).pipe(
    Effect.map((batches) => Array.from(batches).flatMap(({ columns }) => Array.from(columns.data))),
    Effect.provide(Layer.merge(SeedPolicy.epochWorker({ seed: 42 }), Workers.fibers({ workers: 2 }))),
    Effect.runPromise
  )

const thrown = (run: () => unknown): Error => {
  try {
    run()
  } catch (error) {
    if (error instanceof Error) return error
  }
  throw new Error("no error was thrown")
}

const identity = (x: number): number => x
const jitter = (x: number, rng: Rng): number => x + rng.uniform(-0.5, 0.5)
const numbers = Pipeline.from(Dataset.range(10))

describe("a plain value", () => {
  const shuffled = numbers.pipe(Pipeline.sample(Sampler.shuffle))
  const prefix = shuffled.pipe(Pipeline.augment("jitter", jitter))
  const pipeline = prefix.pipe(Pipeline.batch(3))

  test("gives the same each time it is run", async () => {
    const first = await values(pipeline)
    expect(first).toHaveLength(20)
    expect(await values(pipeline)).toEqual(first)
  })

  test("gives the same when two of its runs overlap", async () => {
    const [first, second] = await Promise.all([values(pipeline), values(pipeline)])
    expect(first).toEqual(second)
  })

  test("is not disturbed by what others compose from its beginning", async () => {
    const before = JSON.stringify(prefix)
    const first = await values(pipeline)
    const other = prefix.pipe(
      Pipeline.ambient("derive"),
      Pipeline.map("double", (x) => 2 * x),
      Pipeline.batch(3)
    )
    expect(await values(other)).toEqual(first.map((x) => 2 * x))
    expect(await values(pipeline)).toEqual(first)
    expect(JSON.stringify(prefix)).toBe(before)
    expect(prefix.stages).toHaveLength(2)
    expect(shuffled.stages).toHaveLength(1)
    expect(numbers.stages).toHaveLength(0)
  })

  test("takes one stage value in several pipelines", async () => {
    const stage = Pipeline.augment("jitter", jitter)
    const ends = Pipeline.batch(3)
    const one = await values(shuffled.pipe(stage, ends))
    const two = await values(numbers.pipe(stage, ends))
    expect(one).toEqual(await values(pipeline))
    expect(two.map((x) => Math.abs(Math.round(x)))).toEqual([
      0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9
    ])
  })

  test("runs nothing when it is composed", () => {
    let calls = 0
    const count = (x: number): number => {
      calls++
      return x
    }
    numbers.pipe(Pipeline.map("count", count), Pipeline.augment("again", count), Pipeline.batch(2))
    expect(calls).toBe(0)
  })
})

describe("draws", () => {
  test("are pinned", async () => {
    const pipeline = numbers.pipe(
      Pipeline.sample(Sampler.shuffle),
      Pipeline.augment("jitter", jitter),
      Pipeline.batch(5)
    )
    expect(await values(pipeline)).toEqual([
      6.334583616940463, 8.200029346709567, 4.617653333549062, 3.921715906801171, -0.3510342879638578, 7.46397277707607,
      2.589126353137553, 9.253635705266209, 0.5230979649434293, 2.1927538490253102, 0.5011005936864668,
      2.797371632813291, 4.481396399042762, 8.820531213724697, 7.124747649714742, 2.4431243801807527, 5.427229195844079,
      7.627990984389006, 6.130016590960922, 0.16144728489537108
    ])
  })

  test("of a stage hang on no other stage, and not on its place", async () => {
    // Each stage keeps its word apart, so that what one of them drew can be read off whatever stands around it.
    type Drawn = Readonly<Record<string, number>>
    const begin: Pipeline.Pipeline<Drawn, never, SeedPolicy.SeedPolicy> = numbers.pipe(
      Pipeline.map("begin", () => ({}))
    )
    const stage = (name: string) => Pipeline.augment(name, (drawn: Drawn, rng) => ({ ...drawn, [name]: rng.word() }))
    const read = (...stages: ReadonlyArray<string>) =>
      stages
        .reduce((pipeline, name) => pipeline.pipe(stage(name)), begin)
        .pipe(Pipeline.batchWith(10, (samples) => samples.map((drawn) => drawn["noise"])))
    const run = (...stages: ReadonlyArray<string>) =>
      Stream.runCollect(Scheduler.stream(read(...stages), { epochs: 1 })).pipe(
        Effect.map((batches) => Array.from(batches).flatMap(({ columns }) => columns)),
        Effect.provide(Layer.merge(SeedPolicy.epochWorker({ seed: 42 }), Workers.fibers({ workers: 1 }))),
        Effect.runPromise
      )
    const alone = await run("noise")
    expect(new Set(alone).size).toBe(10)
    expect(alone).not.toContain(undefined)
    expect(await run("noise", "flip")).toEqual(alone)
    expect(await run("crop", "noise")).toEqual(alone)
    expect(await run("flip", "crop", "noise", "mix")).toEqual(alone)
  })
})

describe("printed", () => {
  const full = numbers.pipe(
    Pipeline.sample(Sampler.shuffle),
    Pipeline.filter("even", (x) => x % 2 === 0),
    Pipeline.map("double", (x) => 2 * x),
    Pipeline.augment("noise", jitter),
    Pipeline.mapEffect("load", (x) => Effect.succeed(x)),
    Pipeline.augmentEffect("pick", (x, rng: Rng) => Effect.sync(() => rng.integer(9) + x), { concurrency: 4 }),
    Pipeline.batch(4, { dropLast: true }),
    Pipeline.augment("mix", (batch) => batch)
  )

  test("as a table: stages, what they are, which of them draw, their ids", () => {
    expect(String(full)).toBe(
      [
        "Pipeline over range (10 samples)",
        "  1  sample   sample  shuffle       draws  e1db2baf",
        "  2  filter   even                         3c0638ec",
        "  3  map      double                       9e6ae02c",
        "  4  augment  noise                 draws  c0a5e2ef",
        "  5  effect   load    16 at once           c77ff60c",
        "  6  effect   pick    4 at once     draws  6c3ce38c",
        "  7  batch    batch   4, drop last         fc4eb24b",
        "  8  augment  mix                   draws  6d7a902f"
      ].join("\n")
    )
  })

  test("in one line when it has no stage yet", () => {
    expect(String(Pipeline.from(Dataset.fromArray(["a"], { name: "letters" })))).toBe(
      "Pipeline over letters (1 sample)"
    )
  })

  test("a batch that keeps its last is its size alone", () => {
    expect(String(numbers.pipe(Pipeline.sample(Sampler.sequential), Pipeline.batch(4)))).toBe(
      [
        "Pipeline over range (10 samples)",
        "  1  sample  sample  sequential    e1db2baf",
        "  2  batch   batch   4             fc4eb24b"
      ].join("\n")
    )
  })

  test("as JSON", () => {
    const pipeline = full.pipe(Pipeline.ambient("leave"))
    const json: unknown = JSON.parse(JSON.stringify(pipeline))
    expect(json).toEqual({
      _id: "Pipeline",
      dataset: { name: "range", size: 10 },
      ambient: "leave",
      stages: [
        { name: "sample", kind: "Sample", draws: true, id: "e1db2baf", sampler: "shuffle" },
        { name: "even", kind: "Filter", draws: false, id: "3c0638ec" },
        { name: "double", kind: "Map", draws: false, id: "9e6ae02c" },
        { name: "noise", kind: "Augment", draws: true, id: "c0a5e2ef" },
        { name: "load", kind: "Effect", draws: false, id: "c77ff60c" },
        { name: "pick", kind: "Effect", draws: true, id: "6c3ce38c" },
        { name: "batch", kind: "Batch", draws: false, id: "fc4eb24b", size: 4, dropLast: true, padLast: false },
        { name: "mix", kind: "Augment", draws: true, id: "6d7a902f" }
      ]
    })
  })
})

describe("ids", () => {
  test("come from names only", () => {
    const ids = (pipeline: Pipeline.Pipeline<unknown, unknown, unknown>) =>
      Object.fromEntries(pipeline.stages.map(({ id }) => [id.name, id.id]))
    const one = numbers.pipe(Pipeline.map("a", identity), Pipeline.augment("b", identity), Pipeline.batch(2))
    const two = numbers.pipe(
      Pipeline.batch(3),
      Pipeline.mapEffect("b", Effect.succeed),
      Pipeline.mapEffect("a", Effect.succeed)
    )
    expect(ids(one)).toEqual(ids(two))
  })

  test("are the first four bytes of the name's SHA-256, low first", () => {
    // printf crop | sha256sum begins 375676bd …
    expect(stageId("crop")).toEqual({ name: "crop", id: 3178649143 })
    expect(stageId("Größe")).toEqual({ name: "Größe", id: 2151668910 })
  })
})

describe("two stages of one name", () => {
  test("are refused with the places of both", () => {
    const error = thrown(() =>
      numbers.pipe(
        Pipeline.sample(Sampler.shuffle),
        Pipeline.augment("crop", jitter),
        Pipeline.map("scale", identity),
        Pipeline.filter("crop", () => true)
      )
    )
    expect(error).toBeInstanceOf(Pipeline.DuplicateStage)
    expect(error).toMatchObject({ _tag: "DuplicateStage", name: "crop", other: "crop", positions: [2, 4] })
    expect(error.message).toBe(
      'stages 2 and 4 are both named "crop", so both would draw the same random numbers; ' +
        "give one of them another name"
    )
  })

  test("on both sides of batch too", () => {
    const before = numbers.pipe(Pipeline.map("scale", identity), Pipeline.batch(2))
    const error = thrown(() => before.pipe(Pipeline.map("scale", (batch) => batch)))
    expect(error).toMatchObject({ _tag: "DuplicateStage", positions: [1, 3] })
  })

  test("names of one id are refused like one name", () => {
    const before = numbers.pipe(Pipeline.map("rotate 5113", identity))
    const error = thrown(() => before.pipe(Pipeline.augment("mix 13066", jitter)))
    expect(error).toMatchObject({ name: "mix 13066", other: "rotate 5113", positions: [1, 2] })
    expect(error.message).toBe(
      'the names of stages 1 ("rotate 5113") and 2 ("mix 13066") have one id, ' +
        "so both would draw the same random numbers; give one of them another name"
    )
  })

  test("names that differ in case or spaces are two names", () => {
    const pipeline = numbers.pipe(
      Pipeline.map("crop", identity),
      Pipeline.map("Crop", identity),
      Pipeline.map("crop ", identity)
    )
    expect(pipeline.stages).toHaveLength(3)
  })

  test("sample twice", () => {
    const once = numbers.pipe(Pipeline.map("scale", identity), Pipeline.sample(Sampler.shuffle))
    const error = thrown(() => once.pipe(Pipeline.sample(Sampler.sequential)))
    expect(error).toMatchObject({ _tag: "InvalidOption", option: "Pipeline.sample" })
    expect(error.message).toBe(
      'Pipeline.sample must be used once in a pipeline: sampler "shuffle" gives the order of the epochs already; leave ' +
        'one of the two out, or combine them, as in Sampler.limited(Sampler.shuffle, 1000), got "sequential"'
    )
  })

  test("batch twice, whichever way", () => {
    const once = numbers.pipe(Pipeline.batch(2))
    for (const again of [Pipeline.batch(2), Pipeline.batchWith(2, () => 0)]) {
      const error = thrown(() => once.pipe(again))
      expect(error).toBeInstanceOf(InvalidOption)
      expect(error.message).toBe(
        'the stage after batch must be augment, map or an effectful stage: only these can follow batch, got "batch"'
      )
    }
  })
})

describe("names", () => {
  const constructors: ReadonlyArray<readonly [string, (name: string) => unknown]> = [
    ["augment", (name) => numbers.pipe(Pipeline.augment(name, jitter))],
    ["map", (name) => numbers.pipe(Pipeline.map(name, identity))],
    ["filter", (name) => numbers.pipe(Pipeline.filter(name, () => true))],
    ["augmentEffect", (name) => numbers.pipe(Pipeline.augmentEffect(name, (x) => Effect.succeed(x)))],
    ["mapEffect", (name) => numbers.pipe(Pipeline.mapEffect(name, (x) => Effect.succeed(x)))]
  ]

  test.each(constructors)("of %s", (_, make) => {
    for (const name of ["", " ", "\t\n", "sample", "batch", "dataset"]) {
      const error = thrown(() => make(name))
      expect(error).toBeInstanceOf(InvalidOption)
      expect(error).toMatchObject({ option: "stage name", value: name })
      expect(error.message).toBe(
        `stage name must be a name that is not empty and none of dataset, sample, batch, got ${JSON.stringify(name)}`
      )
    }
    // From code without types.
    expect(thrown(() => make((() => 1) as never)).message).toContain('before the function (`Pipeline.map("name", f)`)')
    for (const name of [undefined, null, 7, Symbol("crop")]) {
      // The cast stands in for a caller that TypeScript does not see.
      expect(thrown(() => make(name as unknown as string))).toBeInstanceOf(InvalidOption)
    }
    expect(() => make("Sample")).not.toThrow()
    expect(() => make("__proto__")).not.toThrow()
    expect(() => make("ein Name, mit Umlaut: ü")).not.toThrow()
  })
})

describe("behind batch", () => {
  const batched = numbers.pipe(Pipeline.batch(4))

  test("stages take whole batches", async () => {
    const negative = (batch: Numbers): Numbers => {
      const { data, shape } = batch.columns
      return {
        ...batch,
        columns: make(
          data.map((x) => -x),
          shape
        )
      }
    }
    const pipeline = batched.pipe(
      Pipeline.map("negative", negative),
      Pipeline.mapEffect("again", (batch) => Effect.succeed(negative(batch))),
      Pipeline.augment("once more", negative)
    )
    expect(await values(pipeline)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((x) => -x))
  })

  test("one seed serves a batch", async () => {
    const words = await Stream.runCollect(
      Scheduler.stream(batched.pipe(Pipeline.augment("mix", (batch, rng) => ({ ...batch, columns: rng.word() }))), {
        epochs: 1
      })
    ).pipe(
      Effect.map((batches) => Array.from(batches, ({ columns }) => columns)),
      Effect.provide(Layer.merge(SeedPolicy.epochWorker({ seed: 42 }), Workers.fibers({ workers: 2 }))),
      Effect.runPromise
    )
    expect(words).toEqual([3005683040, 2026035655, 1180690182])
  })

  test("neither sample nor filter can stand", () => {
    expect(thrown(() => batched.pipe(Pipeline.sample(Sampler.shuffle)))).toMatchObject({
      _tag: "InvalidOption",
      value: "sample"
    })
    expect(thrown(() => batched.pipe(Pipeline.filter("large", (batch) => batch.size > 3)))).toMatchObject({
      _tag: "InvalidOption",
      value: "filter"
    })
  })
})

describe("the place of sample", () => {
  test("is anywhere before batch: it orders the epoch, not what passes it", async () => {
    const first = numbers.pipe(Pipeline.sample(Sampler.shuffle), Pipeline.augment("jitter", jitter), Pipeline.batch(3))
    const last = numbers.pipe(Pipeline.augment("jitter", jitter), Pipeline.sample(Sampler.shuffle), Pipeline.batch(3))
    expect(await values(last)).toEqual(await values(first))
  })
})

describe("ambient", () => {
  test("without a setting is refused where it stands, as untyped code may write it", () => {
    const ambient = Pipeline.ambient as (...args: ReadonlyArray<unknown>) => unknown // of untyped code
    const self = Pipeline.from(Dataset.range(4))
    for (const args of [[self], ["derived"], [self, "derived"]]) {
      expect(() => ambient(...args)).toThrow('ambient must be "refuse", "derive" or "leave", got ')
    }
  })

  test("is refused unless it is set, and the last setting holds", () => {
    expect(numbers.ambient).toBe("refuse")
    expect(numbers.pipe(Pipeline.ambient("derive")).ambient).toBe("derive")
    expect(numbers.pipe(Pipeline.ambient("leave"), Pipeline.ambient("refuse")).ambient).toBe("refuse")
  })

  test("stays with the stages that follow", () => {
    const pipeline = numbers.pipe(Pipeline.ambient("leave"), Pipeline.map("scale", identity), Pipeline.batch(2))
    expect(pipeline.ambient).toBe("leave")
    expect(pipeline.stages).toHaveLength(2)
  })

  test("another setting is refused", () => {
    // From code without types: a word that is no setting.
    const error = thrown(() => numbers.pipe(Pipeline.ambient("forbid" as "refuse")))
    expect(error).toBeInstanceOf(InvalidOption)
    expect(error.message).toBe('ambient must be "refuse", "derive" or "leave", got "forbid"')
  })
})

describe("options", () => {
  test.each([0, -1, 2.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 32])("batch size %s", (size) => {
    for (const make of [() => Pipeline.batch(size), () => Pipeline.batchWith(size, () => 0)]) {
      const error = thrown(make)
      expect(error).toBeInstanceOf(InvalidOption)
      expect(error.message).toBe(`batch size must be a whole number from 1 to 4294967295, got ${size}`)
    }
  })

  test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])("concurrency %s", (concurrency) => {
    const makes = [
      () => numbers.pipe(Pipeline.mapEffect("load", (x) => Effect.succeed(x), { concurrency })),
      () => numbers.pipe(Pipeline.augmentEffect("load", (x) => Effect.succeed(x), { concurrency }))
    ]
    for (const make of makes) {
      const error = thrown(make)
      expect(error).toBeInstanceOf(InvalidOption)
      expect(error.message).toBe(`concurrency must be a whole number of at least 1, got ${concurrency}`)
    }
  })

  test("dtypes that are none", () => {
    for (const dtype of ["int64", "float16", "toString", "", undefined]) {
      // From code without types.
      const error = thrown(() => Pipeline.batch(2, { dtypes: { label: dtype as "int32" } }))
      expect(error).toBeInstanceOf(InvalidOption)
      expect(error.message).toBe(
        "dtypes.label must be one of int8, uint8, int16, uint16, int32, uint32, float32, float64, got " +
          (dtype === undefined ? "undefined" : JSON.stringify(dtype))
      )
    }
  })
})

describe("with the pipeline as first argument", () => {
  const stages: ReadonlyArray<
    readonly [string, () => readonly [Pipeline.Pipeline<unknown>, Pipeline.Pipeline<unknown>]]
  > = [
    ["sample", () => [numbers.pipe(Pipeline.sample(Sampler.sequential)), Pipeline.sample(numbers, Sampler.sequential)]],
    ["map", () => [numbers.pipe(Pipeline.map("own", identity)), Pipeline.map(numbers, "own", identity)]],
    [
      "filter",
      () => [numbers.pipe(Pipeline.filter("own", (x) => x > 1)), Pipeline.filter(numbers, "own", (x) => x > 1)]
    ],
    [
      "mapEffect",
      () => [
        numbers.pipe(Pipeline.mapEffect("own", Effect.succeed, { concurrency: 3 })),
        Pipeline.mapEffect(numbers, "own", Effect.succeed, { concurrency: 3 })
      ]
    ],
    [
      "batch",
      () => [numbers.pipe(Pipeline.batch(4, { dropLast: true })), Pipeline.batch(numbers, 4, { dropLast: true })]
    ],
    [
      "batchWith",
      () => [
        numbers.pipe(Pipeline.batchWith(4, (own) => own.length)),
        Pipeline.batchWith(numbers, 4, (own) => own.length)
      ]
    ],
    ["ambient", () => [numbers.pipe(Pipeline.ambient("leave")), Pipeline.ambient(numbers, "leave")]]
  ]
  test.each(stages)("%s gives what it gives in pipe", (_, make) => {
    const [last, first] = make()
    expect(JSON.stringify(first)).toBe(JSON.stringify(last))
    expect(JSON.stringify(first)).not.toBe(JSON.stringify(numbers))
  })

  test("those that draw deliver what they deliver in pipe", async () => {
    const effectful = (x: number, rng: Rng) => Effect.succeed(jitter(x, rng))
    const last = numbers.pipe(
      Pipeline.sample(Sampler.shuffle),
      Pipeline.augment("one", jitter),
      Pipeline.augmentEffect("two", effectful),
      Pipeline.batch(3)
    )
    const one = Pipeline.augment(Pipeline.sample(numbers, Sampler.shuffle), "one", jitter)
    const first = Pipeline.batch(Pipeline.augmentEffect(one, "two", effectful), 3)
    expect(await values(first)).toEqual(await values(last))
  })

  test("options are checked before there is a pipeline, and with one", () => {
    expect(() => Pipeline.map("", identity)).toThrow("stage name must be")
    expect(() => Pipeline.map(numbers, "", identity)).toThrow("stage name must be")
    expect(() => Pipeline.batch(0)).toThrow("batch size must be")
    expect(() => Pipeline.batch(numbers, 0)).toThrow("batch size must be")
  })
})
