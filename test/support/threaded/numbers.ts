/** A pipeline for threads: images, labels and texts, with draws before and behind the batch. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as Image from "../../../src/image/Image.ts"
import * as Pipeline from "../../../src/pipeline/Pipeline.ts"
import * as Sampler from "../../../src/sampling/Sampler.ts"
import * as Dataset from "../../../src/sources/Dataset.ts"
import * as Tensor from "../../../src/wasm/Tensor.ts"

const size = 300
const pixels = new Uint8Array(size * 64).map((_, index) => (index * 31) % 251)

const samples = Dataset.make({
  name: "numbers",
  size,
  get: (index) => ({
    image: Tensor.make(pixels.slice(index * 64, (index + 1) * 64), [8, 8, 1]),
    label: index % 10,
    text: `sample ${index}`
  })
})

export const pipeline = Pipeline.from(samples).pipe(
  Pipeline.sample(Sampler.shuffle),
  Pipeline.augment("crop", Image.randomCrop({ size: 8, padding: 2 })),
  Pipeline.filter("some", ({ label }, { index }) => label !== 3 || index > 100),
  Pipeline.map("normalize", Image.normalize({ mean: 0.5, std: 0.25 })),
  Pipeline.augmentEffect("tag", (sample, rng) => Effect.sync(() => ({ ...sample, tag: rng.integer(1000) })), {
    concurrency: 4
  }),
  Pipeline.batch(16, { dtypes: { label: "uint8" } }),
  Pipeline.augment("mixup", Image.mixup({ alpha: 0.2, classes: 10 }))
)

/** Its batches say from which level on their thread logs. */
export const levels = Pipeline.from(Dataset.range(2)).pipe(
  Pipeline.mapEffect("level", () =>
    Effect.map(FiberRef.get(FiberRef.currentMinimumLogLevel), ({ _tag }) => ({ level: _tag }))
  ),
  Pipeline.batch(2)
)

/** Its stage logs what there is to log: values, an error, a cause, annotations, spans, and what is below the level of most runs. */
export const logging = Pipeline.from(Dataset.range(9)).pipe(
  Pipeline.mapEffect("log", (n) =>
    Effect.logWarning("said", { n, list: [1n, new Date(5)] }, new RangeError("not an error")).pipe(
      Effect.zipRight(Effect.logError("failed", Cause.fail(new TypeError("why")))),
      Effect.zipRight(Effect.logDebug("quiet")),
      Effect.annotateLogs({ n, deep: { a: [n] } }),
      Effect.withLogSpan("inner"),
      Effect.withLogSpan("outer"),
      Effect.as({ n })
    )
  ),
  Pipeline.batch(1)
)
