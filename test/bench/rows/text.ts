/** Tokenised text: rows of different lengths, padded. */
import { Workers } from "../../../src/index.ts"
import { pipeline } from "../loads/text.ts"
import { interleaved } from "../measure.ts"
import { epochs } from "../ours.ts"
import { bar, found, type Outcome, type Request, type Row, ratio } from "../Row.ts"
import { textLoop } from "../rivals/textLoop.ts"

const ONE = "Furrow, 1 fiber"
const LOOP = "plain TypeScript loop"

const run = async ({ rounds }: Request): Promise<Outcome> => {
  const all = await interleaved(
    [epochs(ONE, pipeline, Workers.fibers({ workers: 1 })), { name: LOOP, run: textLoop }],
    {
      rounds,
      warmFor: 3_000
    }
  )
  const ours = found(all, ONE)
  const loop = found(all, LOOP)
  return {
    charts: [
      {
        title: "Text: rows of 32 to 512 tokens, shuffle, pad to 512, batches of 64",
        unit: "samples",
        bars: [bar(ours, true), bar(loop, false)]
      }
    ],
    figures: [ratio("text/loop", ours, loop, 0.95)]
  }
}

export const text: Row = { title: "Text", keys: ["text/loop"], run }
