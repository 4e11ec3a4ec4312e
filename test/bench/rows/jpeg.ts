/** JPEGs of 500×375, decoded to 224×224. */
import { Dataset, Decode, Pipeline, Sampler, Workers } from "../../../src/index.ts"
import { jpegs, SIZE } from "../loads/jpeg.ts"
import { interleaved } from "../measure.ts"
import { epochs } from "../ours.ts"
import { bar, type Figure, found, type Outcome, type Request, type Row, ratio } from "../Row.ts"
import { bareSharp, loaded } from "../rivals/sharp.ts"

const CONCURRENCY = 4
const ONE = "Furrow, Decode.image"
/**
 * While the last images of one's batch are decoded, the other one is at the next. `Decode` has no more than its
 * `concurrency` at once, of all workers.
 */
const WORKERS = 2
const BARE = "sharp alone"

const run = async ({ rounds }: Request): Promise<Outcome> => {
  const own = await loaded()
  if ("absent" in own) {
    const none: Figure = { key: "jpeg/sharp", value: null, unit: "ratio", goal: { least: 0.95 }, note: own.absent }
    return { charts: [], figures: [none] }
  }
  const { sharp } = own
  const files = await jpegs(sharp)
  const pipeline = Pipeline.from(Dataset.fromArray(files)).pipe(
    Pipeline.sample(Sampler.shuffle),
    // Blended as sharp does when it is not told otherwise.
    Pipeline.mapEffect("decode", Decode.image({ size: SIZE, concurrency: CONCURRENCY, interpolation: "lanczos" }), {
      concurrency: CONCURRENCY
    }),
    Pipeline.batch(32)
  )
  const all = await interleaved(
    [
      epochs(ONE, pipeline, Workers.fibers({ workers: WORKERS })),
      { name: BARE, run: () => bareSharp(sharp, files, SIZE, CONCURRENCY) }
    ],
    { rounds, warmup: 1 }
  )
  return {
    charts: [
      {
        title: `JPEG: 500×375 to 224×224, ${CONCURRENCY} at once, batches of 32`,
        unit: "samples",
        bars: [bar(found(all, ONE), true), bar(found(all, BARE), false)]
      }
    ],
    figures: [ratio("jpeg/sharp", found(all, ONE), found(all, BARE), 0.95)]
  }
}

export const jpeg: Row = { title: "JPEG", keys: ["jpeg/sharp"], run }
