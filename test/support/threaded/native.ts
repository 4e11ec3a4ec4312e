/** Pipelines that keep a native library at work: large images, decoded by Furrow and by a stage of the program's own. */
import * as Effect from "effect/Effect"
import sharp from "sharp"
import * as Decode from "../../../src/image/decode/Decode.ts"
import * as Pipeline from "../../../src/pipeline/Pipeline.ts"
import * as Dataset from "../../../src/sources/Dataset.ts"

const noise = { type: "gaussian", mean: 128, sigma: 50 } as const
const file = new Uint8Array(
  await sharp({ create: { width: 1600, height: 1600, channels: 3, background: "#123", noise } })
    .png({ compressionLevel: 1 })
    .toBuffer()
)

const files = Pipeline.from(Dataset.range(4000)).pipe(Pipeline.map("file", () => file))

export const decoded = files.pipe(
  Pipeline.mapEffect("decode", Decode.image({ size: 8, concurrency: 4 })),
  Pipeline.batch(4)
)

export const own = files.pipe(
  Pipeline.mapEffect(
    "decode",
    (bytes) =>
      Effect.map(
        Effect.promise(() => sharp(bytes).resize(8, 8).raw().toBuffer()),
        (pixels) => pixels[0] ?? 0
      ),
    { concurrency: 4 }
  ),
  Pipeline.batch(4)
)
