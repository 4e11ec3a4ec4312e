/** W1, small images: the whole loader against the bare kernel, a plain loop, tfjs-data, PyTorch and NumPy. */
import { availableParallelism } from "node:os"
import { Workers } from "../../../src/index.ts"
import { asFile } from "../loads/pixels.ts"
import { BATCH, images, labels, ordinary, pipeline, SAMPLES } from "../loads/w1.ts"
import { type Absent, type Contestant, interleaved } from "../measure.ts"
import { epochs, standing } from "../ours.ts"
import { bar, fastestOf, found, type Outcome, type Request, type Row, ratio } from "../Row.ts"
import { bareKernel, kernelLoop } from "../rivals/kernel.ts"
import { trainLoop } from "../rivals/loop.ts"
import { python } from "../rivals/Python.ts"
import { tfjs } from "../rivals/tfjs.ts"
import { bestTorch } from "../rivals/torch.ts"

const ONE = "Furrow, 1 fiber"
const ONE_THREAD = "Furrow, 1 thread"
/** Small batches are made in no time: so far ahead no thread waits for the other one's turn. */
const AHEAD = { prefetch: 8 }
const module = new URL("../loads/w1.ts", import.meta.url)
/** Batches a turn: as long as several epochs, as the first of them find threads that have slept. */
const TURN = 4 * Math.ceil(SAMPLES / BATCH)
const threads = (count: number) => Workers.threads({ workers: count, pipeline: module })

const run = async (request: Request): Promise<Outcome> => {
  const pixels = asFile(images.data)
  try {
    return await against(request, [pixels.path, String(SAMPLES), String(BATCH)])
  } finally {
    pixels.remove()
  }
}

/** `args`: what the rivals in Python are started with. */
const against = async ({ rounds, wants }: Request, args: ReadonlyArray<string>): Promise<Outcome> => {
  const several = ["loader/loop", "loader/pytorch", "loader/tfjs", "loader/numpy"].some(wants)
  const ours: Array<Contestant> = [
    epochs(ONE, pipeline, Workers.fibers({ workers: 1 })),
    standing(ONE_THREAD, pipeline, threads(1), TURN, AHEAD)
  ]
  if (several) {
    ours.push(
      epochs("Furrow, 2 fibers", pipeline, Workers.fibers({ workers: 2 })),
      ...[2, 4, 8]
        .filter((count) => count === 2 || count < availableParallelism())
        .map((count) => standing(`Furrow, ${count} threads`, pipeline, threads(count), TURN, AHEAD)),
      epochs("Furrow, 2 fibers, nothing set", ordinary(), Workers.fibers({ workers: 2 }))
    )
  }
  const rivals = new Map<string, Contestant | Absent>()
  if (wants("loader/kernel")) rivals.set("loader/kernel", bareKernel())
  if (wants("loader/kernel loop")) rivals.set("loader/kernel loop", kernelLoop())
  if (wants("loader/loop")) {
    const loop = () => trainLoop(images.data, labels, SAMPLES, BATCH)
    rivals.set("loader/loop", { name: "plain TypeScript loop", run: loop })
  }
  if (wants("loader/pytorch")) rivals.set("loader/pytorch", await bestTorch("small", args))
  if (wants("loader/tfjs")) rivals.set("loader/tfjs", await tfjs())
  if (wants("loader/numpy")) {
    rivals.set("loader/numpy", python("NumPy, whole batches", "numpy_small.py", ["numpy"], args))
  }
  const there = Array.from(rivals.values()).filter((rival) => "run" in rival)
  const all = await interleaved([...ours, ...there], { rounds, warmFor: 3_000 })
  const rival = (key: string) => {
    const own = rivals.get(key)
    return own === undefined || "absent" in own ? own : found(all, own.name)
  }
  const best = fastestOf(ours.map(({ name }) => found(all, name)))
  const one = fastestOf([ONE, ONE_THREAD].map((name) => found(all, name)))
  const of = (key: string, one: typeof best, least?: number) =>
    wants(key) ? [ratio(key, one, rival(key), least, `${one.name}, against ${rivals.get(key)?.name}`)] : []
  return {
    charts: [
      {
        title: "W1: 60,000 images 28×28, shuffle, crop, flip, normalize to float32, batches of 128",
        unit: "samples",
        bars: [
          ...ours.map(({ name }) => bar(found(all, name), true)),
          ...Array.from(rivals.values(), (one) => bar("absent" in one ? one : found(all, one.name), false))
        ]
      }
    ],
    figures: [
      ...of("loader/kernel", one, 0.8),
      ...of("loader/kernel loop", one),
      ...of("loader/loop", best, 3),
      ...of("loader/pytorch", best, 40),
      ...of("loader/tfjs", best, 35),
      ...of("loader/numpy", best)
    ]
  }
}

export const w1: Row = {
  title: "W1, small images",
  keys: ["loader/kernel", "loader/kernel loop", "loader/loop", "loader/pytorch", "loader/tfjs", "loader/numpy"],
  run
}
