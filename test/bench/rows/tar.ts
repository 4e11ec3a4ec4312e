/**
 * WebDataset's tars: from files to batches of photos, classes and descriptions, in order. Each contestant has a process of its
 * own, as those of JSON Lines have.
 */
import { SAMPLES, SHARDS, shards } from "../loads/tar.ts"
import { interleaved } from "../measure.ts"
import { bar, fastestOf, found, type Outcome, type Request, type Row, ratio } from "../Row.ts"
import { inProcess } from "../rivals/Process.ts"
import { programArgs } from "../runtimes.ts"

const FIBERS = 4
const OURS = `Furrow, ${FIBERS} fibers`
const ONE = "Furrow, 1 fiber"
const WHOLE = "plain TypeScript loop, shards read whole"
const STRETCH = "plain TypeScript loop, 1 MB at a time"

const program = programArgs(new URL("../probes/tar.ts", import.meta.url))

const run = async ({ rounds }: Request): Promise<Outcome> => {
  const { folder, remove } = shards()
  const contestant = (name: string, which: string) => inProcess(name, process.execPath, [...program, which, folder])
  try {
    const all = await interleaved(
      [contestant(OURS, "four"), contestant(ONE, "one"), contestant(WHOLE, "whole"), contestant(STRETCH, "stretch")],
      { rounds }
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
