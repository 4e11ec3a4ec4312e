/** What is tried on a simulated network: a run, and what happens to its runners, drawn from one number. */
import { at } from "../../support/rng.ts"

/** What may happen to a runner. */
export const KINDS = ["kill", "killAll", "freeze", "cutOff", "break", "slow", "drain", "unlist"] as const

export type Kind = (typeof KINDS)[number]

const WEIGHTS: Readonly<Record<Kind, number>> = {
  kill: 12,
  killAll: 1,
  freeze: 1,
  cutOff: 1,
  break: 2,
  slow: 1,
  drain: 1,
  unlist: 1
}
const DRAWN: ReadonlyArray<Kind> = KINDS.flatMap((kind) => Array.from({ length: WEIGHTS[kind] }, () => kind))

export interface Happening {
  readonly kind: Kind
  /** After how many pieces and dials since the last one. */
  readonly after: number
  readonly runner: number
  /** After how many milliseconds it is undone. */
  readonly lasts: number
}

export interface Case {
  readonly seed: number
  readonly runners: number
  readonly workers: number
  readonly policy: "epochWorker" | "elastic" | "carried"
  readonly samples: number
  readonly batch: number
  readonly hedge: boolean
  /** Whether the list names a runner that is started again as another one. */
  readonly isListedAnew: boolean
  readonly cuts: boolean
  readonly delay: number
  /** After how many batches the loader is killed, to go on from its cursor. */
  readonly resumes: number | undefined
  readonly happenings: ReadonlyArray<Happening>
}

/** The case of a number below 2^32. */
export const draw = (seed: number): Case => {
  const rng = at(seed)
  const runners = 1 + rng.integer(4)
  const happens = rng.integer(12) > 0
  return {
    seed,
    runners,
    workers: 1 + rng.integer(4),
    policy: (["epochWorker", "epochWorker", "elastic", "carried"] as const)[rng.integer(4)] ?? "epochWorker",
    samples: 60,
    batch: [3, 4][rng.integer(2)] ?? 3,
    hedge: rng.bernoulli(0.5),
    isListedAnew: rng.bernoulli(0.5),
    cuts: rng.bernoulli(0.7),
    delay: rng.bernoulli(0.3) ? 2 : 0,
    resumes: rng.integer(4) === 0 ? 1 + rng.integer(20) : undefined,
    happenings: Array.from({ length: happens ? 3 + rng.integer(8) : 0 }, () => ({
      kind: DRAWN[rng.integer(DRAWN.length)] ?? "kill",
      after: 1 + rng.integer(12),
      runner: rng.integer(runners),
      lasts: rng.integer(12)
    }))
  }
}
