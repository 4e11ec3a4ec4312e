/** One process of n threads against n processes of one fiber each: the same pipeline, the same number of batches. */
import { availableParallelism } from "node:os"
import type { Batch, Pipeline, SeedPolicy } from "../../../src/index.ts"
import { Workers } from "../../../src/index.ts"
import * as W1 from "../loads/w1.ts"
import * as W2 from "../loads/w2.ts"
import { type Contestant, interleaved } from "../measure.ts"
import { driven } from "../ours.ts"
import { bar, type Figure, found, type Outcome, type Request, type Row, ratio } from "../Row.ts"
import { processes } from "../rivals/processes.ts"

type Plain = Pipeline.Pipeline<Batch.Batch<unknown>, unknown, SeedPolicy.SeedPolicy>

interface Load {
  readonly pipeline: Plain
  readonly module: URL
  /** Batches of each thread, or process, at a turn. */
  readonly batches: number
  readonly least: number
  readonly about: string
}

const LOADS: Readonly<Record<"w1" | "w2", Load>> = {
  w1: {
    pipeline: W1.pipeline,
    module: new URL("../loads/w1.ts", import.meta.url),
    batches: 4000,
    least: 0.75,
    about: "W1, small images"
  },
  w2: {
    pipeline: W2.pipeline,
    module: new URL("../loads/w2.ts", import.meta.url),
    batches: 64,
    least: 0.9,
    about: "W2, large images"
  }
}

const CORES = availableParallelism()

interface Case {
  readonly key: string
  readonly name: "w1" | "w2"
  readonly count: number
}

/** All cores, and where there are more of them, other numbers, too. */
const CASES: ReadonlyArray<Case> = (["w1", "w2"] as const).flatMap((name) => [
  { key: `threads/processes ${name}`, name, count: CORES },
  ...[4, 8, 15]
    .filter((count) => count < CORES)
    .map((count) => ({ key: `threads/processes ${name} ${count}`, name, count }))
])

const against = async ({ count, key, name }: Case, rounds: number): Promise<Outcome> => {
  const { about, batches, least, module, pipeline } = LOADS[name]
  const threads = Workers.threads({ workers: count, threads: count, pipeline: module })
  const ours = driven(`${count} threads`, pipeline, threads, count * batches, { prefetch: 8 })
  const theirs = processes(count, name, batches)
  const contestants: ReadonlyArray<Contestant> = [ours, theirs]
  const all = await interleaved(contestants, { rounds, warmup: 3, warmFor: 3_000 })
  return {
    charts: [
      {
        title: `${about}: ${count} threads, and as many processes`,
        unit: "samples",
        bars: [bar(found(all, ours.name), true), bar(found(all, theirs.name), false)]
      }
    ],
    figures: [ratio(key, found(all, ours.name), found(all, theirs.name), least)]
  }
}

const run = async ({ rounds, wants }: Request): Promise<Outcome> => {
  const charts: Array<Outcome["charts"][number]> = []
  const figures: Array<Figure> = []
  for (const own of CASES) {
    if (!wants(own.key)) continue
    const outcome = await against(own, rounds)
    charts.push(...outcome.charts)
    figures.push(...outcome.figures)
  }
  return { charts, figures }
}

export const threads: Row = {
  title: "Threads against processes",
  keys: CASES.map(({ key }) => key),
  run
}
