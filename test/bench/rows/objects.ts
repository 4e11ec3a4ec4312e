/** Objects of JavaScript, in sequence: three stages of plain functions, against a loop by hand. */
import { Workers } from "../../../src/index.ts"
import { pipeline } from "../loads/objects.ts"
import { interleaved } from "../measure.ts"
import { epochs } from "../ours.ts"
import { bar, fastestOf, found, type Outcome, type Request, type Row, ratio } from "../Row.ts"
import { filterFirstLoop, objectsLoop } from "../rivals/objectsLoop.ts"

const ONE = "Furrow, 1 fiber"
const LOOP = "plain TypeScript loop"
const FILTER_FIRST = "plain TypeScript loop, filter first"

const run = async ({ rounds }: Request): Promise<Outcome> => {
  const all = await interleaved(
    [
      epochs(ONE, pipeline, Workers.fibers({ workers: 1 })),
      { name: LOOP, run: objectsLoop },
      { name: FILTER_FIRST, run: filterFirstLoop }
    ],
    { rounds, warmFor: 3_000 }
  )
  const ours = found(all, ONE)
  const loops = [found(all, LOOP), found(all, FILTER_FIRST)]
  const best = fastestOf(loops)
  return {
    charts: [
      {
        title: "Objects: 100,000 reviews in sequence, lower case, filter, two numbers, batches of 64",
        unit: "samples",
        bars: [bar(ours, true), ...loops.map((loop) => bar(loop, false))]
      }
    ],
    figures: [ratio("objects/loop", ours, best, 0.7, `against ${best.name}`)]
  }
}

export const objects: Row = { title: "Objects", keys: ["objects/loop"], run }
