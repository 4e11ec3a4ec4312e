/** Plays cases one after the other until there were as many kills as are wanted, or a promise is broken. */
import type { Kind } from "./Case.ts"
import { play } from "./play.ts"

export interface Simulated {
  kills: number
  cases: number
  batches: number
  /** Attempts after the first. */
  replaced: number
  happened: Partial<Record<Kind, number>>
  /** What was broken, and the command that tries it again. */
  broken: string | undefined
}

export const simulate = async (kills: number, seed: number): Promise<Simulated> => {
  const all: Simulated = { kills: 0, cases: 0, batches: 0, replaced: 0, happened: {}, broken: undefined }
  while (all.kills < kills) {
    const own = seed + all.cases++
    try {
      const { batches, happened, kills: died, replaced } = await play(own)
      all.kills += died
      all.batches += batches
      all.replaced += replaced
      for (const [kind, times] of Object.entries(happened) as Array<[Kind, number]>) // the keys of a record of kinds
        all.happened[kind] = (all.happened[kind] ?? 0) + times
    } catch (error) {
      const what = error instanceof Error ? error.message : String(error)
      all.broken = `case ${own}: ${what}\nagain: bun run test:network --case ${own}`
      return all
    }
  }
  return all
}
