/**
 * Pipelines whose batches lie in memory that could be lent: of image stages alone, and with functions of the user's that keep
 * what they are given, which no later batch may change.
 */
import { type Batch, Dataset, Image, Pipeline, Sampler, type SeedPolicy, Tensor } from "../../../src/index.ts"

export const kinds = [
  "images",
  "mixed",
  "kept by a stage",
  "kept by a filter",
  "kept by a collate",
  "behind batch",
  "beside columns",
  "columns",
  "columns and images",
  "columns behind batch"
] as const

export type Kind = (typeof kinds)[number]

export interface Config {
  readonly kind: Kind
  /** Whether some samples fail at their first attempt. */
  readonly fails: boolean
}

const SIZE = 37
const SIDE = 6

/** Rows so wide that columns of some of them are lent. */
const WIDTH = 350

interface Sample {
  readonly image: Tensor.Tensor<Uint8Array>
  readonly label: number
}

interface WideSample extends Sample {
  readonly wide: Tensor.Tensor<Int32Array>
}

const pixels = Uint8Array.from({ length: SIZE * SIDE * SIDE }, (_, at) => (at * 31) % 251)

const wide = Int32Array.from({ length: SIZE * WIDTH }, (_, at) => (at * 31) % 25_111)

const labels = Array.from({ length: SIZE }, (_, index) => index)

const sampleAt = (index: number): Sample => ({
  image: Tensor.make(pixels.slice(index * SIDE * SIDE, (index + 1) * SIDE * SIDE), [SIDE, SIDE, 1]),
  label: index
})

const columns = { image: Tensor.make(pixels, [SIZE, SIDE, SIDE, 1]), label: labels }

const source = (fails: boolean) => (fails ? failing(sampleAt) : Dataset.fromColumns(columns, { name: "lendable" }))

const wideSource = (fails: boolean) =>
  fails
    ? failing((index): WideSample => {
        const row = wide.slice(index * WIDTH, (index + 1) * WIDTH)
        return { ...sampleAt(index), wide: Tensor.make(row, [WIDTH]) }
      })
    : Dataset.fromColumns({ ...columns, wide: Tensor.make(wide, [SIZE, WIDTH]) }, { name: "lendable" })

const failing = <S>(at: (index: number) => S): Dataset.Dataset<S, Dataset.DatasetError> => {
  const failed = new Set<number>()
  return Dataset.make({
    name: "lendable",
    size: SIZE,
    get: (index) => {
      if (index % 6 === 1 && !failed.has(index)) {
        failed.add(index)
        throw new Error(`the first attempt at ${index}`)
      }
      return at(index)
    }
  })
}

type Images = Pipeline.Pipeline<Batch.Batch<unknown>, Dataset.DatasetError, SeedPolicy.SeedPolicy>

export const lendable = ({ fails, kind }: Config): Images => {
  const floats = Pipeline.from(source(fails)).pipe(
    Pipeline.sample(Sampler.shuffle),
    Pipeline.map("normalize", Image.normalize({ mean: 0.4, std: 0.2 }))
  )
  const drawn = Pipeline.from(source(fails)).pipe(
    Pipeline.sample(Sampler.shuffle),
    Pipeline.augment("crop", Image.randomCrop({ size: SIDE, padding: 2 })),
    Pipeline.augment("flip", Image.randomHorizontalFlip()),
    Pipeline.map("normalize", Image.normalize({ mean: 0.4, std: 0.2 }))
  )
  switch (kind) {
    case "images":
      return drawn.pipe(Pipeline.batch(6))
    case "mixed":
      return drawn.pipe(Pipeline.batch(6), Pipeline.augment("mixup", Image.mixup({ classes: SIZE, alpha: 0.4 })))
    case "kept by a stage": {
      // A memo of what no draw changes: pure, as long as nobody writes to what it keeps.
      const memo = new Map<number, Tensor.Tensor<Float32Array>>()
      return floats.pipe(
        Pipeline.map("memo", ({ image, label }) => {
          const known = memo.get(label) ?? image
          memo.set(label, known)
          return { image: known, label }
        }),
        Pipeline.batch(6)
      )
    }
    case "kept by a filter": {
      const memo = new Map<number, Tensor.Tensor<Float32Array>>()
      return floats.pipe(
        Pipeline.filter("seen", ({ image, label }) => {
          const known = memo.get(label) ?? image
          memo.set(label, known)
          // Leaves some ranks without rows.
          return label % 3 === 0 && known.data[0] === image.data[0]
        }),
        Pipeline.batch(3)
      )
    }
    case "kept by a collate":
      return drawn.pipe(
        Pipeline.batchWith(6, (samples: ReadonlyArray<{ readonly image: Tensor.Tensor<Float32Array> }>) => ({
          images: samples.map(({ image }) => image),
          views: samples.map(({ image }) => image.data),
          map: new Map(samples.map(({ image }, row) => [row, image.data] as const))
        }))
      )
    case "beside columns":
      return drawn.pipe(
        Pipeline.batch(6),
        Pipeline.map("weights", (batch) => ({
          ...batch,
          weights: Tensor.make(Float64Array.of(batch.epoch, batch.index), [2]),
          more: { list: [Tensor.make(Int32Array.of(batch.index), [1])], raw: Uint8Array.of(batch.index) }
        }))
      )
    case "columns":
      return Pipeline.from(wideSource(fails)).pipe(Pipeline.sample(Sampler.shuffle), Pipeline.batch(6))
    case "columns and images":
      return Pipeline.from(wideSource(fails)).pipe(
        Pipeline.sample(Sampler.shuffle),
        Pipeline.map("normalize", Image.normalize({ mean: 0.4, std: 0.2 })),
        Pipeline.batch(6)
      )
    case "columns behind batch":
      return Pipeline.from(wideSource(fails)).pipe(
        Pipeline.sample(Sampler.shuffle),
        Pipeline.batch(6),
        Pipeline.map("raw", (batch) => ({ ...batch, columns: { raw: batch.columns.wide.data } }))
      )
    case "behind batch":
      return drawn.pipe(
        Pipeline.batch(6),
        Pipeline.map("raw", (batch) => ({ ...batch, columns: { raw: batch.columns.image.data.subarray(1) } }))
      )
  }
}
