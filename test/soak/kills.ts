/**
 * `bun run test:kills`: a run that is killed again and again, at moments that nobody chose, ends as one that nobody
 * disturbed. Real processes, a real disk, SIGKILL.
 *
 *   --kills N               how many, on fibers and on threads each; default 50
 *
 * Exit 0 when all digests are equal, 1 when one is not.
 */
import { mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { runtime } from "../../src/core/runtime.ts"
import { start } from "../support/process.ts"

const { values } = parseArgs({ options: { kills: { type: "string", default: "50" } } })
const wanted = Number(values.kills)
/** Loads and digests, and trains nothing: the more of its life a run spends with batches and checkpoints. */
const RUN = ["--no-train", "--json", "--epochs", "40", "--limit", "20000", "--seed", "soak", "--policy", "elastic"]
/** Every other kill comes at any moment from the start on, the others so long after a life's first checkpoint. */
const LATEST_MS = 3000
const BEHIND_MS = 200

const digestOf = async (args: ReadonlyArray<string>): Promise<string> => {
  const { code, stderr, stdout } = await start("train.ts", args).ended
  if (code !== 0) throw new Error(`it ended with ${code}: ${stderr}`)
  const { digest, samples } = JSON.parse(stdout.trim().split("\n").at(-1) ?? "")
  return `${digest} after ${samples} samples`
}

/** The number of the newest checkpoint. */
const kept = (directory: string): number =>
  Math.max(0, ...readdirSync(directory).map((name) => Number(/^checkpoint-(\d+)\.furrow$/.exec(name)?.[1] ?? 0)))

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

const untouched = await digestOf(RUN)
console.log(`${runtime.name} ${runtime.version}, untouched: ${untouched}`)
let differing = 0
for (const backend of ["fibers", "threads"]) {
  let kills = 0
  let runs = 0
  /** Kills of lives that had kept a checkpoint. */
  let behind = 0
  const delays: Array<number> = []
  while (kills < wanted) {
    const directory = mkdtempSync(join(tmpdir(), "furrow-kills-"))
    const args = [...RUN, "--backend", backend, "--workers", "2", "--checkpoint", directory, "--every", "7"]
    let newest = 0
    for (;;) {
      if (kills === wanted) break
      const run = start("train.ts", args)
      const anywhere = kills % 2 === 0
      while (!anywhere && kept(directory) === newest && run.child.exitCode === null) await pause(5)
      delays.push(Math.round(Math.random() * (anywhere ? LATEST_MS : BEHIND_MS)))
      await Promise.race([pause(delays.at(-1) ?? 0), run.ended])
      if (run.child.exitCode !== null) break
      run.child.kill("SIGKILL")
      await run.ended
      kills++
      const now = kept(directory)
      if (now > newest) behind++
      newest = now
    }
    const digest = await digestOf(args)
    runs++
    if (digest !== untouched) {
      differing++
      console.error(`${backend}: ${digest}, after lives of ${delays.join(", ")} ms`)
    }
    rmSync(directory, { recursive: true, force: true })
  }
  console.log(
    `${backend}: ${kills} kills over ${runs} runs, ${behind} of them in lives that had kept a checkpoint; ${differing} runs with another digest`
  )
}
process.exitCode = differing === 0 ? 0 : 1
