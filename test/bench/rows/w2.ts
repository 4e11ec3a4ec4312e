/** W2, large images: one worker against a plain loop, two threads against one, and threads against as many workers of PyTorch. */
import { availableParallelism } from "node:os"
import { Workers } from "../../../src/index.ts"
import { asFile } from "../loads/pixels.ts"
import { BATCH, images, pipeline, SAMPLES } from "../loads/w2.ts"
import { type Absent, type Contestant, interleaved } from "../measure.ts"
import { epochs, standing } from "../ours.ts"
import { bar, found, type Outcome, type Request, type Row, ratio } from "../Row.ts"
import { resizeLoop } from "../rivals/resizeLoop.ts"
import { bestTorch } from "../rivals/torch.ts"

const module = new URL("../loads/w2.ts", import.meta.url)
const ONE = "Furrow, 1 fiber"
const LOOP = "plain TypeScript loop"
const threads = (count: number) => `Furrow, ${count} thread${count === 1 ? "" : "s"}`
/** The keys against PyTorch, and how many threads and workers each has: one core is left to the trainer, as one would. */
const PYTORCH = new Map([
  ["w2/pytorch", 2],
  ["w2/pytorch cores-1", availableParallelism() - 1]
])
const standingOn = (count: number) =>
  standing(
    threads(count),
    pipeline,
    Workers.threads({ workers: count, pipeline: module }),
    2 * Math.ceil(SAMPLES / BATCH)
  )

const run = async (request: Request): Promise<Outcome> => {
  const pixels = asFile(images.data)
  try {
    return await against(request, [pixels.path, String(SAMPLES), String(BATCH)])
  } finally {
    pixels.remove()
  }
}

/** `args`: what the rival in Python is started with. */
const against = async ({ rounds, wants }: Request, args: ReadonlyArray<string>): Promise<Outcome> => {
  const ours: Array<Contestant> = []
  const rivals: Array<Contestant> = []
  if (wants("w2/loop")) {
    ours.push(epochs(ONE, pipeline, Workers.fibers({ workers: 1 })))
    rivals.push({ name: LOOP, run: () => resizeLoop(images.data) })
  }
  const counts = new Set(wants("threads2/threads1") ? [1, 2] : [])
  const pytorch = new Map<string, Contestant | Absent>()
  for (const [key, count] of PYTORCH) {
    if (!wants(key)) continue
    counts.add(count)
    const own = await bestTorch("large", args, [count])
    pytorch.set(key, own)
    if ("run" in own && !rivals.some(({ name }) => name === own.name)) rivals.push(own)
  }
  ours.push(...Array.from(counts, standingOn))
  const all = await interleaved([...ours, ...rivals], { rounds, warmFor: 3_000 })
  const bars = [
    ...ours.map(({ name }) => bar(found(all, name), true)),
    ...rivals.map(({ name }) => bar(found(all, name), false)),
    ...Array.from(pytorch.values()).flatMap((own) => ("absent" in own ? [bar(own, false)] : []))
  ]
  const of = (key: string, one: string, other: string | Absent, least: number) =>
    wants(key) ? [ratio(key, found(all, one), typeof other === "string" ? found(all, other) : other, least)] : []
  return {
    charts: [
      { title: "W2: 256×256×3, random crop to 224×224 bilinear, flip, normalize to float32", unit: "samples", bars }
    ],
    figures: [
      ...of("threads2/threads1", threads(2), threads(1), 1.6),
      ...of("w2/loop", ONE, LOOP, 3.5),
      ...Array.from(pytorch).flatMap(([key, own]) =>
        of(key, threads(PYTORCH.get(key) ?? 2), "absent" in own ? own : own.name, 5)
      )
    ]
  }
}

export const w2: Row = { title: "W2, large images", keys: ["threads2/threads1", "w2/loop", ...PYTORCH.keys()], run }
