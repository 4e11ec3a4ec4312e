/**
 * Image stages in an order that would spoil the images: refused when a run is opened, with the order that works.
 */
import { describe, expect, test } from "bun:test"
import { Effect, Layer, Stream } from "effect"
import { Dataset, Image, Pipeline, Scheduler, SeedPolicy, Tensor, Workers } from "../../src/index.ts"

type Sample = { readonly image: Image.Image }
type Stages = (pipeline: Pipeline.Pipeline<Sample>) => Pipeline.Pipeline<Sample, never, SeedPolicy.SeedPolicy>

const images = Pipeline.from(
  Dataset.fromArray<Sample>([{ image: Tensor.make(new Uint8Array(12).fill(200), [2, 2, 3]) }])
)
const layer = Layer.merge(SeedPolicy.epochWorker({ seed: 42 }), Workers.fibers({ workers: 1 }))

const outcome = (stages: Stages) =>
  Stream.runDrain(Scheduler.stream(stages(images).pipe(Pipeline.batch(1)), { epochs: 1 })).pipe(
    Effect.match({ onFailure: (error): unknown => error, onSuccess: () => "ran" }),
    Effect.provide(layer),
    Effect.runPromise
  )

const normalize = Image.normalize({ mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] })
const jitter = Image.colorJitter({ brightness: 0.2 })
const wide = <S extends Sample>(stage: (sample: Sample) => S) => stage as (sample: Sample) => Sample

describe("refused", () => {
  const cases: Readonly<Record<string, readonly [Stages, string]>> = {
    "colorJitter behind normalize": [
      (pipeline) => pipeline.pipe(Pipeline.map("normalize", wide(normalize)), Pipeline.augment("jitter", jitter)),
      "colorJitter"
    ],
    "with stages between, of which one is the caller's own": [
      (pipeline) =>
        pipeline.pipe(
          Pipeline.map("normalize", wide(normalize)),
          Pipeline.augment("flip", Image.randomHorizontalFlip()),
          Pipeline.map("own", (sample) => ({ ...sample })),
          Pipeline.augment("jitter", jitter)
        ),
      "colorJitter"
    ],
    "a toFloat before the normalize": [
      (pipeline) =>
        pipeline.pipe(
          Pipeline.map("float", wide(Image.toFloat)),
          Pipeline.map("normalize", wide(Image.normalize({ mean: 0.5, std: 0.5 }))),
          Pipeline.augment("jitter", jitter)
        ),
      "colorJitter"
    ],
    "noise that is clipped": [
      (pipeline) =>
        pipeline.pipe(Pipeline.map("normalize", wide(normalize)), Pipeline.augment("noise", Image.gaussianNoise())),
      "gaussianNoise"
    ]
  }
  test.each(Object.entries(cases))("%s", async (_, [stages, name]) => {
    const error = await outcome(stages)
    expect(error).toMatchObject({ _tag: "InvalidOption", value: name })
    expect(String(error)).toContain("must be before Image.normalize")
    expect(String(error)).toContain("put it before the normalize")
    expect(String(error).includes("clip: false")).toBe(name === "gaussianNoise")
  })
})

describe("taken", () => {
  const cases: Readonly<Record<string, Stages>> = {
    "the other way round": (pipeline) =>
      pipeline.pipe(
        Pipeline.augment("jitter", jitter),
        Pipeline.augment("noise", Image.gaussianNoise()),
        Pipeline.map("normalize", wide(normalize))
      ),
    "colorJitter behind toFloat": (pipeline) =>
      pipeline.pipe(Pipeline.map("float", wide(Image.toFloat)), Pipeline.augment("jitter", jitter)),
    "behind a normalize whose results stay within 0 … 1": (pipeline) =>
      pipeline.pipe(
        Pipeline.map("normalize", wide(Image.normalize({ mean: [0, -0.5, 1], std: [1, 2, -1] }))),
        Pipeline.augment("jitter", jitter)
      ),
    "noise that is not clipped": (pipeline) =>
      pipeline.pipe(
        Pipeline.map("normalize", wide(normalize)),
        Pipeline.augment("noise", Image.gaussianNoise({ clip: false }))
      ),
    "what leaves values as they are": (pipeline) =>
      pipeline.pipe(
        Pipeline.map("normalize", wide(normalize)),
        Pipeline.augment("affine", Image.randomAffine({ degrees: 10, fill: -2 })),
        Pipeline.augment("erasing", Image.randomErasing()),
        Pipeline.map("resize", Image.resize({ size: 4 }))
      )
  }
  test.each(Object.entries(cases))("%s", async (_, stages) => {
    expect(await outcome(stages)).toBe("ran")
  })

  test("another field's normalize", async () => {
    const both = Pipeline.from(
      Dataset.fromArray([
        {
          left: Tensor.make(new Uint8Array(12), [2, 2, 3]),
          right: Tensor.make(new Uint8Array(12), [2, 2, 3])
        }
      ])
    ).pipe(
      Pipeline.map("normalize", Image.on("left", normalize)),
      Pipeline.augment("jitter", Image.on("right", jitter)),
      Pipeline.batch(1)
    )
    const run = Stream.runCount(Scheduler.stream(both, { epochs: 1 })).pipe(Effect.provide(layer))
    expect(await Effect.runPromise(run)).toBe(1)
  })
})
