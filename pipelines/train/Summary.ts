/**
 * What is said at the end of a run.
 */
import { plural } from "../../src/core/Plural.ts"
import { Scheduler } from "../../src/index.ts"
import { percent } from "./Progress.ts"
import type { Outcome, Result } from "./Train.ts"

/** The closing summary, for people. */
export const summary = (outcome: Outcome): string => {
  const { repeatedDraws, seconds, secondsInModel, secondsWaited, startedStates, testAccuracy } = outcome
  const rows: ReadonlyArray<readonly [string, string]> = [
    [
      "run",
      `${outcome.runtime}, ${plural(outcome.workers, "worker")} on ${outcome.backend}, policy ${outcome.policy}, seed ${outcome.seed}` +
        (outcome.world === undefined ? "" : `, rank ${outcome.rank} of ${outcome.world}`)
    ],
    ...(outcome.chosen === undefined ? [] : [["chosen", outcome.chosen] as const]),
    [
      "delivered",
      `${plural(outcome.samples, "sample")} in ${plural(outcome.batches, "batch", "batches")}, ${outcome.samplesPerSecond} samples/s`
    ],
    ["test accuracy", testAccuracy === null ? "not trained" : percent(testAccuracy)],
    [
      "time",
      `${seconds.toFixed(1)} s: ${secondsWaited.toFixed(2)} s waiting for data, ${secondsInModel.toFixed(1)} s in the model`
    ],
    ["digest", outcome.digest],
    [
      "proof",
      `${startedStates} generator states were started, ${repeatedDraws} of them equal to one before` +
        (repeatedDraws === 0 ? ": no random draw was repeated" : ": RANDOM DRAWS WERE REPEATED")
    ],
    ...(outcome.verified === 0
      ? []
      : [["verified", `${outcome.verified} batches, chosen at random, were made again and came out the same`] as const])
  ]
  const title = outcome.interrupted ? "Called off; reached so far:" : "Done."
  const { profile } = outcome
  const profiled = profile === undefined ? [] : ["Where the loader's time went:", Scheduler.formatProfile(profile)]
  return [title, ...rows.map(([name, text]) => `  ${name.padEnd(14)} ${text}`), ...profiled].join("\n")
}

/** The result as one line of JSON, for programs: the fields of {@link Result} and no other. */
export const json = (outcome: Outcome): string => {
  const result: Result = {
    runtime: outcome.runtime,
    policy: outcome.policy,
    seed: outcome.seed,
    epochs: outcome.epochs,
    workers: outcome.workers,
    ...(outcome.rank === undefined || outcome.world === undefined ? {} : { rank: outcome.rank, world: outcome.world }),
    backend: outcome.backend,
    samples: outcome.samples,
    batches: outcome.batches,
    samplesPerSecond: outcome.samplesPerSecond,
    digest: outcome.digest,
    testAccuracy: outcome.testAccuracy,
    repeatedDraws: outcome.repeatedDraws
  }
  return JSON.stringify(result)
}
