/** What the settings of a run cost, on W1: throughput with each, over that without. */
import { Workers } from "../../../src/index.ts"
import { recording } from "../../../src/testing.ts"
import { pipeline, unshuffled } from "../loads/w1.ts"
import { type Contestant, interleaved } from "../measure.ts"
import { epochs } from "../ours.ts"
import { bar, found, type Outcome, type Request, type Row, ratio } from "../Row.ts"

const FIBERS = 4
const NOTHING = 'order "plan", no digest, no recording'

const run = async ({ rounds, wants }: Request): Promise<Outcome> => {
  const workers = Workers.fibers({ workers: FIBERS })
  const settings: ReadonlyArray<readonly [key: string, one: () => Contestant]> = [
    ["order ready/order plan", () => epochs('order "ready"', pipeline, workers, { order: "ready" })],
    ["in sequence/shuffled", () => epochs("in sequence, not shuffled", unshuffled, workers)],
    ["recording/without", () => epochs("a recording policy", pipeline, workers, {}, () => recording())],
    ["digest/without", () => epochs("a digest", pipeline, workers, { digest: true })]
  ]
  const base = epochs(NOTHING, pipeline, workers)
  const wanted = settings.filter(([key]) => wants(key)).map(([key, one]) => [key, one()] as const)
  const all = await interleaved([base, ...wanted.map(([, one]) => one)], { rounds, warmup: 1 })
  return {
    charts: [
      {
        title: `Settings: W1 on ${FIBERS} fibers`,
        unit: "samples",
        bars: [base, ...wanted.map(([, one]) => one)].map(({ name }) => bar(found(all, name), true))
      }
    ],
    figures: wanted.map(([key, { name }]) => ratio(key, found(all, name), found(all, NOTHING)))
  }
}

export const costs: Row = {
  title: "What settings cost",
  keys: ["order ready/order plan", "in sequence/shuffled", "recording/without", "digest/without"],
  run
}
