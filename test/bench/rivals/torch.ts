/** PyTorch's DataLoader at the number of workers that suits it best on this machine. */
import { availableParallelism } from "node:os"
import type { Absent, Contestant } from "../measure.ts"
import { python } from "./Python.ts"

/** PyTorch itself advises against more workers than cores. */
const COUNTS = Array.from(new Set([0, 1, 2, availableParallelism()])).filter((count) => count <= availableParallelism())

/** Tries each number of workers for an epoch, after one that does not count, and keeps the fastest. */
export const bestTorch = async (script: string, args: ReadonlyArray<string>): Promise<Contestant | Absent> => {
  let best: { readonly one: Contestant; readonly time: number } | undefined
  for (const workers of COUNTS) {
    const one = torch(script, args, workers)
    if ("absent" in one) return one
    await one.open?.()
    await one.run()
    const started = performance.now()
    await one.run()
    const time = performance.now() - started
    await one.close?.()
    if (best === undefined || time < best.time) best = { one, time }
  }
  return best?.one ?? { name: "PyTorch DataLoader", absent: "no number of workers was tried" }
}

export const torch = (script: string, args: ReadonlyArray<string>, workers: number): Contestant | Absent => {
  const name = `PyTorch DataLoader, ${workers} worker${workers === 1 ? "" : "s"}`
  return python(name, script, ["numpy", "torch"], [...args, String(workers)])
}
