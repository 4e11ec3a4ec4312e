/**
 * A batch of a dataset in columns is the batch of the same samples one by one, whatever the order of the stages.
 */
import { expect, test } from "bun:test"
import { Effect, Stream } from "effect"
import fc from "fast-check"
import { make } from "../../../src/core/Tensor.ts"
import { Dataset, Image, Pipeline, Scheduler, SeedPolicy, type Tensor, Workers } from "../../../src/index.ts"
import { at } from "../../support/rng.ts"

type Field = "a" | "b"
interface Sample {
  readonly a: Tensor.Tensor<Uint8Array>
  readonly b: Tensor.Tensor<Uint8Array>
}

const SIZE = 9
const images = (seed: number) => make(at(seed).fill(new Uint8Array(SIZE * 36)), [SIZE, 6, 6, 1])

const stages = {
  crop: (field: Field) => Image.on(field, Image.randomCrop({ size: 5, padding: 1 })),
  flip: (field: Field) => Image.on(field, Image.randomHorizontalFlip()),
  // Its results have several sizes, so that they are no column.
  ragged: (field: Field) =>
    Image.on(
      field,
      Image.custom({
        name: "ragged",
        numbers: 1,
        draw: (rng, _, parameters) => {
          parameters[0] = 1 + rng.integer(2)
        },
        output: (_, [height = 1], output) => {
          output.height = height
        },
        run: (source, _size, _parameters, target, offset, { channels, height, width }) => {
          for (let place = 0; place < height * width * channels; place++) target[offset + place] = source[place] ?? 0
        }
      })
    )
}

const outcome = (dataset: Dataset.Dataset<Sample>, chain: ReadonlyArray<readonly [keyof typeof stages, Field]>) => {
  let pipeline: Pipeline.Pipeline<Sample, never, SeedPolicy.SeedPolicy> = Pipeline.from(dataset)
  for (const [place, [kind, field]] of chain.entries()) {
    // Each of them takes the image of its field and gives one.
    const stage = stages[kind](field) as unknown as Pipeline.Augment<Sample, Sample>
    pipeline = pipeline.pipe(Pipeline.augment(`${kind} ${place}`, stage))
  }
  const batches = Stream.runCollect(Scheduler.stream(pipeline.pipe(Pipeline.batch(4)), { replay: true, epochs: 1 }))
  return batches.pipe(
    Effect.map((all) => Array.from(all, ({ columns }) => columns)),
    Effect.either,
    Effect.provide(SeedPolicy.elastic({ seed: 3 })),
    Effect.provide(Workers.fibers({ workers: 1 })),
    Effect.runPromise
  )
}

test("batches of columns are those of samples, and so are their errors", async () => {
  const columns = Dataset.fromColumns({ a: images(1), b: images(2) }, { name: "images" })
  const samples = Effect.runSync(columns.getMany(Array.from({ length: SIZE }, (_, index) => index)))
  const chains = fc.array(
    fc.tuple(fc.constantFrom<keyof typeof stages>("crop", "flip", "ragged"), fc.constantFrom<Field>("a", "b")),
    { maxLength: 5 }
  )
  await fc.assert(
    fc.asyncProperty(chains, async (chain) => {
      const whole = await outcome(columns, chain)
      const single = await outcome(Dataset.fromArray(samples, { name: "images" }), chain)
      expect(whole._tag).toBe(single._tag)
      if (whole._tag === "Right" && single._tag === "Right") expect(whole.right).toEqual(single.right)
      if (whole._tag === "Left" && single._tag === "Left") expect(whole.left.message).toBe(single.left.message)
    }),
    { numRuns: 60 }
  )
})
