/**
 * Shards: JSON Lines against a loop by hand, and what an order with locality costs. Each contestant has a process of its own: the
 * time of a collection goes by all that is in use, also by what another contestant has left.
 */
import { Workers } from "../../../src/index.ts"
import { jsonlShards } from "../loads/jsonl.ts"
import { pipeline } from "../loads/zstd.ts"
import { type Contestant, interleaved } from "../measure.ts"
import { driven } from "../ours.ts"
import { bar, fastestOf, found, type Outcome, type Request, type Row, ratio } from "../Row.ts"
import { inProcess } from "../rivals/Process.ts"
import { programArgs } from "../runtimes.ts"

const ONE = "Furrow, in sequence, 1 fiber"
const BLOCKS = "Furrow, shuffled by blocks, 1 fiber"
const LOOP = "plain TypeScript loop, line by line"
const SPLIT = "plain TypeScript loop, a split a piece"

const program = programArgs(new URL("../probes/jsonl.ts", import.meta.url))
const contestant = (name: string, which: string) => inProcess(name, process.execPath, [...program, which])

const run = async ({ rounds, wants }: Request): Promise<Outcome> => {
  jsonlShards()
  const all = await interleaved(
    [
      contestant(ONE, "sequential"),
      ...(wants("blocks/sequential") ? [contestant(BLOCKS, "blocks")] : []),
      ...(wants("jsonl/loop") ? [contestant(LOOP, "loop"), contestant(SPLIT, "split")] : [])
    ],
    { rounds }
  )
  const ours = found(all, ONE)
  const blocks = wants("blocks/sequential") ? [found(all, BLOCKS)] : []
  const loops = wants("jsonl/loop") ? [found(all, LOOP), found(all, SPLIT)] : []
  const [first] = loops
  const best = first === undefined ? undefined : fastestOf(loops)
  return {
    charts: [
      {
        title: "JSON Lines: 100,000 reviews of some 300 bytes in 4 shards, batches of 256 rows",
        unit: "rows",
        bars: [bar(ours, true), ...blocks.map((own) => bar(own, true)), ...loops.map((own) => bar(own, false))]
      }
    ],
    figures: [
      ...(best === undefined ? [] : [ratio("jsonl/loop", ours, best, 0.85, `against ${best.name}`)]),
      ...blocks.map((own) => ratio("blocks/sequential", own, ours, 0.8))
    ]
  }
}

export const shards: Row = { title: "Shards", keys: ["jsonl/loop", "blocks/sequential"], run }

const THREADS = "threads zstd jsonl"

const onThreads = async ({ rounds }: Request): Promise<Outcome> => {
  const own = await pipeline()
  const module = new URL("../loads/zstd.ts", import.meta.url)
  const contestant = (threads: number): Contestant =>
    driven(
      `${threads} ${threads === 1 ? "thread" : "threads"}`,
      own,
      Workers.threads({ workers: threads, threads, pipeline: module }),
      400
    )
  const [one, two] = [contestant(1), contestant(2)]
  const all = await interleaved([two, one], { rounds, warmup: 3, warmFor: 3_000 })
  return {
    charts: [
      {
        title: "JSON Lines compressed by zstd, shuffled by blocks, four numbers of each row in batches of 256",
        unit: "rows",
        bars: [bar(found(all, two.name), true), bar(found(all, one.name), true)]
      }
    ],
    figures: [ratio(THREADS, found(all, two.name), found(all, one.name), 1.6)]
  }
}

export const sharedShards: Row = { title: "Shards on threads", keys: [THREADS], run: onThreads }
