/**
 * An audit's findings in words.
 */
import type { SeedAudit } from "../../src/index.ts"

const signed = (name: string, by: number): string => (by === 0 ? name : `${name} ${by > 0 ? "+" : "−"} ${Math.abs(by)}`)

/** Such as `worker − 1 of epoch + 1 draws what a worker draws (6 of 6 such pairs)`. */
export const pattern = ({ epoch, met, pairs, rank, run, worker }: SeedAudit.Pattern): string => {
  const apart = [
    ...(run === 0 ? [] : [signed("run", run)]),
    ...(epoch === 0 ? [] : [signed("epoch", epoch)]),
    ...(rank === 0 ? [] : [signed("rank", rank)]),
    ...(worker === 0 ? [] : [signed("worker", worker)])
  ]
  const where = apart.length === 0 ? "itself" : `that of ${apart.join(", ")}`
  return `a worker's stream is ${where}: ${met} of ${pairs} such pairs`
}

/** The odds of chance where seeds are squeezed, such as `odds of 1 in 15,252,014 …`. */
export const odds = ({ odds, streams }: SeedAudit.RunReport): string | undefined => {
  if (odds === undefined) return undefined
  const { bits, probability } = odds
  const chance = probability === 0 ? "none" : `1 in ${Math.round(1 / probability).toLocaleString("en")}`
  return `seeds have ${bits} bits: for ${streams} streams the odds that two are one are ${chance}`
}

/** A place as one line. */
export const place = (
  seed: string,
  { epoch, rank, scope, stage, worker, world, ordinal }: SeedAudit.Repeat["coordinates"][0]
) =>
  `run ${seed}, epoch ${epoch}${world > 1 ? `, rank ${rank}` : ""}${
    scope === "epoch"
      ? ", order"
      : `, worker ${worker}, stage ${stage.name}${ordinal > 0 ? `, ordinal ${ordinal}` : ""}`
  }`

/** One repeat as one line. */
export const repeat = (seeds: ReadonlyArray<string>, { coordinates, kind, runs, shift }: SeedAudit.Repeat): string => {
  const [first, second] = coordinates
  const a = place(seeds[runs[0]] ?? "", first)
  const b = place(seeds[runs[1]] ?? "", second)
  if (kind === "shifted") return `${b} starts where ${a} stands after ${shift} words`
  return `${b} ${kind === "state" ? "starts from the state of" : "draws the numbers of"} ${a}`
}
