/** WebDataset's tars: from files to batches of photos, classes and descriptions, in order. */
import { Workers } from "../../../src/index.ts"
import { open, SAMPLES, SHARDS, shards } from "../loads/tar.ts"
import { interleaved } from "../measure.ts"
import { epochs } from "../ours.ts"
import { bar, fastestOf, found, type Outcome, type Request, type Row, ratio } from "../Row.ts"
import { stretchLoop, wholeLoop } from "../rivals/tarLoop.ts"

const FIBERS = 4
const OURS = `Furrow, ${FIBERS} fibers`
const ONE = "Furrow, 1 fiber"
const WHOLE = "plain TypeScript loop, shards read whole"
const STRETCH = "plain TypeScript loop, 1 MB at a time"

const run = async ({ rounds }: Request): Promise<Outcome> => {
  const { paths, remove } = shards()
  try {
    const pipeline = await open(paths)
    const all = await interleaved(
      [
        epochs(OURS, pipeline, Workers.fibers({ workers: FIBERS })),
        epochs(ONE, pipeline, Workers.fibers({ workers: 1 })),
        { name: WHOLE, run: () => wholeLoop(paths) },
        { name: STRETCH, run: () => stretchLoop(paths) }
      ],
      { rounds, warmFor: 3_000 }
    )
    const ours = found(all, OURS)
    const loop = fastestOf([found(all, WHOLE), found(all, STRETCH)])
    return {
      charts: [
        {
          title: `Tars: ${SAMPLES} photos of 5 to 40 KB, ${SHARDS} shards, batches of 64`,
          unit: "samples",
          bars: [
            bar(ours, true),
            bar(found(all, ONE), true),
            bar(found(all, WHOLE), false),
            bar(found(all, STRETCH), false)
          ]
        }
      ],
      figures: [ratio("tar/loop", ours, loop, 0.85)]
    }
  } finally {
    remove()
  }
}

export const tar: Row = { title: "Tars", keys: ["tar/loop"], run }
