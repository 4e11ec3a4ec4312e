/**
 * Where a run's time goes: how long each stage takes, how full each worker's queue is, and what holds the run back.
 *
 * @since 0.1.0
 */
import { plural } from "../../core/Plural.ts"
import type { Choice } from "../backends/Choice.ts"
import { type StageTime, StageTimes } from "../build/StageTimes.ts"

export type { StageTime } from "../build/StageTimes.ts"

/** How full a worker's queue was when its next batch was asked for. @category models @since 0.1.0 */
export interface QueueUse {
  readonly worker: number
  /** How many batches it holds at most. */
  readonly capacity: number
  /** How many it held on average. */
  readonly mean: number
  /** How often it was empty, 0 … 1: the consumer then waits. */
  readonly empty: number
}

/** What one worker took. @category models @since 0.1.0 */
export interface WorkerTime {
  readonly worker: number
  readonly batches: number
  /** Milliseconds in which it had a batch to make. */
  readonly milliseconds: number
}

/** @category models @since 0.1.0 */
export interface Profile {
  /** In the order in which samples go through them. */
  readonly stages: ReadonlyArray<StageTime>
  /** Under order `"ready"` one for all workers, as worker 0. */
  readonly queues: ReadonlyArray<QueueUse>
  /** In order `"plan"` the slowest of them holds back the row; in order `"ready"` its own batches only. */
  readonly workers: ReadonlyArray<WorkerTime>
  /** What builds the batches, and why, if the workers choose that: see `Workers.auto`. */
  readonly chosen?: Choice
  /** Milliseconds since the first batch was asked for. */
  readonly milliseconds: number
  /** Milliseconds of these that the consumer waited for a batch. */
  readonly waited: number
  /** Who holds the run back, in words. */
  readonly verdict: string
}

/** A run in which less than this part of the time is waited for batches is held back by its consumer. */
const FREE = 0.05

/**
 * The profile of a run.
 *
 * @since 0.1.0
 */
export class Recorder {
  readonly times = new StageTimes()
  #chosen: Choice | undefined
  #first: number | undefined
  readonly #queues: ReadonlyArray<{ asked: number; held: number; empty: number }>
  readonly #capacity: number
  readonly #workers: ReadonlyArray<{ worker: number; batches: number; milliseconds: number }>

  constructor(queues: number, capacity: number, workers: number) {
    this.#workers = Array.from({ length: workers }, (_, worker) => ({ worker, batches: 0, milliseconds: 0 }))
    this.#queues = Array.from({ length: queues }, () => ({ asked: 0, held: 0, empty: 0 }))
    this.#capacity = capacity
  }

  /** The consumer asks a queue that holds so many batches. */
  asked(queue: number, held: number): void {
    this.#first ??= performance.now()
    const own = this.#queues[queue]
    if (own === undefined) return
    own.asked++
    own.held += held
    if (held === 0) own.empty++
  }

  /** A worker has made a batch in so many milliseconds. */
  made(worker: number, milliseconds: number): void {
    const own = this.#workers[worker]
    if (own === undefined) return
    own.batches++
    own.milliseconds += milliseconds
  }

  /** Workers that choose have chosen. */
  chose(choice: Choice): void {
    this.#chosen = choice
  }

  profile(waited: number): Profile {
    const { stages } = this.times
    const milliseconds = this.#first === undefined ? 0 : performance.now() - this.#first
    const queues = this.#queues.map(({ asked, empty, held }, worker) => ({
      worker,
      capacity: this.#capacity,
      mean: asked === 0 ? 0 : held / asked,
      empty: asked === 0 ? 0 : empty / asked
    }))
    return {
      stages,
      queues,
      workers: this.#workers.map((own) => ({ ...own })),
      ...(this.#chosen === undefined ? {} : { chosen: this.#chosen }),
      milliseconds,
      waited,
      verdict: verdict(stages, this.#workers, milliseconds === 0 ? 0 : waited / milliseconds)
    }
  }
}

/** A worker whose batches take this many times as long as those of the others holds the row back. */
const SLOW = 2

/** From so many batches on what a worker takes is told apart from chance. */
const ENOUGH = 4

/** The worker that is that much slower than the others, in words. */
const straggler = (workers: ReadonlyArray<WorkerTime>): string | undefined => {
  const mean = (some: ReadonlyArray<WorkerTime>): number =>
    some.reduce((sum, { milliseconds }) => sum + milliseconds, 0) / some.reduce((sum, { batches }) => sum + batches, 0)
  const known = workers.filter(({ batches }) => batches >= ENOUGH)
  const [late, ...others] = known.toSorted((one, other) => mean([other]) - mean([one]))
  if (late === undefined || others.length === 0 || mean([late]) < SLOW * mean(others)) return undefined
  const times = `its batches take ${mean([late]).toFixed(1)} ms, those of the others ${mean(others).toFixed(1)} ms`
  return `worker ${late.worker} holds the row back: ${times}`
}

/**
 * Says who holds a run back, in words: the consumer, a worker that is slower than the others, or the slowest stage. `waited` is
 * the part of the time, 0 … 1, for which the consumer waited.
 *
 * @since 0.1.0
 */
export const verdict = (
  stages: ReadonlyArray<StageTime>,
  workers: ReadonlyArray<WorkerTime>,
  waited: number
): string => {
  const part = (share: number): string => `${Math.round(100 * share)} %`
  const [slowest] = stages.toSorted((one, other) => other.milliseconds - one.milliseconds)
  if (slowest === undefined) return "nothing was made yet"
  if (waited < FREE) return `the consumer holds the run back: it waited ${part(waited)} of the time`
  const loader = `the consumer waited ${part(waited)} of the time`
  const late = straggler(workers)
  if (late !== undefined) return `${late}, and ${loader}`
  return `stage ${slowest.name} holds the run back: ${part(slowest.share)} of all stages' time, and ${loader}`
}

/** A profile as a table, for people. @category conversions @since 0.1.0 */
export const format = ({ chosen, milliseconds, queues, stages, verdict: own, waited, workers }: Profile): string => {
  const rows = stages.map(({ batches, forms, milliseconds: whole, name, share }) => [
    name,
    `${(whole / Math.max(batches, 1)).toFixed(3)} ms`,
    `${(100 * share).toFixed(1)} %`,
    forms.join(", ")
  ])
  const width = Math.max(5, ...rows.map(([name = ""]) => name.length))
  const row = ([name = "", time = "", share = "", forms = ""]: ReadonlyArray<string>): string =>
    `  ${name.padEnd(width)}  ${time.padStart(12)}  ${share.padStart(7)}  ${forms}`.trimEnd()
  const used = queues.map(
    ({ capacity, empty, mean, worker }) =>
      `  queue ${worker}: ${mean.toFixed(2)} of ${capacity} batches on average, empty ${Math.round(100 * empty)} % of the times`
  )
  const worked = workers.map(
    ({ batches, milliseconds: whole, worker }) =>
      `  worker ${worker}: ${plural(batches, "batch", "batches")}, ${(whole / Math.max(batches, 1)).toFixed(3)} ms each`
  )
  const waiting = `  waited ${(waited / 1000).toFixed(2)} s of ${(milliseconds / 1000).toFixed(2)} s for batches`
  return [
    row(["stage", "a batch", "share", "runs as"]),
    ...rows.map(row),
    ...used,
    ...worked,
    ...(chosen === undefined ? [] : [`  workers on ${chosen.backend}: ${chosen.reason}`]),
    waiting,
    `  ${own}`
  ].join("\n")
}
