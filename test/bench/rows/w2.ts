/** W2, large images: one worker against a plain loop, two threads against one, and against PyTorch's two workers. */
import { Workers } from "../../../src/index.ts"
import { asFile } from "../loads/pixels.ts"
import { BATCH, images, pipeline, SAMPLES } from "../loads/w2.ts"
import { type Absent, type Contestant, interleaved } from "../measure.ts"
import { epochs, standing } from "../ours.ts"
import { bar, found, type Outcome, type Request, type Row, ratio } from "../Row.ts"
import { resizeLoop } from "../rivals/resizeLoop.ts"
import { torch } from "../rivals/torch.ts"

const module = new URL("../loads/w2.ts", import.meta.url)
const ONE = "Furrow, 1 fiber"
const LOOP = "plain TypeScript loop"
const threads = (count: number) => `Furrow, ${count} thread${count === 1 ? "" : "s"}`
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
  if (wants("threads2/threads1")) ours.push(standingOn(1))
  if (wants("threads2/threads1") || wants("w2/pytorch")) ours.push(standingOn(2))
  let pytorch: Contestant | Absent | undefined
  if (wants("w2/pytorch")) {
    pytorch = torch("torch_large.py", args, 2)
    if ("run" in pytorch) rivals.push(pytorch)
  }
  const all = await interleaved([...ours, ...rivals], { rounds, warmFor: 3_000 })
  const bars = [
    ...ours.map(({ name }) => bar(found(all, name), true)),
    ...rivals.map(({ name }) => bar(found(all, name), false)),
    ...(pytorch !== undefined && "absent" in pytorch ? [bar(pytorch, false)] : [])
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
      ...(pytorch === undefined ? [] : of("w2/pytorch", threads(2), "absent" in pytorch ? pytorch : pytorch.name, 5))
    ]
  }
}

export const w2: Row = { title: "W2, large images", keys: ["threads2/threads1", "w2/loop", "w2/pytorch"], run }
