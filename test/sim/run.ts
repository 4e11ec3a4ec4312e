/**
 * `bun run test:simulate`: plays random cases in a simulated world, and holds each batch against a plain loop; and a fifth as
 * many sinks, whose shards it holds against another one.
 *
 *   --cases N     how many, default 500
 *   --seed S      what they are drawn from; a fresh one when it is left out, and printed
 *   --case JSON   this one case and no other: what a failure prints
 *
 * Exit 0 when all promises held, 1 when one was broken, 2 on misuse.
 */
import { parseArgs } from "node:util"
import { runtime } from "../../src/core/runtime.ts"
import type { Case } from "./Case.ts"
import { play, playSinks } from "./play.ts"
import { type SinkCase, simulateSink } from "./Sinks.ts"
import { simulate } from "./simulate.ts"

class Misuse extends Error {}

const options = () => {
  try {
    return parseArgs({
      options: { cases: { type: "string", default: "500" }, seed: { type: "string" }, case: { type: "string" } }
    }).values
  } catch (error) {
    throw new Misuse((error instanceof Error ? error.message : String(error)).split("\n")[0])
  }
}

const number = (name: string, text: string, most: number): number => {
  if (/^\d+$/.test(text) && Number(text) <= most) return Number(text)
  throw new Misuse(`--${name} must be a whole number up to ${most}, got ${JSON.stringify(text)}`)
}

const main = (): number => {
  const { case: only, cases: count, seed: text } = options()
  if (only !== undefined) {
    // What a failure printed.
    const own = JSON.parse(only) as Case | SinkCase
    try {
      console.log(JSON.stringify("cut" in own ? simulateSink(own) : simulate(own), null, 2))
      return 0
    } catch (error) {
      console.error(error instanceof Error ? error.stack : error)
      return 1
    }
  }
  const numRuns = number("cases", count, 10_000_000)
  const seed = text === undefined ? Date.now() % 2 ** 31 : number("seed", text, 2 ** 31 - 1)
  console.log(`${numRuns} cases of seed ${seed}, on ${runtime.name} ${runtime.version}`)
  const began = performance.now()
  const { broken: lost, ends, figures } = play(numRuns, seed)
  const { broken = lost, starts } =
    lost === undefined ? playSinks(Math.ceil(numRuns / 5), seed) : { broken: lost, starts: 0 }
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  if (broken !== undefined) {
    console.error(broken)
    return 1
  }
  const ended = Array.from(ends, ([end, times]) => `${end} ${times}`)
    .toSorted()
    .join(", ")
  console.log(
    `all held in ${seconds} s: ${figures.batches} batches, ${figures.legs} legs, ${figures.events} events; ranks that were ${ended}; ${starts} starts of sinks`
  )
  return 0
}

try {
  process.exitCode = main()
} catch (error) {
  if (!(error instanceof Misuse)) throw error
  console.error(error.message)
  process.exitCode = 2
}
