/**
 * What the compiler must know of image stages. Nothing here runs; `tsc` is the test.
 */
import { Dataset, Image, Pipeline, type SeedPolicy, Tensor } from "../../src/index.ts"

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <A, B>(_: Equal<A, B>): void => undefined

/** What a pipeline delivers and requires. */
type Item<P> = P extends Pipeline.Pipeline<infer A, infer _E, infer _R> ? A : never
type Requirements<P> = P extends Pipeline.Pipeline<infer _A, infer _E, infer R> ? R : never

interface Digit {
  readonly image: Tensor.Tensor<Uint8Array>
  readonly label: number
}
const digits = Dataset.fromArray<Digit>([{ image: Tensor.make(new Uint8Array(4), [2, 2, 1]), label: 1 }])

// A stage that draws keeps the sample's type and requires the policy.
const drawn = Pipeline.from(digits).pipe(
  Pipeline.augment("crop", Image.randomCrop({ size: 2, padding: 1 })),
  Pipeline.augment("flip", Image.randomHorizontalFlip()),
  Pipeline.augment("turn", Image.randomAffine({ degrees: 10 })),
  Pipeline.augment("part", Image.randomResizedCrop({ size: 2 })),
  Pipeline.augment("jitter", Image.colorJitter({ brightness: 0.1 })),
  Pipeline.augment("noise", Image.gaussianNoise()),
  Pipeline.augment("erase", Image.randomErasing())
)
same<Item<typeof drawn>, Digit>(true)
same<Requirements<typeof drawn>, SeedPolicy.SeedPolicy>(true)

// One that does not keeps both.
const fixed = Pipeline.from(digits).pipe(
  Pipeline.map("resize", Image.resize({ size: 2 })),
  Pipeline.map("pad", Image.pad({ padding: 1 })),
  Pipeline.map("middle", Image.centerCrop({ size: 2 }))
)
same<Item<typeof fixed>, Digit>(true)
same<Requirements<typeof fixed>, never>(true)

// Normalize makes the image float32 and leaves the label.
const floats = drawn.pipe(
  Pipeline.map("normalize", Image.normalize({ mean: 0.5, std: 0.5 })),
  Pipeline.map("label", ({ image, label }) => ({ first: image.data, twice: 2 * label }))
)
same<Item<typeof floats>, { first: Float32Array; twice: number }>(true)

// The same with the pipeline first.
const first = Pipeline.map(
  Pipeline.augment(Pipeline.from(digits), "crop", Image.randomCrop({ size: 2 })),
  "normalize",
  Image.normalize({ mean: 0.5, std: 0.5 })
)
same<Item<typeof first>["image"], Tensor.Tensor<Float32Array>>(true)
same<Item<typeof first>["label"], number>(true)

// A dataset of bare images stays one.
const bare = Pipeline.from(Dataset.fromArray([Tensor.make(new Uint8Array(4), [2, 2, 1])])).pipe(
  Pipeline.augment("flip", Image.randomVerticalFlip()),
  Pipeline.map("floats", Image.toFloat)
)
same<Item<typeof bare>, Tensor.Tensor<Float32Array>>(true)

// Another field.
interface Pair {
  readonly left: Tensor.Tensor<Uint8Array>
  readonly right: Tensor.Tensor<Uint8Array>
}
declare const pairs: Dataset.Dataset<Pair>
const one = Pipeline.from(pairs).pipe(
  Pipeline.augment("crop", Image.on("left", Image.randomCrop({ size: 2 }))),
  Pipeline.map("resize", Image.on("left", Image.resize({ size: 2 }))),
  Pipeline.map("floats", Image.on("left", Image.toFloat))
)
same<Item<typeof one>["left"], Tensor.Tensor<Float32Array>>(true)
same<Item<typeof one>["right"], Tensor.Tensor<Uint8Array>>(true)

// @ts-expect-error: no image in the sample.
Pipeline.from(Dataset.fromArray([{ label: 1 }])).pipe(Pipeline.augment("flip", Image.randomHorizontalFlip()))
// @ts-expect-error: an image of another element type.
Pipeline.map("floats", Image.toFloat)(Pipeline.from(Dataset.fromArray([Tensor.make(new Int32Array(1), [1, 1, 1])])))
// @ts-expect-error: no such field.
Pipeline.from(pairs).pipe(Pipeline.augment("crop", Image.on("middle", Image.randomCrop({ size: 2 }))))
// @ts-expect-error: a rotation needs its angles.
Image.randomRotation({})
