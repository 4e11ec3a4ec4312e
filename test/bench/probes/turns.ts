/** What a program of one contestant does; `inProcess` starts it. */
import { createInterface } from "node:readline"

/** An engine compiles Furrow and Effect for up to 6 s, where it has a core for that; a plain loop is done after 1 s. */
const WARM_MS = 6_000

/**
 * Runs the contestant of the name that the program was given until it is warm, says so in a line, and then answers each line with
 * the number of samples that it has taken through some epochs.
 */
export const takeTurns = async (
  contestants: Readonly<Record<string, () => number | Promise<number>>>,
  /** At each turn, so that the way of a line to another process and back counts for nothing. */
  epochs: number
): Promise<void> => {
  const name = process.argv[2] ?? ""
  const run = contestants[name]
  if (run === undefined) throw new Error(`"${name}" is not one of ${Object.keys(contestants).join(", ")}`)
  for (const began = performance.now(); performance.now() - began < WARM_MS; ) await run()
  console.log("{}")
  for await (const _ of createInterface({ input: process.stdin })) {
    let units = 0
    for (let turn = 0; turn < epochs; turn++) units += await run()
    console.log(JSON.stringify({ units }))
  }
}
