/**
 * `bun run test:network`: runs whose runners are killed, cut off, slowed down and started again on a simulated network
 * deliver what a run on fibers delivers. The loader, its pool and the runners' sessions are the real ones.
 *
 *   --kills N     how many kills in all; default 1000
 *   --seed S      the number of the first case; a fresh one when it is left out, and printed
 *   --case S      this one case and no other, 20 times, as who comes first differs: what a failure prints
 *
 * Exit 0 when all promises held, 1 when one was broken.
 */
import { parseArgs } from "node:util"
import { runtime } from "../../../src/core/runtime.ts"
import { draw } from "./Case.ts"
import { play } from "./play.ts"
import { simulate } from "./simulate.ts"

const { values } = parseArgs({
  options: { kills: { type: "string", default: "1000" }, seed: { type: "string" }, case: { type: "string" } }
})

const number = (name: string, text: string): number => {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  console.error(`--${name} must be a whole number below 10^9, got ${JSON.stringify(text)}`)
  process.exit(2)
}

if (values.case !== undefined) {
  const seed = number("case", values.case)
  console.log(JSON.stringify(draw(seed), null, 2))
  for (let round = 0; round < 20; round++) console.log(JSON.stringify(await play(seed)))
  process.exit(0)
}
const kills = number("kills", values.kills)
const seed = values.seed === undefined ? Date.now() % 10 ** 8 : number("seed", values.seed)
console.log(`${kills} kills, from case ${seed} on, on ${runtime.name} ${runtime.version}`)
const began = performance.now()
const { broken, ...counts } = await simulate(kills, seed)
console.log(JSON.stringify({ ...counts, seconds: Number(((performance.now() - began) / 1000).toFixed(1)) }))
if (broken !== undefined) console.error(broken)
process.exit(broken === undefined ? 0 : 1)
