/**
 * Plays random cases; the first that breaks a promise is made as small as it goes, with the command that plays it again.
 */
import fc from "fast-check"
import { type Case, cases } from "./Case.ts"
import { type SinkCase, simulateSink, sinkCases } from "./Sinks.ts"
import { simulate } from "./simulate.ts"

export interface Played {
  /** What was broken and how to see it again; `undefined` when all held. */
  readonly broken: string | undefined
  readonly figures: { readonly batches: number; readonly legs: number; readonly events: number }
  /** How ranks ended, and how often. */
  readonly ends: ReadonlyMap<string, number>
}

/** A quote of the shell's cannot stand in a case. */
const replayOf = (own: Case | SinkCase): string => `bun run test:simulate --case '${JSON.stringify(own)}'`

const told = (error: unknown): string => (error instanceof Error ? `${error.name}: ${error.message}` : String(error))

export const play = (numRuns: number, seed: number): Played => {
  const figures = { batches: 0, legs: 0, events: 0 }
  const ends = new Map<string, number>()
  const one = (own: Case): void => {
    const report = simulate(own)
    figures.batches += report.batches
    figures.legs += report.legs
    figures.events += report.events
    for (const end of report.ends) ends.set(end, (ends.get(end) ?? 0) + 1)
  }
  const outcome = fc.check(fc.property(cases, one), { numRuns, seed })
  return { broken: brokenBy(outcome, seed), figures, ends }
}

/** Plays random sinks; gives what was broken, and how often a writer was started. */
export const playSinks = (
  numRuns: number,
  seed: number
): { readonly broken: string | undefined; readonly starts: number } => {
  let starts = 0
  const one = (own: SinkCase): void => {
    starts += simulateSink(own)
  }
  return { broken: brokenBy(fc.check(fc.property(sinkCases, one), { numRuns, seed }), seed), starts }
}

const brokenBy = <C extends Case | SinkCase>(outcome: fc.RunDetails<[own: C]>, seed: number): string | undefined => {
  if (!outcome.failed) return undefined
  const own = outcome.counterexample?.[0]
  return [
    `broken after ${outcome.numRuns} cases of seed ${seed}, shrunk ${outcome.numShrinks} times: ${told(outcome.errorInstance)}`,
    ...(own === undefined ? [] : [`replay: ${replayOf(own)}`])
  ].join("\n")
}
