/** tfjs-data as a contestant, in a process of its own. */
import type { Absent, Contestant } from "../measure.ts"
import { programArgs } from "../runtimes.ts"
import { inProcess } from "./Process.ts"

const NAME = "tfjs-data"

export const tfjs = async (): Promise<Contestant | Absent> => {
  try {
    await import("@tensorflow/tfjs-data")
  } catch (error) {
    return { name: NAME, absent: `it does not load here: ${error instanceof Error ? error.message : error}` }
  }
  return inProcess(NAME, process.execPath, programArgs(new URL("./tfjsLoop.ts", import.meta.url)))
}
