/** PyTorch's DataLoader, with transforms by hand and by torchvision, at the number of workers that suits it best. */
import { availableParallelism } from "node:os"
import type { Absent, Contestant } from "../measure.ts"
import { python } from "./Python.ts"

/** PyTorch itself advises against more workers than cores. */
const COUNTS = Array.from(new Set([0, 2, 8, availableParallelism()])).filter((count) => count <= availableParallelism())

export type Load = "small" | "large"

/** The fastest of both kinds of transforms and of these numbers of workers. */
export const bestTorch = async (
  load: Load,
  args: ReadonlyArray<string>,
  counts: ReadonlyArray<number> = COUNTS
): Promise<Contestant | Absent> => {
  const byHand = counts.map((workers) => torch(load, args, workers))
  const byTorchvision = counts.map((workers) => torchvision(load, args, workers))
  // torchvision is a second form of the same rival: without it the first stands for both.
  return (await fastest([...byHand, ...byTorchvision])) ?? byHand[0] ?? ABSENT
}

const ABSENT: Absent = { name: "PyTorch DataLoader", absent: "no number of workers was tried" }

/** Has each that can run do an epoch, after one that does not count. */
const fastest = async (forms: ReadonlyArray<Contestant | Absent>): Promise<Contestant | undefined> => {
  let best: { readonly one: Contestant; readonly time: number } | undefined
  for (const one of forms) {
    if ("absent" in one) continue
    await one.open?.()
    await one.run()
    const started = performance.now()
    await one.run()
    const time = performance.now() - started
    await one.close?.()
    if (best === undefined || time < best.time) best = { one, time }
  }
  return best?.one
}

const workersOf = (count: number) => `${count} worker${count === 1 ? "" : "s"}`

const torch = (load: Load, args: ReadonlyArray<string>, workers: number): Contestant | Absent =>
  python(
    `PyTorch DataLoader, ${workersOf(workers)}`,
    `torch_${load}.py`,
    ["numpy", "torch"],
    [...args, String(workers)]
  )

const torchvision = (load: Load, args: ReadonlyArray<string>, workers: number): Contestant | Absent =>
  python(`PyTorch DataLoader and torchvision, ${workersOf(workers)}`, `torchvision_${load}.py`, TORCHVISION, [
    ...args,
    String(workers)
  ])

const TORCHVISION = ["numpy", "torch", "torchvision"]
