/** Pipelines for threads that decode: one of sound files, one with a file cut short. */
import * as Decode from "../../../src/image/decode/Decode.ts"
import * as Image from "../../../src/image/Image.ts"
import * as Pipeline from "../../../src/pipeline/Pipeline.ts"
import * as Sampler from "../../../src/sampling/Sampler.ts"
import * as Dataset from "../../../src/sources/Dataset.ts"
import { fileOf, picture } from "../pictures.ts"

const files = await Promise.all(
  Array.from({ length: 40 }, (_, at) => {
    const encoder = picture(40 + at, 90 - at)
    return fileOf(at % 3 === 0 ? encoder.png() : at % 3 === 1 ? encoder.webp() : encoder.jpeg())
  })
)

export const pipeline = Pipeline.from(Dataset.fromArray(files.map((photo, label) => ({ photo, label })))).pipe(
  Pipeline.sample(Sampler.shuffle),
  Pipeline.augmentEffect("crop", Decode.randomResizedCrop({ field: "photo", size: [16, 12], concurrency: 2 })),
  Pipeline.augment("flip", Image.on("photo", Image.randomHorizontalFlip({ p: 0.5 }))),
  Pipeline.batch(8)
)

export const BROKEN = 13

export const broken = Pipeline.from(
  Dataset.fromArray(files.map((file, at) => (at === BROKEN ? file.slice(0, file.length >> 1) : file)))
).pipe(Pipeline.mapEffect("decode", Decode.image({ size: 8, concurrency: 2 })), Pipeline.batch(8))
