/** The first command, as a user runs it: for which share of its time the model waits for data, by its own account. */
import { spawn } from "node:child_process"
import { runtime } from "../../../src/core/runtime.ts"
import { median } from "../measure.ts"
import type { Figure, Outcome, Request, Row } from "../Row.ts"
import { programArgs } from "../runtimes.ts"

/** Each takes some ten seconds. */
const ROUNDS = 3

/** Seconds of a run. */
export interface Spent {
  readonly all: number
  readonly waiting: number
}

/** What the summary of the command says of its time; `undefined` if it does not. */
export const spentOf = (summary: string): Spent | undefined => {
  const [, all, waiting] = /\btime +(\d+\.\d+) s: (\d+\.\d+) s waiting for data\b/.exec(summary) ?? []
  return all === undefined || waiting === undefined ? undefined : { all: Number(all), waiting: Number(waiting) }
}

const train = (args: ReadonlyArray<string>): Promise<Spent> =>
  new Promise((resolve, reject) => {
    const url = new URL("../../../pipelines/train.ts", import.meta.url)
    const env = { ...process.env, FURROW_SEED: "0" }
    const own = spawn(process.execPath, [...programArgs(url), "--json", ...args], { env })
    let told = ""
    own.stderr.on("data", (bytes: Uint8Array) => {
      told += String(bytes)
    })
    own.on("error", reject)
    own.on("close", (code) => {
      const spent = spentOf(told)
      if (code === 0 && spent !== undefined) resolve(spent)
      else reject(new Error(`the command ended with ${code}: ${told.trim().split("\n").at(-1)}`))
    })
  })

const run = async ({ rounds, wants }: Request): Promise<Outcome> => {
  const [auto, fibers]: [Array<Spent>, Array<Spent>] = [[], []]
  const count = Math.min(rounds, ROUNDS)
  for (let round = 0; round < count; round++) {
    auto.push(await train([]))
    if (wants("train time auto/fibers")) fibers.push(await train(["--backend", "fibers"]))
  }
  const seconds = median(auto.map(({ all }) => all))
  const figures: Array<Figure> = [
    {
      key: "train wait",
      value: median(auto.map(({ all, waiting }) => waiting / all)),
      unit: "ratio",
      goal: { most: 0.05 },
      note: `of ${seconds.toFixed(1)} s, the median of ${count} runs on ${runtime.name}`
    }
  ]
  if (fibers.length > 0) {
    const theirs = median(fibers.map(({ all }) => all))
    const note = `${seconds.toFixed(1)} s against ${theirs.toFixed(1)} s with --backend fibers`
    figures.push({ key: "train time auto/fibers", value: seconds / theirs, unit: "ratio", goal: { most: 1 }, note })
  }
  return { charts: [], figures }
}

export const firstCommand: Row = { title: "The first command", keys: ["train wait", "train time auto/fibers"], run }
