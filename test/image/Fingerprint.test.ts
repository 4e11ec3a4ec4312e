/**
 * The lines that cursors hold of image stages, written down: with another one an old cursor would be refused.
 */
import { expect, test } from "bun:test"
import { Dataset, Image, Pipeline, Tensor } from "../../src/index.ts"
import { linesOf } from "../../src/scheduler/plan/Fingerprint.ts"

test("functions that were renamed are known to cursors by their first names", () => {
  const photos = Dataset.fromColumns({
    image: Tensor.make(new Uint8Array(8 * 4 * 4 * 3), [8, 4, 4, 3]),
    label: new Uint8Array(8)
  })
  const pipeline = Pipeline.from(photos).pipe(
    Pipeline.augment("jitter", Image.colorJitter({ brightness: 0.25, hue: [-0.125, 0.125] })),
    Pipeline.augment("crop", Image.randomCrop({ size: 4, padding: 1 })),
    Pipeline.map("normalize", Image.normalize({ mean: 0.5, std: [0.25, 0.5, 1] })),
    Pipeline.batch(4),
    Pipeline.augment("mixup", Image.mixup({ alpha: 0.5, classes: 10 })),
    Pipeline.augment("cutMix", Image.cutMix({ classes: 10 }))
  )
  expect(linesOf(pipeline)).toEqual([
    'augment jitter: colourJitter(brightness: [0.75, 1.25], contrast: undefined, field: "image", hue: [-0.125, 0.125], saturation: undefined)',
    'augment crop: randomCrop(field: "image", fill: [0], padIfNeeded: false, padding: [1, 1, 1, 1], paddingMode: "constant", size: [4, 4])',
    'map normalize: normalise(field: "image", mean: [0.5], std: [0.25, 0.5, 1])',
    "batch: 4, columns(dtypes: {})",
    'augment mixup: mixup(alpha: 0.5, classes: 10, image: "image", label: "label")',
    'augment cutMix: cutmix(alpha: 1, classes: 10, image: "image", label: "label")'
  ])
})
