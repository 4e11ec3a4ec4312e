/**
 * Objects of JavaScript, in sequence: three stages of plain functions, against a loop by hand. Each contestant has a process of
 * its own, and they take turns: nobody runs both in one process, and there each works in the heap that the other has left.
 */
import { interleaved } from "../measure.ts"
import { bar, fastestOf, found, type Outcome, type Request, type Row, ratio } from "../Row.ts"
import { inProcess } from "../rivals/Process.ts"
import { programArgs } from "../runtimes.ts"

const ONE = "Furrow, 1 fiber"
const LOOP = "plain TypeScript loop"
const FILTER_FIRST = "plain TypeScript loop, filter first"

const program = programArgs(new URL("../probes/objects.ts", import.meta.url))
const contestant = (name: string, which: string) => inProcess(name, process.execPath, [...program, which])

const run = async ({ rounds }: Request): Promise<Outcome> => {
  const all = await interleaved(
    [contestant(ONE, "ours"), contestant(LOOP, "loop"), contestant(FILTER_FIRST, "filterFirst")],
    { rounds }
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
